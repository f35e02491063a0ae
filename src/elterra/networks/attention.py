"""Attention within windows: cosine similarity, learned and bounded scale, continuous position bias (Liu et al. 2022)."""

from __future__ import annotations

import math
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from elterra.networks._layers import F32, Linear, Mlp
from elterra.networks.windows import Box, Windows, cut, join, may_attend

#: the scale of the cosines starts at 10 and never exceeds 100
SCALE_START, SCALE_MOST = math.log(10.0), math.log(100.0)
#: the bias lies between 0 and this
BIAS_MOST = 16.0
#: what a forbidden score is before the exponential
FORBIDDEN = -1e9


class PositionBias(eqx.Module):
    """Bias of a score by the offset between two tokens, a small network on log-spaced offsets.

    Offsets are measured in windows of ``reference`` tokens, not of the window at hand, so that the same offset has the same
    bias in a smaller or larger window: the window may change after training.
    """

    network: Mlp
    reference: Box = eqx.field(static=True)

    def __init__(self, heads: int, reference: Box, key: jax.Array, *, hidden: int = 128) -> None:
        network = Mlp(3, hidden, heads, key)
        # a constant would cancel in the softmax
        self.network = eqx.tree_at(lambda m: m.second.bias, network, None)
        self.reference = reference

    def __call__(self, size: Box) -> jax.Array:
        """Bias ``[head, token, token]`` (query, key; offset = query - key) of a window of this size."""
        axes = []
        for n, unit in zip(size, self.reference, strict=True):
            offset = np.arange(-(n - 1), n) / max(unit - 1, 1)
            axes.append(np.sign(offset) * np.log2(1.0 + 8.0 * np.abs(offset)) / 3.0)
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).astype(np.float32)
        bias = F32(BIAS_MOST) * jax.nn.sigmoid(self.network(jnp.asarray(grid)))
        bias = bias.reshape(-1, bias.shape[-1])  # [offset, head]
        return jnp.moveaxis(jnp.take(bias, _offset_index(size), axis=0), -1, 0)


@lru_cache(maxsize=64)
def _offset_index(size: Box) -> NDArray[np.int32]:
    """Which offset (of the flattened box of offsets) lies between query and key, ``[token, token]``."""
    place = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij")).reshape(3, -1)
    offset = place[:, :, None] - place[:, None, :] + (np.array(size) - 1)[:, None, None]
    index = np.ravel_multi_index(tuple(offset), [2 * n - 1 for n in size]).astype(np.int32)
    index.setflags(write=False)  # shared by all callers
    return index


class WindowAttention(eqx.Module):
    """Self-attention of the tokens of each window. Query and value have a bias, the key has none."""

    project: Linear  #: to query, key, value; ``[channels, 3 * channels]``
    query_bias: jax.Array
    value_bias: jax.Array
    scale: jax.Array  #: logarithm, ``[head]``
    position: PositionBias
    out: Linear
    heads: int = eqx.field(static=True)

    def __init__(self, channels: int, heads: int, reference: Box, key: jax.Array) -> None:
        if channels % heads:
            raise ValueError(f"attention: {channels} channels cannot be shared out among {heads} heads")
        one, two, three = jax.random.split(key, 3)
        self.project = Linear(channels, 3 * channels, one, bias=False)
        self.query_bias = jnp.zeros(channels, F32)
        self.value_bias = jnp.zeros(channels, F32)
        self.scale = jnp.full(heads, SCALE_START, F32)
        self.position = PositionBias(heads, reference, two)
        self.out = Linear(channels, channels, three)
        self.heads = heads

    def __call__(self, x: jax.Array, valid: jax.Array, win: Windows) -> jax.Array:
        """``x [z, h, w, channel]``, ``valid [z, h, w]`` to ``[z, h, w, channel]``. A token all of whose keys are
        forbidden gets the bias of the output layer."""
        channels = x.shape[-1]
        three = cut(x @ self.project.weight, win)  # the product first: padding costs nothing then
        query, key, value = (
            part.reshape(win.number, win.tokens, self.heads, channels // self.heads)
            for part in jnp.split(three, 3, axis=-1)
        )
        query = query + self.query_bias.reshape(self.heads, -1)
        value = value + self.value_bias.reshape(self.heads, -1)
        scale = jnp.exp(jnp.minimum(self.scale, F32(SCALE_MOST)))
        score = jnp.einsum("nihd,njhd->nhij", _unit(query) * scale[:, None], _unit(key))
        score = score + self.position(win.size)
        weight, total = _weights(score, may_attend(win, valid)[:, None])
        mixed = jnp.einsum("nhij,njhd->nihd", weight, value)
        mixed = mixed / jnp.swapaxes(total, 1, 2)
        return self.out(join(mixed.reshape(win.number, win.tokens, channels), win))


def _unit(x: jax.Array) -> jax.Array:
    """Vectors of length one; the zero vector stays, with a finite gradient."""
    return x * jax.lax.rsqrt(jnp.sum(x * x, axis=-1, keepdims=True) + F32(1e-6))


def _weights(score: jax.Array, allowed: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Exponentials of the allowed scores and their sum over keys (last axis, kept), at least one where any is allowed.
    All weights are zero and the sum is one where none is."""
    score = jnp.where(allowed, score, F32(FORBIDDEN))
    most = jax.lax.stop_gradient(score.max(axis=-1, keepdims=True))
    weight = jnp.where(allowed, jnp.exp(score - most), F32(0.0))
    total = weight.sum(axis=-1, keepdims=True)
    return weight, jnp.where(total > 0.0, total, F32(1.0))
