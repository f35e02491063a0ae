"""The figures as a table for people: by variable and class of land cover, and site by site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from elterra.bench.towers.methods import METHODS
from elterra.bench.towers.records import Tower

#: land covers of a class
CLASSES = {
    "evergreen needles": ("ENF",),
    "leaves and mixed": ("DBF", "MF"),
    "evergreen leaves, shrubs": ("EBF", "OSH", "CSH"),
    "grass": ("GRA",),
    "crops": ("CRO",),
    "wetlands": ("WET",),
}


def table_of(towers: Sequence[Tower], figures: Mapping[str, float]) -> str:
    """Markdown: medians of RMSE and mean coverage by class, then every site."""
    variables = sorted({k.split(".")[1] for k in figures if k.endswith(".data")})
    head = "| | n | " + " | ".join(METHODS) + " |\n|---|---|" + "---|" * len(METHODS)
    lines = ["RMSE (median of sites; share of judged data in 90 % intervals)", "", head]
    for variable in variables:
        for words, covers in {"all": tuple(t.facts.igbp for t in towers), **CLASSES}.items():
            own = [t.key for t in towers if t.facts.igbp in covers and f"{t.key}.{variable}.data" in figures]
            if own:
                lines.append(_line(f"{variable}, {words}", str(len(own)), own, variable, figures))
    lines += ["", "Sites", "", head]
    for tower in towers:
        for variable in variables:
            data = figures.get(f"{tower.key}.{variable}.data")
            if data is not None:
                lines.append(
                    _line(
                        f"{tower.key} {tower.facts.igbp} {variable}",
                        f"{data:.0f}",
                        [tower.key],
                        variable,
                        figures,
                    )
                )
    return "\n".join(lines)


def _line(words: str, count: str, keys: Sequence[str], variable: str, figures: Mapping[str, float]) -> str:
    cells = []
    for method in METHODS:
        names = [f"{k}.{variable}.{method}" for k in keys if f"{k}.{variable}.{method}.rmse" in figures]
        if not names:
            cells.append("")
            continue
        rmse = float(np.median([figures[f"{n}.rmse"] for n in names]))
        weight = np.array([figures[f"{n.rsplit('.', 1)[0]}.data"] for n in names])
        inside = np.array([figures.get(f"{n}.coverage90", np.nan) for n in names])
        cells.append(f"{rmse:.3g} ({np.average(inside, weights=weight):.2f})")
    return f"| {words} | {count} | " + " | ".join(cells) + " |"
