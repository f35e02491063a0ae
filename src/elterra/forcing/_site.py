"""What forcing needs to know of a site (the domain room's `Site` fits)."""

from typing import Protocol

import numpy as np


class SiteLike(Protocol):
    """Facts of a site that the forcing needs."""

    @property
    def name(self) -> str: ...
    @property
    def latitude(self) -> float: ...
    @property
    def longitude(self) -> float: ...
    @property
    def elevation_m(self) -> float: ...
    @property
    def ndep_gn_m2_yr(self) -> float: ...
    def co2_at(self, time: np.ndarray) -> np.ndarray:
        """CO2 (umol mol-1) at UTC times."""
        ...
