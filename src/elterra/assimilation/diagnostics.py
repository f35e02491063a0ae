"""What tells whether an ensemble may be believed: figures for JSON and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation.ensemble_filters import generator
from elterra.assimilation.filter import Array, ObservationBatch

#: purpose of the draws of `rank_histogram`
_RANKS = 5


def effective_rank(x: Array) -> float:
    """Exponential of the entropy of the variance spectrum (Roy and Vetterli 2007); 1: one direction, members - 1: all alike.

    x ``[row, member]`` in units in which rows compare (standard deviations). 0 for an ensemble without spread.
    """
    anomalies = x - x.mean(axis=1, keepdims=True)
    power = np.linalg.svd(anomalies, compute_uv=False) ** 2
    if power.sum() == 0:
        return 0.0
    share = power[power > 0] / power.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def degrees_of_freedom(predicted: Array, observations: ObservationBatch) -> Array:
    """Degrees of freedom for signal by group of observations ``[group]``: trace of ``H K`` (Rodgers 2000;
    Cardinali et al. 2004)."""
    groups = int(observations.group.max()) + 1 if len(observations) else 0
    if not groups:
        return np.zeros(0)
    m = predicted.shape[1]
    s = (predicted - predicted.mean(axis=1, keepdims=True)) / observations.sd[:, None]
    _, sigma, vt = np.linalg.svd(s, full_matrices=False)
    influence = (((s @ vt.T) ** 2) / (m - 1 + sigma**2)).sum(axis=1)
    return np.bincount(observations.group, influence, minlength=groups).astype(np.float64)


def log_evidence(predicted: Array, observations: ObservationBatch) -> float:
    """Logarithm of the Gaussian density of the data before the analysis, ``N(mean Y, Y'Y'^T / (m-1) + R)``."""
    m = predicted.shape[1]
    s = (predicted - predicted.mean(axis=1, keepdims=True)) / observations.sd[:, None] / np.sqrt(m - 1)
    d = (observations.value - predicted.mean(axis=1)) / observations.sd
    u, sigma, _ = np.linalg.svd(s, full_matrices=False)
    along = u.T @ d
    chi2 = d @ d - (along**2 * sigma**2 / (1 + sigma**2)).sum()
    logdet = np.log1p(sigma**2).sum() + 2 * np.log(observations.sd).sum()
    return float(-0.5 * (chi2 + logdet + len(d) * np.log(2 * np.pi)))


def rank_histogram(value: Array, predicted: Array, sd: Array, seed: int = 0) -> NDArray[np.int64]:
    """Counts ``[member + 1]`` of the rank of each datum among the members with errors added (Hamill 2001).

    predicted ``[observation, member]``. Flat where the ensemble is reliable, a bowl where it is too narrow.
    """
    # a stream of its own: the caller may have drawn the data with a generator of the same seed
    noise = generator(seed, _RANKS, 0).standard_normal(predicted.shape)
    noisy = predicted + sd[:, None] * noise
    return np.bincount((noisy < value[:, None]).sum(axis=1), minlength=predicted.shape[1] + 1)


@dataclass
class InnovationStatistics:
    """Sums over windows by group (kind, station or sensor) that give bias, spread-skill, chi2, and the errors
    that would be consistent.

    Desroziers et al. (2005): with innovation ``d`` before and residual ``r`` after the analysis ``E[r d] = sd^2`` and
    ``E[(d - r) d] = prior variance``. Outliers have to be refused before.
    """

    groups: Sequence[str]
    sums: dict[str, Array] = field(init=False)

    _TERMS = ("n", "d", "d2", "prior", "error", "chi2", "r", "r2", "rd", "posterior", "dfs")

    def __post_init__(self) -> None:
        self.sums = {k: np.zeros(len(self.groups)) for k in self._TERMS}

    def add(self, predicted: Array, analysed: Array, observations: ObservationBatch) -> None:
        """One window: predictions before and after the analysis ``[observation, member]``."""
        if not len(observations):
            return
        d = observations.value - predicted.mean(axis=1)
        r = observations.value - analysed.mean(axis=1)
        prior, posterior = predicted.var(axis=1, ddof=1), analysed.var(axis=1, ddof=1)
        error = observations.sd**2
        terms = {
            "n": np.ones_like(d), "d": d, "d2": d**2, "prior": prior, "error": error,
            "chi2": d**2 / (prior + error), "r": r, "r2": r**2, "rd": r * d, "posterior": posterior,
        }  # fmt: skip
        for name, term in terms.items():
            self.sums[name] += np.bincount(observations.group, term, minlength=len(self.groups))
        freedom = degrees_of_freedom(predicted, observations)
        self.sums["dfs"][: len(freedom)] += freedom

    def figures(self) -> dict[str, dict[str, float]]:
        """By group: count, bias, rmse before and after, spread (prior and error), spread over error, chi2 (one is right),
        consistent error and prior standard deviation (absent where the estimate is negative), degrees of freedom."""
        out: dict[str, dict[str, float]] = {}
        for g, name in enumerate(self.groups):
            s = {k: float(v[g]) for k, v in self.sums.items()}
            n = s["n"]
            if n == 0:
                continue
            rmse = np.sqrt(s["d2"] / n)
            found = {
                "count": n,
                "bias": s["d"] / n,
                "rmse_forecast": rmse,
                "rmse_analysis": np.sqrt(s["r2"] / n),
                "spread_forecast": np.sqrt(s["prior"] / n),
                "spread_analysis": np.sqrt(s["posterior"] / n),
                "spread_skill": np.sqrt((s["prior"] + s["error"]) / n) / rmse if rmse > 0 else np.inf,
                "chi2": s["chi2"] / n,
                "dfs": s["dfs"],
            }
            for key, value in (("consistent_sd", s["rd"]), ("consistent_prior_sd", s["d2"] - s["rd"])):
                if value >= 0:
                    found[key] = np.sqrt(value / n)
            out[name] = {k: float(v) for k, v in found.items() if np.isfinite(v)}
        return out


def spread_skill(spread: Array, error: Array, bins: int = 10) -> dict[str, list[float]]:
    """Binned by spread: root mean squared spread and error of each bin, equal counts; on the diagonal where reliable."""
    order = np.argsort(spread, kind="stable")
    parts = [p for p in np.array_split(order, bins) if len(p)]
    return {
        "spread": [float(np.sqrt((spread[p] ** 2).mean())) for p in parts],
        "error": [float(np.sqrt((error[p] ** 2).mean())) for p in parts],
        "count": [float(len(p)) for p in parts],
    }


def increment_budget(
    prior: Mapping[str, Array], posterior: Mapping[str, Array]
) -> dict[str, dict[str, float]]:
    """By variable ``[..., member]``: sum over places of the mean increment, its root mean square, and the
    change of spread."""
    out = {}
    for name, before in prior.items():
        moved = posterior[name].mean(axis=-1) - before.mean(axis=-1)
        sd = before.std(axis=-1, ddof=1)
        after = posterior[name].std(axis=-1, ddof=1)
        out[name] = {
            "total": float(moved.sum()),
            "rms": float(np.sqrt((moved**2).mean())),
            "spread_before": float(np.sqrt((sd**2).mean())),
            "spread_after": float(np.sqrt((after**2).mean())),
        }
    return out


def as_text(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """A table for people: rows by group, columns by figure."""
    columns = list(dict.fromkeys(k for row in figures.values() for k in row))
    width = max([len("group"), *(len(name) for name in figures)])
    lines = ["  ".join(["group".ljust(width), *(c.rjust(max(11, len(c))) for c in columns)])]
    for name, row in figures.items():
        cells = [(f"{row[c]:.4g}" if c in row else "-").rjust(max(11, len(c))) for c in columns]
        lines.append("  ".join([name.ljust(width), *cells]))
    return "\n".join(lines)
