"""Running means that remember days to a year."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.constants import SECSPDAY
from elterra.land.fields import Fields

#: the longest memory, s: `memory_steps` counts no further
LONGEST = 365.0 * SECSPDAY
#: running means that CLM5 does not advance in the extra step of its start
RUNNING_MEANS = ("t10", "pco2_10", "pbot_10", "prec10", "prec60", "rh30", "annet", "memory_steps")


def running_mean(s: Fields, name: str, new: jax.Array, days: float, dt: float) -> jax.Array:
    """State ``name`` with ``new`` of this step in it: the mean of all steps so far, later with time constant ``days``.

    CLM5 ``accumulMod``: in the first ``days`` after a cold start the mean is that of the steps there are; the value a run
    begins with is forgotten at once. ``s.memory_steps`` ``[column]`` are the steps before this one.
    """
    steps = jnp.minimum(s.memory_steps + 1.0, days * SECSPDAY / dt)
    return s[name] + (new - s[name]) / steps


def count_step(s: Fields, dt: float) -> Fields:
    """``s`` with one step more in ``memory_steps``; call it at the end of a step."""
    return s.replace(memory_steps=jnp.minimum(s.memory_steps + 1.0, LONGEST / dt))
