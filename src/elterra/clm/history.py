"""History under CLM's names: what a run gives as CLM's history files hold it, and pools of a state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from elterra.clm.case import Case
from elterra.clm.integrate import monthly
from elterra.land import Fields
from elterra.land.config import NLEVSOI, POOLS
from elterra.land.soil_heat import DZSOI, ZSOI
from elterra.registry import variables

#: outputs without a single CLM field of the same meaning: they are not written to history
_NOT_IN_CLM = ("RNET", "PRECIP", "EVAP")
GRAMS_PER_UMOL = 12.011e-6  #: of carbon
#: pools of a state by CLM name: vegetation (g m-2 on patches)
PLANT_POOLS = {
    "LEAFC": "leafc", "FROOTC": "frootc", "LIVESTEMC": "livestemc", "DEADSTEMC": "deadstemc",
    "LIVECROOTC": "livecrootc", "DEADCROOTC": "deadcrootc", "LEAFN": "leafn", "FROOTN": "frootn",
    "LIVESTEMN": "livestemn", "DEADSTEMN": "deadstemn", "LIVECROOTN": "livecrootn", "DEADCROOTN": "deadcrootn",
}  # fmt: skip
_TISSUES = ("leaf", "froot", "livestem", "deadstem", "livecroot", "deadcroot")


def clm_name(name: str) -> str:
    """CLM's name of an output of the model."""
    return variables()[name].clm or name


def as_history(values: dict[str, np.ndarray], mode: str) -> dict[str, np.ndarray]:
    """Outputs under CLM's names and in its units, any leading dimensions.

    ``Rnet`` is FSA - FIRA, QFLX_EVAP_TOT includes what no store could give; in SP mode photosynthesis is FPSN
    (umol m-2 s-1) as CLM writes it.
    """
    out = {clm_name(n): v for n, v in values.items() if n not in _NOT_IN_CLM}
    if "GPP" in out:
        out["FPSN"] = out["GPP"] / GRAMS_PER_UMOL
        if mode == "sp":
            del out["GPP"]
    return out


def pools(s: Fields, p: Fields) -> dict[str, np.ndarray]:
    """Carbon and nitrogen pools of a state by CLM name (g m-2) ``[column]``."""
    wt = np.asarray(p.wt)
    out = {name: (wt * np.asarray(s[ours])).sum(axis=0) for name, ours in PLANT_POOLS.items()}
    dz = np.asarray(p.dzsoi)[:NLEVSOI]
    for element in "cn":
        letter = element.upper()
        veg = sum(
            np.asarray(s[f"{t}{element}{stage}"]) for t in _TISSUES for stage in ("", "_storage", "_xfer")
        )
        extra = s.gresp_storage + s.gresp_xfer + s.xsmrpool if element == "c" else s.retransn + s.npool
        out[f"TOTVEG{letter}"] = (wt * (veg + np.asarray(extra))).sum(axis=0)
        layers = np.asarray(s[f"decomp_{element}pools"])
        amount = (layers * dz).sum(axis=1)  # [pool, column]
        for i, pool in enumerate(POOLS):
            out[f"{pool.upper()}{letter}"] = amount[i]
        out[f"TOTLIT{letter}"] = amount[:3].sum(axis=0)
        out[f"TOTSOM{letter}"] = amount[4:].sum(axis=0)
    for name in ("smin_nh4", "smin_no3"):
        out[name.upper()] = (np.asarray(s[name]) * dz).sum(axis=0)
    out["SMINN"] = out["SMIN_NH4"] + out["SMIN_NO3"]
    return out


def write_history(folder: Path, case: Case, daily: dict[str, np.ndarray], first_day: int = 0) -> list[Path]:
    """Daily and monthly means of the cells as ``<case>.elterra.h1.<year>.nc`` and ``.h0.``, in CLM's names.

    ``daily[name]`` is ``[day, ..., column]``. Like the reference files: dimensions time, levsoi (``VEGWP``: nvegwcs), lat,
    lon; time is the middle of the interval, with ``time_bnds``, in days of a calendar without leap days; float32.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cells = {n: case.cell_mean(v)[..., 0, :] for n, v in as_history(daily, case.cfg.mode).items()}
    days = len(next(iter(cells.values())))
    start = np.arange(days, dtype=float) + first_day
    paths = [_write(folder / f"{case.name}.elterra.h1.{case.start_year}.nc", case, cells, start, start + 1.0)]
    by_month = {n: monthly(v, first_day % 365) for n, v in cells.items()}
    if len(next(iter(by_month.values()))):
        from elterra.clm.integrate import month_ends

        ends = np.array(month_ends(days, first_day % 365), float) + first_day
        paths.append(
            _write(
                folder / f"{case.name}.elterra.h0.{case.start_year}.nc",
                case,
                by_month,
                ends[:, 0],
                ends[:, 1],
            )
        )
    return paths


def _write(
    path: Path, case: Case, values: dict[str, np.ndarray], start: np.ndarray, stop: np.ndarray
) -> Path:
    import xarray as xr

    from elterra import __version__

    by_clm: dict[str, Any] = {}
    for item in variables().values():
        by_clm.setdefault(item.clm or item.name, item)
        if item.name == item.clm:
            by_clm[item.name] = item
    ny, nx = case.data.shape
    data: dict[str, Any] = {}
    for name, value in values.items():
        layers = ("nvegwcs",) if name == "VEGWP" else ("levsoi",)
        dims = ("time", *(layers if value.ndim == 3 else ()), "lat", "lon")
        item = by_clm.get(name)
        attrs = {"units": item.units, "long_name": item.long_name or item.description} if item else {}
        if name == "FPSN":
            attrs = {"units": "umol m-2 s-1", "long_name": "photosynthesis"}
        attrs["cell_methods"] = "time: mean"
        data[name] = (dims, value.reshape(*value.shape[:-1], ny, nx).astype(np.float32), attrs)
    data["time_bnds"] = (("time", "nbnd"), np.stack([start, stop], axis=1))
    data["DZSOI"] = ("levsoi", DZSOI[:NLEVSOI], {"units": "m"})
    data["ZSOI"] = ("levsoi", ZSOI[:NLEVSOI], {"units": "m"})
    time = {
        "units": f"days since {case.start_year}-01-01 00:00:00",
        "calendar": "noleap",
        "bounds": "time_bnds",
    }
    out = xr.Dataset(data, coords={"time": ("time", 0.5 * (start + stop), time)})
    out.attrs = {"source": f"elterra {__version__}", "case": case.name, "Conventions": "CF-1.11"}
    aside = path.with_name(f".{path.name}.new")
    out.to_netcdf(aside, engine="h5netcdf")
    aside.replace(path)
    return path
