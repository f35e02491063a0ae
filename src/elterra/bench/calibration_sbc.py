"""Simulation-based calibration on the carbon twin: truths from the prior, each calibrated, intervals counted.

Talts, Betancourt, Simpson, Vehtari and Gelman (2018): if truths come from the prior, and data from the truths, intervals
of a correct posterior hold the truth as often as they say. Replicates are kept one by one, so that a stopped bench goes
on where it was.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from elterra.bench.calibration_twin import PRIORS, CarbonTwin
from elterra.calibration.calibrate_emulate_sample import CalibrateEmulateSample, Settings
from elterra.calibration.coverage import LEVELS, joint_binomial_test, within
from elterra.calibration.data import Data
from elterra.calibration.hull import OutsideHull
from elterra.calibration.problem import InverseProblem
from elterra.files import digest_of, read_json, write_json

#: changes when calibrations, twin or what is kept of a replicate change: old replicates are then made anew
FORMAT = "elterra_sbc_1"
REPLICATES, QUICK_REPLICATES = 200, 4
#: seeds of the truths begin here; those of other parts of the bench are below
FIRST_SEED = 1000

SETTINGS = Settings(
    design=128, members=40, wide=128, rounds=1, refine=64, doubt=0.05, training=128, components=12,
    restarts=1, fit_rounds=20, refit_rounds=10, draws=300, warm_up=150, screen=False,
)  # fmt: skip


def measure_sbc(folder: Path, replicates: int) -> dict[str, float]:
    """Figures ``sbc.*`` of the first ``replicates`` replicates; those in ``folder`` are not repeated."""
    place = folder / digest_of([FORMAT, asdict(SETTINGS), [asdict(p) for p in PRIORS]])[:16]
    twin, begin = CarbonTwin(), time.perf_counter()
    warm: np.ndarray | None = None
    done = []
    for number in range(replicates):
        path = place / f"replicate_{number:05d}.json"
        found = read_json(path)
        if found is None:
            if warm is None:
                warm = typical_hyperparameters(twin)
            found = replicate(twin, FIRST_SEED + number, warm)
            write_json(path, found)
            passed = time.perf_counter() - begin
            print(f"sbc replicate {number + 1} of {replicates}, {passed:.0f} s", file=sys.stderr, flush=True)
        done.append(found)
    return figures_of(done, [p.name for p in PRIORS], "sbc", "sbc")


def typical_hyperparameters(twin: CarbonTwin) -> np.ndarray:
    """Of an emulator around the prior's centre: where the search of every replicate begins."""
    data = twin(twin.maps.to_physical(np.zeros((1, len(PRIORS)))))[0]
    one = CalibrateEmulateSample(
        InverseProblem(twin, PRIORS, Data(data, twin.sd**2)), replace(SETTINGS, fit_rounds=60, rounds=0)
    )
    one.run()
    assert one.emulator is not None
    return np.asarray(one.emulator.gp.theta)


def replicate(twin: CarbonTwin, seed: int, warm: np.ndarray) -> dict[str, Any]:
    """One truth, its data, its calibration: which intervals hold it, ranks, and what the calibration cost."""
    truth, observed = twin.data_of(seed)
    problem = InverseProblem(twin, PRIORS, Data(observed, twin.sd**2))
    settings, refused = SETTINGS, 0
    while True:
        try:
            result = CalibrateEmulateSample(problem, settings, hyperparameters=warm, seed=seed).run()
            break
        except OutsideHull:
            # what the error advises: a wider design
            refused += 1
            if refused > 2:
                raise
            settings = replace(settings, wide=2 * settings.wide, widen=1.3 * settings.widen)
    draws = result.standard
    return {
        "seed": seed,
        "hits": {f"{level:g}": [bool(h) for h in within(draws, truth, level)] for level in LEVELS},
        "rank": [float(r) for r in (draws < truth).mean(axis=0)],
        "error": [float(e) for e in draws.mean(axis=0) - truth],
        "sd": [float(s) for s in draws.std(axis=0)],
        "model_runs": result.model_runs,
        "rhat": float(result.rhat.max()),
        "divergences": result.divergences,
        "outside": result.outside,
        "doubt": result.doubt[-1],
        "refused": refused,
    }


def figures_of(done: list[dict[str, Any]], names: Sequence[str], prefix: str, whole: str) -> dict[str, float]:
    """Coverage ``<prefix>.<parameter>.coverage*`` of each parameter and level; ``<whole>.*``: the joint test, costs."""
    count = len(done)
    figures: dict[str, float] = {f"{whole}.replicates": count}
    counted = []
    for i, name in enumerate(names):
        for level in LEVELS:
            hits = sum(one["hits"][f"{level:g}"][i] for one in done)
            figures[f"{prefix}.{name}.coverage{round(100 * level)}"] = hits / count
            counted.append((hits, count, level))
    test = joint_binomial_test(counted)
    figures |= {
        f"{whole}.joint_p": test.p_joint,
        f"{whole}.passed": float(test.passed()),
        f"{whole}.model_runs": float(np.mean([one["model_runs"] for one in done])),
        f"{whole}.rhat_worst": max(one["rhat"] for one in done),
        f"{whole}.divergences": sum(one["divergences"] for one in done),
        f"{whole}.outside": float(np.mean([one["outside"] for one in done])),
        f"{whole}.doubt": float(np.mean([one["doubt"] for one in done])),
        f"{whole}.refused": sum(one["refused"] for one in done),
    }
    return figures
