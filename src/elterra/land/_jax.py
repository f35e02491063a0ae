"""Settings of JAX: double precision, small loops in one piece, and compiled programs kept between processes."""

import ctypes
import os
import sys
from pathlib import Path

#: On a CPU each operation of a loop is a call of its own; a solve over 20 layers is 200 calls. A loop that moves fewer bytes
#: than this XLA compiles into one function: a step takes a sixth less time. Not larger: the loop over the steps of a day as
#: one function takes four times as long to compile (docs/performance.md).
_SMALL_LOOPS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=4000000"
_flags = os.environ.get("XLA_FLAGS", "")
if "xla_backend_extra_options" not in _flags:  # somebody's own setting stands
    os.environ["XLA_FLAGS"] = f"{_flags} {_SMALL_LOOPS}".strip()

import jax  # noqa: E402  (XLA reads its flags once)

jax.config.update("jax_enable_x64", True)
if not getattr(jax.config, "jax_compilation_cache_dir", None):
    _home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    jax.config.update("jax_compilation_cache_dir", str(Path(_home) / "elterra" / "xla"))


def give_back_memory() -> None:
    """Return freed memory to the system. The compiler needs a gigabyte for a program, and glibc keeps it afterwards."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # absent from other C libraries
        if trim is not None:
            trim(0)
