"""What the methods of spin-up run: cycles of a CLM5 case or of a station's weather, and the files they leave."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from elterra.errors import InputError
from elterra.files import write_atomically
from elterra.land import Config, Fields, read_restart, run_chunk, write_restart
from elterra.land.forcing import neutral_factors
from elterra.pipeline.reanalysis.station import STOP_LIMITS
from elterra.registry import variables
from elterra.spinup import Cycle, Passed, Stocks, ecosystem_check, method_of, spin_up, stocks, to_normal
from elterra.spinup.semi_analytic import MEANS, YEAR

#: annual values that a spin-up reports, gC m-2 yr-1, and the mean leaf area
FLUXES = ("GPP", "NPP", "HR")
SHOWN = (*FLUXES, "LAI")
#: balances of which a miss in one step ends a spin-up
WATCHED = ("errh2o", "errcb", "errnb")


def cycle_of(years: list[Fields], cfg: Config, columns: int) -> Cycle:
    """A cycle of the forcing of whole ``years``, each ``[time of a year, ...]``; all years run one program.

    Means over the cycle are those of `MEANS` and `SHOWN`. Raises where a balance of the model does not close.
    """
    factors = neutral_factors(columns)
    names = (*MEANS, *SHOWN)

    def run(p: Fields, s: Fields) -> tuple[Fields, Fields]:
        total: dict[str, jax.Array] = {}
        for forcing in years:
            s, _, means, _, worst = run_chunk(p, s, forcing, factors, cfg, (), names, ())
            for name in WATCHED:
                limit = STOP_LIMITS[name]
                if not float(jnp.max(worst[name])) <= limit:
                    raise InputError(
                        f"spin-up: {name} reached {float(jnp.max(worst[name])):.2e}, limit {limit:.0e}"
                    )
            total = {n: means[n] + total[n] if total else means[n] for n in names}
        return s, Fields({n: v / len(years) for n, v in total.items()})

    return Cycle(run, float(len(years)), cfg)


def case_years(case: Any, count: int | None = None) -> list[Fields]:
    """Forcing of the first ``count`` years of a CLM5 case (all years of its weather by default)."""
    if case.cfg.mode != "bgc":
        raise InputError(
            f"{case.path}: the case has no carbon cycle (use_cn is off); there is nothing to spin up"
        )
    available = case.weather.last - case.weather.first + 1
    if count is not None and not 1 <= count <= available:
        raise InputError(f"{case.path}: {count} years of forcing asked for, the weather has {available}")
    steps = 365 * case.steps_per_day
    return [case.forcing(year * steps + 1, steps) for year in range(count or available)]


def station_years(station: Any) -> list[Fields]:
    """Forcing of the whole years of a station's record."""
    from elterra.land.run import forcing_chunk

    steps = 365 * round(86400.0 / station.cfg.dt)
    count = len(station.forcing["forc_t"]) // steps
    if count < 1:
        raise InputError("spin-up needs a whole year of weather. Lengthen `period`")
    return [forcing_chunk(station.forcing, year * steps, (year + 1) * steps) for year in range(count)]


@dataclass
class Log:
    """What happened, cycle by cycle: ``cycles`` holds stocks at the end, annual fluxes and what was added."""

    years: float
    cycles: list[dict[str, Any]] = field(default_factory=list)
    stocks: list[Stocks] = field(default_factory=list)

    def note(self, number: int, p: Fields, passed: Passed, booked: Fields) -> dict[str, Any]:
        held = stocks(p, to_normal(p, passed.end))
        self.stocks.append(held)
        seconds = {n: YEAR if n in FLUXES else 1.0 for n in SHOWN}
        entry = {
            "cycle": number + 1,
            "model_years": (number + 1) * self.years,
            **{n: [float(x) * seconds[n] for x in np.asarray(passed.means[n])] for n in SHOWN},
            **{n: [float(x) for x in v] for n, v in held.totals.items()},
            **{n: [float(x) for x in np.asarray(v)] for n, v in booked.items()},
        }
        self.cycles.append(entry)
        return entry


def save(path: Path, p: Fields, s: Fields, years: float) -> None:
    """A restart file that `elterra spinup check` can read alone: with patch weights and model years."""
    write_restart(path, s, {**described(s), "wt": np.asarray(p.wt).tolist(), "model_years": years})


def described(s: Fields) -> dict[str, Any]:
    """Header of a restart file: units and dimensions of the states."""
    return {
        "units": {n: variables()[n].units for n in s},
        "dims": {n: variables()[n].dims for n in s},
    }


def load(path: Path) -> tuple[Fields, np.ndarray | None, float | None]:
    """State, patch weights and model years of a restart file; None where the file does not say."""
    arrays, header = read_restart(path)
    if "decomp_cpools" not in arrays:
        raise InputError(f"{path}: holds no state of the carbon cycle; give restart files of a spin-up")
    wt = header.get("wt")
    years = header.get("model_years")
    return Fields(arrays), None if wt is None else np.asarray(wt), None if years is None else float(years)


def run_method(
    name: str,
    p: Fields,
    s: Fields,
    cycle: Cycle,
    cycles: int,
    folder: Path,
    *,
    accelerated: int = 0,
    keep: int = 2,
    stop_when_steady: bool = False,
    told: Callable[[dict[str, Any]], None] | None = None,
) -> tuple[Fields, Log]:
    """Spin up, write ``folder/cycle_NNNN.restart`` of the last ``keep`` cycles, ``folder/state.restart`` and
    ``folder/spinup.json``. With ``stop_when_steady`` the spin-up ends when the criteria hold over two cycles that
    follow each other without a step between them."""
    if name == "analytic" and cycle.cfg.fire != "off":
        raise InputError(
            "spin-up: the method analytic does not know the losses to fire; take native, ad or anderson, or turn fire off"
        )
    folder.mkdir(parents=True, exist_ok=True)
    log = Log(cycle.years)
    method = method_of(name, cycles=cycles, accelerated=accelerated)

    def note(number: int, used: Fields, passed: Passed, booked: Fields) -> bool:
        entry = log.note(number, used, passed, booked)
        state = to_normal(used, passed.end)
        save(folder / f"cycle_{number + 1:04d}.restart", p, state, entry["model_years"])
        (folder / f"cycle_{number + 1 - keep:04d}.restart").unlink(missing_ok=True)
        if told is not None:
            told(entry)
        accelerated_still = bool(jnp.any(used.accel_soil3 > 1.0))
        if not stop_when_steady or len(log.stocks) < 2 or accelerated_still:
            return False
        untouched = all(
            float(np.max(np.abs(log.cycles[-i].get(f"increment_totecosys{e}", [0.0])))) == 0.0
            for i in (1, 2)
            for e in "cn"
        )
        return untouched and ecosystem_check(log.stocks[-2:], cycle.years)["steady"]

    final = spin_up(method, p, s, cycle, cycles, told=note)
    save(folder / "state.restart", p, final, len(log.cycles) * cycle.years)
    told_file: Mapping[str, Any] = {"method": name, "years_per_cycle": cycle.years, "cycles": log.cycles}
    write_atomically(folder / "spinup.json", json.dumps(told_file, indent=1, sort_keys=True) + "\n")
    return final, log
