"""Time and memory of the LETKF: a map with ten layers, one observation for every hundred state values, 64 members."""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation import InterpolatedFilter, LocalAnalysis, LocalFilter, ObservationBatch, Places

Array = NDArray[np.float64]

MEMBERS, LAYERS, VALUES_PER_OBSERVATION = 64, 10, 100
#: observations a point sees with the weights of the default (adaptive) localisation: their weights sum to the members
SIZES = (100_000, 300_000, 1_000_000)
QUICK_SIZES = (5_000, 10_000, 20_000)
#: edge of the cells of the coarse grid; points are 1 apart, the half support chosen is about 15
SPACING = 4.0
INTERPOLATED = InterpolatedFilter(spacing=SPACING)


def figures(values: int) -> dict[str, float]:
    """``seconds`` of one analysis (compilation excluded by one small analysis before) and ``gigabytes``, the
    peak of this process; the same with transforms interpolated from a grid of `SPACING`, and how far that is off: root mean
    square of the difference over that of the increments."""
    state = experiment(1000, 1)
    run(LocalFilter(), *state)
    run(INTERPOLATED, *state)
    state = experiment(values, 0)
    seconds, processor, whole = run(LocalFilter(), *state)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    quick, quick_processor, coarse = run(INTERPOLATED, *state)
    increment = np.sqrt(((whole.x - state[0]) ** 2).mean())
    return {
        "seconds": seconds,
        "processor_seconds": processor,
        "gigabytes": peak * (1 if sys.platform == "darwin" else 1024) / 1e9,
        "observations_a_point": whole.diagnostics["mean_used"],
        "interpolated_seconds": quick,
        "interpolated_processor_seconds": quick_processor,
        "interpolated_error": float(np.sqrt(((coarse.x - whole.x) ** 2).mean()) / increment),
    }


def run(
    method: LocalFilter, x: Array, predicted: Array, batch: ObservationBatch, places: Places
) -> tuple[float, float, LocalAnalysis]:
    """Wall and processor seconds of an analysis, and the analysis."""
    start, processor = time.perf_counter(), time.process_time()
    found = method.analyse(x, predicted, batch, places)
    return time.perf_counter() - start, time.process_time() - processor, found


def experiment(values: int, seed: int) -> tuple[Array, Array, ObservationBatch, Places]:
    """State, predictions, observations and places."""
    rng = np.random.default_rng(seed)
    points, n = values // LAYERS, values // VALUES_PER_OBSERVATION
    side = np.sqrt(points)  # so that the density of points and observations is that of every size
    places = Places(side * rng.random((points, 2)), side * rng.random((n, 2)))
    x = rng.standard_normal((LAYERS, points, MEMBERS))
    predicted = rng.standard_normal((n, MEMBERS))
    batch = ObservationBatch(rng.standard_normal(n), np.ones(n), np.zeros(n, dtype=np.int64))
    return x, predicted, batch, places
