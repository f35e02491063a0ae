"""Plant hydraulics: water potentials of leaves, stem and root, and what they leave of transpiration.

CLM5.0 tech note, chapter Plant_Hydraulics (Kennedy et al. 2019, J. Adv. Model. Earth Syst. 11, 485). Potentials
are in mm of water, negative; conductances in s-1 (mm of water a second for each mm of potential).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI, Config
from elterra.land.fields import Fields
from elterra.land.soil_water import layer_hydraulics

LN2 = 0.6931471805599453
CONDUCTS_FROM = 0.005  #: share of conductance below which a segment carries no water (CLM5.0)
#: mm, largest change of a potential in a Newton step; half of it, as in CLM5.0 with its up to 50 steps, is too
#: slow for the jump at sunrise with the steps there are here (docs/science/plant_hydraulics.md)
STEP_LIMIT = 1.0e5
LEAF_AREA_MIN = 1.0e-3  #: m2 m-2, leaf area below which a leaf takes no part (CLM5.0)
LATERAL_ROOT = 0.25  #: m, lateral length of coarse roots (CLM5.0)
BIOMASS_PER_CARBON = 2.0  #: g g-1 (CLM5.0)
ROOT_CARBON_MIN = 1.0  #: gC m-3, least density of fine roots in a layer (CLM5.0)
CONDUCTANCE_MIN = 1.0e-16  #: s-1, least conductance of soil and of roots (CLM5.0)
STRESS_MIN = 0.01  #: stress factor below which a leaf is shut (CLM5.0)
SUN, SHADE, STEM, ROOT = range(4)
NSEGMENTS = 4
_TINY = 1.0e-40


class Plumbing(NamedTuple):
    """What is constant during a step. `[patch, column]` unless said."""

    root: jax.Array  # [soil_layer, patch, column], conductance from soil to root, s-1
    head: jax.Array  # [soil_layer, column], matric potential minus depth, mm
    roots: jax.Array  # sum of ``root`` over the layers
    supply: jax.Array  # sum of ``root`` · ``head``, mm s-1
    leaf: jax.Array  # [2, patch, column], largest conductance from stem to sunlit and shaded leaves
    leafy: jax.Array  # [2, patch, column], bool: there are such leaves
    stem: jax.Array  # largest conductance from root to stem
    lift: jax.Array  # height of the canopy as a potential, mm
    psi50: jax.Array
    ck: jax.Array


def vulnerability(psi: jax.Array, psi50: jax.Array, ck: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Share of the largest conductance left at potential ``psi`` (mm, < 0) and its slope (mm-1).

    2 ** -((psi / psi50) ** ck); below `CONDUCTS_FROM` the share counts as 0 (the slope does not).
    """
    psi = jnp.minimum(psi, -1.0)
    loss = LN2 * jnp.exp(ck * jnp.log(psi / psi50))
    left = jnp.exp(-loss)
    return jnp.where(left < CONDUCTS_FROM, 0.0, left), -ck * loss * left / psi


def plumbing(p: Fields, s: Fields, veg: Fields, rad: Fields, cfg: Config) -> Plumbing:
    """Conductances of a step from the soil water, root mass and canopy it begins with.

    Reads ``kmax``, ``krmax``, ``psi50``, ``ck``, ``root_radius``, ``root_density``, ``froot_leaf`` and ``rootfr``
    of ``p``; the top soil layer gives no water. Fine root carbon is the state's in mode "bgc"; in mode "sp" it
    follows from leaf area, ``slatop`` and ``froot_leaf``.
    """
    soil = slice(cfg.nlevsno, cfg.nlevsno + NLEVSOI)
    dz, z = p.dzsoi[:NLEVSOI], p.zsoi[:NLEVSOI]
    smp, hk = layer_hydraulics(p, s.h2osoi_liq[soil], s.h2osoi_ice[soil])
    if cfg.mode == "bgc":
        fine_roots = s.frootc
    else:
        fine_roots = jnp.where(p.slatop > 0.0, veg.tlai / jnp.where(p.slatop > 0.0, p.slatop, 1.0), 0.0)
        fine_roots = fine_roots * p.froot_leaf

    area = (veg.tsai + veg.tlai) * p.froot_leaf * p.krmax * p.rootfr
    intact, _ = vulnerability(smp[:, None], p.psi50, p.ck)
    of_roots = jnp.maximum(intact * area / (LATERAL_ROOT + z)[:, None], CONDUCTANCE_MIN)
    density = BIOMASS_PER_CARBON * jnp.maximum(fine_roots * p.rootfr / dz[:, None], ROOT_CARBON_MIN)
    # distance between roots: (pi root length density) ** -1/2, length density = mass density / (rho pi r2)
    per_distance = jnp.sqrt(density / p.root_density) / p.root_radius
    of_soil = (jnp.minimum(p.hksat[:NLEVSOI], hk) * 1.0e-3)[:, None] * per_distance
    of_soil = jnp.maximum(of_soil, CONDUCTANCE_MIN)
    rooted = (area * p.rootfr > 0.0) & (jnp.arange(NLEVSOI)[:, None, None] > 0)
    root = jnp.where(rooted, of_soil * of_roots / (of_soil + of_roots), 0.0)
    head = smp - 1.0e3 * z
    lai = jnp.stack([rad.laisun, rad.laisha])
    leafy = lai > LEAF_AREA_MIN
    htop = jnp.where(veg.htop > 0.0, veg.htop, 1.0)
    return Plumbing(
        root=root,
        head=head,
        roots=root.sum(axis=0),
        supply=(root * head[:, None]).sum(axis=0),
        leaf=jnp.where(leafy, lai, 0.0) * p.kmax,
        leafy=leafy,
        stem=veg.tsai * p.kmax / htop,
        lift=1.0e3 * htop,
        psi50=p.psi50,
        ck=p.ck,
    )


