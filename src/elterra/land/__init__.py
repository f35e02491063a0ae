"""The embedded land model: CLM5's equations in JAX, batched over columns, differentiable.

Importing the room sets JAX to double precision and keeps compiled programs between processes.
"""

from elterra.land._jax import give_back_memory  # first: settings of JAX
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
    "give_back_memory",
    "ground_profile",
    "override",
    "prepare",
    "read_restart",
    "run_chunk",
    "step",
    "tile_state",
    "write_restart",
]
