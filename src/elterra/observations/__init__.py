"""Readers of measured records, their quality control, and the observations with errors made of them."""

from elterra.observations._observe import FLAGS, make_observations
from elterra.observations._read_davos import davos_path, read_davos
from elterra.observations._report import Report

__all__ = ["FLAGS", "Report", "davos_path", "make_observations", "read_davos"]
