"""EnKF-N: inflation that follows from not knowing the prior covariance exactly.

Bocquet (2011), Bocquet et al. (2015): the prior covariance is integrated out over a hyper-prior. In the dual
form the analysis is an ETKF whose prior anomalies are multiplied by the ``l`` that minimises

``J(l) = sum_i delta_i^2 / (m - 1 + l^2 sigma_i^2) + e / l^2 + c ln l^2``

with ``sigma`` the singular values of ``s`` and ``delta`` the innovation along its left singular vectors.
"""

from __future__ import annotations

from elterra.assimilation import _jax  # noqa: F401  (double precision first)

# isort: split
import jax.numpy as jnp
from jax import Array, lax

from elterra.assimilation.ensemble_space import inflated_square_root, spectrum

#: steps in ln(l^2): Newton's, or halving where that leaves the bracket or climbs; halving alone ends within 1e-11
ITERATIONS = 40
#: the largest prior inflation that is looked for: l^2 between mode and 1e6
_LOWEST = 1e-6


def finite_size_transform(s: Array, d: Array, certainty: float = 1.0) -> tuple[Array, Array]:
    """Transform ``[member, member]`` and the inflation factor ``l`` of the prior anomalies that is in it."""
    values, vectors = spectrum(s)
    projected = s.T @ d
    factor = prior_factor(values, vectors.T @ projected, certainty)
    return inflated_square_root(values, vectors, projected, factor), factor


def hyperprior(values: Array, certainty: float = 1.0) -> tuple[Array, Array]:
    """Coefficients ``e`` and ``c`` of J: ``(m+1)/m`` and ``m/(m-1)``, with the mode corrected.

    The correction (Bocquet et al. 2015, section 4.3) moves the mode of ``l`` to one where the observations say little:
    without data there is neither update nor inflation. ``certainty`` multiplies both: more than one trusts the ensemble
    more than a random sample of its size deserves, as suits a deterministic model.
    """
    m = values.shape[0]
    e, c = (m + 1.0) / m, m / (m - 1.0)
    prior_weight = jnp.mean((m - 1.0) / (m - 1.0 + values))
    correction = jnp.sqrt((e / c) ** prior_weight)
    return certainty * e / correction, certainty * c * correction


def prior_factor(values: Array, projected: Array, certainty: float = 1.0) -> Array:
    """The factor ``l`` from the `spectrum` of s and ``V' s' d [member]``.

    With ``v = 1 / l^2`` the condition of the minimum is ``v sum b^2 / (sigma^2 + (m-1) v)^2 + e v - c = 0``,
    negative at v = 0 and positive at ``c / e``."""
    m = values.shape[0]
    e, c = hyperprior(values, certainty)
    b2 = projected**2

    def condition(u: Array) -> tuple[Array, Array]:
        v = jnp.exp(u)
        bottom = values + (m - 1) * v
        fraction = b2 / bottom**2
        value = v * fraction.sum() + e * v - c
        slope = v * (fraction * (1.0 - 2.0 * (m - 1) * v / bottom)).sum() + e * v
        return value, slope

    def improve(_: int, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        u, low, high = carry
        value, slope = condition(u)
        low, high = jnp.where(value < 0, u, low), jnp.where(value < 0, high, u)
        newton = u - value / jnp.where(slope != 0, slope, 1.0)
        inside = (newton > low) & (newton < high) & (slope > 0)
        return jnp.where(inside, newton, 0.5 * (low + high)), low, high

    high = jnp.log(c / e)
    low = jnp.full_like(high, jnp.log(_LOWEST))
    start = jnp.minimum(high, 0.0)
    u, _, _ = lax.fori_loop(0, ITERATIONS, improve, (start, low, high))
    return jnp.exp(-0.5 * u)


def effective_certainty(values: Array, weights: Array, certainty: float) -> Array:
    """``zeta [1]``, in place of ``m - 1`` in the cost of the mean weights (primal form): ``(m-1) c / (e + w'w)``."""
    e, c = hyperprior(values, certainty)
    return (values.shape[0] - 1) * c / (e + weights @ weights)
