"""Constraint maps: from unconstrained standard normal numbers to the parameters and back.

All algorithms of this room work on ``z [member, p]``, whose prior is N(0, I); the forward map sees physical values.
`ConstraintMap.physical` equals `Prior.to_physical` of each parameter and has finite gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.calibration._jax import jax, jnp
from elterra.calibration.priors import Prior, PriorError

Array = NDArray[np.float64]
#: z is kept within this many prior sd where a value lies on a bound of an open interval
_FAR = 8.0


@dataclass(frozen=True)
class ConstraintMap:
    """The maps of several independent parameters, in the order of ``priors``."""

    priors: tuple[Prior, ...]

    def __init__(self, priors: Sequence[Prior]) -> None:
        object.__setattr__(self, "priors", tuple(priors))
        if not self.priors:
            raise PriorError("a constraint map needs at least one parameter")
        if len(set(self.names)) != len(self.names):
            raise PriorError(f"parameters must have different names; got {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(prior.name for prior in self.priors)

    def __len__(self) -> int:
        return len(self.priors)

    def physical(self, z: jax.Array) -> jax.Array:
        """``z [..., p]`` to parameters ``[..., p]``, traceable."""
        return jnp.stack([_physical(prior, z[..., i]) for i, prior in enumerate(self.priors)], axis=-1)

    def standard(self, x: jax.Array) -> jax.Array:
        """Parameters ``[..., p]`` inside their bounds to ``z``; of a folded prior the branch that is not folded."""
        return jnp.stack([_standard(prior, x[..., i]) for i, prior in enumerate(self.priors)], axis=-1)

    def to_physical(self, z: Array) -> Array:
        """The same for plain arrays, without JAX."""
        return np.stack([prior.to_physical(z[..., i]) for i, prior in enumerate(self.priors)], axis=-1)

    def to_standard(self, x: Array) -> Array:
        """`standard` for plain arrays; values outside of bounds are refused with the parameter's name."""
        values = np.asarray(x, dtype=np.float64)
        for i, prior in enumerate(self.priors):
            low, high = prior.bounds or (-np.inf, np.inf)
            given = values[..., i]
            if not ((given >= low) & (given <= high)).all():
                raise PriorError(f"{prior.name}: values must lie in [{low}, {high}]")
            if prior.kind == "lognormal" and not (given * prior.centre > 0).all():
                raise PriorError(f"{prior.name}: values must have the sign of {prior.centre}")
        return np.asarray(self.standard(jnp.asarray(values)), dtype=np.float64)


def _physical(prior: Prior, z: jax.Array) -> jax.Array:
    if prior.kind in ("logit", "uniform"):
        assert prior.bounds is not None
        low, high = prior.bounds
        if prior.kind == "uniform":
            return low + (high - low) * jax.scipy.special.ndtr(z)
        position = (prior.centre - low) / (high - low)
        return low + (high - low) * jax.nn.sigmoid(np.log(position / (1 - position)) + prior.sd * z)
    if prior.kind == "lognormal":
        x = prior.centre * jnp.exp(np.log1p(prior.sd) * z)
    else:
        x = prior.centre + prior.sd * z
    if prior.bounds is None:
        return x
    low, high = prior.bounds
    folded = jnp.mod(x - low, 2 * (high - low))
    return low + jnp.where(folded <= high - low, folded, 2 * (high - low) - folded)


def _standard(prior: Prior, x: jax.Array) -> jax.Array:
    if prior.kind in ("logit", "uniform"):
        assert prior.bounds is not None
        low, high = prior.bounds
        share = (x - low) / (high - low)
        if prior.kind == "uniform":
            return jnp.clip(jax.scipy.special.ndtri(share), -_FAR, _FAR)
        position = (prior.centre - low) / (high - low)
        inside = jnp.clip(share, 1e-300, 1.0)
        z = jnp.log(inside) - jnp.log1p(-jnp.minimum(inside, 1.0 - 1e-16)) - np.log(position / (1 - position))
        return jnp.clip(z / prior.sd, -_FAR, _FAR)
    if prior.kind == "lognormal":
        return jnp.log(x / prior.centre) / np.log1p(prior.sd)
    return (x - prior.centre) / prior.sd
