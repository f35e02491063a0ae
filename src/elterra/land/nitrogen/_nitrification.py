"""Potential nitrification and denitrification (CLM5.0 tech note, External_Nitrogen_Cycle; Parton et al. 1996,
2001; del Grosso et al. 2000; Arah and Vinten 1995)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI
from elterra.land.constants import DENH2O, GRAV, PI, SECSPDAY
from elterra.land.decomposition import Oxygen
from elterra.land.fields import Fields

_TINY = 1.0e-30
_R_MAX_PSI = 0.1  # water potential of the largest pores in CLM's form of the pore radius
_WARM_PER_KELVIN = (0.1759, 0.00117)  # diffusivity of O2 in air, cm2 s-1
_IN_WATER = (1.172, 0.0344, 0.000505)  # in water, 1e-9 m2 s-1


class NitrogenPotential(NamedTuple):
    """``[soil_layer, column]``."""

    nitrification: jax.Array  #: gN m-3 s-1, before the competition
    denitrification: jax.Array  #: gN m-3 s-1, before the competition
    n2_n2o: jax.Array  #: N2 to N2O of denitrification, gN gN-1
    anaerobic: jax.Array  #: anaerobic fraction of the soil


def nitrification_rate(p: Fields, t_scalar: jax.Array, w_scalar: jax.Array) -> jax.Array:
    """Part of the ammonium that is nitrified, s-1 ``[soil_layer, column]``, in soil with oxygen."""
    acidity = 0.56 + jnp.arctan(PI * 0.45 * (p.soil_ph - 5.0)) / PI
    return p.k_nitr_max * jnp.minimum(t_scalar, 1.0) * w_scalar * acidity


def nitrification_potential(
    p: Fields,
    s: Fields,
    drv: Fields,
    ox: Oxygen,
    t_scalar: jax.Array,
    w_scalar: jax.Array,
    potential_hr: jax.Array,
) -> NitrogenPotential:
    """Rates that substrate, temperature, water, acidity and oxygen permit.

    Nitrification is first order in ammonium in the aerobic part of the soil; denitrification is the smaller
    of what respiration (its carbon) and nitrate allow, in the anaerobic part. ``potential_hr`` gC m-3 s-1.
    """
    vol = drv.h2osoi_vol[:NLEVSOI]
    watsat, dz = p.watsat[:NLEVSOI], p.dzsoi[:NLEVSOI]
    psi = jnp.maximum(-drv.soilpsi[:NLEVSOI], 1.0e-6)

    pore = 2.0 * p.surface_tension_water / (DENH2O * GRAV)
    log_r_psi = 0.5 * (jnp.log(pore / psi) + jnp.log(pore / _R_MAX_PSI))
    # The reference code puts kelvin where these fits mean degrees Celsius: the ratio is about 1/12 of the true
    # one, and soil air counts for less. Kept, because denitrification and its parameters were tuned with it.
    kelvin = drv.t_soil[:NLEVSOI]
    gas = (_WARM_PER_KELVIN[0] + _WARM_PER_KELVIN[1] * kelvin) * 1.0e-4
    water = (_IN_WATER[0] + _IN_WATER[1] * kelvin + _IN_WATER[2] * kelvin * kelvin) * 1.0e-9
    log_x = (
        -p.rij_kro_alpha * log_r_psi
        - p.rij_kro_beta * jnp.log(jnp.maximum(ox.consumption, _TINY))
        + p.rij_kro_gamma * jnp.log(jnp.maximum(ox.concentration, _TINY))
        + p.rij_kro_delta * jnp.log(vol + gas / water * watsat)
    )
    anaerobic = jnp.exp(-p.rij_kro_a * jnp.exp(jnp.minimum(log_x, 100.0)))
    anaerobic = jnp.where(ox.consumption > 0.0, anaerobic, 0.0)
    # a part of the column that is under water has no oxygen
    anaerobic = p.finundated + (1.0 - p.finundated) * anaerobic

    nh4 = jnp.maximum(s.smin_nh4, 0.0)
    nitrification = nh4 * nitrification_rate(p, t_scalar, w_scalar) * (1.0 - anaerobic)

    # CENTURY counts in micrograms per gram of moist soil and day
    bulk = p.bd[:NLEVSOI] + drv.h2osoi_liq[:NLEVSOI] / dz
    to_ug = 1.0e3 / bulk
    to_ug_day = to_ug * SECSPDAY
    no3 = jnp.maximum(s.smin_no3, 0.0) * to_ug
    co2 = jnp.maximum(potential_hr, 0.0) * to_ug_day
    by_carbon = p.denitrif_respiration_coefficient * jnp.exp(
        p.denitrif_respiration_exponent * jnp.log(jnp.maximum(co2, _TINY))
    )
    by_nitrate = p.denitrif_nitrateconc_coefficient * jnp.exp(
        p.denitrif_nitrateconc_exponent * jnp.log(jnp.maximum(no3, _TINY))
    )
    by_nitrate = jnp.where(no3 > 0.0, by_nitrate, 0.0)
    denitrification = jnp.minimum(by_carbon, by_nitrate) / to_ug_day * anaerobic

    # diffusivity of soil air at field capacity
    pores = watsat - p.watfc[:NLEVSOI]
    filled_share = jnp.log(jnp.maximum(pores / watsat, 1.0e-6))
    peat = jnp.clip(p.organic[:NLEVSOI] / p.organic_max, 0.0, 1.0)
    mineral_path = pores * pores * jnp.exp(3.0 / p.bsw[:NLEVSOI] * filled_share)
    peat_path = jnp.exp(10.0 / 3.0 * filled_share) / (watsat * watsat)
    diffusivity = gas * (peat * peat_path + (1.0 - peat) * mineral_path)
    k1 = jnp.maximum(1.7, 38.4 - 350.0 * diffusivity)
    enough = co2 > 1.0e-9
    no3_co2 = jnp.where(enough, no3 / jnp.where(enough, co2, 1.0), 100.0)
    filled = 100.0 * jnp.clip(vol / watsat, 0.0, 1.0)
    wet = jnp.maximum(0.1, 0.015 * filled - 0.32)
    ratio = k1 * jnp.maximum(0.16, jnp.exp(-0.8 * jnp.minimum(no3_co2, 100.0))) * wet
    return NitrogenPotential(nitrification, denitrification, ratio, anaerobic)
