"""Solar radiation: soil, snow and canopy albedo, and who absorbs the rest."""

from elterra.land.radiation._transfer import radiative_transfer

__all__ = ["radiative_transfer"]
