"""Settings of JAX: double precision, and compiled programs kept between processes."""

import os
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)
if not getattr(jax.config, "jax_compilation_cache_dir", None):
    _home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    jax.config.update("jax_compilation_cache_dir", str(Path(_home) / "elterra" / "xla"))
