"""Onset and offset of the growing season (CLM5.0 tech note, Vegetation_Phenology_Turnover)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import SECSPDAY, TFRZ
from elterra.land.fields import Fields
from elterra.land.memory import running_mean

YEAR = 365.0 * SECSPDAY
_QUARTER_DAY = SECSPDAY / 4.0
_TRIGGER_LAYER = 2  # third soil layer: temperature and water that start and end the season

#: states of this room, all ``[patch, column]`` but ``prec10`` ``[column]``; flags are 0.0 or 1.0
PHENOLOGY_STATE = (
    "dormant_flag",
    "onset_flag",
    "onset_counter",
    "onset_gddflag",
    "onset_gdd",
    "onset_fdd",
    "onset_swi",
    "offset_flag",
    "offset_counter",
    "offset_fdd",
    "offset_swi",
    "days_active",
    "prec10",
)


def phenology(
    p: Fields, s: Fields, f: Fields, drv: Fields, cfg: Config
) -> tuple[dict[str, jax.Array], Fields]:
    """Advance the season by one step.

    Returns the new values of `PHENOLOGY_STATE` and, as ``Fields``, the fractions (of the pool, in this step,
    ``[patch, column]``) that move: ``storage_leaf``, ``storage_froot``, ``storage_wood`` (storage to
    transfer; ``storage_n``: the same for nitrogen of leaves and fine roots where C:N floats), ``xfer``
    (transfer to displayed), ``litter`` (leaves and fine roots to litter), ``resorbed`` (the part of it from
    which plants take nitrogen back: not the slow turnover of stress deciduous types); ``lgsf`` is the
    long-growing-season factor of stress deciduous types. All fractions lie in [0, 1].

    CLM remembers the litterfall of the step before to make it grow linearly through the offset; here the same
    line is written as a fraction of what is left, 1 - (T2-(t+dt)2)/(T2-t2), which needs no memory and ends at
    exactly zero leaves.
    """
    dt = cfg.dt
    day = dt / SECSPDAY
    soilt = drv.t_soil[_TRIGGER_LAYER]
    psi = drv.soilpsi[_TRIGGER_LAYER]
    warm = soilt > TFRZ
    degree_days = jnp.where(warm, soilt - TFRZ, 0.0) * day
    lengthening = f.dayl >= f.prev_dayl
    seasonal = p.season_decid > 0.5
    stress = p.stress_decid > 0.5
    evergreen = p.evergreen > 0.5
    prec10 = running_mean(s, "prec10", f.forc_rain + f.forc_snow, 10.0, dt)

    # ends of the periods under way
    in_offset = s.offset_flag > 0.5
    offset_counter = jnp.where(in_offset, s.offset_counter - dt, 0.0)
    offset_done = in_offset & (offset_counter < 0.5 * dt)
    in_offset &= ~offset_done
    dormant = (s.dormant_flag > 0.5) | offset_done
    days_active = jnp.where(offset_done, 0.0, s.days_active)
    in_onset = s.onset_flag > 0.5
    onset_counter = jnp.where(in_onset, s.onset_counter - dt, 0.0)
    in_onset &= onset_counter > 0.5 * dt

    # dormancy: sums that open the season. Threshold of degree days from the annual mean temperature
    # (White et al. 1997).
    critical_gdd = jnp.exp(p.gddfunc_p1 + p.gddfunc_p2 * (s.annavg_t2m - TFRZ))
    counting = s.onset_gddflag > 0.5
    # seasonal: between winter and summer solstice
    counting_sd = lengthening
    gdd_sd = jnp.where(counting_sd, jnp.where(counting, s.onset_gdd, 0.0) + degree_days, 0.0)
    start_sd = gdd_sd > critical_gdd
    # stress: freezing days arm the temperature condition; wet days always count
    fdd = s.onset_fdd + jnp.where(~counting & (soilt < TFRZ), day, 0.0)
    armed = fdd > p.crit_onset_fdd
    counting_st = counting | armed
    gdd_st = s.onset_gdd + jnp.where(counting_st, degree_days, 0.0)
    swi = jnp.where(armed, 0.0, s.onset_swi) + jnp.where(psi >= p.soilpsi_on, day, 0.0)
    # the mean up to the step before, as CLM5
    rained = s.prec10 * (10.0 * SECSPDAY) >= p.rain_onset
    start_st = (swi > p.crit_onset_swi) & rained & (f.dayl > _QUARTER_DAY)
    start_st &= ~(counting_st & (gdd_st < critical_gdd))
    start = dormant & ((seasonal & start_sd) | (stress & start_st))

    # season: what closes it
    active = ~dormant & ~in_offset
    dry = psi <= p.soilpsi_off
    wet = ~dry & (psi >= p.soilpsi_on)
    offset_swi = jnp.maximum(s.offset_swi + jnp.where(dry, day, jnp.where(wet, -day, 0.0)), 0.0)
    offset_fdd = jnp.maximum(s.offset_fdd + jnp.where(warm, -day, day), 0.0)
    close_st = (
        (dry & (offset_swi >= p.crit_offset_swi)) | (~warm & (offset_fdd > p.crit_offset_fdd))
    ) & ~in_onset
    close_st |= f.dayl <= _QUARTER_DAY
    close_sd = ~lengthening & (f.dayl < p.crit_dayl)
    close = active & ((stress & close_st) | (seasonal & close_sd))

    keep_sum = dormant & ~start
    onset_gddflag = keep_sum & jnp.where(seasonal, counting_sd, counting_st)
    new = {
        "onset_gddflag": onset_gddflag,
        "onset_gdd": jnp.where(keep_sum, jnp.where(seasonal, gdd_sd, gdd_st), 0.0),
        "onset_fdd": jnp.where(keep_sum & stress & ~armed, fdd, 0.0),
        "onset_swi": jnp.where(keep_sum & stress, swi, 0.0),
        "offset_swi": jnp.where(active & ~close & stress, offset_swi, 0.0),
        "offset_fdd": jnp.where(active & ~close & stress, offset_fdd, 0.0),
    }
    in_onset |= start
    onset_counter = jnp.where(start, p.ndays_on * SECSPDAY, jnp.where(in_onset, onset_counter, 0.0))
    in_offset |= close
    offset_counter = jnp.where(close, p.ndays_off * SECSPDAY, jnp.where(in_offset, offset_counter, 0.0))
    dormant &= ~start
    days_active = jnp.where(start, 0.0, days_active) + jnp.where(dormant, 0.0, day)
    new |= {
        "dormant_flag": dormant,
        "onset_flag": in_onset,
        "onset_counter": onset_counter,
        "offset_flag": in_offset,
        "offset_counter": offset_counter,
        "days_active": days_active,
    }
    deciduous = seasonal | stress
    state = {k: jnp.where(deciduous, v.astype(s[k].dtype), 0.0) for k, v in new.items()}
    state["prec10"] = prec10

    # stress deciduous plants that are never stressed turn into evergreen ones
    longevity = jnp.maximum(p.leaf_long, 1.0e-3)
    lgsf = jnp.where(stress, jnp.clip(3.0 * (days_active / 365.0 - longevity), 0.0, 1.0), 0.0)
    turnover = dt / (longevity * YEAR)
    background = jnp.where(evergreen, turnover, jnp.where(in_offset, 0.0, turnover * lgsf))

    period = p.ndays_off * SECSPDAY
    elapsed = period - offset_counter
    left = jnp.where(in_offset, period * period - elapsed * elapsed, 1.0)
    after = jnp.maximum(period * period - (elapsed + dt) * (elapsed + dt), 0.0)
    falling = jnp.where(in_offset & deciduous, 1.0 - after / left, 0.0)

    growing = in_onset & deciduous
    unfold = jnp.minimum(2.0 * dt / jnp.where(growing, onset_counter, 1.0), 1.0)
    background_growth = jnp.where(in_onset, 0.0, lgsf * dt / YEAR)
    opened = jnp.where(start & deciduous, p.fstor2tran, 0.0)
    evergreen_release = jnp.where(evergreen, p.storage_release * dt, 0.0)

    def surplus(storage: jax.Array, shown: jax.Array) -> jax.Array:
        # only what storage holds beyond the displayed tissue is released in the background
        safe = jnp.where(storage > 0.0, storage, 1.0)
        return jnp.where(storage > 0.0, jnp.maximum(1.0 - shown / safe, 0.0), 0.0)

    moved = Fields(
        storage_leaf=evergreen_release + opened + background_growth * surplus(s.leafc_storage, s.leafc),
        storage_froot=evergreen_release + opened + background_growth * surplus(s.frootc_storage, s.frootc),
        storage_wood=evergreen_release + opened + background_growth,
        storage_n=evergreen_release + opened + background_growth,
        xfer=jnp.where(
            evergreen, 1.0, jnp.where(growing, unfold, jnp.where(background_growth > 0.0, 1.0, 0.0))
        ),
        litter=background + falling,
        resorbed=jnp.where(evergreen, background, falling),
        lgsf=lgsf,
    )
    return state, moved
