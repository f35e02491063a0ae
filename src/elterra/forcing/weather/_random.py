"""Random numbers from counters: any day or month can be drawn alone, in any order, to the bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def standard_normal(seed: int, purpose: str, window: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Standard normal numbers that depend on (seed, purpose, window) and nothing else.

    ``window`` (a day or month number, may be negative) is the highest word of the counter, so that streams of
    neighbours do not overlap; ``purpose`` is told apart by its first eight letters.
    """
    word = int.from_bytes(purpose.encode()[:8].ljust(8, b"\0"), "little")
    generator = np.random.Philox(key=[seed, word], counter=[0, 0, 0, window + (1 << 40)])
    return np.random.Generator(generator).standard_normal(shape)
