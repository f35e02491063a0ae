"""What a variable must obey, and the layer that makes it so: targets are checked, corrections are reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elterra.downscaling import constraints
from elterra.downscaling.aggregation import Aggregation
from elterra.errors import InputError

Array = NDArray[np.float64]
Kind = Literal["signed", "positive", "bounded"]

#: values at a bound are moved inside by this share of the range (of the cell's value, for `positive`) before the link
EDGE = 1e-6


class InfeasibleTarget(InputError):
    """No field within the bounds has this mean; `cell` is the first such coarse cell, `count` how many there are."""

    def __init__(self, message: str, cell: tuple[int, ...], count: int) -> None:
        self.cell, self.count = cell, count
        super().__init__(message)


@dataclass(frozen=True)
class Law:
    """`signed`: any number (temperature, a net flux that has no gross parts). `positive`: stocks and gross fluxes.
    `bounded`: between `lower` and `upper` (soil water up to porosity, fractions)."""

    kind: Kind = "signed"
    lower: float = 0.0
    upper: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in ("signed", "positive", "bounded"):
            raise InputError(f"law {self.kind!r}; there are signed, positive, bounded")
        if self.kind == "bounded" and not self.lower < self.upper:
            raise InputError(f"law bounded: lower {self.lower}, upper {self.upper}; expected lower < upper")

    @property
    def limits(self) -> tuple[float, float]:
        if self.kind == "signed":
            return -np.inf, np.inf
        return (0.0, np.inf) if self.kind == "positive" else (self.lower, self.upper)

    def link(self, values: ArrayLike, scale: ArrayLike = 1.0) -> Array:
        """To the space in which the layer shifts; values at a bound come from `EDGE` inside of it. `scale`: of the
        values around, for `positive` (the cell's value)."""
        y = np.asarray(values, dtype=np.float64)
        if self.kind == "signed":
            return y.copy()
        if self.kind == "positive":
            least = EDGE * np.maximum(np.asarray(scale, dtype=np.float64), 1e-30)
            return np.log(np.maximum(y, least))
        share = np.clip((y - self.lower) / (self.upper - self.lower), EDGE, 1.0 - EDGE)
        return np.log(share) - np.log1p(-share)

    def unlink(self, z: ArrayLike) -> Array:
        """Back from `link`."""
        z = np.asarray(z, dtype=np.float64)
        if self.kind == "signed":
            return z.copy()
        if self.kind == "positive":
            return np.exp(z)
        return self.lower + (self.upper - self.lower) / (1.0 + np.exp(-z))


@dataclass(frozen=True)
class Constrained:
    """`field` ``[..., *fine]`` with exact means; `shift` ``[..., *coarse]`` in link space (NaN without land).

    `report`: `cells` (with land), `largest` and `rms` change of a cell's mean that the layer made, relative to the
    largest coarse value, `error` that is left, and `floored`: land pixels moved inside of a bound before.
    """

    field: Array
    shift: Array
    report: dict[str, float]


def check_targets(
    coarse: ArrayLike,
    aggregation: Aggregation,
    lower: ArrayLike = -np.inf,
    upper: ArrayLike = np.inf,
    *,
    what: str = "target",
) -> None:
    """Refuses coarse values that are missing on land or that no field within the bounds can have as mean.

    `coarse` ``[..., *coarse]``; bounds are numbers or fields ``[*fine]``.
    """
    target = np.asarray(coarse, dtype=np.float64)
    land = aggregation.has_land
    if target.shape[target.ndim - land.ndim :] != land.shape:
        raise InputError(f"{what}: shape {target.shape}; expected [..., {', '.join(map(str, land.shape))}]")
    lo, hi = (_cell_bound(b, aggregation) for b in (lower, upper))
    slack = 1e-12 * np.maximum(
        np.abs(np.where(np.isfinite(lo), lo, 0)), np.abs(np.where(np.isfinite(hi), hi, 0))
    )
    missing = land & ~np.isfinite(target)
    outside = land & ((target < lo - slack) | (target > hi + slack))
    for bad, words in ((missing, "is missing"), (outside, "cannot be met")):
        if not bad.any():
            continue
        where = np.argwhere(bad)
        at = tuple(int(i) for i in where[0])
        cell = at[target.ndim - land.ndim :]
        limits = tuple(float(np.broadcast_to(b, land.shape)[cell]) for b in (lo, hi))
        raise InfeasibleTarget(
            f"{what} of coarse cell {cell} {words}: got {target[at]:.6g}, expected between {limits[0]:.6g} and "
            f"{limits[1]:.6g} ({len(where)} such of {land.sum()} cells with land). Give a value there, take the cell out "
            "of the land, or widen the bounds",
            cell,
            len(where),
        )


def constrain(
    field: ArrayLike, coarse: ArrayLike, aggregation: Aggregation, law: Law, *, what: str = "target"
) -> Constrained:
    """The field with the coarse means, moved by one number a cell in the link space of the law.

    `field` ``[..., *fine]`` in physical units, without NaN on land; `coarse` ``[..., *coarse]``.
    """
    target = np.asarray(coarse, dtype=np.float64)
    check_targets(target, aggregation, *law.limits, what=what)
    y = np.asarray(field, dtype=np.float64)
    land = aggregation.pixel_land > 0
    if not np.isfinite(y[..., land]).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(y) & land)[0])
        raise InputError(
            f"{what}: the fine field has no finite value at land pixel {at}; fill it or take it out of the land"
        )
    low, high = law.limits
    floored = int(((y <= low) | (y >= high))[..., land].sum())
    before = aggregation.mean(y) - target
    cell = np.maximum(aggregation.cell_of_pixel, 0)
    scale = target.reshape(*target.shape[: target.ndim - aggregation.has_land.ndim], -1)[..., cell]
    z = law.link(y, scale=np.where(np.isfinite(scale), scale, 0.0))
    z = np.where(land, z, 0.0)
    if law.kind == "signed":
        out = constraints.additive(z, target, aggregation)
    elif law.kind == "positive":
        out = constraints.softmax(z, target, aggregation)
    else:
        out = constraints.bounded(z, target, aggregation, law.lower, law.upper)
    found = np.where(land, np.asarray(out), np.nan)
    shift = aggregation.mean(
        np.where(land, law.link(found, scale=np.where(np.isfinite(scale), scale, 0.0)) - z, np.nan)
    )
    scale_all = float(np.abs(target[..., aggregation.has_land]).max(initial=0.0)) or 1.0
    gap = before[..., aggregation.has_land] / scale_all
    report = {
        "cells": float(gap.size),
        "largest": float(np.abs(gap).max(initial=0.0)),
        "rms": float(np.sqrt(np.mean(gap**2))) if gap.size else 0.0,
        "error": aggregation.error(found, target),
        "floored": float(floored),
    }
    return Constrained(found, shift, report)


def _cell_bound(bound: Any, aggregation: Aggregation) -> Array:
    value = np.asarray(bound, dtype=np.float64)
    if value.ndim == 0 or not np.isfinite(value).any():
        return value
    return aggregation.mean(value)
