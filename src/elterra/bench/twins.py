"""Bench ``twins``: how far runs of one CLM5 case part whose air temperature differs by a millionth of a kelvin.

Agreement with CLM5 cannot be better than agreement with oneself: where a season hangs on a threshold, two runs of the same
model choose differently, and so do two models. The twins are columns of one program.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from elterra.bench.clm5 import chosen, kept, reference_folder
from elterra.errors import InputError

#: runs of a case, the first as it is, and the standard deviation (K) of what is added to the air temperature of the others
TWINS, OFFSET = 15, 1.0e-6
#: case and days of ``--quick``, and of a call without a case
QUICK_DAYS = 60
CASE = "bgc_amplero"
SEED = 20061


def measure(
    *, quick: bool = False, case: str | None = None, mode: str | None = None, folder: Path | None = None
) -> dict[str, float]:
    """Figures of the chosen cases (keys in ``benchmarks/README.md``); results are kept as those of bench ``clm5``.

    Raises InputError for a case with members or without daily means of CLM5.
    """
    root = folder or reference_folder()
    figures: dict[str, float] = {}
    for name in chosen(root, case or CASE, mode, quick=False):
        if not (root / name / "daily.nc").is_file():
            raise InputError(f"bench twins: {name} has no daily.nc; choose a case of CLM5 with daily means")
        found = kept(
            root, name, lambda path: run_twins(path, QUICK_DAYS if quick else None), f"twins {quick}"
        )
        figures |= {f"{name}.{key}": value for key, value in found.items()}
    return figures


def run_twins(path: Path, days: int | None = None, twins: int = TWINS) -> dict[str, float]:
    """Figures of one case, without its name in front; ``days`` are at most those of the case."""
    from elterra.clm import COMMON_PATCHES, open_case
    from elterra.clm.case import Change
    from elterra.clm.integrate import integrate

    case = open_case(path, [Change(f"twin_{i}", {}, {}) for i in range(twins)], patches=COMMON_PATCHES)
    width = case.data.cell.size
    drawn = np.random.default_rng(SEED).normal(0.0, OFFSET, (twins, 1))
    drawn[0] = 0.0
    offset = np.broadcast_to(drawn, (twins, width)).reshape(-1)

    def alter(f: Any) -> Any:
        return f.replace(forc_t=f.forc_t + offset)

    result = integrate(case, case.state(), min(case.days, days or case.days), step_0=True, alter=alter)
    return compare_twins(case, result.daily, path / "daily.nc")


def compare_twins(case: Any, daily: dict[str, np.ndarray], reference: Path) -> dict[str, float]:
    """Each twin against the first and all against CLM5, by variable and day."""
    from elterra.clm.compare import VARIABLES, Reference, layers, ours, score, theirs

    file = Reference(reference)
    out: dict[str, float] = {"twins": case.copies}
    for key in VARIABLES:
        a, b = ours(daily, key), theirs(file, key)
        if a is None or b is None:
            continue
        a = np.moveaxis(case.cell_mean(a), -2, 0)  # [twin, day, ..., cell]
        b = layers(key, b, -2)[: a.shape[1]]
        if b.shape != a.shape[1:]:
            raise InputError(f"{reference}: {key} has shape {b.shape}, the run {a.shape[1:]}")
        if key == "SOILLIQ":  # bedrock holds none
            inside = np.max(np.abs(b), axis=0) > 0.0
            a, b = a[:, :, inside], b[:, inside]
        among = [score(twin, a[0]) for twin in a[1:]]
        beside = [score(twin, b) for twin in a]
        between = (b >= a.min(axis=0)) & (b <= a.max(axis=0))
        for label, scores in (("twin", among), ("clm", beside)):
            r2 = np.array([s.r2 for s in scores])
            bias = np.array([s.relbias for s in scores])
            for name, values in (("r2", r2), ("relbias", bias)):
                if values.size and np.all(np.isfinite(values)):
                    out |= {
                        f"{key}.daily.{label}_{name}.{word}": float(f(values))
                        for word, f in (("min", np.min), ("median", np.median), ("max", np.max))
                    }
        out[f"{key}.daily.clm_inside"] = float(between.mean())
    return out
