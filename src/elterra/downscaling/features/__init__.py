"""Features of fine pixels and how mixed a coarse cell is inside."""

from elterra.downscaling.features.heterogeneity import edge_density, entropy, fractions, moments
from elterra.downscaling.features.terrain import terrain

__all__ = ["edge_density", "entropy", "fractions", "moments", "terrain"]
