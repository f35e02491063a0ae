"""Sums of what the analytic steady state needs, over the outputs of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.fields import Fields
from elterra.land.vegetation import TISSUES

POOL_NAMES = (
    "sasu_loss_c",
    "sasu_pool_c",
    "sasu_decomp_k",
    "sasu_litter_c",
    "sasu_litter_n",
)
INPUT_NAMES = tuple(f"sasu_input_{t}c" for t in TISSUES)
#: outputs whose time means `steady_state` takes
STEADY_STATE_MEANS = POOL_NAMES + INPUT_NAMES


class Accumulation(NamedTuple):
    """Sums over time of the outputs in `STEADY_STATE_MEANS` and the weight of the sums."""

    weight: jax.Array
    sums: Fields

    def means(self) -> Fields:
        """Time means, as `steady_state` takes them."""
        return Fields({k: v / self.weight for k, v in self.sums.items()})


def accumulate(outputs: Mapping[str, jax.Array], total: Accumulation | None = None) -> Accumulation:
    """Add a run's outputs to a sum.

    ``outputs`` holds at least the names in `STEADY_STATE_MEANS`, each with a leading time axis of equal steps. Call it
    once per
    chunk of a run and hand the result to the next call; whole years keep the seasons balanced. Raises
    KeyError for a missing name.
    """
    missing = [n for n in STEADY_STATE_MEANS if n not in outputs]
    if missing:
        raise KeyError(f"the run did not keep {missing}; ask it to collect elterra.spinup.STEADY_STATE_MEANS")
    steps = jnp.asarray(float(outputs[STEADY_STATE_MEANS[0]].shape[0]))
    sums = {n: jnp.sum(outputs[n], axis=0) for n in STEADY_STATE_MEANS}
    if total is not None:
        steps = steps + total.weight
        sums = {n: v + total.sums[n] for n, v in sums.items()}
    return Accumulation(steps, Fields(sums))
