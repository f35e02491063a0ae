"""From a record to gap-free weather with flags and uncertainties."""

import numpy as np
import xarray as xr

from elterra.errors import Faults, InputError
from elterra.forcing import _fill, solar
from elterra.forcing._site import SiteLike
from elterra.forcing.humidity import saturation_pressure, specific_humidity

METHODS = (
    "measured",
    "interpolated",
    "mean_diurnal_course",
    "source_product_filled_or_measured",
    "from_relative_humidity",
    "barometric",
    "emissivity_model",
    "wind_climatology",
    "assumed_dry",
    "annual_table",
    "scaled_homogenised",
    "night_zero",
)
_FLAG = {name: number for number, name in enumerate(METHODS)}
UNITS = {
    "TBOT": "K",
    "QBOT": "kg kg-1",
    "PSRF": "Pa",
    "WIND": "m s-1",
    "FSDS": "W m-2",
    "FLDS": "W m-2",
    "PRECTmms": "kg m-2 s-1",
    "CO2": "umol mol-1",
}
_LONG = {
    "TBOT": "air temperature at reference height",
    "QBOT": "specific humidity at reference height",
    "PSRF": "air pressure",
    "WIND": "wind speed at reference height",
    "FSDS": "incoming shortwave radiation",
    "FLDS": "incoming longwave radiation",
    "PRECTmms": "precipitation",
    "CO2": "CO2 mole fraction of dry air",
}
#: monthly mean wind (m s-1) above the canopy at CH-Dav, from the FLUXNET2015 daily record 1997-2014; the
#: day-to-day sd around it is about 0.6 m s-1
_WIND_MONTH = (1.73, 1.91, 1.98, 2.01, 2.04, 2.21, 2.24, 2.12, 2.04, 1.98, 1.81, 1.80)


class ForcingError(InputError):
    """Weather cannot be made gap-free from this record; names variable and fix."""

    def __init__(self, text: str, variable: str | None = None) -> None:
        self.variable = variable
        super().__init__(text)


class _Column:
    """One variable under construction: value, flag, sd [time]."""

    def __init__(self, values: np.ndarray, measured_sd: np.ndarray | float, flag: str = "measured") -> None:
        self.value = np.array(values, float)
        self.flag = np.full(values.shape, -1, np.int8)
        self.sd = np.full(values.shape, np.nan)
        self.put(np.isfinite(self.value), self.value, flag, measured_sd)

    @property
    def missing(self) -> np.ndarray:
        return self.flag < 0

    def put(self, where: np.ndarray, values: np.ndarray, flag: str, sd: np.ndarray | float) -> None:
        """Set `values` where `where` and not yet set."""
        take = where & self.missing & np.isfinite(values)
        self.value[take] = values[take]
        self.flag[take] = _FLAG[flag]
        self.sd[take] = np.broadcast_to(sd, self.value.shape)[take]


def build_forcing(record: xr.Dataset, site: SiteLike, *, homogenise_precipitation: bool = True) -> xr.Dataset:
    """Gap-free weather for the land model.

    Parameters
    ----------
    record : normal form of a record (`observations.open_record`), half-hourly or hourly, at least 20 days
    site : facts of the site
    homogenise_precipitation : scale the years of CH-Dav whose gauge caught about a third less (2013-15) to
    the later
        level; the factor's uncertainty enters `PRECTmms_sd`. Only where the record names CH-Dav.

    Returns
    -------
    Dataset [time] (UTC interval starts): TBOT, QBOT, PSRF, WIND, FSDS, FLDS, PRECTmms, CO2, each with `_flag`
    (see flag_meanings; 0 measured) and `_sd` (sd of the half-hour's error; for precipitation and wind the
    sd of the relative error, units 1). attrs carry the skill of the longwave fit.

    Raises ForcingError where a variable cannot be had (temperature and shortwave must be measured in part).
    """
    start = record.time.values.astype("datetime64[ns]")
    seconds = float(record.attrs["step_seconds"])
    if seconds > 3600.0:
        raise ForcingError(f"{record.attrs.get('source_file')}: step {seconds:g} s is longer than an hour. "
                           "Fix: give half-hourly or hourly weather.")  # fmt: skip
    per_day = round(86400.0 / seconds)
    _needs(record, per_day)
    out: dict[str, _Column] = {}
    out["TBOT"] = _temperature(record, per_day)
    t = out["TBOT"].value
    out["PSRF"] = _pressure(record, site, t, per_day)
    out["FSDS"] = _shortwave(record, site, start, seconds, per_day)
    out["QBOT"], rh = _humidity(record, t, out["PSRF"].value, per_day)
    out["PRECTmms"] = _precipitation(record, site, start, t, homogenise_precipitation)
    out["FLDS"], skill = _longwave(record, site, start, seconds, out, rh)
    out["WIND"] = _wind(record, site, start, seconds, per_day)
    out["CO2"] = _co2(record, site, start)
    ds = xr.Dataset(coords={"time": record.time})
    if "time_bnds" in record:
        ds["time_bnds"] = record["time_bnds"]
    for name, column in out.items():
        if column.missing.any():
            at = str(start[np.argmax(column.missing)].astype("datetime64[m]"))
            raise ForcingError(
                f"{record.attrs.get('source_file')}: {name}: {int(column.missing.sum())} steps "
                f"cannot be filled, first at {at}. Fix: give more measurements of it or shorten the period."
            )
        ds[name] = ("time", column.value, {"units": UNITS[name], "long_name": _LONG[name]})
        ds[name].attrs["ancillary_variables"] = f"{name}_flag {name}_sd"
        flags = np.arange(len(METHODS), dtype=np.int8)
        ds[f"{name}_flag"] = ("time", column.flag, {"flag_values": flags, "flag_meanings": " ".join(METHODS)})
        relative = name in ("PRECTmms", "WIND")
        ds[f"{name}_sd"] = ("time", column.sd, {"units": "1" if relative else UNITS[name]})
        ds[f"{name}_sd"].attrs["long_name"] = f"{'relative ' if relative else ''}error sd of {_LONG[name]}"
    ds.attrs = {"site": site.name, "step_seconds": seconds, **skill}
    return ds


