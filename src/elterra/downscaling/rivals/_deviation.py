"""How a method sees the truth beside the bilinear field: a deviation that can be learned across cells of any size of value.

`positive`: the log of the ratio to the bilinear field (to a hundredth of it at least, since stocks can be nil); other laws:
the difference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.laws import Law

Array = NDArray[np.float64]

_LEAST_RATIO = 0.01


def to_deviation(law: Law, values: Array, base: Array) -> Array:
    if law.kind != "positive":
        return values - base
    safe = np.maximum(base, 1e-30)
    return np.log(np.maximum(values / safe, _LEAST_RATIO))


def from_deviation(law: Law, deviation: Array, base: Array) -> Array:
    """Back, within the bounds of the law."""
    if law.kind == "positive":
        return np.maximum(base, 0.0) * np.exp(deviation)
    return np.clip(base + deviation, *law.limits)


def scale_of(law: Law, base: Array) -> Array:
    """What a physical difference is divided by: the bilinear field for `positive`, else 1."""
    return np.maximum(base, 1e-30) if law.kind == "positive" else np.ones_like(base)
