"""JAX in double precision: whoever computes with JAX in this room imports it from here."""

import jax

jax.config.update("jax_enable_x64", True)

from jax import numpy as jnp  # noqa: E402  (after the setting)

__all__ = ["jax", "jnp"]
