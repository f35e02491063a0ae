"""Interception of rain and snow by the canopy and its wet and snow-covered fractions.

Source: CLM5.0 technical note, chapter Hydrology, section Canopy Water; Lawrence et al. (2019).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import TFRZ
from elterra.land.fields import Fields

#: kg m-2, less on the leaves covers none of them: it is what evaporation leaves by round-off, and the power 0.15 of
#: 1e-13 would still be a cover of one per cent
TRACE = 1.0e-9
UNLOAD_ONSET = 270.15  #: air temperature above which warm snow slides off (K), Roesch et al. (2001)


def wet_fractions(p: Fields, s: Fields, veg: Fields) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Fractions of the canopy that are wet, dry and transpiring, and covered by snow, `[patch, column]`.

    Uses ``s.liqcan``, ``s.snocan`` (kg m-2), ``veg.elai``, ``veg.esai``, ``veg.frac_veg_nosno``.
    Less than `TRACE` counts as nothing. Powers of an empty store have an infinite slope; the store is shifted to 1
    there, so that gradients are finite.
    """
    area = veg.elai + veg.esai
    leafy = (veg.frac_veg_nosno > 0.0) & (area > 0.0)
    safe_area = jnp.where(leafy, area, 1.0)

    def power(
        store: jax.Array, capacity: jax.Array, exponent: float, largest: jax.Array | float
    ) -> jax.Array:
        some = leafy & (store > TRACE)
        filled = jnp.where(some, store, 1.0) / (capacity * safe_area)
        return jnp.where(some, jnp.minimum(jnp.exp(exponent * jnp.log(filled)), largest), 0.0)

    fwet = power(s.liqcan + s.snocan, p.dewmx, 2.0 / 3.0, p.maximum_leaf_wetted_fraction)
    fcansno = power(s.snocan, p.snocan_capacity, 0.15, 1.0)
    fdry = jnp.where(leafy, (1.0 - fwet) * veg.elai / safe_area, 0.0)
    return fwet, fdry, fcansno


def intercept(p: Fields, s: Fields, f: Fields, veg: Fields, cfg: Config) -> tuple[Fields, Fields]:
    """One step of canopy interception, drip and unloading.

    Args:
        p: ``wt`` `[patch, column]`; ``dewmx``, ``snocan_capacity`` (kg m-2 per leaf and stem area),
            ``interception_fraction``, ``maximum_leaf_wetted_fraction`` (1), ``snow_unload_warm`` (K s),
            ``snow_unload_wind`` (m); numbers or anything that broadcasts with `[patch, column]`.
        s: ``liqcan``, ``snocan`` (kg m-2, `[patch, column]`).
        f: ``forc_rain``, ``forc_snow`` (kg m-2 s-1), ``forc_t`` (K), ``forc_wind`` (m s-1), `[column]`.
        veg: ``elai``, ``esai``, ``frac_veg_nosno`` `[patch, column]`.
        cfg: time step ``dt``.

    Returns:
        The state with the new ``liqcan`` and ``snocan``, and Fields: `[patch, column]` ``fwet``, ``fdry``,
        ``fcansno`` (1), ``qflx_prec_intr``, ``qflx_through_rain``, ``qflx_through_snow``, ``qflx_liqcanfall``,
        ``qflx_snocanfall``, ``qflx_snow_unload``, ``qflx_liq_grnd_patch``, ``qflx_snow_grnd_patch``; and
        `[column]` ``qflx_liq_grnd``, ``qflx_snow_grnd`` (all kg m-2 s-1).

    Rain + snow = change of both stores / dt + what reaches the ground, to round-off, in every patch.
    As in CLM5 a store above its capacity drips only while precipitation falls, liquid above and snow at or below
    the freezing point; dew of a dry day stays on the leaves. A buried canopy keeps its water.
    """
    exposed = veg.frac_veg_nosno > 0.0
    falls = exposed & (f.forc_rain + f.forc_snow > 0.0)
    area = veg.elai + veg.esai
    rain_in = jnp.where(exposed, f.forc_rain * p.interception_fraction * jnp.tanh(area), 0.0)
    snow_in = jnp.where(exposed, f.forc_snow * -jnp.expm1(-0.5 * area), 0.0)
    liq = s.liqcan + cfg.dt * rain_in
    sno = s.snocan + cfg.dt * snow_in

    warm = f.forc_t > TFRZ
    liq_drip = jnp.where(falls & warm, jnp.maximum(liq - p.dewmx * area, 0.0), 0.0)
    sno_drip = jnp.where(falls & ~warm, jnp.maximum(sno - p.snocan_capacity * area, 0.0), 0.0)
    liq, sno = liq - liq_drip, sno - sno_drip

    # Unloading: a first-order loss by warmth and by wind, at most what is there.
    rate = jnp.maximum(f.forc_t - UNLOAD_ONSET, 0.0) / p.snow_unload_warm + f.forc_wind / p.snow_unload_wind
    unload = jnp.where(exposed, sno * jnp.minimum(rate * cfg.dt, 1.0), 0.0)
    sno = sno - unload

    new = s.replace(liqcan=liq, snocan=sno)
    fwet, fdry, fcansno = wet_fractions(p, new, veg)
    through_rain, through_snow = f.forc_rain - rain_in, f.forc_snow - snow_in
    liq_grnd = through_rain + liq_drip / cfg.dt
    snow_grnd = through_snow + (sno_drip + unload) / cfg.dt
    return new, Fields(
        fwet=fwet,
        fdry=fdry,
        fcansno=fcansno,
        qflx_prec_intr=rain_in + snow_in,
        qflx_through_rain=through_rain,
        qflx_through_snow=through_snow,
        qflx_liqcanfall=liq_drip / cfg.dt,
        qflx_snocanfall=sno_drip / cfg.dt,
        qflx_snow_unload=unload / cfg.dt,
        qflx_liq_grnd_patch=liq_grnd,
        qflx_snow_grnd_patch=snow_grnd,
        qflx_liq_grnd=jnp.sum(p.wt * liq_grnd, axis=0),
        qflx_snow_grnd=jnp.sum(p.wt * snow_grnd, axis=0),
    )
