"""The value of the coarse cell, moved by what its land cover usually is beside the mean of a cell (mosaic tiling)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.rivals._deviation import from_deviation, to_deviation
from elterra.downscaling.rivals._dressing import Dressing
from elterra.downscaling.scene import Mask, Prediction, Scene

Array = NDArray[np.float64]

#: pixels that the mean of a class is shrunk by, towards no effect
_PRIOR_PIXELS = 50.0


@dataclass(frozen=True)
class Tiling:
    """Without land cover it is the nearest cell."""

    name: str = "tiling"

    def fit(self, scenes: list[Scene], where: list[Mask]) -> FittedTiling:
        total: dict[float, float] = {}
        count: dict[float, int] = {}
        for scene, mask in zip(scenes, where, strict=True):
            assert scene.truth is not None
            at = mask & scene.known
            gap = to_deviation(scene.law, scene.truth[at], scene.own[at])
            codes = _codes(scene)[at]
            for code in np.unique(codes):
                here = codes == code
                total[code] = total.get(code, 0.0) + float(gap[here].sum())
                count[code] = count.get(code, 0) + int(here.sum())
        effect = {c: total[c] / (count[c] + _PRIOR_PIXELS) for c in total}
        means = [_mean(s, effect) for s in scenes]
        return FittedTiling(effect, Dressing.learn(scenes, means, where))


@dataclass(frozen=True)
class FittedTiling:
    """`effect`: deviation of a class from its cell, by code."""

    effect: dict[float, float]
    dressing: Dressing

    def predict(self, scene: Scene, where: Mask) -> Prediction:
        return self.dressing.dress(scene, _mean(scene, self.effect), where)


def _codes(scene: Scene) -> Array:
    """Class of each pixel; unknown classes are one class."""
    if scene.class_name is None:
        return np.zeros(scene.land.shape)
    return np.nan_to_num(scene.features.values[scene.class_name], nan=-1.0)


def _mean(scene: Scene, effect: dict[float, float]) -> Array:
    codes = _codes(scene)
    shift = np.zeros(codes.shape)
    for code, value in effect.items():
        shift[codes == code] = value
    return from_deviation(scene.law, scene.cell_anomaly(shift), scene.own)
