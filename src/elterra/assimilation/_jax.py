"""JAX in double precision: every kernel of this room works in float64."""

import jax

jax.config.update("jax_enable_x64", True)
