"""Bench ``domain``: exactness of areas and regridding, sums of the default Europe, time and memory of domains,
errors of the stated assumptions where the shared data are beside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_erosion

from elterra.bench.domain_defaults import assumption_figures
from elterra.domain import Builder, Grid, Regridder, cordex, laea, load_default_europe, regular
from elterra.domain.mappings import CORDEX_POLE, RADIUS, LatLon
from elterra.errors import ElterraError
from elterra.experiment import Region

_WIDE = (35.0, 70.0, -15.0, 45.0)
_CASES = {
    "europe_05": "{kind: regular, step: 0.5}",
    "europe_025": "{kind: regular, step: 0.25}",
    "eur11": "{kind: cordex, name: EUR-11}",
    "eur0275": "{kind: cordex, name: EUR-0275}",
}


def measure(*, quick: bool = False) -> dict[str, float]:
    """Keys: ``areas.*``, ``regrid.PAIR.{coverage_error,conservation_error,constant_error,seconds}`` (relative
    errors, largest of all cells), ``europe.*``, ``make.CASE.{seconds,gigabytes,cells,bytes}``,
    ``assumptions.NAME.*``."""
    figures = _areas()
    for name, (source, target) in _pairs().items():
        figures |= {f"regrid.{name}.{k}": v for k, v in _exactness(source, target).items()}
    figures |= _europe()
    figures |= {f"make.{k}": v for k, v in _make(list(_CASES)[:1] if quick else list(_CASES)).items()}
    figures |= {f"assumptions.{k}": v for k, v in assumption_figures().items()}
    return figures


def _areas() -> dict[str, float]:
    """Sum of all cells of the sphere against 4 pi R2."""
    edges = np.linspace(-180.0, 180.0, 721), np.linspace(-90.0, 90.0, 361)
    whole = 4.0 * np.pi * RADIUS**2
    out = {}
    for name, mapping in (("latlon", LatLon()), ("rotated", CORDEX_POLE)):
        out[f"areas.{name}.sphere_error"] = abs(Grid(mapping, *edges).area.sum() / whole - 1.0)
    return out


def _pairs() -> dict[str, tuple[Grid, Grid]]:
    """The target lies inside the source."""
    middle = cordex("EUR-11").subset(42.0, 58.0, 0.0, 25.0)
    return {
        "regular_regular": (regular(0.25, _WIDE), regular(0.4, (40.0, 60.0, 0.0, 20.0))),
        "regular_rotated": (regular(0.25, _WIDE), middle),
        "rotated_regular": (cordex("EUR-11"), regular(0.25, (40.0, 60.0, 0.0, 20.0))),
        "regular_laea": (regular(0.25, _WIDE), laea(20_000.0, (44.0, 56.0, 0.0, 20.0))),
        "laea_rotated": (laea(20_000.0, _WIDE), middle),
        "laea_laea": (laea(20_000.0, _WIDE), laea(13_000.0, (44.0, 56.0, 0.0, 20.0))),
    }


def _exactness(source: Grid, target: Grid) -> dict[str, float]:
    """Largest relative errors of the way from `source` to `target` and back."""
    begun = time.perf_counter()
    there = Regridder(source, target)
    seconds = time.perf_counter() - begun
    covered = np.asarray(there.weights.sum(axis=1)).ravel() / target.area.ravel()
    # of source cells those that lie inside the target with their neighbours
    given_away = np.asarray(there.weights.sum(axis=0)).reshape(source.shape) / source.area
    inside = binary_erosion(given_away > 0.9, np.ones((3, 3)))
    constant = there.mean(np.full(source.shape, 1.0))[0]
    # backwards nothing leaves the source: all of the target must arrive
    back = Regridder(target, source)
    field = 1.0 + np.random.default_rng(0).random(target.shape)
    mean, _ = back.mean(field)
    area = np.asarray(back.weights.sum(axis=1)).reshape(source.shape)
    own = np.asarray(back.weights.sum(axis=0)).reshape(target.shape)
    held, given = float((np.nan_to_num(mean) * area).sum()), float((field * own).sum())
    return {
        "coverage_error": float(max(np.abs(covered - 1.0).max(), np.abs(given_away - 1.0)[inside].max())),
        "constant_error": float(np.abs(constant - 1.0).max()),
        "conservation_error": abs(held / given - 1.0),
        "seconds": seconds,
    }


def _europe() -> dict[str, float]:
    """Sums of the default Europe, and tiles against the whole."""
    data = load_default_europe(regular(0.5))
    land = data.land_mask.values > 0.5
    region = Region.from_plain({"name": "b", "domain": {"grid": {"kind": "cordex", "name": "EUR-44"}}})
    builder = Builder(region)
    whole, rows, columns = builder.fields(builder.grid), slice(30, 61), slice(40, 77)
    part = builder.fields(builder.grid.window(rows, columns))
    seam = 0.0
    for name, field in part.items():
        other = whole[name].values[..., rows, columns]
        scale = float(np.nanmax(np.abs(other))) or 1.0
        seam = max(seam, float(np.nanmax(np.abs(field.values - other))) / scale)
    area = data.cell_area.values
    return {
        "europe.pft_sum_error": float(np.abs(data.pft_fraction.values[:, land].sum(axis=0) - 1.0).max()),
        "europe.landunit_sum_error": float(
            np.abs(data.landunit_fraction.values[:, land].sum(axis=0) - 1.0).max()
        ),
        "europe.land_million_km2": float((data.land_fraction.values * area).sum()) / 1e12,
        "europe.tile_error": seam,
    }


def _make(cases: list[str]) -> dict[str, float]:
    """Seconds and peak memory of `elterra domain make` in a process of its own."""
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in cases:
            file, made = Path(folder) / f"{name}.yaml", Path(folder) / f"{name}.nc"
            file.write_text(f"name: {name}\ndomain:\n  grid: {_CASES[name]}\n", encoding="utf-8")
            words = [
                sys.executable,
                "-m",
                "elterra",
                "domain",
                "make",
                str(file),
                "--out",
                str(made),
                "--json",
            ]
            begun = time.perf_counter()
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                raise ElterraError(f"bench domain: {' '.join(words[2:])} ended with {process.returncode}")
            out[f"{name}.seconds"] = time.perf_counter() - begun
            out[f"{name}.cpu_seconds"] = usage.ru_utime + usage.ru_stime
            out[f"{name}.gigabytes"] = usage.ru_maxrss / 1e6  # kilobytes on Linux
            out[f"{name}.bytes"] = float(made.stat().st_size)
            made.unlink()
    return out
