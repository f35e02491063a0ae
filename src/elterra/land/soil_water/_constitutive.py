"""Clapp and Hornberger (1978) water retention and conductivity, with ice."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.constants import DENICE

#: relative saturation below which potential and conductivity no longer change (CLM5)
MIN_SATURATION = 0.01
LN10 = 2.302585092994046


def ice_fraction(ice: jax.Array, dz: jax.Array, watsat: jax.Array) -> jax.Array:
    """Share of the pore space that ice fills, 0-1. ``ice`` kg m-2, ``dz`` m."""
    return jnp.minimum(1.0, ice / (dz * DENICE * watsat))


def ice_free_porosity(ice: jax.Array, dz: jax.Array, watsat: jax.Array) -> jax.Array:
    """Pore space left by ice, m3 m-3, at least 0.01 (CLM5 ``eff_porosity``)."""
    return jnp.maximum(0.01, watsat - ice / (dz * DENICE))


def clapp_hornberger_potential(
    theta: jax.Array, watsat: jax.Array, sucsat: jax.Array, bsw: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Matric potential (mm, negative) and its derivative with respect to ``theta`` (tech note 2.7.53).

    Outside ``MIN_SATURATION``..1 the potential is constant; the derivative keeps its value at the bound, so
    that an implicit step leaves the bound again.
    """
    s = jnp.clip(theta / watsat, MIN_SATURATION, 1.0)
    smp = -sucsat * jnp.exp(-bsw * jnp.log(s))
    return smp, -bsw * smp / (s * watsat)


def clapp_hornberger_conductivity(
    above: jax.Array,
    below: jax.Array,
    watsat_above: jax.Array,
    watsat_below: jax.Array,
    hksat: jax.Array,
    bsw: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Conductivity of an interface from the mean relative saturation of its layers (tech note 2.7.47).

    ``hksat`` (mm s-1, ice impedance included) and ``bsw`` are those of the layer above. Returns the
    conductivity and its derivatives with respect to the water content above and below.
    """
    s_above = jnp.clip(above / watsat_above, MIN_SATURATION, 1.0)
    s_below = jnp.clip(below / watsat_below, MIN_SATURATION, 1.0)
    s = 0.5 * (s_above + s_below)
    power = 2.0 * bsw + 3.0
    k = hksat * jnp.exp(power * jnp.log(s))
    half = 0.5 * power * k / s
    return k, half / watsat_above, half / watsat_below
