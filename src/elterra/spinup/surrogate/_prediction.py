"""What a surrogate says: log-ratios to the prior with their spread, pools, totals, calibrated intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elterra.networks import Conformal, calibrate
from elterra.spinup.surrogate._sample import TOTALS, Layout, Sample
from elterra.spinup.surrogate._scaling import Scaling

Array = NDArray[np.float64]
LEVELS = (0.5, 0.9)


@dataclass(frozen=True)
class Prediction:
    """Mean and standard deviation of the log-ratio to the prior, ``surface* [lat, lon, pool]``, ``soil* [layer, lat, lon,
    pool]``."""

    surface: Array
    surface_sd: Array
    soil: Array
    soil_sd: Array

    def pools(self, sample: Sample, scaling: Scaling) -> tuple[Array, Array]:
        """Pools of the surface (g m-2) and the soil (g m-3), never negative, 0 in the sea and in rock."""
        below = (sample.valid & sample.land)[..., None]
        above = sample.land[..., None]
        return (
            np.where(above, _back(sample.prior_surface, self.surface, scaling.surface_small), 0.0),
            np.where(below, _back(sample.prior_soil, self.soil, scaling.soil_small), 0.0),
        )


class Surrogate(Protocol):
    """Whatever predicts: the network, the trees, the prior alone."""

    @property
    def layout(self) -> Layout:
        """Names of inputs and pools."""
        ...

    @property
    def scaling(self) -> Scaling:
        """What is added to pools before the logarithm."""
        ...

    def predict(self, sample: Sample) -> Prediction:
        """Log-ratios of a map."""
        ...


@dataclass(frozen=True)
class PriorAlone:
    """The analytic prior as it is, with the spread that the training data have around it."""

    layout: Layout
    scaling: Scaling

    def predict(self, sample: Sample) -> Prediction:
        """Zeros."""
        surface, soil = np.zeros(sample.prior_surface.shape), np.zeros(sample.prior_soil.shape)
        return Prediction(
            surface, surface + self.scaling.surface_target, soil, soil + self.scaling.soil_target
        )


def totals_with_spread(
    sample: Sample, layout: Layout, scaling: Scaling, found: Prediction
) -> dict[str, tuple[NDArray, NDArray]]:
    """Totals of a column (g m-2) and the standard deviation of their logarithm, ``[lat, lon]``. The errors of the parts are
    taken to go together, the cautious choice; calibration corrects it."""
    surface, soil = found.pools(sample, scaling)
    total = sample.totals(layout, surface, soil)
    spread = sample.totals(layout, surface * found.surface_sd, soil * found.soil_sd)
    return {n: (total[n], np.maximum(spread[n] / np.maximum(total[n], 1e-12), 1e-6)) for n in TOTALS}


@dataclass(frozen=True)
class Intervals:
    """Calibration of each pool and each total, by group of cells."""

    by_name: dict[str, Conformal]

    def of_total(
        self, name: str, value: Array, sd: Array, group: NDArray, level: float
    ) -> tuple[Array, Array]:
        """Bounds of a total (g m-2) whose logarithm has the standard deviation ``sd``."""
        low, high = self.by_name[name].interval(np.log(np.maximum(value, 1e-12)), sd, group, level)
        return np.exp(low), np.exp(high)

    def of_pool(
        self, name: str, prior: Array, small: float, mean: Array, sd: Array, group: NDArray, level: float
    ) -> tuple[Array, Array]:
        """Bounds of a pool from the mean and standard deviation of its log-ratio to the prior; never negative."""
        low, high = self.by_name[name].interval(mean, sd, group, level)
        return _back(prior, low, small), _back(prior, high, small)


def calibrate_intervals(surrogate: Surrogate, samples: Sequence[Sample]) -> Intervals:
    """Split conformal calibration (`networks.calibrate`) on usable cells of maps that the surrogate has not been trained on;
    layers of a cell count as data of their own."""
    layout, scaling = surrogate.layout, surrogate.scaling
    rows: dict[str, list[tuple[NDArray, NDArray, NDArray, NDArray]]] = {}
    for sample in samples:
        found, cells = surrogate.predict(sample), sample.usable
        truth = scaling.log_ratios(sample)
        layers = sample.valid & cells
        group3 = np.broadcast_to(sample.group, layers.shape)
        for i, name in enumerate(layout.surface_pools):
            values = (found.surface[..., i], found.surface_sd[..., i], truth[0][..., i], sample.group)
            rows.setdefault(name, []).append(tuple(v[cells] for v in values))  # type: ignore[arg-type]
        for i, name in enumerate(layout.soil_pools):
            values = (found.soil[..., i], found.soil_sd[..., i], truth[1][..., i], group3)
            rows.setdefault(name, []).append(tuple(v[layers] for v in values))  # type: ignore[arg-type]
        assert sample.true_surface is not None
        assert sample.true_soil is not None
        exact = sample.totals(layout, sample.true_surface, sample.true_soil)
        for name, (value, sd) in totals_with_spread(sample, layout, scaling, found).items():
            logs = (np.log(np.maximum(x, 1e-12)) for x in (value, exact[name]))
            mean, target = logs
            rows.setdefault(name, []).append((mean[cells], sd[cells], target[cells], sample.group[cells]))
    return Intervals(
        {
            n: calibrate(*(np.concatenate(x) for x in zip(*r, strict=True)), levels=LEVELS)
            for n, r in rows.items()
        }
    )


def _back(prior: NDArray, ratio: Array, small: Array | float) -> Array:
    return np.asarray(np.maximum((prior + small) * np.exp(ratio) - small, 0.0), np.float64)
