"""Prior distributions, each with its map to an unconstrained standard normal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri
from scipy.stats import qmc

Array = NDArray[np.float64]


class PriorError(ValueError):
    """A prior is unusable; the text names the parameter and the fix."""


@dataclass(frozen=True)
class Prior:
    """Prior of one parameter.

    ``normal``: mean ``centre``, absolute ``sd``. ``lognormal``: median ``centre``, relative ``sd``
    (of the magnitude where the centre is negative).
    ``logit``: between ``bounds``, median ``centre``, ``sd`` on the logit scale. ``uniform``: between ``bounds``
    (`Prior.uniform`). ``bounds`` of the other kinds are hard limits; values beyond them are folded back inside.
    """

    name: str
    kind: Literal["normal", "lognormal", "logit", "uniform"]
    centre: float
    sd: float
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.sd <= 0 or not np.isfinite([self.centre, self.sd]).all():
            raise PriorError(
                f"prior of {self.name}: sd must be > 0 and centre finite; got {self.centre}, {self.sd}"
            )
        if self.kind == "lognormal" and self.centre == 0:
            raise PriorError(f"prior of {self.name}: a lognormal prior needs a centre other than zero")
        if self.kind == "logit" and (
            self.bounds is None or not self.bounds[0] < self.centre < self.bounds[1]
        ):
            raise PriorError(
                f"prior of {self.name}: a logit prior needs bounds around its centre {self.centre}"
            )

        if self.kind == "uniform" and (self.bounds is None or not self.bounds[0] < self.bounds[1]):
            raise PriorError(f"prior of {self.name}: a uniform prior needs bounds (low, high), low < high")

    @classmethod
    def uniform(cls, name: str, low: float, high: float) -> Prior:
        """Every value between ``low`` and ``high`` alike."""
        return cls(name, "uniform", 0.5 * (low + high), abs(high - low) / np.sqrt(12.0), (low, high))

    @classmethod
    def from_registry(
        cls, name: str, centre: float, prior: Mapping[str, Any], bounds: tuple[float, float] | None
    ) -> Prior:
        """A prior as the parameter registry writes it: ``{ distribution = "lognormal", sd = 0.2 }``."""
        known = {"distribution", "sd"}
        if set(prior) != known or prior["distribution"] not in ("normal", "lognormal", "logit"):
            raise PriorError(
                f"prior of {name}: expected {{distribution = normal|lognormal|logit, sd}}; got {dict(prior)}"
            )
        return cls(name, prior["distribution"], float(centre), float(prior["sd"]), bounds)

    def to_physical(self, z: Array) -> Array:
        """Unconstrained standard normal ``z`` to the parameter. Values beyond hard bounds are folded back inside."""
        if self.kind == "logit":
            assert self.bounds is not None
            low, high = self.bounds
            position = (self.centre - low) / (high - low)
            return low + (high - low) * expit(logit(position) + self.sd * z)
        if self.kind == "uniform":
            assert self.bounds is not None
            low, high = self.bounds
            return low + (high - low) * ndtr(z)
        x = (
            self.centre * np.exp(np.log1p(self.sd) * z)
            if self.kind == "lognormal"
            else self.centre + self.sd * z
        )
        if self.bounds is None:
            return x
        low, high = self.bounds
        span = high - low
        folded = np.mod(x - low, 2 * span)
        return low + np.minimum(folded, 2 * span - folded)


def sample_prior(priors: Sequence[Prior], members: int, seed: int) -> Array:
    """A Latin hypercube of standard normal numbers ``[parameter, member]``, exactly centred."""
    if members < 2 or not priors:
        raise PriorError("a prior sample needs at least one parameter and two members")
    uniform = qmc.LatinHypercube(d=len(priors), rng=np.random.default_rng(seed)).random(members).T
    z = ndtri(np.clip(uniform, 1e-6, 1 - 1e-6))
    return z - z.mean(axis=1, keepdims=True)
