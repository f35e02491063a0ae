"""The unknowns of a tower: parameters of the land, of the operator, of the start, and biases of completed weather.

One vector in units of the prior serves every site: its physical values belong to the plant type of a column. That is
what "one global parameter set" means here: the same departure from CLM5's values everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.calibration import Prior
from elterra.pipeline.reanalysis.setup import INITIAL
from elterra.registry import parameter

Array = NDArray[np.float64]

#: parameters of the land that the fluxes of a tower react to
LAND = (
    "vcmax25top",
    "medlynslope",
    "lmr_intercept_atkin",
    "acclim_weight",
    "acclim_x0",
    "acclim_smax",
    "br_mr",
    "br_root",
    "q10_mr",
    "froot_leaf",
    "slatop",
    "k_decomp_scale",
    "q10_hr",
    "smpsc",
    "crit_dayl",
    "gddfunc_p1",
    "dsl_max",
)
#: share of the turbulent fluxes that eddy covariance sees (LE and H)
OPERATOR = ("le_closure",)


@dataclass(frozen=True)
class Bias:
    """A bias of completed weather: factor of `perturb_forcing`, sd where it was estimated and where it was measured."""

    factor: str
    estimated: float
    measured: float


#: rain of a reanalysis for the next grid cell; wind of no record; long-wave radiation by an emissivity
FORCING: Mapping[str, Bias] = {
    "rain_bias": Bias("precipitation", 0.25, 0.10),
    "wind_bias": Bias("wind", 0.30, 0.10),
    "longwave_bias": Bias("longwave", 10.0, 5.0),
}
NAMES = (*LAND, *OPERATOR, *INITIAL, *FORCING)


@dataclass(frozen=True)
class Physical:
    """Values ``[member]`` by name: of the ``land``, of the operator (``closure``), of the ``start``, ``factors`` of
    the weather."""

    land: Mapping[str, Array]
    closure: Array
    start: Mapping[str, Array]
    factors: Mapping[str, Array]


def prior_of(name: str, pft: int) -> Prior | None:
    """Prior of a parameter for a plant type; None where it has no meaning there (its value is zero)."""
    item = parameter(name)
    centre = float(item.default[pft]) if isinstance(item.default, tuple) else float(item.default)
    if item.prior is None:
        raise ValueError(f"parameter {name} has no prior in the registry; it cannot be estimated")
    if isinstance(item.default, tuple) and centre == 0.0:
        return None
    return Prior.from_registry(name, centre, item.prior, item.range)


def physical(z: Array, pft: int, rain_measured: bool) -> Physical:
    """Values of ``z [unknown, member]`` (in the order of `NAMES`) for a plant type.

    ``rain_measured``: weather beside temperature, sun and humidity was measured at the tower.
    """
    if z.shape[0] != len(NAMES):
        raise ValueError(f"z has {z.shape[0]} rows, expected {len(NAMES)}: {', '.join(NAMES)}")
    row = dict(zip(NAMES, z, strict=True))
    values = {}
    for name in (*LAND, *OPERATOR, *INITIAL):
        prior = prior_of(name, pft)
        if prior is not None:
            values[name] = prior.to_physical(row[name])
    factors = {}
    for name, bias in FORCING.items():
        sd = bias.measured if rain_measured else bias.estimated
        factors[bias.factor] = (
            sd * row[name] if bias.factor == "longwave" else np.exp(np.log1p(sd) * row[name])
        )
    return Physical(
        {n: values[n] for n in LAND if n in values},
        values["le_closure"],
        {n: values[n] for n in INITIAL},
        factors,
    )