def newton_step(w: Plumbing, x: jax.Array, demand: jax.Array, left: jax.Array, slope: jax.Array) -> jax.Array:
    """One Newton step of the potentials ``x`` `[4, patch, column]` (mm) towards flux balance.

    ``demand`` `[2, patch, column]` is transpiration of sunlit and shaded leaves without stress (mm s-1);
    ``left``, ``slope`` are the `vulnerability` f at ``x``. Balance: demand · f(leaf) = leaf conductance · f(stem) ·
    (stem - leaf), the sum of both = stem conductance · f(root) · (root - stem - height) = uptake. The four
    equations form a tree (leaves on the stem, stem on the root), so that elimination needs no pivoting. A step is
    shortened to `STEP_LIMIT`, and no potential rises above that of the segment below.
    """
    demand = jnp.where(w.leafy, demand, 0.0)
    leaf, stem, root = x[:STEM], x[STEM], x[ROOT]
    to_leaf = w.leaf * left[STEM]
    drop = stem - leaf
    to_stem = w.stem * left[ROOT]
    rise = root - stem - w.lift
    flow = to_leaf * drop
    up = to_stem * rise

    # leaves: j_ll d(leaf) - j_ls d(stem) = -f_leaf; both j are not negative, and to_leaf <= j_ll
    f_leaf = demand * left[:STEM] - flow
    j_ll = jnp.where(w.leafy, jnp.maximum(demand * slope[:STEM] + to_leaf, _TINY), 1.0)
    j_ls = to_leaf + w.leaf * slope[STEM] * drop
    share = to_leaf / j_ll
    # root: j_rr d(root) - to_stem d(stem) = -f_root
    j_sr = to_stem + w.stem * slope[ROOT] * rise
    j_rr = jnp.maximum(w.roots + j_sr, _TINY)
    f_root = up + w.roots * root - w.supply
    # stem, with both eliminated
    f_stem = (flow + share * f_leaf).sum(axis=0) - up + j_sr / j_rr * f_root
    j_ss = (j_ls * (1.0 - share)).sum(axis=0) + to_stem * (1.0 - j_sr / j_rr)
    d_stem = -f_stem / jnp.maximum(j_ss, _TINY)
    d_root = (to_stem * d_stem - f_root) / j_rr
    d_leaf = jnp.where(w.leafy, (j_ls * d_stem - f_leaf) / j_ll, 0.0)

    largest = jnp.maximum(jnp.max(jnp.abs(d_leaf), axis=0), jnp.maximum(jnp.abs(d_stem), jnp.abs(d_root)))
    shorten = STEP_LIMIT / jnp.maximum(largest, STEP_LIMIT)
    root = root + shorten * d_root
    stem = jnp.minimum(stem + shorten * d_stem, root)
    leaf = jnp.where(w.leafy, jnp.minimum(leaf + shorten * d_leaf, stem), stem)
    return jnp.concatenate([leaf, stem[None], root[None]])


def potentials_of_flux(w: Plumbing, flux: jax.Array) -> jax.Array:
    """Potentials `[4, patch, column]` (mm) at which the plant carries ``flux`` `[2, patch, column]` (mm s-1).

    From the soil upward, so that the uptake of the layers is the transpiration exactly. A segment that does not
    conduct has the potential of the one below.
    """
    total = flux.sum(axis=0)
    rooted = w.roots > 0.0
    mean = w.head.mean(axis=0)
    root = jnp.where(rooted, (w.supply - total) / jnp.where(rooted, w.roots, 1.0), mean)
    to_stem = w.stem * vulnerability(root, w.psi50, w.ck)[0]
    stem = root - w.lift - _over(total, to_stem)
    to_leaf = w.leaf * vulnerability(stem, w.psi50, w.ck)[0]
    leaf = stem - _over(flux, to_leaf)
    return jnp.concatenate([leaf, stem[None], root[None]])


def uptake(w: Plumbing, root: jax.Array) -> jax.Array:
    """Water the roots take from each layer, `[soil_layer, patch, column]`, mm s-1; negative: given to the soil.

    With the ``root`` potential of `potentials_of_flux` it sums to that flux.
    """
    return w.root * (w.head[:, None] - root)


def _over(flux: jax.Array, conductance: jax.Array) -> jax.Array:
    conducts = conductance > 0.0
    return jnp.where(conducts, flux / jnp.where(conducts, conductance, 1.0), 0.0)


def stress_factor(left: jax.Array, gs0: jax.Array, gb: jax.Array) -> jax.Array:
    """Ratio of stressed to unstressed stomatal conductance of leaves that keep the share ``left`` of their flux.

    Flux goes through stomata and boundary layer in series: with gs0 the unstressed conductance and gb that of the
    boundary layer (same unit), (1/gb + 1/gs0) / left = 1/gb + 1/(b gs0). 0 below `STRESS_MIN`.
    """
    factor = left / (1.0 + gs0 / gb * (1.0 - left))
    return jnp.where(factor < STRESS_MIN, 0.0, factor)
