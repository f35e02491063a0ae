"""Settings all tests share."""

import os
from pathlib import Path

# Before jax is imported: compiled programs are kept between test runs of this checkout.
_CACHE = Path(__file__).parents[1] / ".cache" / "jax"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")

import elterra.land  # noqa: E402, F401  (settings of JAX, before anything is compiled)
