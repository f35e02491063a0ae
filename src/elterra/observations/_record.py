"""The one normal form of a record, and the quality control every reader goes through."""

import numpy as np
import xarray as xr

from elterra.errors import Faults
from elterra.observations._errors import TimeAxisError
from elterra.observations._report import Report
from elterra.observations._time_axis import check_no_daylight_saving, regularise, step_seconds
from elterra.observations._units import QUANTITIES, base_of, check_plausible, to_normal

_FILL = (-9999.0, -9999.9, -6999.0, 1e20, 9.96921e36)


def clean(values: np.ndarray, name: str, report: Report) -> np.ndarray:
    """float64 copy [time] with fill values, infinities and |x| >= 1e19 as NaN; counted by reason."""
    out = np.array(values, float)
    infinite = np.isinf(out)
    report.reject(name, "infinite", int(infinite.sum()))
    out[infinite] = np.nan
    huge = np.abs(out) >= 1e19
    report.reject(name, "fill value 1e20", int(huge.sum()))
    out[huge] = np.nan
    for fill in _FILL[:3]:
        hit = out == fill
        report.reject(name, f"fill value {fill:g}", int(hit.sum()))
        out[hit] = np.nan
    report.reject(name, "not a number", int(np.isnan(np.asarray(values, float)).sum()))
    return out


def make_record(
    start: np.ndarray,
    columns: dict[str, np.ndarray],
    units: dict[str, str | None],
    *,
    file: str,
    reader: str,
    report: Report | None = None,
    utc_offset_h: float = 0.0,
    seconds: float | None = None,
    attrs: dict[str, object] | None = None,
    check_dst: bool = True,
) -> xr.Dataset:
    """Build the normal form.

    Parameters
    ----------
    start : [time] interval starts in local standard time
    columns : base name (or base name + suffix) -> [time] raw values; a name ending in `_QC` is kept as is
    units : name -> unit as declared by the file
    utc_offset_h : local standard time minus UTC

    Returns an `xarray.Dataset` with UTC `time` (interval start), `time_bnds`, variables in the units of
    `QUANTITIES`, and `attrs["report"]` (a Report). Raises RecordError and its kinds.
    """
    report = report or Report()
    report.source, report.reader = file, reader
    start = np.asarray(start, "datetime64[ns]")
    if start.size == 0:
        raise TimeAxisError(file, "no rows", "check that the file holds data")
    if np.isnat(start).any():
        raise TimeAxisError(
            file, f"{int(np.isnat(start).sum())} time stamps cannot be read", "correct these rows"
        )
    monthly = seconds is not None and seconds > 8 * 86400
    seconds = seconds or step_seconds(start, file)
    if check_dst:
        check_no_daylight_saving(start, seconds, file)
    cleaned = {k: clean(v, k, report) for k, v in columns.items()}
    if monthly:
        order = np.argsort(start)
        axis, cleaned = start[order], {k: v[order] for k, v in cleaned.items()}
    else:
        axis, cleaned = regularise(start, cleaned, seconds, file, report)
    out = xr.Dataset(attrs=dict(attrs or {}))
    faults = Faults()
    for name, raw in cleaned.items():
        if name.endswith("_QC"):
            out[name] = (
                "time",
                raw,
                {"units": "1", "long_name": f"quality of {name[:-3]} as given by the source"},
            )
            continue
        with faults.caught():
            out[name] = _normal(raw, units.get(name), name, seconds, file, report)
    faults.raise_any()
    shift = np.timedelta64(round(utc_offset_h * 3600), "s")
    axis = axis - shift
    step = np.timedelta64(round(seconds), "s")
    ends = np.append(axis[1:], axis[-1] + step) if monthly else axis + step
    out = out.assign_coords(time=("time", axis.astype("datetime64[ns]")))
    out.time.attrs = {"long_name": "start of the interval", "bounds": "time_bnds", "comment": "UTC"}
    out["time_bnds"] = (("time", "bnds"), np.stack([axis, ends], 1).astype("datetime64[ns]"))
    out.attrs |= {"step_seconds": float(seconds), "source_file": file, "reader": reader, "report": report}
    return out


def _normal(
    raw: np.ndarray, declared: str | None, name: str, seconds: float, file: str, report: Report
) -> tuple[str, np.ndarray, dict[str, str]]:
    """A column in the units of the normal form: converted, its unit doubted, impossible values refused and counted."""
    quantity = QUANTITIES[base_of(name)]
    values = to_normal(raw, declared, name, seconds, file)
    if name.endswith(("_RANDUNC", "_JOINTUNC", "_SD")):
        values = values - to_normal(np.zeros(1), declared, name, seconds, file)
    else:
        check_plausible(values, str(declared), name, seconds, file)
        outside = (values < quantity.low) | (values > quantity.high)
        report.reject(
            name, f"outside {quantity.low:g}..{quantity.high:g} {quantity.units}", int(outside.sum())
        )
        values = np.where(outside, np.nan, values)
    report.read[name] = int(np.isfinite(values).sum())
    return "time", values, {"units": quantity.units, "long_name": quantity.long_name}
