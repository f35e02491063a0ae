"""Settings of JAX that the land model needs; importing this module makes them."""

from __future__ import annotations

import os
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)
if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
    # Compiled programs are kept between processes: a step takes half a minute to compile, and threads that need
    # the same program find it here instead of each compiling it.
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "elterra" / "xla"
    jax.config.update("jax_compilation_cache_dir", str(cache))
