"""One door for weather on many cells, generated or real: what a source gives, and the land model's forcing made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elterra.errors import InputError
from elterra.forcing import solar
from elterra.forcing.to_land import weather_fields

Array = NDArray[np.float64]
#: streams that a source gives: K, kg kg-1, Pa, m s-1, W m-2, W m-2, kg m-2 s-1, umol mol-1, gN m-2 s-1
STREAMS = ("TBOT", "QBOT", "PSRF", "WIND", "FSDS", "FLDS", "PRECTmms", "CO2", "NDEP")
#: what a source may hold at most and at least; beyond it units are wrong
RANGES = {
    "TBOT": (170.0, 340.0), "PSRF": (3.0e4, 1.12e5), "QBOT": (0.0, 0.06), "WIND": (0.0, 100.0), "FSDS": (0.0, 1500.0),
    "FLDS": (20.0, 700.0), "PRECTmms": (0.0, 0.2), "CO2": (150.0, 3000.0), "NDEP": (0.0, 1.0e-5),
}  # fmt: skip


class WeatherSource(Protocol):
    """Weather of cells, cut into chunks of time. Steps are equal and begin on the full UTC day."""

    @property
    def latitude(self) -> Array:
        """Degrees north ``[cell]``."""
        ...

    @property
    def longitude(self) -> Array:
        """Degrees east ``[cell]``, -180..180."""
        ...

    @property
    def step_seconds(self) -> int:
        """Length of a step."""
        ...

    @property
    def attrs(self) -> Mapping[str, str | int]:
        """Metadata; ``weather`` is "generated", "measured" or "reanalysis"."""
        ...

    def read(self, start: np.datetime64, stop: np.datetime64, cells: slice | None = None) -> dict[str, Array]:
        """Streams of `STREAMS` ``[time, cell]`` and ``time`` ``[time]`` (starts, UTC) from ``start`` to before ``stop``."""
        ...


def land_chunk(
    source: WeatherSource, start: np.datetime64, stop: np.datetime64, cells: slice | None = None
) -> dict[str, np.ndarray]:
    """The land model's forcing of a chunk (`f` contract of docs/architecture.md): fields ``[time, cell]`` (bands
    ``[time, 2, cell]``), ``end_of_day``, ``end_of_year``, ``dayofyear`` ``[time]``.

    Short-wave, rain and snow are split as for a station (`weather_fields`). Raises `InputError` for values out of range.
    """
    streams = source.read(start, stop, cells)
    check_streams(streams, str(source.attrs.get("source", source.attrs.get("climate", "weather"))))
    inside = cells or slice(None)
    place = source.latitude[inside], source.longitude[inside]
    noleap = source.attrs.get("calendar") == "noleap"
    out = weather_fields(streams)
    out |= cell_calendar(streams["time"], float(source.step_seconds), *place, noleap=noleap)
    out["ndep"] = streams["NDEP"]
    return out


def check_streams(streams: Mapping[str, Array], where: str) -> None:
    """Raises `InputError` where a stream is missing, not finite or out of its range; names the first place."""
    missing = [n for n in STREAMS if n not in streams]
    if missing:
        raise InputError(f"{where}: no {', '.join(missing)} among {sorted(streams)}")
    for name, (low, high) in RANGES.items():
        bad = ~((streams[name] >= low) & (streams[name] <= high))
        if bad.any():
            at, cell = np.argwhere(bad)[0]
            raise InputError(
                f"{where}: {name} is {streams[name][at, cell]:g} at {streams['time'][at]} in cell {cell} ({int(bad.sum())} "
                f"values outside of {low:g}..{high:g}). Check units and gaps; nothing is filled here."
            )


def cell_calendar(
    start: np.ndarray, seconds: float, latitude: Array, longitude: Array, *, noleap: bool = False
) -> dict[str, np.ndarray]:
    """Sun ``[time, cell]`` and calendar ``[time]`` of steps at many places: `calendar_fields` for cells.

    With ``noleap`` days of the year are those of a year of 365 days (29 February does not occur in ``start``).
    """
    start = np.asarray(start, "datetime64[ns]")
    day = start.astype("datetime64[D]")
    end = start + np.timedelta64(round(seconds * 1e9), "ns")
    days, which = np.unique(day, return_inverse=True)
    noon = days.astype("datetime64[ns]") + np.timedelta64(12, "h")
    decl = solar.declination(noon)[:, None]
    before = solar.declination(noon - np.timedelta64(24, "h"))[:, None]
    lat = np.asarray(latitude, float)[None, :]
    year = np.arange(np.datetime64("2001-01-01T00"), np.datetime64("2002-01-01T00"))
    extreme = solar.declination(year)
    # the longest day is that of the declination nearest to the place's own pole
    longest = solar.day_length(lat, np.where(lat >= 0.0, extreme.max(), extreme.min()))
    of_year = (day - start.astype("datetime64[Y]").astype("datetime64[D]")).astype(int) + 1
    if noleap:
        leap = (start.astype("datetime64[Y]") + 1).astype("datetime64[D]") - start.astype(
            "datetime64[Y]"
        ).astype("datetime64[D]")
        of_year = of_year - ((leap.astype(int) == 366) & (of_year > 60))
    return {
        "coszen": solar.coszen_step(start[:, None], seconds, lat, np.asarray(longitude, float)[None, :]),
        "dayl": solar.day_length(lat, decl)[which],
        "prev_dayl": solar.day_length(lat, before)[which],
        "max_dayl": np.repeat(longest, len(start), axis=0),
        "end_of_day": end.astype("datetime64[D]") != day,
        "end_of_year": end.astype("datetime64[Y]") != start.astype("datetime64[Y]"),
        "dayofyear": of_year.astype(np.int32),
    }
