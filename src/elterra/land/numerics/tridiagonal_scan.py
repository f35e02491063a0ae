"""Tridiagonal solve as a pair of scans: for long columns, where unrolling compiles for minutes."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def solve_tridiagonal_scan(lower: jax.Array, diag: jax.Array, upper: jax.Array, rhs: jax.Array) -> jax.Array:
    """As :func:`elterra.land.numerics.solve_tridiagonal`, all arguments of one shape ``[layer, ...]``."""

    def forward(
        carry: tuple[jax.Array, jax.Array], row: tuple[jax.Array, ...]
    ) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
        gamma, x = carry
        low, mid, up, right = row
        scale = 1.0 / (mid - low * gamma)
        new = (up * scale, (right - low * x) * scale)
        return new, new

    def backward(x: jax.Array, row: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        gamma, partial = row
        x = partial - gamma * x
        return x, x

    zero = jnp.zeros_like(rhs[0])
    rows = jax.lax.scan(forward, (zero, zero), (lower, diag, upper, rhs))[1]
    return jax.lax.scan(backward, zero, rows, reverse=True)[1]
