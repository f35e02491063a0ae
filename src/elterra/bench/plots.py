"""Charts of the figures that the benches ``assimilation`` and ``calibration`` give."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from elterra.errors import InputError
from elterra.files import write_atomically
from elterra.product.svg import Panel, page

#: benches that have charts
WITH_PLOTS = ("assimilation", "calibration")


def write_bench_plots(name: str, figures: Mapping[str, float], folder: Path) -> list[Path]:
    """Write ``<name>.svg`` into ``folder``; gives the path, or nothing where no figure has a chart.

    Raises `InputError` for a bench without charts.
    """
    if name not in WITH_PLOTS:
        raise InputError(f"--plots: bench {name} has no charts; {' and '.join(WITH_PLOTS)} have")
    panels = assimilation_panels(figures) if name == "assimilation" else calibration_panels(figures)
    if not panels:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.svg"
    write_atomically(path, page(panels, 2, f"elterra bench {name}"))
    return [path]


def assimilation_panels(figures: Mapping[str, float]) -> list[Panel]:
    """Scores beside published ones, spread beside error, time and memory of the LETKF by size."""
    lines = sorted({k.split(".")[1] for k in figures if k.startswith("l96.")})
    out: list[Panel] = []
    known = [n for n in lines if f"l96.{n}.published" in figures]
    if known:
        x, y, sd = (
            np.array([figures[f"l96.{n}.{k}"] for n in known]) for k in ("published", "rmse", "seed_sd")
        )
        scores = Panel("Lorenz-96: scores", "published", "here (± over seeds)", diagonal=True)
        out.append(scores.add(x, y, kind="points", low=y - sd, high=y + sd))
    spread = [n for n in lines if f"l96.{n}.spread" in figures]
    if spread:
        panel = Panel("Lorenz-96: spread and error", "spread", "error", diagonal=True)
        both = [[figures[f"l96.{n}.{k}"] for n in spread] for k in ("spread", "rmse")]
        out.append(panel.add(both[0], both[1], kind="points"))
    sizes = sorted(int(k.split(".")[1]) for k in figures if k.startswith("letkf.") and k.endswith(".seconds"))
    if sizes:
        time = Panel("LETKF: time of an analysis", "state values", "seconds", log=(True, True))
        for key, label in (("seconds", "every point"), ("interpolated_seconds", "interpolated")):
            found = [figures.get(f"letkf.{n}.{key}", np.nan) for n in sizes]
            if np.isfinite(found).any():
                time.add(sizes, found, label)
        memory = Panel("LETKF: peak memory", "state values", "GB", log=(True, True))
        out += [time, memory.add(sizes, [figures[f"letkf.{n}.gigabytes"] for n in sizes])]
    return out


def calibration_panels(figures: Mapping[str, float]) -> list[Panel]:
    """Coverage of simulation-based calibration, distance of CES to direct sampling, errors of the multi-fidelity filter."""
    out: list[Panel] = []
    names = sorted({k.split(".")[1] for k in figures if k.startswith("sbc.") and k.endswith(".coverage90")})
    if names:
        panel = Panel("SBC: share of truths inside", y_label="share", names=names)
        trials = max(figures.get("sbc.land.replicates", 0.0), figures.get("sbc.replicates", 0.0), 1.0)
        for level in (90, 50):
            y = np.array([figures[f"sbc.{n}.coverage{level}"] for n in names])
            half = 1.96 * np.sqrt(level / 100 * (1 - level / 100) / trials)
            panel.add(
                np.arange(len(names)), y, f"{level} % (bars: ± {half:.3f})", "points", y - half, y + half
            )
        out.append(panel)
    ces = sorted(k.split(".")[1] for k in figures if k.startswith("ces.") and k.endswith(".wasserstein"))
    if ces:
        panel = Panel("CES: distance to direct sampling", y_label="prior sd", names=ces, level=0.1)
        out.append(
            panel.add(np.arange(len(ces)), [figures[f"ces.{n}.wasserstein"] for n in ces], kind="bars")
        )
    scored = [n for n in ("NEE", "LE", "SWC", "parameters") if f"multifidelity.{n}.error_ratio" in figures]
    if scored:
        panel = Panel("Error over that of 100 true members", y_label="ratio", names=scored, level=1.0)
        for key, label in (("few_error_ratio", "24 true"), ("error_ratio", "24 true, 2000 emulated")):
            panel.add(
                np.arange(len(scored)), [figures[f"multifidelity.{n}.{key}"] for n in scored], label, "bars"
            )
        out.append(panel)
    return out
