"""Turbulent fluxes of canopy and ground, leaf temperature, water on leaves."""

from elterra.land.canopy.fluxes import surface_fluxes

__all__ = ["surface_fluxes"]
