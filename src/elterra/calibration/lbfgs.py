"""L-BFGS for many small independent problems side by side, with a fixed number of evaluations.

One compiled loop serves all problems: in each round every problem evaluates its own trial point, takes it if the
function has fallen enough (Armijo), and otherwise halves its step. Two-loop recursion after Nocedal and Wright (2006,
algorithm 7.4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from elterra.calibration._jax import jax, jnp

#: pairs that are remembered
MEMORY = 8
_ARMIJO = 1e-4
#: length of the very first step, and longest change of a coordinate in one step
_FIRST, _LONGEST = 0.3, 2.0


class _Lane(NamedTuple):
    x: jax.Array
    value: jax.Array
    gradient: jax.Array
    steps: jax.Array
    yields: jax.Array
    direction: jax.Array
    length: jax.Array


def minimise(
    function: Callable[..., jax.Array], start: jax.Array, arguments: tuple[jax.Array, ...], rounds: int
) -> tuple[jax.Array, jax.Array]:
    """Minimise ``function(x [q], *arguments of one problem)`` for all problems: ``x [problem, q]``, ``value [problem]``.

    ``start [problem, q]``; each of ``arguments`` has the problem as its first axis. ``rounds`` evaluations each. A
    trial with a value that is not finite is not taken. The value never rises above that of the start.
    """
    evaluate = jax.value_and_grad(function)

    def one(x0: jax.Array, *rest: jax.Array) -> tuple[jax.Array, jax.Array]:
        value, gradient = evaluate(x0, *rest)
        gradient = jnp.where(jnp.isfinite(gradient), gradient, 0.0)
        q = x0.shape[0]
        lane = _Lane(
            x0, value, gradient, jnp.zeros((MEMORY, q)), jnp.zeros((MEMORY, q)),
            -gradient * _FIRST / jnp.maximum(jnp.linalg.norm(gradient), 1e-12), jnp.asarray(1.0),
        )  # fmt: skip

        def round_(lane: _Lane, _: None) -> tuple[_Lane, None]:
            trial = lane.x + lane.length * lane.direction
            value, gradient = evaluate(trial, *rest)
            fall = _ARMIJO * lane.length * (lane.gradient @ lane.direction)
            fine = jnp.isfinite(value) & jnp.isfinite(gradient).all() & (value <= lane.value + fall)
            gradient = jnp.where(fine, gradient, lane.gradient)
            s, y = trial - lane.x, gradient - lane.gradient
            curved = fine & (s @ y > 1e-10 * jnp.linalg.norm(s) * jnp.linalg.norm(y))
            steps = jnp.where(curved, jnp.concatenate([lane.steps[1:], s[None]]), lane.steps)
            yields = jnp.where(curved, jnp.concatenate([lane.yields[1:], y[None]]), lane.yields)
            direction = _two_loops(gradient, steps, yields)
            direction = jnp.where(direction @ gradient < 0, direction, -gradient)
            direction = direction * jnp.minimum(1.0, _LONGEST / jnp.maximum(jnp.abs(direction).max(), 1e-12))
            return _Lane(
                jnp.where(fine, trial, lane.x),
                jnp.where(fine, value, lane.value),
                gradient,
                steps,
                yields,
                jnp.where(fine, direction, lane.direction),
                jnp.where(fine, 1.0, 0.5 * lane.length),
            ), None

        lane, _ = jax.lax.scan(round_, lane, None, length=rounds)
        return lane.x, lane.value

    return jax.vmap(one)(start, *arguments)


def _two_loops(gradient: jax.Array, steps: jax.Array, yields: jax.Array) -> jax.Array:
    """-H gradient from remembered pairs ``[memory, q]``, the newest last; empty pairs are zero and do nothing."""
    inner = (steps * yields).sum(axis=1)
    used = inner > 0
    rho = jnp.where(used, 1.0 / jnp.where(used, inner, 1.0), 0.0)
    alphas = []
    q = gradient
    for i in reversed(range(MEMORY)):
        alpha = rho[i] * (steps[i] @ q)
        q = q - alpha * yields[i]
        alphas.append(alpha)
    size = (yields[-1] ** 2).sum()
    q = q * jnp.where(used[-1], inner[-1] / jnp.where(size > 0, size, 1.0), 1.0)
    for i, alpha in zip(range(MEMORY), reversed(alphas), strict=True):
        q = q + steps[i] * (alpha - rho[i] * (yields[i] @ q))
    return -q
