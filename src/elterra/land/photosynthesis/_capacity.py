"""Photosynthetic capacity: from 25 °C parameters to rates at leaf temperature.

Sunlit and shaded leaves are stacked on a leading axis of two, so that one pass serves both.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land import constants as c
from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.photosynthesis._acclimation import seasonal_capacity
from elterra.land.photosynthesis._leaf import LeafAtT

T25 = c.TFRZ + 25.0
RGAS_MOL = c.RGAS * 1.0e-3  #: J K-1 mol-1

# Bernacchi et al. (2001), Plant Cell Environ. 24, 253: mole fractions at 25 degC and activation energies
KC25, KO25, CP25 = 404.9e-6, 278.4e-3, 42.75e-6
KC_HA, KO_HA, CP_HA = 79430.0, 36380.0, 37830.0
O2_TODAY = 0.209  #: mol mol-1
# Leuning (2002), Plant Cell Environ. 25, 1205: deactivation, J mol-1 and J mol-1 K-1
VCMAX_HD = JMAX_HD = 200000.0
LMR_HD, LMR_SE = 150650.0, 490.0
# Acclimation of the entropy terms and of Jmax/Vcmax to growth temperature, Kattge & Knorr (2007),
# Plant Cell Environ. 30, 1176; valid between these 10-day temperatures (degC)
T10_MIN, T10_MAX = 11.0, 35.0
PHOTONS_PER_JOULE = 4.6  #: umol J-1 of photosynthetically active radiation
# C4 (Collatz et al. 1992; CLM5 tech note section Photosynthesis)
C4_QUANTUM_YIELD, C4_THETA_CJ, C4_LMR_FRACTION = 0.05, 0.80, 0.025
LN2_PER_10K = 0.06931471805599453
FIRST_CROP = 15  #: plant types from here on are crops; LUNA leaves them and C4 plants alone
LEAF_N_MAX = 10.0  #: gN m-2 leaf, largest leaf nitrogen counted (CLM5.0)
#: leaf respiration of very thin canopies: factor min(1, 0.2 exp(3.218 LAI)) (CLM5.0)
THIN_LMR, THIN_LMR_RISE = 0.2, 3.218


def leaf_nitrogen(p: Fields, s: Fields, tlai: jax.Array, cfg: Config) -> jax.Array:
    """Nitrogen of leaves (gN m-2 leaf) `[patch, column]`, 0 where there is none.

    Mode "bgc" with LUNA: the plant's leaf nitrogen over its leaf area; else that of leaves at the top of the
    canopy, 1 / (``slatop`` ``leafcn``).
    """
    if cfg.mode == "bgc" and cfg.capacity == "luna":
        leafy = tlai > 0.0
        return jnp.where(leafy, jnp.minimum(s.leafn / jnp.where(leafy, tlai, 1.0), LEAF_N_MAX), 0.0)
    grows = p.slatop > 0.0
    return jnp.where(grows, jnp.minimum(1.0 / jnp.where(grows, p.slatop * p.leafcn, 1.0), LEAF_N_MAX), 0.0)


def follows_luna(p: Fields) -> jax.Array:
    """Plants whose capacity LUNA sets: C3 plants that are no crops, bool `[patch, column]`."""
    return (p.c3psn > 0.5) & (p.pft < FIRST_CROP)


class Leaves(NamedTuple):
    """What does not change during the leaf temperature iteration. `[2, patch, column]` unless said."""

    vcmax25: jax.Array  # umol m-2 leaf s-1, with the stress by soil water, without that of plant hydraulics
    jmax25: jax.Array
    tpu25: jax.Array
    kp25: jax.Array
    lmr25: jax.Array
    light: jax.Array  # umol electrons m-2 s-1 that photosystem II can use (C3)
    light_c4: jax.Array  # umol CO2 m-2 s-1 allowed by light (C4)
    vcmax_se: jax.Array  # [patch, column], J mol-1 K-1
    jmax_se: jax.Array
    vcmax_fth25: jax.Array  # [patch, column], 1
    jmax_fth25: jax.Array
    c3: jax.Array  # [patch, column], 1 for C3 and 0 for C4
    g0: jax.Array  # [patch, column], umol m-2 s-1
    g1: jax.Array  # [patch, column], kPa^0.5
    theta_cj: jax.Array  # [patch, column]
    cair: jax.Array  # [column], Pa
    oair: jax.Array  # [column], Pa
    pbot: jax.Array  # [column], Pa


def _high_t(t: jax.Array | float, se: jax.Array | float, hd: float) -> jax.Array:
    """1 + exp((se T - hd) / (R T))."""
    return 1.0 + jnp.exp(se / RGAS_MOL - hd / (RGAS_MOL * t))


_LMR_FTH25 = 1.0 + math.exp(LMR_SE / RGAS_MOL - LMR_HD / (RGAS_MOL * T25))


def prepare_leaves(
    p: Fields, s: Fields, f: Fields, veg: Fields, rad: Fields, btran: jax.Array | float, cfg: Config
) -> Leaves:
    """Rates at 25 °C of sunlit and shaded leaves and all else that is constant in the iteration.

    Capacity: with ``cfg.capacity`` "luna" the state's ``vcmx25``, ``jmx25`` for sunlit leaves of C3 plants, shaded
    ones in the ratio of the canopy profile; C4 plants and crops take ``p.i_vcad`` + ``p.s_vcad`` N with leaf nitrogen N in
    mode "bgc" (CLM5.0's default, ``vcmax_opt`` 3), ``p.vcmax25top`` in mode "sp". With "prescribed" all plants take
    ``p.vcmax25top``. Both with ``s.t10`` (K), ``s.acclim_s``, ``f.dayl``, ``f.max_dayl`` (s) and the profile
    ``rad.vcmaxcintsun``, ``vcmaxcintsha``. Also read: ``f.forc_pco2``, ``f.forc_pbot`` (Pa), ``veg.tlai``, ``rad`` parsun,
    parsha (W m-2 leaf), laisun, laisha.
    Leaf respiration at 25 °C: in mode "bgc" Atkin et al. (2015) from leaf nitrogen and ``t10``; in mode "sp" a
    share of Vcmax25 (as CLM5.0 does in these modes); inhibited by light and in very thin canopies. ``btran`` is the
    stress by soil water; 1 with plant hydraulics, which act later.
    """
    c3 = p.c3psn
    t10c = jnp.clip(s.t10 - c.TFRZ, T10_MIN, T10_MAX)
    dayl_ratio = f.dayl / f.max_dayl
    # LUNA leaves day length to the light; the plants it leaves alone keep CLM's full factor
    dayl_weight = p.dayl_weight if cfg.capacity == "prescribed" else 1.0
    dayl_factor = 1.0 - dayl_weight * (1.0 - jnp.clip(dayl_ratio * dayl_ratio, 0.01, 1.0))
    depth = jnp.stack([rad.vcmaxcintsun, rad.vcmaxcintsha])
    top = p.vcmax25top
    if cfg.mode == "bgc" and cfg.capacity == "luna":  # for the plants that LUNA leaves alone
        top = p.i_vcad + p.s_vcad * leaf_nitrogen(p, s, veg.tlai, cfg)
    vcmax25top = top * dayl_factor * seasonal_capacity(p, s)
    vcmax25 = depth * vcmax25top
    jmax25 = p.jmax25_scale * (2.59 - 0.035 * t10c) * vcmax25
    kp25 = p.kp25_ratio * vcmax25
    if cfg.capacity == "luna":
        luna = follows_luna(p)
        profiled = depth[0] > 0.0
        below = jnp.where(profiled, depth[1] / jnp.where(profiled, depth[0], 1.0), 1.0)
        relative = jnp.stack([jnp.ones_like(below), below])
        vcmax25 = jnp.where(luna, relative * s.vcmx25, vcmax25)
        jmax25 = jnp.where(luna, relative * s.jmx25, jmax25)

    if cfg.mode == "bgc":
        leaf_n = leaf_nitrogen(p, s, veg.tlai, cfg)
        lmr25top = jnp.maximum(p.lmr_intercept_atkin + 0.2061 * leaf_n - 0.0402 * (s.t10 - c.TFRZ), 0.0)
        lmr25 = depth * jnp.where(leaf_n > 0.0, lmr25top, 0.0)
    else:
        lmr25 = depth * (vcmax25top * (c3 * p.leaf_mr_vcm + (1.0 - c3) * C4_LMR_FRACTION))
        if cfg.capacity == "luna":
            lmr25 = jnp.where(luna, p.leaf_mr_vcm * s.vcmx25, lmr25)
    thin = jnp.minimum(THIN_LMR * jnp.exp(THIN_LMR_RISE * (rad.laisun + rad.laisha)), 1.0)

    par = jnp.stack([rad.parsun, rad.parsha])
    inhibition = jnp.where(par > 0.0, p.lmr_light_factor, 1.0)
    vcmax_se = 668.39 - 1.07 * t10c
    jmax_se = 659.70 - 0.75 * t10c
    return Leaves(
        vcmax25=vcmax25 * btran,
        jmax25=jmax25,
        tpu25=p.tpu25_ratio * vcmax25,
        kp25=kp25,
        lmr25=lmr25 * thin * btran * inhibition,
        light=(0.5 * PHOTONS_PER_JOULE) * (1.0 - p.fnps) * par,
        light_c4=(C4_QUANTUM_YIELD * PHOTONS_PER_JOULE) * par,
        vcmax_se=vcmax_se,
        jmax_se=jmax_se,
        vcmax_fth25=_high_t(T25, vcmax_se, VCMAX_HD),
        jmax_fth25=_high_t(T25, jmax_se, JMAX_HD),
        c3=c3,
        g0=p.medlynintercept,
        g1=p.medlynslope * (1.0 - p.btran_g1_weight * (1.0 - btran)),
        theta_cj=c3 * p.theta_cj + (1.0 - c3) * C4_THETA_CJ,
        cair=f.forc_pco2,
        oair=O2_TODAY * f.forc_pbot,
        pbot=f.forc_pbot,
    )


def leaves_at_temperature(p: Fields, leaves: Leaves, t_veg: jax.Array) -> LeafAtT:
    """Kinetics of sunlit and shaded leaves at leaf temperature ``t_veg`` (K) `[patch, column]`.

    CLM5.0 tech note, chapter Photosynthesis: Arrhenius functions with high-temperature deactivation
    for C3; Q10 = 2 with low- and high-temperature cut-offs for C4. C3 and C4 share one set of
    coefficients (see `LeafAtT`), so that the solver has no branch.
    """
    c3, c4 = leaves.c3, 1.0 - leaves.c3
    inverse_t = 1.0 / t_veg
    # exponent per J mol-1 of activation energy
    warm = (1.0 / T25 - inverse_t) * (1.0 / RGAS_MOL)
    vcmax_c3 = jnp.exp(p.vcmaxha * warm) * leaves.vcmax_fth25
    vcmax_c3 = vcmax_c3 / (1.0 + jnp.exp((leaves.vcmax_se - VCMAX_HD * inverse_t) * (1.0 / RGAS_MOL)))
    jmax = jnp.exp(p.jmaxha * warm) * leaves.jmax_fth25
    jmax = jmax / (1.0 + jnp.exp((leaves.jmax_se - JMAX_HD * inverse_t) * (1.0 / RGAS_MOL)))
    lmr_c3 = jnp.exp(p.lmrha * warm) * _LMR_FTH25
    lmr_c3 = lmr_c3 / (1.0 + jnp.exp((LMR_SE - LMR_HD * inverse_t) * (1.0 / RGAS_MOL)))
    q10 = jnp.exp(LN2_PER_10K * (t_veg - T25))
    vcmax_c4 = 1.0 + jnp.exp(0.2 * (c.TFRZ + 15.0 - t_veg))
    vcmax_c4 = q10 / (vcmax_c4 * (1.0 + jnp.exp(0.3 * (t_veg - (c.TFRZ + 40.0)))))
    lmr_c4 = q10 / (1.0 + jnp.exp(1.3 * (t_veg - (c.TFRZ + 55.0))))

    kc = KC25 * leaves.pbot * jnp.exp(KC_HA * warm)
    ko = KO25 * leaves.pbot * jnp.exp(KO_HA * warm)
    cp = (CP25 / O2_TODAY) * leaves.oair * jnp.exp(CP_HA * warm)

    jmax = leaves.jmax25 * jmax
    total = leaves.light + jmax
    root = jnp.sqrt(total * total - 4.0 * p.theta_psii * leaves.light * jmax + 1.0e-20)
    je = 2.0 * leaves.light * jmax / (total + root)
    return LeafAtT(
        vcmax=leaves.vcmax25 * (c3 * vcmax_c3 + c4 * vcmax_c4),
        je=c3 * je + c4 * leaves.light_c4,
        ap_constant=c3 * 3.0 * leaves.tpu25 * vcmax_c3,
        ap_slope=c4 * leaves.kp25 * q10 / leaves.pbot,
        lmr=leaves.lmr25 * (c3 * lmr_c3 + c4 * lmr_c4),
        c3=c3,
        cp=c3 * cp - c4,
        km=c3 * kc * (1.0 + leaves.oair / ko) + c4,
        cp8=c3 * 8.0 * cp + c4,
    )
