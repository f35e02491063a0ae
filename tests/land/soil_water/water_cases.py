"""Columns for the tests of snow and soil water."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from elterra.land.config import NLEVGRND, NLEVSOI, Config
from elterra.land.fields import Fields
from elterra.land.snow import initial_layers
from elterra.registry import parameters

# fmt: off
THICKNESS = np.array([
    0.02, 0.04, 0.06, 0.08, 0.12, 0.16, 0.20, 0.24, 0.28, 0.32, 0.36, 0.40, 0.44, 0.54, 0.64, 0.74, 0.84, 0.94,
    1.04, 1.14, 2.39, 4.676, 7.635, 11.140, 15.115,
])
# fmt: on
ROOMS = ("snow", "soil_water")


def make_p(
    columns: int, *, sand=43.0, clay=18.0, bedrock=20, slope=2.0, fmax=0.26, patches=2, **other
) -> Fields:
    """Prepared parameters with registry defaults and CLM's pedotransfer for a uniform soil."""

    def full(x):
        return jnp.broadcast_to(jnp.asarray(x, dtype=float), (NLEVGRND, columns))

    sand, clay = full(sand), full(clay)
    zisoi = np.concatenate([[0.0], np.cumsum(THICKNESS)])
    weight = np.full((patches, columns), 1.0 / patches)
    rootfr = np.exp(-zisoi[1 : NLEVSOI + 1] / 0.5)
    rootfr = rootfr / rootfr.sum()
    fields = {
        name: jnp.full((columns,), float(x.default)) for name, x in parameters().items() if x.room in ROOMS
    }
    fields |= {
        "zsoi": full((zisoi[:-1] + 0.5 * THICKNESS)[:, None]),
        "dzsoi": full(THICKNESS[:, None]),
        "zisoi": jnp.broadcast_to(jnp.asarray(zisoi)[:, None], (NLEVGRND + 1, columns)),
        "watsat": 0.489 - 0.00126 * sand,
        "bsw": 2.91 + 0.159 * clay,
        "sucsat": 10.0 * 10.0 ** (1.88 - 0.0131 * sand),
        "hksat": 0.0070556 * 10.0 ** (-0.884 + 0.0153 * sand),
        "nbedrock": jnp.broadcast_to(jnp.asarray(bedrock, dtype=jnp.int32), (columns,)),
        "topo_slope": jnp.broadcast_to(jnp.asarray(slope, dtype=float), (columns,)),
        "fmax": jnp.broadcast_to(jnp.asarray(fmax, dtype=float), (columns,)),
        "wt": jnp.asarray(weight),
        "rootfr": jnp.broadcast_to(jnp.asarray(rootfr)[:, None, None], (NLEVSOI, patches, columns)),
    }
    return Fields({**fields, **other})


def make_s(
    p: Fields,
    cfg: Config,
    *,
    wetness=0.6,
    ice=0.0,
    t_soil=280.0,
    swe=0.0,
    density=250.0,
    t_snow=265.0,
    h2osfc=0.0,
) -> Fields:
    """A state with uniform relative wetness (``ice`` is the frozen share), and a pack of ``swe`` (kg m-2)."""
    columns = p.topo_slope.shape[0]
    n = cfg.nlevsno

    def col(x):
        return jnp.broadcast_to(jnp.asarray(x, dtype=float), (columns,))

    layer = jnp.arange(NLEVGRND)[:, None]
    water = jnp.where(layer < p.nbedrock, col(wetness) * p.watsat * p.dzsoi * 1000.0, 0.0)
    swe, density = col(swe), col(density)
    snl, dz = initial_layers(swe / density, n)
    has = snl > 0
    snow = dz * density
    t_snow = jnp.broadcast_to(col(t_snow), (n, columns))
    t_soil = jnp.broadcast_to(col(t_soil), (NLEVGRND, columns))
    place = jnp.arange(n)[:, None] >= n - snl
    patch = jnp.zeros_like(p.wt)
    return Fields(
        h2osoi_liq=jnp.concatenate([jnp.zeros((n, columns)), water * (1.0 - col(ice))]),
        h2osoi_ice=jnp.concatenate([snow, water * col(ice)]),
        t_soisno=jnp.concatenate([jnp.where(place, t_snow, t_soil[0]), t_soil]),
        dz_snow=dz,
        snw_rds=jnp.where(place, 150.0, 54.526),
        snl=snl,
        h2osno_no_layers=jnp.where(has, 0.0, swe),
        snow_depth=jnp.where(swe > 0, swe / density, 0.0),
        int_snow=swe,
        frac_sno=jnp.where(swe > 0.0, 1.0, 0.0),
        h2osfc=col(h2osfc),
        t_h2osfc=col(280.0),
        frac_h2osfc=jnp.zeros(columns),
        qflx_snow_drain=col(0.0),
        zwt=col(8.0),
        liqcan=patch,
        snocan=patch,
        t_veg=patch + 280.0,
    )


def make_fluxes(
    p: Fields,
    *,
    rain=0.0,
    snow=0.0,
    ev_snow=0.0,
    ev_soil=0.0,
    ev_h2osfc=0.0,
    tran=0.0,
    snomelt=0.0,
    t=278.0,
    wind=3.0,
    ice_share=0.4,
):
    """Forcing, ``wet``, ``flx`` and ``en`` of one step; rates in kg m-2 s-1.

    ``ice_share`` of what the top layer loses, or gains, is ice.
    """
    columns = p.topo_slope.shape[0]

    def col(x):
        return jnp.broadcast_to(jnp.asarray(x, dtype=float), (columns,))

    f = Fields(forc_t=col(t), forc_wind=col(wind))
    wet = Fields(qflx_liq_grnd=col(rain), qflx_snow_grnd=col(snow))
    flux = jnp.broadcast_to(col(tran), p.wt.shape)
    flx = Fields(qflx_tran_veg=flux, root_uptake=p.rootfr * flux)
    en = Fields(
        qflx_ev_snow=col(ev_snow),
        qflx_ev_soil=col(ev_soil),
        qflx_ev_h2osfc=col(ev_h2osfc),
        qflx_evap_grnd=(1.0 - ice_share) * jnp.maximum(col(ev_snow), 0.0),
        qflx_sub_snow=ice_share * jnp.maximum(col(ev_snow), 0.0),
        qflx_dew_grnd=(1.0 - ice_share) * jnp.maximum(-col(ev_snow), 0.0),
        qflx_dew_snow=ice_share * jnp.maximum(-col(ev_snow), 0.0),
        qflx_snomelt=col(snomelt),
    )
    return f, wet, flx, en
