"""Monin-Obukhov similarity of the surface layer.

Zeng et al. (1998), J. Climate 11, 2628; CLM5.0 tech note, chapter Fluxes. Stability is carried as
zeta = (z - d) / L, whose absolute value is kept at 0.01 or more, so that no division by L = infinity arises.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land import constants as c

ZETA_M = 1.574  #: below -ZETA_M free convection takes over for momentum
ZETA_T = 0.465  #: the same for heat and vapour
ZETA_MIN, ZETA_MOST_UNSTABLE = 0.01, 100.0
THIRD = 0.333  #: CLM's exponent
ZII = 1000.0  #: height of the convective boundary layer, m
GUST_FIRST, WIND_MIN = 0.5, 0.1  #: first guess of the gustiness, least wind, m s-1
_ZETA_M_THIRD = ZETA_M**THIRD
_ZETA_T_MINUS_THIRD = ZETA_T**-THIRD


class Profiles(NamedTuple):
    """Integrated dimensionless gradients between the roughness height and the reference height."""

    momentum: jax.Array  # u(z) = u* / k · momentum
    heat: jax.Array  # theta(z) - theta_s = theta* / k · heat


def _safe_negative(zeta: jax.Array) -> jax.Array:
    return jnp.where(zeta < 0.0, zeta, -ZETA_MIN)


def _stable(zeta: jax.Array) -> jax.Array:
    """psi of the stable side without its value at the roughness height: 5 zeta, linear-log beyond 1."""
    over = jnp.maximum(zeta, 1.0)
    return 5.0 * jnp.minimum(zeta, 1.0) + 4.0 * jnp.log(over) + over - 1.0


def heat_profile(zeta: jax.Array, z0_ratio: jax.Array, log_ratio: jax.Array) -> jax.Array:
    """Profile of heat and vapour alone; ``z0_ratio`` = z0h / z, ``log_ratio`` = -log(z0_ratio)."""
    zu = _safe_negative(zeta)
    zt = jnp.maximum(zu, -ZETA_T)
    y = 1.0 + jnp.sqrt(1.0 - 16.0 * zt)
    y0 = 1.0 + jnp.sqrt(1.0 - 16.0 * zu * z0_ratio)
    ratio = y0 / y
    free = jnp.exp(-THIRD * jnp.log(jnp.maximum(-zu, ZETA_T)))
    unstable = log_ratio + jnp.log(zt / zu * ratio * ratio) + 0.8 * (_ZETA_T_MINUS_THIRD - free)
    stable = log_ratio + _stable(jnp.maximum(zeta, 0.0)) - 5.0 * zeta * z0_ratio
    return jnp.where(zeta < 0.0, unstable, stable)


def profiles(
    zeta: jax.Array, z0m_ratio: jax.Array, log_m: jax.Array, z0h_ratio: jax.Array, log_h: jax.Array
) -> Profiles:
    """Profiles of wind and of heat at the same reference height z - d.

    ``z0*_ratio`` = z0 / (z - d) and ``log_*`` = log((z - d) / z0) for momentum and heat, constant in
    an iteration. All logarithms of a profile are taken as one, both arctangents as one.
    """
    zu = _safe_negative(zeta)
    zm = jnp.maximum(zu, -ZETA_M)
    x2 = jnp.sqrt(1.0 - 16.0 * zm)
    x = jnp.sqrt(x2)
    x02 = jnp.sqrt(1.0 - 16.0 * zu * z0m_ratio)
    x0 = jnp.sqrt(x02)
    linear = (1.0 + x0) / (1.0 + x)
    ratio = (zm / zu) * linear * linear * (1.0 + x02) / (1.0 + x2)
    turn = 2.0 * jnp.arctan((x - x0) / (1.0 + x * x0))
    free = jnp.exp(THIRD * jnp.log(jnp.maximum(-zu, ZETA_M))) - _ZETA_M_THIRD
    unstable = log_m + jnp.log(ratio) + turn + 1.14 * free
    stable = log_m + _stable(jnp.maximum(zeta, 0.0)) - 5.0 * zeta * z0m_ratio
    return Profiles(jnp.where(zeta < 0.0, unstable, stable), heat_profile(zeta, z0h_ratio, log_h))


def _limit(zeta: jax.Array, zeta_max_stable: jax.Array) -> jax.Array:
    stable = jnp.minimum(zeta_max_stable, jnp.maximum(zeta, ZETA_MIN))
    unstable = jnp.clip(zeta, -ZETA_MOST_UNSTABLE, -ZETA_MIN)
    return jnp.where(zeta >= 0.0, stable, unstable)


def first_stability(
    wind: jax.Array,
    thv: jax.Array,
    dthv: jax.Array,
    z: jax.Array,
    log_m: jax.Array,
    zeta_max_stable: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """First guess ``(um, zeta)`` from the bulk Richardson number.

    ``dthv`` (K) is the virtual potential temperature of the air at the reference height less that of
    the surface, ``z`` (m) the reference height above the displacement height.
    """
    um = jnp.where(dthv >= 0.0, jnp.maximum(wind, WIND_MIN), jnp.sqrt(wind * wind + GUST_FIRST**2))
    rib = c.GRAV * z * dthv / (thv * um * um)
    zeta = rib * log_m / jnp.where(rib >= 0.0, 1.0 - 5.0 * jnp.minimum(rib, 0.19), 1.0)
    return um, _limit(zeta, zeta_max_stable)


def update_stability(
    wind: jax.Array,
    thv: jax.Array,
    thvstar: jax.Array,
    ustar: jax.Array,
    z: jax.Array,
    zeta_max_stable: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """``(um, zeta)`` from the scales of an iteration; ``um`` holds the gusts of free convection."""
    zeta = z * c.VKC * c.GRAV * thvstar / (ustar * ustar * thv)
    buoyancy = jnp.where(thvstar < 0.0, -c.GRAV * ZII * ustar * thvstar / thv, 1.0)
    gust = jnp.exp(THIRD * jnp.log(jnp.maximum(buoyancy, 1.0e-30)))
    um = jnp.where(zeta >= 0.0, jnp.maximum(wind, WIND_MIN), jnp.sqrt(wind * wind + gust * gust))
    return um, _limit(zeta, zeta_max_stable)
