"""Bench ``calibration``: exact inverse problems, Sobol indices, calibrate-emulate-sample, simulation-based
calibration, towers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from elterra.errors import InputError

#: parts in their order; those with towers run the land model for hours and are run by name only
PARTS = ("linear_gaussian", "tanh", "shrinkage", "ishigami", "ces", "sbc", "towers", "towers_days")
BY_NAME = ("towers", "towers_days")


def measure(
    *, quick: bool = False, part: str | None = None, case: str | None = None, folder: Path | None = None
) -> dict[str, float]:
    """The parts named by commas; by default all but those with towers.

    ``case``: stations of the towers by commas. ``folder``: where replicates of the simulation-based calibration and runs of
    towers are kept (by default the user's cache).
    """
    wanted = [p for p in PARTS if p not in BY_NAME] if part is None else part.split(",")
    unknown = [p for p in wanted if p not in PARTS]
    if unknown:
        raise InputError(f"bench calibration --part {','.join(unknown)}: there are {', '.join(PARTS)}")
    if case is not None and not set(wanted) & set(BY_NAME):
        raise InputError(
            f"--case: stations belong to the parts {' and '.join(BY_NAME)}; name one with --part"
        )
    begin = time.perf_counter()
    figures: dict[str, float] = {}
    for name in wanted:
        figures |= _part(name, quick, case, folder)
        print(f"calibration {name}, {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    return figures


def _part(name: str, quick: bool, case: str | None, folder: Path | None) -> dict[str, float]:
    if name in BY_NAME:
        from elterra.bench.towers.measure import measure_towers

        return measure_towers(name, quick=quick, case=case, folder=folder)
    if name == "sbc":
        return _sbc(quick, folder)
    from elterra.bench import calibration_ces as ces
    from elterra.bench import calibration_exact as exact

    parts: dict[str, Callable[[bool], dict[str, float]]] = {
        "linear_gaussian": exact.measure_linear,
        "tanh": exact.measure_tanh,
        "shrinkage": exact.measure_localisation,
        "ishigami": exact.measure_ishigami,
        "ces": ces.measure_ces,
    }
    return parts[name](quick)


def _sbc(quick: bool, folder: Path | None) -> dict[str, float]:
    from elterra.bench.calibration_sbc import QUICK_REPLICATES, REPLICATES, measure_sbc
    from elterra.bench.clm5 import cache_folder

    place = folder or cache_folder() / "calibration_sbc"
    figures = measure_sbc(place, QUICK_REPLICATES if quick else REPLICATES)
    verdict = "passes" if figures["sbc.passed"] else "FAILS"
    print(
        f"simulation-based calibration of {figures['sbc.replicates']:.0f} replicates {verdict} the joint binomial test at "
        f"5 % (p = {figures['sbc.joint_p']:.3f})",
        file=sys.stderr,
    )
    return figures
