"""The linear system of litter and soil pools (Xia et al. 2012; Lu et al. 2020; CTSM's CNSoilMatrixMod):

dX/dt = I + (A - 1) K X + V X

with the inputs I, the transfer matrix A, the rates K with their climate scalars and the vertical mixing V.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land import decomposition as dec
from elterra.land.config import NLEVSOI, NPOOLS
from elterra.land.fields import Fields

_CWD = 3
#: rates below this (s-1; a million years) are taken as this, so that a layer that never thaws or wets has a
#: finite equilibrium
RATE_FLOOR = 1.0 / (1.0e6 * 365.0 * 86400.0)


def cascade_matrix(p: Fields, *, element: str = "c") -> jax.Array:
    """Fraction of the loss of a donor that arrives in a receiver, ``[receiver, donor, soil_layer, column]``.

    For nitrogen only the floating part of the cascade (woody debris to litter) is linear; the soil pools
    follow carbon by their fixed ratios and have zeros here.
    """
    con = dec.cascade(p)
    like = jnp.zeros_like(p.dzsoi[:NLEVSOI])
    rows = [[like for _ in range(NPOOLS)] for _ in range(NPOOLS)]
    for i, (donor, receiver) in enumerate(dec.TRANSITIONS):
        if element == "c":
            rows[receiver][donor] = rows[receiver][donor] + con.path[i] * (1.0 - con.respired[i])
        elif con.receiver_nc[i] is None:
            rows[receiver][donor] = rows[receiver][donor] + con.path[i]
    return jnp.stack([jnp.stack(r) for r in rows])


def soil_matrix(p: Fields, rates: jax.Array, *, element: str = "c") -> jax.Array:
    """(1 - A) K - V for one column each: ``[column, pool * soil_layer, pool * soil_layer]``, s-1, acting on
    concentrations (g m-3), pools outermost. ``rates`` s-1 ``[pool, soil_layer, column]``."""
    ncol = rates.shape[-1]
    eye = jnp.eye(NPOOLS)[:, :, None, None]
    local = (eye - cascade_matrix(p, element=element)) * rates[None]  # [receiver, donor, layer, column]
    layers = jnp.eye(NLEVSOI)
    matrix = jnp.einsum("rdlc,lm->crldm", local, layers)
    conductance = jnp.moveaxis(dec.interface_conductance(p), -1, 0)  # [column, interface]
    up = jnp.pad(conductance, ((0, 0), (1, 0)))  # to the layer above
    down = jnp.pad(conductance, ((0, 0), (0, 1)))
    dz = jnp.moveaxis(p.dzsoi[:NLEVSOI], -1, 0)
    mixing = (
        (up + down)[:, :, None] * layers
        - up[:, :, None] * jnp.eye(NLEVSOI, k=-1)
        - down[:, :, None] * jnp.eye(NLEVSOI, k=1)
    ) / dz[:, :, None]
    moves = dec.acceleration(p) * (jnp.arange(NPOOLS) != _CWD)[:, None]  # [pool, column]
    matrix = matrix + jnp.einsum("rd,rc,clm->crldm", jnp.eye(NPOOLS), moves, mixing)
    return matrix.reshape(ncol, NPOOLS * NLEVSOI, NPOOLS * NLEVSOI)


def soil_equilibrium(
    p: Fields, rates: jax.Array, litter_c: jax.Array, litter_n: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Carbon and nitrogen (g m-3 ``[pool, soil_layer, column]``) at which inputs, losses and mixing balance.

    ``litter_c``, ``litter_n`` g m-3 s-1 ``[pool, soil_layer, column]``. Soil pools have their fixed C:N; the
    nitrogen they lack or shed is immobilised or mineralised, which the mineral pools turn over in days.
    """
    rates = jnp.maximum(rates, RATE_FLOOR)

    def solve(element: str, source: jax.Array) -> jax.Array:
        right = jnp.moveaxis(source, -1, 0).reshape(source.shape[-1], NPOOLS * NLEVSOI, 1)
        x = jnp.linalg.solve(soil_matrix(p, rates, element=element), right)
        return jnp.moveaxis(x.reshape(-1, NPOOLS, NLEVSOI), 0, -1)

    c = jnp.maximum(solve("c", litter_c), 0.0)  # the matrix is an M-matrix: negative values are round-off
    n = jnp.maximum(solve("n", litter_n), 0.0)
    soil_n = [c[4 + i] / cn for i, cn in enumerate((p.cn_s1, p.cn_s2, p.cn_s3))]
    return c, jnp.concatenate([n[:4], jnp.stack(soil_n)])


def turnover_times(p: Fields, rates: jax.Array, layer: int = 0) -> jax.Array:
    """Eigen-times of the cascade in one layer without mixing, ascending, in the inverse unit of ``rates``;
    ``[column, pool]``."""
    a = cascade_matrix(p)[:, :, layer]
    k = rates[:, layer]
    matrix = jnp.moveaxis((jnp.eye(NPOOLS)[:, :, None] - a) * k[None], -1, 0)
    return jnp.sort(1.0 / jnp.linalg.eigvals(matrix).real, axis=-1)
