"""Solar radiation: albedo of soil and snow, two-stream canopy, sunlit and shaded leaves."""

from elterra.land.radiation.transfer import radiative_transfer

__all__ = ["radiative_transfer"]
