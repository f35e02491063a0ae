"""The experiment file: what a reanalysis is made of, checked once."""

from elterra.experiment._models import (
    Clock,
    Column,
    Data,
    Experiment,
    LandModel,
    Site,
    load_experiment,
    schema,
)
from elterra.experiment._region import (
    ClimateFile,
    DomainSettings,
    LandCoverFile,
    MaskFile,
    Region,
    RegionGrid,
    SoilFile,
    TerrainFile,
    load_asked,
    load_region,
    region_schema,
)

__all__ = [
    "ClimateFile",
    "Clock",
    "Column",
    "Data",
    "DomainSettings",
    "Experiment",
    "LandCoverFile",
    "LandModel",
    "MaskFile",
    "Region",
    "RegionGrid",
    "Site",
    "SoilFile",
    "TerrainFile",
    "load_asked",
    "load_experiment",
    "load_region",
    "region_schema",
    "schema",
]
