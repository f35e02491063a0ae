"""A small UNet for fields ``[channel, y, x]``: residual blocks, three scales, optional noise level (for denoisers).

Down by strided convolution, up by nearest pixel and convolution (a transposed convolution would leave a checkerboard).
Sides need not be multiples of four: the field is padded by its border values and cropped.
"""

from __future__ import annotations

import itertools
from typing import Any

import equinox as eqx
import numpy as np
from numpy.typing import NDArray

from elterra.downscaling._jax import jax, jnp

_FREQUENCIES = 8
#: pixels on each side that can reach the output of one
REACH = 40


def window(wanted: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns that the network must see, so that its output at `wanted` ``[y, x]`` is that of the whole field:
    a margin of `REACH`, begun where the strides of the whole field begin."""
    rows, columns = (
        slice(max(int(k.min()) - REACH, 0) // 4 * 4, int(k.max()) + REACH + 1) for k in np.nonzero(wanted)
    )
    return rows, columns


class Norm(eqx.Module):
    """Over the channels of each pixel alone (not over the field), so that the network is local: tiles give the whole."""

    scale: Any
    shift: Any

    def __init__(self, width: int) -> None:
        self.scale, self.shift = jnp.ones((width, 1, 1), jnp.float32), jnp.zeros((width, 1, 1), jnp.float32)

    def __call__(self, x: Any) -> Any:
        gap = x - jnp.mean(x, axis=0, keepdims=True)
        return self.scale * gap * jax.lax.rsqrt(jnp.mean(gap**2, axis=0, keepdims=True) + 1e-5) + self.shift


class Block(eqx.Module):
    """norm, activation, 3 x 3 convolution, twice; the second begins at zero, so that a block begins as identity."""

    norms: tuple[Norm, Norm]
    first: eqx.nn.Conv2d
    second: eqx.nn.Conv2d
    modulate: eqx.nn.Linear | None

    def __init__(self, width: int, noise_width: int, key: Any) -> None:
        a, b, c = jax.random.split(key, 3)
        self.norms = (Norm(width), Norm(width))
        self.first = _convolution(width, width, 3, a)
        second = _convolution(width, width, 3, b)
        self.second = eqx.tree_at(lambda m: m.weight, second, jnp.zeros_like(second.weight))
        self.modulate = (
            eqx.nn.Linear(noise_width, 2 * width, dtype=jnp.float32, key=c) if noise_width else None
        )

    def __call__(self, x: Any, noise: Any) -> Any:
        h = self.first(jax.nn.silu(self.norms[0](x)))
        h = self.norms[1](h)
        if self.modulate is not None:
            scale, shift = jnp.split(self.modulate(noise), 2)
            h = h * (1 + scale[:, None, None]) + shift[:, None, None]
        return x + self.second(jax.nn.silu(h))


class UNet(eqx.Module):
    """``[inputs, y, x]`` to ``[outputs, y, x]`` in float32; `noise`: log noise level where built with ``noisy``."""

    stem: eqx.nn.Conv2d
    down: list[tuple[Block, eqx.nn.Conv2d]]
    middle: Block
    up: list[tuple[eqx.nn.Conv2d, Block]]
    head: eqx.nn.Conv2d
    embed: eqx.nn.MLP | None

    def __init__(self, inputs: int, outputs: int, width: int = 24, noisy: bool = False, *, key: Any) -> None:
        keys = iter(jax.random.split(key, 12))
        noise_width = 2 * width if noisy else 0
        widths = (width, 2 * width, 3 * width)
        self.stem = _convolution(inputs, width, 3, next(keys))
        self.down = [
            (Block(a, noise_width, next(keys)), _convolution(a, b, 2, next(keys), stride=2))
            for a, b in itertools.pairwise(widths)
        ]
        self.middle = Block(widths[-1], noise_width, next(keys))
        self.up = [
            (_convolution(b + a, a, 3, next(keys)), Block(a, noise_width, next(keys)))
            for a, b in zip(widths[-2::-1], widths[:0:-1], strict=True)
        ]
        head = _convolution(width, outputs, 3, next(keys))
        self.head = eqx.tree_at(lambda m: m.weight, head, jnp.zeros_like(head.weight))
        self.embed = (
            eqx.nn.MLP(
                2 * _FREQUENCIES, noise_width, noise_width, 1, jax.nn.silu, dtype=jnp.float32, key=next(keys)
            )
            if noisy
            else None
        )

    def __call__(self, x: Any, noise: Any = None) -> Any:
        rows, columns = x.shape[1:]
        x = jnp.pad(x.astype(jnp.float32), ((0, 0), (0, -rows % 4), (0, -columns % 4)), mode="edge")
        told = None
        if self.embed is not None:
            phase = jnp.asarray(noise, jnp.float32) * 2.0 ** jnp.arange(_FREQUENCIES, dtype=jnp.float32)
            told = self.embed(jnp.concatenate([jnp.sin(phase), jnp.cos(phase)]))
        h, kept = self.stem(x), []
        for block, halve in self.down:
            h = block(h, told)
            kept.append(h)
            h = halve(h)
        h = self.middle(h, told)
        for join, block in self.up:
            h = jnp.repeat(jnp.repeat(h, 2, axis=1), 2, axis=2)
            h = block(join(jnp.concatenate([h, kept.pop()])), told)
        return self.head(jax.nn.silu(h))[:, :rows, :columns]


def _convolution(a: int, b: int, side: int, key: Any, stride: int = 1) -> eqx.nn.Conv2d:
    return eqx.nn.Conv2d(
        a, b, side, stride, padding=0 if stride > 1 else side // 2, dtype=jnp.float32, key=key
    )
