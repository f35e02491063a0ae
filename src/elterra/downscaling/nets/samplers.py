"""From noise to samples: Heun's method (Karras et al. 2022) and the second-order single-step DPM-Solver++ (Lu et al. 2022,
as GenCast uses it). N noise levels take 2 N - 1 calls of the denoiser.

A solver adds spread of its own: on an exact Gaussian denoiser with 20 levels DPM-Solver++ is off by little, Heun by several
per cent (docs/science/downscaling.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling._jax import jax, jnp
from elterra.downscaling.nets.preconditioning import Denoiser
from elterra.errors import InputError


def schedule(
    levels: int = 20, largest: float = 20.0, smallest: float = 0.03, rho: float = 7.0
) -> NDArray[np.float64]:
    """Noise levels from `largest` to `smallest`, and 0: ``[levels + 1]``, in units of the data's standard deviation.

    The largest is far above 1, but not more: steps spent on noise alone cost accuracy where it matters.
    """
    if levels < 2 or not 0 < smallest < largest:
        raise InputError(
            f"schedule: {levels} levels from {largest} to {smallest}; expected two or more, falling, above 0"
        )
    ramp = np.linspace(0.0, 1.0, levels)
    inverse = largest ** (1 / rho) + ramp * (smallest ** (1 / rho) - largest ** (1 / rho))
    return np.append(inverse**rho, 0.0)


def dpm_solver_2s(
    denoise: Denoiser,
    noise: Any,
    levels: NDArray[np.float64],
    *,
    key: Any = None,
    churn: float = 0.0,
    churn_from: float = 0.75,
    churn_noise: float = 1.05,
) -> Any:
    """Samples of the shape of `noise` (unit variance); data scaled to unit variance.

    `churn`: fresh noise a step, spread over all levels (0: none, the sample is then a smooth function of `noise`); it
    needs a `key`.
    """

    def step(x: Any, now: Any, following: Any) -> Any:
        middle = jnp.sqrt(now * following)
        half = middle / now * x + (1 - middle / now) * denoise(x, now)
        return following / now * x + (1 - following / now) * denoise(half, middle)

    return _integrate(step, denoise, noise, levels, key, churn, churn_from, churn_noise)


def heun(
    denoise: Denoiser,
    noise: Any,
    levels: NDArray[np.float64],
    *,
    key: Any = None,
    churn: float = 0.0,
    churn_from: float = 0.0,
    churn_noise: float = 1.0,
) -> Any:
    """As `dpm_solver_2s`, by the trapezoidal rule in the noise level."""

    def step(x: Any, now: Any, following: Any) -> Any:
        slope = (x - denoise(x, now)) / now
        euler = x + (following - now) * slope
        return x + (following - now) * 0.5 * (slope + (euler - denoise(euler, following)) / following)

    return _integrate(step, denoise, noise, levels, key, churn, churn_from, churn_noise)


def _integrate(
    step: Any,
    denoise: Denoiser,
    noise: Any,
    levels: NDArray[np.float64],
    key: Any,
    churn: float,
    churn_from: float,
    churn_noise: float,
) -> Any:
    count = len(levels) - 1
    if churn > 0 and key is None:
        raise InputError("sampler: churn draws fresh noise; give a key")
    gamma = np.where(levels[:-1] >= churn_from, min(churn / count, np.sqrt(2.0) - 1.0), 0.0)
    noise = jnp.asarray(noise)
    keys = jax.random.split(key, count) if churn > 0 else jnp.zeros((count, 1))

    def stirred(x: Any, now: Any, g: Any, k: Any) -> tuple[Any, Any]:
        if churn <= 0:
            return x, now
        higher = now * (1 + g)
        extra = jnp.sqrt(jnp.maximum(higher**2 - now**2, 0.0)) * churn_noise
        return x + extra * jax.random.normal(k, x.shape, x.dtype), higher

    def body(x: Any, at: tuple[Any, Any, Any, Any]) -> tuple[Any, None]:
        now, following, g, k = at
        x, higher = stirred(x, now, g, k)
        return step(x, higher, following), None

    at = (jnp.asarray(levels[: count - 1]), jnp.asarray(levels[1:count]), jnp.asarray(gamma[:-1]), keys[:-1])
    # at the largest level the data's own variance (1) is still in the sum
    x = jax.lax.scan(body, np.sqrt(levels[0] ** 2 + 1.0) * noise, at)[0]
    x, last = stirred(x, jnp.asarray(levels[count - 1]), gamma[-1], keys[-1])
    return denoise(x, last)
