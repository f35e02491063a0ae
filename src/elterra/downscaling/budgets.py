"""Fine fields that obey the budgets: net fluxes from gross ones, N from C and a bounded C:N, stocks from their flows.

Every relation here is linear at a pixel, so it holds at the coarse cell too, once the gross terms have their coarse means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elterra.downscaling import constraints
from elterra.downscaling.aggregation import Aggregation
from elterra.downscaling.laws import Law, check_targets, constrain
from elterra.errors import InputError

Array = NDArray[np.float64]

#: net flux -> gross fluxes that are added (+1) and subtracted (-1); signs as in the registry (NEE upward, NBP inward)
NET_FLUXES: dict[str, dict[str, int]] = {
    "er": {"ar": 1, "hr": 1},
    "npp": {"gpp": 1, "ar": -1},
    "nee": {"ar": 1, "hr": 1, "gpp": -1},
    "nbp": {"gpp": 1, "ar": -1, "hr": -1, "fire": -1, "harvest": -1},
    "evapotranspiration": {"transpiration": 1, "soil_evaporation": 1, "canopy_evaporation": 1},
    "net_n_mineralisation": {"gross_n_mineralisation": 1, "n_immobilisation": -1},
}
#: gross fluxes that may be left out of a sum, being nil where they are not told
OPTIONAL = ("fire", "harvest")


@dataclass(frozen=True)
class Fluxes:
    """Fine gross fluxes ``[..., *fine]`` with exact coarse means, the net ones made of them, and a report by flux."""

    gross: dict[str, Array]
    net: dict[str, Array]
    report: dict[str, dict[str, float]]


def constrained_fluxes(
    fine: Mapping[str, ArrayLike],
    coarse: Mapping[str, ArrayLike],
    aggregation: Aggregation,
    nets: tuple[str, ...],
) -> Fluxes:
    """Gross fluxes (>= 0) with the coarse means, and the net fluxes `nets` (names of `NET_FLUXES`) derived from them."""
    unknown = [n for n in nets if n not in NET_FLUXES]
    if unknown:
        raise InputError(f"net flux {', '.join(unknown)} is unknown; there are {', '.join(NET_FLUXES)}")
    needed = {g: n for n in nets for g in NET_FLUXES[n] if g not in OPTIONAL}
    for name, net in needed.items():
        if name not in fine:
            raise InputError(
                f"net flux {net} needs the gross flux {name}; got {', '.join(sorted(fine)) or 'none'}"
            )
    gross, report = {}, {}
    for name, field in fine.items():
        if name not in coarse:
            raise InputError(
                f"gross flux {name} has a fine field but no coarse value; got {', '.join(sorted(coarse))}"
            )
        found = constrain(field, coarse[name], aggregation, Law("positive"), what=name)
        gross[name], report[name] = found.field, found.report
    return Fluxes(gross, {n: net_flux(n, gross) for n in nets}, report)


def net_flux(name: str, gross: Mapping[str, ArrayLike]) -> Array:
    """The net flux of gross ones, fine or coarse."""
    terms = [
        sign * np.asarray(gross[g], dtype=np.float64) for g, sign in NET_FLUXES[name].items() if g in gross
    ]
    return np.sum(np.broadcast_arrays(*terms), axis=0)


def nitrogen_of_carbon(
    carbon: ArrayLike,
    cn: ArrayLike,
    coarse_nitrogen: ArrayLike,
    aggregation: Aggregation,
    bounds: tuple[float, float],
) -> Array:
    """Nitrogen ``[*fine]`` with the coarse mean, and C:N of each pixel within `bounds`.

    `carbon` ``[*fine]`` (g m-2, its own constraint applied), `cn` ``[*fine]`` a first guess of C:N; both finite on land.
    N:C is bounded, its mean over the *carbon* of a cell is N over C of the cell. Refuses cells whose C:N is out of bounds.
    """
    low, high = bounds
    if not 0 < low < high:
        raise InputError(f"C:N bounds {bounds}; expected 0 < lowest < highest")
    land = aggregation.pixel_land > 0
    c = np.where(land, np.asarray(carbon, dtype=np.float64), 0.0)
    guess = np.where(land, np.asarray(cn, dtype=np.float64), low)
    if not (c[land] >= 0).all() or not (guess[land] > 0).all():
        raise InputError("nitrogen from carbon: carbon must be >= 0 and C:N > 0 at each land pixel")
    of_cell = np.where(aggregation.has_land, aggregation.mean(c), 0.0)
    coarse_n = np.asarray(coarse_nitrogen, dtype=np.float64)
    check_targets(coarse_n, aggregation, c / high, c / low, what="nitrogen (bounds: carbon over C:N)")
    target = np.where(of_cell > 0, coarse_n / np.where(of_cell > 0, of_cell, 1.0), 1.0 / high)
    law = Law("bounded", 1.0 / high, 1.0 / low)
    # a cell without carbon has no nitrogen either, whatever its N:C
    weight = np.where(aggregation.spread(of_cell) > 0, c, 1.0)
    ratio = constraints.bounded(
        law.link(1.0 / guess), target, aggregation, law.lower, law.upper, weight=np.where(land, weight, 0.0)
    )
    return np.where(land, c * np.asarray(ratio), np.nan)


def budget_residual(start: ArrayLike, end: ArrayLike, inflows: ArrayLike, outflows: ArrayLike) -> Array:
    """``end - start - sum(in) + sum(out)`` of one budget (C, N or water), amounts per area over the same time.

    `start`, `end` ``[...]``; `inflows`, `outflows` ``[flow, ...]``. Zero where the budget closes.
    """
    return (
        np.asarray(end, dtype=np.float64)
        - np.asarray(start, dtype=np.float64)
        - np.sum(np.asarray(inflows, dtype=np.float64), axis=0)
        + np.sum(np.asarray(outflows, dtype=np.float64), axis=0)
    )


@dataclass(frozen=True)
class Closed:
    """`end` stock and total `outflow` ``[*fine]``, amounts per area; `residual` is that of the coarse budget, spread."""

    end: Array
    outflow: Array
    residual: Array


def close_stock(
    start: ArrayLike,
    inflow: ArrayLike,
    outflow: ArrayLike,
    coarse_end: ArrayLike,
    coarse_outflow: ArrayLike,
    aggregation: Aggregation,
) -> Closed:
    """A fine budget that closes as well as the coarse one: no pixel loses more than it has.

    `start` and `inflow` ``[*fine]`` are constrained already and >= 0; `outflow` ``[*fine]`` is a first guess of the total
    loss, `coarse_end` and `coarse_outflow` ``[*coarse]``. The loss gets its coarse mean within 0 and what a pixel has; the
    end stock is what remains, plus the residual of the coarse budget shared by what each pixel has left.
    """
    land = aggregation.pixel_land > 0
    has = np.where(land, np.asarray(start, dtype=np.float64) + np.asarray(inflow, dtype=np.float64), 0.0)
    coarse_loss = np.asarray(coarse_outflow, dtype=np.float64)
    check_targets(coarse_loss, aggregation, 0.0, has, what="outflow (bounds: 0 and start + inflow)")
    guess = np.where(land, np.asarray(outflow, dtype=np.float64), 0.0)
    share = np.where(has > 0, guess / np.where(has > 0, has, 1.0), 0.5)
    loss = np.asarray(constraints.bounded(Law("bounded").link(share), coarse_loss, aggregation, 0.0, has))
    left = np.maximum(has - loss, 0.0)
    end_target = np.asarray(coarse_end, dtype=np.float64)
    check_targets(end_target, aggregation, 0.0, what="end stock")
    end = np.where(land, np.asarray(constraints.multiplicative(left, end_target, aggregation)), np.nan)
    return Closed(end, np.where(land, loss, np.nan), np.where(land, end - left, np.nan))
