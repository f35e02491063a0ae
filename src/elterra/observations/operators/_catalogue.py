"""The catalogue: every kind of observation, its operator, what it needs, its error, its source and its readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from elterra.observations.operators import (
    _read_canopy,
    _read_neutrons,
    _read_respiration,
    _read_runoff,
    _read_snow,
    _read_soil,
    _read_stocks,
    _read_tower,
)
from elterra.observations.operators._canopy import AbsorbedLight, Greenness, LeafArea
from elterra.observations.operators._error_model import ErrorModel
from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._neutrons import NeutronCount
from elterra.observations.operators._observations import Observations
from elterra.observations.operators._respiration import _PATCH, SoilRespiration
from elterra.observations.operators._runoff import CatchmentRunoff
from elterra.observations.operators._snow import SnowDepth, SnowWater
from elterra.observations.operators._soil import SoilTemperature, SoilWater
from elterra.observations.operators._stocks import AboveGroundBiomass, SoilCarbon
from elterra.observations.operators._tower import TOWER_ERRORS, TowerFlux

Reader = Callable[..., Observations]


@dataclass(frozen=True)
class Entry:
    """One kind of observation.

    operator : class (or maker) of the operator
    variables : registry names it needs
    linear : whether the prediction is affine in the output
    errors : error model of one value
    readers : functions that give observations of this kind
    """

    kind: str
    operator: Callable[..., object]
    variables: tuple[str, ...]
    linear: bool
    errors: ErrorModel
    readers: tuple[Reader, ...]


def _tower(name: str, *readers: Reader) -> Entry:
    operator = TowerFlux(name)
    return Entry(operator.kind, TowerFlux, operator.variables, operator.linear, TOWER_ERRORS[name], readers)


_RADIATION = ("fabd", "fabi", "elai", "esai")

_ENTRIES = (
    _tower(
        "NEE", _read_tower.read_tower_halfhours, _read_tower.read_tower_table, _read_tower.read_tower_days
    ),
    _tower("GPP", _read_tower.read_tower_halfhours, _read_tower.read_tower_partitioned_days),
    _tower("ER", _read_tower.read_tower_partitioned_days),
    _tower("LE", _read_tower.read_tower_table, _read_tower.read_tower_days),
    _tower("H", _read_tower.read_tower_table, _read_tower.read_tower_days),
    Entry(
        "soil_water", SoilWater, SoilWater.variables, True, SoilWater.errors, (_read_soil.read_soil_water,)
    ),
    Entry(
        "soil_temperature",
        SoilTemperature,
        SoilTemperature.variables,
        True,
        SoilTemperature.errors,
        (_read_soil.read_soil_temperature,),
    ),
    Entry(
        "neutrons",
        NeutronCount,
        NeutronCount.variables,
        False,
        NeutronCount.errors,
        (_read_neutrons.read_neutrons_raw, _read_neutrons.read_neutrons_corrected),
    ),
    Entry(
        "snow_depth",
        SnowDepth,
        SnowDepth.variables,
        True,
        SnowDepth.errors,
        (_read_snow.read_col_de_porte, _read_snow.read_snow_depth),
    ),
    Entry(
        "snow_water",
        SnowWater,
        SnowWater.variables,
        True,
        SnowWater.errors,
        (_read_snow.read_col_de_porte, _read_snow.read_snow_survey),
    ),
    Entry(
        "leaf_area",
        LeafArea,
        LeafArea.variables,
        True,
        LeafArea.errors,
        (_read_canopy.read_light, _read_canopy.read_leaf_area_months),
    ),
    Entry("fapar", AbsorbedLight, _RADIATION, False, AbsorbedLight.errors, (_read_canopy.read_light,)),
    Entry("ndvi", Greenness, _RADIATION, False, Greenness.errors, (_read_canopy.read_ndvi,)),
    Entry(
        "aboveground_biomass",
        AboveGroundBiomass,
        AboveGroundBiomass.variables,
        True,
        AboveGroundBiomass.errors,
        (_read_stocks.read_biomass,),
    ),
    Entry(
        "soil_carbon",
        SoilCarbon,
        SoilCarbon.variables,
        True,
        SoilCarbon.errors,
        (_read_stocks.read_soil_carbon,),
    ),
    Entry(
        "soil_respiration",
        SoilRespiration,
        ("HR", *_PATCH),
        False,
        SoilRespiration.errors,
        (_read_respiration.read_cosore, _read_respiration.read_srdb, _read_respiration.read_forc_respiration),
    ),
    Entry(
        "catchment_runoff",
        CatchmentRunoff,
        CatchmentRunoff.variables,
        True,
        CatchmentRunoff.errors,
        (_read_runoff.read_discharge,),
    ),
)


def operators() -> Mapping[str, Entry]:
    """All kinds of observations by name."""
    return MappingProxyType({entry.kind: entry for entry in _ENTRIES})


def entry(kind: str) -> Entry:
    """One kind. Raises `OperatorError` that lists the kinds."""
    if kind not in operators():
        raise OperatorError(f"no operator for {kind!r}; there are {', '.join(operators())}")
    return operators()[kind]
