"""Serial ensemble adjustment with covariance localisation (Anderson 2003; Karspeck and Anderson 2007).

Observations are taken one after the other; the increment of each predicted observation is regressed on state
and on the predicted observations still to come, and tapered with distance. No transform of the members: every
row of the state gets its own."""

from __future__ import annotations

from elterra.assimilation import _jax  # noqa: F401  (double precision first)

# isort: split
import jax.numpy as jnp
from jax import Array, lax


def serial_local_analysis(
    x: Array,
    predicted: Array,
    value: Array,
    sd: Array,
    taper: Array,
    taper_observed: Array,
    order: Array,
) -> tuple[Array, Array]:
    """Analysed state ``[state, member]`` and analysed predicted observations ``[observation, member]``.

    taper ``[observation, state]``, taper_observed ``[observation, observation]`` in [0, 1]; value, sd, order
    ``[observation]``. An observation that the ensemble predicts without spread changes nothing."""
    n, m = predicted.shape
    x, predicted, value, sd, taper, taper_observed, order = (
        jnp.asarray(a) for a in (x, predicted, value, sd, taper, taper_observed, order)
    )
    tapers = jnp.concatenate([taper, taper_observed], axis=1)
    both = jnp.concatenate([x, predicted])
    states = x.shape[0]

    def one(j: Array, rows: Array) -> Array:
        i = order[j]
        forecast = rows[states + i]
        mean = forecast.mean()
        y = forecast - mean
        variance = y @ y / (m - 1)
        spread = variance > 0
        safe = jnp.where(spread, variance, 1.0)
        error = sd[i] ** 2
        shrink = (
            jnp.sqrt(error / (error + variance)) - 1.0
        )  # of the anomalies, two-step form of Anderson (2003)
        increment = variance / (variance + error) * (value[i] - mean) + shrink * y
        anomalies = rows - rows.mean(axis=1, keepdims=True)
        regression = tapers[i] * (anomalies @ y) / ((m - 1) * safe)
        return rows + jnp.where(spread, regression, 0.0)[:, None] * increment

    rows = lax.fori_loop(0, n, one, both)
    return rows[:states], rows[states:]
