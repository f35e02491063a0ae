"""Spin-up and check of what a user names: a CLM5 case directory, an experiment, restart files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from elterra.errors import InputError
from elterra.land import Fields, RestartError
from elterra.land.soil_heat import DZSOI
from elterra.pipeline.spinup_cycle import case_years, cycle_of, load, run_method, station_years
from elterra.spinup import METHODS, Stocks, ecosystem_check, stocks

#: a spin-up of a single column runs as this many: the least that keeps the bits of a larger batch
_COLUMNS = 2


def spin_up_subject(
    subject: Path,
    folder: Path,
    *,
    method: str,
    cycles: int,
    years: int | None = None,
    accelerated: int = 0,
    start: str | None = None,
    told: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Spin up a CLM5 case directory from its cold start (or ``start``, a restart file of the case), or the station of an
    experiment file. Gives cycles, model years and, after two cycles, the criteria on the last two."""
    if method not in METHODS:
        raise InputError(f"--method {method}: there are {', '.join(METHODS)}")
    if subject.is_dir():
        from elterra.clm import open_case

        case = open_case(subject, faithful=False)
        p, cfg = case.p, case.cfg
        s, forcing = case.state(start or ""), case_years(case, years)
    else:
        if start is not None:
            raise InputError("--start: only a CLM5 case has restart files to begin with")
        p, s, cfg, forcing = _station(subject, folder, years)
    cycle = cycle_of(forcing, cfg, p.wt.shape[1])
    _, log = run_method(
        method, p, s, cycle, cycles, folder, accelerated=accelerated, stop_when_steady=True, told=told
    )
    result: dict[str, Any] = {
        "method": method,
        "cycles": len(log.cycles),
        "model_years": len(log.cycles) * cycle.years,
        "state": str(folder / "state.restart"),
        "last": log.cycles[-1],
    }
    if len(log.stocks) > 1:
        result["check"] = ecosystem_check(log.stocks[-2:], cycle.years)
    return result


def _station(path: Path, folder: Path, years: int | None) -> tuple[Fields, Fields, Any, list[Fields]]:
    """A station as it stands after the stages `domain`, `forcing` and `observations`, which run in ``folder``."""
    from elterra.experiment import load_experiment
    from elterra.pipeline import run_experiment
    from elterra.pipeline.reanalysis.setup import Station

    experiment = load_experiment(path)
    run_dir = folder / "run"
    run_experiment(experiment, run_dir, until="observations")
    station = Station.load(experiment, run_dir)
    p = station.default_parameters(_COLUMNS)
    forcing = station_years(station)
    if years is not None and not 1 <= years <= len(forcing):
        raise InputError(f"{path}: {years} years of forcing asked for, the record has {len(forcing)}")
    return p, station.cold_start(p), station.cfg, forcing[:years]


def check_restarts(paths: Sequence[Path], *, years: float | None, case: Path | None) -> dict[str, Any]:
    """The criteria on restart files in order of time, or on those that a spin-up left in a folder.

    Restart files of elterra say their model years and patch weights; those of CLM5 (``case``) need ``years``.
    """
    files: list[Path] = []
    for path in paths:
        files += sorted(path.glob("cycle_*.restart")) if path.is_dir() else [path]
    if len(files) < 2:
        raise InputError(f"a change needs two restart files; got {', '.join(map(str, files)) or 'none'}")
    if case is not None:
        return _check_clm(files, years, case)
    series: list[Stocks] = []
    times: list[float | None] = []
    for file in files:
        try:
            s, wt, at = load(file)
        except RestartError as error:
            raise InputError(f"{error}. CLM5's own restart files need --case") from error
        patches, columns = s.leafc.shape
        if wt is None:
            if patches > 1:
                raise InputError(
                    f"{file}: {patches} patches and no weights of them; write it with `elterra spinup run`"
                )
            wt = np.ones((1, columns))
        p = Fields(wt=wt, dzsoi=np.repeat(np.asarray(DZSOI)[:, None], columns, axis=1))
        series.append(stocks(p, s))
        times.append(at)
    known = [t for t in times if t is not None]
    gaps: float | list[float]
    if years is not None:
        gaps = years
    elif len(known) == len(times) and all(b > a for a, b in pairwise(known)):
        gaps = [b - a for a, b in pairwise(known)]
    else:
        raise InputError("the files do not say their model years in rising order; give --years between them")
    return {"files": [str(f) for f in files], **ecosystem_check(series, gaps)}


def _check_clm(files: list[Path], years: float | None, case: Path) -> dict[str, Any]:
    from elterra.clm import open_case

    if years is None:
        raise InputError("--case: CLM5's restart files do not say how far apart they are; give --years")
    opened = open_case(case, faithful=False)
    series = [stocks(opened.p, opened.state(str(file.resolve()))) for file in files]
    data = opened.data
    area = data.cell_weight * (1.0 - data.masked[data.cell]) * np.cos(np.radians(data.surface.lat))
    return {"files": [str(f) for f in files], **ecosystem_check(series, years, area)}
