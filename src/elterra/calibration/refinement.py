"""Active refinement: new model runs where the posterior is and the emulator is unsure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elterra.calibration.emulator import Emulator

Array = NDArray[np.float64]


def emulator_doubt(emulator: Emulator, z: Array) -> Array:
    """Variance of the emulator summed over components, in units of the noise, ``[k]``: 1 costs as much as one datum."""
    return emulator.predict(z)[1].sum(axis=1)


def choose_runs(emulator: Emulator, samples: Array, count: int, seed: int) -> Array:
    """``count`` of the posterior ``samples [k, p]`` for new runs ``[count, p]``.

    Samples of the posterior are its weight already; each further run is the sample with the largest doubt that is left
    when the runs chosen before it are known. What a run takes away from the doubt nearby is described by a squared
    exponential in units of the spread of the samples.
    """
    rng = np.random.default_rng(seed)
    pool = samples[rng.choice(len(samples), min(len(samples), 40 * count), replace=False)]
    doubt = emulator_doubt(emulator, pool)
    white = (pool - pool.mean(axis=0)) / np.maximum(pool.std(axis=0), 1e-12)
    # typical distance of neighbours of a cloud of this size and dimension
    reach = float(np.sqrt(2.0 * white.shape[1])) * 0.5
    chosen = []
    for _ in range(min(count, len(pool))):
        best = int(doubt.argmax())
        chosen.append(best)
        near = np.exp(-0.5 * ((white - white[best]) ** 2).sum(axis=1) / reach**2)
        doubt = doubt * (1.0 - near**2)
        doubt[best] = -1.0
    return np.asarray(pool[chosen])
