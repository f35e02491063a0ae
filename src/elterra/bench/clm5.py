"""Bench ``clm5``: every reference run of the real CLM5 that is present, repeated and compared."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from elterra.bench.shared_folder import shared_folder
from elterra.errors import InputError
from elterra.files import write_atomically

#: cases of ``--quick``, and their days
QUICK, QUICK_DAYS = ("sp_davos", "bgc_davos"), 60
#: smallest relative change in CLM for which a response is compared
LEAST_RESPONSE = 0.02
#: rooms whose source decides the results
_ROOMS = ("land", "clm", "registry", "forcing/solar.py", "bench/clm5.py")


def measure(
    *, quick: bool = False, case: str | None = None, mode: str | None = None, folder: Path | None = None
) -> dict[str, float]:
    """Figures of all cases (keys in ``benchmarks/README.md``).

    ``case`` is the name of a case or a part of it, or several separated by commas; ``mode`` is "sp" or "bgc";
    ``folder`` holds the cases, by default the reference runs beside the checkout. Finished cases are kept in a
    cache, so that an interrupted bench goes on where it stopped; a change of the model's source or of a case's
    files makes new results.
    """
    root = folder or reference_folder()
    names = chosen(root, case, mode, quick)
    figures: dict[str, float] = {}
    for name in names:
        file = _key(root, name, quick)  # before the run: a source that changes meanwhile is another result
        found = dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None
        if found is None:
            start = time.perf_counter()
            _tell(f"{name}: running")
            found = run_case(root / name, QUICK_DAYS if quick else None)
            found["seconds"] = round(time.perf_counter() - start, 1)
            write_atomically(file, json.dumps(found, indent=1, sort_keys=True) + "\n")
        _tell(f"{name}: {found['seconds']:.0f} s, {len(found)} figures")
        figures |= {f"{name}.{key}": value for key, value in found.items()}
    return figures


def reference_folder() -> Path:
    """``reference/clm5`` of ``ELTERRA_SHARED``, or of ``shared`` beside the checkout or the working directory."""
    return shared_folder("reference/clm5", "bench clm5: no reference runs of CLM5")


def chosen(root: Path, case: str | None, mode: str | None, quick: bool) -> list[str]:
    """Names of the cases to run, cheap ones first."""
    if mode not in (None, "sp", "bgc"):
        raise InputError(f"--mode {mode}: there are sp and bgc")
    names = sorted(f.parent.name for f in root.glob("*/lnd_in"))
    if case is not None:
        parts = case.split(",")
        names = [n for n in names if any(part == n or (part not in names and part in n) for part in parts)]
    elif quick:
        names = [n for n in names if n in QUICK]
    if mode is not None:
        names = [n for n in names if n.removeprefix("ppe_").startswith(mode)]
    if not names:
        raise InputError(
            f"bench clm5: no case of {root} is named {case or '*'} with mode {mode or 'sp or bgc'}"
        )
    return sorted(names, key=lambda n: (n.removeprefix("ppe_").startswith("bgc"), n.startswith("ppe_"), n))


def run_case(path: Path, days: int | None = None) -> dict[str, float]:
    """Figures of one case, without its name in front."""
    from elterra.clm import COMMON_PATCHES, open_case, read_members

    members, files = read_members(path) if (path / "ppe.json").is_file() else ((), {})
    case = open_case(path, members, patches=COMMON_PATCHES)
    figures: dict[str, float] = {}
    windows = case.facts.get("windows") or []
    if windows and days is None:
        figures |= _steps(case, windows)
    daily = path / ("base.daily.nc" if members else "daily.nc")
    if daily.is_file() or (not windows and (path / "monthly.nc").is_file()):
        figures |= _whole(case, daily, days, files)
    return figures


def _whole(case: Any, reference: Path, days: int | None, files: dict[str, str]) -> dict[str, float]:
    """The whole run against daily (or monthly) means, pools at the end, responses of members."""
    from elterra.clm.compare import compare_daily, compare_monthly, compare_pools
    from elterra.clm.history import pools
    from elterra.clm.integrate import integrate

    total = case.days
    count = min(total, days or total)
    result = integrate(case, case.state(), count, step_0=True)
    if reference.is_file():
        figures = compare_daily(case, result.daily, reference)
    else:
        figures = compare_monthly(case, result.daily, case.path / "monthly.nc")
    figures |= {f"worst.{n}": v for n, v in result.worst.items()}
    if files and count == total:
        figures |= _responses(case, result.daily, files)
    end = case.path / "restart_end.nc"
    if case.cfg.mode == "bgc" and count == total and end.is_file() and not files:
        mine, clm = (pools(s, case.p) for s in (result.final, case.state("restart_end.nc")))
        cells = [{n: case.cell_mean(v)[0] for n, v in x.items()} for x in (mine, clm)]
        figures |= compare_pools(*cells)
    return figures


def _steps(case: Any, windows: list[dict[str, Any]]) -> dict[str, float]:
    """Every step of the windows, each from CLM's own state, all windows together."""
    from elterra.clm.compare import compare_steps, score
    from elterra.clm.integrate import integrate

    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for window in windows:
        first = (
            window["first_day_of_year"] - 1 + 365 * (window.get("year", case.start_year) - case.start_year)
        )
        name = window["initial_state"]
        result = integrate(
            case, case.state(name), window["days"], first_day=first, step_0=name == "restart_start.nc",
            keep_steps=True, keep_daily=False,
        )  # fmt: skip
        for key, pair in compare_steps(case, result.steps, case.path / "steps.nc", first).items():
            pairs.setdefault(key, []).append(pair)
    figures: dict[str, float] = {}
    for key, found in pairs.items():
        a, b = (np.concatenate([np.broadcast_to(x[i], x[0].shape) for x in found]) for i in (0, 1))
        figures |= {f"steps.{key}.{n}": v for n, v in score(a, b).figures().items()}
    return figures


