"""Which samples make the batch of a step: a function of seed and step alone, so that a resumed run needs no state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: purposes of random numbers of a training run, part of their key
ORDER, CROPS = 1, 2


def generator(seed: int, purpose: int, counter: int) -> np.random.Generator:
    """Random numbers of one purpose at one step: a Philox generator, key (seed, purpose), counter in its high word."""
    return np.random.Generator(np.random.Philox(key=[seed, purpose], counter=[0, 0, 0, counter]))


def batch_indices(step: int, samples: int, batch: int, seed: int) -> NDArray[np.int64]:
    """Samples ``[batch]`` of a step. Each sample once in an epoch, in a new order each time; batches run on across the
    border of two epochs."""
    if samples < 1 or batch < 1:
        raise ValueError(f"batches need samples and a size; got {samples} samples, batches of {batch}")
    places = step * batch + np.arange(batch)
    epochs = places // samples
    orders = {int(e): generator(seed, ORDER, int(e)).permutation(samples) for e in np.unique(epochs)}
    return np.array([orders[int(e)][p % samples] for e, p in zip(epochs, places, strict=True)], np.int64)
