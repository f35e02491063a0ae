"""Localisation: which observation may act on which part of the control vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation.filter import Array


def gaspari_cohn(distance: Array, half_support: float) -> Array:
    """Taper of Gaspari and Cohn (1999, eq. 4.10): one at zero, zero beyond ``2 half_support``."""
    z = np.abs(np.asarray(distance, dtype=np.float64)) / half_support
    inner = -0.25 * z**5 + 0.5 * z**4 + 0.625 * z**3 - 5.0 / 3.0 * z**2 + 1.0
    safe = np.where(z > 0, z, 1.0)
    outer = z**5 / 12 - 0.5 * z**4 + 0.625 * z**3 + 5.0 / 3.0 * z**2 - 5.0 * z + 4.0 - 2.0 / (3.0 * safe)
    return np.clip(np.where(z <= 1, inner, np.where(z <= 2, outer, 0.0)), 0.0, 1.0)


def group_taper(
    control_groups: Sequence[str],
    observation_kinds: Sequence[str],
    kind_of_observation: NDArray[np.int64],
    weights: Mapping[tuple[str, str], float],
) -> Array:
    """Localisation by variable: ``[control_group, observation]`` from weights by (control group, kind).

    A pair that is not listed has weight one.
    """
    table = np.array([[weights.get((c, k), 1.0) for k in observation_kinds] for c in control_groups])
    return table[:, kind_of_observation] if len(kind_of_observation) else np.zeros((len(control_groups), 0))
