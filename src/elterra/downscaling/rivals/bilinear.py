"""The coarse field, linear between the centres of its cells; intervals from its errors in the training regions."""

from __future__ import annotations

from dataclasses import dataclass

from elterra.downscaling.rivals._dressing import Dressing
from elterra.downscaling.scene import Mask, Prediction, Scene


@dataclass(frozen=True)
class Bilinear:
    name: str = "bilinear"

    def fit(self, scenes: list[Scene], where: list[Mask]) -> FittedBilinear:
        return FittedBilinear(Dressing.learn(scenes, [s.bilinear for s in scenes], where))


@dataclass(frozen=True)
class FittedBilinear:
    dressing: Dressing

    def predict(self, scene: Scene, where: Mask) -> Prediction:
        return self.dressing.dress(scene, scene.bilinear, where)
