"""Coupled assimilation, stomatal conductance and intercellular CO2 of a leaf."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class LeafAtT(NamedTuple):
    """Kinetics at leaf temperature; one set of coefficients for C3 and C4.

    Rubisco limit ``vcmax (c3 ci - cp)+ / (c3 ci + km)``, light limit ``je (c3 ci - cp)+ / (4 c3 ci + cp8)``,
    product (C3) or PEP carboxylase (C4) limit ``ap_constant + ap_slope ci``. For C4 (c3 = 0) the
    coefficients are cp = -1, km = cp8 = 1, so that both fractions are 1.
    """

    vcmax: jax.Array  # umol m-2 leaf s-1
    je: jax.Array
    ap_constant: jax.Array
    ap_slope: jax.Array  # umol m-2 s-1 Pa-1
    lmr: jax.Array  # leaf respiration, umol m-2 leaf s-1
    c3: jax.Array
    cp: jax.Array  # Pa
    km: jax.Array
    cp8: jax.Array


class GasExchange(NamedTuple):
    """Result of one evaluation, per leaf area; ``ci_next`` is the Newton iterate after it."""

    gross: jax.Array  # gross assimilation, umol CO2 m-2 s-1
    net: jax.Array
    gs: jax.Array  # stomatal conductance for water, umol m-2 s-1
    ci: jax.Array  # Pa, the ci at which this was evaluated
    ci_next: jax.Array


def _smaller_root(a: jax.Array, b: jax.Array, theta: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Smooth minimum x of a and b: theta x^2 - (a + b) x + a b = 0; and 2 theta x - (a + b) < 0.

    The form without subtraction keeps full precision and gives 0, with finite gradient, for a = b = 0.
    """
    total = a + b
    root = jnp.sqrt(total * total - 4.0 * theta * a * b + 1.0e-20)
    return 2.0 * a * b / (total + root), root


def first_guess_ci(cair: jax.Array, g1: jax.Array, vpd: jax.Array) -> jax.Array:
    """ci that Medlyn stomata hold when g0 and the boundary layer do not matter: ca g1 / (g1 + √D)."""
    return cair * g1 / (g1 + jnp.sqrt(vpd))


def gas_exchange(
    leaf: LeafAtT,
    ci: jax.Array,
    *,
    cair: jax.Array,
    pbot: jax.Array,
    vpd: jax.Array,
    gb: jax.Array,
    g0: jax.Array,
    g1: jax.Array,
    theta_cj: jax.Array,
    theta_ip: jax.Array,
    steps: int,
) -> GasExchange:
    """Assimilation and Medlyn conductance after ``steps`` Newton evaluations from ``ci`` (Pa).

    ``cair``, ``pbot`` Pa; ``vpd`` kPa between the saturated leaf interior and canopy air; ``gb``, ``g0``
    umol m-2 s-1; ``g1`` kPa^0.5. All broadcast to the shape of ``leaf.vcmax``. Solves
    ci = ca - A+ P (1.4 / gb + 1.6 / gs), gs = g0 + 1.6 (1 + g1 / √Ds) A+ / (cs / P), Ds = D gb / (gb + gs)
    (CLM5.0 tech note, chapter Photosynthesis; Medlyn et al. 2011). A+ = max(A, 0): where respiration
    exceeds assimilation the stomata hold g0 and ci is that of the air. Newton's derivative is exact.
    """
    gb_mol = gb * 1.0e-6
    g0_mol = g0 * 1.0e-6
    cs_per_a = 1.4 * pbot / gb
    g1_square = g1 * g1
    curve = g1_square / (gb_mol * vpd)
    g1_over_d = 1.0 - g1_square / vpd
    net = gross = gs = ci
    at = ci
    for _ in range(steps):
        at = ci
        carbon = leaf.c3 * ci
        above = jnp.maximum(carbon - leaf.cp, 0.0)
        inv_c = 1.0 / (carbon + leaf.km)
        inv_j = 1.0 / (4.0 * carbon + leaf.cp8)
        ac = leaf.vcmax * above * inv_c
        aj = leaf.je * above * inv_j
        ap = leaf.ap_constant + leaf.ap_slope * ci
        ai, root_i = _smaller_root(ac, aj, theta_cj)
        gross, root_g = _smaller_root(ai, ap, theta_ip)
        net = gross - leaf.lmr

        # slopes against ci
        rising = jnp.where(above > 0.0, leaf.c3, 0.0)
        dac = rising * leaf.vcmax * (leaf.km + leaf.cp) * inv_c * inv_c
        daj = rising * leaf.je * (leaf.cp8 + 4.0 * leaf.cp) * inv_j * inv_j
        dai = ((aj - ai) * dac + (ac - ai) * daj) / root_i
        da = ((ap - gross) * dai + (ai - gross) * leaf.ap_slope) / root_g

        # conductance (mol m-2 s-1): larger root of x^2 - 2 half x + const = 0
        a = jnp.maximum(net, 0.0)
        cs = jnp.maximum(cair - cs_per_a * a, 0.01 * cair)
        dterm = 1.6e-6 * pbot / cs
        term = dterm * a
        half = g0_mol + term + 0.5 * curve * term * term
        const = g0_mol * g0_mol + (2.0 * g0_mol + term * g1_over_d) * term
        root = jnp.sqrt(jnp.maximum(half * half - const, 1.0e-24))
        x = half + root
        gs = x * 1.0e6
        dterm = dterm * (1.0 + cs_per_a * a / cs)
        dx = dterm * ((1.0 + curve * term) * x - g0_mol - term * g1_over_d) / root

        # Newton on h(ci) = ci - ca + a P (1.4 / gb + 1.6 / gs)
        stomata = 1.6 * pbot / gs
        h = ci - cair + a * (cs_per_a + stomata)
        dh = 1.0 + jnp.where(net > 0.0, da, 0.0) * (cs_per_a + stomata * (1.0 - a * dx / x))
        ci = jnp.clip(ci - h / jnp.maximum(dh, 1.0), 0.02 * cair, cair)
    return GasExchange(gross=gross, net=net, gs=gs, ci=at, ci_next=ci)
