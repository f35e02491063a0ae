"""FLUXNET2015 and ICOS FULLSET, SUBSET and FLUXMET tables: half-hourly to yearly, plain or zipped."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from elterra.observations._errors import AmbiguousLabelError, ColumnError
from elterra.observations._files import lines_of, read_text
from elterra.observations._record import make_record
from elterra.observations._report import Report
from elterra.observations._stamps import parse_stamps

#: normal name -> columns in order of preference
_COLUMNS: dict[str, tuple[str, ...]] = {
    "TA": ("TA_F_MDS", "TA_F", "TA"),
    "SW_IN": ("SW_IN_F_MDS", "SW_IN_F", "SW_IN"),
    "LW_IN": ("LW_IN_F_MDS", "LW_IN_F", "LW_IN"),
    "VPD": ("VPD_F_MDS", "VPD_F", "VPD"),
    "PA": ("PA_F", "PA"),
    "P": ("P_F", "P"),
    "WS": ("WS_F", "WS"),
    "CO2": ("CO2_F_MDS", "CO2"),
    "PPFD": ("PPFD_IN", "PPFD_IN_F"),
    "RH": ("RH",),
    "USTAR": ("USTAR",),
    "NETRAD": ("NETRAD",),
    "G": ("G_F_MDS", "G"),
    "LE": ("LE_F_MDS", "LE_F", "LE"),
    "H": ("H_F_MDS", "H_F", "H"),
    "NEE": ("NEE_VUT_REF", "NEE_CUT_REF", "NEE_VUT_USTAR50", "NEE_CUT_USTAR50", "NEE"),
    "NEE_USTAR16": ("NEE_VUT_16", "NEE_CUT_16"),
    "NEE_USTAR84": ("NEE_VUT_84", "NEE_CUT_84"),
    "NEE_RANDUNC": ("NEE_VUT_REF_RANDUNC", "NEE_CUT_REF_RANDUNC"),
    "NEE_JOINTUNC": ("NEE_VUT_REF_JOINTUNC", "NEE_CUT_REF_JOINTUNC"),
    "LE_RANDUNC": ("LE_RANDUNC",),
    "H_RANDUNC": ("H_RANDUNC",),
    "GPP_NT": ("GPP_NT_VUT_REF", "GPP_NT_CUT_REF"),
    "GPP_DT": ("GPP_DT_VUT_REF", "GPP_DT_CUT_REF"),
    "RECO_NT": ("RECO_NT_VUT_REF", "RECO_NT_CUT_REF"),
    "RECO_DT": ("RECO_DT_VUT_REF", "RECO_DT_CUT_REF"),
}
_UNITS = {"TA": "degC", "TS": "degC", "VPD": "hPa", "PA": "kPa", "SWC": "%", "RH": "%", "CO2": "umol mol-1"}
_UNITS |= {"WS": "m s-1", "USTAR": "m s-1", "PPFD": "umol m-2 s-1"}
_CARBON = ("NEE", "GPP", "RECO")
_STEP = {
    "HH": 1800.0,
    "HR": 3600.0,
    "DD": 86400.0,
    "WW": 7 * 86400.0,
    "MM": 30.4375 * 86400.0,
    "YY": 365.25 * 86400.0,
}
_BY_FORM = {r"\d{8}": "DD", r"\d{6}": "MM", r"\d{4}": "YY"}


def looks_like_fluxnet(header: str) -> bool:
    """Whether the first line has FLUXNET stamps."""
    names = [c.strip().strip('"') for c in header.split(",")]
    return "TIMESTAMP_START" in names or "TIMESTAMP_END" in names or "TIMESTAMP" in names


def read_fluxnet(
    path: Path, *, utc_offset_h: float = 0.0, member: str | None = None, label: str | None = None
) -> xr.Dataset:
    """Read one table. Stamps are local standard time (`utc_offset_h`); with both stamps START is used, a
    sole END is moved back by a step, a sole TIMESTAMP of sub-daily data needs `label` ('start' or 'end').

    Sub-daily QC is 0 measured .. 3; coarser QC is the fraction of measured and good half-hours and becomes
    a count in attrs (`qc_is_fraction`)."""
    text, name = read_text(path, member)
    frame = pd.read_csv(lines_of(text, name), dtype=str, skipinitialspace=True)
    frame.columns = [str(c).strip() for c in frame.columns]
    report = Report()
    start, kind = _times(frame, name, label)
    columns: dict[str, np.ndarray] = {}
    units: dict[str, str | None] = {}
    for target, column in _wanted(list(frame.columns)).items():
        columns[target] = _numbers(frame[column], column, name)
        units[target] = unit_of(target, kind)
        quality = f"{column}_QC"
        if quality in frame.columns and not target.endswith(("UNC", "16", "84")):
            columns[f"{target}_QC"] = _numbers(frame[quality], quality, name)
    if not columns:
        raise ColumnError(name, "no FLUXNET variable is known", "use the reader 'table' with a column map")
    match = re.search(r"_([A-Z]{2}-[A-Za-z0-9]{3})_", name)
    attrs: dict[str, object] = {"site": match[1] if match else "", "resolution": kind}
    attrs["qc_is_fraction"] = int(kind not in ("HH", "HR"))
    subdaily = kind in ("HH", "HR")
    return make_record(
        start, columns, units, file=name, reader="fluxnet", report=report, utc_offset_h=utc_offset_h,
        seconds=_STEP[kind], attrs=attrs, check_dst=subdaily,
    )  # fmt: skip


def unit_of(target: str, kind: str) -> str:
    """Unit of a column in a table of resolution `kind`."""
    base = target.split("_")[0] if not target.startswith(("SW_IN", "LW_IN")) else target[:5]
    if base in _CARBON:
        return {"HH": "umol m-2 s-1", "HR": "umol m-2 s-1", "YY": "gC m-2"}.get(kind, "gC m-2 d-1")
    if base == "P":
        return "mm d-1" if kind in ("WW", "MM") else "mm"
    return _UNITS.get(base, "W m-2")


def _wanted(names: list[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for target, choices in _COLUMNS.items():
        hit = next((c for c in choices if c in names), None)
        if hit:
            out[target] = hit
    for column in names:
        match = re.fullmatch(r"(SWC|TS)_F_MDS_(\d+)", column)
        if match:
            out[f"{match[1]}_{match[2]}"] = column
    for column in names:
        match = re.fullmatch(r"(SWC|TS)(?:_F)?_(\d+)(?:_\d+_\d+)?", column)
        if match:
            out.setdefault(f"{match[1]}_{match[2]}", column)
    return out


def _times(frame: pd.DataFrame, name: str, label: str | None) -> tuple[np.ndarray, str]:
    names = list(frame.columns)
    if "TIMESTAMP_START" in names:
        start, form, _ = parse_stamps(frame["TIMESTAMP_START"].tolist(), name, "TIMESTAMP_START")
        if form == r"\d{8}":
            return start, "WW" if _step(start) > 2 * 86400 else "DD"
        return start, _subdaily(start, name)
    if "TIMESTAMP_END" in names:
        end, _, _ = parse_stamps(frame["TIMESTAMP_END"].tolist(), name, "TIMESTAMP_END")
        kind = _subdaily(end, name)
        return end - np.timedelta64(int(_STEP[kind]), "s"), kind
    if "TIMESTAMP" not in names:
        raise ColumnError(name, "no TIMESTAMP column", "use the reader 'table' with a column map")
    stamp, form, _ = parse_stamps(frame["TIMESTAMP"].tolist(), name, "TIMESTAMP")
    if form in _BY_FORM:
        return stamp, _BY_FORM[form]
    kind = _subdaily(stamp, name)
    if label not in ("start", "end"):
        raise AmbiguousLabelError(
            name, "one TIMESTAMP column: start or end of the interval?", "say label: start or end"
        )
    return (stamp - np.timedelta64(int(_STEP[kind]), "s") if label == "end" else stamp), kind


def _step(stamps: np.ndarray) -> float:
    gaps = np.diff(np.unique(stamps)) / np.timedelta64(1, "s")
    return float(np.median(gaps)) if gaps.size else 1800.0


def _subdaily(stamps: np.ndarray, name: str) -> str:
    step = _step(stamps)
    for kind in ("HH", "HR"):
        if step == _STEP[kind]:
            return kind
    raise ColumnError(name, f"step of {step:g} s is neither 30 nor 60 minutes", "use the reader 'table'")


def _numbers(column: pd.Series, label: str, file: str) -> np.ndarray:
    """Numeric values; text that is no number is an error that names it, blanks and NaN words are missing."""
    text = column.fillna("").str.strip()
    values = pd.to_numeric(
        text.replace({"": "nan", "NA": "nan", "NaN": "nan", "null": "nan"}), errors="coerce"
    )
    bad = values.isna() & ~text.str.lower().isin(["", "nan", "na", "null"])
    if bad.any():
        row = int(np.argmax(bad.to_numpy()))
        raise ColumnError(
            file, f"row {row + 2}: {text.iloc[row]!r} is no number", "correct it or use -9999", variable=label
        )
    return values.to_numpy(float)