def _responses(case: Any, daily: dict[str, np.ndarray], files: dict[str, str]) -> dict[str, float]:
    """Change of the last year's mean against the base, over CLM's change, where CLM's is at least 2 %.

    ``<parameter>_lo`` and ``_hi`` are changes against the base, ``<parameter>`` is high minus low.
    """
    from elterra.clm.compare import VARIABLES, Reference, ours, theirs

    position = {m.name: i for i, m in enumerate(case.members)}
    last = slice(-365, None)
    figures: dict[str, float] = {}
    clm: dict[str, dict[str, float]] = {}
    mine: dict[str, dict[str, float]] = {}
    for member, file in files.items():
        reference = Reference(case.path / file)
        for key in (*VARIABLES, "QRUNOFF"):
            b, a = theirs(reference, key), ours(daily, key)
            if a is None or b is None or key in ("TSOI", "SOILLIQ"):
                continue
            a = case.cell_mean(a)[..., position[member], :]
            reduce = np.max if key == "SWE" else np.mean
            clm.setdefault(key, {})[member] = float(reduce(b[last]))
            mine.setdefault(key, {})[member] = float(reduce(a[last]))
    names = sorted({n.removesuffix("_lo").removesuffix("_hi") for n in files} - {"base"})
    wrong = within = counted = 0
    for key, values in clm.items():
        base_clm, base = values["base"], mine[key]["base"]
        for name in names:
            for label, high, low in ((f"{name}_lo", f"{name}_lo", "base"), (f"{name}_hi", f"{name}_hi", "base"),
                                     (name, f"{name}_hi", f"{name}_lo")):  # fmt: skip
                change = (values[high] - values[low]) / abs(base_clm)
                if abs(change) < LEAST_RESPONSE or base == 0.0:
                    continue
                ratio = (mine[key][high] - mine[key][low]) / abs(base) / change
                figures[f"{label}.{key}.response_ratio"] = ratio
                if label != name:
                    counted += 1
                    wrong += ratio <= 0.0
                    within += 0.8 <= ratio <= 1.2
    figures |= {
        "responses.counted": counted,
        "responses.wrong_sign": wrong,
        "responses.within_20_percent": within,
    }
    return figures


