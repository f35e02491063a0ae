"""Growth of snow grains (effective radius): dry, wet, fresh snow, refreezing."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.constants import PI, TFRZ

#: smallest and largest effective radius, um (CLM5 ``snw_rds_min``, ``snw_rds_max``)
RADIUS_MIN = 54.526
RADIUS_MAX = 1500.0
#: liquid water grain growth of Brun (1989), m3 s-1
BRUN_C2 = 4.22e-13

# Exponents of (temperature, gradient, density, growth so far) and coefficients of the polynomial for the
# logarithm of the growth rate; see `dry_growth_rate`.
TERMS = (
    (0, 0, 0, 0, 1.05962),
    (0, 0, 0, 1, -13.55959),
    (0, 0, 0, 2, 10.78024),
    (0, 0, 0, 3, -2.78925),
    (0, 0, 1, 0, 0.58592),
    (0, 0, 1, 1, -3.85161),
    (0, 0, 1, 2, 2.42799),
    (0, 0, 2, 0, 0.31188),
    (0, 0, 2, 1, -0.17370),
    (0, 0, 3, 0, -0.11054),
    (0, 1, 0, 0, -1.66995),
    (0, 1, 0, 1, 11.17159),
    (0, 1, 0, 2, -5.05890),
    (0, 1, 1, 0, -1.24667),
    (0, 1, 1, 1, 0.68452),
    (0, 1, 2, 0, -0.25500),
    (0, 2, 0, 0, 2.31182),
    (0, 2, 0, 1, -2.41355),
    (0, 2, 1, 0, 0.32381),
    (0, 3, 0, 0, -0.62380),
    (1, 0, 0, 0, 1.37310),
    (1, 0, 0, 1, 1.45741),
    (1, 0, 0, 2, -0.93422),
    (1, 0, 1, 0, -0.10444),
    (1, 0, 1, 1, 0.27937),
    (1, 0, 2, 0, -0.02197),
    (1, 1, 0, 0, 0.04662),
    (1, 1, 0, 1, -0.79212),
    (1, 1, 1, 0, 0.00757),
    (1, 2, 0, 0, 0.18119),
    (2, 0, 0, 0, -0.38669),
    (2, 0, 0, 1, 0.01626),
    (2, 0, 1, 0, -0.02956),
    (2, 1, 0, 0, 0.03345),
)


def fresh_radius(forc_t: jax.Array, largest: jax.Array) -> jax.Array:
    """Effective radius of fresh snow, um: linear from -30 degC (smallest) to 0 degC (``largest``); CLM5."""
    warm = jnp.clip((forc_t - (TFRZ - 30.0)) / 30.0, 0.0, 1.0)
    return RADIUS_MIN + warm * jnp.maximum(largest - RADIUS_MIN, 0.0)


def dry_growth_rate(t: jax.Array, gradient: jax.Array, density: jax.Array, radius: jax.Array) -> jax.Array:
    """Rate of dry grain growth, um per hour.

    CLM5 looks up three parameters of Flanner and Zender (2006) in a table over temperature (K), temperature
    gradient (K m-1) and density (kg m-3). Here a cubic polynomial in these and in the growth since the fresh
    state was fitted to the logarithm of the rates of that table (gradients up to 200 K m-1, weighted towards
    the fast rates). Radii grown for 1, 10, 30 days from fresh differ from those of the table by 10, 8, 12 %
    of their mean.
    """
    x = (jnp.clip(t, 223.15, TFRZ) - 253.0) / 20.0
    g = jnp.log1p(jnp.clip(gradient, 0.0, 300.0) / 10.0) / 3.0
    d = (jnp.clip(density, 50.0, 400.0) - 225.0) / 175.0
    grown = jnp.clip(radius - RADIUS_MIN, 0.0, 300.0)
    q = jnp.log1p(grown / 10.0) / 3.0
    powers = [[jnp.ones_like(v), v, v * v, v * v * v] for v in (x, g, d, q)]
    log_rate = jnp.zeros_like(x)
    for i, j, k, m, coefficient in TERMS:
        log_rate = log_rate + coefficient * (powers[0][i] * powers[1][j]) * (powers[2][k] * powers[3][m])
    return jnp.exp(jnp.clip(log_rate, -12.0, 3.2))


#: axes of CLM5's table of dry growth: temperature, gradient, density, each by its lowest value, step and number
_TABLE_AXES = ((223.0, 5.0, 11), (0.0, 10.0, 31), (50.0, 50.0, 8))


def tabled_growth_rate(
    table: jax.Array, t: jax.Array, gradient: jax.Array, density: jax.Array, radius: jax.Array
) -> jax.Array:
    """Rate of dry grain growth (um per hour) from CLM5's table, at the nearest of its entries.

    ``table`` ``[3, entry, 1]`` holds the time constant (h), the exponent and the first rate (um per hour) of Flanner and
    Zender (2006) over temperature (K), temperature gradient (K m-1) and density (kg m-3), the last fastest.
    """
    entry = jnp.zeros(t.shape, jnp.int32)
    for value, (lowest, width, count) in zip((t, gradient, density), _TABLE_AXES, strict=True):
        nearest = jnp.floor((value - lowest) / width + 0.5)
        entry = entry * count + jnp.clip(nearest, 0, count - 1).astype(jnp.int32)
    tau, kappa, rate = jnp.take(table[..., 0], entry, axis=1)
    grown = jnp.maximum(radius - RADIUS_MIN, 0.0)
    return rate * jnp.exp(jnp.log(tau / (grown + tau)) / kappa)


def age_grains(
    radius: jax.Array,
    *,
    dt: float,
    t: jax.Array,
    t_below: jax.Array,
    dz: jax.Array,
    dz_below: jax.Array,
    liq: jax.Array,
    ice: jax.Array,
    frac_sno: jax.Array,
    is_top: jax.Array,
    active: jax.Array,
    new_snow: jax.Array,
    refrozen: jax.Array,
    radius_fresh: jax.Array,
    radius_refrozen: jax.Array,
    table: jax.Array | None = None,
) -> jax.Array:
    """Effective radius (um) after one step, ``[snow_layer, column]`` (CLM5 ``SnowAge_grain``; tech note 2.3).

    ``t_below``, ``dz_below`` belong to the layer underneath (the soil under the lowest); ``new_snow``
    [column] and ``refrozen`` [snow_layer, column] in kg m-2 of this step; ``is_top``, ``active`` masks.
    Layers that are not active get the smallest radius. Dry growth by the polynomial, or CLM5's ``table`` where there is one.
    """
    thickness = jnp.where(active, dz * frac_sno, 1.0)
    mass = jnp.where(active, jnp.maximum(liq + ice, 1.0e-12), 1.0)
    # temperature of the interfaces by linear interpolation
    t_low = (t_below * dz + t * dz_below) / jnp.maximum(dz + dz_below, 1.0e-12)
    t_high = jnp.concatenate([t[:1], t_low[:-1]])
    t_high = jnp.where(is_top, t, t_high)
    gradient = jnp.abs(t_high - t_low) / jnp.maximum(thickness, 1.0e-6)
    density = mass / jnp.maximum(thickness, 1.0e-6)
    radius = jnp.maximum(radius, RADIUS_MIN)
    if table is None:
        rate = dry_growth_rate(t, gradient, density, radius)
    else:
        rate = tabled_growth_rate(table, t, gradient, density, radius)
    dry = rate * (dt / 3600.0)
    wet_fraction = jnp.minimum(0.1, liq / mass)
    wet = 1.0e18 * dt * BRUN_C2 * (wet_fraction * wet_fraction * wet_fraction) / (4.0 * PI * radius * radius)
    fresh = jnp.where(is_top, new_snow / mass, 0.0)
    frozen = refrozen / mass
    total = jnp.maximum(fresh + frozen, 1.0)
    fresh, frozen = fresh / total, frozen / total
    old = jnp.maximum(1.0 - fresh - frozen, 0.0)
    mixed = (radius + dry + wet) * old + radius_fresh * fresh + radius_refrozen * frozen
    return jnp.where(active, jnp.clip(mixed, RADIUS_MIN, RADIUS_MAX), RADIUS_MIN)
