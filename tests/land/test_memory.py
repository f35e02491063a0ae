"""Running means: means of the steps there are, then with their time constant."""

import jax.numpy as jnp
import numpy as np

from elterra.land.fields import Fields
from elterra.land.memory import count_step, running_mean

DT = 1800.0


def run(values, steps_before=0.0, start=99.0):
    s = Fields(x=jnp.full(1, start), memory_steps=jnp.full(1, steps_before))
    out = []
    for value in values:
        s = count_step(s.replace(x=running_mean(s, "x", jnp.full(1, value), 1.0, DT)), DT)
        out.append(float(s.x[0]))
    return np.array(out), float(s.memory_steps[0])


def test_the_first_steps_after_a_cold_start_are_plain_means():
    values = np.arange(48.0) ** 2
    means, count = run(values)
    np.testing.assert_allclose(means, np.cumsum(values) / np.arange(1, 49), rtol=1e-12)
    assert count == 48.0


def test_a_mean_that_has_run_its_time_keeps_its_time_constant():
    means, count = run(np.full(10, 1.0), steps_before=17519.0, start=0.0)
    np.testing.assert_allclose(means, 1.0 - (1.0 - 1.0 / 48.0) ** np.arange(1, 11), rtol=1e-12)
    assert count == 17520.0  # a year, the longest memory
