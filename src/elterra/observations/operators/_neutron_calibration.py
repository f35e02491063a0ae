"""Calibration of a cosmic-ray sensor: weighted soil samples, and N0 from them.

Procedure of Schroen et al. (2017, doi:10.5194/hess-21-5009-2017, section 2.3): mean of each profile over depth, mean
of the profiles over distance, repeated with the mean water until it stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._neutron_count import WATER_OF_CARBON, desilets_count, uts_count
from elterra.observations.operators._neutron_weights import (
    depth_weight,
    distance_weight,
    penetration_depth,
    rescaled_distance,
)

Array = NDArray[np.float64]

_NEAREST = 0.5  #: m: the weight vanishes at the sensor, where a sample still stands for its surroundings
ITERATIONS = 20  #: the weights depend weakly on the water: 1e-6 after ten


@dataclass(frozen=True)
class SoilSamples:
    """Samples of one campaign, all ``[sample]``.

    time : of the campaign, UTC
    profile : number of the profile
    distance : from the sensor, m
    depth : middle of the sample, cm
    water : kg kg-1
    bulk_density : g cm-3
    organic_carbon, lattice_water : kg kg-1
    """

    time: np.datetime64
    profile: NDArray[np.int64]
    distance: Array
    depth: Array
    water: Array
    bulk_density: Array
    organic_carbon: Array
    lattice_water: Array


@dataclass(frozen=True)
class FootprintMean:
    """Weighted means of a campaign: water by volume (m3 m-3), bulk density (g cm-3), lattice water and organic carbon
    (kg kg-1), penetration depth (cm)."""

    water: float
    bulk_density: float
    lattice_water: float
    organic_carbon: float
    depth: float

    @property
    def total_water(self) -> float:
        """All hydrogen as water, kg kg-1."""
        return self.water / self.bulk_density + self.lattice_water + WATER_OF_CARBON * self.organic_carbon


def footprint_mean(
    samples: SoilSamples, humidity: float, pressure: float, vegetation_height: float = 0.0
) -> FootprintMean:
    """Mean of the samples as the sensor weights them."""
    profiles, where = np.unique(samples.profile, return_inverse=True)
    if profiles.size == 0:
        raise OperatorError("the campaign has no samples")

    def of_profile(values: Array, weights: Array) -> Array:
        return np.bincount(where, values * weights) / np.bincount(where, weights)

    distance = of_profile(samples.distance, np.ones_like(samples.distance))
    volume = samples.water * samples.bulk_density
    density = of_profile(samples.bulk_density, np.ones_like(volume))
    water_of = of_profile(volume, np.ones_like(volume))
    mean = float(water_of.mean())
    for _ in range(ITERATIONS):
        r = rescaled_distance(distance, pressure, vegetation_height, mean)
        d86 = penetration_depth(r, density, water_of)
        down = depth_weight(samples.depth, d86[where])
        water_of = of_profile(volume, down)
        density = of_profile(samples.bulk_density, down)
        across = distance_weight(np.maximum(r, _NEAREST), humidity, mean)
        across = across / across.sum()
        mean = float((across * water_of).sum())
    return FootprintMean(
        water=mean,
        bulk_density=float((across * density).sum()),
        lattice_water=float((across * of_profile(samples.lattice_water, down)).sum()),
        organic_carbon=float((across * of_profile(samples.organic_carbon, down)).sum()),
        depth=float((across * d86).sum()),
    )


def n0_of(count: float, total_water: float, humidity: float | None = None) -> float:
    """N0 from a mean corrected count and the total water (kg kg-1) of the same hours: of Desilets et al. (2010), or of
    the universal transport solution where the absolute humidity (g m-3) is given."""
    if not (np.isfinite(count) and count > 0.0):
        raise OperatorError(f"count {count}: no counts at the hours of the campaign")
    one = (
        desilets_count(np.array(total_water), 1.0)
        if humidity is None
        else uts_count(np.array(total_water), humidity, 1.0)
    )
    return float(count / one)
