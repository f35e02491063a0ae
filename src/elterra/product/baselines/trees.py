"""Gradient-boosted trees on the drivers of the land model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.product._time import Float, Time, as_time, day_number
from elterra.product.baselines._base import LEVELS, Prediction, same_day_correlation

#: settings tried by cross-validation; learning rate and histogram bins are shared
CANDIDATES: tuple[Mapping[str, Any], ...] = (
    {"max_depth": 4, "min_child_weight": 20, "subsample": 0.7, "colsample_bytree": 0.5, "reg_lambda": 5.0},
    {"max_depth": 6, "min_child_weight": 20, "subsample": 0.6, "colsample_bytree": 0.4, "reg_lambda": 5.0},
    {"max_depth": 8, "min_child_weight": 40, "subsample": 0.6, "colsample_bytree": 0.3, "reg_lambda": 10.0},
)


#: training values without which boosted trees make no sense
LEAST = 60


@dataclass
class Trees:
    """Boosted trees for the mean and for the quantiles of a half-hour.

    `features` `[time, feature]` (see `driver_features`). Depth and number of trees are chosen by
    cross-validation over blocks of `block_days` inside the training data alone; every third block is left out
    in turn. The quantile trees use the chosen depth; their cross-validated coverage sets one widening
    factor, so
    that intervals hold outside the training data as well. `rows` bounds the training rows (evenly thinned).
    """

    features: NDArray[np.floating]
    block_days: int = 20
    folds: int = 3
    rows: int = 24_000
    tuning_rows: int = 10_000
    seed: int = 7
    threads: int = 1
    candidates: tuple[Mapping[str, Any], ...] = CANDIDATES
    #: what was chosen, for the record
    chosen: dict[str, Any] = field(default_factory=dict)

    def __call__(self, time: Time, target: Float, wanted: NDArray[np.bool_]) -> Prediction:
        import xgboost as xgb

        known = np.flatnonzero(np.isfinite(target))
        n = int(wanted.sum())
        if known.size < LEAST:
            raise ValueError(f"boosted trees need at least {LEAST} training values, got {known.size}")
        block = day_number(as_time(time)[known]) // self.block_days % self.folds
        scale = float(np.std(target[known])) or 1.0
        y = (target[known] - target[known].mean()) / scale
        x = self.features[known]

        settings, rounds = self._tune(xgb, x, y, block)
        row = _thin(known.size, self.rows)
        mean = self._train(xgb, settings, rounds, x[row], y[row]).inplace_predict(self.features[wanted])

        out_of_fold = np.full((len(LEVELS), known.size), np.nan)
        oof_mean = np.full(known.size, np.nan)
        few = _thin(known.size, self.tuning_rows)
        for fold in range(self.folds):
            train = few[block[few] != fold]
            test = few[block[few] == fold]
            if not train.size or not test.size:
                continue
            oof_mean[test] = self._train(xgb, settings, rounds, x[train], y[train]).inplace_predict(x[test])
            if fold == 0:  # one fold is enough for one factor
                out_of_fold[:, test] = self._quantiles(xgb, settings, rounds, x[train], y[train], x[test])
        quantiles = self._quantiles(xgb, settings, rounds, x[row], y[row], self.features[wanted])
        widen = _widening(out_of_fold, y)
        quantiles = quantiles[2] + (quantiles - quantiles[2]) * widen
        # the distribution is centred on the better point estimate, the mean trees
        quantiles = quantiles + (mean - quantiles[2])[None, :] * 0.5
        sd = np.maximum((quantiles[-1] - quantiles[0]) / (2 * 1.6449), 1e-6)
        spread = np.full(known.size, np.nanstd(y - oof_mean))
        correlation = same_day_correlation(as_time(time)[known], y - oof_mean, spread, least=2)
        self.chosen = {
            **settings,
            "rounds": rounds,
            "widening": round(widen, 3),
            "correlation": round(correlation, 3),
        }
        assert mean.shape == (n,)
        shift = target[known].mean()
        return Prediction(mean * scale + shift, sd * scale, quantiles * scale + shift, correlation)

    def _tune(
        self, xgb: Any, x: NDArray[np.floating], y: Float, block: NDArray[np.int64]
    ) -> tuple[dict[str, Any], int]:
        few = _thin(len(y), self.tuning_rows)
        x, y, block = x[few], y[few], block[few]
        best: tuple[float, dict[str, Any], int] | None = None
        for candidate in self.candidates:
            errors, rounds = [], []
            for fold in range(self.folds):
                test = block == fold
                if test.all() or not test.any():
                    continue
                train_matrix = xgb.QuantileDMatrix(x[~test], y[~test], max_bin=64, nthread=self.threads)
                test_matrix = xgb.QuantileDMatrix(
                    x[test], y[test], ref=train_matrix, max_bin=64, nthread=self.threads
                )
                model = xgb.train(
                    self._parameters(candidate),
                    train_matrix,
                    400,
                    evals=[(test_matrix, "test")],
                    early_stopping_rounds=15,
                    verbose_eval=False,
                )
                errors.append(model.best_score)
                rounds.append(model.best_iteration + 1)
            score = float(np.mean(errors)) if errors else np.inf
            if best is None or score < best[0]:
                best = (score, dict(candidate), int(np.median(rounds)) if rounds else 100)
        assert best is not None
        # the final fit sees half as many data again as a fold did
        return best[1], max(20, round(1.2 * best[2]))

    def _parameters(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "tree_method": "hist",
            "max_bin": 64,
            "learning_rate": 0.08,
            "nthread": self.threads,
            "seed": self.seed,
            "objective": "reg:squarederror",
            **settings,
        }

    def _train(
        self, xgb: Any, settings: Mapping[str, Any], rounds: int, x: NDArray[np.floating], y: Float
    ) -> Any:
        matrix = xgb.QuantileDMatrix(x, y, max_bin=64, nthread=self.threads)
        return xgb.train(self._parameters(settings), matrix, rounds)

    def _quantiles(
        self,
        xgb: Any,
        settings: Mapping[str, Any],
        rounds: int,
        x: NDArray[np.floating],
        y: Float,
        ask: NDArray[np.floating],
    ) -> Float:
        """Quantiles `[level, n]` at `LEVELS`, sorted so that they do not cross."""
        matrix = xgb.QuantileDMatrix(x, y, max_bin=64, nthread=self.threads)
        parameters = self._parameters(settings) | {
            "objective": "reg:quantileerror",
            "quantile_alpha": np.asarray(LEVELS),
            "max_depth": min(5, settings["max_depth"]),
            "learning_rate": 0.12,
        }
        model = xgb.train(parameters, matrix, min(100, rounds))
        return np.sort(model.inplace_predict(ask).reshape(len(ask), len(LEVELS)).T.astype(float), axis=0)


def _thin(n: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def _widening(quantiles: Float, y: Float) -> float:
    """Factor on the distance from the median that gives the left-out data 90 % coverage; 1 if unknown."""
    ok = np.isfinite(quantiles).all(axis=0)
    if ok.sum() < 50:
        return 1.0
    q, v = quantiles[:, ok], y[ok]
    reach = np.where(v >= q[2], q[-1] - q[2], q[2] - q[0])
    return float(np.clip(np.quantile(np.abs(v - q[2]) / np.maximum(reach, 1e-9), 0.9), 0.7, 2.5))
