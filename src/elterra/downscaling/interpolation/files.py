"""Interpolation from a table of points to a table of points or a grid."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elterra.downscaling.interpolation.methods import POINT_METHODS
from elterra.downscaling.interpolation.points import Points, groups, places_on_earth, places_on_map, regions
from elterra.downscaling.interpolation.validate import leave_out
from elterra.downscaling.laws import Law
from elterra.downscaling.scene import LEVELS
from elterra.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

#: stations that are left out one by one; more are dealt to this many folds
_MOST_FOLDS = 60


def interpolate_files(
    source: Path, target: str, features: tuple[str, ...], at: Path, out: Path, method: str, law: Law
) -> dict[str, Any]:
    """Learn from the CSV `source`, predict at the places of the CSV `at`, write a CSV with mean and quantiles.

    Both tables have `lat` and `lon` (degrees) or `y` and `x` (metres of one projection), may have `elevation` (m) and `time`
    (ISO, monthly data), and have the `features`; `source` may have `station`, whose rows belong together.
    """
    import pandas as pd

    chosen = _method(method)
    table, where = (pd.read_csv(p) for p in _existing(source, at))
    data, rejected = _points(source, table, features, target)
    there, _ = _points(at, where, features, None)
    found = chosen.fit(data, law).predict(there)
    told = where.assign(**{target: found.mean})
    for level, q in zip(LEVELS, found.quantiles, strict=True):
        told[f"{target}_q{round(100 * level):02d}"] = q
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.{os.getpid()}.new")
    told.to_csv(aside, index=False)
    os.replace(aside, out)
    return {
        "points": len(data),
        "without_target": rejected,
        "predicted": len(told),
        "method": method,
        "out": str(out),
    }


def score_points(
    source: Path, target: str, features: tuple[str, ...], law: Law, region_count: int, methods: list[str]
) -> dict[str, Any]:
    """Scores of methods with stations left out and with regions left out."""
    import pandas as pd

    (path,) = _existing(source)
    data, rejected = _points(path, pd.read_csv(path), features, target)
    splits = {"station": groups(data.station, _MOST_FOLDS), "region": regions(data.place, region_count)}
    scores = {
        split: {name: leave_out(_method(name), data, group, law).scores for name in methods}
        for split, group in splits.items()
    }
    return {"points": len(data), "without_target": rejected, "scores": scores}


def _method(name: str) -> Any:
    if name not in POINT_METHODS:
        raise InputError(f"method {name!r} of interpolation is unknown; there are {', '.join(POINT_METHODS)}")
    return POINT_METHODS[name]


def _existing(*paths: Path) -> tuple[Path, ...]:
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
    return paths


def _points(
    path: Path, table: pd.DataFrame, features: tuple[str, ...], target: str | None
) -> tuple[Points, int]:
    """Points of a table, and how many rows have no target and are left out."""
    import pandas as pd

    needed = [*features, *([target] if target else [])]
    absent = [n for n in needed if n not in table]
    if absent:
        raise InputError(
            f"{path}: no column {', '.join(absent)}; there are {', '.join(map(str, table.columns))}"
        )
    before = len(table)
    if target:
        table = table[table[target].notna()]
    if {"lat", "lon"} <= set(table.columns):
        place = places_on_earth(table["lat"], table["lon"])
    elif {"y", "x"} <= set(table.columns):
        place = places_on_map(table["y"], table["x"])
    else:
        raise InputError(
            f"{path}: no place; expected columns lat and lon (degrees) or y and x (metres of one projection)"
        )
    month = None
    if "time" in table:
        time = pd.to_datetime(table["time"])
        month = np.asarray(time.dt.year * 12 + time.dt.month - 1, dtype=np.float64)
    station = pd.factorize(table["station"])[0] if "station" in table else np.arange(len(table))
    elevation = table["elevation"].to_numpy(float) if "elevation" in table else np.zeros(len(table))
    points = Points(
        place,
        elevation,
        np.asarray(station, dtype=np.int64),
        {n: table[n].to_numpy(float) for n in features},
        month,
        table[target].to_numpy(float) if target else None,
    )
    return points, before - len(table)
