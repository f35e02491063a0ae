"""Solar radiation: soil, snow and canopy albedo, and who absorbs the rest."""

from elterra.land.radiation._transfer import absorbed_by_ground, radiative_transfer

__all__ = ["absorbed_by_ground", "radiative_transfer"]
