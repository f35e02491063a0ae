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

__all__ = ["Clock", "Column", "Data", "Experiment", "LandModel", "Site", "load_experiment", "schema"]
