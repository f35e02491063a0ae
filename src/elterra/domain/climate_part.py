"""The monthly climate of a domain: packaged ERA5, or a file, with stated assumptions for what is not
there."""

from __future__ import annotations

from typing import Any

import numpy as np

from elterra.domain import defaults
from elterra.domain.europe import DAYS, packaged_europe
from elterra.domain.grid import Grid
from elterra.domain.parts import Field, Fields, Opened, filled
from elterra.domain.sources import Source, source_of
from elterra.errors import InputError
from elterra.experiment import ClimateFile

#: names that are looked for, in this order
_NAMES = {
    "tas": ("tas", "t2m", "T2M", "Tair", "tair", "TBOT"),
    "pr": ("pr", "tp", "precip", "Rainf", "PRECTmms"),
    "rsds": ("rsds", "ssrd", "SWdown", "FSDS"),
    "hurs": ("hurs", "RH"),
    "sfcWind": ("sfcWind", "si10", "Wind", "WIND"),
    "ps": ("ps", "sp", "PSurf", "PSRF"),
    "dew_point": ("d2m", "tdps"),
    "u10": ("u10", "uas"),
    "v10": ("v10", "vas"),
}
#: units -> factor and offset to the units of a domain file; "month" stands for mm of the whole month
_UNITS: dict[str, dict[str, tuple[float, float]]] = {
    "tas": {"K": (1.0, 0.0), "degC": (1.0, 273.15), "C": (1.0, 273.15), "celsius": (1.0, 273.15)},
    "pr": {
        "kg m-2 s-1": (1.0, 0.0),
        "kg m**-2 s**-1": (1.0, 0.0),
        "mm s-1": (1.0, 0.0),
        "mm/s": (1.0, 0.0),
        "mm day-1": (1.0 / 86400.0, 0.0),
        "mm/day": (1.0 / 86400.0, 0.0),
        "m day-1": (1000.0 / 86400.0, 0.0),
        "m": (1000.0 / 86400.0, 0.0),  # ERA5 monthly means of daily sums
        "mm month-1": (np.nan, 0.0),
        "mm": (np.nan, 0.0),
    },
    "rsds": {
        "W m-2": (1.0, 0.0),
        "W m**-2": (1.0, 0.0),
        "W/m2": (1.0, 0.0),
        "J m-2": (1.0 / 86400.0, 0.0),  # ERA5 monthly means of daily sums
        "J m**-2": (1.0 / 86400.0, 0.0),
        "MJ m-2 day-1": (1e6 / 86400.0, 0.0),
    },
    "hurs": {"%": (1.0, 0.0), "1": (100.0, 0.0)},
    "sfcWind": {"m s-1": (1.0, 0.0), "m s**-1": (1.0, 0.0), "m/s": (1.0, 0.0)},
    "ps": {"Pa": (1.0, 0.0), "hPa": (100.0, 0.0)},
}
_UNITS["dew_point"] = _UNITS["tas"]
_UNITS["u10"] = _UNITS["v10"] = _UNITS["sfcWind"]

ATTRS: dict[str, dict[str, Any]] = {
    "tas": {
        "standard_name": "air_temperature",
        "long_name": "2 m air temperature, monthly mean",
        "units": "K",
        "units_metadata": "temperature: on_scale",
    },
    "pr": {
        "standard_name": "precipitation_flux",
        "long_name": "precipitation, monthly mean",
        "units": "kg m-2 s-1",
    },
    "rsds": {
        "standard_name": "surface_downwelling_shortwave_flux_in_air",
        "long_name": "short-wave radiation, monthly mean over day and night",
        "units": "W m-2",
    },
    "hurs": {
        "standard_name": "relative_humidity",
        "long_name": "relative humidity, monthly mean",
        "units": "%",
    },
    "sfcWind": {"standard_name": "wind_speed", "long_name": "wind, monthly mean", "units": "m s-1"},
    "ps": {
        "standard_name": "surface_air_pressure",
        "long_name": "surface pressure, annual mean",
        "units": "Pa",
    },
}


