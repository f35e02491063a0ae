"""Facts of the towers by fixed rules from the tables of the catalogue: plant types, heights, soil, deposition.

None of these is tuned. Where a table lacks a number a rule by land cover stands in for it; docs/science/towers.md
lists all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from elterra.domain import Patch, Site, annual_co2
from elterra.domain.site import inside
from elterra.errors import InputError

#: canopy height (m) by IGBP land cover where the table has none
HEIGHT = {
    "ENF": 20.0, "DBF": 20.0, "MF": 20.0, "EBF": 15.0, "GRA": 0.3, "CRO": 0.8, "WET": 0.5, "OSH": 0.5, "CSH": 1.2,
}  # fmt: skip
#: organic matter (kg m-3) of the soil above 10, 30 and 100 cm and below, by land cover
ORGANIC = {
    **dict.fromkeys(("ENF", "DBF", "MF", "EBF"), (60.0, 25.0, 10.0, 5.0)),
    "GRA": (50.0, 25.0, 10.0, 5.0),
    "CRO": (30.0, 25.0, 10.0, 5.0),
    "WET": (120.0, 120.0, 100.0, 60.0),
    **dict.fromkeys(("OSH", "CSH"), (30.0, 15.0, 8.0, 4.0)),
}
_ORGANIC_BOUNDS = np.array([0.1, 0.3, 1.0])
#: lower bounds (m) of the soil layers of every site
DEPTHS = (0.05, 0.1, 0.2, 0.3, 0.6, 1.0)
#: CLM5 plant types by the names of the CalLMIP table
CALLMIP_TYPES = {
    "bare": 0,
    "needleleaf_evergreen_temperate": 1,
    "needleleaf_evergreen_boreal": 2,
    "needleleaf_deciduous_temperate": 3,
    "broadleaf_evergreen_temperate": 5,
    "broadleaf_deciduous_temperate": 7,
    "broadleaf_deciduous_boreal": 8,
    "broadleaf_evergreen_shrub_temperate": 9,
    "c3_grass_temperate": 13,
}
#: cover below which a plant type of a stand is left out
LEAST_COVER = 0.2
#: mean annual temperature (degC) below which trees are boreal, and grass arctic
BOREAL, ARCTIC = 4.0, 0.0


@dataclass(frozen=True)
class TowerSite:
    """Facts of a tower. ``site`` has all its patches; ``igbp`` is its land cover."""

    site: Site
    igbp: str

    @property
    def name(self) -> str:
        return self.site.name

    def tiles(self) -> list[tuple[float, Site]]:
        """Weight and site of each plant type, alone on a column of its own."""
        return [(p.weight, replace(self.site, patches=(replace(p, weight=1.0),))) for p in self.site.patches]


def patches_of(igbp: str, mean_temperature: float, height: float) -> tuple[Patch, ...]:
    """Plant types of a land cover (IGBP) at a mean annual temperature (degC). Mixed forest is half needles, half leaves."""
    boreal = mean_temperature < BOREAL
    grass = 12 if mean_temperature < ARCTIC else 13
    needles, leaves = (2, 8) if boreal else (1, 7)
    types: dict[str, tuple[tuple[int, float], ...]] = {
        "ENF": ((needles, 1.0),),
        "DBF": ((leaves, 1.0),),
        "MF": ((needles, 0.5), (leaves, 0.5)),
        "EBF": ((5, 1.0),),
        "OSH": ((10, 1.0),),
        "CSH": ((9, 1.0),),
        "GRA": ((grass, 1.0),),
        "WET": ((grass, 1.0),),
        "CRO": ((15, 1.0),),
    }
    if igbp not in types:
        raise InputError(
            f"towers: no plant type for land cover {igbp!r}; there are {', '.join(sorted(types))}"
        )
    return tuple(Patch(pft, weight, height) for pft, weight in types[igbp])


def read_sites(data: Path, mean_temperature: dict[str, float]) -> tuple[dict[str, TowerSite], dict[str, str]]:
    """Sites of ``fluxnet2015_eu_sites.csv`` in ``data``, and those left out with the reason.

    ``mean_temperature`` (degC) by site is that of the records; the table has none of some sites.
    """
    table = pd.read_csv(data / "flux" / "fluxnet2015_eu_sites.csv").set_index("site")
    known = _callmip(data / "flux" / "callmip" / "site_pft_soil.csv")
    soils = xr.open_dataset(data / "gridded" / "hwsd_subsoil_eu_0p05.nc", engine="h5netcdf")
    found: dict[str, TowerSite] = {}
    left: dict[str, str] = {}
    with soils:
        clay_map = soils["S_CLAY"].load()
    for name, row in table.iterrows():
        station = str(name)
        if not inside(float(row.lat), float(row.lon)):
            left[station] = f"latitude {row.lat:g} lies outside of the window of the product"
        elif station not in mean_temperature:
            left[station] = "no record"
        else:
            found[station] = _site(station, row, mean_temperature[station], known.get(station), clay_map)
    return found, left


def _site(
    name: str, row: Any, mean: float, known: tuple[Any, Any] | None, clay_map: xr.DataArray
) -> TowerSite:
    igbp = str(row.IGBP)
    height = float(row.canopy_height) if np.isfinite(row.canopy_height) else HEIGHT[igbp]
    above_ground = float(row.reference_height) if np.isfinite(row.reference_height) else 2.0 * height + 2.0
    patches = patches_of(igbp, mean, height)
    middle = np.array(DEPTHS) - 0.5 * np.diff((0.0, *DEPTHS))
    if known is not None:
        cover, (bounds, sand_of, clay_of) = known
        patches = _patches(cover, height)
        layer = np.searchsorted(bounds[:-1], middle, side="right").clip(0, len(bounds) - 1)
        sand, clay = sand_of[layer], clay_of[layer]
    else:
        near = clay_map.sel(lat=float(row.lat), lon=float(row.lon), method="nearest")
        around = clay_map.sel(
            lat=slice(float(row.lat) - 0.3, float(row.lat) + 0.3),
            lon=slice(float(row.lon) - 0.3, float(row.lon) + 0.3),
        )
        value = float(near) if np.isfinite(near) else float(around.mean())
        value = value if np.isfinite(value) else 20.0
        clay = np.full(len(DEPTHS), np.clip(value, 3.0, 60.0))
        sand = 0.55 * (100.0 - clay)
    organic = np.array(ORGANIC[igbp])[np.searchsorted(_ORGANIC_BOUNDS, middle)]
    latitude = float(row.lat)
    site = Site(
        name=name,
        latitude=latitude,
        longitude=float(row.lon),
        elevation_m=float(row.elv) if np.isfinite(row.elv) else float(row.altitude),
        utc_offset_h=float(row.utc_offset_h),
        reference_height_m=max(above_ground - 0.67 * height, 2.0),
        patches=patches,
        soil_depth_m=DEPTHS,
        sand_pct=tuple(float(x) for x in sand),
        clay_pct=tuple(float(x) for x in clay),
        organic_kg_m3=tuple(float(x) for x in organic),
        soil_color=15,
        topo_slope_deg=2.0,
        zbedrock_m=3.0,
        # deposition falls from central Europe to the north and the Mediterranean (order of EMEP's maps)
        ndep_gn_m2_yr=0.4 if latitude > 60.0 else 0.7 if latitude < 44.0 else 1.3,
        co2_ppm=annual_co2(),
    )
    return TowerSite(site, igbp)


def _patches(cover: dict[int, float], height: float) -> tuple[Patch, ...]:
    """Types with at least `LEAST_COVER`, their cover scaled to one."""
    kept = {pft: share for pft, share in cover.items() if share >= LEAST_COVER}
    whole = sum(kept.values())
    shares = {pft: share / whole for pft, share in kept.items()}
    return tuple(Patch(pft, share, 0.0 if pft == 0 else height) for pft, share in shares.items())


def _callmip(path: Path) -> dict[str, tuple[dict[int, float], tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """By site: cover (0..1) by plant type; lower bounds (m), sand and clay (%) of the soil layers."""
    out = {}
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    for line in lines:
        site, cover, soil = line.split(",")
        types = {CALLMIP_TYPES[t.split(":")[0]]: float(t.split(":")[1]) / 100.0 for t in cover.split(";")}
        layers = [
            re.fullmatch(r"[\d.]+-([\d.]+):([\d.]+)/([\d.]+)/([\d.]+)", part) for part in soil.split(";")
        ]
        if any(m is None for m in layers):
            raise InputError(f"{path.name}: {site}: soil {soil!r}; expected top-bottom:sand/silt/clay;...")
        values = np.array([[float(x) for x in m.groups()] for m in layers if m is not None])
        out[site] = types, (values[:, 0] / 100.0, values[:, 1], values[:, 3])
    return out
