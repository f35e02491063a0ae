"""Leaf and stem area and height of the canopy (CLM5.0 tech note, Ecosystem and CN_Allocation; CLM's
CNVegStructUpdate and SatellitePhenology)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import PI, SECSPDAY
from elterra.land.fields import Fields

_MONTH = 30.0 * SECSPDAY
#: CLM drops leaf and stem areas of prescribed phenology below this (m2 m-2)
_SP_MINIMUM = 0.05
_BURIAL_DEPTH_SHORT = 0.2  # m of snow that bury grass and crops


def leaf_area(p: Fields, leafc: jax.Array) -> jax.Array:
    """Leaf area index from leaf carbon (Thornton and Zimmermann 2007, eq. 3): the specific leaf area grows
    linearly with the leaf area above. ``leafc`` g m-2 ``[patch, column]``."""
    slope = jnp.where(p.dsladlai > 0.0, p.dsladlai, 1.0)
    # expm1(a x) / a, with the limit x for a = 0
    return p.slatop * jnp.where(p.dsladlai > 0.0, jnp.expm1(slope * leafc) / slope, leafc)


def stem_area(p: Fields, tsai: jax.Array, lai_old: jax.Array, lai_new: jax.Array, cfg: Config) -> jax.Array:
    """Stem area index after one step (Zeng et al. 2002): dead leaves join it, and it decays over months."""
    crop = p.pft >= 15
    keep = 1.0 - jnp.where(crop, 1.0, 0.5) * cfg.dt / _MONTH
    lowest = 0.5 * jnp.where(crop, 0.1, 1.0)
    grown = jnp.maximum(keep * tsai + jnp.maximum(lai_old - lai_new, 0.0), lowest)
    return jnp.where(p.pft > 0, grown, 0.0)


def structure(p: Fields, s: Fields, f: Fields, cfg: Config) -> Fields:
    """Canopy structure of the current state.

    Returns ``[patch, column]``: ``tlai``, ``tsai`` (m2 m-2), ``elai``, ``esai`` (not buried by snow),
    ``htop``, ``hbot`` (m), ``frac_veg_nosno`` (1 where leaves or stems stand out of the snow, else 0).

    In SP mode area and height come from the forcing, in BGC mode from leaf and dead stem carbon. The height
    takes no cap by the reference height, which here is counted from the top of the canopy.
    """
    woody = p.woody > 0.5
    planted = p.pft > 0
    if cfg.mode == "sp":
        tlai, tsai, htop, hbot = f.tlai, f.tsai, f.htop, f.hbot
    else:
        tlai = jnp.where(planted, leaf_area(p, s.leafc), 0.0)
        tsai = s.tsai_memory
        shrub = (p.pft >= 9) & (p.pft <= 11)
        taper = jnp.where(shrub, p.taper_shrub, p.taper_tree)
        stem = jnp.maximum(
            s.deadstemc * p.accel_deadwood, 1.0e-6
        )  # height is that of the wood in normal units
        tall = jnp.maximum(jnp.cbrt(3.0 * stem * taper * taper / (PI * p.stocking * p.dwood)), 0.01)
        low = jnp.maximum(0.25, 0.25 * tlai)
        htop = jnp.where(planted, jnp.where(woody, tall, low), 0.0)
        hbot = jnp.where(
            woody, jnp.clip(htop - 1.0, 0.0, 3.0), jnp.clip(jnp.where(planted, low, 0.0) - 0.2, 0.0, 0.05)
        )

    height = jnp.maximum(htop - hbot, 1.0e-6)
    buried_tall = jnp.clip(s.snow_depth - hbot, 0.0, height) / height
    buried_low = jnp.clip(s.snow_depth / _BURIAL_DEPTH_SHORT, 0.0, 1.0)
    # The depth is that of the covered part. Without the weight of the cover a trace of snow that the canopy sheds
    # buries the grass; CLM5 has it with prescribed leaf area only.
    cover = 1.0 - p.burial_cover_weight * (1.0 - s.frac_sno)
    free = 1.0 - cover * jnp.where(planted & (p.pft <= 11), buried_tall, buried_low)
    elai = jnp.maximum(tlai * free, 0.0)
    esai = jnp.maximum(tsai * free, 0.0)
    if cfg.mode == "sp":
        elai = jnp.where(elai < _SP_MINIMUM, 0.0, elai)
        esai = jnp.where(esai < _SP_MINIMUM, 0.0, esai)
    nosno = jnp.where(elai + esai > 0.0, 1.0, 0.0)
    return Fields(tlai=tlai, tsai=tsai, elai=elai, esai=esai, htop=htop, hbot=hbot, frac_veg_nosno=nosno)
