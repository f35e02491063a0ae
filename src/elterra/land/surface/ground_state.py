"""Temperature, humidity, roughness and resistance of the ground (tech note, Fluxes 5.1-5.3; CanopyTemperature)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import DENH2O, DENICE, GRAV, HSUB, HVAP, RWAT
from elterra.land.fields import Fields
from elterra.land.numerics.humidity import saturation

_SMP_MIN = -1.0e8  #: lowest matric potential, mm


def ground_state(p: Fields, s: Fields, f: Fields, veg: Fields, cfg: Config) -> Fields:
    """What the air sees of the ground, ``[column]``.

    t_grnd (K); qg, qg_snow, qg_soil, qg_h2osfc (kg kg-1); dqgdT (kg kg-1 K-1); soilresis (s m-1, dry surface layer of
    Swenson and Lawrence 2014); emg; htvp (J kg-1); z0mg, z0hg (m); frac_sno_eff, frac_h2osfc; hr (humidity of soil pores).
    """
    n = cfg.nlevsno
    top = jnp.arange(n)[:, None] == n - s.snl
    snowy = s.snl > 0
    t_soil = s.t_soisno[n]
    t_snow = jnp.where(snowy, jnp.where(top, s.t_soisno[:n], 0.0).sum(axis=0), t_soil)
    cover = s.frac_sno
    cover_eff = jnp.where(snowy, cover, 0.0)
    wet = s.frac_h2osfc
    t_grnd = cover_eff * t_snow + (1.0 - cover_eff - wet) * t_soil + wet * s.t_h2osfc

    liquid, ice, dz, porosity = s.h2osoi_liq[n], s.h2osoi_ice[n], p.dzsoi[0], p.watsat[0]
    saturated = jnp.clip((liquid / DENH2O + ice / DENICE) / (dz * porosity), 0.01, 1.0)
    suction = jnp.maximum(_SMP_MIN, -p.sucsat[0] * jnp.exp(-p.bsw[0] * jnp.log(saturated)))
    hr = jnp.exp(suction * 1e-3 * GRAV / (RWAT * t_soil))

    _, _, q_snow, dq_snow = saturation(t_snow, f.forc_pbot)
    _, _, q_soil, dq_soil = saturation(t_soil, f.forc_pbot)
    _, _, q_water, dq_water = saturation(s.t_h2osfc, f.forc_pbot)
    # Soil that is drier than the air but saturated at its own temperature does not gain dew (CLM's rule).
    held = (q_soil > f.forc_q) & (f.forc_q > hr * q_soil)
    q_soil = jnp.where(held, f.forc_q, q_soil)
    dq_soil = jnp.where(held, 0.0, dq_soil)
    qg_soil = hr * q_soil
    qg_snow = jnp.where(snowy, q_snow, qg_soil)
    dqgdT = cover_eff * dq_snow + (1.0 - cover_eff - wet) * hr * dq_soil + wet * dq_water
    qg = cover_eff * qg_snow + (1.0 - cover_eff - wet) * qg_soil + wet * q_water

    ice_in_top = jnp.where(snowy, jnp.where(top, s.h2osoi_ice[:n], 0.0).sum(axis=0), ice)
    liq_in_top = jnp.where(snowy, jnp.where(top, s.h2osoi_liq[:n], 0.0).sum(axis=0), liquid)
    return Fields(
        t_grnd=t_grnd,
        qg=qg,
        qg_snow=qg_snow,
        qg_soil=qg_soil,
        qg_h2osfc=q_water,
        dqgdT=dqgdT,
        soilresis=_dry_surface_resistance(p, liquid, ice, t_soil),
        emg=0.96 * (1.0 - cover) + 0.97 * cover,
        htvp=jnp.where((liq_in_top <= 0.0) & (ice_in_top > 0.0), HSUB, HVAP),
        z0mg=jnp.where(cover > 0.0, p.zsno, p.zlnd),
        z0hg=jnp.where(cover > 0.0, p.zsno, p.zlnd),
        frac_sno_eff=cover_eff,
        frac_h2osfc=wet,
        hr=hr,
    )


def _dry_surface_resistance(p: Fields, liquid: jax.Array, ice: jax.Array, t: jax.Array) -> jax.Array:
    """Resistance (s m-1) of the dry layer that forms on drying soil, after Swenson and Lawrence (2014)."""
    dz, porosity, b = p.dzsoi[0], p.watsat[0], p.bsw[0]
    water = jnp.maximum(liquid, 1e-6) / (dz * DENH2O)
    open_pores = jnp.maximum(0.01, porosity - jnp.minimum(porosity, ice / (dz * DENICE)))
    air_dry = porosity * jnp.exp(jnp.log(p.sucsat[0] / 1e7) / b)
    free_air = 2.12e-5 * jnp.exp(1.75 * jnp.log(t / 273.15))
    pores = porosity - air_dry
    diffusivity = pores * free_air * jnp.exp(3.0 / jnp.maximum(3.0, b) * jnp.log(pores / porosity))
    dry = jnp.maximum(0.001, 0.8 * open_pores - water) / jnp.maximum(0.001, 0.8 * porosity - air_dry)
    layer = jnp.clip(p.dsl_thickness * dry, 0.0, 200.0)
    return jnp.minimum(1e6, layer / (diffusivity * pores * 1e3) + 20.0)
