"""Bench ``assimilation``: the Lorenz-96 table, linear-Gaussian references, the LETKF at three sizes, time beside DAPPER.

Everything runs in processes of its own with one thread of linear algebra: matrices are small, and threads of
a BLAS that wait for each other cost more than they bring. DAPPER is no dependency: ``ELTERRA_DAPPER_PYTHON``
names an interpreter that has it (otherwise this one is tried); without it the keys of its time are absent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from elterra.bench.assimilation_letkf import QUICK_SIZES, SIZES
from elterra.errors import ElterraError

#: analyses that DAPPER is timed for
DAPPER_ANALYSES, QUICK_DAPPER_ANALYSES = 60, 20
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def measure(*, quick: bool = False, lines: list[str] | None = None) -> dict[str, float]:
    """Figures by the keys of ``benchmarks/README.md``; ``lines`` chooses lines of the table."""
    from elterra.bench.assimilation_table import LINES, UNPUBLISHED

    wanted = lines if lines is not None else [n for n, line in LINES.items() if line.quick or not quick]
    if lines is None and not quick:
        wanted += list(UNPUBLISHED)
    figures: dict[str, float] = {}
    for part in (["linear"], ["lines", *wanted]):
        for found in _worker([*part, *(["--quick"] if quick else [])]):
            figures |= found
    sizes = QUICK_SIZES if quick else SIZES
    for values in sizes:  # a process each: its peak of memory is that of one size
        for found in _worker(["letkf", str(values)]):
            figures |= found
    first, last = (figures[f"letkf.{n}.seconds"] for n in (sizes[0], sizes[-1]))
    figures["letkf.growth"] = float(np.log(last / first) / np.log(sizes[-1] / sizes[0]))
    asked = {n: (LINES[n].dapper, LINES[n].every) for n in wanted if n in LINES and LINES[n].dapper}
    for name, (whole, bare) in _dapper(asked, QUICK_DAPPER_ANALYSES if quick else DAPPER_ANALYSES).items():
        own = 1e-6 * figures[f"l96.{name}.microseconds"]
        figures[f"l96.{name}.seconds_over_dapper"] = own / whole
        figures[f"l96.{name}.seconds_over_dapper_bare"] = own / bare
    return figures


def _environment() -> dict[str, str]:
    return {**os.environ, **_ONE_THREAD, "JAX_PLATFORMS": "cpu"}


def _worker(words: list[str]) -> Iterator[dict[str, float]]:
    """Objects that a worker prints, as they come."""
    command = [sys.executable, "-m", "elterra.bench.assimilation_worker", *words]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment()) as process:
        assert process.stdout is not None
        for line in process.stdout:
            found = json.loads(line)
            name = next(iter(found)).rpartition(".")[0]
            print(f"assimilation: {name}, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
            # A figure that is no number has no meaning; a lost run is counted in `diverged`.
            yield {key: value for key, value in found.items() if np.isfinite(value)}
    if process.returncode != 0:
        raise ElterraError(f"bench assimilation: {' '.join(words)} ended with {process.returncode}")


def _dapper(asked: dict[str, tuple[str, int]], analyses: int) -> dict[str, list[float]]:
    """Seconds an analysis by line, with and without DAPPER's statistics; empty where there is no DAPPER."""
    interpreter = os.environ.get("ELTERRA_DAPPER_PYTHON", sys.executable)
    try:
        there = subprocess.run([interpreter, "-c", "import dapper"], capture_output=True, check=False)
    except OSError as e:
        raise ElterraError(f"bench assimilation: ELTERRA_DAPPER_PYTHON is no interpreter: {e}") from e
    if there.returncode != 0:
        print(
            "assimilation: no DAPPER; ELTERRA_DAPPER_PYTHON may name an interpreter that has it",
            file=sys.stderr,
        )
        return {}
    source = (Path(__file__).parent / "assimilation_dapper.py").read_text(encoding="utf-8")
    told = subprocess.run(
        [interpreter, "-c", source],
        input=json.dumps({name: [*line, analyses] for name, line in asked.items()}),
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(),
        check=True,
    )
    out: dict[str, list[float]] = {}
    for line in told.stdout.splitlines():
        out |= json.loads(line)
    return out
