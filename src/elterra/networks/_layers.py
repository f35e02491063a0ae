"""Small layers: everything is float32 whatever JAX's default is, and acts on the last axis."""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

F32 = jnp.float32
#: of the variance in a normalisation
EPSILON = 1e-5


class Linear(eqx.Module):
    """``x @ weight + bias``; weight ``[inputs, outputs]``, a normal distribution cut at two sd with sd 1/sqrt(inputs)."""

    weight: jax.Array
    bias: jax.Array | None

    def __init__(
        self, inputs: int, outputs: int, key: jax.Array, *, bias: bool = True, zero: bool = False
    ) -> None:
        if zero:
            self.weight = jnp.zeros((inputs, outputs), F32)
        else:
            self.weight = jnp.asarray(
                _truncated_normal(key, (inputs, outputs)) / math.sqrt(max(inputs, 1)), F32
            )
        self.bias = jnp.zeros(outputs, F32) if bias else None

    def __call__(self, x: jax.Array) -> jax.Array:
        y = x @ self.weight
        return y if self.bias is None else y + self.bias


def _truncated_normal(key: jax.Array, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A standard normal distribution cut at 2. Drawn on the host: JAX would compile a program for each shape, and a network
    has fifty."""
    seed = np.asarray(jax.random.key_data(key)).astype(np.uint64)
    drawn = np.random.Generator(np.random.Philox(key=seed)).random(shape)
    low = ndtr(-2.0)
    return np.asarray(ndtri(low + (1.0 - 2.0 * low) * drawn))


def normalise(x: jax.Array) -> jax.Array:
    """Mean 0 and variance 1 over the last axis; a vector of equal numbers becomes 0."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.mean(centred * centred, axis=-1, keepdims=True) + F32(EPSILON))


class LayerNorm(eqx.Module):
    """`normalise` with a learned scale (from 1) and shift (from 0) of each channel."""

    scale: jax.Array
    shift: jax.Array

    def __init__(self, channels: int) -> None:
        self.scale = jnp.ones(channels, F32)
        self.shift = jnp.zeros(channels, F32)

    def __call__(self, x: jax.Array) -> jax.Array:
        return normalise(x) * self.scale + self.shift


class AdaptiveNorm(eqx.Module):
    """``normalise(x) * scale(c) + shift(c)``, both linear in the condition ``c [condition]`` and zero at the start: a
    residual branch that ends in it starts as nothing, the block as the identity (Peebles and Xie 2023)."""

    weight: jax.Array
    bias: jax.Array

    def __init__(self, channels: int, condition: int) -> None:
        self.weight = jnp.zeros((condition, 2 * channels), F32)
        self.bias = jnp.zeros(2 * channels, F32)

    def __call__(self, x: jax.Array, c: jax.Array) -> jax.Array:
        scale, shift = jnp.split(c @ self.weight + self.bias, 2)
        return normalise(x) * scale + shift


class Mlp(eqx.Module):
    """Two linear layers with a GELU (tanh form, cheaper on processors) between them."""

    first: Linear
    second: Linear

    def __init__(self, inputs: int, hidden: int, outputs: int, key: jax.Array, *, zero: bool = False) -> None:
        one, two = jax.random.split(key)
        self.first = Linear(inputs, hidden, one)
        self.second = Linear(hidden, outputs, two, zero=zero)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.second(jax.nn.gelu(self.first(x), approximate=True))


def drop_path(x: jax.Array, rate: float, key: jax.Array | None) -> jax.Array:
    """A residual branch left out with probability ``rate`` while training (``key`` given), else scaled up so that the
    mean stays (Huang et al. 2016)."""
    if key is None or rate == 0.0:
        return x
    keep = jax.random.bernoulli(key, 1.0 - rate)
    return jnp.where(keep, x / F32(1.0 - rate), F32(0.0))
