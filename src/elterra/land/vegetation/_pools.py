"""Names of the vegetation pools and how they are stacked for the arithmetic of one step."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI
from elterra.land.fields import Fields

TISSUES = ("leaf", "froot", "livestem", "deadstem", "livecroot", "deadcroot")
STAGES = ("", "_storage", "_xfer")
LEAF, FROOT, LIVESTEM, DEADSTEM, LIVECROOT, DEADCROOT = range(6)
LITR1, LITR2, LITR3, CWD, SOIL1, SOIL2, SOIL3 = range(7)

#: vegetation pools that are not tissues
OTHER_C = ("gresp_storage", "gresp_xfer", "cpool", "xsmrpool")
OTHER_N = ("retransn", "npool")


def pool_names(element: str) -> tuple[str, ...]:
    """Names of the 18 tissue pools of ``element`` "c" or "n": displayed, storage, transfer."""
    return tuple(f"{tissue}{element}{stage}" for stage in STAGES for tissue in TISSUES)


def stack(s: Mapping[str, jax.Array], element: str) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Displayed, storage and transfer pools, each ``[tissue, patch, column]``."""
    shown, storage, xfer = (
        jnp.stack([s[f"{tissue}{element}{stage}"] for tissue in TISSUES]) for stage in STAGES
    )
    return shown, storage, xfer


def unstack(shown: jax.Array, storage: jax.Array, xfer: jax.Array, element: str) -> dict[str, jax.Array]:
    """Inverse of `stack`."""
    named = {}
    for stage, group in zip(STAGES, (shown, storage, xfer), strict=True):
        for i, tissue in enumerate(TISSUES):
            named[f"{tissue}{element}{stage}"] = group[i]
    return named


def to_column(p: Fields, patch_values: jax.Array) -> jax.Array:
    """Mean over the patches of a column by area weight; the patch axis is the last but one."""
    return jnp.sum(patch_values * p.wt, axis=-2)


def ecosystem_totals(p: Fields, s: Mapping[str, jax.Array]) -> Fields:
    """Carbon and nitrogen stocks (g m-2 ``[column]``).

    ``totvegc`` is live and dead plant tissue with storage; the respiration debt ``xsmrpool`` is only part of
    ``totecosysc``. ``sminn`` is ammonium plus nitrate.
    """
    dz = p.dzsoi[:NLEVSOI]
    tissue_c = sum(s[n] for n in pool_names("c"))
    tissue_n = sum(s[n] for n in pool_names("n"))
    wood = s["livestemc"] + s["deadstemc"] + s["livecrootc"] + s["deadcrootc"]
    totvegc = to_column(p, tissue_c + s["gresp_storage"] + s["gresp_xfer"] + s["cpool"])
    totvegn = to_column(p, tissue_n + s["retransn"] + s["npool"])
    c = jnp.sum(s["decomp_cpools"] * dz, axis=1)
    n = jnp.sum(s["decomp_npools"] * dz, axis=1)
    sminn = jnp.sum((s["smin_nh4"] + s["smin_no3"]) * dz, axis=0)
    litc, cwdc, somc = jnp.sum(c[:CWD], axis=0), c[CWD], jnp.sum(c[SOIL1:], axis=0)
    litn, cwdn, somn = jnp.sum(n[:CWD], axis=0), n[CWD], jnp.sum(n[SOIL1:], axis=0)
    return Fields(
        totvegc=totvegc,
        woodc=to_column(p, wood),
        totlitc=litc,
        totcwdc=cwdc,
        totsomc=somc,
        totecosysc=totvegc + to_column(p, s["xsmrpool"]) + litc + cwdc + somc,
        totvegn=totvegn,
        totlitn=litn,
        totcwdn=cwdn,
        totsomn=somn,
        sminn=sminn,
        totecosysn=totvegn + litn + cwdn + somn + sminn,
    )
