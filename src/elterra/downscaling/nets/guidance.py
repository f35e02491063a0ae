"""Denoisers that know more: point observations (by Bayes' rule at each noise level) and exact linear constraints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from elterra.downscaling._jax import jax, jnp
from elterra.downscaling.nets.preconditioning import Denoiser


def observed(
    denoise: Denoiser,
    operator: Callable[[Any], Any],
    values: Any,
    variance: Any,
    *,
    gamma: float | None = None,
) -> Denoiser:
    """The denoiser of the posterior, given ``values = operator(x) + error`` with independent errors of `variance` ``[m]``.

    Adds ``sigma^2 grad log p(values | noisy x)`` to the denoised field. The unknown spread of the clean data at that noise
    level enters the likelihood: by Tweedie's formula from the Jacobian of the denoiser (`gamma` None; m reverse passes;
    exact for Gaussian data and linear operators), or as ``gamma sigma^2`` (Rozet and Louppe 2023; 0 is DPS), for many data.
    `x` is one sample, without a batch axis: use `jax.vmap` over samples.
    """
    values, variance = jnp.asarray(values), jnp.asarray(variance)

    def posterior(x: Any, sigma: Any) -> Any:
        clean, back = jax.vjp(lambda z: denoise(z, sigma), x)
        seen, back_operator = jax.vjp(operator, clean)
        gap = values - seen
        if gamma is None:
            # rows of (operator x denoiser): each datum's gradient with respect to the noisy field
            rows = jax.vmap(lambda e: back(back_operator(e)[0])[0])(jnp.eye(gap.size))
            spread = sigma**2 * jax.vmap(lambda row: jax.jvp(operator, (clean,), (row,))[1])(rows)
            weighted = jnp.linalg.solve(0.5 * (spread + spread.T) + jnp.diag(variance), gap)
        else:
            weighted = gap / (variance + gamma * sigma**2)
        return clean + sigma**2 * back(back_operator(weighted)[0])[0]

    return posterior


def projected(denoise: Denoiser, project: Callable[[Any], Any]) -> Denoiser:
    """The denoised field put on a linear constraint at every step (`project`: a constraint layer such as `additive`)."""
    return lambda x, sigma: project(denoise(x, sigma))
