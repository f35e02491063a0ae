"""Bench ``downscaling``: every method on real fields, on regions it has not seen, after the same constraint layer."""

from __future__ import annotations

import importlib.util
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from elterra.bench.shared_folder import shared_folder
from elterra.errors import InputError

if TYPE_CHECKING:
    from elterra.downscaling import Method

FOLDS, QUICK_FOLDS, QUICK_STEPS = 4, 2, 10
#: figures of a method; the others of the score card go with `--case`
KEYS = (
    "rmse", "mae", "crps", "coverage90", "spread_skill", "aggregate_error", "log_spectral_distance", "spectrum_error",
    "histogram_distance", "correction_rms", "correction_largest", "widen",
)  # fmt: skip


def measure(
    *, quick: bool = False, case: str | None = None, method: str | None = None, folder: Path | None = None
) -> dict[str, float]:
    """Figures by data set and method (keys in ``benchmarks/README.md``); ``case`` and ``method`` are names by commas."""
    from elterra.bench.downscaling_data import DATASETS
    from elterra.downscaling import evaluate

    root = folder or shared_folder("data", "bench downscaling: no data")
    wanted = list(DATASETS) if case is None else case.split(",")
    unknown = [n for n in wanted if n not in DATASETS]
    if unknown:
        raise InputError(
            f"bench downscaling: no data set {', '.join(unknown)}; there are {', '.join(DATASETS)}"
        )
    if quick and case is None:
        wanted = wanted[:1]
    methods = _methods(method, quick)
    figures: dict[str, float] = {}
    for name in wanted:
        task = DATASETS[name](root)
        found: dict[str, dict[str, float]] = {}
        for each in methods:
            begin = time.perf_counter()
            found[each.name] = evaluate(each, task.scenes, task.block, QUICK_FOLDS if quick else FOLDS).scores
            found[each.name]["seconds"] = time.perf_counter() - begin
            print(
                f"downscaling {name} {each.name}: {found[each.name]['seconds']:.0f} s",
                file=sys.stderr,
                flush=True,
            )
        figures |= {f"{name}.{key}": value for key, value in table(found).items()}
        figures[f"{name}.pixels"] = float(sum(s.known.sum() for s in task.scenes))
    return figures


def _methods(names: str | None, quick: bool) -> list[Method]:
    """The methods asked for; networks only where Equinox is installed, and small ones in a quick run."""
    from elterra.downscaling import METHODS
    from elterra.downscaling.rivals import Diffusion, UNet

    unknown = [n for n in (names or "").split(",") if n and n not in METHODS]
    if unknown:
        raise InputError(f"bench downscaling: no method {', '.join(unknown)}; there are {', '.join(METHODS)}")
    found: list[Method] = []
    for name, method in METHODS.items():
        if names is not None and name not in names.split(","):
            continue
        if isinstance(method, UNet | Diffusion) and importlib.util.find_spec("equinox") is None:
            print(f"downscaling: no Equinox, no {name}", file=sys.stderr)
            continue
        if quick and isinstance(method, UNet):
            method = replace(method, steps=QUICK_STEPS)
        if quick and isinstance(method, Diffusion):
            method = replace(method, steps=QUICK_STEPS, unet=UNet(steps=QUICK_STEPS), members=2)
        found.append(method)
    return found


def table(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """Flat figures of the score cards by method, with CRPS beside bilinear and beside the best other method."""
    out: dict[str, float] = {}
    for name, scores in found.items():
        out |= {f"{name}.{k}": scores[k] for k in (*KEYS, "seconds") if k in scores}
        if "bilinear" in found:
            out[f"{name}.crps_over_bilinear"] = scores["crps"] / found["bilinear"]["crps"]
        others = [s["crps"] for n, s in found.items() if n != name]
        if others:
            out[f"{name}.crps_over_best_rival"] = scores["crps"] / min(others)
    return out
