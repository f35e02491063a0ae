"""Albedo and absorbed solar radiation of canopy, snow layers and soil for one step."""

from __future__ import annotations

import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import DENH2O, DENICE
from elterra.land.fields import Fields
from elterra.land.radiation._canopy import canopy_transfer
from elterra.land.radiation._impurities import aerosols, soot
from elterra.land.radiation._snow import snow_transfer
from elterra.land.radiation._soil import soil_albedo

_FRESH_RADIUS = 54.526  # um, grains of snow that is too thin for a layer


def _whole_canopy(p: Fields, veg: Fields) -> jnp.ndarray:
    """Mean of the leaf nitrogen profile over all leaves: at night all are shaded, and they respire."""
    leafy = (veg.elai + veg.esai > 0.0) & (veg.elai > 0.0)
    depth = p.extkn * jnp.where(leafy, veg.elai, 1.0)
    return jnp.where(leafy, -jnp.expm1(-depth) / depth, 0.0)


def absorbed_by_ground(p: Fields, rad: Fields, s: Fields, cfg: Config) -> Fields:
    """``rad`` with the light of the ground given to the snow layers and the soil as they are in ``s``.

    Adds ``sabg_lyr``, ``sabg_snow``, ``sabg_bare`` (see `radiative_transfer`). Snow that falls after the albedo was made
    changes the cover: the layers absorb by the new cover, the soil what is left of ``sabg`` (``p.snow_light_kept`` 1), or
    what it absorbs by the new cover (0, as CLM5); the light that is lost then (made where negative) is ``sabg_lost``.
    """
    n = cfg.nlevsno
    has_layers = s.snl > 0
    pack = jnp.where(has_layers, s.frac_sno * rad.sabg_lyr_snow[:n], 0.0)
    rest = rad.sabg - jnp.sum(pack, axis=0)
    by_cover = (1.0 - s.frac_sno) * rad.sabg_soil + s.frac_sno * rad.sabg_lyr_snow[n]
    soil = jnp.where(has_layers, p.snow_light_kept * rest + (1.0 - p.snow_light_kept) * by_cover, rest)
    return Fields(
        rad,
        sabg_lyr=jnp.concatenate([pack, soil[None]]),
        sabg_lost=rest - soil,
        sabg_snow=jnp.where(has_layers, jnp.sum(rad.sabg_lyr_snow, axis=0), rad.sabg),
        sabg_bare=jnp.where(has_layers, rad.sabg_soil, rad.sabg),
    )


