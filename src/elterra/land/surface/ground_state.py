"""What the turbulent fluxes need to know of the ground: temperature, humidity, resistance, roughness.

Source: CLM5.0 technical note, chapter Fluxes (sections on ground humidity, soil evaporation resistance) and
Swenson & Lawrence (2014) for the dry surface layer.
"""

from __future__ import annotations

import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import DENH2O, DENICE, GRAV, HSUB, HVAP, RWAT, TFRZ
from elterra.land.fields import Fields
from elterra.land.numerics.humidity import saturation

_ROVERG = 1.0e3 * RWAT / GRAV  # mm K-1: turns a potential in mm into the exponent of Kelvin's equation
_DIFFUSIVITY = 2.12e-5  # of vapour in air at the freezing point, m2 s-1 (Bittelli et al. 2008)
_AIR_DRY_SUCTION = 1.0e7  # mm, potential at which soil counts as air dry
_SMP_MIN = -1.0e8  # mm, lowest matric potential


def top_layer(s: Fields, x: jnp.ndarray, cfg: Config) -> jnp.ndarray:
    """Value of ``x`` `[snow_ground_layer, column]` in the layer at the surface: snow, or soil without snow layers."""
    n = cfg.nlevsno
    top = jnp.arange(n + 1)[:, None] == n - s.snl
    return jnp.sum(jnp.where(top, x[: n + 1], 0.0), axis=0)


def ground_temperature(s: Fields, cfg: Config) -> jnp.ndarray:
    """Mean of the surfaces of snow, soil and standing water, K `[column]`.

    Snow too thin for a layer has the temperature of the soil under it.
    """
    f_sno = jnp.where(s.snl > 0, s.frac_sno, 0.0)
    soil = (1.0 - f_sno - s.frac_h2osfc) * s.t_soisno[cfg.nlevsno]
    return f_sno * top_layer(s, s.t_soisno, cfg) + soil + s.frac_h2osfc * s.t_h2osfc


def ground_state(p: Fields, s: Fields, f: Fields, veg: Fields, cfg: Config) -> Fields:
    """Ground temperature, emissivity, humidity and resistance of the step, all `[column]`.

    Args:
        p: ``watsat``, ``sucsat`` (mm), ``bsw``, ``dzsoi`` `[ground_layer, column]`; ``zlnd``, ``zsno`` (m),
            ``emg_soil``, ``emg_snow``, ``dsl_max`` (mm), ``dsl_onset`` (1).
        s: ``t_soisno`` (K), ``h2osoi_liq``, ``h2osoi_ice`` (kg m-2) `[snow_ground_layer, column]`; ``snl``,
            ``frac_sno``, ``frac_h2osfc``, ``t_h2osfc``.
        f: ``forc_t`` (K), ``forc_q`` (kg kg-1), ``forc_pbot`` (Pa). ``veg`` is not used.

    Returns:
        ``t_grnd``, ``t_snow_top`` (K), ``emg``, ``htvp`` (J kg-1), ``qg``, ``qg_snow``, ``qg_soil``, ``qg_h2osfc``
        (kg kg-1), ``dqgdT`` (kg kg-1 K-1), ``soilresis`` (s m-1), ``dsl`` (mm), ``soil_humidity`` (1, Kelvin
        factor of the top layer), ``soilalpha`` (1), ``z0mg``, ``z0hg`` (m), ``frac_sno``, ``frac_sno_eff``,
        ``frac_h2osfc`` (1), ``thv`` (K).
    """
    n = cfg.nlevsno
    has_snow = s.snl > 0
    t_soil, liq, ice = s.t_soisno[n], s.h2osoi_liq[n], s.h2osoi_ice[n]

    t_snow = top_layer(s, s.t_soisno, cfg)
    f_sno, f_wat = s.frac_sno, s.frac_h2osfc

    dz, watsat, bsw = p.dzsoi[0], p.watsat[0], p.bsw[0]
    wetness = jnp.clip((liq / DENH2O + ice / DENICE) / (dz * watsat), 0.01, 1.0)
    potential = jnp.maximum(-p.sucsat[0] * jnp.exp(-bsw * jnp.log(wetness)), _SMP_MIN)
    hr = jnp.exp(potential / (_ROVERG * t_soil))

    _, _, qs_snow, dqs_snow = saturation(t_snow, f.forc_pbot)
    _, _, qs_soil, dqs_soil = saturation(t_soil, f.forc_pbot)
    _, _, qs_wat, dqs_wat = saturation(s.t_h2osfc, f.forc_pbot)
    # Air between the soil's and the saturated humidity would make dew on soil that is dry: no gradient then.
    between = (qs_soil > f.forc_q) & (f.forc_q > hr * qs_soil)
    qg_soil = hr * jnp.where(between, f.forc_q, qs_soil)
    dqg_soil = jnp.where(between, 0.0, hr * dqs_soil)
    qg_snow = jnp.where(has_snow, qs_snow, qg_soil)
    f_bare = 1.0 - f_sno - f_wat
    # Without a snow layer CLM5 takes the slope of the ground times the humidity of the soil once more.
    dqg_land = f_sno * dqs_snow + f_bare * dqg_soil
    dqg_land = jnp.where(has_snow, dqg_land, (1.0 - f_wat) * hr * dqg_land)

    # Dry surface layer: its thickness grows as the liquid water falls below a share of the free pore space.
    air_dry = watsat * jnp.exp(jnp.log(p.sucsat[0] / _AIR_DRY_SUCTION) / bsw)
    liquid = jnp.maximum(liq, 1.0e-6) / (dz * DENH2O)
    pores = jnp.maximum(watsat - jnp.minimum(watsat, ice / (dz * DENICE)), 0.01)
    dsl = p.dsl_max * jnp.maximum(0.001, p.dsl_onset * pores - liquid)
    dsl = jnp.clip(dsl / jnp.maximum(0.001, p.dsl_onset * watsat - air_dry), 0.0, 200.0)
    free = watsat - air_dry
    tortuous = jnp.exp(3.0 / jnp.maximum(3.0, bsw) * jnp.log(free / watsat))
    diffusivity = free * _DIFFUSIVITY * jnp.exp(1.75 * jnp.log(t_soil / TFRZ)) * tortuous
    soilresis = jnp.minimum(dsl / (diffusivity * free * 1.0e3) + 20.0, 1.0e6)

    dry_ice = (top_layer(s, s.h2osoi_liq, cfg) <= 0.0) & (top_layer(s, s.h2osoi_ice, cfg) > 0.0)
    z0mg = jnp.where(f_sno > 0.0, p.zsno, p.zlnd) + jnp.zeros_like(t_soil)
    return Fields(
        t_grnd=ground_temperature(s, cfg),
        t_snow_top=t_snow,
        emg=(1.0 - f_sno) * p.emg_soil + f_sno * p.emg_snow,
        htvp=jnp.where(dry_ice, HSUB, HVAP),
        qg=f_sno * qg_snow + f_bare * qg_soil + f_wat * qs_wat,
        qg_snow=qg_snow,
        qg_soil=qg_soil,
        qg_h2osfc=qs_wat,
        dqgdT=dqg_land + f_wat * dqs_wat,
        soilresis=soilresis,
        dsl=dsl,
        soil_humidity=hr,
        soilalpha=f_bare * hr + f_sno + f_wat,
        z0mg=z0mg,
        z0hg=z0mg,
        frac_sno=f_sno,
        frac_sno_eff=f_sno,
        frac_h2osfc=f_wat,
        thv=f.forc_t * (1.0 + 0.61 * f.forc_q),
    )
