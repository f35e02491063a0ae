"""Bench ``land --case``: cost of a grid cell and year on a reference case of CLM5 with many cells.

The cells of the case are repeated until there are enough. Steps of a half hour run a day at a time, with the means
that become CLM's monthly history, on blocks of columns that fit the cache of a core.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from elterra.errors import InputError

#: fewest cells measured, and columns of a block on a processor
CELLS, BLOCK = 1000, 128
#: steps measured after the first day (which compiles), and days of the window whose gradient is taken
STEPS, GRADIENT_DAYS = 480, 2
YEAR_SECONDS = 365 * 86400
_TWO = 2


def measure_case(
    name: str,
    *,
    steps: int = STEPS,
    cells: int = CELLS,
    gradient: bool = True,
    folder: Path | None = None,
) -> dict[str, float]:
    """Figures of one case (keys in ``benchmarks/README.md``).

    The state is that at the end of CLM's run where there is one; the cost does not depend on it, as loops have fixed
    lengths. ``core_seconds_per_cell_year`` is processor time of all threads while the process may use one core.
    """
    import jax

    case, state = _open(name, cells, folder)
    day = case.steps_per_day
    if steps < day or steps % day:
        raise InputError(f"--steps {steps}: whole days of {day} steps")
    count = case.copies * case.data.cells
    columns = case.p.wt.shape[-1]
    on_cpu = jax.default_backend() == "cpu"
    block = _block(columns) if on_cpu else columns
    run = _Run(case, state, block)
    figures = {"cells": count, "columns": columns, "block": block, "steps": steps}
    scale = YEAR_SECONDS / (case.cfg.dt * steps) / count

    start = time.perf_counter()
    run.day(0, map)
    figures["compile_seconds"] = time.perf_counter() - start
    cores = sorted(os.sched_getaffinity(0)) if on_cpu and hasattr(os, "sched_getaffinity") else []
    with _OnCores(cores[:1]):
        wall, cpu = run.days(steps // day, map)
    figures["seconds_per_cell_year"] = wall * scale
    if on_cpu:
        figures["core_seconds_per_cell_year"] = cpu * scale
    if len(cores) >= _TWO:
        with _OnCores(cores[:_TWO]), ThreadPoolExecutor(_TWO) as pool:
            both, cpu_both = run.days(steps // day, pool.map)
        figures["two_core_speedup"] = wall / both
        figures["two_core_extra_work"] = cpu_both / cpu - 1.0
    figures["forcing_seconds_per_cell_year"] = run.forcing_seconds / run.forcing_days * scale * steps / day
    if gradient:
        with _OnCores(cores[:1]):
            figures |= _gradient(run, case)
    return figures | {f"worst.{n}": v for n, v in run.worst.items()}


def _open(name: str, cells: int, folder: Path | None) -> tuple[Any, Any]:
    """The case with its cells repeated, and its state."""
    from elterra.bench.clm5 import reference_folder
    from elterra.clm import open_case
    from elterra.clm.case import Change

    path = (folder or reference_folder()) / name
    if not path.is_dir():
        raise InputError(f"bench land --case {name}: there is no such reference case in {path.parent}")
    # the land model as it is by default
    once = open_case(path, faithful=False)
    copies = -(-cells // once.data.cells)
    case = open_case(path, [Change(f"copy_{i}", {}, {}) for i in range(copies)], faithful=False)
    end = path / "restart_end.nc"
    return case, case.state(end.name if end.is_file() else None)


def _block(columns: int) -> int:
    """Columns of a block, at most `BLOCK`, so that all blocks are nearly full and their number is even."""
    blocks = -(-columns // BLOCK)
    blocks += blocks % 2 if blocks > 1 else 0
    return -(-columns // blocks)


class _OnCores:
    """Lets all threads of the process use these cores only (none given: no change), and gives them back what they had."""

    def __init__(self, cores: list[int]) -> None:
        self.cores = set(cores)
        self.before: dict[int, set[int]] = {}

    def __enter__(self) -> None:
        if self.cores:
            for thread in (int(t) for t in os.listdir("/proc/self/task")):
                self.before[thread] = os.sched_getaffinity(thread)
                os.sched_setaffinity(thread, self.cores)

    def __exit__(self, *_: object) -> None:
        for thread, cores in self.before.items():
            if Path(f"/proc/self/task/{thread}").exists():
                os.sched_setaffinity(thread, cores)


class _Run:
    """State, forcing and sums of the means of the blocks of columns of a case."""

    def __init__(self, case: Any, state: Any, block: int) -> None:
        from elterra.clm.integrate import mean_names
        from elterra.land.forcing import neutral_factors
        from elterra.land.run import split_columns

        self.case, self.block = case, block
        self.p, self.states = split_columns(case.p, block), split_columns(state, block)
        self.factors = neutral_factors(block)
        self.means = mean_names(case.cfg)
        self.sums: list[dict[str, np.ndarray]] = [{} for _ in self.p]
        self.worst: dict[str, float] = {}
        self.forcing_seconds, self.forcing_days = 0.0, 0

    def forcing(self, day: int) -> list[Any]:
        """Forcing of a day for each block."""
        from elterra.land import Fields
        from elterra.land.run import split_columns

        start = time.process_time()
        steps = self.case.steps_per_day
        whole = self.case.forcing(day * steps + 1, steps)
        of_columns = {n: x for n, x in whole.items() if x.ndim > 1 and x.shape[-1] > 1}
        parts = split_columns(Fields(of_columns), self.block) if of_columns else [Fields()] * len(self.p)
        shared = {n: x for n, x in whole.items() if n not in of_columns}
        self.forcing_seconds += time.process_time() - start
        self.forcing_days += 1
        return [part.add(**shared) for part in parts]

    def day(self, day: int, over: Callable[..., Any]) -> tuple[float, float]:
        """Seconds of wall and processor time of a day of all blocks; ``over`` is ``map`` or that of a pool."""
        import jax

        from elterra.land import run_chunk

        forcing = self.forcing(day)
        jax.block_until_ready(forcing)

        def advance(i: int) -> Any:
            out = run_chunk(
                self.p[i], self.states[i], forcing[i], self.factors, self.case.cfg, (), self.means, ()
            )
            self.states[i] = jax.block_until_ready(out[0])
            for name, value in out[2].items():
                self.sums[i][name] = self.sums[i].get(name, 0.0) + np.asarray(value)
            return out[4]

        wall, cpu = time.perf_counter(), time.process_time()
        residuals = list(over(advance, range(len(self.p))))
        seconds = time.perf_counter() - wall, time.process_time() - cpu
        for block in residuals:
            for name, value in block.items():
                self.worst[name] = max(self.worst.get(name, 0.0), float(np.max(value)))
        return seconds

    def days(self, count: int, over: Callable[..., Any]) -> tuple[float, float]:
        """Sums of `day` over the days after the first."""
        spent = [self.day(1 + i, over) for i in range(count)]
        return sum(w for w, _ in spent), sum(c for _, c in spent)


def _gradient(run: _Run, case: Any) -> dict[str, float]:
    """Seconds of value and gradient over those of the value, of a window of `GRADIENT_DAYS` days and one block.

    The loss is a sum of fluxes over all steps; its gradient is with respect to Medlyn's slope and the soil water at the
    start. Steps within a day and days are both recomputed in the backward run, so that memory grows with the
    number of days and not of steps: a year runs the same program.
    """
    import jax
    import jax.numpy as jnp
    from jax import lax

    from elterra.land import step
    from elterra.land.forcing import perturb_forcing
    from elterra.land.numerics.compute_once import compute_once, unknown_one

    p, state = run.p[0], run.states[0]
    days = [run.forcing(day)[0] for day in range(GRADIENT_DAYS)]
    forcing = jax.tree.map(lambda *x: jnp.stack([jnp.asarray(y) for y in x]), *days)
    flux = "NEE" if case.cfg.mode == "bgc" else "GPP"

    def loss(slope: Any, water: Any, start: Any, forcing: Any) -> Any:
        q = p.replace(medlynslope=slope)
        one = unknown_one(forcing.dayofyear[0, 0])

        def bare(s: Any, f: Any) -> tuple[Any, Any]:
            s, out = step(q, s, perturb_forcing(f, run.factors), case.cfg)
            return s, out[flux].sum()

        a_step = jax.checkpoint(compute_once(bare, one))
        a_day = jax.checkpoint(lambda s, f: lax.scan(a_step, s, f))
        return lax.scan(a_day, start.replace(h2osoi_liq=water), forcing)[1].sum()

    arguments = (p.medlynslope, state.h2osoi_liq, state, forcing)
    forward, both = jax.jit(loss), jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    seconds = [_best(f, arguments) for f in (forward, both)]
    return {"gradient_over_forward": seconds[1] / seconds[0]}


def _best(function: Any, arguments: Any, repeats: int = 3) -> float:
    """Least processor time (wall time on another device) of a call after the first."""
    import jax

    clock = time.process_time if jax.default_backend() == "cpu" else time.perf_counter
    jax.block_until_ready(function(*arguments))
    seconds = []
    for _ in range(repeats):
        start = clock()
        jax.block_until_ready(function(*arguments))
        seconds.append(clock() - start)
    return min(seconds)
