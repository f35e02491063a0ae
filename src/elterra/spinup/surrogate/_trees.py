"""The rival: gradient-boosted trees, one set a pool, on the same inputs and the same log-ratios to the prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.errors import InputError
from elterra.spinup.surrogate._prediction import Prediction
from elterra.spinup.surrogate._sample import Layout, Sample, check
from elterra.spinup.surrogate._scaling import Scaling, scaling_of

Array = NDArray[np.float64]
#: quantiles that give the spread, and their distance in standard deviations of a normal distribution
QUANTILES, WIDTH = (0.05, 0.95), 3.2897
LEAST_SD = 1e-3


@dataclass(frozen=True)
class TreesFit:
    """``rounds`` trees of the mean and ``quantile_rounds`` of the quantiles; at most ``rows`` training rows a pool, drawn
    from all; a fifth of the blocks of cells decides when to stop, then all rows are used."""

    rounds: int = 600
    quantile_rounds: int = 100
    rows: int = 40_000
    learning_rate: float = 0.08
    depth: int = 7
    threads: int = 1
    seed: int = 0
    settings: dict[str, Any] = field(
        default_factory=lambda: {"min_child_weight": 5, "subsample": 0.8, "reg_lambda": 1.0}
    )


@dataclass(frozen=True)
class TreeSurrogate:
    """Boosters of each pool: of the mean and of the quantiles of the scaled log-ratio."""

    layout: Layout
    scaling: Scaling
    surface: tuple[tuple[Any, Any], ...]
    soil: tuple[tuple[Any, Any], ...]

    def predict(self, sample: Sample) -> Prediction:
        """Log-ratios of a map; 0 in the sea and in rock."""
        check(sample, self.layout, "trees")
        parts = []
        for boosters, where, scale in (
            (self.surface, sample.land, self.scaling.surface_target),
            (self.soil, sample.valid & sample.land, self.scaling.soil_target),
        ):
            x = _rows(sample, where)
            mean = np.zeros((*where.shape, len(boosters)))
            sd = np.ones_like(mean)
            for i, (middle, outer) in enumerate(boosters):
                mean[where, i] = middle.inplace_predict(x)
                low, high = np.sort(np.asarray(outer.inplace_predict(x)).reshape(len(x), 2), axis=1).T
                sd[where, i] = np.maximum((high - low) / WIDTH, LEAST_SD)
            parts += [mean * scale, sd * scale]
        return Prediction(*parts)


def fit_trees(samples: Sequence[Sample], layout: Layout, fit: TreesFit | None = None) -> TreeSurrogate:
    """Trains on the usable cells of maps; a row is a cell (surface pools) or a layer of a cell (soil pools), with the
    scalars of its map as inputs too."""
    if not samples:
        raise InputError("fit_trees: no samples")
    fit = fit or TreesFit()
    scaling = scaling_of(samples)
    ratios = [scaling.log_ratios(s) for s in samples]
    sets = []
    for k, scale in ((0, scaling.surface_target), (1, scaling.soil_target)):
        where = [s.usable if k == 0 else s.valid & s.usable for s in samples]
        x = np.concatenate([_rows(s, w) for s, w in zip(samples, where, strict=True)])
        y = np.concatenate([r[k][w] for r, w in zip(ratios, where, strict=True)]) / scale
        blocks = np.concatenate([_blocks(w) for w in where])
        rng = np.random.default_rng(fit.seed + k)
        keep = np.sort(rng.permutation(len(x))[: fit.rows])
        sets.append((x[keep], y[keep].astype(np.float32), blocks[keep]))
    surface, soil = (
        tuple(_boost(x, y[:, i], blocks, fit) for i in range(y.shape[1])) for x, y, blocks in sets
    )
    return TreeSurrogate(layout, scaling, surface, soil)


def _rows(sample: Sample, where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Inputs ``[row, feature]`` of the cells (or layers of cells) ``where``: those of the layer, of the surface, scalars."""
    if where.ndim == 2:
        parts = [sample.surface[where]]
    else:
        layer, lat, lon = np.nonzero(where)
        parts = [sample.soil[where], layer[:, None], sample.surface[lat, lon]]
    rows = len(parts[0])
    parts.append(np.broadcast_to(sample.scalars, (rows, len(sample.scalars))))
    return np.concatenate([np.asarray(p, np.float32) for p in parts], axis=1)


def _blocks(where: NDArray[np.bool_], size: int = 4) -> NDArray[np.int64]:
    """Number of the block of cells each row lies in."""
    lat, lon = np.nonzero(where)[-2:]
    return np.asarray((lat // size) * 1000 + lon // size, np.int64)


def _boost(x: NDArray, y: NDArray, blocks: NDArray, fit: TreesFit) -> tuple[Any, Any]:
    import xgboost as xgb

    common = {
        "tree_method": "hist",
        "max_bin": 128,
        "learning_rate": fit.learning_rate,
        "max_depth": fit.depth,
        "nthread": fit.threads,
        "seed": fit.seed,
        **fit.settings,
    }
    mean = {**common, "objective": "reg:squarederror"}
    held = (blocks * 2654435761 % 2**32) % 5 == 0
    rounds = fit.rounds
    if held.any() and not held.all():
        train = xgb.QuantileDMatrix(x[~held], y[~held], max_bin=128, nthread=fit.threads)
        test = xgb.QuantileDMatrix(x[held], y[held], ref=train, max_bin=128, nthread=fit.threads)
        tried = xgb.train(
            mean, train, rounds, evals=[(test, "held")], early_stopping_rounds=20, verbose_eval=False
        )
        rounds = min(rounds, tried.best_iteration + 1)
    matrix = xgb.QuantileDMatrix(x, y, max_bin=128, nthread=fit.threads)
    middle = xgb.train(mean, matrix, rounds)
    spread = {
        **common,
        "objective": "reg:quantileerror",
        "quantile_alpha": np.array(QUANTILES),
        "max_depth": min(5, fit.depth),
    }
    return middle, xgb.train(spread, matrix, min(rounds, fit.quantile_rounds))
