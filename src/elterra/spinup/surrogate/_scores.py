"""Scores of predicted pools against the equilibrium."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from elterra.spinup.surrogate._prediction import Intervals, Surrogate, totals_with_spread
from elterra.spinup.surrogate._sample import TOTALS, Sample


def score(
    surrogate: Surrogate, samples: Sequence[Sample], intervals: Intervals | None = None
) -> dict[str, float]:
    """Scores over the usable cells of all maps together, weighted by area.

    ``<total>.{r2,nrmse,log_bias,coverage90}`` for the totals of `TOTALS` and ``<pool>.r2`` for each pool (of soil: its
    column total). ``r2`` is 1 - squared error / variance of the truth, ``nrmse`` the root mean square error over the
    mean of the truth, ``log_bias`` the mean of log(predicted / true). ``soil_layers.rmse_log``: root
    mean square error of the log-ratios of soil pools, all layers alike.
    """
    layout, scaling = surrogate.layout, surrogate.scaling
    value: dict[str, list[NDArray]] = {}
    exact: dict[str, list[NDArray]] = {}
    inside: dict[str, list[NDArray]] = {}
    area, errors = [], []
    for sample in samples:
        found, cells = surrogate.predict(sample), sample.usable
        area.append(sample.area[cells])
        assert sample.true_surface is not None
        assert sample.true_soil is not None
        truth = sample.totals(layout, sample.true_surface, sample.true_soil)
        for name, (total, sd) in totals_with_spread(sample, layout, scaling, found).items():
            value.setdefault(name, []).append(total[cells])
            exact.setdefault(name, []).append(truth[name][cells])
            if intervals is not None:
                low, high = intervals.of_total(name, total, sd, sample.group, 0.9)
                inside.setdefault(name, []).append(((truth[name] >= low) & (truth[name] <= high))[cells])
        surface, soil = found.pools(sample, scaling)
        depth = np.where(sample.valid, sample.thickness[:, None, None], 0.0)
        for i, name in enumerate(layout.surface_pools):
            value.setdefault(name, []).append(surface[..., i][cells])
            exact.setdefault(name, []).append(sample.true_surface[..., i][cells])
        for i, name in enumerate(layout.soil_pools):
            for store, pool in (
                (value, soil),
                (exact, np.where(sample.valid[..., None], sample.true_soil, 0.0)),
            ):
                store.setdefault(name, []).append((depth * pool[..., i]).sum(axis=0)[cells])
        layers = sample.valid & cells
        errors.append((scaling.log_ratios(sample)[1] - found.soil)[layers].ravel())
    weight = np.concatenate(area)
    figures = {}
    for name in value:
        r2, nrmse, bias = _against(np.concatenate(value[name]), np.concatenate(exact[name]), weight)
        figures[f"{name}.r2"] = r2
        if name in TOTALS:
            figures |= {f"{name}.nrmse": nrmse, f"{name}.log_bias": bias}
            if inside:
                figures[f"{name}.coverage90"] = float(
                    np.average(np.concatenate(inside[name]), weights=weight)
                )
    figures["soil_layers.rmse_log"] = float(np.sqrt(np.mean(np.concatenate(errors) ** 2)))
    return figures


def _against(value: NDArray, exact: NDArray, weight: NDArray) -> tuple[float, float, float]:
    error = np.average((value - exact) ** 2, weights=weight)
    mean = np.average(exact, weights=weight)
    spread = np.average((exact - mean) ** 2, weights=weight)
    logs = np.log(np.maximum(value, 1e-12)) - np.log(np.maximum(exact, 1e-12))
    return float(1.0 - error / spread), float(np.sqrt(error) / mean), float(np.average(logs, weights=weight))
