"""4D-Var by the derivative of the model: no ensemble, a static covariance, JAX for tangent and adjoint.

The cost of the whitened control ``v``, with ``x = background + B^(1/2) v``, is ``J = |v|^2 / 2 + |(y -
predict(x)) / sd|^2 / 2``."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from elterra.assimilation import _jax  # noqa: F401  (double precision first)

# isort: split
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from elterra.assimilation.filter import AnalysisError

#: ``x [state] -> predicted observations [observation]``: model over the window and operator, differentiable by JAX
Predict = Callable[[Array], Array]


class Minimum(NamedTuple):
    """x ``[state]``; root ``[state, control]`` of the posterior covariance (Gauss-Newton); cost; step: norm
    of the last change of v (Gauss-Newton) or largest element of the gradient (L-BFGS)."""

    x: Array
    root: Array
    cost: Array
    step: Array


def gauss_newton(
    background: Array, root: Array, predict: Predict, value: Array, sd: Array, iterations: int = 10
) -> Minimum:
    """Gauss-Newton with the full Jacobian by forward derivatives: for some hundred controls.

    background ``[state]``, root ``B^(1/2) [state, control]``, value, sd ``[observation]``. For a linear model
    one iteration is exact."""
    k = root.shape[1]

    def misfit(v: Array) -> Array:
        return (value - predict(background + root @ v)) / sd

    def one(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
        v, _root = carry
        d, push = jax.linearize(misfit, v)
        s = -jax.vmap(push, out_axes=1)(jnp.eye(k))
        values, vectors = jnp.linalg.eigh(s.T @ s)
        p = 1.0 / (1.0 + jnp.maximum(values, 0.0))
        change = (vectors * p) @ (vectors.T @ (s.T @ d - v))
        return (v + change, (vectors * jnp.sqrt(p)) @ vectors.T), jnp.linalg.norm(change)

    (v, posterior), steps = lax.scan(one, (jnp.zeros(k), jnp.eye(k)), None, length=iterations)
    cost = 0.5 * (v @ v + (misfit(v) ** 2).sum())
    return Minimum(background + root @ v, root @ posterior, cost, steps[-1])


def quasi_newton(
    background: Array,
    root: Array,
    predict: Predict,
    value: Array,
    sd: Array,
    iterations: int = 100,
    huber: float | None = None,
) -> Minimum:
    """L-BFGS with the gradient by the adjoint (`jax.grad`): for many controls. Runs outside of traced code.

    huber: normalised misfits beyond it count linearly, so that a single outlier does not rule (Huber 1964).
    The root that comes back is that of the prior: L-BFGS knows no posterior covariance. Raises
    `AnalysisError` where cost or gradient is not finite."""
    from scipy.optimize import minimize

    def cost(v: Array) -> Array:
        d = (value - predict(background + root @ v)) / sd
        penalty = 0.5 * d**2
        if huber is not None:
            size = jnp.abs(d)
            penalty = jnp.where(size <= huber, penalty, huber * size - 0.5 * huber**2)
        return 0.5 * v @ v + penalty.sum()

    both = jax.jit(jax.value_and_grad(cost))

    def of_numpy(v: np.ndarray) -> tuple[float, np.ndarray]:
        j, gradient = both(jnp.asarray(v))
        if not (np.isfinite(j) and np.isfinite(gradient).all()):
            raise AnalysisError("4D-Var: cost or gradient is not finite; is the model differentiable here?")
        return float(j), np.asarray(gradient, dtype=np.float64)

    found = minimize(
        of_numpy,
        np.zeros(root.shape[1]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "ftol": 1e-15, "gtol": 1e-10},
    )
    v = jnp.asarray(found.x)
    return Minimum(background + root @ v, root, jnp.asarray(found.fun), jnp.abs(found.jac).max())
