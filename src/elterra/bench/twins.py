"""Bench ``twins``: how far runs of one CLM5 case part whose air temperature differs by next to nothing.

Agreement with CLM5 cannot be better than agreement with oneself: where a season hangs on a threshold, two runs of the same
model choose differently, and so do two models. Half of the runs are a millionth of a kelvin apart (``twin``), half a
hundredth (``near``), which is how far the soil temperatures of two codes are apart after some weeks. All are columns of one
program.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from elterra.bench.clm5 import chosen, kept, reference_folder
from elterra.errors import InputError

#: runs beside the one as it is, and the standard deviation (K) of what is added to their air temperature, by kind
RUNS = 7
OFFSETS = {"twin": 1.0e-6, "near": 1.0e-2}
#: days of ``--quick``, and the case of a call without one
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


def run_twins(path: Path, days: int | None = None, runs: int = RUNS) -> dict[str, float]:
    """Figures of one case, without its name in front; ``days`` are at most those of the case, ``runs`` those of a kind."""
    from elterra.clm import COMMON_PATCHES, open_case
    from elterra.clm.case import Change
    from elterra.clm.integrate import integrate

    kinds = ["as it is", *(kind for kind in OFFSETS for _ in range(runs))]
    members = [Change(f"run_{i}", {}, {}) for i in range(len(kinds))]
    case = open_case(path, members, patches=COMMON_PATCHES)
    drawn = np.random.default_rng(SEED).normal(size=len(kinds))
    shift = np.array([OFFSETS.get(kind, 0.0) for kind in kinds]) * drawn
    offset = np.repeat(shift, case.data.cell.size)

    def alter(f: Any) -> Any:
        return f.replace(forc_t=f.forc_t + offset)

    result = integrate(case, case.state(), min(case.days, days or case.days), step_0=True, alter=alter)
    return compare_twins(case, result.daily, path / "daily.nc", kinds)


def compare_twins(
    case: Any, daily: dict[str, np.ndarray], reference: Path, kinds: list[str]
) -> dict[str, float]:
    """Each run of a kind against the first run, and all against CLM5, by variable and day."""
    from elterra.clm.compare import VARIABLES, Reference, layers, ours, score, theirs

    file = Reference(reference)
    out: dict[str, float] = {"runs": case.copies}
    for key in VARIABLES:
        a, b = ours(daily, key), theirs(file, key)
        if a is None or b is None:
            continue
        a = np.moveaxis(case.cell_mean(a), -2, 0)  # [run, day, ..., cell]
        b = layers(key, b, -2)[: a.shape[1]]
        if b.shape != a.shape[1:]:
            raise InputError(f"{reference}: {key} has shape {b.shape}, the run {a.shape[1:]}")
        if key == "SOILLIQ":  # bedrock holds none
            inside = np.max(np.abs(b), axis=0) > 0.0
            a, b = a[:, :, inside], b[:, inside]
        groups = {
            kind: [score(x, a[0]) for x, k in zip(a, kinds, strict=True) if k == kind] for kind in OFFSETS
        }
        groups["clm"] = [score(x, b) for x in a]
        between = (b >= a.min(axis=0)) & (b <= a.max(axis=0))
        for label, scores in groups.items():
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
