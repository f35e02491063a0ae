"""Richards equation in moisture form: implicit, flux form, sub-steps fixed in number or by their error.

The solver knows nothing about soils: potential and conductivity are functions handed in, so that
exact solutions for other constitutive laws run through the same code as the land model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.numerics import solve_tridiagonal

#: theta [layer, ...] -> matric potential (mm) and its derivative with respect to theta
PotentialFn = Callable[[jax.Array], tuple[jax.Array, jax.Array]]
#: theta above and below each interface [interface, ...] -> conductivity (mm s-1) there and its
#: derivatives with respect to the two
ConductivityFn = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array, jax.Array]]

#: s, what may be missing of a step at its end (CLM5)
_FINISHED = 1.0e-8


#: water, flux times time, largest error, length of the sub-step, time done
_Progress = tuple[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array]


class RichardsResult(NamedTuple):
    """What a solve returns. ``flux`` is the mean over the step, positive downward."""

    theta: jax.Array  #: [layer, ...] volumetric water content after the step
    flux: jax.Array  #: [layer + 1, ...] mm s-1 through the interfaces, surface and bottom included
    error: jax.Array  #: [...] mm, largest difference of a layer between explicit and implicit net flux


class Adaptive(NamedTuple):
    """Sub-steps that are halved or doubled by the error of a layer (CLM5, its namelist ``soilwater_movement_inparm``)."""

    upper: float = 0.1  #: mm, above it a sub-step is done again with half its length
    lower: float = 0.01  #: mm, below it the next one is twice as long
    shortest: float = 60.0  #: s


def solve_richards(
    theta: jax.Array,
    dz: jax.Array,
    z: jax.Array,
    potential: PotentialFn,
    conductivity: ConductivityFn,
    *,
    dt: float | jax.Array,
    flux_top: jax.Array | None = None,
    theta_top: jax.Array | None = None,
    theta_bottom: jax.Array | None = None,
    sink: jax.Array | float = 0.0,
    active: jax.Array | None = None,
    substeps: int = 4,
    iterations: int = 1,
    adaptive: Adaptive | None = None,
) -> RichardsResult:
    """One time step of d(theta)/dt = -dq/dz - sink with q = -K (d(psi)/dz - 1).

    Backward Euler in ``substeps`` equal parts with ``iterations`` Newton iterations each; one iteration is
    the linearised scheme of CLM5 (tech note 2.7.3.4-2.7.3.5; CLM5 adapts the number of sub-steps, here it is
    static unless ``adaptive`` is given: then columns take as many as they need, the program runs until the last is done, and
    it has no reverse derivative). Water content is always updated from the divergence of one flux per interface, so that the
    column sum changes by the boundary fluxes and the sink to round-off, whatever the Newton residual.

    Arrays are ``[layer, ...]``; lengths in mm, times in s, fluxes and ``sink`` in mm s-1. ``dz`` thickness,
    ``z`` depth of the nodes. The top boundary is a flux (``flux_top``) or a water content ``theta_top`` held
    at depth 0; the bottom is closed, or has the water content ``theta_bottom`` held at the lower edge of the
    last layer. ``active`` (bool) marks layers that take part; no water passes an interface to an inactive
    layer.

    Raises ValueError when the top boundary is given twice or not at all.
    """
    if (flux_top is None) == (theta_top is None):
        raise ValueError("give either flux_top or theta_top")
    n = theta.shape[0]
    zero = jnp.zeros_like(theta[0])
    dt_sub = dt / substeps
    # Interfaces 0..n. A closed interface has conductance 0; a Dirichlet boundary has a ghost node at the
    # edge.
    lower_edge = z[-1] + 0.5 * dz[-1]
    ghost_top = theta[0] if theta_top is None else theta_top
    ghost_bottom = theta[-1] if theta_bottom is None else theta_bottom
    node = jnp.concatenate([jnp.zeros_like(z[:1]), z, lower_edge[None]])
    distance = node[1:] - node[:-1]
    open_ = jnp.ones((n + 1, *theta.shape[1:]), dtype=theta.dtype)
    if active is not None:
        inside = active.astype(theta.dtype)
        open_ = open_.at[1:n].set(inside[1:] * inside[:-1])
    open_ = open_.at[0].set(0.0 if theta_top is None else 1.0)
    open_ = open_.at[n].set(0.0 if theta_bottom is None else 1.0)
    prescribed = jnp.zeros_like(open_).at[0].set(0.0 if flux_top is None else flux_top)

    def fluxes(water: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        padded = jnp.concatenate([ghost_top[None], water, ghost_bottom[None]])
        psi, dpsi = potential(padded)
        k, dk_up, dk_low = conductivity(padded[:-1], padded[1:])
        gradient = (psi[1:] - psi[:-1]) / distance - 1.0
        q = -k * gradient
        dq_up = -dk_up * gradient + k * dpsi[:-1] / distance
        dq_low = -dk_low * gradient - k * dpsi[1:] / distance
        return prescribed + open_ * q, open_ * dq_up, open_ * dq_low

    def newton(
        start: jax.Array, water: jax.Array, dt_dz: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        q, dq_up, dq_low = fluxes(water)
        net = q[:-1] - q[1:] - sink
        residual = water - start - dt_dz * net
        lower = -dt_dz * dq_up[:-1]
        diag = 1.0 - dt_dz * (dq_low[:-1] - dq_up[1:])
        upper = dt_dz * dq_low[1:]
        step = solve_tridiagonal(lower, diag, upper, -residual)
        padded = jnp.concatenate([zero[None], step, zero[None]])
        linear = q + dq_up * padded[:-1] + dq_low * padded[1:]
        return water + step, linear, net

    def substep(carry: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        start, total, worst = carry
        dt_dz = dt_sub / dz
        water, linear, first_net = newton(start, start, dt_dz)
        for _ in range(iterations - 1):
            water, linear, _ = newton(start, water, dt_dz)
        change = dt_dz * (linear[:-1] - linear[1:] - sink)
        error = 0.5 * dt_sub * jnp.max(jnp.abs(first_net - change / dt_dz), axis=0)
        return start + change, total + linear, jnp.maximum(worst, error)

    if adaptive is not None:
        return _adapt(newton, theta, dz, jnp.zeros_like(open_), sink, dt, adaptive)

    carry = (theta, jnp.zeros_like(open_), zero)
    if substeps == 1:
        end, total, worst = substep(carry)
    else:
        end, total, worst = jax.lax.fori_loop(0, substeps, lambda _, c: substep(c), carry)
    return RichardsResult(end, total / substeps, worst)


def _adapt(
    newton: Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array, jax.Array]],
    theta: jax.Array,
    dz: jax.Array,
    nothing: jax.Array,
    sink: jax.Array | float,
    dt: float | jax.Array,
    rule: Adaptive,
) -> RichardsResult:
    """Sub-steps of the length that the error of each column allows, first the whole step (CLM5)."""

    def trial(carry: _Progress) -> _Progress:
        water, total, worst, length, done = carry
        _, linear, first_net = newton(water, water, length / dz)
        net = linear[:-1] - linear[1:] - sink
        error = 0.5 * length * jnp.max(jnp.abs(first_net - net), axis=0)
        # at the shortest length whatever comes is taken, also what is not a number
        accepted = (error <= rule.upper) | (length <= rule.shortest)
        taken = jnp.where(accepted, length, 0.0)
        water = jnp.where(accepted, water + length / dz * net, water)
        done = done + taken
        longer = jnp.where(error < rule.lower, 2.0 * length, length)
        length = jnp.where(accepted, jnp.minimum(longer, dt - done), jnp.maximum(0.5 * length, rule.shortest))
        worst = jnp.where(accepted, jnp.maximum(worst, error), worst)
        return water, total + linear * taken, worst, length, done

    def unfinished(carry: _Progress) -> jax.Array:
        return jnp.any(dt - carry[-1] > _FINISHED)

    zero = jnp.zeros_like(theta[0])
    start = theta, nothing, zero, zero + dt, zero
    water, total, worst, _, _ = jax.lax.while_loop(unfinished, trial, start)
    return RichardsResult(water, total / dt, worst)
