"""Bench ``calibration``: exact inverse problems, Sobol indices, calibrate-emulate-sample, simulation-based calibration."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def measure(*, quick: bool = False, folder: Path | None = None) -> dict[str, float]:
    """All parts. Replicates of the simulation-based calibration are kept in ``folder`` (by default the user's cache)."""
    from elterra.bench.calibration_ces import measure_ces
    from elterra.bench.calibration_exact import (
        measure_ishigami,
        measure_linear,
        measure_localisation,
        measure_tanh,
    )
    from elterra.bench.calibration_sbc import QUICK_REPLICATES, REPLICATES, measure_sbc
    from elterra.bench.clm5 import cache_folder

    begin = time.perf_counter()
    figures: dict[str, float] = {}
    for name, part in (
        ("linear_gaussian", measure_linear),
        ("tanh", measure_tanh),
        ("shrinkage", measure_localisation),
        ("ishigami", measure_ishigami),
        ("ces", measure_ces),
    ):
        figures |= part(quick)
        print(f"calibration {name}, {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    place = folder or cache_folder() / "calibration_sbc"
    figures |= measure_sbc(place, QUICK_REPLICATES if quick else REPLICATES)
    verdict = "passes" if figures["sbc.passed"] else "FAILS"
    print(
        f"simulation-based calibration of {figures['sbc.replicates']:.0f} replicates {verdict} the joint binomial test at "
        f"5 % (p = {figures['sbc.joint_p']:.3f})",
        file=sys.stderr,
    )
    return figures
