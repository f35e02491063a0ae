"""Run a case: chunks of a day, daily means of cells, and every step where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from elterra.clm._advance import advance
from elterra.clm.case import Case
from elterra.land import Config, Fields
from elterra.land.memory import RUNNING_MEANS
from elterra.land.outputs import CARBON_NITROGEN, FIRE, FUN

#: outputs of the model that become daily means, by mode
COMMON = (
    "RNET", "LE", "H", "G", "FSA", "FSR", "FIRA", "FCTR", "FCEV", "FGEV", "TRAN", "ECAN", "ESOIL", "EVAP", "RUNOFF",
    "QOVER", "QH2OSFC", "QDRAI", "QINFL", "QSNOMELT", "H2OCAN", "H2OSFC", "FSNO", "ZWT", "TG", "TV", "TSA", "LAI",
    "ELAI", "TSAI", "SWE", "SNOWDP", "H2OSOI", "SOILLIQ", "SOILICE", "TSOI", "TOTWATER", "GPP", "PRECIP",
)  # fmt: skip
BGC = (
    "NPP", "ER", "HR", "NEE", "TOTVEGC", "TOTLITC", "CWDC", "TOTSOMC", "TOTECOSYSC", "TOTVEGN", "TOTSOMN",
    "SMINN", "F_NIT", "F_DENIT", "F_N2O_NIT", "F_N2O_DENIT", "SMIN_NO3_LEACHED", "NDEP_TO_SMINN", "NFIX_TO_SMINN",
)  # fmt: skip
#: residuals of the balances: their sums over a run are its drift
BALANCES = ("errh2o", "errsol", "errseb", "errsoi", "errlon")
BGC_BALANCES = ("errcb", "errnb")
#: outputs kept of every step
STEPS = (
    "RNET", "FSA", "FIRA", "LE", "H", "G", "FCTR", "FCEV", "FGEV", "TRAN", "ECAN", "ESOIL", "RUNOFF", "QINFL",
    "QSNOMELT", "H2OCAN", "FSNO", "SWE", "SNOWDP", "SOILLIQ", "SOILICE", "TSOI", "TG", "TV", "TSA", "LAI", "ELAI", "H2OSFC",
    "GPP", "ZWT",
)  # fmt: skip
BGC_STEPS = ("NPP", "ER", "HR", "NEE")


def mean_names(cfg: Config) -> tuple[str, ...]:
    names = COMMON + (("VEGWP",) if cfg.stress == "phs" else ())
    if cfg.mode == "bgc":
        names += BGC + CARBON_NITROGEN + (FUN if cfg.nitrogen == "fun" else ())
        names += FIRE if cfg.fire == "li" else ()
    return names


def balance_names(cfg: Config) -> tuple[str, ...]:
    return BALANCES + (BGC_BALANCES if cfg.mode == "bgc" else ())


def step_names(mode: str) -> tuple[str, ...]:
    return STEPS + (BGC_STEPS if mode == "bgc" else ())


@dataclass(frozen=True)
class Result:
    """``daily[name]`` ``[day, ..., column]`` means, ``steps[name]`` ``[step, ..., column]`` (empty unless asked for),
    ``final`` the state at the end, ``worst`` the largest residual of each balance over the run, ``drift[name]``
    ``[column]`` the mean residual of a step with its sign."""

    daily: dict[str, np.ndarray]
    steps: dict[str, np.ndarray]
    final: Fields
    worst: dict[str, float]
    drift: dict[str, np.ndarray]


def integrate(
    case: Case,
    state: Fields,
    days: int,
    *,
    first_day: int = 0,
    step_0: bool = False,
    keep_steps: bool = False,
    keep_daily: bool = True,
    told: Callable[[int], None] | None = None,
    alter: Callable[[Fields], Fields] | None = None,
) -> Result:
    """Advance ``state`` by ``days`` days from day ``first_day`` (0 = 1 January of the start year).

    ``step_0`` takes the extra step that CLM executes at start-up before the clock moves; it enters no mean. ``alter``
    changes the forcing of every day before it is used.
    """
    p, cfg, day = case.p, case.cfg, case.steps_per_day
    means, series, balances = mean_names(cfg), step_names(cfg.mode), balance_names(cfg)
    worst: dict[str, float] = {}
    drift = dict.fromkeys(balances, np.zeros(1))
    daily: dict[str, list[np.ndarray]] = {n: [] for n in means}
    steps: dict[str, list[np.ndarray]] = {n: [] for n in series}

    def note(residuals: Fields) -> None:
        for name, value in residuals.items():
            worst[name] = max(worst.get(name, 0.0), float(np.max(np.asarray(value))))

    def forcing(first: int) -> Fields:
        f = case.forcing(first, day)
        return f if alter is None else alter(f)

    if step_0:
        before = {n: state[n] for n in RUNNING_MEANS if n in state}
        state, _, _, residuals = advance(p, state, forcing(0), 1, cfg, means + balances, series)
        state = state.replace(**before)
        note(residuals)
    for i in range(days):
        f = forcing((first_day + i) * day + 1)
        state, of_day, of_steps, residuals = advance(p, state, f, day, cfg, means + balances, series)
        note(residuals)
        drift = {n: total + np.asarray(of_day[n]) / days for n, total in drift.items()}
        if keep_daily:
            for name in means:
                daily[name].append(np.asarray(of_day[name]))
        if keep_steps:
            for name in series:
                steps[name].append(np.asarray(of_steps[name]))
        if told is not None:
            told(i + 1)
    return Result(
        {n: np.stack(v) for n, v in daily.items() if v},
        {n: np.concatenate(v) for n, v in steps.items() if v},
        state,
        worst,
        drift,
    )


def monthly(daily: np.ndarray, first_day: int = 0) -> np.ndarray:
    """Monthly means of daily values ``[day, ...]``, whole months of a 365-day calendar only."""
    ends = month_ends(len(daily), first_day)
    return np.stack([daily[a:b].mean(axis=0) for a, b in ends]) if ends else daily[:0]


def month_ends(days: int, first_day: int = 0, lengths: Sequence[int] | None = None) -> list[tuple[int, int]]:
    """Start and stop day (relative to ``first_day``) of the whole months in a run of ``days`` days."""
    from elterra.clm.surface import MONTH_DAYS

    lengths = lengths or MONTH_DAYS
    out, start, month = [], -first_day, 0
    while start + lengths[month] <= days:
        if start >= 0:
            out.append((start, start + lengths[month]))
        start += lengths[month]
        month = (month + 1) % 12
    return out
