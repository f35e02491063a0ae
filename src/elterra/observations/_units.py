"""Names and units of the normal form, conversion at the edge, plausibility of declared units."""

import re
from dataclasses import dataclass

import numpy as np

from elterra.observations._errors import UnitError


@dataclass(frozen=True)
class Quantity:
    """One base name: unit of the normal form, physical limits, and the range in which the 1 % and the 99 %
    quantile of a record of a season or longer at a European site lie (used to doubt a unit)."""

    units: str
    low: float
    high: float
    q01: tuple[float, float]
    q99: tuple[float, float]
    long_name: str


_FLUX = "umol m-2 s-1"
QUANTITIES: dict[str, Quantity] = {
    "NEE": Quantity(_FLUX, -100, 100, (-70, 3), (0.2, 60), "net ecosystem exchange, to the atmosphere"),
    "GPP": Quantity(_FLUX, -60, 120, (-20, 15), (0.3, 80), "gross primary production"),
    "RECO": Quantity(_FLUX, -30, 80, (-5, 5), (0.3, 50), "ecosystem respiration"),
    "LE": Quantity("W m-2", -200, 1000, (-100, 20), (15, 800), "latent heat flux, to the atmosphere"),
    "H": Quantity("W m-2", -500, 1000, (-250, 20), (20, 800), "sensible heat flux, to the atmosphere"),
    "G": Quantity("W m-2", -300, 500, (-200, 5), (3, 300), "soil heat flux, downward"),
    "NETRAD": Quantity("W m-2", -400, 1200, (-250, 5), (60, 1000), "net radiation"),
    "SW_IN": Quantity("W m-2", -20, 1500, (-15, 10), (60, 1300), "incoming shortwave radiation"),
    "LW_IN": Quantity("W m-2", 50, 600, (90, 350), (220, 520), "incoming longwave radiation"),
    "PPFD": Quantity(_FLUX, -30, 3000, (-30, 20), (150, 2800), "incoming photosynthetic photon flux density"),
    "TA": Quantity("K", 203.15, 328.15, (215, 292), (268, 321), "air temperature"),
    "TS": Quantity("K", 213.15, 343.15, (230, 292), (271, 330), "soil temperature"),
    "VPD": Quantity("Pa", -50, 15000, (-20, 600), (200, 8000), "vapour pressure deficit"),
    "RH": Quantity("%", 0, 110, (1, 75), (60, 110), "relative humidity"),
    "PA": Quantity("Pa", 50000, 110000, (52000, 103500), (58000, 107000), "air pressure"),
    "P": Quantity("kg m-2 s-1", 0, 0.05, (0, 1.5e-3), (1e-6, 8e-3), "precipitation"),
    "WS": Quantity("m s-1", 0, 60, (0, 4), (0.8, 40), "wind speed"),
    "USTAR": Quantity("m s-1", 0, 6, (0, 0.6), (0.1, 4), "friction velocity"),
    "CO2": Quantity("umol mol-1", 200, 1500, (300, 480), (340, 1200), "CO2 mole fraction"),
    "SWC": Quantity("m3 m-3", 0, 1, (0.005, 0.7), (0.04, 0.98), "volumetric soil water content"),
}

#: unit as people write it (after `_tidy`) -> (unit of the normal form, scale, offset)
_CONVERSIONS: dict[str, list[tuple[str, float, float]]] = {
    "k": [("K", 1.0, 0.0)],
    "degc": [("K", 1.0, 273.15)],
    "pa": [("Pa", 1.0, 0.0)],
    "hpa": [("Pa", 100.0, 0.0)],
    "mbar": [("Pa", 100.0, 0.0)],
    "kpa": [("Pa", 1000.0, 0.0)],
    "w m-2": [("W m-2", 1.0, 0.0)],
    "%": [("%", 1.0, 0.0), ("m3 m-3", 0.01, 0.0)],
    "1": [("m3 m-3", 1.0, 0.0), ("%", 100.0, 0.0)],
    "m3 m-3": [("m3 m-3", 1.0, 0.0)],
    "m s-1": [("m s-1", 1.0, 0.0)],
    "umol m-2 s-1": [(_FLUX, 1.0, 0.0)],
    "mumol m-2 s-1": [(_FLUX, 1.0, 0.0)],
    "umolco2 m-2 s-1": [(_FLUX, 1.0, 0.0)],
    "umolphoton m-2 s-1": [(_FLUX, 1.0, 0.0)],
    "umolphotons m-2 s-1": [(_FLUX, 1.0, 0.0)],
    "gc m-2 d-1": [(_FLUX, 1e6 / 12.011 / 86400.0, 0.0)],
    "gc m-2 s-1": [(_FLUX, 1e6 / 12.011, 0.0)],
    "kg m-2 s-1": [("kg m-2 s-1", 1.0, 0.0), (_FLUX, 1e9 / 12.011, 0.0)],
    "mm s-1": [("kg m-2 s-1", 1.0, 0.0)],
    "mm h-1": [("kg m-2 s-1", 1.0 / 3600.0, 0.0)],
    "mm d-1": [("kg m-2 s-1", 1.0 / 86400.0, 0.0)],
    "umol mol-1": [("umol mol-1", 1.0, 0.0)],
    "umolco2 mol-1": [("umol mol-1", 1.0, 0.0)],
    "ppm": [("umol mol-1", 1.0, 0.0)],
    "mol mol-1": [("umol mol-1", 1e6, 0.0)],
}
#: accumulations over the interval: divided by its length
_ACCUMULATED = {"mm": ("kg m-2 s-1", 1.0), "kg m-2": ("kg m-2 s-1", 1.0), "m": ("kg m-2 s-1", 1000.0)}
_ACCUMULATED |= {"j m-2": ("W m-2", 1.0), "mj m-2": ("W m-2", 1e6), "gc m-2": (_FLUX, 1e6 / 12.011)}


