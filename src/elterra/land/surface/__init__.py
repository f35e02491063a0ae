"""Ground surface: its state for the turbulent fluxes, and the correction of those fluxes."""
