"""Solar radiation absorbed by sunlit and shaded leaves, snow and soil.

Tech note, Surface_Albedos 3.1 and Radiative_Fluxes 4.1.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.radiation._ground_albedo import snow_albedo, soil_albedo
from elterra.land.radiation._two_stream import Canopy, leaf_geometry, two_stream

# Optics of snow on leaves (tech note, table 3.4): scattering in the two bands, upscatter.
_OMEGA_SNOW = (0.8, 0.4)
_BETA_SNOW = 0.5
_MIN_AREA = 1e-3


def radiative_transfer(
    p: Fields, s: Fields, f: Fields, veg: Fields, grnd: Fields, wet: Fields, cfg: Config
) -> Fields:
    """Albedo and absorption for the sun of this step.

    ``veg`` has elai, esai, frac_veg_nosno, ``wet`` has fcansno (fraction of the canopy under snow), all
    ``[patch, column]``; ``grnd`` frac_sno_eff ``[column]``. Returns ``[patch, column]`` unless said, W m-2:
    albd, albi ``[band, patch, column]``; sabv, sabg, fsa, fsr; sabg_lyr ``[nlevsno + 1, patch, column]`` (snow layers from the
    top, then soil; sums to sabg); fsun, laisun, laisha; parsun, parsha (absorbed photosynthetically active radiation
    per leaf area); vcmaxcintsun, vcmaxcintsha (mean of the canopy's capacity profile over each class, top = 1).
    Incident = sabv + sabg + fsr to round-off. In the dark all fluxes are zero.
    """
    day = f.coszen > 0.0
    mu = jnp.where(day, jnp.maximum(f.coszen, 0.001), 0.5)
    soil = soil_albedo(p, s, f, cfg)
    cover = grnd.frac_sno_eff
    n = cfg.nlevsno
    layer = jnp.arange(n)[:, None]
    top = layer == n - s.snl
    active = layer >= n - s.snl
    pack = jnp.where(active, s.h2osoi_liq[:n] + s.h2osoi_ice[:n], 0.0).sum(axis=0) + s.h2osno_no_layers
    radius = jnp.where(s.snl > 0, jnp.where(top, s.snw_rds, 0.0).sum(axis=0), p.fresh_snw_rds_max)
    snow = snow_albedo(radius, pack / jnp.maximum(cover, 0.05), mu, soil)
    ground = [jnp.clip((1.0 - cover) * a + cover * b, 1e-3, 0.999)[:, None, :] for a, b in zip(soil, snow, strict=True)]

    area = jnp.maximum(veg.elai + veg.esai, _MIN_AREA)
    leaf_share = veg.elai / area
    gdir, twostext, avmu, single = leaf_geometry(p.xl, mu)
    chil = jnp.clip(p.xl, -0.4, 0.6)
    rho = jnp.stack([p.rhol_vis, p.rhol_nir]) * leaf_share + jnp.stack([p.rhos_vis, p.rhos_nir]) * (1.0 - leaf_share)
    tau = jnp.stack([p.taul_vis, p.taul_nir]) * leaf_share + jnp.stack([p.taus_vis, p.taus_nir]) * (1.0 - leaf_share)
    rho, tau = jnp.maximum(rho, 1e-3), jnp.maximum(tau, 1e-3)
    omega_leaf = rho + tau
    betad = (1.0 + avmu * twostext) / (avmu * twostext) * single  # the scattering coefficient cancels
    betai = 0.5 * (omega_leaf + (rho - tau) * (0.5 * (1.0 + chil)) ** 2) / omega_leaf
    snowy = wet.fcansno
    omega_snow = jnp.asarray(_OMEGA_SNOW)[:, None, None]
    omega = (1.0 - snowy) * omega_leaf + snowy * omega_snow
    betad = ((1.0 - snowy) * omega_leaf * betad + snowy * omega_snow * _BETA_SNOW) / omega
    betai = ((1.0 - snowy) * omega_leaf * betai + snowy * omega_snow * _BETA_SNOW) / omega
    canopy = Canopy(area, gdir, twostext, avmu, omega, betad, betai)
    direct, diffuse = two_stream(canopy, ground[0], ground[1])

    vegetated = (veg.frac_veg_nosno > 0) & (veg.elai + veg.esai > 0)
    beam, sky = f.forc_solad[:, None, :], f.forc_solai[:, None, :]
    lit = day & vegetated

    def pick(x: jax.Array, bare: jax.Array | float) -> jax.Array:
        return jnp.where(vegetated, x, bare)

    albd, albi = pick(direct.albedo, ground[0]), pick(diffuse.albedo, ground[1])
    fabd, fabi = pick(direct.absorbed, 0.0), pick(diffuse.absorbed, 0.0)
    ftdd = pick(direct.transmitted_direct, 1.0)
    down_beam = beam * ftdd
    down_sky = beam * pick(direct.transmitted_diffuse, 0.0) + sky * pick(diffuse.transmitted_diffuse, 1.0)
    dark = jnp.where(day, 1.0, 0.0)
    sabv = dark * (fabd * beam + fabi * sky).sum(axis=0)
    fsr = dark * (albd * beam + albi * sky).sum(axis=0)
    incident = dark * (beam + sky).sum(axis=0)
    sabg = incident - sabv - fsr
    sabg_lyr = _into_snow(p, s, cfg, cover, soil, snow, down_beam, down_sky, sabg, dark)

    kb = jnp.minimum(twostext, 40.0)
    sunlit_area = (1.0 - jnp.exp(-jnp.minimum(kb * area, 40.0))) / kb
    fsun = jnp.where(lit, sunlit_area / area, 0.0)
    laisun = veg.elai * fsun
    laisha = veg.elai * (1.0 - fsun)
    sun_d, sun_i = direct.absorbed_sun[0], diffuse.absorbed_sun[0]
    shade_d, shade_i = direct.absorbed[0] - sun_d, diffuse.absorbed[0] - sun_i
    visible = (f.forc_solad[0], f.forc_solai[0])
    parsun = jnp.where(lit, (sun_d * visible[0] + sun_i * visible[1]) / jnp.maximum(fsun * area, 1e-6), 0.0)
    parsha = jnp.where(lit, (shade_d * visible[0] + shade_i * visible[1]) / jnp.maximum((1.0 - fsun) * area, 1e-6), 0.0)
    sun_int, sha_int = _capacity(p.extkn, kb, veg.elai, laisun, laisha, fsun > 0.0)
    return Fields(
        albd=albd,
        albi=albi,
        sabv=sabv,
        sabg=sabg,
        sabg_lyr=sabg_lyr,
        fsa=sabv + sabg,
        fsr=fsr,
        fsun=fsun,
        laisun=laisun,
        laisha=laisha,
        parsun=jnp.maximum(parsun, 0.0),
        parsha=jnp.maximum(parsha, 0.0),
        vcmaxcintsun=sun_int,
        vcmaxcintsha=sha_int,
    )


def _capacity(
    kn: jax.Array, kb: jax.Array, elai: jax.Array, laisun: jax.Array, laisha: jax.Array, lit: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Mean of ``exp(-kn x)`` over sunlit and over shaded leaves (tech note 9.5, canopy scaling)."""
    whole = (1.0 - jnp.exp(-kn * elai)) / kn
    sun = jnp.where(lit, (1.0 - jnp.exp(-(kn + kb) * elai)) / (kn + kb), 0.0)
    sun_mean = jnp.where(laisun > 1e-9, sun / jnp.maximum(laisun, 1e-9), 0.0)
    sha_mean = jnp.where(laisha > 1e-9, (whole - sun) / jnp.maximum(laisha, 1e-9), 0.0)
    return sun_mean, sha_mean


#: share of the near infrared that stays in the top 2 cm of snow is nearly all; visible light goes deeper (1/m, per unit density ratio)
_SNOW_DEPTH_SCALE = 0.02


def _into_snow(
    p: Fields,
    s: Fields,
    cfg: Config,
    cover: jax.Array,
    soil: tuple[jax.Array, jax.Array],
    snow: tuple[jax.Array, jax.Array],
    down_beam: jax.Array,
    down_sky: jax.Array,
    sabg: jax.Array,
    dark: jax.Array,
) -> jax.Array:
    """Share the ground's absorption out among snow layers and soil ``[nlevsno + 1, patch, column]``.

    Near infrared is absorbed in the top layer; visible light decays with depth (e-folding 2 cm) and what is left
    reaches the soil. Snow-free ground takes its part directly. The sum is ``sabg`` exactly.
    """
    n = cfg.nlevsno
    layer = jnp.arange(n)[:, None]
    active = layer >= n - s.snl
    dz = jnp.where(active, s.dz_snow, 0.0)
    above = jnp.cumsum(dz, axis=0) - dz
    into = jnp.exp(-above / _SNOW_DEPTH_SCALE)
    out = jnp.exp(-(above + dz) / _SNOW_DEPTH_SCALE)
    visible_share = jnp.where(active, into - out, 0.0)
    top = jnp.where((layer == n - s.snl) & (s.snl > 0), 1.0, 0.0)
    has_snow = s.snl > 0
    on_snow = jnp.where(has_snow, cover, 0.0)
    visible = dark * on_snow * ((1.0 - snow[0][0]) * down_beam[0] + (1.0 - snow[1][0]) * down_sky[0])
    infrared = dark * on_snow * ((1.0 - snow[0][1]) * down_beam[1] + (1.0 - snow[1][1]) * down_sky[1])
    absorbed = visible_share[:, None, :] * visible + top[:, None, :] * infrared
    # Clipping of the blended albedo can leave the parts a little above the whole.
    total = absorbed.sum(axis=0)
    scale = jnp.where(total > sabg, sabg / jnp.where(total > 0.0, total, 1.0), 1.0)
    absorbed = absorbed * jnp.maximum(scale, 0.0)
    return jnp.concatenate([absorbed, (sabg - absorbed.sum(axis=0))[None]])
