"""Tridiagonal solve along the first axis (Thomas algorithm)."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def solve_tridiagonal(lower: jax.Array, diag: jax.Array, upper: jax.Array, rhs: jax.Array) -> jax.Array:
    """Solve ``lower[i] x[i-1] + diag[i] x[i] + upper[i] x[i+1] = rhs[i]`` along axis 0.

    All arrays are ``[layer, ...]``; ``lower[0]`` and ``upper[-1]`` are not used. The coefficients
    may have fewer leading tracer axes than ``rhs`` as long as they broadcast with ``rhs[i]``.
    No pivoting: the matrix has to be diagonally dominant, as all implicit diffusion matrices are.
    """
    n = rhs.shape[0]
    beta = diag[0]
    x = [rhs[0] / beta]
    gamma = []
    for i in range(1, n):
        gamma.append(upper[i - 1] / beta)
        beta = diag[i] - lower[i] * gamma[-1]
        x.append((rhs[i] - lower[i] * x[-1]) / beta)
    for i in range(n - 2, -1, -1):
        x[i] = x[i] - gamma[i] * x[i + 1]
    return jnp.stack(x)