def base_of(name: str) -> str:
    """Base quantity of a column of the normal form: `SWC_1` -> `SWC`, `GPP_NT` -> `GPP`."""
    for base in sorted(QUANTITIES, key=len, reverse=True):
        if name == base or name.startswith(base + "_"):
            return base
    return ""


def _tidy(unit: str) -> str:
    text = (
        unit.strip()
        .replace("µ", "u")
        .replace("μ", "u")
        .replace("**", "")
        .replace("^", "")
        .replace("°", "deg ")
    )
    text = re.sub(r"\s*/\s*([A-Za-z]+)(\d*)", lambda m: f" {m[1]}-{m[2] or 1}", text)
    text = re.sub(r"\s+", " ", text.replace("·", " ").replace(".", " ")).strip()
    text = text.replace("deg C", "degC").replace("deg K", "K").replace("day-1", "d-1").replace("hr-1", "h-1")
    low = text.lower().replace("celsius", "degc").replace("kelvin", "k")
    low = re.sub(r"\b(hour|hr)\b", "h", low)
    aliases = {
        "c": "degc",
        "deg c": "degc",
        "degree_c": "degc",
        "degrees_c": "degc",
        "percent": "%",
        "w/m2": "w m-2",
    }
    aliases |= {
        "-": "1",
        "fraction": "1",
        "m3/m3": "m3 m-3",
        "cm3 cm-3": "m3 m-3",
        "wm-2": "w m-2",
        "vol%": "%",
    }
    aliases |= {"mm 30min-1": "mm", "mm (30min)-1": "mm", "mm timestep-1": "mm", "umol umol-1": "1"}
    return aliases.get(low, low)


def to_normal(values: np.ndarray, unit: str | None, name: str, seconds: float, file: str) -> np.ndarray:
    """Convert `values` [time] of column `name` from `unit` to the unit of the normal form.

    `seconds` is the length of the interval (accumulations). Raises UnitError for no unit or another
    dimension; the message lists what is understood."""
    want = QUANTITIES[base_of(name)].units
    if unit is None or not unit.strip():
        raise UnitError(file, "no unit is declared", f"declare one, e.g. {want!r}", variable=name)
    tidy = _tidy(unit)
    for target, scale, offset in _CONVERSIONS.get(tidy, []):
        if target == want:
            return np.asarray(values, float) * scale + offset
    if tidy in _ACCUMULATED and _ACCUMULATED[tidy][0] == want:
        return np.asarray(values, float) * (_ACCUMULATED[tidy][1] / seconds)
    known = sorted(u for u, ts in _CONVERSIONS.items() if any(t[0] == want for t in ts))
    known += sorted(f"{u} (per interval)" for u, t in _ACCUMULATED.items() if t[0] == want)
    raise UnitError(
        file,
        f"unit {unit!r} is not of the dimension of {base_of(name)}",
        f"declare one of: {', '.join(known)}",
        variable=name,
    )


def check_plausible(values: np.ndarray, unit: str, name: str, seconds: float, file: str) -> None:
    """Doubt the declared unit: 1 % and 99 % quantiles of `values` (already converted from `unit`) must lie
    where European records lie. Raises UnitError that proposes the unit that would fit. Needs 200 values."""
    quantity = QUANTITIES[base_of(name)]
    good = values[np.isfinite(values)]
    if good.size < 200:
        return
    if base_of(name) == "P":
        good = good[good > 0]
        if good.size < 50:
            return
    low, high = np.quantile(good, [0.01, 0.99])
    span = _annual_total_limits(values, name)
    if _fits(quantity, low, high) and span:
        return
    raw = _from_normal(values, unit, quantity.units, seconds)
    proposals = []
    candidates = [*_CONVERSIONS, *_ACCUMULATED]
    for other in candidates:
        if other == _tidy(unit):
            continue
        try:
            trial = to_normal(raw, other, name, seconds, file)
        except UnitError:
            continue
        ok = trial[np.isfinite(trial)]
        if base_of(name) == "P":
            ok = ok[ok > 0]
        if ok.size and _fits(quantity, *np.quantile(ok, [0.01, 0.99])) and _annual_total_limits(trial, name):
            proposals.append(other)
    hint = (
        f"the values would fit {' or '.join(repr(p) for p in proposals)}" if proposals else "check the column"
    )
    raise UnitError(
        file,
        f"declared {unit!r}, but 1 % and 99 % quantiles are {low:.4g} and {high:.4g} {quantity.units}, "
        f"expected within {quantity.q01[0]:g}..{quantity.q01[1]:g} and "
        f"{quantity.q99[0]:g}..{quantity.q99[1]:g}",
        hint,
        variable=name,
    )


def _fits(quantity: Quantity, low: float, high: float) -> bool:
    return quantity.q01[0] <= low <= quantity.q01[1] and quantity.q99[0] <= high <= quantity.q99[1]


def _annual_total_limits(values: np.ndarray, name: str) -> bool:
    """Precipitation only: mean rate must be 20..8000 mm a year (a wrong time base shows here)."""
    if base_of(name) != "P":
        return True
    total = float(np.nanmean(values)) * 31557600.0
    return 20.0 <= total <= 8000.0


def _from_normal(values: np.ndarray, unit: str, want: str, seconds: float) -> np.ndarray:
    tidy = _tidy(unit)
    for target, scale, offset in _CONVERSIONS.get(tidy, []):
        if target == want:
            return (values - offset) / scale
    return values / (_ACCUMULATED[tidy][1] / seconds)