#: weather that cannot be estimated from the rest: (variables, one of which is needed; least days of it; what it is)
NEEDED = (
    (("TA",), 20, "air temperature"),
    (("SW_IN",), 20, "incoming shortwave radiation"),
    (("VPD", "RH"), 5, "vapour pressure deficit or relative humidity"),
    (("P",), 1, "precipitation"),
)


def _needs(record: xr.Dataset, per_day: int) -> None:
    """Raises `ForcingError`, or all of them at once, for weather that must be measured in part."""
    faults = Faults()
    for names, days, what in NEEDED:
        count = max(int(np.isfinite(_get(record, n)).sum()) for n in names)
        if count < days * per_day:
            got = f"{count / per_day:.1f} days of it" if count else "no value of it"
            faults.add(
                ForcingError(
                    f"{record.attrs.get('source_file')}: {' or '.join(names)}: {got}, at least {days} days needed. "
                    f"Fix: give {what}.",
                    names[0],
                )
            )
    faults.raise_any()


def _get(record: xr.Dataset, name: str) -> np.ndarray:
    if name in record:
        return np.array(record[name].values, float)
    return np.full(record.sizes["time"], np.nan)


def _provenance(record: xr.Dataset, name: str) -> tuple[np.ndarray, str]:
    """Measured part of `name` and the flag of the rest of the source's product.

    FLUXNET QC 0 = measured; the rest of a product that its source has filled is taken with a larger error."""
    values = _get(record, name)
    if f"{name}_QC" in record:
        return np.where(_get(record, f"{name}_QC") == 0, values, np.nan), "source_product_filled_or_measured"
    return values, "measured"


