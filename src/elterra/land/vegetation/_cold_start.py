"""Start values of a model without history (CLM's cold start)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI, NPOOLS
from elterra.land.fields import Fields
from elterra.land.phenology import PHENOLOGY_STATE
from elterra.land.vegetation._pools import OTHER_C, OTHER_N, SOIL1, TISSUES, pool_names

_O2_OF_AIR = 9.0  # mol m-3

_ANNUAL_PATCH = (
    "tempavg_t2m",
    "annsum_potential_gpp",
    "tempsum_potential_gpp",
    "annmax_retransn",
    "tempmax_retransn",
)


def cold_start_vegetation(p: Fields) -> dict[str, jax.Array]:
    """All states of the carbon and nitrogen rooms, as CLM starts them without a restart file.

    Evergreen plants hold ``initial_vegc`` gC m-2 in leaves and in fine roots, deciduous ones in storage;
    woody
    plants 0.1 gC m-2 of dead stem; soil pools ``initial_cstocks`` gC m-3 down to ``initial_cstocks_depth``,
    all with
    nominal N:C; no litter. Mineral nitrogen starts at ``initial_sminn`` gN m-3 (half ammonium) over the same
    depth, so that the first plants do not starve.
    """
    shape = p.wt.shape
    columns = shape[-1:]
    zero = jnp.zeros(shape)
    planted = p.pft > 0
    evergreen = p.evergreen > 0.5
    woody = p.woody > 0.5
    s: dict[str, jax.Array] = dict.fromkeys((*pool_names("c"), *pool_names("n"), *OTHER_C, *OTHER_N), zero)
    start = jnp.where(planted, p.initial_vegc * jnp.ones(shape), 0.0)
    for tissue in ("leaf", "froot"):
        s[f"{tissue}c"] = jnp.where(evergreen, start, 0.0)
        s[f"{tissue}c_storage"] = jnp.where(evergreen, 0.0, start)
    s["deadstemc"] = jnp.where(planted & woody, 0.1, 0.0)
    ratios = (p.leafcn, p.frootcn, p.livewdcn, p.deadwdcn, p.livewdcn, p.deadwdcn)
    for tissue, ratio in zip(TISSUES, ratios, strict=True):
        for stage in ("", "_storage"):
            carbon = s[f"{tissue}c{stage}"]
            s[f"{tissue}n{stage}"] = jnp.where(carbon > 0.0, carbon / jnp.where(ratio > 0.0, ratio, 1.0), 0.0)

    s |= {name: zero for name in PHENOLOGY_STATE if name != "prec10"}
    s["dormant_flag"] = jnp.where(planted & ~evergreen, 1.0, 0.0)
    s["prec10"] = jnp.zeros(columns)
    s |= dict.fromkeys(_ANNUAL_PATCH, zero)
    s["annavg_t2m"] = jnp.full(shape, 280.0)
    s["annsum_counter"] = jnp.zeros(columns)
    s["lag_npp"] = jnp.zeros(columns)
    s["annet"] = jnp.zeros(columns)
    s["conc_o2"] = _O2_OF_AIR * 0.5 * p.watsat[:NLEVSOI]  # half of the pores hold air
    s["tsai_memory"] = jnp.where(planted, 0.5, 0.0)

    near = p.zsoi[:NLEVSOI] <= p.initial_cstocks_depth
    ratio = {SOIL1: p.cn_s1, SOIL1 + 1: p.cn_s2, SOIL1 + 2: p.cn_s3}
    empty = jnp.zeros((NLEVSOI, *columns))
    stocks = [jnp.where(near, p.initial_cstocks, 0.0) if i >= SOIL1 else empty for i in range(NPOOLS)]
    s["decomp_cpools"] = jnp.stack(stocks)
    s["decomp_npools"] = jnp.stack([stocks[i] / ratio[i] if i >= SOIL1 else empty for i in range(NPOOLS)])
    s["smin_nh4"] = jnp.where(near, 0.5 * p.initial_sminn, 0.0)
    s["smin_no3"] = jnp.where(near, 0.5 * p.initial_sminn, 0.0)
    return s
