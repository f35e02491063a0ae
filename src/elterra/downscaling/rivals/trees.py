"""Gradient-boosted trees on features, on how the pixel differs from its cell, and on the coarse values around it.

One fit for the mean (squared error of the scaled difference to the bilinear field), one for the quantiles of the deviation
(pinball loss, Koenker and Bassett 1978), with XGBoost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.rivals._deviation import from_deviation, scale_of, to_deviation
from elterra.downscaling.rivals._dressing import steepness
from elterra.downscaling.scene import LEVELS, Mask, Prediction, Scene

Array = NDArray[np.float64]

_SETTINGS: dict[str, Any] = {
    "tree_method": "hist", "max_bin": 128, "max_depth": 6, "min_child_weight": 20, "subsample": 0.7,
    "colsample_bytree": 0.6, "reg_lambda": 5.0,
}  # fmt: skip


@dataclass(frozen=True)
class Trees:
    """`rows`: training pixels at most, taken evenly; `rounds` and `rate` of the mean, `quantile_rounds` of the quantiles."""

    name: str = "trees"
    rows: int = 50_000
    rounds: int = 250
    rate: float = 0.06
    quantile_rounds: int = 80
    quantile_rate: float = 0.15
    threads: int = 1
    seed: int = 11

    def fit(self, scenes: list[Scene], where: list[Mask]) -> FittedTrees:
        import xgboost as xgb

        share = sum(int((m & s.known).sum()) for s, m in zip(scenes, where, strict=True))
        thin = np.random.default_rng(self.seed)
        x, scaled, deviation, weight = [], [], [], []
        for scene, mask in zip(scenes, where, strict=True):
            assert scene.truth is not None
            rows = np.flatnonzero((mask & scene.known).ravel())
            rows = np.sort(
                thin.permutation(rows)[: max(1, round(len(rows) * min(1.0, self.rows / max(share, 1))))]
            )
            if not rows.size:
                continue
            x.append(design(scene, rows))
            truth, base = scene.truth.ravel()[rows], scene.bilinear.ravel()[rows]
            scaled.append((truth - base) / scale_of(scene.law, base))
            deviation.append(to_deviation(scene.law, truth, base))
            # errors count in physical units where the scale is that of the field
            weight.append(scale_of(scene.law, base) ** 2)
        features, weights = np.concatenate(x), np.concatenate(weight)
        settings = {**_SETTINGS, "nthread": self.threads, "seed": self.seed}
        # a few large cells must not decide alone
        weights = np.clip(weights / np.mean(weights), 0.05, 20.0)
        mean = xgb.train(
            settings | {"objective": "reg:squarederror", "learning_rate": self.rate},
            xgb.QuantileDMatrix(
                features, np.concatenate(scaled), weight=weights, max_bin=128, nthread=self.threads
            ),
            self.rounds,
        )
        quantiles = xgb.train(
            settings
            | {
                "objective": "reg:quantileerror",
                "quantile_alpha": np.array(LEVELS),
                "learning_rate": self.quantile_rate,
            },
            xgb.QuantileDMatrix(features, np.concatenate(deviation), max_bin=128, nthread=self.threads),
            self.quantile_rounds,
        )
        return FittedTrees(mean, quantiles)


@dataclass(frozen=True)
class FittedTrees:
    mean: Any = field(repr=False)
    quantiles: Any = field(repr=False)

    def predict(self, scene: Scene, where: Mask) -> Prediction:
        at = where & scene.known
        rows = np.flatnonzero(at.ravel())
        x, base = design(scene, rows), scene.bilinear[at]
        found = np.asarray(self.quantiles.inplace_predict(x), dtype=np.float64).reshape(
            len(rows), len(LEVELS)
        )
        quantiles = np.full((len(LEVELS), *at.shape), np.nan)
        quantiles[:, at] = from_deviation(scene.law, np.sort(found, axis=1).T, base)
        mean = np.full(at.shape, np.nan)
        step = np.asarray(self.mean.inplace_predict(x), dtype=np.float64) * scale_of(scene.law, base)
        low, high = scene.law.limits
        # the mean of a positive quantity is not below its lowest quantile
        mean[at] = np.clip(
            base + step, np.maximum(low, quantiles[0][at]) if scene.law.kind == "positive" else low, high
        )
        return Prediction(mean, quantiles)


def design(scene: Scene, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """What the trees see of the pixels `rows` (flat): ``[row, feature]``, NaN where unknown."""
    columns = []
    for name, value in scene.features.values.items():
        columns.append(value.ravel()[rows])
        if name in scene.anomalies:
            columns.append(np.where(np.isfinite(value), scene.anomalies[name], np.nan).ravel()[rows])
    if scene.class_name is not None:
        columns.append(scene.class_share.ravel()[rows])
    columns += [
        v.ravel()[rows] for v in (scene.own, scene.bilinear, steepness(scene), scene.bilinear - scene.own)
    ]
    return np.stack(columns, axis=1).astype(np.float32)