def _temperature(record: xr.Dataset, per_day: int) -> _Column:
    values = _get(record, "TA")
    measured, rest = _provenance(record, "TA")
    column = _Column(measured, 0.5)
    column.put(np.isfinite(values), values, rest, 1.5)
    column.put(column.missing, _fill.interpolate_short(column.value, per_day // 12), "interpolated", 0.8)
    column.put(column.missing, _fill.diurnal_course(values, per_day), "mean_diurnal_course", 3.0)
    return column


def _pressure(record: xr.Dataset, site: SiteLike, t: np.ndarray, per_day: int) -> _Column:
    values = _get(record, "PA")
    measured, _ = _provenance(record, "PA")
    column = _Column(measured, 30.0)
    column.put(np.isfinite(values), values, "source_product_filled_or_measured", 150.0)
    known = column.value.copy()
    column.put(column.missing, _fill.interpolate_short(known, per_day // 4), "interpolated", 60.0)
    column.put(column.missing, _fill.interpolate_short(known, 2 * per_day), "interpolated", 250.0)
    standard = _fill.barometric(site.elevation_m, t)
    good = np.isfinite(known)
    # the hypsometric estimate gets the record's own offset and slope on temperature (a warm column is high)
    if good.sum() > 20 * per_day:
        slope, offset = np.polyfit(t[good] - 273.15, known[good], 1)
        estimate = offset + slope * (t - 273.15)
        sd = float(np.std(estimate[good] - known[good]))
    else:
        estimate, sd = standard, 900.0
    column.put(column.missing, estimate, "barometric", sd)
    return column


def _shortwave(
    record: xr.Dataset, site: SiteLike, start: np.ndarray, seconds: float, per_day: int
) -> _Column:
    values = _get(record, "SW_IN")
    measured, _ = _provenance(record, "SW_IN")
    toa = solar.top_of_atmosphere(start, seconds, site.latitude, site.longitude)
    offset = np.maximum(measured, 0.0)  # thermal offset of the pyranometer at night
    # 5 % calibration and level error of a pyranometer plus 3 W m-2
    column = _Column(offset, 3.0 + 0.05 * np.nan_to_num(offset))
    column.put(
        np.isfinite(values),
        np.maximum(values, 0.0),
        "source_product_filled_or_measured",
        10.0 + 0.25 * np.nan_to_num(values),
    )
    column.put(column.missing & (toa <= 0), np.zeros_like(toa), "night_zero", 0.0)
    ppfd = _get(record, "PPFD")
    both = np.isfinite(ppfd) & np.isfinite(values) & (values > 50)
    if both.sum() > 500:
        ratio = float(np.median(values[both] / ppfd[both]))
        estimate = np.maximum(ratio * ppfd, 0.0)
        column.put(column.missing, estimate, "interpolated", 5.0 + 0.1 * np.nan_to_num(estimate))
    course = np.maximum(_fill.diurnal_course(values, per_day), 0.0)
    column.put(column.missing, course, "mean_diurnal_course", 5.0 + 0.45 * np.nan_to_num(course))
    return column


def _humidity(record: xr.Dataset, t: np.ndarray, p: np.ndarray, per_day: int) -> tuple[_Column, np.ndarray]:
    es = saturation_pressure(t)
    vpd, _ = _provenance(record, "VPD")
    every = _get(record, "VPD")
    rh = _get(record, "RH")
    sd = specific_humidity(0.03 * es, p)  # 3 % relative humidity
    column = _Column(specific_humidity(np.clip(es - vpd, 0.01 * es, es), p), sd)
    column.put(np.isfinite(every), specific_humidity(np.clip(es - every, 0.01 * es, es), p),
               "source_product_filled_or_measured", 3.0 * sd)  # fmt: skip
    column.put(
        np.isfinite(rh),
        specific_humidity(np.clip(rh / 100.0, 0.01, 1.0) * es, p),
        "from_relative_humidity",
        sd,
    )
    known = np.where(column.missing, np.nan, column.value)
    column.put(column.missing, _fill.interpolate_short(known, per_day // 8), "interpolated", 2.0 * sd)
    course = _fill.diurnal_course(
        np.where(np.isfinite(known), known / specific_humidity(es, p), np.nan), per_day
    )
    estimate = np.clip(course, 0.01, 1.0) * specific_humidity(es, p)
    column.put(column.missing, estimate, "mean_diurnal_course", 6.0 * sd)
    fraction = 100.0 * column.value / specific_humidity(es, p)
    return column, np.clip(fraction, 1.0, 100.0)


def _precipitation(
    record: xr.Dataset, site: SiteLike, start: np.ndarray, t: np.ndarray, homogenise: bool
) -> _Column:
    values = _get(record, "P")
    snowy = np.clip((275.15 - t) / 2.0, 0.0, 1.0)
    # gauges lose a few per cent of rain and up to half of snow in wind (WMO SPICE); the sd is relative
    relative = 0.10 + 0.25 * snowy
    if homogenise and record.attrs.get("site") == "CH-Dav":
        late = start >= np.datetime64("2016-01-01")
        days_late = np.isfinite(values[late]).sum()
        early = (start >= np.datetime64("2013-01-01")) & ~late
        if days_late and np.isfinite(values[early]).any():
            # level by rain and snow apart: the early gauge lost more snow than rain
            scaled = values.copy()
            for part in (snowy >= 0.5, snowy < 0.5):
                ratio = _share(values, late & part, late) / max(_share(values, early & part, early), 1e-12)
                factor = float(np.clip(ratio, 1.0, 2.5))
                # half of the difference is taken: part of it is real weather (2013-15 and 2016-19 are
                # other years)
                factor = 1.0 + 0.5 * (factor - 1.0)
                take = early & part
                scaled[take] *= factor
                relative = np.where(take, np.hypot(relative, 0.5 * (factor - 1.0) / factor + 0.05), relative)
            column = _Column(np.where(early, np.nan, values), relative)
            column.put(early, scaled, "scaled_homogenised", relative)
        else:
            column = _Column(values, relative)
    else:
        column = _Column(values, relative)
    wet = float(np.nanmean(values))
    # a gap is dry with climatological extra uncertainty; the loss is small (0.3 % of the steps at Davos)
    column.put(column.missing, np.zeros_like(values), "assumed_dry", 1.0 if wet > 0 else 0.0)
    return column


def _share(values: np.ndarray, part: np.ndarray, whole: np.ndarray) -> float:
    """Mean precipitation of a class per step of the whole period."""
    return float(np.nansum(values[part]) / max(1, np.isfinite(values[whole]).sum()))


def _longwave(
    record: xr.Dataset,
    site: SiteLike,
    start: np.ndarray,
    seconds: float,
    out: dict[str, _Column],
    rh: np.ndarray,
) -> tuple[_Column, dict[str, float]]:
    measured, _ = _provenance(record, "LW_IN")
    every = _get(record, "LW_IN")
    per_day = round(86400.0 / seconds)
    column = _Column(measured, 8.0)  # pyrgeometer: about 3 %
    column.put(np.isfinite(every), every, "source_product_filled_or_measured", 20.0)
    known = column.value.copy()
    column.put(column.missing, _fill.interpolate_short(known, 4), "interpolated", 12.0)
    t = out["TBOT"].value
    es = saturation_pressure(t)
    clear = _fill.clearness(out["FSDS"].value, start, seconds, site.latitude, site.longitude)
    toa = solar.top_of_atmosphere(start, seconds, site.latitude, site.longitude)
    features = _fill.longwave_features(t, rh / 100.0 * es, rh, clear, out["PRECTmms"].value, toa, per_day)
    skill: dict[str, float] = {}
    try:
        model = _fill.LongwaveModel(measured, features, clear, per_day)
        estimate = model.predict(features)
        black = _fill.SB * t**4
        estimate = np.clip(estimate, 0.4 * black, 1.05 * black)
        column.put(column.missing, estimate, "emissivity_model", model.sd(clear))
        skill = {"longwave_rmse": model.rmse, "longwave_bias": model.bias}
    except ValueError:
        # no longwave measured: Prata's clear sky with a cloud term (Crawford and Duchon 1999)
        w = 46.5 * (rh * es / 1e4) / t
        emissivity = 1.0 - (1.0 + w) * np.exp(-np.sqrt(1.2 + 3.0 * w))
        cloud = np.clip(1.0 - clear, 0.0, 1.0)
        column.put(
            column.missing, (cloud + (1.0 - cloud) * emissivity) * _fill.SB * t**4, "emissivity_model", 30.0
        )
    return column, skill


def _wind(record: xr.Dataset, site: SiteLike, start: np.ndarray, seconds: float, per_day: int) -> _Column:
    values = _get(record, "WS")
    measured, _ = _provenance(record, "WS")
    column = _Column(np.maximum(measured, 0.0), 0.1)
    column.put(np.isfinite(values), values, "source_product_filled_or_measured", 0.4)
    if np.isfinite(values).sum() > 20 * per_day:
        column.put(column.missing, _fill.interpolate_short(values, per_day // 12), "interpolated", 0.3)
        column.put(column.missing, _fill.diurnal_course(values, per_day), "mean_diurnal_course", 0.6)
        return column
    month = start.astype("datetime64[M]").astype(int) % 12
    monthly = np.asarray(_WIND_MONTH)[month]
    if site.name != "CH-Dav":
        monthly = np.full(
            start.shape, 2.5
        )  # typical of a European tower; the sd below says how little is known
    # valley and slope winds: the afternoon of sunny months blows, amplitude grows with the noon sun
    hours = (start - start.astype("datetime64[D]")).astype(float) / 3600e9 + seconds / 7200.0
    local = hours + site.longitude / 15.0
    decl = solar.declination(start)
    noon = np.clip(np.cos(np.deg2rad(site.latitude) - decl), 0.0, 1.0)
    diurnal = 1.0 + 0.4 * noon * np.cos((local - 14.0) * np.pi / 12.0)
    column.put(column.missing, monthly * diurnal, "wind_climatology", 0.45)
    return column


def _co2(record: xr.Dataset, site: SiteLike, start: np.ndarray) -> _Column:
    measured, _ = _provenance(record, "CO2")
    column = _Column(measured, 5.0)
    column.put(column.missing, site.co2_at(start), "annual_table", 8.0)
    return column
