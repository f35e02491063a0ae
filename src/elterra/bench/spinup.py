"""Bench ``spinup``: all methods from a cold start on cases of CLM5, side by side, against brute force."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elterra.bench.clm5 import reference_folder
from elterra.errors import InputError

#: cases, and the restart of CLM near its own equilibrium that the brute force begins with and is compared with
CASES = {"bgc_davos": "restart_start.nc", "bgc_rur": "../bgc_rur_postad/restart_start.nc"}
#: cycles of all columns; of them the first in accelerated mode for "ad" and for the brute force
CYCLES, ACCELERATED = 80, 60
QUICK_CYCLES, QUICK_ACCELERATED = 4, 2
#: the brute force begins with all slow pools this much below and above those of CLM
DISPLACED = {"brute_low": 0.8, "brute_high": 1.2}
_SLOW = ("decomp_cpools", "decomp_npools")
#: agreement that is asked for, and by which the years of a method are counted
TARGET = 0.01
#: figures leave out pools below this, g m-2
_SMALLEST = 1.0


@dataclass
class _Runs:
    """Stocks of all columns after every cycle: ``history[cycle][pool][column]``, and what steps added."""

    names: list[str]
    history: list[dict[str, np.ndarray]]
    totals: list[dict[str, np.ndarray]]
    gpp: list[list[float]]
    seconds: list[float]


def measure(*, quick: bool = False, case: str | None = None, folder: Path | None = None) -> dict[str, float]:
    """Figures of the cases (keys in ``benchmarks/README.md``); ``case`` is a name or several by commas."""
    root = folder or reference_folder()
    wanted = list(CASES) if case is None else case.split(",")
    unknown = [n for n in wanted if n not in CASES]
    if unknown:
        raise InputError(f"bench spinup: no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    if quick and case is None:
        wanted = wanted[:1]
    figures: dict[str, float] = {}
    for name in wanted:
        found = _case(root / name, CASES[name], quick)
        figures |= {f"{name}.{key}": value for key, value in found.items()}
    return figures


def _case(path: Path, near: str, quick: bool) -> dict[str, float]:
    from elterra.clm import open_case
    from elterra.clm.case import Change
    from elterra.pipeline.spinup_cycle import case_years, cycle_of
    from elterra.spinup import METHODS, SideBySide, method_of, stocks

    cycles, fast = (QUICK_CYCLES, QUICK_ACCELERATED) if quick else (CYCLES, ACCELERATED)
    names = [*METHODS, *DISPLACED]
    case = open_case(path, tuple(Change(n, {}, {}) for n in names))
    warm, cold = case.state(near), case.state("")
    if warm.leafc.shape[-1] != len(names):
        raise InputError(
            f"{path}: bench spinup needs a case of one column; it has {warm.leafc.shape[-1]} copies"
        )
    states = [cold] * len(METHODS) + [_displaced(warm, factor) for factor in DISPLACED.values()]
    s = _side_by_side(states)
    settle = max(2, cycles // 10)
    methods = [
        method_of(
            n if n in METHODS else "ad",
            cycles=cycles,
            accelerated=fast,
            wait=min(4, cycles - 2),
            settle=settle,
        )
        for n in names
    ]
    together = SideBySide([(m, i, i + 1) for i, m in enumerate(methods)])
    cycle = cycle_of(case_years(case, 1), case.cfg, len(names))
    runs = run_side_by_side(together, case.p, s, cycle, cycles, names)
    clm = stocks(case.p, warm)
    return figures_of(runs, {n: float(v[0]) for n, v in clm.pools.items()}, cycle.years)


def run_side_by_side(method: Any, p: Any, s: Any, cycle: Any, cycles: int, names: list[str]) -> _Runs:
    """Run the columns ``names`` together and keep what `figures_of` needs."""
    from elterra.pipeline.spinup_cycle import Log
    from elterra.spinup import spin_up

    log = Log(cycle.years)
    runs = _Runs(names, [], [], [], [])
    begin = time.perf_counter()

    def told(number: int, used: Any, passed: Any, booked: Any) -> None:
        entry = log.note(number, used, passed, booked)
        runs.history.append(log.stocks[-1].pools)
        runs.totals.append(log.stocks[-1].totals)
        runs.gpp.append(entry["GPP"])
        runs.seconds.append(time.perf_counter() - begin)
        print(f"spinup cycle {number + 1} of {cycles}, {runs.seconds[-1]:.0f} s", file=sys.stderr, flush=True)

    spin_up(method, p, s, cycle, cycles, told=told)
    return runs


def figures_of(runs: _Runs, clm: dict[str, float], years: float) -> dict[str, float]:
    """Model years, drift, stocks, and differences to brute force and to CLM, of every method.

    The brute force is the mean of its two columns, which began below and above; what is left between them is
    ``brute.spread`` and limits what the differences say.
    """
    low, high = (runs.names.index(n) for n in DISPLACED)
    last = runs.history[-1]
    reference = {n: 0.5 * (float(v[low]) + float(v[high])) for n, v in last.items()}
    pools = [n for n, v in reference.items() if v >= _SMALLEST]
    figures: dict[str, float] = {"seconds": runs.seconds[-1], "brute.model_years": len(runs.history) * years}
    spread = {n: (float(last[n][high]) - float(last[n][low])) / reference[n] for n in pools}
    figures["brute.spread"] = max(abs(v) for v in spread.values())
    for name in pools:
        figures[f"brute.{name}.stock"] = reference[name]
        figures[f"brute.{name}.spread"] = spread[name]
        if clm[name] >= _SMALLEST:
            figures[f"brute.{name}.clm_reldiff"] = reference[name] / clm[name] - 1.0
    for i, method in enumerate(runs.names):
        if method in DISPLACED:
            continue
        away = [max(abs(float(x[n][i]) / reference[n] - 1.0) for n in pools) for x in runs.history]
        for name in pools:
            figures[f"{method}.{name}.stock"] = float(last[name][i])
            figures[f"{method}.{name}.reldiff"] = float(last[name][i]) / reference[name] - 1.0
        figures[f"{method}.worst_reldiff"] = away[-1]
        inside = len(away)
        while inside and away[inside - 1] <= TARGET:
            inside -= 1
        if inside < len(away):
            figures[f"{method}.model_years"] = (inside + 1) * years
        change = [float(x["totecosysc"][i]) for x in runs.totals[-2:]]
        figures[f"{method}.drift_gC_m2_yr"] = (change[-1] - change[0]) / years
        figures[f"{method}.GPP"] = runs.gpp[-1][i]
    return figures


def _displaced(s: Any, factor: float) -> Any:
    wood = [f"{state}{part}{e}" for state in ("live", "dead") for part in ("stem", "croot") for e in "cn"]
    return s.replace(**{n: s[n] * factor for n in (*_SLOW, *wood)})


def _side_by_side(states: list[Any]) -> Any:
    """Column i of state i; every state has as many columns as there are states."""
    import jax.numpy as jnp

    from elterra.land import Fields

    return Fields({n: jnp.stack([x[n][..., i] for i, x in enumerate(states)], axis=-1) for n in states[0]})
