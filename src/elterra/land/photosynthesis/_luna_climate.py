"""The climate that leaves remember, and the daily change of their photosynthetic capacity (LUNA)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land import constants as c
from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.memory import running_mean
from elterra.land.photosynthesis._acclimation import T10_PERIOD
from elterra.land.photosynthesis._capacity import O2_TODAY, PHOTONS_PER_JOULE, follows_luna, leaf_nitrogen
from elterra.land.photosynthesis._luna import Climate, allocate_nitrogen

# Values of CLM5.0 LunaMod
DAILY_WEIGHT = 0.1  #: of a day in the 10-day means
TURNOVER, TURNOVER_Q10, TURNOVER_T_MAX = 0.1, 2.0, 40.0  #: d-1 at 25 degC; 1; degC
STRUCTURAL_N = 0.004  #: gN gC-1
FUNCTIONAL_MIN = 0.1  #: least functional share of leaf nitrogen
FUNCTIONAL_N_MAX = 15.0  #: gN m-2 leaf
DECAY_SHARE, DECAY_MAX, ENZYME_MIN = 0.1, 0.5, 0.5  #: decay without growth relative to turnover; its limits
VCMX25_LEAFLESS, JMX25_LEAFLESS = 50.0, 85.0  #: umol m-2 s-1, of the leaves to come

DAY_SUMS = (
    "luna_par_sum",
    "luna_par_max",
    "luna_day_t",
    "luna_night_t",
    "luna_day_steps",
    "luna_night_steps",
    "luna_gpp",
)
CHANGED_DAILY = (
    "vcmx25",
    "jmx25",
    "luna_pnlc",
    "luna_enzyme",
    "luna_par10",
    "luna_parmax10",
    "luna_day_t10",
    "luna_night_t10",
    "luna_rh10",
    "luna_rb10",
)


def update_capacity(
    p: Fields, s: Fields, f: Fields, veg: Fields, rad: Fields, flx: Fields, cfg: Config
) -> Fields:
    """State with the climate of this step in the sums of the day and, at its end, with new capacities.

    Call it with the leaf temperature of the step in ``s``. Reads ``rad`` sabv, parsun, laisun, laisha, ``flx``
    gpp_c, rb, rh_canopy, ``f.end_of_day`` (one for all columns). Patches without exposed vegetation rest.
    CLM5.0 tech note, chapter Photosynthetic_Capacity.
    """
    exposed = veg.frac_veg_nosno > 0
    day = rad.sabv > 0.0
    lit = exposed & (rad.laisun + rad.laisha > 0.0)
    sums = {
        "luna_par_sum": s.luna_par_sum + jnp.where(lit, rad.parsun, 0.0),
        "luna_par_max": jnp.where(lit, jnp.maximum(s.luna_par_max, rad.parsun), s.luna_par_max),
        "luna_day_t": s.luna_day_t + jnp.where(exposed & day, s.t_veg, 0.0),
        "luna_night_t": s.luna_night_t + jnp.where(exposed & ~day, s.t_veg, 0.0),
        "luna_day_steps": s.luna_day_steps + jnp.where(exposed & day, 1.0, 0.0),
        "luna_night_steps": s.luna_night_steps + jnp.where(exposed & ~day, 1.0, 0.0),
        "luna_gpp": s.luna_gpp + jnp.where(exposed, flx.gpp_c * cfg.dt, 0.0),
    }
    s = s.replace(**sums)
    pco2 = jnp.where(s.pco2_10 < 0.0, f.forc_pco2, s.pco2_10)
    pbot = jnp.where(s.pbot_10 < 0.0, f.forc_pbot, s.pbot_10)

    def daily(kept: dict[str, jax.Array]) -> dict[str, jax.Array]:
        changed = end_of_day(p, s, f, veg.tlai, pco2, pbot, flx.rh_canopy, flx.rb, cfg)
        changed |= {n: jnp.zeros_like(kept[n]) for n in DAY_SUMS}
        return {n: jnp.where(exposed, changed[n], kept[n]) for n in kept}

    s = s.replace(
        **jax.lax.cond(f.end_of_day, daily, lambda kept: kept, {n: s[n] for n in (*CHANGED_DAILY, *DAY_SUMS)})
    )
    s = s.replace(pco2_10=pco2, pbot_10=pbot)
    days = T10_PERIOD / c.SECSPDAY
    return s.replace(
        pco2_10=running_mean(s, "pco2_10", f.forc_pco2, days, cfg.dt),
        pbot_10=running_mean(s, "pbot_10", f.forc_pbot, days, cfg.dt),
    )


def end_of_day(
    p: Fields,
    s: Fields,
    f: Fields,
    tlai: jax.Array,
    pco2: jax.Array,
    pbot: jax.Array,
    rh: jax.Array,
    rb: jax.Array,
    cfg: Config,
) -> dict[str, jax.Array]:
    """10-day means with the day that ends, and the capacity of tomorrow; ``pco2``, ``pbot`` are 10-day means.

    Capacities move towards the best allocation by at most the daily turnover of enzymes; in a day without
    photosynthesis they decay, to about half. ``rh``, ``rb`` are those of the last step of the day, as in CLM5.0.
    """
    first = s.luna_par10 < 0.0

    def remember(old: jax.Array, new: jax.Array) -> jax.Array:
        return jnp.where(first, new, old + DAILY_WEIGHT * (new - old))

    days, nights = s.luna_day_steps, s.luna_night_steps
    mean_day = s.luna_day_t / jnp.maximum(days, 1.0)
    mean_night = s.luna_night_t / jnp.maximum(nights, 1.0)
    par10 = remember(s.luna_par10, s.luna_par_sum / jnp.maximum(days, 1.0))
    parmax10 = remember(s.luna_parmax10, s.luna_par_max)
    day_t10 = remember(s.luna_day_t10, jnp.where(days > 0.0, mean_day, mean_night))
    night_t10 = remember(s.luna_night_t10, jnp.where(nights > 0.0, mean_night, mean_day))
    rh10 = remember(s.luna_rh10, jnp.minimum(1.0, rh))
    rb10 = remember(s.luna_rb10, rb)

    t_day = day_t10 - c.TFRZ
    turnover = TURNOVER * TURNOVER_Q10 ** (0.1 * (jnp.minimum(TURNOVER_T_MAX, t_day) - 25.0))
    leaf_n = leaf_nitrogen(p, s, tlai, cfg)
    structural = STRUCTURAL_N / jnp.where(p.slatop > 0.0, p.slatop, 1.0)
    rich = (1.0 - FUNCTIONAL_MIN) * leaf_n > structural
    functional = jnp.minimum(jnp.where(rich, leaf_n - structural, FUNCTIONAL_MIN * leaf_n), FUNCTIONAL_N_MAX)
    leafy = (tlai > 0.0) & (leaf_n > 0.0)
    absorbs = 1.0 - p.rholvis - p.taulvis
    best = allocate_nitrogen(
        jnp.where(leafy, functional, 1.0),
        s.luna_pnlc,
        Climate(
            pbot=pbot,
            rh=rh10,
            co2=pco2,
            o2=O2_TODAY * pbot,
            par=par10 / absorbs * PHOTONS_PER_JOULE,
            par_max=parmax10 / absorbs * PHOTONS_PER_JOULE,
            rb=rb10,
            hours=f.dayl / 3600.0,
            t_growth=s.t10 - c.TFRZ,
            t_day=t_day,
            t_night=night_t10 - c.TFRZ,
        ),
        p.jmaxb1,
    )
    grows = leafy & follows_luna(p) & (s.luna_gpp > 0.0)
    rests = leafy & follows_luna(p) & ~grows & (s.luna_enzyme > ENZYME_MIN)
    keep = 1.0 - jnp.minimum(DECAY_MAX, DECAY_SHARE * turnover)

    def move(old: jax.Array, goal: jax.Array, leafless: float) -> jax.Array:
        grown = old + jnp.clip(goal - old, -old * turnover, old * turnover)
        return jnp.where(leafy, jnp.where(grows, grown, jnp.where(rests, old * keep, old)), leafless)

    recovered = jnp.where(s.luna_enzyme < 1.0, s.luna_enzyme * (1.0 + turnover), s.luna_enzyme)
    return {
        "vcmx25": move(s.vcmx25, best.vcmax25, VCMX25_LEAFLESS),
        "jmx25": move(s.jmx25, best.jmax25, JMX25_LEAFLESS),
        "luna_pnlc": jnp.where(grows, best.light_capture, s.luna_pnlc),
        "luna_enzyme": jnp.where(grows, recovered, jnp.where(rests, s.luna_enzyme * keep, s.luna_enzyme)),
        "luna_par10": par10,
        "luna_parmax10": parmax10,
        "luna_day_t10": day_t10,
        "luna_night_t10": night_t10,
        "luna_rh10": rh10,
        "luna_rb10": rb10,
    }
