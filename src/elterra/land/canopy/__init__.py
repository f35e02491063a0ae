"""Canopy: interception, turbulent fluxes, leaf temperature."""
