"""Where cosmic-ray neutrons come from: depth and distance.

Revised weighting of Schroen et al. (2017, doi:10.5194/hess-21-5009-2017, section 2.2 and appendix A), after Koehli
et al. (2015, doi:10.1002/2015WR017169). Depth in cm, distance in m, bulk density in g cm-3, soil water in m3 m-3,
humidity of the air in g m-3, pressure in hPa.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: penetration depth: offset (cm g cm-3), factor, distance offset, decay with distance (m-1), and the
#: two constants of the soil water
_DEPTH = (8.321, 0.14249, 0.96655, 0.01, 20.0, 0.0429)
STANDARD_PRESSURE = 1013.25  #: hPa
#: largest distance that counts, m; range of soil water for which the functions were fitted
FOOTPRINT_RADIUS = 600.0
_WATER_RANGE = (0.02, 0.50)


def penetration_depth(distance: Array | float, bulk_density: Array | float, water: Array | float) -> Array:
    """Depth (cm) above which 86 % of the neutrons from a distance were last in the soil."""
    offset, factor, far, decay, wet, dry = _DEPTH
    reach = factor * (far + np.exp(-decay * np.asarray(distance, float)))
    return (offset + reach * (wet + water) / (dry + water)) / bulk_density


def depth_weight(depth: Array, d86: Array | float) -> Array:
    """Relative weight of the soil at a depth (cm): exp(-2 z / D86)."""
    return np.exp(-2.0 * depth / d86)


def layer_weight(top: Array, bottom: Array, d86: Array) -> Array:
    """Integral of `depth_weight` over a layer, divided by that over all depths: the share of a layer."""
    return np.exp(-2.0 * top / d86) - np.exp(-2.0 * bottom / d86)


def rescaled_distance(distance: Array, pressure: float, vegetation_height: float, water: float) -> Array:
    """Distance scaled to standard pressure and bare ground (section 2.2: r* = r / (Fp Fveg), with the factors as
    published for r, so that thin air widens and vegetation narrows the footprint)."""
    by_pressure = 0.4922 / (0.86 - np.exp(-pressure / STANDARD_PRESSURE))
    by_plants = 1.0 - 0.17 * (1.0 - np.exp(-0.41 * vegetation_height)) * (1.0 + np.exp(-9.25 * water))
    return np.asarray(distance, float) / by_pressure / by_plants


def simple_distance_weight(distance: Array) -> Array:
    """Approximate radial weight for humid temperate conditions."""
    r = np.asarray(distance, float)
    return (30.0 * np.exp(-r / 1.6) + np.exp(-r / 100.0)) * (1.0 - np.exp(-3.7 * r))


def distance_weight(distance: Array, humidity: float, water: float) -> Array:
    """Radial weight: relative number of neutrons from a ring at a rescaled distance.

    Zero beyond `FOOTPRINT_RADIUS`; soil water outside the range of the fit is taken at its end."""
    r, x = np.asarray(distance, float), float(humidity)
    y = float(np.clip(water, *_WATER_RANGE))
    near = _near(r, x, y)
    near = np.where(r <= 1.0, near * (1.0 - np.exp(-3.7 * r)), near)
    return np.where(r < 50.0, near, np.where(r < FOOTPRINT_RADIUS, _far(r, x, y), 0.0))


def _near(r: Array, x: float, y: float) -> Array:
    """Distances below 50 m. Coefficients: appendix A, F1 to F4."""
    f1 = 8735.0 * (1.0 + 0.00978 * x) * np.exp(-22.689 * y) + 11720.0 * (1.0 + 0.003632 * x) - 9306.0 * y
    f2 = (-0.027925 + 6.851e-5 * x) * np.exp(-6.6577 * y / (1.0 + 12.2755 * y)) + 0.028544
    f2 = f2 * (1.0 + 0.002455 * x)
    f3 = 247970.0 * (1.0 + 0.00191 * x) * np.exp(-23.289 * y) + 374655.0 - 258552.0 * y
    f4 = 0.054818 * np.exp(-21.032 * y) + 0.6373 - 0.0791 * y + 5.425e-4 * x
    return f1 * np.exp(-f2 * r) + f3 * np.exp(-f4 * r)


def _far(r: Array, x: float, y: float) -> Array:
    """Distances from 50 m on. Coefficients: appendix A, F5 to F8."""
    f5 = (39006.0 - 15002337.0 / (2009.24 * y + x - 0.13)) * (0.01181 - y) * np.exp(-3.146 * y)
    f5 = f5 - 16.7417 * x * y + 3727.0
    f6 = 6.031e-5 * (x + 98.5) + 0.0013826 * y
    f7 = 11747.0 * (1.0 - 0.00475 * x) * np.exp(-55.033 * y * (1.0 - 0.00604 * x)) + 4521.0 - 3347.4 * y
    f7 = f7 * (2.0 + 0.01998 * x)
    f8 = (-0.01543 + 8.81e-5 * x) * np.exp(-13.29 * y / (1.0 + 0.0405 * x + 26.74 * y)) + 0.01807
    f8 = f8 * (2.0 + 0.0011 * x)
    return f5 * np.exp(-f6 * r) + f7 * np.exp(-f8 * r)


def _mean_reach() -> float:
    """Mean of exp(-r / 100 m) over the simple radial weight: the penetration depth is linear in it, so that its mean
    over a uniform footprint is exact with this number."""
    edges = np.concatenate([np.linspace(0.0, 20.0, 2001), np.linspace(20.0, FOOTPRINT_RADIUS, 5801)[1:]])
    r, width = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    w = simple_distance_weight(r) * width
    return float((w * np.exp(-_DEPTH[3] * r)).sum() / w.sum())


#: distance (m) at which the penetration depth is its mean over a uniform footprint
MEAN_DISTANCE = float(-np.log(_mean_reach()) / _DEPTH[3])
