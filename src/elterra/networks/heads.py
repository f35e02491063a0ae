"""What the last numbers of a network mean: mean and logarithm of a variance, or quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.networks._layers import F32

#: the logarithm of a variance is kept within this of zero, smoothly
LOG_VARIANCE_MOST = 12.0


class Gaussian(NamedTuple):
    """Mean and logarithm of the variance, each ``[..., output]``."""

    mean: jax.Array
    log_variance: jax.Array


@dataclass(frozen=True)
class GaussianHead:
    """Two numbers an output: mean and logarithm of the variance."""

    @property
    def numbers(self) -> int:
        """Numbers an output needs."""
        return 2

    def __call__(self, raw: jax.Array) -> Gaussian:
        """``raw [..., output * 2]``, outputs outermost."""
        raw = raw.reshape(*raw.shape[:-1], -1, 2)
        most = F32(LOG_VARIANCE_MOST)
        return Gaussian(raw[..., 0], most * jnp.tanh(raw[..., 1] / most))


@dataclass(frozen=True)
class QuantileHead:
    """As many numbers as ``levels``, in ascending order by construction: the middle one and positive steps to both sides."""

    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        inside = all(0.0 < q < 1.0 for q in self.levels)
        if not self.levels or not inside or list(self.levels) != sorted(set(self.levels)):
            raise ValueError(f"quantile levels must ascend within (0, 1); got {self.levels}")

    @property
    def numbers(self) -> int:
        """Numbers an output needs."""
        return len(self.levels)

    def __call__(self, raw: jax.Array) -> jax.Array:
        """``raw [..., output * level]`` to quantiles ``[..., output, level]``. The middle level is the first number."""
        raw = raw.reshape(*raw.shape[:-1], -1, len(self.levels))
        middle = len(self.levels) // 2
        step = jax.nn.softplus(raw[..., 1:])
        below = -jnp.cumsum(step[..., :middle][..., ::-1], axis=-1)[..., ::-1]
        above = jnp.cumsum(step[..., middle:], axis=-1)
        zero = jnp.zeros_like(raw[..., :1])
        return raw[..., :1] + jnp.concatenate([below, zero, above], axis=-1)


Head = GaussianHead | QuantileHead
