"""What every method of downscaling gets and gives: a scene, and a mean with quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.aggregation import Aggregation
from elterra.downscaling.grid import Fields
from elterra.downscaling.laws import Law
from elterra.errors import InputError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: levels of the quantiles: the middles of ten equal parts, so that twice the mean pinball loss is the CRPS of ten members,
#: and the outer two bound the central 90 %
LEVELS = tuple(np.round((np.arange(10) + 0.5) / 10, 3).tolist())


@dataclass(frozen=True)
class Scene:
    """A coarse field ``[Y, X]``, features on the fine grid, and the truth ``[y, x]`` where it is known.

    `factor` pixels a side make a coarse cell. `land` ``[y, x]`` is the share of land (0: the pixel is left out).
    """

    features: Fields
    coarse: Array
    law: Law
    factor: int
    land: Array
    truth: Array | None = None

    def __post_init__(self) -> None:
        if self.coarse.shape != self.aggregation.coarse:
            raise InputError(
                f"scene: coarse field {self.coarse.shape}, but {self.factor} pixels a side make {self.aggregation.coarse} "
                f"cells of the fine grid {self.features.grid.shape}"
            )

    @cached_property
    def aggregation(self) -> Aggregation:
        grid = self.features.grid
        return Aggregation.of_factor(grid.shape, self.factor, grid.area, self.land)

    @cached_property
    def known(self) -> Mask:
        """Land pixels of cells with a coarse value, ``[y, x]``."""
        return (self.aggregation.pixel_land > 0) & np.isfinite(self.own)

    @cached_property
    def own(self) -> Array:
        """The value of its cell at each pixel."""
        cells = np.repeat(np.repeat(self.coarse, self.factor, axis=0), self.factor, axis=1)
        return cells[: self.land.shape[0], : self.land.shape[1]]

    @cached_property
    def bilinear(self) -> Array:
        """The coarse field, linear between the centres of cells ``[y, x]``; missing cells do not count."""
        return interpolate_cells(self.coarse, self.factor, self.features.grid.shape)

    @cached_property
    def class_name(self) -> str | None:
        """The field that holds land cover: the first of the classes."""
        return min(self.features.classes) if self.features.classes else None

    @cached_property
    def anomalies(self) -> dict[str, Array]:
        """`cell_anomaly` of each feature that is no class."""
        return {
            n: self.cell_anomaly(v) for n, v in self.features.values.items() if n not in self.features.classes
        }

    @cached_property
    def class_share(self) -> Array:
        """Share of the pixel's own class in the known land of its cell; 0 where the class is unknown."""
        out = np.zeros(self.land.shape)
        if self.class_name is not None:
            codes = self.features.values[self.class_name]
            for code in np.unique(codes[np.isfinite(codes)]):
                member = (codes == code).astype(float)
                out = np.where(codes == code, member - self.cell_anomaly(member), out)
        return out

    def restricted(self, where: Mask) -> Aggregation:
        """The aggregation of the pixels in `where` (whole cells)."""
        return Aggregation.of_factor(
            where.shape, self.factor, self.features.grid.area, np.where(where & self.known, self.land, 0.0)
        )

    @classmethod
    def of_truth(
        cls, features: Fields, truth: Array, law: Law, factor: int, land: Array | None = None
    ) -> Scene:
        """A scene whose coarse field is the aggregated truth; pixels without truth are no land."""
        share = np.ones(truth.shape) if land is None else land
        share = np.where(np.isfinite(truth), share, 0.0)
        coarse = Aggregation.of_factor(truth.shape, factor, features.grid.area, share).mean(truth)
        return cls(features, coarse, law, factor, share, truth)

    def cell_anomaly(self, field: Array) -> Array:
        """`field` less its mean over the known land of the cell; 0 where unknown."""
        known = np.isfinite(field) & self.known
        share = Aggregation.of_factor(
            field.shape, self.factor, self.features.grid.area, np.where(known, self.land, 0.0)
        )
        mean = share.spread(np.where(share.has_land, share.mean(np.where(known, field, 0.0)), 0.0))
        return np.where(known, field - np.nan_to_num(mean), 0.0)


@dataclass(frozen=True)
class Prediction:
    """`mean` ``[y, x]`` and `quantiles` ``[level, y, x]`` at `LEVELS`; NaN outside of what was asked for. `members`
    ``[member, y, x]`` where a method draws whole fields: each of them is a possible truth."""

    mean: Array
    quantiles: Array
    members: Array | None = None


class Fitted(Protocol):
    """A method that has learned."""

    def predict(self, scene: Scene, where: Mask) -> Prediction:
        """At the known pixels in `where` ``[y, x]`` (whole coarse cells)."""
        ...


class Method(Protocol):
    """A method of downscaling; `name` is its key in figures."""

    @property
    def name(self) -> str: ...

    def fit(self, scenes: list[Scene], where: list[Mask]) -> Fitted:
        """Learns from the truth of the pixels in `where` (one mask a scene)."""
        ...


def interpolate_cells(coarse: Array, factor: int, shape: tuple[int, int]) -> Array:
    """Linear between the centres of cells; a missing cell gives its weight to the others, or to the nearest known one."""
    from scipy.ndimage import distance_transform_edt, map_coordinates

    known = np.isfinite(coarse)
    if not known.any():
        raise InputError("the coarse field has no value at all")
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    at = np.array(np.meshgrid(*((np.arange(n) + 0.5) / factor - 0.5 for n in shape), indexing="ij"))
    value = map_coordinates(np.where(known, coarse, 0.0), at, order=1, mode="nearest")
    weight = map_coordinates(known.astype(float), at, order=1, mode="nearest")
    cell = tuple(np.minimum(np.arange(n) // factor, m - 1) for n, m in zip(shape, coarse.shape, strict=True))
    filled = coarse[tuple(nearest)][np.ix_(*cell)]
    return np.where(weight > 1e-9, value / np.maximum(weight, 1e-9), filled)
