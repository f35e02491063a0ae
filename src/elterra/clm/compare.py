"""A run against CLM5's history: R2, bias and error of daily and monthly means, snow-free date, pools."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elterra.clm._files import ClmFile
from elterra.clm.case import Case
from elterra.clm.integrate import month_ends, monthly
from elterra.errors import ElterraError, InputError
from elterra.land.config import NLEVSOI
from elterra.land.constants import DENH2O
from elterra.land.soil_heat import DZSOI, ZISOI

#: key -> the CLM fields that make it, and the outputs of the model
VARIABLES: dict[str, tuple[str, ...]] = {
    "RNET": ("FSA", "FIRA"),
    "LE": ("EFLX_LH_TOT",),
    "H": ("FSH",),
    "GPP": ("GPP", "FPSN"),
    "NPP": ("NPP",),
    "ER": ("ER",),
    "HR": ("HR",),
    "NEE": ("NEE",),
    "LAI": ("TLAI",),
    "TSOI": ("TSOI",),
    "SOILLIQ": ("SOILLIQ",),
    "SWE": ("H2OSNO",),
}
#: further fields that the steps and the daily table show to find causes, by CLM name
DETAILS = (
    "H2OSFC",
    "FSA",
    "FIRA",
    "FGR",
    "FCTR",
    "FCEV",
    "FGEV",
    "QRUNOFF",
    "QDRAI",
    "QINFL",
    "FSNO",
    "TG",
    "TV",
    "TSA",
    "H2OCAN",
)
POOLS = ("TOTVEGC", "LEAFC", "FROOTC", "LIVESTEMC", "DEADSTEMC", "LIVECROOTC", "DEADCROOTC", "TOTLITC", "CWDC", "TOTSOMC",
         "SOIL1C", "SOIL2C", "SOIL3C", "TOTVEGN", "TOTSOMN", "SMINN")  # fmt: skip
TO_3M = int(np.searchsorted(ZISOI[1:], 3.0)) + 1  #: soil layers that reach to 3 m
GRAMS_PER_UMOL = 12.011e-6
#: snow water (kg m-2) above which a season counts, and below which the ground counts as free
SEASON, FREE = 20.0, 1.0
#: smallest range of leaf area in a year that has a green-up
LEAF_RANGE = 0.5


@dataclass(frozen=True)
class Score:
    """Agreement of one variable: squared correlation, bias relative to CLM's mean, and rms difference in its unit."""

    r2: float
    relbias: float
    rmse: float
    bias: float
    sd: float

    def figures(self) -> dict[str, float]:
        """What has a meaning: no correlation of a constant, no relative bias of zero."""
        out = {
            "r2": self.r2,
            "relbias": self.relbias,
            "rmse": self.rmse,
            "nrmse": self.rmse / self.sd if self.sd > 0 else np.nan,
        }
        return {k: v for k, v in out.items() if np.isfinite(v)}


def score(mine: np.ndarray, theirs: np.ndarray) -> Score:
    """R2 (coefficient of determination against CLM's own variability), relative bias and rmse of all values together."""
    a, b = np.ravel(mine), np.ravel(theirs)
    good = np.isfinite(b)
    a, b = a[good], b[good]
    if a.size == 0:
        return Score(np.nan, np.nan, np.nan, np.nan, np.nan)
    if not np.all(np.isfinite(a)):
        raise ElterraError(f"{int((~np.isfinite(a)).sum())} values of the run are not finite where CLM's are")
    error = a - b
    spread = float(b.var())
    scale = abs(float(b.mean()))
    return Score(
        r2=1.0 - float(np.mean(error**2)) / spread if spread > 0.0 else np.nan,
        relbias=float(error.mean()) / scale if scale > 0.0 else np.nan,
        rmse=float(np.sqrt(np.mean(error**2))),
        bias=float(error.mean()),
        sd=float(np.sqrt(spread)),
    )


def ours(values: Mapping[str, np.ndarray], key: str) -> np.ndarray | None:
    """A variable of the comparison from the outputs of the model."""
    names = {"LAI": "LAI", "SWE": "SWE", "FGR": "G", "QRUNOFF": "RUNOFF"}
    value = values.get(names.get(key, key))
    return None if value is None else layers(key, value, -2)


def theirs(file: Mapping[str, np.ndarray], key: str) -> np.ndarray | None:
    """The same from a CLM file, GPP in gC m-2 s-1."""
    if key == "RNET":
        return file["FSA"] - file["FIRA"] if "FSA" in file and "FIRA" in file else None
    for name in VARIABLES.get(key, (key,)):
        if name in file:
            value = file[name] * (GRAMS_PER_UMOL if name == "FPSN" else 1.0)
            return value
    return None


