"""Coarser and finer: patches, merging, splitting, and recovery of cells by sub-pixels.

A layer that makes the cells of a patch out of one token starts with the same weights for all of them (Aitken et al. 2017),
so that it starts as a repetition, and no pattern of the period of a patch is put in by chance.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from elterra.networks._layers import F32, LayerNorm, Linear
from elterra.networks.windows import Box


def gather_patches(x: jax.Array, patch: Box) -> jax.Array:
    """``[z, h, w, c]`` to ``[z/p, h/p, w/p, p*p*p*c]``; sizes are multiples of the patch."""
    (a, b, c), (z, h, w, n) = patch, x.shape
    x = x.reshape(z // a, a, h // b, b, w // c, c, n)
    return jnp.transpose(x, (0, 2, 4, 1, 3, 5, 6)).reshape(z // a, h // b, w // c, a * b * c * n)


def spread_patches(x: jax.Array, patch: Box) -> jax.Array:
    """Undoes `gather_patches`."""
    (a, b, c), (z, h, w, n) = patch, x.shape
    n //= a * b * c
    x = x.reshape(z, h, w, a, b, c, n)
    return jnp.transpose(x, (0, 3, 1, 4, 2, 5, 6)).reshape(z * a, h * b, w * c, n)


def any_valid(valid: jax.Array, patch: Box) -> jax.Array:
    """Patches with at least one valid cell."""
    return gather_patches(valid[..., None], patch).any(axis=-1)


def pad_to(x: jax.Array, multiple: Box) -> jax.Array:
    """Zeros (False) at the far ends of the first three axes up to multiples of ``multiple``."""
    pads = [(0, -n % m) for n, m in zip(x.shape[:3], multiple, strict=True)]
    return jnp.pad(x, [*pads, *[(0, 0)] * (x.ndim - 3)]) if any(b for _, b in pads) else x


class Merge(eqx.Module):
    """Four neighbours of a layer become one token with twice the channels; depth stays."""

    norm: LayerNorm
    project: Linear

    def __init__(self, channels: int, key: jax.Array) -> None:
        self.norm = LayerNorm(4 * channels)
        self.project = Linear(4 * channels, 2 * channels, key, bias=False)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.project(self.norm(gather_patches(x, (1, 2, 2))))


class SubPixel(eqx.Module):
    """A token becomes the cells of a patch, ``channels`` each; at the start all cells of a patch are equal."""

    project: Linear
    patch: Box = eqx.field(static=True)

    def __init__(self, inputs: int, channels: int, patch: Box, key: jax.Array, *, bias: bool = False) -> None:
        cells = patch[0] * patch[1] * patch[2]
        one = Linear(inputs, channels, key, bias=bias)
        wide = Linear(inputs, channels * cells, key, bias=bias)
        self.project = eqx.tree_at(lambda m: m.weight, wide, jnp.tile(one.weight, (1, cells)))
        self.patch = patch

    def __call__(self, x: jax.Array) -> jax.Array:
        return spread_patches(self.project(x), self.patch)


class Split(eqx.Module):
    """Undoes `Merge`: a token becomes four with half the channels."""

    expand: SubPixel
    norm: LayerNorm
    project: Linear

    def __init__(self, channels: int, key: jax.Array) -> None:
        one, two = jax.random.split(key)
        half = channels // 2
        self.expand = SubPixel(channels, half, (1, 2, 2), one)
        self.norm = LayerNorm(half)
        self.project = Linear(half, half, two, bias=False)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.project(self.norm(self.expand(x)))


class Convolution(eqx.Module):
    """A convolution over 3 x 3 x 3 cells with zeros outside, ``[z, h, w, channel]``; weight ``[3, 3, 3, in, out]``."""

    weight: jax.Array
    bias: jax.Array

    def __init__(self, inputs: int, outputs: int, key: jax.Array) -> None:
        self.weight = Linear(27 * inputs, outputs, key).weight.reshape(3, 3, 3, inputs, outputs)
        self.bias = jnp.zeros(outputs, F32)

    def __call__(self, x: jax.Array) -> jax.Array:
        # XLA's own: sums of shifted products took 0.8 to 1.03 of its time and two to three times as long to compile
        layout = ("NDHWC", "DHWIO", "NDHWC")
        mixed = jax.lax.conv_general_dilated(
            x[None], self.weight, (1, 1, 1), "SAME", dimension_numbers=layout
        )
        return mixed[0] + self.bias
