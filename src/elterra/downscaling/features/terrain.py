"""What a height model says of a pixel: slope, aspect, position, wetness, channels, light. Fields are ``[y, x]``.

Heights in m, NaN where unknown; a pixel beside unknown ones takes its own height for theirs. Row 0 may lie north or south:
the grid knows.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve_triangular

from elterra.downscaling.grid import Fields, Grid
from elterra.errors import InputError
from elterra.forcing.solar import SOLAR_CONSTANT, declination, inverse_distance_squared

Array = NDArray[np.float64]

#: radii of the topographic position index, in pixels
POSITION_RADII = (2, 8)
#: a channel begins where this much area (m2) drains through a pixel, and that of this many pixels at least
CHANNEL_AREA, CHANNEL_PIXELS = 1.0e6, 100
#: exponent with which flow prefers the steeper of several ways down (Freeman 1991)
_FLOW_EXPONENT = 1.1
#: least tangent of the slope in the wetness index; flat pixels would be infinitely wet
_LEAST_SLOPE = 1e-3
#: rise of a filled hollow from pixel to pixel, m: enough to lead water out, too little to matter
_RISE = 1e-4
_NEIGHBOURS = tuple((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))

UNITS = {
    "elevation": "m", "slope": "degree", "northness": "1", "eastness": "1", "twi": "1", "channel_distance": "m",
    "insolation": "MJ m-2 d-1", "insolation_june": "MJ m-2 d-1", "insolation_december": "MJ m-2 d-1",
}  # fmt: skip


def terrain(elevation: Array, grid: Grid, latitude: float | Array | None = None) -> Fields:
    """All terrain features of `elevation` ``[y, x]`` (m). `latitude` (degrees, one number or ``[y, x]``) is needed where
    the grid is not geographic."""
    lat = np.broadcast_to(grid.y[:, None], grid.shape) if grid.geographic and latitude is None else latitude
    if lat is None:
        raise InputError(
            f"terrain: the insolation needs a latitude; the grid is in {grid.crs}, so tell it (degrees)"
        )
    east, north = gradient(elevation, grid)
    steep = np.hypot(east, north)
    down = np.where(steep > 0, steep, 1.0)
    filled = fill_hollows(elevation)
    area = flow_area(filled, grid)
    width = np.sqrt(np.broadcast_to(grid.area, grid.shape))
    known = np.isfinite(elevation)
    out = {
        "elevation": elevation,
        "slope": np.rad2deg(np.arctan(steep)),
        # where the pixel faces: downhill direction times how steep it is, so that flat ground faces nowhere
        "northness": -north / down * np.sin(np.arctan(steep)),
        "eastness": -east / down * np.sin(np.arctan(steep)),
        "twi": np.log(area / width / np.maximum(steep, _LEAST_SLOPE)),
        "channel_distance": channel_distance(area, grid),
    }
    for radius in POSITION_RADII:
        out[f"tpi{radius}"] = position(elevation, radius)
    months = insolation(east, north, np.asarray(lat, dtype=np.float64))
    out |= {
        "insolation": months.mean(axis=0),
        "insolation_june": months[5],
        "insolation_december": months[11],
    }
    units = {**UNITS, **{f"tpi{r}": "m" for r in POSITION_RADII}}
    return Fields(grid, {n: np.where(known, v, np.nan) for n, v in out.items()}, frozenset(), units)


def gradient(elevation: Array, grid: Grid) -> tuple[Array, Array]:
    """Rise towards east and towards north (m per m) of a plane through the 3 x 3 pixels (Horn 1981)."""
    z = _padded(elevation)
    dy, dx = grid.spacing
    sy, sx = (np.sign(s) for s in grid.step)

    def at(i: int, j: int) -> Array:
        window = z[1 + i : z.shape[0] - 1 + i, 1 + j : z.shape[1] - 1 + j]
        return np.where(np.isfinite(window), window, elevation)

    east = sum(k * (at(i, 1) - at(i, -1)) for i, k in ((-1, 1), (0, 2), (1, 1))) / (8.0 * dx)
    north = sum(k * (at(1, j) - at(-1, j)) for j, k in ((-1, 1), (0, 2), (1, 1))) / (8.0 * dy)
    return sx * east, sy * north


def position(elevation: Array, radius: int) -> Array:
    """Topographic position: height above the mean of the pixels within `radius` pixels."""
    reach = np.arange(-radius, radius + 1)
    disc = (reach[:, None] ** 2 + reach[None, :] ** 2 <= radius**2).astype(float)
    known = np.isfinite(elevation)
    total = ndimage.convolve(np.where(known, elevation, 0.0), disc, mode="constant")
    count = ndimage.convolve(known.astype(float), disc, mode="constant")
    return elevation - total / np.maximum(count, 1.0)


def fill_hollows(elevation: Array) -> Array:
    """Heights from which water always finds a way down to the border or to unknown ground (priority flood with a small
    rise; Barnes et al. 2014)."""
    z = elevation.copy()
    known = np.isfinite(z)
    inner = ndimage.binary_erosion(known, np.ones((3, 3)), border_value=0)
    done = ~known | ~inner
    heap = [(float(z[i, j]), int(i), int(j)) for i, j in np.argwhere(known & ~inner)]
    heapq.heapify(heap)
    rows, columns = z.shape
    while heap:
        height, i, j = heapq.heappop(heap)
        for di, dj in _NEIGHBOURS:
            a, b = i + di, j + dj
            if 0 <= a < rows and 0 <= b < columns and not done[a, b]:
                done[a, b] = True
                if z[a, b] < height + _RISE:
                    z[a, b] = height + _RISE
                heapq.heappush(heap, (float(z[a, b]), a, b))
    return z


def flow_area(filled: Array, grid: Grid) -> Array:
    """Area (m2) that drains through each pixel, its own included; water parts among all ways down by their slope."""
    known = np.isfinite(filled)
    index = np.full(filled.shape, -1)
    # highest first: the flow matrix is then strictly lower triangular
    order = np.argsort(-filled[known], kind="stable")
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    index[known] = rank
    z, padded = _padded(filled), np.pad(index, 1, constant_values=-1)
    dy, dx = grid.spacing
    weights, sources, targets = [], [], []
    for di, dj in _NEIGHBOURS:
        view = (slice(1 + di, z.shape[0] - 1 + di), slice(1 + dj, z.shape[1] - 1 + dj))
        drop = (filled - z[view]) / np.hypot(di * dy, dj * dx)
        down = known & (padded[view] >= 0) & (np.nan_to_num(drop) > 0)
        # contour length: straight ways are wider than diagonal ones (Quinn et al. 1991)
        width = 0.5 if 0 in (di, dj) else 0.354
        weights.append(width * drop[down] ** _FLOW_EXPONENT)
        sources.append(index[down])
        targets.append(padded[view][down])
    weight, source, target = map(np.concatenate, (weights, sources, targets))
    share = weight / np.bincount(source, weight, minlength=order.size)[source]
    own = np.broadcast_to(grid.area, filled.shape)[known][order]
    system = sparse.identity(order.size, format="csr") - sparse.csr_matrix(
        (share, (target, source)), shape=(order.size, order.size)
    )
    out = np.full(filled.shape, np.nan)
    out[known] = spsolve_triangular(system.tocsr(), own, lower=True, unit_diagonal=True)[rank]
    return out


def channel_distance(area: Array, grid: Grid, least: float | None = None) -> Array:
    """Straight distance (m) to the nearest pixel that drains more than `least` m2; to the wettest one where none does."""
    drained = np.nan_to_num(area)
    if least is None:
        least = max(CHANNEL_AREA, CHANNEL_PIXELS * float(grid.area.mean()))
    channel = drained >= min(least, float(drained.max()))
    dy, dx = grid.spacing
    return ndimage.distance_transform_edt(~channel, sampling=(float(dy.mean()), float(dx.mean())))


def insolation(east: Array, north: Array, latitude: Array, steps: int = 48) -> Array:
    """Direct light of a clear sky without air on the slope, ``[12, y, x]``, MJ m-2 d-1, at the middle of each month.

    `east`, `north` ``[y, x]``: rise in these directions. Shadows of other pixels are not cast.
    """
    middle = np.array([f"2001-{m:02d}-15T12:00" for m in range(1, 13)], dtype="datetime64[ns]")
    lat = np.deg2rad(latitude)
    normal = 1.0 / np.sqrt(1.0 + east**2 + north**2)
    out = np.empty((12, *np.broadcast_shapes(east.shape, lat.shape)))
    for m, (decl, near) in enumerate(zip(declination(middle), inverse_distance_squared(middle), strict=True)):
        total = np.zeros(out.shape[1:])
        for hour in (np.arange(steps) + 0.5) * (2.0 * np.pi / steps) - np.pi:
            up = np.sin(lat) * np.sin(decl) + np.cos(lat) * np.cos(decl) * np.cos(hour)
            to_east = -np.cos(decl) * np.sin(hour)
            to_north = np.cos(lat) * np.sin(decl) - np.sin(lat) * np.cos(decl) * np.cos(hour)
            light = (up - east * to_east - north * to_north) * normal
            total += np.where(up > 0, np.maximum(light, 0.0), 0.0)
        out[m] = SOLAR_CONSTANT * near * total * (86400.0 / steps) * 1e-6
    return out


def _padded(z: Array) -> Array:
    return np.pad(z, 1, constant_values=np.nan)