def packaged_source() -> Source:
    """The packaged climate as a source."""
    data = packaged_europe().climate
    return source_of(data, "packaged ERA5 monthly climate 2000-2025 (data/NOTICE.md)")


def packaged_climate(target: Grid, opened: Opened, smooth: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """`tas` (K) and `pr` (kg m-2 s-1) ``[12, y, x]`` on `target`, NaN outside the packaged window (32.9-73.1
    N, 25.1 W-45.1 E). Cells that reach beyond it take what of them lies inside."""
    carry, window = opened.interpolator(target) if smooth else opened.regridder(target)
    if carry is None:
        nothing = np.full((12, *target.shape), np.nan)
        return nothing, nothing.copy()
    tas, pr = (carry.mean(opened.source.read(name, window))[0] for name in ("tas", "pr"))
    return tas, np.maximum(pr, 0.0)


class ClimateSource:
    """A climate file, its variables found and their units understood."""

    def __init__(self, source: Source, settings: ClimateFile) -> None:
        self.opened = Opened(source)
        self.names = self._find(settings)
        self.factors = {name: self._factor(name, settings) for name in self.names}
        for name in ("tas", "pr"):
            if name not in self.names:
                raise InputError(
                    f"{source.name}: no {name}; it holds {', '.join(map(str, source.data.data_vars))}. Name it "
                    f"under domain.climate.variables.{name}."
                )

    def _find(self, settings: ClimateFile) -> dict[str, str]:
        given: dict[str, str] = {str(k): v for k, v in settings.variables.items()}
        data = self.opened.source.data
        for name, variable in given.items():
            if variable not in data:
                raise InputError(
                    f"{self.opened.source.name}: no variable {variable!r} (domain.climate.variables.{name})"
                )
        found = {
            n: next((v for v in names if v in data), None) for n, names in _NAMES.items() if n not in given
        }
        return {**given, **{n: v for n, v in found.items() if v is not None}}

    def _factor(self, name: str, settings: ClimateFile) -> tuple[np.ndarray | float, float]:
        said = settings.units.get(name) or str(
            self.opened.source.data[self.names[name]].attrs.get("units", "")
        )
        known = _UNITS[name]
        if said not in known:
            raise InputError(
                f"{self.opened.source.name}: units {said!r} of {self.names[name]!r} are not understood; expected "
                f"one of {', '.join(known)}. State them under domain.climate.units.{name}."
            )
        factor, offset = known[said]
        if np.isnan(factor):
            return 1.0 / (DAYS * 86400.0), offset
        return factor, offset

    def monthly(self, name: str, target: Grid, smooth: bool = False) -> np.ndarray | None:
        """Climatology ``[12, y, x]`` of a variable; NaN where the file is silent, None where it does not
        reach."""
        carry, window = self.opened.interpolator(target) if smooth else self.opened.regridder(target)
        if carry is None:
            return None
        source = self.opened.source
        values = source.read(self.names[name], window).astype(float)
        months = _months(source, self.names[name], values)
        by_month = np.stack([values[months == m].mean(axis=0) for m in range(1, 13)])
        factor, offset = self.factors[name]
        scale = factor if np.ndim(factor) == 0 else np.asarray(factor)[:, None, None]
        return carry.mean(by_month * scale + offset)[0]


def _months(source: Source, variable: str, values: np.ndarray) -> np.ndarray:
    """Month (1..12) of each entry of the leading dimension."""
    array = source.data[variable]
    lead = [d for d in array.dims if d not in source.dims]
    if len(lead) != 1:
        raise InputError(
            f"{source.name}: {variable} has dimensions {array.dims}; expected (time or month, y, x)"
        )
    axis = array[lead[0]]
    if np.issubdtype(axis.dtype, np.datetime64):
        months = axis.dt.month.values
    elif axis.size == 12:
        months = np.arange(1, 13)
    else:
        raise InputError(f"{source.name}: {lead[0]} of {variable} is no time and not twelve months")
    if set(np.unique(months)) != set(range(1, 13)):
        raise InputError(f"{source.name}: {variable} does not cover all twelve months")
    return np.asarray(months)


def saturation(t: np.ndarray) -> np.ndarray:
    """Saturation vapour pressure over water, Pa, of temperature (K): Bolton (1980), Mon. Weather Rev. 108,
    eq. 10."""
    c = np.asarray(t) - 273.15
    return 611.2 * np.exp(17.67 * c / (c + 243.5))


def climate(
    target: Grid,
    packaged: Opened,
    file: ClimateSource | None,
    elevation: np.ndarray | None = None,
    smooth: bool = False,
    warmer: np.ndarray | None = None,
) -> Fields:
    """The climate variables of a domain (`ATTRS`), monthly ``[12, y, x]`` but for `ps`.

    Parameters
    ----------
    elevation : of the cells (m) ``[y, x]`` for the pressure; None where it is not known from a file
    smooth : interpolated between the cells of the climate instead of their means
    warmer : added to the temperature (K) ``[y, x]``: what the elevation of a cell differs from the climate's
    """
    out: Fields = {}

    def put(
        name: str,
        values: np.ndarray,
        origin: str,
        source: str,
        gaps: np.ndarray | None = None,
        fallback: str = "",
    ) -> None:
        lead = () if name == "ps" else ("month",)
        out[name] = Field(values, lead, dict(ATTRS[name]), origin, source, gaps, fallback)

    words = packaged.source.name
    if file is None:
        tas, pr = packaged_climate(target, packaged, smooth)
        put("tas", tas, "packaged", words)
        put("pr", pr, "packaged", words)
        derived: dict[str, np.ndarray | None] = {}
    else:
        derived = _from_file(target, file, smooth)
        stand_in = None
        if any(v is None or not np.isfinite(v).all() for v in (derived["tas"], derived["pr"])):
            stand_in = packaged_climate(target, packaged, smooth)
        for i, name in enumerate(("tas", "pr")):
            known = derived[name]
            if known is not None and stand_in is None:
                put(name, known, "file", file.opened.source.name)
            else:
                assert stand_in is not None
                values, gaps = filled(known, stand_in[i])
                put(name, values, "file", file.opened.source.name, gaps, words)
        tas, pr = out["tas"].values, out["pr"].values
    if warmer is not None:
        tas = out["tas"].values = tas + warmer
        out["tas"].source += "; corrected for elevation by 6.5 K km-1"
    if elevation is None:
        elevation = defaults.elevation(tas, target.lat, target.lon)
    table = defaults.table()
    assumed = {
        "rsds": defaults.radiation(tas, pr, target.lat),
        "hurs": defaults.humidity(pr, target.lat),
        "sfcWind": defaults.wind(target.shape),
        "ps": defaults.pressure(elevation, tas),
    }
    for name, stand_in_values in assumed.items():
        known, statement = derived.get(name), " ".join(table[name]["statement"].split())
        if known is None:
            put(name, stand_in_values, "default", statement)
        else:
            assert file is not None
            values, gaps = filled(known, stand_in_values)
            put(name, values, "file", file.opened.source.name, gaps, statement)
    return out


def _from_file(target: Grid, file: ClimateSource, smooth: bool) -> dict[str, np.ndarray | None]:
    """What the file gives of the variables of a domain."""
    out = {name: file.monthly(name, target, smooth) for name in file.names}
    if out.get("hurs") is None and out.get("dew_point") is not None and out.get("tas") is not None:
        out["hurs"] = np.minimum(100.0 * saturation(out["dew_point"]) / saturation(out["tas"]), 100.0)  # type: ignore[arg-type]
    if out.get("sfcWind") is None and out.get("u10") is not None and out.get("v10") is not None:
        # of monthly mean components: a lower bound of the mean speed
        out["sfcWind"] = np.hypot(out["u10"], out["v10"])  # type: ignore[arg-type]
    ps = out.get("ps")
    if ps is not None:
        out["ps"] = ps.mean(axis=0)
    return out
