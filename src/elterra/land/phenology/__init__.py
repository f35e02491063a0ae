"""Seasonal growth and fall of leaves: evergreen, seasonal deciduous and stress deciduous types."""

from elterra.land.phenology._phenology import PHENOLOGY_STATE, phenology

__all__ = ["PHENOLOGY_STATE", "phenology"]
