"""Top-down and bottom-up passing of water between layers, as short unrolled chains."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def running_sum_above(x: jax.Array) -> jax.Array:
    """Sum of ``x`` over the layers above each layer (exclusive), along axis 0."""
    total = jnp.zeros_like(x[0])
    out = []
    for i in range(x.shape[0]):
        out.append(total)
        total = total + x[i]
    return jnp.stack(out)


def take_from_top(demand: jax.Array, available: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Meet ``demand`` [...] >= 0 from ``available`` [layer, ...] >= 0, top layers first.

    Returns what each layer gives and the part of the demand nobody could give.
    """
    left = jnp.maximum(demand - running_sum_above(available), 0.0)
    given = jnp.minimum(left, available)
    return given, jnp.maximum(left[-1] - available[-1], 0.0)


def push_up(water: jax.Array, capacity: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Move water above ``capacity`` to the layer above, from the bottom upward.

    Returns the water of the layers and the excess that leaves the top layer.
    """
    carry = jnp.zeros_like(water[0])
    out = []
    for i in range(water.shape[0] - 1, -1, -1):
        total = water[i] + carry
        kept = jnp.minimum(total, capacity[i])
        carry = total - kept
        out.append(kept)
    return jnp.stack(out[::-1]), carry


def fill_minimum(water: jax.Array, minimum: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Bring every layer to at least ``minimum`` [layer, ...] with water of the layers below, then of those
    above.

    Returns the water of the layers and the water that had to be supplied from outside (0 unless the whole
    column is drier than the minimum).
    """
    n = water.shape[0]
    debt = jnp.zeros_like(water[0])
    down = []
    for i in range(n):
        total = water[i] - debt
        kept = jnp.maximum(total, minimum[i])
        debt = kept - total
        down.append(kept)
    # What the lowest layer could not give is taken from the layers above it, nearest first.
    out = []
    for i in range(n - 1, -1, -1):
        given = jnp.minimum(debt, down[i] - minimum[i])
        debt = debt - given
        out.append(down[i] - given)
    return jnp.stack(out[::-1]), debt
