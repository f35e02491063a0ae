"""Observation operators: what a model would have measured, kind by kind, with the errors of the measurement.

A reader turns a record into `Observations`; a `ModelSeries` holds model output by registry name, members last; an
operator's ``predict(series, observations)`` gives the equivalents ``[observation, member]``. `operators()` lists all.
"""

from elterra.observations.operators._average import average
from elterra.observations.operators._canopy import AbsorbedLight, Greenness, LeafArea, beer_fapar
from elterra.observations.operators._catalogue import Entry, entry, operators
from elterra.observations.operators._error_model import ErrorModel
from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._footprint import (
    SIGMA_V_OVER_USTAR,
    Footprint,
    Kljun,
    KormannMeixner,
    class_weights,
    interval_weights,
)
from elterra.observations.operators._from_record import from_record
from elterra.observations.operators._layers import SoilLayers
from elterra.observations.operators._neutron_calibration import (
    FootprintMean,
    SoilSamples,
    footprint_mean,
    n0_of,
)
from elterra.observations.operators._neutron_count import (
    Reference,
    absolute_humidity,
    correction,
    desilets_count,
    desilets_water,
    uts_count,
)
from elterra.observations.operators._neutrons import NeutronCount
from elterra.observations.operators._observations import FLAGS, Observations, Sampling, make_observations_of
from elterra.observations.operators._operator import Operator
from elterra.observations.operators._read_canopy import read_leaf_area_months, read_light, read_ndvi
from elterra.observations.operators._read_neutrons import (
    count_around,
    read_neutrons_corrected,
    read_neutrons_raw,
    read_soil_samples,
)
from elterra.observations.operators._read_respiration import (
    read_cosore,
    read_forc_respiration,
    read_srdb,
)
from elterra.observations.operators._read_runoff import read_discharge
from elterra.observations.operators._read_snow import read_col_de_porte, read_snow_depth, read_snow_survey
from elterra.observations.operators._read_soil import read_soil_temperature, read_soil_water
from elterra.observations.operators._read_stocks import read_biomass, read_soil_carbon
from elterra.observations.operators._read_tower import (
    read_tower_days,
    read_tower_halfhours,
    read_tower_partitioned_days,
    read_tower_table,
)
from elterra.observations.operators._respiration import SoilRespiration
from elterra.observations.operators._runoff import CatchmentRunoff, unit_hydrograph
from elterra.observations.operators._series import ModelSeries, stack_classes
from elterra.observations.operators._snow import SnowDepth, SnowWater
from elterra.observations.operators._soil import SoilTemperature, SoilWater
from elterra.observations.operators._stocks import AboveGroundBiomass, SoilCarbon, stock_from_content
from elterra.observations.operators._tower import TowerFlux

__all__ = [
    "FLAGS",
    "SIGMA_V_OVER_USTAR",
    "AboveGroundBiomass",
    "AbsorbedLight",
    "CatchmentRunoff",
    "Entry",
    "ErrorModel",
    "Footprint",
    "FootprintMean",
    "Greenness",
    "Kljun",
    "KormannMeixner",
    "LeafArea",
    "ModelSeries",
    "NeutronCount",
    "Observations",
    "Operator",
    "OperatorError",
    "Reference",
    "Sampling",
    "SnowDepth",
    "SnowWater",
    "SoilCarbon",
    "SoilLayers",
    "SoilRespiration",
    "SoilSamples",
    "SoilTemperature",
    "SoilWater",
    "TowerFlux",
    "absolute_humidity",
    "average",
    "beer_fapar",
    "class_weights",
    "correction",
    "count_around",
    "desilets_count",
    "desilets_water",
    "entry",
    "footprint_mean",
    "from_record",
    "interval_weights",
    "make_observations_of",
    "n0_of",
    "operators",
    "read_biomass",
    "read_col_de_porte",
    "read_cosore",
    "read_discharge",
    "read_forc_respiration",
    "read_leaf_area_months",
    "read_light",
    "read_ndvi",
    "read_neutrons_corrected",
    "read_neutrons_raw",
    "read_snow_depth",
    "read_snow_survey",
    "read_soil_carbon",
    "read_soil_samples",
    "read_soil_temperature",
    "read_soil_water",
    "read_srdb",
    "read_tower_days",
    "read_tower_halfhours",
    "read_tower_partitioned_days",
    "read_tower_table",
    "stack_classes",
    "stock_from_content",
    "unit_hydrograph",
    "uts_count",
]
