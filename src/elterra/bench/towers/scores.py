"""Scores of the judged part: RMSE, coverage, and whether calibration did harm beyond chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.bench.towers.errors import LEAST_DATA
from elterra.bench.towers.methods import METHODS, Predicted
from elterra.bench.towers.records import Tower
from elterra.product.scores import Sample, ensemble_sample, pool, summarise

Array = NDArray[np.float64]

#: days of a block of the bootstrap, and number of draws
BLOCK_DAYS, DRAWS = 30, 1000
#: bounds of a coverage that is right
COVERAGE = (0.85, 0.95)
#: methods whose difference to that of the site is told with its interval
AGAINST = ("prior", "climatology", "global")


@dataclass(frozen=True)
class Difference:
    """Mean squared error of another method less that of the site: positive where calibration at the site is better. 90 %
    bootstrap interval over blocks of `BLOCK_DAYS` days."""

    value: float
    low: float
    high: float

    @property
    def worse(self) -> bool:
        """The site's is worse beyond the interval."""
        return self.high < 0.0

    @property
    def better(self) -> bool:
        return self.low > 0.0


def samples_of(
    tower: Tower, predicted: Mapping[str, Mapping[str, Predicted]]
) -> dict[str, dict[str, Sample]]:
    """By variable and method, the judged data of all its kinds (by day and night) together. A variable with fewer than
    `LEAST_DATA` judged data is left out."""
    parts: dict[str, dict[str, list[Sample]]] = {}
    for target in tower.targets:
        if target.kind not in predicted:
            continue
        days = np.flatnonzero(np.isfinite(target.value) & (np.arange(tower.days) >= tower.train_days))
        if days.size < LEAST_DATA:
            continue
        for method in METHODS:
            found = predicted[target.kind].get(method)
            if found is None:
                continue
            rng = np.random.default_rng(7)
            sample = ensemble_sample(
                target.value[days], found.members[days], found.sd[days], days // BLOCK_DAYS, rng
            )
            parts.setdefault(target.variable, {}).setdefault(method, []).append(sample)
    # kinds of one variable share the blocks of time: a bad month is bad by day and by night
    return {v: {m: _joined(s) for m, s in methods.items()} for v, methods in parts.items()}


def _joined(samples: Sequence[Sample]) -> Sample:
    one = pool(samples)
    return Sample(
        one.truth,
        one.estimate,
        one.crps,
        one.inside,
        one.variance,
        np.concatenate([s.block for s in samples]),
    )


def difference(other: Sample, site: Sample, seed: int = 3) -> Difference:
    """Of two methods on the same data."""
    gain = (other.estimate - other.truth) ** 2 - (site.estimate - site.truth) ** 2
    _, where = np.unique(site.block, return_inverse=True)
    count, total = np.bincount(where).astype(float), np.bincount(where, gain)
    pick = np.random.default_rng(seed).integers(0, count.size, (DRAWS, count.size))
    drawn = total[pick].sum(axis=1) / count[pick].sum(axis=1)
    low, high = np.quantile(drawn, [0.05, 0.95])
    return Difference(float(gain.mean()), float(low), float(high))


def figures_of(
    towers: Sequence[Tower], samples: Mapping[str, Mapping[str, Mapping[str, Sample]]]
) -> dict[str, float]:
    """``<site>.<VARIABLE>.<method>.{rmse,rmse_low,rmse_high,bias,coverage90,crps}``, ``.data``, differences, and
    ``summary.*``.

    A summary's ``rmse`` is the median over the sites; ``coverage90`` that of all data together, ``covered`` the
    share of sites within [0.85, 0.95].
    """
    figures: dict[str, float] = {}
    verdicts: dict[str, list[tuple[str, Difference]]] = {}
    for tower in towers:
        for variable, methods in samples.get(tower.key, {}).items():
            name = f"{tower.key}.{variable}"
            for method, sample in methods.items():
                summary = summarise(sample, draws=DRAWS)
                assert summary is not None
                for score in ("rmse", "rmse_low", "rmse_high", "bias", "coverage90", "crps"):
                    value = getattr(summary, score)
                    if np.isfinite(value):
                        figures[f"{name}.{method}.{score}"] = value
            figures[f"{name}.data"] = methods["site"].truth.size
            for other in AGAINST:
                if other in methods:
                    found = difference(methods[other], methods["site"])
                    figures[f"{name}.site.gain_over_{other}"] = found.value
                    figures[f"{name}.site.gain_over_{other}_low"] = found.low
                    figures[f"{name}.site.gain_over_{other}_high"] = found.high
                    verdicts.setdefault(other, []).append((variable, found))
    return figures | _summary(samples, verdicts)


def _summary(
    samples: Mapping[str, Mapping[str, Mapping[str, Sample]]],
    verdicts: Mapping[str, Sequence[tuple[str, Difference]]],
) -> dict[str, float]:
    figures: dict[str, float] = {"summary.towers": sum(bool(v) for v in samples.values())}
    for variable in sorted({v for own in samples.values() for v in own}):
        for method in METHODS:
            own = [s[variable][method] for s in samples.values() if method in s.get(variable, {})]
            if not own:
                continue
            rmse = [float(np.sqrt(np.mean((s.estimate - s.truth) ** 2))) for s in own]
            covered = np.array([float(np.nanmean(s.inside)) for s in own])
            name = f"summary.{variable}.{method}"
            figures[f"{name}.sites"] = len(own)
            figures[f"{name}.rmse"] = float(np.median(rmse))
            figures[f"{name}.coverage90"] = float(np.nanmean(np.concatenate([s.inside for s in own])))
            figures[f"{name}.covered"] = float(np.mean((covered >= COVERAGE[0]) & (covered <= COVERAGE[1])))
    for other, found in verdicts.items():
        for variable in ("all", *sorted({v for v, _ in found})):
            # months are means of what is counted already
            own_ = [d for v, d in found if v == variable or (variable == "all" and not v.endswith("_month"))]
            name = f"summary.{variable}.site"
            figures[f"{name}.worse_than_{other}"] = float(np.mean([d.worse for d in own_]))
            figures[f"{name}.better_than_{other}"] = float(np.mean([d.better for d in own_]))
    return figures