def layers(key: str, value: np.ndarray, axis: int) -> np.ndarray:
    """Soil temperature to 3 m; soil water as m3 m-3 of 20 layers."""
    value = np.moveaxis(value, axis, 0) if key in ("TSOI", "SOILLIQ") else value
    if key == "TSOI":
        return np.moveaxis(value[:TO_3M], 0, axis)
    if key == "SOILLIQ":
        dz = DZSOI[:NLEVSOI].reshape(-1, *([1] * (value.ndim - 1)))
        return np.moveaxis(value[:NLEVSOI] / (dz * DENH2O), 0, axis)
    return value


class Reference(Mapping[str, np.ndarray]):
    """Grid-cell means of a CLM history file ``[time, cell]``, ``[time, layer, cell]``."""

    def __init__(self, path: Path) -> None:
        self.file = ClmFile(path)
        self.time = self.file["time"].astype(float)

    def __getitem__(self, name: str) -> np.ndarray:
        value = self.file[name].astype(float)
        dims = self.file.dims(name)
        if dims[-2:] == ("lat", "lon"):
            return value.reshape(*value.shape[:-2], -1)
        return value if dims[-1] == "lndgrid" else value[..., None]

    def __iter__(self) -> Iterator[str]:
        return iter(self.file)

    def __len__(self) -> int:
        return len(self.file)


def compare_daily(
    case: Case, daily: Mapping[str, np.ndarray], reference: Path, member: int = 0, first_day: int = 0
) -> dict[str, float]:
    """Figures ``<VARIABLE>.{daily,monthly}.{r2,relbias,rmse,nrmse}`` of a run against a CLM daily file, and the
    difference of the snow-free date in days."""
    ref = Reference(reference)
    out: dict[str, float] = {}
    for key in (*VARIABLES, *DETAILS):
        b = theirs(ref, key)
        a = ours(daily, key)
        if a is None or b is None:
            continue
        a = case.cell_mean(a)[..., member, :]
        b = layers(key, b, -2)
        days = min(len(a), len(b) - first_day)
        a, b = a[:days], b[first_day : first_day + days]
        if key == "SOILLIQ":  # bedrock holds none in either
            inside = np.max(np.abs(b), axis=0) > 0.0
            a, b = a[:, inside], b[:, inside]
        out |= {f"{key}.daily.{n}": v for n, v in score(a, b).figures().items()}
        if len(month_ends(days, first_day % 365)) > 1:
            monthly_score = score(monthly(a, first_day % 365), monthly(b, first_day % 365))
            out |= {f"{key}.monthly.{n}": v for n, v in monthly_score.figures().items()}
        if key == "SWE":
            out |= _snow_free(a, b)
        if key == "LAI":
            out |= _leaf_season(a, b)
    return out


def compare_monthly(case: Case, daily: Mapping[str, np.ndarray], reference: Path) -> dict[str, float]:
    """As `compare_daily` for a case of which CLM wrote months only."""
    ref = Reference(reference)
    out: dict[str, float] = {}
    for key in (*VARIABLES, *DETAILS):
        b, a = theirs(ref, key), ours(daily, key)
        if a is None or b is None:
            continue
        a = monthly(case.cell_mean(a)[..., 0, :])
        b = layers(key, b, -2)
        months = min(len(a), len(b))
        if months:
            out |= {f"{key}.monthly.{n}": v for n, v in score(a[:months], b[:months]).figures().items()}
    return out


def compare_history(case: Case, output: Path) -> dict[str, float]:
    """Figures of `compare_daily` (or monthly) for the files that `write_history` wrote in ``output``."""
    daily = output if output.is_file() else next(iter(sorted(output.glob("*.h1.*.nc"))), None)
    if daily is None:
        raise InputError(f"{output}: no daily history (*.h1.*.nc); write it with `elterra clm run-embedded`")
    mine = Reference(daily)
    values = {key: theirs(mine, key) for key in (*VARIABLES, *DETAILS)}
    cells = {key: layers(key, v, -2) for key, v in values.items() if v is not None}
    reference = case.path / "daily.nc"
    months = not reference.is_file()
    ref = Reference(case.path / "monthly.nc" if months else reference)
    out: dict[str, float] = {}
    for key, a in cells.items():
        b = theirs(ref, key)
        if b is None:
            continue
        b = layers(key, b, -2)
        if months:
            a = monthly(a)
        length = min(len(a), len(b))
        if length:
            scale = "monthly" if months else "daily"
            out |= {f"{key}.{scale}.{n}": v for n, v in score(a[:length], b[:length]).figures().items()}
        if key == "SWE" and not months:
            out |= _snow_free(a[:length], b[:length])
    return out


