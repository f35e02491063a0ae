"""Shrinkage of sample correlations between parameters and predictions (localisation without distance).

An ensemble much smaller than the number of parameters sees correlations that are not there. ``sec``: sampling error
correction by a power law, after Lee (2021): ``rho -> rho |rho|^alpha``. ``nice``: the power is chosen from the noise
of the sample itself, after Vishny, Morzfeld, Gwirtz, Bach, Dunbar and Hodyss (2024).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: exponent of "sec"
SEC_POWER = 1.0
#: "nice": a shrinkage may change correlations by this many times the noise of the sample
NICE_SHARE = 1.0
#: "nice": powers that are tried, the strongest first; 0 leaves the correlations alone
NICE_POWERS = (8, 6, 4, 3, 2, 1.5, 1, 0.5, 0)

Kind = Literal["sec", "nice"]


def shrink(correlation: Array, members: int, kind: Kind) -> Array:
    """Correlations nearer to zero, the small ones more than the large ones; signs stay, and so do +-1 and 0."""
    rho = np.clip(correlation, -1.0, 1.0)
    if kind == "sec":
        return rho * np.abs(rho) ** SEC_POWER
    # sd of a sample correlation, to first order in 1/members
    noise = np.sqrt((((1 - rho**2) ** 2) / (members - 1)).sum())
    for power in NICE_POWERS:
        smaller = rho * np.abs(rho) ** power
        if np.sqrt(((smaller - rho) ** 2).sum()) <= NICE_SHARE * noise:
            return smaller
    return rho


def shrunk_covariances(z: Array, g: Array, kind: Kind) -> tuple[Array, Array]:
    """Covariances parameters-predictions ``[p, n]`` and predictions-predictions ``[n, n]`` of anomalies ``z [m, p]``,
    ``g [m, n]``, shrunk. Variances are left alone."""
    members = len(z)
    sd_z, sd_g = (np.sqrt((a**2).sum(axis=0) / (members - 1)) for a in (z, g))
    safe_z, safe_g = np.where(sd_z > 0, sd_z, 1.0), np.where(sd_g > 0, sd_g, 1.0)
    cross = shrink((z / safe_z).T @ (g / safe_g) / (members - 1), members, kind)
    within = shrink((g / safe_g).T @ (g / safe_g) / (members - 1), members, kind)
    np.fill_diagonal(within, 1.0)
    # an elementwise power of a correlation matrix need not be one: its negative part is left out
    values, vectors = np.linalg.eigh(within)
    within = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return np.outer(sd_z, sd_g) * cross, np.outer(sd_g, sd_g) * within
