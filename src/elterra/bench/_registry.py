"""The benches by name, and the JSON object each of them gives."""

from __future__ import annotations

import importlib
import math
import os
import platform
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import elterra
from elterra.errors import ElterraError, InputError

#: name -> (module with ``measure(*, quick, **options) -> {key: number}``, one line for people)
BENCHES: dict[str, tuple[str, str]] = {
    "assimilation": (
        "elterra.bench.assimilation",
        "scores of filters and smoothers beside published ones, exactness, LETKF at scale",
    ),
    "calibration": (
        "elterra.bench.calibration",
        "inverse problems with known answers, Sobol indices, calibrate-emulate-sample, coverage",
    ),
    "clm5": ("elterra.bench.clm5", "agreement with reference runs of CLM5: fluxes, states, pools, responses"),
    "domain": (
        "elterra.bench.domain",
        "areas and regridding of grids, sums of the default Europe, time and memory of domains",
    ),
    "downscaling": (
        "elterra.bench.downscaling",
        "methods of downscaling on real fields, on regions they have not seen",
    ),
    "import": ("elterra.bench.import_time", "seconds of `elterra --help` and of `import elterra`"),
    "interpolation": (
        "elterra.bench.interpolation",
        "fluxes between towers and soil carbon between samples, stations and regions left out",
    ),
    "land": (
        "elterra.bench.land",
        "column-years per second of the land model, compilation, gradient, residuals",
    ),
    "spinup": ("elterra.bench.spinup", "methods of spin-up from a cold start against brute force"),
    "weather": (
        "elterra.bench.weather",
        "generated weather of withheld towers against measured, beside rivals",
    ),
    "store": ("elterra.bench.store", "seconds and bytes of the store's commits, consolidation and reads"),
}

# Lower-case words and numbers joined by dots; a part that is a variable keeps the case of its name.
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")


def names() -> dict[str, str]:
    """Name and description of each bench."""
    return {name: words for name, (_, words) in sorted(BENCHES.items())}


def run(name: str, *, quick: bool = False, **options: Any) -> dict[str, Any]:
    """Runs one bench and gives the object of the figures contract (``benchmarks/README.md``)."""
    if name not in BENCHES:
        raise InputError(f"there is no bench {name!r}; there are {', '.join(sorted(BENCHES))}")
    module = importlib.import_module(BENCHES[name][0])
    start = time.perf_counter()
    figures = module.measure(quick=quick, **options)
    return contract(name, figures, time.perf_counter() - start)


def contract(name: str, figures: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """The object of the figures contract; refuses keys and values that break it."""
    plain: dict[str, float] = {}
    for key, value in figures.items():
        if not _KEY.fullmatch(key):
            raise ElterraError(f"bench {name}: {key!r} is not a dotted key")
        number = float(value)
        if not math.isfinite(number):
            raise ElterraError(
                f"bench {name}: figure {key} is {number}; leave it out where it has no meaning"
            )
        plain[key] = number
    if not plain:
        raise ElterraError(f"bench {name}: no figure")
    return {
        "name": name,
        "figures": plain,
        "seconds": round(seconds, 3),
        "machine": machine(),
        "version": elterra.__version__,
    }


def machine() -> str:
    """The machine in words: processor, usable cores, memory, system. No name or address of it."""
    cpu = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError, AttributeError):
        memory = math.nan
    size = "" if math.isnan(memory) else f", {memory:.0f} GiB"
    return f"{cpu}, {cores} cores{size}, {platform.system()}, Python {platform.python_version()}"