def _snow_free(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Largest difference (days) of the last day with snow before each summer, where CLM's maximum exceeds `SEASON`.

    A winter runs from 1 September (day 243) to 31 August."""
    worst = np.nan
    count = 0
    edges = [0, *range(243, len(a), 365), len(a)]
    peak = float(b.max()) if b.size else 0.0
    for low, high in itertools.pairwise(edges):
        for cell in range(a.shape[1]):
            mine, clm = a[low:high, cell], b[low:high, cell]
            if high - low < 120 or clm.max() <= SEASON or clm[-1] > FREE or mine[-1] > FREE:
                continue
            last = [int(np.flatnonzero(x > FREE)[-1]) if np.any(x > FREE) else 0 for x in (mine, clm)]
            difference = abs(last[0] - last[1])
            worst = difference if count == 0 else max(worst, difference)
            count += 1
    out = {"SWE.maximum": peak, "SWE.maximum_difference": float(np.abs(a.max(axis=0) - b.max(axis=0)).max())}
    if count:
        out["SWE.snow_free_days"] = float(worst)
    return out


def _leaf_season(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Largest difference (days) of green-up and senescence of leaf area ``[day, cell]`` over calendar years and cells.

    The first and the last day of a year above the middle of CLM's range in it; years with less range than `LEAF_RANGE`, or
    that begin or end above the middle, have no such day.
    """
    worst: dict[str, float] = {}
    for low in range(0, len(b) - 364, 365):
        mine, clm = a[low : low + 365], b[low : low + 365]
        middle = 0.5 * (clm.max(axis=0) + clm.min(axis=0))
        season = (np.ptp(clm, axis=0) > LEAF_RANGE) & (clm[0] < middle) & (clm[-1] < middle)
        above = [x > middle for x in (mine, clm)]
        for name, days in (("greenup", above), ("senescence", [x[::-1] for x in above])):
            first = [np.where(x.any(axis=0), x.argmax(axis=0), 365) for x in days]
            apart = np.abs(first[0] - first[1])[season]
            if apart.size:
                worst[name] = max(worst.get(name, 0.0), float(apart.max()))
    return {f"LAI.{name}_days": value for name, value in worst.items()}


def compare_pools(mine: Mapping[str, np.ndarray], clm: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Relative differences ``<POOL>.end.reldiff`` of pools ``[cell]``; the worst cell where there are several."""
    out = {}
    for name in POOLS:
        if name not in mine or name not in clm:
            continue
        a, b = np.asarray(mine[name]), np.asarray(clm[name])
        some = b > 1.0e-6 * max(float(np.max(b)), 1.0e-12)
        if np.any(some):
            relative = a[some] / b[some] - 1.0
            out[f"{name}.end.reldiff"] = float(relative[np.abs(relative).argmax()])
    return out


def compare_steps(
    case: Case, steps: Mapping[str, np.ndarray], path: Path, first_day: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pairs (model, CLM) ``[step, column]`` of a window of ``steps.nc``, patches weighted to columns."""
    with ClmFile(path) as file:
        time = np.round(file["time"].astype(float) * case.steps_per_day).astype(int)
        count = len(next(iter(steps.values())))
        first = first_day * case.steps_per_day + 1
        rows = np.flatnonzero((time >= first) & (time < first + count))
        if rows.size != count:
            raise ValueError(f"{path}: {rows.size} steps from day {first_day} on; the run has {count}")
        columns = file["pfts1d_itype_veg"].size
        weight = file["pfts1d_wtcol"].astype(float)
        width = case.data.cell.size
        owner = _owners(weight, width, columns)

        def read(name: str) -> np.ndarray:
            value, dims = file[name].astype(float)[rows], file.dims(name)
            if dims[-1] == "pft":
                total = np.zeros((*value.shape[:-1], width))
                for i, column in enumerate(owner):
                    total[..., column] += np.nan_to_num(value[..., i]) * weight[i]
                return total
            if dims[-1] == "column":
                return value
            cells = value.reshape(len(value), -1)
            return cells[:, case.data.cell] if cells.shape[1] == case.data.cells else cells[:, :1]

        view = _Lazy(read, tuple(file))
        out = {}
        for key in (*VARIABLES, *DETAILS):
            b = theirs(view, key)
            a = ours(steps, key)
            if a is not None and b is not None:
                out[key] = (a, layers(key, b, -2))
    return out


def _owners(weight: np.ndarray, columns: int, patches: int) -> list[int]:
    """Column of each patch: patches of a column follow each other and their weights sum to one."""
    out, column, total = [], 0, 0.0
    for i in range(patches):
        out.append(min(column, columns - 1))
        total += float(weight[i])
        if total > 1.0 - 1.0e-6:
            column, total = column + 1, 0.0
    return out


class _Lazy(Mapping[str, np.ndarray]):
    """Variables that are read when they are asked for."""

    def __init__(self, read: Callable[[str], np.ndarray], names: tuple[str, ...]) -> None:
        self._read, self._names = read, names

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(name)
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
