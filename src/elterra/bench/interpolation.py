"""Bench ``interpolation``: monthly GPP and NEE between towers, soil organic carbon between field samples; stations and
regions left out."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elterra.bench.shared_folder import shared_folder
from elterra.errors import InputError

if TYPE_CHECKING:
    from elterra.downscaling.interpolation import Points

#: a station of its own up to this many stations, else folds of stations
MOST_STATIONS, FOLDS, REGIONS = 60, 25, 8
QUICK_FOLDS = 3
KEYS = ("rmse", "mae", "r2", "crps", "coverage90", "spread_skill", "bias")
_DRIVERS = ("TMIN_degC", "TMAX_degC", "SRAD_MJ_m2_d", "VPD_hPa", "PRECIP_mm_d", "CO2_ppm", "LAI_m2_m2")
_TOWERS = {"towers_gpp": ("GPP_gC_m2_d", "positive"), "towers_nee": ("NEE_gC_m2_d", "signed")}
#: of the samples: what a sensor or a satellite saw there
_FIELD = (
    "Slope",
    "ERa",
    "G_Total_Counts",
    "pH_ISE",
    "B02",
    "B03",
    "B04",
    "B08",
    "B11",
    "B12",
    "NDVI",
    "GNDVI",
)


def measure(
    *, quick: bool = False, case: str | None = None, method: str | None = None, folder: Path | None = None
) -> dict[str, float]:
    """Figures by data set, left-out unit and method (keys in ``benchmarks/README.md``)."""
    from elterra.downscaling.interpolation import POINT_METHODS, groups, leave_out, regions
    from elterra.downscaling.laws import Law

    root = folder or shared_folder("data", "bench interpolation: no data")
    names = (*_TOWERS, "limesoda_soc")
    wanted = list(names) if case is None else case.split(",")
    unknown = [n for n in wanted if n not in names]
    if unknown:
        raise InputError(
            f"bench interpolation: no data set {', '.join(unknown)}; there are {', '.join(names)}"
        )
    if quick and case is None:
        wanted = wanted[-1:]
    chosen = [m for n, m in POINT_METHODS.items() if method is None or n in method.split(",")]
    if not chosen:
        raise InputError(f"bench interpolation: no method {method}; there are {', '.join(POINT_METHODS)}")
    figures: dict[str, float] = {}
    for name in wanted:
        data = field_samples(root) if name == "limesoda_soc" else towers(root, _TOWERS[name][0])
        law = Law("signed" if name == "towers_nee" else "positive")
        stations = len(np.unique(data.station))
        folds = QUICK_FOLDS if quick else stations if stations <= MOST_STATIONS else FOLDS
        splits = {
            name: groups(data.station, folds),
            f"{name}_region": regions(data.place, QUICK_FOLDS if quick else REGIONS),
        }
        for split, group in splits.items():
            for each in chosen:
                begin = time.perf_counter()
                scores = leave_out(each, data, group, law).scores
                figures |= {f"{split}.{each.name}.{k}": scores[k] for k in KEYS if k in scores}
                figures[f"{split}.{each.name}.seconds"] = time.perf_counter() - begin
                print(
                    f"interpolation {split} {each.name}: {time.perf_counter() - begin:.0f} s",
                    file=sys.stderr,
                    flush=True,
                )
        figures[f"{name}.stations"], figures[f"{name}.points"] = float(stations), float(len(data))
    return figures


def towers(root: Path, target: str) -> Points:
    """Monthly means of towers with weather and leaf area at the site; a tower without known place is left out."""
    import pandas as pd

    from elterra.downscaling.interpolation import Points, places_on_earth

    table = pd.read_parquet(root / "flux" / "cardamom_fluxval_monthly_drivers_obs_2001_2016_dev.parquet")
    sites = pd.read_csv(root / "flux" / "fluxnet2015_eu_sites.csv").set_index("site")
    table = table[table[target].notna() & table["site"].isin(sites.index)]
    place = sites.loc[table["site"]]
    month = pd.to_datetime(table["month"])
    features = {n: table[n].to_numpy(float) for n in _DRIVERS}
    kinds = sorted(sites["IGBP"].dropna().unique())
    features |= {f"is_{k}": (place["IGBP"] == k).to_numpy(float) for k in kinds}
    return Points(
        places_on_earth(place["lat"], place["lon"]),
        place["elv"].fillna(place["altitude"]).to_numpy(float),
        pd.factorize(table["site"])[0].astype(np.int64),
        features,
        np.asarray(month.dt.year * 12 + month.dt.month - 1, dtype=np.float64),
        table[target].to_numpy(float),
    )


def field_samples(root: Path) -> Points:
    """Soil organic carbon (%) of 250 samples of a field in Brandenburg with sensor and satellite data."""
    import pandas as pd

    from elterra.downscaling.interpolation import Points, places_on_map

    table = pd.read_csv(root / "soil_carbon" / "limesoda_bb250_brandenburg_soc.csv.gz")
    return Points(
        places_on_map(table["y_25833"], table["x_25833"]),
        table["Altitude"].to_numpy(float),
        np.arange(len(table)),
        {n: table[n].to_numpy(float) for n in _FIELD},
        None,
        table["SOC_target"].to_numpy(float),
    )
