"""Numerical kernels shared by the rooms of the land model."""

from elterra.land.numerics.tridiagonal import solve_tridiagonal

__all__ = ["solve_tridiagonal"]
