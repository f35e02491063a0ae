"""Time and memory of the LETKF: a map with ten layers, one observation for every hundred state values, 64 members."""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from elterra.assimilation import LocalFilter, ObservationBatch, Places

MEMBERS, LAYERS, VALUES_PER_OBSERVATION = 64, 10, 100
#: observations a point sees with the weights of the default (adaptive) localisation: their weights sum to the members
SIZES = (100_000, 300_000, 1_000_000)
QUICK_SIZES = (5_000, 10_000, 20_000)


def figures(values: int) -> dict[str, float]:
    """``seconds`` of one analysis (compilation excluded by one small analysis before) and ``gigabytes``, the
    peak of this process."""
    experiment(1000, 1)
    seconds, used = experiment(values, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": seconds,
        "gigabytes": peak * (1 if sys.platform == "darwin" else 1024) / 1e9,
        "observations_a_point": used,
    }


def experiment(values: int, seed: int) -> tuple[float, float]:
    """Seconds, and observations with weight at a point."""
    rng = np.random.default_rng(seed)
    points, n = values // LAYERS, values // VALUES_PER_OBSERVATION
    side = np.sqrt(points)  # so that the density of points and observations is that of every size
    places = Places(side * rng.random((points, 2)), side * rng.random((n, 2)))
    x = rng.standard_normal((LAYERS, points, MEMBERS))
    predicted = rng.standard_normal((n, MEMBERS))
    batch = ObservationBatch(rng.standard_normal(n), np.ones(n), np.zeros(n, dtype=np.int64))
    start = time.perf_counter()
    found = LocalFilter().analyse(x, predicted, batch, places)
    return time.perf_counter() - start, float(found.diagnostics["mean_used"])
