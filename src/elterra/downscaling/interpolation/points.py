"""Point data for interpolation: where, when, what is known there, and which station they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elterra.downscaling.grid import EARTH_RADIUS
from elterra.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """`place` ``[n, 2 or 3]``: position in km (`places_on_earth`, `places_on_map`); `elevation` ``[n]`` m; `station`
    ``[n]``: what belongs together and is withheld together; `features` ``[n]`` each, NaN where unknown; `month` ``[n]``:
    months since any start, January a multiple of 12, if the data are monthly; `target` ``[n]`` where it is measured."""

    place: Array
    elevation: Array
    station: NDArray[np.int64]
    features: dict[str, Array] = field(default_factory=dict)
    month: Array | None = None
    target: Array | None = None

    def __post_init__(self) -> None:
        n = len(self.place)
        once = {"elevation": self.elevation, "month": self.month, "target": self.target}
        for name, value in {**once, **self.features, "station": self.station}.items():
            if value is not None and value.shape != (n,):
                raise InputError(f"points: {name} has shape {value.shape}; expected ({n},), one a point")
        for name, needed in {**once, "place": self.place}.items():
            if needed is not None and not np.isfinite(needed).all():
                at = int(np.argwhere(~np.isfinite(needed))[0][0])
                raise InputError(f"points: {name} of point {at} is not finite; leave the point out")

    def __len__(self) -> int:
        return len(self.place)

    def take(self, keep: NDArray[np.bool_]) -> Points:
        return Points(
            self.place[keep],
            self.elevation[keep],
            self.station[keep],
            {n: v[keep] for n, v in self.features.items()},
            None if self.month is None else self.month[keep],
            None if self.target is None else self.target[keep],
        )

    def measured(self) -> Array:
        """The target; an error where there is none."""
        if self.target is None:
            raise InputError("points without target: nothing to learn from")
        return self.target

    def season(self) -> Array:
        """Two harmonics of the year, ``[n, 4]``; ``[n, 0]`` where points have no month."""
        if self.month is None:
            return np.empty((len(self), 0))
        angle = 2 * np.pi * self.month[:, None] / 12 * np.array([[1.0, 2.0]])
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)

    def stretched(self, elevation: float, month: float) -> Array:
        """Coordinates in km: `elevation` km for each m of height, `month` km for each month."""
        parts = [self.place, elevation * self.elevation[:, None]]
        if self.month is not None:
            parts.append(month * self.month[:, None])
        return np.concatenate(parts, axis=1)


def places_on_earth(latitude: ArrayLike, longitude: ArrayLike) -> Array:
    """Degrees to km in space ``[n, 3]``; straight distances, 0.1 % below those along the surface at 1000 km."""
    lat, lon = np.deg2rad(np.asarray(latitude, dtype=float)), np.deg2rad(np.asarray(longitude, dtype=float))
    radius = EARTH_RADIUS / 1000.0
    return radius * np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def places_on_map(y: ArrayLike, x: ArrayLike) -> Array:
    """Metres of a projection to km ``[n, 2]``."""
    return np.stack([np.asarray(y, dtype=float), np.asarray(x, dtype=float)], axis=1) / 1000.0


def groups(ids: NDArray[np.int64], folds: int, seed: int = 0) -> NDArray[np.int64]:
    """Fold of each point so that points of one id stay together."""
    known, index = np.unique(ids, return_inverse=True)
    count = min(folds, len(known))
    deal = np.empty(len(known), dtype=np.int64)
    deal[np.random.default_rng(seed).permutation(len(known))] = np.arange(len(known)) % count
    return deal[index]


def regions(place: Array, count: int, seed: int = 0) -> NDArray[np.int64]:
    """Region of each point: clusters of places that lie together (k-means of the distinct places)."""
    from scipy.cluster.vq import kmeans2

    where, index = np.unique(np.round(place, 6), axis=0, return_inverse=True)
    if len(where) < count:
        raise InputError(f"regions: {len(where)} places make no {count} regions; ask for fewer")
    spread = where.std(axis=0).max() or 1.0
    label = kmeans2(where / spread, count, minit="++", seed=seed)[1]
    return label.astype(np.int64)[index.ravel()]
