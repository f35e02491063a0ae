"""From weather in stream names to the forcing contract of the land model."""

import numpy as np
import xarray as xr

from elterra.forcing import solar
from elterra.forcing._site import SiteLike


def land_forcing(forcing: xr.Dataset, site: SiteLike) -> dict[str, np.ndarray]:
    """Arrays of the `f` contract (docs/architecture.md) for all steps of `forcing`.

    Returns [time, 1] (`forc_solad`, `forc_solai`: [time, 2, 1], bands visible and near infrared) float64 for
    fields, [time] for the scalars `end_of_day`, `end_of_year` (bool; true on the last step of the UTC day or
    year) and `dayofyear` (int32, 1..366; the day in which the step lies).
    """
    start = forcing.time.values.astype("datetime64[ns]")
    seconds = float(forcing.attrs["step_seconds"])
    values = {name: np.asarray(forcing[name].values, float) for name in
              ("TBOT", "QBOT", "PSRF", "WIND", "FSDS", "FLDS", "PRECTmms", "CO2")}  # fmt: skip
    out = weather_fields(values)
    out |= calendar_fields(start, seconds, site.latitude, site.longitude)
    out["ndep"] = np.full((start.size, 1), site.ndep_gn_m2_yr / (365.0 * 86400.0))
    return out


def weather_fields(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Land names from stream names; arrays [time] get a last axis of length 1, [time, member] stay as they
    are."""
    column = {k: v[:, None] if v.ndim == 1 else v for k, v in values.items()}
    solad, solai = solar.partition_shortwave(column["FSDS"])
    rain, snow = solar.partition_precipitation(column["PRECTmms"], column["TBOT"])
    return {
        "forc_t": column["TBOT"],
        "forc_q": column["QBOT"],
        "forc_pbot": column["PSRF"],
        "forc_wind": column["WIND"],
        "forc_solad": np.moveaxis(solad, 0, 1),
        "forc_solai": np.moveaxis(solai, 0, 1),
        "forc_lwrad": column["FLDS"],
        "forc_rain": rain,
        "forc_snow": snow,
        "forc_pco2": column["CO2"] * 1e-6 * column["PSRF"],
    }


def calendar_fields(start: np.ndarray, seconds: float, lat: float, lon: float) -> dict[str, np.ndarray]:
    """Sun and calendar of each step [time, 1] / [time]. Day length belongs to the UTC day (noon
    declination)."""
    start = np.asarray(start, "datetime64[ns]")
    day = start.astype("datetime64[D]")
    end = start + np.timedelta64(round(seconds * 1e9), "ns")
    noon = day.astype("datetime64[ns]") + np.timedelta64(12, "h")
    dayl = solar.day_length(lat, solar.declination(noon))
    prev = solar.day_length(lat, solar.declination(noon - np.timedelta64(24, "h")))
    return {
        "coszen": solar.coszen_step(start, seconds, lat, lon)[:, None],
        "dayl": dayl[:, None],
        "prev_dayl": prev[:, None],
        "max_dayl": np.full((start.size, 1), solar.max_day_length(lat)),
        "end_of_day": end.astype("datetime64[D]") != day,
        "end_of_year": end.astype("datetime64[Y]") != start.astype("datetime64[Y]"),
        "dayofyear": ((day - start.astype("datetime64[Y]").astype("datetime64[D]")).astype(int) + 1).astype(
            np.int32
        ),
    }
