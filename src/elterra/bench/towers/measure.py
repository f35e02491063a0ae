"""The parts ``towers`` and ``towers_days`` of the calibration bench."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elterra.bench.clm5 import cache_folder
from elterra.bench.shared_folder import shared_folder
from elterra.bench.towers.inversion import Calibrated, calibrate_groups, groups_of, linear_groups
from elterra.bench.towers.methods import global_errors, predictions_of
from elterra.bench.towers.months import MonthlyTable, monthly_samples
from elterra.bench.towers.records import Tower, daily, half_hourly
from elterra.bench.towers.runs import Predictions, TowerRuns
from elterra.bench.towers.scores import figures_of, samples_of
from elterra.bench.towers.table import table_of
from elterra.bench.towers.weather import disaggregation_errors
from elterra.errors import InputError
from elterra.files import write_json
from elterra.product.scores import Sample

#: parts: towers with half-hours (and those of CalLMIP), towers with days
PARTS = ("towers", "towers_days")


@dataclass(frozen=True)
class Settings:
    """Members of an ensemble, updates of the inversion, columns of the program, years of the spin-up (with the
    analytic step, and after it)."""

    members: int = 24
    iterations: int = 2
    block: int = 120
    rounds: int = 5
    native: int = 2


FULL = Settings()
QUICK = Settings(members=8, iterations=2, block=32, rounds=2, native=1)
#: towers of a quick run, one year before and one after the split
QUICK_TOWERS = {"towers": ("DE_Hai", "NL_Loo"), "towers_days": ("DE_Hai_days", "NL_Loo_days")}


def measure_towers(
    part: str,
    *,
    quick: bool = False,
    case: str | None = None,
    folder: Path | None = None,
    data: Path | None = None,
) -> dict[str, float]:
    """Figures ``towers.*`` of a part (keys in ``benchmarks/README.md``). Finished runs are kept in ``folder``.

    ``case``: only towers of these stations (``DE-Hai,FI-Hyy``). ``data``: the folder with ``flux`` and ``gridded``.
    """
    if part not in PARTS:
        raise InputError(f"bench calibration: no part {part!r}; there are {', '.join(PARTS)}")
    settings = QUICK if quick else FULL
    place = data or data_folder()
    towers = towers_of(part, place, quick, case)
    runs = TowerRuns(
        towers,
        folder or cache_folder() / "towers",
        block=settings.block,
        threads=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        rounds=settings.rounds,
        native=settings.native,
    )
    spun_up = runs.spin_up()
    months = MonthlyTable(place)
    groups = groups_of(runs.towers)
    own, shared = [g for g in groups if not g.shared], [g for g in groups if g.shared]
    # what is known is told at once: by the prior's runs alone, then each tower alone, then the global parameters
    prior, found = linear_groups(runs, groups, settings.members)
    figures = _report(runs, months, prior, found, spun_up, name=None if quick else part, case=case)
    for some in (own, shared):
        prior, calibrated = calibrate_groups(runs, some, settings.members, settings.iterations)
        done = {one.group.name for one in calibrated}
        found = [one for one in found if one.group.name not in done] + calibrated
        figures = _report(runs, months, prior, found, spun_up, name=None if quick else part, case=case)
    return figures


def _report(
    runs: TowerRuns,
    months: MonthlyTable,
    prior: Mapping[str, Predictions],
    found: Sequence[Calibrated],
    spun_up: Mapping[str, Mapping[str, float]],
    *,
    name: str | None,
    case: str | None,
) -> dict[str, float]:
    """Scores of what has been calibrated; a table on stderr, figures in ``figures_<part>.json`` (``_some`` with a case)."""
    names = {one.group.name for one in found}
    towers = [t for t in runs.towers if t.key in names]
    figures = figures_of(towers, _samples(towers, months, prior, found))
    figures |= _about(towers, spun_up, found)
    figures["summary.model_runs_made"] = runs.ran
    for method, shared in (("site", False), ("global", True)):
        of = [not one.linear for one in found if one.group.shared == shared]
        if of:
            figures[f"summary.runs.{method}"] = float(np.mean(of))
    named = {f"towers.{key}": value for key, value in figures.items()}
    if name is not None:
        write_json(runs.folder / f"figures_{name}{'_some' if case else ''}.json", named)
    print(table_of(towers, figures), file=sys.stderr, flush=True)
    return named


def _samples(
    towers: Sequence[Tower],
    months: MonthlyTable,
    prior: Mapping[str, Predictions],
    found: Sequence[Calibrated],
) -> dict[str, dict[str, dict[str, Sample]]]:
    """Judged data by tower, variable and method."""
    by_name = {one.group.name: one for one in found}
    shared = {t.key: one for one in found if one.group.shared for t in one.group.judged}
    errors = {one.group.name: global_errors(one) for one in found if one.group.shared}
    samples: dict[str, dict[str, dict[str, Sample]]] = {}
    seen: dict[str, list[float]] = {}
    # those with two years first: what another year is like is learned from them
    for tower in sorted(towers, key=lambda t: -t.train_days):
        common = shared.get(tower.key)
        amplitude = errors[common.group.name] if common is not None else {}
        widen = {method: max(1.0, float(np.median(ratios))) for method, ratios in seen.items() if ratios}
        predicted, ratios = predictions_of(
            tower, prior[tower.key], by_name[tower.key], common, amplitude, widen
        )
        for method, of_kinds in ratios.items():
            seen.setdefault(method, []).extend(of_kinds)
        samples[tower.key] = {
            **samples_of(tower, predicted),
            **monthly_samples(tower, months, prior[tower.key], by_name[tower.key], common),
        }
    return samples


def towers_of(part: str, data: Path, quick: bool = False, case: str | None = None) -> list[Tower]:
    """The towers of a part that have data on both sides of their split."""
    if part == "towers":
        found = half_hourly(data)
    else:
        found, left = daily(data)
        for name, why in left.items():
            print(f"towers: {name} left out: {why}", file=sys.stderr)
    if case is not None:
        stations = case.split(",")
        unknown = set(stations) - {t.station for t in found}
        if unknown:
            raise InputError(
                f"--case: no tower {', '.join(sorted(unknown))} in part {part}; see ../shared/data/CATALOG.md"
            )
        found = [t for t in found if t.station in stations]
    elif quick:
        found = [t for t in found if t.key in QUICK_TOWERS[part]]
    if quick:
        found = [t.cut(t.train_days // 365 - 1, 1, 2) for t in found]
    return found


def data_folder() -> Path:
    """Folder of the records of towers; `InputError` where it is not."""
    return shared_folder("data", "bench calibration: no records of towers")


def _about(
    towers: Sequence[Tower], spun_up: Mapping[str, Mapping[str, float]], calibrated: Sequence[Calibrated]
) -> dict[str, float]:
    """Spin-up and inversion of each tower."""
    figures: dict[str, float] = {}
    for tower in towers:
        for name in ("GPP", "LAI", "drift_gC_m2_yr"):
            figures[f"{tower.key}.spinup.{name}"] = spun_up[tower.key][name]
        if any(t.kind == "NEE_day" for t in tower.targets):
            errors = disaggregation_errors(tower.weather, tower.facts.site)
            figures |= {f"{tower.key}.disaggregation.{name}": value for name, value in errors.items()}
    for one in calibrated:
        if one.group.shared:
            continue
        z = one.z[-1]
        figures[f"{one.group.name}.inversion.misfit_prior"] = one.misfit[0]
        figures[f"{one.group.name}.inversion.misfit_last"] = one.misfit[-1]
        figures[f"{one.group.name}.inversion.sd_over_prior"] = float(z.std(axis=1, ddof=1).mean())
        lost = ~np.isfinite(one.judged[one.group.name]["NEE_all"]).all(axis=0)
        figures[f"{one.group.name}.inversion.failed"] = int(lost.sum())
    return figures