def cache_folder() -> Path:
    """``ELTERRA_CACHE``, or ``elterra`` in the user's cache folder."""
    told = os.environ.get("ELTERRA_CACHE")
    return Path(told) if told else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "elterra"


def _key(root: Path, name: str, quick: bool) -> Path:
    """File of the cached result: named by the case and a digest of source and inputs."""
    digest = hashlib.sha256(f"{quick}".encode())
    package = Path(__file__).parents[1]
    for room in _ROOMS:
        place = package / room
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.suffix in (".py", ".toml"):
                digest.update(file.relative_to(package).as_posix().encode() + file.read_bytes())
    for folder in (root / name, root / "forcing", root / "params"):
        for file in sorted(folder.glob("*")) if folder.is_dir() else []:
            state = file.stat()
            digest.update(f"{folder.name}/{file.name} {state.st_size} {state.st_mtime_ns}".encode())
    return cache_folder() / "bench-clm5" / f"{name}-{digest.hexdigest()[:16]}.json"


def _tell(line: str) -> None:
    print(f"clm5 {line}", file=sys.stderr, flush=True)


#: columns of the table: key of the figure, heading, and the target as a test
_DAILY = ("RNET", "LE", "H", "GPP", "NPP", "ER", "HR", "NEE", "LAI", "TSOI", "SOILLIQ", "SWE")


def table(figures: dict[str, float], write: Callable[[Any], None]) -> None:
    """The figures for people: a row a case and variable, with what the targets ask for."""
    from rich.table import Table

    cases = list(dict.fromkeys(key.partition(".")[0] for key in figures))
    shown = Table("case", "variable", "scale", "R2", "bias %", "RMSE", "target", title="elterra against CLM5")
    for case in cases:
        for scale in ("daily", "monthly", "steps"):
            for name in _DAILY:
                stem = f"{case}.steps.{name}" if scale == "steps" else f"{case}.{name}.{scale}"
                if f"{stem}.rmse" not in figures:
                    continue
                met = target_met(case, name, figures) if scale == "daily" else None
                shown.add_row(
                    case, name, scale, _number(figures.get(f"{stem}.r2"), ".4f"),
                    _number(figures.get(f"{stem}.relbias", np.nan) * 100.0, "+.2f"), _number(figures[f"{stem}.rmse"], ".4g"),
                    "" if met is None else "met" if met else "missed",
                )  # fmt: skip
    write(shown)
    rest = Table("figure", "value")
    for key in sorted(figures):
        if key.endswith((".response_ratio", ".reldiff", "snow_free_days")) or ".responses." in key:
            rest.add_row(key, f"{figures[key]:.3g}")
    write(rest)


def _number(value: float | None, form: str) -> str:
    return "" if value is None or not np.isfinite(value) else format(value, form)


def target_met(case: str, name: str, figures: dict[str, float]) -> bool | None:
    """Whether the daily figures of a variable meet the project's targets; None where there is none."""
    stem = f"{case}.{name}.daily"
    r2, bias, rmse = (figures.get(f"{stem}.{n}", np.nan) for n in ("r2", "relbias", "rmse"))
    bgc = case.removeprefix("ppe_").startswith("bgc")
    if name == "TSOI":
        return bool(rmse <= 0.3)
    if name == "SOILLIQ":
        return bool(rmse <= 0.01)
    if name == "SWE":
        return bool(rmse <= max(0.05 * figures.get(f"{case}.SWE.maximum", 0.0), 2.0))
    if bgc and name in ("GPP", "NPP", "ER", "HR", "NEE", "LAI"):
        return bool(r2 >= 0.95 and abs(bias) <= 0.05)
    if not bgc and name in ("RNET", "LE", "H", "GPP"):
        return bool(r2 >= 0.98 and abs(bias) <= 0.03)
    return None
