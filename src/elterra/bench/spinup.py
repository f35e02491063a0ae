"""Bench ``spinup``: all methods from a cold start on cases of CLM5, side by side, against brute force."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from elterra.bench.clm5 import reference_folder
from elterra.errors import InputError

#: cases, and the restart of CLM near its own equilibrium that the displaced columns begin with
CASES = {"bgc_davos": "restart_start.nc", "bgc_rur": "../bgc_rur_postad/restart_start.nc"}
#: cycles of the methods; of them the first of "ad" in accelerated mode; native cycles after all of them
CYCLES, ACCELERATED, NATIVE = 40, 30, 6
QUICK_CYCLES, QUICK_ACCELERATED, QUICK_NATIVE = 4, 2, 2
#: columns that begin with all slow pools this much below and above those of CLM, method "anderson"
DISPLACED = {"anderson_low": 0.8, "anderson_high": 1.2}
#: columns of the native cycles that begin that far from where "anderson" arrived
BRACKET = {"below": 0.8, "above": 1.2}
_SLOW = ("decomp_cpools", "decomp_npools")
#: agreement that is asked for, and by which the years of a method are counted
TARGET = 0.01
#: figures leave out pools below this, g m-2
_SMALLEST = 1.0


@dataclass
class Runs:
    """Of columns ``names`` after every cycle: stocks ``history[cycle][pool][column]``, totals, GPP, seconds so far."""

    names: list[str]
    history: list[dict[str, np.ndarray]] = field(default_factory=list)
    totals: list[dict[str, np.ndarray]] = field(default_factory=list)
    gpp: list[list[float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    final: Any = None


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

    cycles, fast, after = (
        (QUICK_CYCLES, QUICK_ACCELERATED, QUICK_NATIVE) if quick else (CYCLES, ACCELERATED, NATIVE)
    )
    names = [*METHODS, *DISPLACED]
    case = open_case(path, tuple(Change(n, {}, {}) for n in names), faithful=False)
    warm, cold = case.state(near), case.state("")
    if warm.snl.size != len(names):
        raise InputError(f"{path}: bench spinup needs a case of one column")
    s = side_by_side([cold] * len(METHODS) + [displaced(warm, factor) for factor in DISPLACED.values()])
    methods = [
        method_of(n.partition("_")[0], cycles=cycles, accelerated=fast, wait=1 if n in DISPLACED else min(4, cycles - 1),
                  settle=0)
        for n in names
    ]  # fmt: skip
    together = SideBySide([(m, i, i + 1) for i, m in enumerate(methods)])
    cycle = cycle_of(case_years(case, 1), case.cfg, len(names))
    runs = run_columns(together, case.p, s, cycle, cycles, names)
    best = take_column(runs.final, names.index("anderson"), len(names))
    columns = [runs.final] * len(METHODS) + [displaced(best, factor) for factor in BRACKET.values()]
    native = run_columns(
        method_of("native", cycles=after), case.p, side_by_side(columns), cycle, after, [*METHODS, *BRACKET]
    )
    clm = stocks(case.p, warm)
    return figures_of(runs, native, {n: float(v[0]) for n, v in clm.pools.items()}, cycle.years)


def run_columns(method: Any, p: Any, s: Any, cycle: Any, cycles: int, names: list[str]) -> Runs:
    """Run the columns ``names`` together and keep what `figures_of` needs."""
    from elterra.pipeline.spinup_cycle import Log
    from elterra.spinup import spin_up

    log, runs, begin = Log(cycle.years), Runs(names), time.perf_counter()

    def told(number: int, used: Any, passed: Any, booked: Any) -> None:
        entry = log.note(number, used, passed, booked)
        runs.history.append(log.stocks[-1].pools)
        runs.totals.append(log.stocks[-1].totals)
        runs.gpp.append(entry["GPP"])
        runs.seconds.append(time.perf_counter() - begin)
        print(f"spinup cycle {number + 1} of {cycles}, {runs.seconds[-1]:.0f} s", file=sys.stderr, flush=True)

    runs.final = spin_up(method, p, s, cycle, cycles, told=told)
    return runs


def brute_force(native: Runs, years: float) -> dict[str, dict[str, float]]:
    """By pool: ``stock`` at which the model's own change vanishes, and ``change_below``, ``change``, ``change_above`` (g
    m-2 yr-1) of the columns displaced downwards, of "anderson" and displaced upwards.

    A pool that turns over in a thousand years cannot be waited for. Where the displaced columns come back (the lower one
    grows, the upper one shrinks) the stock is that of "anderson" plus its change over the slope between the two; other
    pools follow others within years, and their stock is that of "anderson" at the end of the native cycles.
    """
    at, low, high = (native.names.index(n) for n in ("anderson", "below", "above"))
    skip = min(1, len(native.history) - 2)  # the first cycle is that of the fast pools
    first, last = native.history[skip], native.history[-1]
    span = (len(native.history) - 1 - skip) * years
    out = {}
    for name, end in last.items():
        change = (end - first[name]) / span
        stock = float(end[at])
        comes_back = change[low] > 0.0 > change[high]
        if comes_back:
            stock += float(change[at] * (end[high] - end[low]) / (change[low] - change[high]))
        out[name] = {"stock": stock, "bracketed": float(comes_back)}
        out[name] |= {
            f"change{k}": float(change[i]) for k, i in (("_below", low), ("", at), ("_above", high))
        }
    return out


def figures_of(runs: Runs, native: Runs, clm: dict[str, float], years: float) -> dict[str, float]:
    """Model years, drift, stocks, and differences to brute force and to CLM, of every method."""
    brute = {n: v for n, v in brute_force(native, years).items() if v["stock"] >= _SMALLEST}
    figures: dict[str, float] = {"seconds": runs.seconds[-1] + native.seconds[-1]}
    for name, found in brute.items():
        figures |= {f"brute.{name}.{key}": value for key, value in found.items()}
        if clm[name] >= _SMALLEST:
            figures[f"brute.{name}.clm_reldiff"] = found["stock"] / clm[name] - 1.0
    last = runs.history[-1]
    for i, method in enumerate(runs.names):
        away = [max(abs(float(x[n][i]) / brute[n]["stock"] - 1.0) for n in brute) for x in runs.history]
        for name, found in brute.items():
            figures[f"{method}.{name}.stock"] = float(last[name][i])
            figures[f"{method}.{name}.reldiff"] = float(last[name][i]) / found["stock"] - 1.0
        figures[f"{method}.worst_reldiff"] = away[-1]
        inside = len(away)
        while inside and away[inside - 1] <= TARGET:
            inside -= 1
        if inside < len(away):
            figures[f"{method}.model_years"] = (inside + 1) * years
        figures[f"{method}.GPP"] = runs.gpp[-1][i]
        if method in native.names:
            change = [float(x["totecosysc"][native.names.index(method)]) for x in native.totals[-2:]]
            figures[f"{method}.drift_gC_m2_yr"] = (change[-1] - change[0]) / years
    return figures


def displaced(s: Any, factor: float) -> Any:
    """A state with soil, litter and wood times ``factor``, carbon and nitrogen alike."""
    wood = [f"{state}{part}{e}" for state in ("live", "dead") for part in ("stem", "croot") for e in "cn"]
    return s.replace(**{n: s[n] * factor for n in (*_SLOW, *wood)})


def side_by_side(states: list[Any]) -> Any:
    """Column i of state i; every state has as many columns as there are states."""
    import jax.numpy as jnp

    from elterra.land import Fields

    return Fields({n: jnp.stack([x[n][..., i] for i, x in enumerate(states)], axis=-1) for n in states[0]})


def take_column(s: Any, column: int, copies: int) -> Any:
    """``copies`` columns, all that of ``column``."""
    import jax.numpy as jnp

    from elterra.land import Fields

    return Fields({n: jnp.repeat(s[n][..., column : column + 1], copies, axis=-1) for n in s})
