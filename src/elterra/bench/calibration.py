"""Bench ``calibration``: exact inverse problems, Sobol indices, calibrate-emulate-sample, simulation-based calibration,
emulated ensembles."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from elterra.errors import InputError


def measure(*, quick: bool = False, folder: Path | None = None, case: str | None = None) -> dict[str, float]:
    """All parts, or those that ``case`` names (separated by commas).

    Replicates, model runs and the spun-up station are kept in ``folder`` (by default the user's cache)."""
    parts = _parts(folder)
    wanted = list(parts) if case is None else case.split(",")
    if unknown := set(wanted) - set(parts):
        raise InputError(
            f"--case: bench calibration has no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}"
        )
    begin = time.perf_counter()
    figures: dict[str, float] = {}
    for name in wanted:
        figures |= parts[name](quick)
        print(f"calibration {name}, {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    return figures


def _parts(folder: Path | None) -> dict[str, Callable[[bool], dict[str, float]]]:
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

    return {
        "linear_gaussian": measure_linear,
        "tanh": measure_tanh,
        "shrinkage": measure_localisation,
        "ishigami": measure_ishigami,
        "ces": measure_ces,
        "sbc": sbc,
        "sbc_land": sbc_land,
        "multifidelity": lambda quick: measure_multifidelity(place("station_twin"), quick),
    }


def _told(twin: str, whole: str, figures: dict[str, float]) -> dict[str, float]:
    verdict = "passes" if figures[f"{whole}.passed"] else "FAILS"
    print(
        f"simulation-based calibration of {figures[f'{whole}.replicates']:.0f} replicates of {twin} {verdict} the joint "
        f"binomial test at 5 % (p = {figures[f'{whole}.joint_p']:.3f})",
        file=sys.stderr,
    )
    return figures
