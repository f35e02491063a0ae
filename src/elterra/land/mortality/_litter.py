"""Vertical profiles of dead matter (CLM's SoilBiogeochemVerticalProfile, without the cut at the depth of
thaw) and its split into litter pools."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI
from elterra.land.fields import Fields


def surface_profile(p: Fields) -> jax.Array:
    """Share of matter from above the ground per depth (m-1 ``[soil_layer, column]``), integral 1: falls
    exponentially with depth and stops at the shallowest bedrock."""
    z, dz = p.zsoi[:NLEVSOI], p.dzsoi[:NLEVSOI]
    raw = jnp.where(z > p.surfprof_depth, 0.0, jnp.exp(-p.surfprof_exp * z))  # mass in a layer
    return raw / (jnp.sum(raw, axis=0) * dz)


def root_profile(p: Fields) -> jax.Array:
    """Root fraction per depth (m-1 ``[soil_layer, patch, column]``), integral 1; all in the top layer where a
    patch has no roots."""
    dz = p.dzsoi[:NLEVSOI][:, None, :]
    fraction = p.crootfr[:NLEVSOI]
    total = jnp.sum(fraction, axis=0)
    top = (jnp.arange(NLEVSOI) == 0).astype(fraction.dtype)[:, None, None]
    return jnp.where(total > 0.0, fraction / jnp.where(total > 0.0, total, 1.0), top) / dz


def litter_to_soil(
    p: Fields,
    surface: jax.Array,
    roots: jax.Array,
    *,
    leaf: jax.Array,
    froot: jax.Array,
    stem: jax.Array,
    croot: jax.Array,
    labile_above: jax.Array,
    labile_below: jax.Array,
) -> jax.Array:
    """Dead matter of one element to the litter pools, ``[4, soil_layer, column]`` per m3.

    Inputs per m2 ``[patch, column]``: ``leaf`` and ``froot`` are split into metabolic, cellulose and lignin
    litter by plant type, ``stem`` and ``croot`` become coarse woody debris, ``labile_*`` (storage, transfer,
    growth respiration and retranslocated pools) metabolic litter. The integral over depth equals the mean of
    the inputs over the patches.
    """
    above = jnp.stack([leaf * p.lf_flab + labile_above, leaf * p.lf_fcel, leaf * p.lf_flig, stem])
    below = jnp.stack([froot * p.fr_flab + labile_below, froot * p.fr_fcel, froot * p.fr_flig, croot])
    above = jnp.sum(above * p.wt, axis=1)
    below = below * p.wt
    dead = above[:, None, :] * surface
    for patch in range(p.wt.shape[0]):
        dead = dead + below[:, None, patch, :] * roots[:, patch, :]
    return dead
