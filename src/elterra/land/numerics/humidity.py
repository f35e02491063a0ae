"""Saturated vapour over water and ice (Flatau et al. 1992 polynomials, tech note Fluxes, QSat)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.constants import EPS_WATER_AIR, TFRZ

# Coefficients of vapour pressure (hPa) in powers of temperature (degC), and of its derivative.
_WATER = (6.11213476, 0.444007856, 0.143064234e-1, 0.264461437e-3, 0.305903558e-5, 0.196237241e-7,
          0.892344772e-10, -0.373208410e-12, 0.209339997e-15)  # fmt: skip
_WATER_SLOPE = (0.444017302, 0.286064092e-1, 0.794683137e-3, 0.121211669e-4, 0.103354611e-6,
                0.404125005e-9, -0.788037859e-12, -0.114596802e-13, 0.381294516e-16)  # fmt: skip
_ICE = (6.11123516, 0.503109514, 0.188369801e-1, 0.420547422e-3, 0.614396778e-5, 0.602780717e-7,
        0.387940929e-9, 0.149436277e-11, 0.262655803e-14)  # fmt: skip
_ICE_SLOPE = (0.503277922, 0.377289173e-1, 0.126801703e-2, 0.249468427e-4, 0.313703411e-6,
              0.257180651e-8, 0.133268878e-10, 0.394116744e-13, 0.498070196e-16)  # fmt: skip


def _horner(coefficients: tuple[float, ...], x: jax.Array) -> jax.Array:
    total = jnp.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        total = c + x * total
    return total


def saturation(t: jax.Array, pbot: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Saturation vapour pressure and specific humidity and their slopes.

    Args:
        t: temperature (K), any shape; held to -75..100 degC, the range of the polynomials.
        pbot: air pressure (Pa), broadcasts with ``t``.

    Returns:
        es (Pa), des/dT (Pa K-1), qs (kg kg-1), dqs/dT (kg kg-1 K-1).
    """
    celsius = jnp.clip(t - TFRZ, -75.0, 100.0)
    warm = celsius >= 0.0
    es = 100.0 * jnp.where(warm, _horner(_WATER, celsius), _horner(_ICE, celsius))
    slope = 100.0 * jnp.where(warm, _horner(_WATER_SLOPE, celsius), _horner(_ICE_SLOPE, celsius))
    scale = 1.0 / (pbot - (1.0 - EPS_WATER_AIR) * es)
    qs = EPS_WATER_AIR * es * scale
    return es, slope, qs, EPS_WATER_AIR * pbot * slope * scale * scale
