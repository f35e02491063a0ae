"""The packaged extract of CH-Dav."""

from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import xarray as xr

from elterra.observations._record import make_record

#: column of the extract -> (name of the normal form, unit)
COLUMNS = {
    "NEE_CUT_REF_orig": ("NEE", "umol m-2 s-1"),
    "NEE_CUT_REF_f": ("NEE_F_MDS", "umol m-2 s-1"),
    "NEE_CUT_16_f": ("NEE_USTAR16", "umol m-2 s-1"),
    "NEE_CUT_84_f": ("NEE_USTAR84", "umol m-2 s-1"),
    "QCF_NEE": ("NEE_QC", "1"),
    "GPP_CUT_REF_f": ("GPP_NT", "umol m-2 s-1"),
    "GPP_CUT_16_f": ("GPP_NT_USTAR16", "umol m-2 s-1"),
    "GPP_CUT_84_f": ("GPP_NT_USTAR84", "umol m-2 s-1"),
    "GPP_DT_CUT_REF": ("GPP_DT", "umol m-2 s-1"),
    "Reco_CUT_REF": ("RECO_NT", "umol m-2 s-1"),
    "Reco_DT_CUT_REF": ("RECO_DT", "umol m-2 s-1"),
    "LE_orig": ("LE", "W m-2"),
    "LE_f": ("LE_F_MDS", "W m-2"),
    "QCF_LE": ("LE_QC", "1"),
    "Rg_f": ("SW_IN", "W m-2"),
    "LW_IN": ("LW_IN", "W m-2"),
    "PPFD": ("PPFD", "umol m-2 s-1"),
    "Tair_f": ("TA", "degC"),
    "VPD_f": ("VPD", "hPa"),
    "RH": ("RH", "%"),
    "PA": ("PA", "hPa"),
    "PREC": ("P", "mm"),
    "SWC_15cm": ("SWC_1", "%"),
}


def davos_path() -> Path:
    """Path of the packaged extract."""
    with as_file(files("elterra") / "data" / "ch_dav_2013_2019.nc") as path:
        return Path(path)


def read_davos(path: Path) -> xr.Dataset:
    """The extract [time = 122688] in the normal form. NEE and LE are the measured half-hours only;
    `_F_MDS` are gap-filled by the source (reference method, never assimilated)."""
    with xr.open_dataset(path, engine="h5netcdf") as raw:
        raw = raw.load()
    columns = {name: np.asarray(raw[old].values, float) for old, (name, _) in COLUMNS.items()}
    units: dict[str, str | None] = dict(COLUMNS.values())
    columns |= _inferred_quality(columns)
    attrs: dict[str, object] = {
        "site": "CH-Dav",
        "license": raw.attrs["license"],
        "creator": raw.attrs["creator"],
    }
    attrs |= {"swc_depths_m": (0.15,), "measured_only": "NEE LE", "source": raw.attrs["source"]}
    return make_record(
        raw.time.values,
        columns,
        units,
        file=path.name,
        reader="davos",
        seconds=1800.0,
        attrs=attrs,
        check_dst=False,
    )


def _inferred_quality(c: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """QC (0 measured, 1 filled) of the products that the source filled without keeping a flag.

    Temperature and deficit are measured where the independently kept relative humidity (never filled)
    reproduces the deficit from the temperature within 0.06 hPa (its rounding); shortwave where PPFD is
    there and their ratio is that of the record (0.3-0.75 W per umol above 20 W m-2, both small below)."""
    saturation = 6.112 * np.exp(17.62 * c["TA"] / (243.12 + c["TA"]))
    consistent = np.abs(saturation * (1.0 - c["RH"] / 100.0) - c["VPD"]) < 0.06
    bright = np.maximum(c["SW_IN"], c["PPFD"] / 2.0) > 20.0
    ratio = c["SW_IN"] / np.where(bright, np.maximum(c["PPFD"], 1.0), 1.0)
    sun = np.isfinite(c["PPFD"]) & (~bright | ((ratio > 0.3) & (ratio < 0.75)))
    quality = np.where(consistent, 0.0, 1.0)
    return {"TA_QC": quality, "VPD_QC": quality.copy(), "SW_IN_QC": np.where(sun, 0.0, 1.0)}
