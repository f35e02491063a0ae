"""Make the packaged Davos extract and the CO2 table from the shared reference data.

    python tools/make_davos_extract.py [SHARED_DIR]

Only the time label changes (middle of the half-hour in UTC+1 -> start of the half-hour in UTC). Values keep
the resolution at which the source stores them (scaled integers), so decoded numbers are equal.
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "src" / "elterra" / "data"
KEEP = [
    "NEE_CUT_REF_f",
    "NEE_CUT_REF_orig",
    "NEE_CUT_16_f",
    "NEE_CUT_84_f",
    "QCF_NEE",
    "GPP_CUT_REF_f",
    "GPP_CUT_16_f",
    "GPP_CUT_84_f",
    "GPP_DT_CUT_REF",
    "Reco_CUT_REF",
    "Reco_DT_CUT_REF",
    "LE_f",
    "LE_orig",
    "QCF_LE",
    "Rg_f",
    "LW_IN",
    "PPFD",
    "Tair_f",
    "VPD_f",
    "RH",
    "PA",
    "PREC",
    "SWC_15cm",
]


def main() -> None:
    """Write `ch_dav_2013_2019.nc` and `co2_annual.csv` into the package."""
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared"
    source = xr.open_dataset(shared / "data" / "flux" / "ch_dav_halfhourly_2013_2019_full.nc")
    out = source[KEEP].load()
    out = out.assign_coords(time=out.time - np.timedelta64(75, "m"))
    out.time.attrs = {"long_name": "start of the half-hour", "comment": "UTC; the interval is 30 minutes"}
    out.attrs = {
        "title": "CH-Dav (Davos Seehornwald), half-hourly eddy covariance and weather, 2013-2019",
        "site": "CH-Dav",
        "latitude": 46.81533,
        "longitude": 9.85591,
        "elevation_m": 1639.0,
        "elterra_format": "ch_dav_extract_1",
        "license": "CC-BY-4.0",
        "creator": "ETH Zurich, Grassland Sciences Group; Swiss FluxNet",
        "source": source.attrs["source"],
        "comment": "See NOTICE.md beside this file.",
    }
    encoding: dict[str, dict[str, object]] = {
        "time": {"dtype": "i4", "units": "minutes since 2012-12-31 23:00:00", "zlib": True, "shuffle": True}
    }
    for name in KEEP:
        had = source[name].encoding
        encoding[name] = {"zlib": True, "complevel": 9, "shuffle": True, "dtype": had["dtype"]}
        encoding[name] |= {k: had[k] for k in ("scale_factor", "add_offset", "_FillValue") if k in had}
        out[name].encoding = {}
    path = DATA / "ch_dav_2013_2019.nc"
    out.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    table = (shared / "data" / "flux" / "callmip" / "co2_1700_2024.txt").read_text(encoding="utf-8")
    rows = [line.removeprefix("Annee_").split("=") for line in table.split()]
    lines = ["# annual mean CO2, umol mol-1; see NOTICE.md", "year,co2_ppm"]
    lines += [f"{year},{ppm}" for year, ppm in rows if 1980 <= int(year) <= 2024]
    (DATA / "co2_annual.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
