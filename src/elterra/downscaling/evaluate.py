"""A method in use: learn, calibrate, predict, obey the law; and its scores on regions it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.laws import Law, constrain
from elterra.downscaling.regions import boxes, region_folds, to_pixels, train_cells
from elterra.downscaling.scene import LEVELS, Fitted, Mask, Method, Prediction, Scene
from elterra.downscaling.scores import point_scores, spectral_scores
from elterra.errors import InputError

Array = NDArray[np.float64]

#: share of the training blocks that the width of the intervals is taken from, and its bounds
_CALIBRATION, _WIDEN = 0.25, (0.3, 4.0)


@dataclass(frozen=True)
class Downscaled:
    """A prediction that obeys its law; `report`: what the constraint changed (`laws.Constrained`)."""

    prediction: Prediction
    report: dict[str, float]


def finish(scene: Scene, found: Prediction, where: Mask, widen: float = 1.0) -> Downscaled:
    """The mean with exact coarse means. Quantiles keep their distance from it in the link space, times `widen`; they are
    those of a pixel and have no coarse mean to meet."""
    at = where & scene.known
    own = scene.own[at]
    centre = scene.law.link(found.mean[at], scale=own)
    if found.members is not None:
        return _finish_members(scene, found.members, centre, at, widen)
    done = constrain(found.mean, scene.coarse, scene.restricted(where), scene.law)
    # one number a cell moves mean and quantiles alike; its spread needs no weights
    cells = np.repeat(np.repeat(done.shift, scene.factor, axis=0), scene.factor, axis=1)[
        : at.shape[0], : at.shape[1]
    ]
    moved = centre + (scene.law.link(found.quantiles[:, at], scale=own) - centre) * widen + cells[at]
    quantiles = np.full(found.quantiles.shape, np.nan)
    # a quantile at a bound stays there: the link cannot tell how far beyond it would be
    low, high = scene.law.limits
    raw, out = found.quantiles[:, at], scene.law.unlink(moved)
    quantiles[:, at] = np.sort(np.where(raw <= low, low, np.where(raw >= high, high, out)), axis=0)
    return Downscaled(Prediction(done.field, quantiles), done.report)


def _finish_members(scene: Scene, members: Array, centre: Array, at: Mask, widen: float) -> Downscaled:
    """Every member with exact coarse means; their mean, which has them too, and their quantiles."""
    out = np.full(members.shape, np.nan)
    out[:, at] = scene.law.unlink(
        centre + (scene.law.link(members[:, at], scale=scene.own[at]) - centre) * widen
    )
    coarse = np.broadcast_to(scene.coarse, (len(members), *scene.coarse.shape))
    done = constrain(out, coarse, scene.restricted(at), scene.law)
    quantiles = np.full((len(LEVELS), *at.shape), np.nan)
    quantiles[:, at] = np.quantile(done.field[:, at], LEVELS, axis=0, method="hazen")
    return Downscaled(Prediction(done.field.mean(axis=0), quantiles, done.field), done.report)


@dataclass(frozen=True)
class Calibrated:
    """A fitted method and the factor on the width of its intervals that gave 90 % coverage in regions apart."""

    fitted: Fitted
    widen: float

    def downscale(self, scene: Scene, where: Mask | None = None) -> Downscaled:
        """At all known pixels, or those in `where` ``[y, x]`` (whole coarse cells)."""
        mask = scene.known if where is None else where
        return finish(scene, self.fitted.predict(scene, mask), mask, self.widen)


def learn(
    method: Method, scenes: list[Scene], cells: list[Mask], block: int | tuple[int, int], seed: int = 0
) -> Calibrated:
    """Fit on three quarters of the training blocks, widen by the rest, fit again on all. `cells` ``[Y, X]`` by scene.

    A method with ``refit = False`` keeps its first fit.
    """
    _check(scenes)
    where = [to_pixels(c, s.factor, s.land.shape) for c, s in zip(cells, scenes, strict=True)]
    scores: list[Array] = []
    part, apart = [], []
    for scene, cell in zip(scenes, cells, strict=True):
        index = _blocks(cell.shape, block)
        full = np.unique(index[cell])
        # the same blocks in all scenes of one grid: maps of one region at other times are no new region
        held = np.random.default_rng(seed).permutation(full)[: max(1, round(_CALIBRATION * len(full)))]
        out = np.isin(index, held) & cell
        apart.append(to_pixels(out, scene.factor, scene.land.shape))
        part.append(to_pixels(cell & ~out, scene.factor, scene.land.shape))
    if not any((p & s.known).any() for p, s in zip(part, scenes, strict=True)):
        raise InputError(f"learn {method.name}: the training cells make one block only; take smaller blocks")
    first = method.fit(scenes, part)
    for scene, mask in zip(scenes, apart, strict=True):
        at = mask & scene.known
        if not at.any():
            continue
        done = finish(scene, first.predict(scene, mask), mask).prediction
        scores.append(_reach(scene.law, scene.truth[at], done.mean[at], done.quantiles[:, at], scene.own[at]))  # type: ignore[index]
    widen = float(np.clip(np.quantile(np.concatenate(scores), 0.9), *_WIDEN)) if scores else 1.0
    return Calibrated(method.fit(scenes, where) if getattr(method, "refit", True) else first, widen)


def _reach(law: Law, truth: Array, mean: Array, quantiles: Array, scale: Array) -> Array:
    """How many times wider the interval must be to hold the truth, in link space."""
    t, m, low, high = (law.link(v, scale=scale) for v in (truth, mean, quantiles[0], quantiles[-1]))
    side = np.where(t >= m, high - m, m - low)
    return np.abs(t - m) / np.maximum(side, 1e-9)


@dataclass(frozen=True)
class Card:
    """Scores of one method on held-out regions, and its predictions there (one a scene, NaN where nothing was held out)."""

    scores: dict[str, float]
    predictions: list[Prediction] = field(repr=False)


def evaluate(
    method: Method,
    scenes: list[Scene],
    block: int | tuple[int, int],
    folds: int = 4,
    *,
    ring: int = 1,
    seed: int = 0,
) -> Card:
    """Every region is predicted by a fit that has not seen it nor its neighbours; all are scored together.

    Scenes share grid and land (dates of one place); the same regions are held out in all of them.
    """
    _check(scenes)
    land = np.any([s.aggregation.has_land & np.isfinite(s.coarse) for s in scenes], axis=0)
    fold = region_folds(land.shape, block, folds, has_land=land, seed=seed)
    shape = scenes[0].features.grid.shape
    empty = np.full(shape, np.nan)
    means = [empty.copy() for _ in scenes]
    quantiles = [np.full((len(LEVELS), *empty.shape), np.nan) for _ in scenes]
    reports: list[dict[str, float]] = []
    pairs: list[tuple[Array, Array]] = []
    for held in range(folds):
        cells = train_cells(fold, held, ring)
        learned = learn(method, scenes, [cells for _ in scenes], block, seed + 1)
        mask = to_pixels(fold == held, scenes[0].factor, shape)
        for k, scene in enumerate(scenes):
            at = mask & scene.known
            if not at.any():
                continue
            done = learned.downscale(scene, mask)
            means[k][at] = done.prediction.mean[at]
            quantiles[k][:, at] = done.prediction.quantiles[:, at]
            reports.append(done.report | {"widen": learned.widen})
            for rows, columns in boxes(fold, held, block):
                box = tuple(slice(s.start * scene.factor, s.stop * scene.factor) for s in (rows, columns))
                fields = [means[k]] if done.prediction.members is None else list(done.prediction.members)
                truth = np.where(scene.known, scene.truth, np.nan)[box]  # type: ignore[arg-type]
                pairs += [(truth, f[box]) for f in fields]
    predictions = [Prediction(m, q) for m, q in zip(means, quantiles, strict=True)]
    return Card(_pooled(scenes, predictions) | spectral_scores(pairs) | _constraint(reports), predictions)


def _pooled(scenes: list[Scene], predictions: list[Prediction]) -> dict[str, float]:
    truth, mean, quantiles, errors = [], [], [], []
    for scene, found in zip(scenes, predictions, strict=True):
        at = np.isfinite(found.mean)
        if not at.any():
            continue
        truth.append(scene.truth[at])  # type: ignore[index]
        mean.append(found.mean[at])
        quantiles.append(found.quantiles[:, at])
        errors.append(scene.restricted(at).error(found.mean, scene.coarse))
    scores = point_scores(np.concatenate(truth), np.concatenate(mean), np.concatenate(quantiles, axis=1))
    return scores | {"aggregate_error": max(errors)}


def _constraint(reports: list[dict[str, float]]) -> dict[str, float]:
    """What the constraint layer changed, of all folds."""
    return {
        "correction_largest": max(r["largest"] for r in reports),
        "correction_rms": float(np.sqrt(np.mean([r["rms"] ** 2 for r in reports]))),
        "widen": float(np.mean([r["widen"] for r in reports])),
    }


def _check(scenes: list[Scene]) -> None:
    if not scenes:
        raise InputError("no scene to learn from")
    for scene in scenes:
        if scene.truth is None:
            raise InputError("a scene without truth: methods learn from fine truth; take Scene.of_truth")
        if not scene.features.grid.same_as(scenes[0].features.grid) or scene.factor != scenes[0].factor:
            raise InputError("scenes on different grids or with different factors; evaluate them one by one")


def _blocks(shape: tuple[int, int], block: int | tuple[int, int]) -> NDArray[np.int64]:
    by, bx = (block, block) if isinstance(block, int) else block
    return (np.arange(shape[0]) // by)[:, None] * (-(-shape[1] // bx)) + (np.arange(shape[1]) // bx)[None, :]
