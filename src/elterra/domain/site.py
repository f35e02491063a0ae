"""Facts of one site, checked when they are stated.

Nothing here has a default that could be mistaken for a site fact: coordinates, elevation, clock,
reference height, vegetation and soil must be given (lesson: a silent default is a wrong answer).
"""

import csv
import itertools
import math
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from elterra.errors import Faults, InputError

#: window of the product, degrees: (south, north, west, east)
EUROPE = (33.0, 73.0, -25.0, 45.0)
_UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


class SiteError(InputError):
    """A site fact is missing, impossible or inconsistent; names the field and the fix."""

    def __init__(self, site: str, field: str, problem: str, fix: str) -> None:
        self.site, self.field, self.problem, self.fix = site, field, problem, fix
        super().__init__(f"site {site!r}: {field}: {problem}. Fix: {fix}.")


@dataclass(frozen=True)
class Patch:
    """One plant functional type on the site: CLM5 PFT number, area weight, canopy height (m)."""

    pft: int
    weight: float
    canopy_height_m: float


@dataclass(frozen=True)
class Site:
    """A site. Layered soil facts are tuples from the top down (`soil_depth_m` holds the lower bounds) or
    one value for the whole profile.

    Attributes
    ----------
    latitude, longitude : degrees north and east (longitude -180..180)
    utc_offset_h : local standard time minus UTC, hours (no daylight saving)
    reference_height_m : height of the sensors above the displacement height, m (CLM adds z0 and d)
    sand_pct, clay_pct : mass per cent of the fine earth
    organic_kg_m3 : soil organic matter density, kg m-3
    soil_color : CLM colour class 1..20
    topo_slope_deg : mean slope, degrees
    zbedrock_m : depth to bedrock, m
    ndep_gn_m2_yr : nitrogen deposition, gN m-2 yr-1
    stand_age_years, wood_carbon_g_m2, soil_carbon_g_m2 : age (years), carbon in wood and in soil to 1 m (g m-2), if known
    co2_ppm : dry-air mole fraction, umol mol-1: one number, or a tuple of (year, ppm)
    """

    name: str
    latitude: float
    longitude: float
    elevation_m: float
    utc_offset_h: float
    reference_height_m: float
    patches: tuple[Patch, ...]
    sand_pct: float | tuple[float, ...]
    clay_pct: float | tuple[float, ...]
    organic_kg_m3: float | tuple[float, ...]
    soil_color: int
    topo_slope_deg: float
    zbedrock_m: float
    ndep_gn_m2_yr: float
    co2_ppm: float | tuple[tuple[int, float], ...]
    soil_depth_m: tuple[float, ...] = ()
    stand_age_years: float | None = None
    wood_carbon_g_m2: float | None = None
    soil_carbon_g_m2: float | None = None
    deims_id: str | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        faults = Faults()
        for check in (self._check_place, self._check_numbers, self._check_patches, self._check_soil):
            with faults.caught():
                check()
        faults.raise_any()

    def _fail(self, field: str, problem: str, fix: str) -> None:
        raise SiteError(self.name, field, problem, fix)

    def _check_place(self) -> None:
        if not self.name:
            self._fail("name", "is empty", "give the site a short name, e.g. CH-Dav")
        lat, lon = self.latitude, self.longitude
        if not (math.isfinite(lat) and math.isfinite(lon)):
            self._fail("latitude/longitude", f"{lat}, {lon} is not finite", "give decimal degrees")
        south, north, west, east = EUROPE
        if inside(lat, lon):
            return
        if inside(lat, lon - 360.0):
            self._fail(
                "longitude",
                f"{lon:g} looks like the 0..360 convention",
                f"write {lon - 360.0:g} (degrees east, -180..180)",
            )
        if inside(lon, lat):
            self._fail(
                "latitude/longitude",
                f"({lat:g}, {lon:g}) lies {distance_km(lat, lon):.0f} km outside the domain, but swapped "
                "it lies inside",
                f"write latitude {lon:g}, longitude {lat:g}",
            )
        if abs(lat) > 90.0 or abs(lon) > 180.0:
            self._fail(
                "latitude/longitude",
                f"({lat:g}, {lon:g}) are not geographic degrees",
                "give WGS84 decimal degrees (EPSG:4326), not projected metres",
            )
        self._fail(
            "latitude/longitude",
            f"({lat:g}, {lon:g}) lies {distance_km(lat, lon):.0f} km outside the domain "
            f"{south:g}..{north:g} N, {west:g}..{east:g} E",
            "choose a site inside; values of the nearest edge are never used instead",
        )

    def _check_numbers(self) -> None:
        limits = {
            "elevation_m": (-430.0, 4810.0, "metres above sea level"),
            "utc_offset_h": (-2.0, 4.0, "local standard time minus UTC in hours"),
            "reference_height_m": (1.0, 200.0, "metres above the displacement height"),
            "topo_slope_deg": (0.0, 60.0, "degrees, not per cent"),
            "zbedrock_m": (0.1, 100.0, "metres"),
            "ndep_gn_m2_yr": (0.0, 10.0, "gN m-2 yr-1 (10 kg ha-1 = 1 g m-2)"),
        }
        for field, (low, high, unit) in limits.items():
            value = getattr(self, field)
            if not (math.isfinite(value) and low <= value <= high):
                self._fail(field, f"{value} is not within {low:g}..{high:g}", f"give {unit}")
        if not 1 <= self.soil_color <= 20:
            self._fail("soil_color", f"{self.soil_color} is no CLM class", "give 1 (light) to 20 (dark)")
        # 15 degrees of longitude an hour; political zones differ by up to two hours from the sun
        here = inside(self.latitude, self.longitude)  # of a wrong longitude the sun says nothing
        if here and abs(self.utc_offset_h - self.longitude / 15.0) > 2.5:
            self._fail(
                "utc_offset_h",
                f"{self.utc_offset_h:g} h does not fit longitude {self.longitude:g}",
                f"the sun says about {self.longitude / 15.0:.1f} h; check sign and daylight saving",
            )
        if self.stand_age_years is not None and not 0.0 <= self.stand_age_years <= 2000.0:
            self._fail("stand_age_years", f"{self.stand_age_years} is impossible", "give years or None")
        if self.deims_id is not None and not _UUID.match(self.deims_id.rsplit("/", 1)[-1].lower()):
            self._fail("deims_id", f"{self.deims_id!r} holds no UUID", "give https://deims.org/<uuid>")
        table = self.co2_ppm if isinstance(self.co2_ppm, tuple) else ((0, self.co2_ppm),)
        if not table or any(not 250.0 <= ppm <= 800.0 for _, ppm in table):
            self._fail("co2_ppm", "values outside 250..800", "give umol mol-1, or pairs (year, ppm)")
        if any(b[0] <= a[0] for a, b in itertools.pairwise(table)):
            self._fail("co2_ppm", "years do not increase", "sort the pairs by year")

    def _check_patches(self) -> None:
        if not self.patches:
            self._fail("patches", "none given", "name at least one Patch(pft, weight, canopy_height_m)")
        for patch in self.patches:
            if not 0 <= patch.pft <= 78:
                self._fail("patches.pft", f"{patch.pft} is no CLM5 PFT", "give 0 (bare) to 78")
            if not 0.0 < patch.weight <= 1.0:
                self._fail("patches.weight", f"{patch.weight} is not within 0..1", "give area fractions")
            if not 0.0 <= patch.canopy_height_m <= 70.0:
                self._fail("patches.canopy_height_m", f"{patch.canopy_height_m}", "give metres, 0..70")
        total = math.fsum(patch.weight for patch in self.patches)
        if abs(total - 1.0) > 1e-9:
            self._fail("patches.weight", f"sum is {total:.6g}, not 1", "scale the weights to sum 1")

    def _check_soil(self) -> None:
        layers = max(1, len(self.soil_depth_m))
        if any(b <= a for a, b in zip((0.0, *self.soil_depth_m), self.soil_depth_m, strict=False)):
            self._fail("soil_depth_m", "bounds do not increase", "give lower bounds from the top down, m")
        for field in ("sand_pct", "clay_pct", "organic_kg_m3"):
            value = getattr(self, field)
            if isinstance(value, tuple) and len(value) != layers:
                self._fail(field, f"{len(value)} layers", f"give {layers}, one for each soil_depth_m")
        sand, clay = self._layers(self.sand_pct), self._layers(self.clay_pct)
        if np.any((sand < 0) | (clay < 0) | ~np.isfinite(sand + clay)):
            self._fail("sand_pct/clay_pct", "negative or not finite", "give mass per cent")
        if np.any(sand + clay > 100.0 + 1e-9):
            self._fail("sand_pct/clay_pct", f"sum is {np.max(sand + clay):g} %", "sand + clay <= 100 %")
        if np.all(sand + clay <= 1.0):
            self._fail("sand_pct/clay_pct", "look like fractions", "multiply by 100 (per cent)")
        organic = self._layers(self.organic_kg_m3)
        if np.any((organic < 0.0) | (organic > 300.0) | ~np.isfinite(organic)):
            self._fail("organic_kg_m3", "outside 0..300", "give organic matter density, kg m-3")

    def _layers(self, value: float | tuple[float, ...]) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, float), (max(1, len(self.soil_depth_m)),))

    def soil_at(self, depth_m: np.ndarray) -> dict[str, np.ndarray]:
        """Sand (%), clay (%) and organic matter (kg m-3) at depths (m, any shape); below the last bound
        the lowest layer holds."""
        depth = np.asarray(depth_m, float)
        index = np.zeros(depth.shape, int)
        if self.soil_depth_m:
            index = np.searchsorted(self.soil_depth_m, depth, side="left").clip(0, len(self.soil_depth_m) - 1)
        return {
            "sand": self._layers(self.sand_pct)[index],
            "clay": self._layers(self.clay_pct)[index],
            "organic": self._layers(self.organic_kg_m3)[index],
        }

    def co2_at(self, time: np.ndarray) -> np.ndarray:
        """CO2 mole fraction (umol mol-1) at UTC times, linear between mid-years of the annual table.

        Raises SiteError where the table ends more than a year before or after (never held constant)."""
        time = np.asarray(time, "datetime64[ns]")
        if not isinstance(self.co2_ppm, tuple):
            return np.full(time.shape, float(self.co2_ppm))
        years = np.array([y for y, _ in self.co2_ppm], float) + 0.5
        start = time.astype("datetime64[Y]")
        length = (start + 1).astype("datetime64[ns]") - start.astype("datetime64[ns]")
        when = 1970.0 + start.astype(int) + (time - start.astype("datetime64[ns]")) / length
        if when.size and (when.min() < years[0] - 1.5 or when.max() > years[-1] + 1.5):
            self._fail("co2_ppm", f"table {years[0]:.0f}..{years[-1]:.0f} misses years", "extend the table")
        return np.interp(when, years, [ppm for _, ppm in self.co2_ppm])


def inside(lat: float, lon: float) -> bool:
    """Whether (lat, lon) lies in the window of the product."""
    south, north, west, east = EUROPE
    return south <= lat <= north and west <= lon <= east


def distance_km(lat: float, lon: float) -> float:
    """Great-circle distance (km) to the nearest point of the window's box (in latitude and longitude)."""
    south, north, west, east = EUROPE
    la, lo = min(max(lat, south), north), min(max(lon, west), east)
    a, b = math.radians(lat), math.radians(la)
    dlon = math.radians(lon - lo)
    h = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(dlon / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(abs(h))))


@cache
def annual_co2() -> tuple[tuple[int, float], ...]:
    """Packaged annual mean CO2 (year, ppm), 1980-2024 (see data/NOTICE.md)."""
    text = (files("elterra") / "data" / "co2_annual.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple((int(row["year"]), float(row["co2_ppm"])) for row in rows)