def radiative_transfer(p: Fields, s: Fields, f: Fields, veg: Fields, cfg: Config) -> Fields:
    """Solar radiation of one step (CLM5.0 technical note, chapters Surface Albedos and Radiative Fluxes).

    Args:
        p: ``soil_color``, ``dzsoi``, ``snow_soot`` (kg kg-1), maybe ``snow_optics`` (tables of `snow_transfer`), and the
            canopy optics of `canopy_transfer`.
        s: ``snow_aerosols`` `[aerosol, snow_layer, column]` (kg m-2; with ``cfg.aerosols`` "deposition"), ``h2osoi_liq``,
            ``h2osoi_ice`` `[snow_ground_layer, column]`, ``snw_rds`` (um) `[snow_layer, column]`,
            ``snl``, ``frac_sno``, ``h2osno_no_layers`` `[column]`, ``fcansno`` `[patch, column]` (snow-covered share of the
            canopy when the albedo was made: after interception of the step before).
        f: ``coszen`` `[column]`, ``forc_solad``, ``forc_solai`` (W m-2) `[band, column]`.
        veg: ``elai``, ``esai``, ``frac_veg_nosno`` `[patch, column]`.

    Returns:
        `[band, patch, column]` (1): ``albd``, ``albi``, ``fabd``, ``fabi``, ``ftdd``, ``ftid``, ``ftii``.
        `[band, column]`: ``albgrd``, ``albgri``, ``albsod``, ``albsnd``, ``albsni``.
        `[patch, column]`: ``fsun`` (1), ``laisun``, ``laisha`` (m2 m-2), ``sabv``, ``sabg``, ``fsa``, ``fsr`` (W m-2),
        ``parsun``, ``parsha`` (visible light absorbed per unit sunlit or shaded leaf and stem area, W m-2),
        ``vcmaxcintsun``, ``vcmaxcintsha`` (1), ``sabg_snow``, ``sabg_bare`` (per unit area of snow and of snow-free ground;
        without snow layers both are ``sabg``), ``sabg_soil`` (per unit area of snow-free ground), W m-2.
        `[snow_layer + 1, patch, column]` (W m-2): ``sabg_lyr`` per unit of ground area, the last is the soil (under
        snow and open), sums to ``sabg`` (less ``sabg_lost`` `[patch, column]`); ``sabg_lyr_snow`` per unit of snow
        area, the last is the soil under the snow (snow too thin for a layer counts as the lowest).

    Sun below the horizon: all fractions absorbed and transmitted are 0 and albedos 1 (light that comes anyway is
    reflected), so incident = sabv + sabg + fsr always; all leaves count as shaded, also in ``vcmaxcintsha``.
    """
    n = cfg.nlevsno
    sun = f.coszen > 0.0
    has_layers = s.snl > 0
    active = jnp.arange(n)[:, None] >= n - s.snl

    water = s.h2osoi_liq[n] / (p.dzsoi[0] * DENH2O) + s.h2osoi_ice[n] / (p.dzsoi[0] * DENICE)
    albsod = soil_albedo(p.soil_color, water)

    # Snow without a layer takes the lowest slot, with fresh grains.
    lowest = (jnp.arange(n) == n - 1)[:, None]
    thin = jnp.where(lowest, jnp.where(has_layers, 0.0, s.h2osno_no_layers), 0.0)
    mass = jnp.where(active, s.h2osoi_liq[:n] + s.h2osoi_ice[:n], thin)
    radius = jnp.where(active, s.snw_rds, _FRESH_RADIUS)
    if cfg.aerosols == "deposition":
        dirt = aerosols(s.snow_aerosols, mass, active)
    else:
        dirt = soot(jnp.where(active, p.snow_soot, 0.0))
    albsnd, albsni, abs_beam, abs_sky = snow_transfer(
        mass, radius, dirt, f.coszen, albsod, p.get("snow_optics")
    )
    albgrd = albsod + s.frac_sno * (albsnd - albsod)
    albgri = albsod + s.frac_sno * (albsni - albsod)

    canopy = canopy_transfer(p, veg, s.fcansno, f.coszen, albgrd, albgri)

    def lit(x: jnp.ndarray, night: float = 0.0) -> jnp.ndarray:
        return jnp.where(sun, x, night)

    albd, albi = lit(canopy.albd, 1.0), lit(canopy.albi, 1.0)
    fabd, fabi = lit(canopy.fabd), lit(canopy.fabi)
    ftdd, ftid, ftii = lit(canopy.ftdd), lit(canopy.ftid), lit(canopy.ftii)
    solad, solai = f.forc_solad[:, None], f.forc_solai[:, None]
    beam = solad * ftdd
    sky = solad * ftid + solai * ftii

    sabv = jnp.sum(solad * fabd + solai * fabi, axis=0)
    fsr = jnp.sum(solad * albd + solai * albi, axis=0)
    sabg = jnp.sum(beam * (1.0 - albgrd[:, None]) + sky * (1.0 - albgri[:, None]), axis=0)
    bare = jnp.sum((beam + sky) * (1.0 - albsod[:, None]), axis=0)

    snow = sum(abs_beam[b][:, None] * beam[b] + abs_sky[b][:, None] * sky[b] for b in range(2))

    fsun = lit(canopy.fsun)
    area = veg.elai + veg.esai
    lit_leaves = sun & (area > 0.0)
    sun_area = jnp.where(lit_leaves, canopy.fsun * area, 1.0)
    shade_area = jnp.where(lit_leaves, (1.0 - canopy.fsun) * area, 1.0)
    par_sun = f.forc_solad[0] * canopy.fabd_sun[0] + f.forc_solai[0] * canopy.fabi_sun[0]
    par_all = f.forc_solad[0] * fabd[0] + f.forc_solai[0] * fabi[0]
    out = Fields(
        albd=albd,
        albi=albi,
        fabd=fabd,
        fabi=fabi,
        ftdd=ftdd,
        ftid=ftid,
        ftii=ftii,
        albgrd=albgrd,
        albgri=albgri,
        albsod=albsod,
        albsnd=albsnd,
        albsni=albsni,
        fsun=fsun,
        laisun=veg.elai * fsun,
        laisha=veg.elai * (1.0 - fsun),
        sabv=sabv,
        sabg=sabg,
        sabg_soil=bare,
        sabg_lyr_snow=snow,
        parsun=jnp.where(lit_leaves, par_sun / sun_area, 0.0),
        # The sunlit part is integrated with the diffuse light of the whole canopy; of bare twigs under snow (a few
        # hundredths of stem area) it can exceed what all absorb. There is no shaded leaf then.
        parsha=jnp.where(lit_leaves, jnp.maximum(par_all - par_sun, 0.0) / shade_area, 0.0),
        fsa=sabv + sabg,
        fsr=fsr,
        vcmaxcintsun=lit(canopy.vcmaxcintsun),
        vcmaxcintsha=jnp.where(sun, canopy.vcmaxcintsha, _whole_canopy(p, veg)),
    )
    return absorbed_by_ground(p, out, s, cfg)
