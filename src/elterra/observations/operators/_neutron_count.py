"""Neutrons from water: count as a function of the hydrogen around the sensor, and corrections of a count.

Water of the soil is gravimetric, kg of water per kg of dry soil, and means all hydrogen of the soil as water: pore
water (liquid and ice), lattice water, organic matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.observations.operators._errors import OperatorError

Array = NDArray[np.float64]

#: a0, a1, a2 of Desilets et al. (2010, doi:10.1029/2009WR008726), eq. A1
DESILETS = (0.0808, 0.372, 0.115)
#: universal transport solution, Koehli et al. (2021, doi:10.3389/frwa.2020.544847), eq. 15: p0 .. p7 of the two
#: detector response fits (models URANOS and MCNP), water at 1.43 g cm-3 dry density
UTS = {
    "uranos": (1.0240, 0.0226, 0.207, 1.625, 0.235, -0.0029, -0.0093, 7.4e-5),
    "mcnp": (1.0940, 0.0280, 0.254, 3.537, 0.139, -0.0014, -0.0088, 1.15e-4),
}
_UTS_DENSITY = 1.43  #: g cm-3, dry density of the soil the fit was made for

#: water that holds the hydrogen of 1 kg of cellulose (C6H10O5: five of H2O, 90.08 of 162.14 g mol-1)
WATER_OF_ORGANIC_MATTER = 0.556
MATTER_OF_CARBON = 1.724  #: organic matter per organic carbon of soils (van Bemmelen)
WATER_OF_CARBON = WATER_OF_ORGANIC_MATTER * MATTER_OF_CARBON  #: kg of water per kg of soil organic carbon
#: decrease of the count per kg m-2 of dry above-ground biomass, Baatz et al. (2015, doi:10.1002/2014WR016443)
BIOMASS_EFFECT = 0.009
#: count over deep water relative to N0, and the water (mm) of snow that takes 1/e of the rest: Desilets (2017, a
#: report of Hydroinnova), seen in a public use of it only; the form as in Wallbank et al. (2021, doi:10.1002/hyp.14048)
WATER_COUNT, SNOW_LENGTH = 0.24, 48.0

#: mass attenuation length of neutrons in air at middle latitudes, hPa, within the 128 to 142 g cm-2 of Zreda et al.
#: (2012, doi:10.5194/hess-16-4079-2012)
ATTENUATION_LENGTH = 131.6
#: per g m-3 of absolute humidity, Rosolem et al. (2013, doi:10.1175/JHM-D-12-0120.1)
HUMIDITY_EFFECT = 0.0054


def desilets_count(water: Array, n0: float | Array) -> Array:
    """Count per hour of a soil with `water` (kg kg-1): N = N0 (a0 / (water + a2) + a1)."""
    a0, a1, a2 = DESILETS
    return n0 * (a0 / (water + a2) + a1)


def desilets_water(count: Array, n0: float | Array) -> Array:
    """Inverse of `desilets_count`; NaN where the count is at or below that of endless water."""
    a0, a1, a2 = DESILETS
    ratio = np.asarray(count, float) / n0 - a1
    return np.where(ratio > 0.0, a0 / np.where(ratio > 0.0, ratio, 1.0) - a2, np.nan)


def uts_count(water: Array, humidity: Array | float, n0: float | Array, fit: str = "uranos") -> Array:
    """Count per hour of a soil with `water` (kg kg-1) under air of absolute humidity (g m-3).

    The count must not be corrected for humidity: soil water and humidity act together (eq. 15)."""
    if fit not in UTS:
        raise OperatorError(f"no fit {fit!r} of the universal transport solution; there are {', '.join(UTS)}")
    p = UTS[fit]
    y = np.maximum(np.asarray(water, float) * _UTS_DENSITY, 1e-3)  # the fit begins at a nearly dry soil
    soil = (p[1] + p[2] * y) / (y + p[1]) * (p[0] + p[6] * humidity + p[7] * np.square(humidity))
    return n0 * (soil + np.exp(-p[3] * y) * (p[4] + p[5] * humidity))


def above_ground(count: Array, n0: float | Array, snow: Array | float, biomass: Array | float) -> Array:
    """Count after water above the soil (mm) and dry above-ground biomass (kg m-2).

    Water takes the count towards that of deep water, exponentially; biomass lowers it linearly."""
    deep = WATER_COUNT * n0
    return (deep + (count - deep) * np.exp(-np.asarray(snow) / SNOW_LENGTH)) * (
        1.0 - BIOMASS_EFFECT * np.asarray(biomass)
    )


@dataclass(frozen=True)
class Reference:
    """State of the atmosphere to which counts are corrected: pressure (hPa), absolute humidity (g m-3), count of a
    neutron monitor (its own unit)."""

    pressure: float
    humidity: float = 0.0
    intensity: float = 1.0


def correction(
    reference: Reference,
    pressure: Array,
    humidity: Array | float | None = None,
    intensity: Array | float | None = None,
    attenuation_length: float = ATTENUATION_LENGTH,
) -> Array:
    """Factor on a measured count: exp((p - p0) / L) (1 + 0.0054 (h - h0)) I0 / I.

    Without `humidity` (for the universal transport solution) or `intensity` (no neutron monitor) that factor is 1."""
    factor = np.exp((np.asarray(pressure, float) - reference.pressure) / attenuation_length)
    if humidity is not None:
        factor = factor * (1.0 + HUMIDITY_EFFECT * (np.asarray(humidity) - reference.humidity))
    if intensity is not None:
        factor = factor * reference.intensity / np.asarray(intensity)
    return factor


def absolute_humidity(temperature: Array, relative_humidity: Array) -> Array:
    """Vapour (g m-3) of air at `temperature` (K) and `relative_humidity` (%): Magnus formula of Bolton (1980) and the
    gas constant of water vapour, 461.5 J kg-1 K-1."""
    celsius = np.asarray(temperature, float) - 273.15
    saturation = 611.2 * np.exp(17.67 * celsius / (celsius + 243.5))
    return (
        1000.0 * saturation * np.asarray(relative_humidity) / 100.0 / (461.5 * np.asarray(temperature, float))
    )
