"""State of the ground surface before the fluxes and its fluxes after the new ground temperature."""
