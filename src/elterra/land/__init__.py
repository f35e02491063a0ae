"""The embedded land model: CLM5's equations in JAX, batched over columns, differentiable.

Importing the room sets JAX to double precision and keeps compiled programs between processes.
"""

import os as _os
from pathlib import Path as _Path

import jax as _jax

_jax.config.update("jax_enable_x64", True)
if not _jax.config.jax_compilation_cache_dir:
    _home = _os.environ.get("XDG_CACHE_HOME") or str(_Path.home() / ".cache")
    _jax.config.update("jax_compilation_cache_dir", str(_Path(_home) / "elterra" / "xla"))

from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.params import Surface, ground_profile, override, prepare
from elterra.land.restart import RestartError, read_restart, write_restart
from elterra.land.run import run_chunk
from elterra.land.state import cold_start, tile_state
from elterra.land.step import step

__all__ = [
    "Config",
    "Fields",
    "RestartError",
    "Surface",
    "cold_start",
    "ground_profile",
    "override",
    "prepare",
    "read_restart",
    "run_chunk",
    "step",
    "tile_state",
    "write_restart",
]
