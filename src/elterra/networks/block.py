"""One block of the transformer: attention in windows and a perceptron, each normalised after it (Liu et al. 2022)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from elterra.networks._layers import F32, AdaptiveNorm, Mlp, drop_path
from elterra.networks.attention import WindowAttention
from elterra.networks.windows import Box, windows_of


class SwinBlock(eqx.Module):
    """``x + norm(attention(x))``, then ``x + norm(mlp(x))``, with norms that a condition scales. Starts as identity."""

    attention: WindowAttention
    attention_norm: AdaptiveNorm
    mlp: Mlp
    mlp_norm: AdaptiveNorm
    window: Box = eqx.field(static=True)
    shifted: bool = eqx.field(static=True)
    drop: float = eqx.field(static=True)

    def __init__(
        self,
        channels: int,
        heads: int,
        window: Box,
        condition: int,
        key: jax.Array,
        *,
        shifted: bool,
        reference: Box | None = None,
        ratio: float = 4.0,
        drop: float = 0.0,
    ) -> None:
        one, two = jax.random.split(key)
        self.attention = WindowAttention(channels, heads, reference or window, one)
        self.attention_norm = AdaptiveNorm(channels, condition)
        self.mlp = Mlp(channels, int(ratio * channels), channels, two)
        self.mlp_norm = AdaptiveNorm(channels, condition)
        self.window, self.shifted, self.drop = window, shifted, drop

    def __call__(
        self, x: jax.Array, valid: jax.Array, condition: jax.Array, key: jax.Array | None = None
    ) -> jax.Array:
        """``x [z, h, w, channel]``; tokens that are not ``valid [z, h, w]`` leave as zeros. ``key`` while training."""
        one, two = (None, None) if key is None else jax.random.split(key)
        win = windows_of(x.shape[:3], self.window, shifted=self.shifted)  # type: ignore[arg-type]
        x = x + drop_path(self.attention_norm(self.attention(x, valid, win), condition), self.drop, one)
        x = x + drop_path(self.mlp_norm(self.mlp(x), condition), self.drop, two)
        return jnp.where(valid[..., None], x, F32(0.0))
