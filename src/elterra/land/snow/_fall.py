"""Snowfall, before the heat solve of a step: cover, depth, and the first layer."""

from __future__ import annotations

import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import TFRZ
from elterra.land.fields import Fields
from elterra.land.snow._cover import add_new_snow, depleted_cover, fresh_snow_density, melt_shape
from elterra.land.snow._grains import RADIUS_MIN

#: column-mean depth (m) from which snow has layers, and below which it loses them (CLM5)
LAYER_DEPTH = 0.01


def snowfall(p: Fields, s: Fields, f: Fields, wet: Fields, cfg: Config) -> tuple[Fields, Fields]:
    """Snow that reaches the ground in this step (CLM5 ``CanopyHydrology``; tech note 2.8.1-2.8.5).

    First the cover shrinks by the water that left the snow in the last step (``s.qflx_snow_drain``), then snow
    falls; snow that is deep enough gets its first layer, at the temperature of the air. Reads ``p.topo_std`` (m),
    ``int_snow_max`` (kg m-2), ``snow_accum_factor``; ``f.forc_t`` (K), ``f.forc_wind`` (m s-1);
    ``wet.qflx_snow_grnd`` (kg m-2 s-1); all [column].

    Returns the state, and [snow_layer, column]: ``swe_old`` (kg m-2), the layers before, for the settling, and ``dz_old``
    (m), their thickness before (that of a first layer after the fall), for the distances of their nodes.
    """
    n = cfg.nlevsno
    layer = jnp.arange(n)[:, None]
    liq, ice, t = s.h2osoi_liq[:n], s.h2osoi_ice[:n], s.t_soisno[:n]
    bare = s.snl == 0
    active = layer >= n - s.snl
    swe_old = jnp.where(active, liq + ice, 0.0)
    h2osno = jnp.sum(swe_old, axis=0) + s.h2osno_no_layers
    n_melt = melt_shape(p.topo_std)

    # in this order, because a fall resets the depletion curve to the cover it finds
    depleted = depleted_cover(h2osno, jnp.maximum(s.int_snow, h2osno), p.int_snow_max, n_melt)
    fallen = wet.qflx_snow_grnd * cfg.dt
    cover = add_new_snow(
        new_snow=fallen,
        h2osno=h2osno,
        frac_sno=jnp.where(s.qflx_snow_drain > 0.0, depleted, s.frac_sno),
        int_snow=s.int_snow,
        density=fresh_snow_density(f.forc_t, f.forc_wind),
        accum_factor=p.snow_accum_factor,
        n_melt=n_melt,
    )
    depth = jnp.where((h2osno > 0.0) & cover.covers, s.snow_depth, 0.0) + cover.depth
    thin = s.h2osno_no_layers + jnp.where(bare, fallen, 0.0)
    start = bare & (cover.frac_sno * depth >= LAYER_DEPTH)
    first = (layer == n - 1) & start
    top = (layer == n - s.snl) & ~bare
    dz = jnp.where(first, depth, s.dz_snow + jnp.where(top, cover.depth, 0.0))
    ice = jnp.where(first, thin, ice + jnp.where(top, fallen, 0.0))
    liq = jnp.where(first, 0.0, liq)
    new = s.replace(
        h2osoi_liq=jnp.concatenate([liq, s.h2osoi_liq[n:]]),
        h2osoi_ice=jnp.concatenate([ice, s.h2osoi_ice[n:]]),
        # inactive layers hold the temperature of the top active one
        t_soisno=jnp.concatenate([jnp.where(start, jnp.minimum(TFRZ, f.forc_t), t), s.t_soisno[n:]]),
        dz_snow=dz,
        snw_rds=jnp.where(first, RADIUS_MIN, s.snw_rds),
        snl=jnp.where(start, 1, s.snl).astype(s.snl.dtype),
        h2osno_no_layers=jnp.where(start, 0.0, thin),
        snow_depth=depth,
        int_snow=cover.int_snow,
        frac_sno=cover.frac_sno,
    )
    return new, Fields(swe_old=swe_old, dz_old=jnp.where(first, dz, s.dz_snow))
