"""Prepared parameters: everything about a column that does not change in time, broadcast once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from elterra.land.config import NLEVGRND, NLEVSOI
from elterra.land.fields import Fields
from elterra.land.soil_heat import ZISOI, bedrock_layer, layer_geometry, soil_properties
from elterra.registry import Parameter, parameters

#: fields of `Surface` that only fires know
FIRE_DRIVERS = ("gdp", "peatf", "abm", "hdm", "lnfm")
#: mean of land, flashes km-2 h-1: 44 flashes s-1 on earth, ten times as dense over land as over the sea (Christian et al.
#: 2003, doi:10.1029/2002JD002347), land 29 % of 5.1e8 km2
LIGHTNING = 44.0 * 3600.0 / (5.1e8 * (0.29 + 0.1 * 0.71))


@dataclass(frozen=True)
class Surface:
    """Facts about columns. Arrays ``[column]`` unless said; numbers are broadcast.

    lat, lon (degrees), elevation, forc_hgt (height of the forcing above displacement height plus roughness, m), topo_slope
    (degrees), fmax (largest saturated fraction), zbedrock (m), soil_color (CLM class 1-20);
    sand, clay (%), organic (kg m-3) ``[ground_layer, column]``; pft, wt ``[patch, column]``.

    Of fire only: gdp (gross domestic product, thousands of US dollars of 1995 a head), peatf (part of the column that is
    peat), abm (month in which crops are burned, 1 to 12; 13 = never), hdm (persons km-2) and lnfm (flashes of lightning,
    km-2 h-1), the last two where the forcing has none. Without people, peat and crop fires unless given.
    """

    lat: np.ndarray
    lon: np.ndarray
    elevation: np.ndarray
    forc_hgt: np.ndarray
    topo_slope: np.ndarray
    fmax: np.ndarray
    zbedrock: np.ndarray
    soil_color: np.ndarray
    sand: np.ndarray
    clay: np.ndarray
    organic: np.ndarray
    pft: np.ndarray
    wt: np.ndarray
    gdp: np.ndarray | float = 0.0
    peatf: np.ndarray | float = 0.0
    abm: np.ndarray | float = 13.0
    hdm: np.ndarray | float = 0.0
    lnfm: np.ndarray | float = LIGHTNING

    def __post_init__(self) -> None:
        columns = np.shape(self.wt)[-1:]
        for name in FIRE_DRIVERS:
            value = np.asarray(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, np.array(np.broadcast_to(value, columns)))

    def tile(self, columns: int) -> Surface:
        """The same single column ``columns`` times (members of an ensemble)."""
        if self.wt.shape[-1] != 1:
            raise ValueError(f"only a single column can be tiled; this surface has {self.wt.shape[-1]}")
        return Surface(**{n: np.repeat(np.asarray(v), columns, axis=-1) for n, v in vars(self).items()})


def prepare(surface: Surface, overrides: Mapping[str, np.ndarray] | None = None) -> Fields:
    """Parameters of the registry, geometry and soil properties for all columns.

    Args:
        surface: facts about the columns.
        overrides: parameter values by name ``[column]``: the value for the first (dominant) patch of a column;
            other patches keep their ratio to it; or ``[patch, column]``: every patch its own. Raises KeyError for a
            name that is not in the registry.
    """
    wt = np.asarray(surface.wt, dtype=np.float64)
    if not np.allclose(wt.sum(axis=0), 1.0, atol=1e-9):
        raise ValueError(f"patch weights must sum to one in every column; got {wt.sum(axis=0)}")
    columns = wt.shape[1]
    pft = np.asarray(surface.pft, dtype=np.int32)
    known = parameters()
    values = {name: _gathered(item, pft, columns) for name, item in known.items()}
    p = Fields(values)
    p = override(p, overrides or {})
    p = p.replace(**{name: jnp.asarray(p[name]) for name in overrides or {}})
    geometry = layer_geometry(columns)
    soil = soil_properties(
        jnp.asarray(surface.sand), jnp.asarray(surface.clay), jnp.asarray(surface.organic), p
    )
    nbedrock = bedrock_layer(jnp.asarray(surface.zbedrock))
    facts = {
        "lat": surface.lat,
        "lon": surface.lon,
        "elevation": surface.elevation,
        "forc_hgt": surface.forc_hgt,
        "topo_slope": surface.topo_slope,
        "fmax": surface.fmax,
        "sand": surface.sand,
        "clay": surface.clay,
        "organic": surface.organic,
        "wt": wt,
        **{name: getattr(surface, name) for name in FIRE_DRIVERS},
    }
    p = p.add(
        **{name: jnp.asarray(np.asarray(value, dtype=np.float64)) for name, value in facts.items()},
        pft=jnp.asarray(pft),
        soil_color=jnp.asarray(np.asarray(surface.soil_color, dtype=np.int32)),
        nbedrock=nbedrock,
        **geometry,
        **soil,
    )
    return p.add(
        rootfr=root_fraction(p.rootprof_beta, nbedrock),
        crootfr=root_fraction(p.rootprof_beta_carbon, nbedrock),
    )


def override(p: Fields, values: Mapping[str, np.ndarray]) -> Fields:
    """``p`` with parameter values ``[column]`` or ``[patch, column]`` replaced (see `prepare`), as host arrays.

    Derived soil properties are not recomputed. A window of a reanalysis has forty such arrays: forty programs of a few
    numbers each, or forty copies made one by one, cost a tenth of the window; a compiled program takes host arrays
    at no cost that counts."""
    changed = {}
    for name, value in values.items():
        old = np.asarray(p[name])
        new = np.asarray(value, dtype=old.dtype)
        if old.ndim == 2 and new.ndim == 1:
            first = np.broadcast_to(old[:1], old.shape)
            new = np.divide(old, first, out=np.ones_like(old), where=first != 0.0) * new
        changed[name] = new
    return p.replace(**changed)


def root_fraction(beta: jnp.ndarray, nbedrock: jnp.ndarray) -> jnp.ndarray:
    """Root fraction ``[soil_layer, patch, column]`` after Jackson et al. (1996), ``beta ** depth_cm``.

    Tech note, Plant_Hydraulics/Hydrology (rooting profile of CLM5). Roots below bedrock are shared out among
    the layers above in proportion, so that the fractions of a patch sum to one.
    """
    depth = jnp.asarray(100.0 * ZISOI[: NLEVSOI + 1])[:, None, None]
    cumulative = jnp.exp(depth * jnp.log(beta))
    fraction = cumulative[:-1] - cumulative[1:]
    fraction = jnp.where(jnp.arange(NLEVSOI)[:, None, None] < nbedrock, fraction, 0.0)
    return fraction / fraction.sum(axis=0)


def _gathered(item: Parameter, pft: np.ndarray, columns: int) -> jnp.ndarray:
    if item.per_pft:
        return jnp.asarray(np.asarray(item.default, dtype=np.float64)[pft])
    return jnp.full(columns, float(item.default), dtype=np.float64)  # type: ignore[arg-type]


def ground_profile(values: np.ndarray | float, columns: int) -> np.ndarray:
    """A soil property given once, or per ground layer, as ``[ground_layer, column]``."""
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if array.shape[0] not in (1, NLEVGRND):
        raise ValueError(f"a soil profile needs 1 or {NLEVGRND} values; got {array.shape[0]}")
    full = np.broadcast_to(
        array.reshape(array.shape[0], -1), (NLEVGRND, max(1, array.size // array.shape[0]))
    )
    return np.array(np.broadcast_to(full, (NLEVGRND, columns)))
