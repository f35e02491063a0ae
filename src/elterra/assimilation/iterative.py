"""Iterative ensemble smoothers: the model is run again from the corrected beginning of the window.

The iterative ensemble Kalman smoother (iEnKS; Bocquet and Sakov 2014) is a Gauss-Newton search in the space
of the members. The result is a transform ``[member, member]`` of the ensemble at the beginning, or of
parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from elterra.assimilation import _jax  # noqa: F401  (double precision first)

# isort: split
import jax.numpy as jnp
from jax import Array, lax

from elterra.assimilation.ensemble_space import assemble, perturbed_transform, spectrum, square_root_transform
from elterra.assimilation.finite_size import effective_certainty

#: ``x [state, member] -> predicted observations [observation, member]``: the model over the window, and the operator
Predict = Callable[[Array], Array]


class Smoothed(NamedTuple):
    """transform ``[member, member]`` of the first ensemble; predicted ``[observation, member]``, of the last iteration and
    corrected linearly to the result; step: norm of the last change of the mean weights."""

    transform: Array
    predicted: Array
    step: Array


def iterative_smoother(
    x: Array,
    predict: Predict,
    value: Array,
    sd: Array,
    iterations: int = 10,
    certainty: float | None = None,
) -> Smoothed:
    """iEnKS with the transform variant: anomalies are re-centred each iteration as the posterior square root.

    x ``[state, member]`` at the beginning of the window; value, sd ``[observation]``. ``certainty`` turns on
    the finite-size hyper-prior (iEnKS-N). One iteration is the ETKF. Observations of the past of a window
    must have been used up: each enters once."""
    m = x.shape[1]
    mean = x.mean(axis=1, keepdims=True)
    anomalies = x - mean

    def one(
        carry: tuple[Array, Array, Array], _: None
    ) -> tuple[tuple[Array, Array, Array], tuple[Array, Array]]:
        w, t, t_inverse = carry
        predicted = predict(mean + anomalies @ (w[:, None] + t))
        centre = predicted.mean(axis=1)
        d = (value - centre) / sd
        s = ((predicted - centre[:, None]) / sd[:, None]) @ t_inverse
        values, vectors = spectrum(s)
        zeta = (m - 1.0) if certainty is None else effective_certainty(values, w, certainty)
        change = (vectors / (values + zeta)) @ (vectors.T @ (s.T @ d - zeta * w))
        root = jnp.sqrt((m - 1.0) / (values + zeta))
        new = (w + change, (vectors * root) @ vectors.T, (vectors / root) @ vectors.T)
        # linear correction of the predictions from the ensemble that was run to the one that was found
        moved = predicted + (predicted - centre[:, None]) @ t_inverse @ (change[:, None] + new[1] - t)
        return new, (moved, jnp.linalg.norm(change))

    start = (jnp.zeros(m), jnp.eye(m), jnp.eye(m))
    (w, t, _), (predicted, steps) = lax.scan(one, start, None, length=iterations)
    return Smoothed(assemble(t, w), predicted[-1], steps[-1])


def multiple_assimilation(
    x: Array, predict: Predict, value: Array, sd: Array, inflations: Array, noise: Array | None = None
) -> tuple[Array, Array]:
    """ES-MDA (Emerick and Reynolds 2013): the same data several times, each with its error variance times
    ``inflations [step]``, whose inverses have to sum to one.

    noise ``[step, observation, member]``: standard normal draws of the perturbed observations; None takes the
    square root instead (no sampling error). Gives the analysed ``x`` and the product of the transforms
    ``[member, member]``."""

    def one(carry: tuple[Array, Array], step: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
        now, total = carry
        inflation, draws = step
        predicted = predict(now)
        centre = predicted.mean(axis=1)
        scale = sd * jnp.sqrt(inflation)
        s = (predicted - centre[:, None]) / scale[:, None]
        d = (value - centre) / scale
        t = square_root_transform(s, d) if noise is None else perturbed_transform(s, d, draws)
        return (now @ t, total @ t), None

    draws = jnp.zeros(len(inflations)) if noise is None else noise
    (analysed, total), _ = lax.scan(one, (x, jnp.eye(x.shape[1])), (jnp.asarray(inflations), draws))
    return analysed, total
