"""Bench ``calibration``: exact inverse problems, Sobol indices, calibrate-emulate-sample, simulation-based
calibration, emulated ensembles, towers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from elterra.errors import InputError

#: those with towers run the land model for hours and are run by name only
BY_NAME = ("towers", "towers_days")


def measure(
    *, quick: bool = False, part: str | None = None, case: str | None = None, folder: Path | None = None
) -> dict[str, float]:
    """The parts named by commas; by default all but those with towers.

    ``case``: stations of the towers by commas. ``folder``: where replicates, model runs, the spun-up station and runs of
    towers are kept (by default the user's cache).
    """
    parts = _parts(folder, case)
    wanted = [p for p in parts if p not in BY_NAME] if part is None else part.split(",")
    if unknown := [p for p in wanted if p not in parts]:
        raise InputError(f"bench calibration --part {','.join(unknown)}: there are {', '.join(parts)}")
    if case is not None and not set(wanted) & set(BY_NAME):
        raise InputError(
            f"--case: stations belong to the parts {' and '.join(BY_NAME)}; name one with --part"
        )
    begin = time.perf_counter()
    figures: dict[str, float] = {}
    for name in wanted:
        figures |= parts[name](quick)
        print(f"calibration {name}, {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    return figures


def _parts(folder: Path | None, case: str | None) -> dict[str, Callable[[bool], dict[str, float]]]:
    """Parts in their order."""
    from elterra.bench.calibration_ces import measure_ces
    from elterra.bench.calibration_exact import (
        measure_ishigami,
        measure_linear,
        measure_localisation,
        measure_tanh,
    )
    from elterra.bench.calibration_multifidelity import measure_multifidelity
    from elterra.bench.calibration_sbc import QUICK_REPLICATES, REPLICATES, measure_sbc
    from elterra.bench.calibration_sbc_land import measure_sbc_land
    from elterra.bench.clm5 import cache_folder

    def place(name: str) -> Path:
        return (folder or cache_folder()) / name

    def sbc(quick: bool) -> dict[str, float]:
        found = measure_sbc(place("calibration_sbc"), QUICK_REPLICATES if quick else REPLICATES)
        return _told("the carbon balance", "sbc", found)

    def sbc_land(quick: bool) -> dict[str, float]:
        found = measure_sbc_land(place("calibration_sbc_land"), place("station_twin"), quick)
        return _told("the land model", "sbc.land", found)

    def towers(name: str, quick: bool) -> dict[str, float]:
        from elterra.bench.towers.measure import measure_towers

        return measure_towers(name, quick=quick, case=case, folder=folder)

    return {
        "linear_gaussian": measure_linear,
        "tanh": measure_tanh,
        "shrinkage": measure_localisation,
        "ishigami": measure_ishigami,
        "ces": measure_ces,
        "sbc": sbc,
        "sbc_land": sbc_land,
        "multifidelity": lambda quick: measure_multifidelity(place("station_twin"), quick),
        **{name: partial(towers, name) for name in BY_NAME},
    }


def _told(twin: str, whole: str, figures: dict[str, float]) -> dict[str, float]:
    verdict = "passes" if figures[f"{whole}.passed"] else "FAILS"
    print(
        f"simulation-based calibration of {figures[f'{whole}.replicates']:.0f} replicates of {twin} {verdict} the joint "
        f"binomial test at 5 % (p = {figures[f'{whole}.joint_p']:.3f})",
        file=sys.stderr,
    )
    return figures
