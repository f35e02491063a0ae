"""A domain from its settings: grid, land cover, climate, soil, terrain, mask, tile by tile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from elterra import __version__
from elterra.domain import defaults, named_grids
from elterra.domain.bioclimate import bioclimate
from elterra.domain.climate_part import ClimateSource, climate, packaged_source
from elterra.domain.europe import packaged_europe
from elterra.domain.grid import CRS, Grid
from elterra.domain.ground_part import mean_elevation, soil, terrain
from elterra.domain.land_cover import KINDS, cover_from_classes, cover_from_shares, scheme
from elterra.domain.parts import Field, Fields, Opened
from elterra.domain.pft import LANDUNITS, PFT_NAMES, Vegetation, vegetation
from elterra.domain.site import EUROPE
from elterra.domain.sources import Source, open_source, source_of
from elterra.errors import InputError
from elterra.experiment import DomainSettings, LandCoverFile, Region, RegionGrid, SoilFile, TerrainFile

#: opens the neutral form of a CLM surface data set (`pipeline/domain_clm.py`); domain does not know CLM's
#: files
ClmOpener = Callable[[str], Source]

_FRACTION = {"units": "1"}
#: cells of a tile: about 150 doubles a cell and their sources, 0.5 GB
TILE_CELLS = 250_000
#: cells of a source that are read for one tile
SOURCE_CELLS = 4_000_000


def grid_of(settings: RegionGrid) -> Grid:
    """The grid that a region file asks for."""
    box = settings.box or EUROPE
    if settings.kind == "cordex":
        assert settings.name is not None
        whole = named_grids.cordex(settings.name)
        return whole if settings.box is None else whole.subset(*settings.box)
    assert settings.step is not None
    if settings.kind == "regular":
        return named_grids.regular(settings.step, box)
    return named_grids.laea(settings.step, box)


class Builder:
    """Opens the sources of a region once and makes the fields of any part of its grid.

    Parameters
    ----------
    region : the checked file
    clm : opener of CLM surface data, where one is named
    grid : a grid of one's own instead of that of the file
    """

    def __init__(self, region: Region, clm: ClmOpener | None = None, grid: Grid | None = None) -> None:
        self.region, self._clm = region, clm
        settings = region.domain
        self.settings: DomainSettings = settings
        self.grid = grid or grid_of(settings.grid)
        self._packaged_climate = Opened(packaged_source())
        europe = packaged_europe()
        cover = source_of(
            europe.land_cover.to_dataset(name="land_cover"), "packaged MODIS MCD12C1 2019 (data/NOTICE.md)"
        )
        self._packaged_cover = Opened(cover)
        self._climate = None
        if settings.climate != "packaged":
            self._climate = ClimateSource(self._open(settings.climate.path), settings.climate)
        self._cover = self._opened(settings.land_cover)
        self._soil = self._opened(settings.soil)
        self._terrain = self._opened(settings.terrain)
        if settings.climate_detail == "elevation" and isinstance(settings.terrain, str):
            raise InputError("climate_detail: elevation needs a terrain file (domain.terrain.path)")
        self._mask = None if settings.mask == "packaged" else Opened(self._open(settings.mask.path))

    def _open(self, path: str) -> Source:
        return open_source(self.region.path_of(path), path)

    def _opened(self, part: str | LandCoverFile | SoilFile | TerrainFile) -> Opened | None:
        if isinstance(part, str):
            return None
        if part.kind == "clm":
            if self._clm is None:
                raise InputError(
                    f"{part.path}: CLM surface data are read by `elterra domain make`, not from here; pass `clm`"
                )
            return Opened(self._clm(str(self.region.path_of(part.path))))
        return Opened(self._open(part.path))

    def tile_cells(self, most: int = TILE_CELLS) -> int:
        """Cells that a tile may have so that neither it nor the part of a source it needs is large: at most `most`, and
        at most `SOURCE_CELLS` of the finest source."""
        own = float(self.grid.area.sum()) / self.grid.size
        sources = (
            self._packaged_climate,
            self._packaged_cover,
            self._cover,
            self._soil,
            self._terrain,
            self._mask,
        )
        finest = own
        for opened in (*sources, None if self._climate is None else self._climate.opened):
            if opened is not None:
                grid = opened.source.grid
                rows = slice(grid.shape[0] // 2, grid.shape[0] // 2 + 1)
                finest = min(finest, float(grid.window(rows, slice(0, 1)).area.sum()))
        return max(1, min(most, int(SOURCE_CELLS * finest / own)))

    def fields(self, target: Grid) -> Fields:
        """All fields on `target`, a part of the grid (or all of it)."""
        settings = self.settings
        smooth = settings.climate_detail != "cells"
        first = climate(target, self._packaged_climate, self._climate, smooth=smooth)
        # the assumptions of the terrain need temperature; pressure and lapse of temperature need the terrain
        chosen = None if isinstance(settings.terrain, str) else settings.terrain
        ground = terrain(target, self._terrain, chosen, first["tas"].values)
        if ground["elevation"].origin == "file":
            elevation = ground["elevation"].values
            warmer = self._warmer(target, elevation) if settings.climate_detail == "elevation" else None
            first = climate(target, self._packaged_climate, self._climate, elevation, smooth, warmer)
        grown, words = self._vegetation(target, first)
        out = {**first, **ground}
        out |= soil(target, self._soil, None if isinstance(settings.soil, str) else settings.soil)
        weather = np.isfinite(first["tas"].values).all(axis=0) & np.isfinite(first["pr"].values).all(axis=0)
        out |= _vegetation_fields(grown, words, settings, weather)
        return out

    def _warmer(self, target: Grid, elevation: np.ndarray) -> np.ndarray:
        """What the temperature of the cells differs from that of the climate, by elevation (K) ``[y, x]``; 0
        where the elevation of the climate's cells is not known."""
        assert self._terrain is not None
        assert not isinstance(self.settings.terrain, str)
        source = self._packaged_climate if self._climate is None else self._climate.opened
        carry, window = source.interpolator(target)
        coarse = None
        if carry is not None:
            # a reader of its own: the windows of the climate are other grids than the target
            coarse = mean_elevation(window.grid, Opened(self._terrain.source), self.settings.terrain)
        if carry is None or coarse is None:
            return np.zeros(target.shape)
        return np.nan_to_num(defaults.LAPSE * (carry.mean(coarse)[0] - elevation))

    def _sea(self, target: Grid) -> np.ndarray:
        """Part of each cell that is sea, by the mask."""
        regrid, window = self._packaged_cover.regridder(target)
        sea = np.ones(target.shape)
        if regrid is not None:
            classes = self._packaged_cover.source.read("land_cover", window)
            shares, part = regrid.share(classes, range(18))
            sea = np.where(part > 0.0, shares[0], 1.0)
        if self._mask is not None:
            assert self.settings.mask != "packaged"
            land = self._mask.mean(self.settings.mask.variable, target)
            if land is not None:
                sea = np.where(np.isfinite(land), 1.0 - land, sea)
        return sea

    def _vegetation(self, target: Grid, weather: Fields) -> tuple[Vegetation, tuple[str, str]]:
        indices = bioclimate(weather["tas"].values, weather["pr"].values)
        part = self.settings.land_cover
        if isinstance(part, str):
            regrid, window = self._packaged_cover.regridder(target)
            words = ("packaged", self._packaged_cover.source.name)
            if regrid is None:
                cover = np.full((len(scheme("igbp").cover[0]), *target.shape), np.nan)
            else:
                classes = self._packaged_cover.source.read("land_cover", window)
                cover, _ = cover_from_classes(classes, scheme("igbp"), regrid)
            sea = None if self._mask is None else self._sea(target)
            return vegetation(cover, indices, sea, self.settings.crops), words
        assert self._cover is not None
        words = ("file", f"{part.kind} {self._cover.source.name}")
        if part.kind == "clm":
            return _clm_vegetation(target, self._cover, 1.0 - self._sea(target)), words
        cover = self._file_cover(target, self._cover, part)
        if part.kind == "igbp":  # files of MODIS do not tell sea from lake, the packaged map does
            at_sea, lake, water = (KINDS.index(kind) for kind in ("sea", "lake", "water"))
            cover[water] += cover[at_sea] + cover[lake]
            cover[[at_sea, lake]] = np.where(np.isfinite(cover[water]), 0.0, np.nan)
        return vegetation(cover, indices, self._sea(target), self.settings.crops), words

    def _file_cover(self, target: Grid, opened: Opened, part: LandCoverFile) -> np.ndarray:
        legend, data = scheme(part.kind), opened.source.data
        names = [part.variable] if part.variable else ["lccs_class", "land_cover", "igbp", "clc", "fraction"]
        variable = next((n for n in names if n in data), None)
        if variable is None:
            raise InputError(
                f"{opened.source.name}: no variable {' or '.join(names)}; it holds "
                f"{', '.join(map(str, data.data_vars))}. Name it under domain.land_cover.variable."
            )
        regrid, window = opened.regridder(target)
        if regrid is None:
            return np.full((legend.cover.shape[1], *target.shape), np.nan)
        select = _year(data[variable], part.year, opened.source.name)
        values = opened.source.read(variable, window, **select)
        if "class" in data[variable].dims:
            labels = [str(v) for v in data["class"].values]
            return cover_from_shares(values, labels, legend, regrid)[0]
        classes = np.nan_to_num(values, nan=-9999).astype(int) + part.shift
        return cover_from_classes(classes, legend, regrid)[0]

    def dataset(self, target: Grid | None = None) -> xr.Dataset:
        """The domain (or a part of its grid) as a CF dataset in memory, float64."""
        target = target or self.grid
        out = target.to_dataset()
        return assemble(out, target, self.fields(target), self.region)


def _year(array: xr.DataArray, year: int | None, where: str) -> dict[str, Any]:
    """Label on the axis of years (numbers or times) of a land cover map: that of `year`, or the last."""
    for dim in array.dims:
        if dim in ("year", "time"):
            axis = array[dim].values
            is_time = np.issubdtype(axis.dtype, np.datetime64)
            years = axis.astype("datetime64[Y]").astype(int) + 1970 if is_time else axis.astype(int)
            found = np.flatnonzero(years == (years[-1] if year is None else year))
            if not found.size:
                raise InputError(f"{where}: no year {year}; it holds {', '.join(map(str, years))}")
            return {str(dim): axis[found[-1]]}
    return {}


def _vegetation_fields(
    grown: Vegetation, words: tuple[str, str], settings: DomainSettings, weather: np.ndarray
) -> Fields:
    origin, source = words
    land = np.where(np.isfinite(grown.land), grown.land, 0.0)
    natural = np.nan_to_num(grown.landunit[0])
    mask = (land >= settings.least_land) & (natural > 0.0) & weather
    crops = {"mask": "crops are a land unit", "grass": "crops are counted as natural grass"}[settings.crops]
    return {
        "land_fraction": Field(
            land,
            (),
            {
                "standard_name": "land_area_fraction",
                "long_name": "part of the cell that is not sea",
                **_FRACTION,
            },
            origin,
            source,
        ),
        "land_mask": Field(
            mask.astype(float),
            (),
            {
                "standard_name": "land_binary_mask",
                "long_name": "1 where the cell is modelled",
                "comment": f"land_fraction at least {settings.least_land:g}, natural vegetation present, climate known",
                **_FRACTION,
            },
            origin,
            source,
        ),
        "landunit_fraction": Field(
            grown.landunit,
            ("landunit",),
            {"long_name": "part of the land", "comment": crops, **_FRACTION},
            origin,
            source,
        ),
        "pft_fraction": Field(
            grown.pft,
            ("pft",),
            {
                "long_name": "part of the natural land unit",
                "comment": "CLM5 natural plant functional types by the climate rules of Bonan et al. (2002)",
                **_FRACTION,
            },
            origin,
            source,
        ),
    }


def _clm_vegetation(target: Grid, opened: Opened, land_here: np.ndarray) -> Vegetation:
    """Types and land units of CLM surface data in neutral form, weighted by the area of their land unit."""
    regrid, window = opened.regridder(target)
    if regrid is None:
        nothing = np.full(target.shape, np.nan)
        return Vegetation(
            np.broadcast_to(nothing, (len(PFT_NAMES), *target.shape)),
            np.broadcast_to(nothing, (len(LANDUNITS), *target.shape)),
            nothing,
        )
    units = opened.source.read("landunit_fraction", window)
    types = opened.source.read("pft_fraction", window)
    land = opened.source.read("land_fraction", window) if "land_fraction" in opened.source.data else None
    weight = np.ones(units.shape[1:]) if land is None else land
    mean_land = regrid.mean(weight)[0]
    mean_units = regrid.mean(units * weight)[0]
    mean_types = regrid.mean(types * (units[0] * weight))[0]
    has = np.nan_to_num(mean_land) > 0.0
    landunit = np.where(has, mean_units / np.where(has, mean_land, 1.0), np.nan)
    natural = mean_units[0]
    grown = np.nan_to_num(natural) > 0.0
    bare = np.zeros_like(mean_types)
    bare[0] = 1.0
    pft = np.where(grown, mean_types / np.where(grown, natural, 1.0), bare)
    return Vegetation(np.where(has, pft, np.nan), landunit, land_here if land is None else mean_land)


def assemble(out: xr.Dataset, target: Grid, fields: Fields, region: Region) -> xr.Dataset:
    """Adds fields, axes and global attributes to the CF form of a grid."""
    axes: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
        "month": (np.arange(1, 13, dtype="i4"), {"long_name": "month of the year", "units": "1"}),
        "soil_depth": (
            defaults.soil_depth(),
            {
                "standard_name": "depth",
                "long_name": "lower bound of the soil layer",
                "units": "m",
                "positive": "down",
            },
        ),
        "pft": (
            np.arange(len(PFT_NAMES), dtype="i4"),
            {
                "long_name": "CLM5 natural plant functional type",
                "flag_values": np.arange(len(PFT_NAMES), dtype="i4"),
                "flag_meanings": " ".join(PFT_NAMES),
            },
        ),
        "landunit": (
            np.arange(len(LANDUNITS), dtype="i4"),
            {
                "long_name": "land unit",
                "flag_values": np.arange(len(LANDUNITS), dtype="i4"),
                "flag_meanings": " ".join(LANDUNITS),
            },
        ),
    }
    for dim, (values, attrs) in axes.items():
        out = out.assign_coords({dim: (dim, values, attrs)})
    modelled = fields["land_mask"].values > 0.5
    for name, field in fields.items():
        attrs = {**field.attrs, "source": field.source, "elterra_origin": field.origin, "grid_mapping": CRS}
        gaps = 0 if field.filled is None else int((field.filled & modelled).sum())
        if gaps:
            attrs["elterra_filled_cells"] = gaps
            attrs["elterra_filled_with"] = field.fallback
        if out["lat"].ndim == 2:
            attrs["coordinates"] = "lat lon"
        out[name] = ((*field.lead, *target.dims), field.values, attrs)
    out.attrs = global_attributes(region, fields)
    return out


def global_attributes(region: Region, fields: Fields) -> dict[str, Any]:
    """Global attributes of a domain file."""
    assumed = sorted(n for n, f in fields.items() if f.origin == "default")
    return {
        "Conventions": "CF-1.11",
        "title": region.title or region.name,
        "history": f"made by elterra {__version__} (domain)",
        "elterra_format": "domain_1",
        "elterra_settings_sha256": region.content_hash(),
        "elterra_defaults": " ".join(assumed),
        "comment": "Variables named in elterra_defaults are stated assumptions, not data; see their attribute source.",
        "source": "; ".join(sorted({f.source for f in fields.values() if f.origin != "default"})),
        "acknowledgement": "Contains modified Copernicus Climate Change Service information; MODIS data of NASA LP DAAC"
        if any(f.origin == "packaged" for f in fields.values())
        else "see source",
    }


def load_default_europe(grid: Grid | None = None) -> xr.Dataset:
    """The default Europe of the package on `grid`, by default the cells of ERA5 (0.25 degrees, 161 x 281).

    Variables: see docs/science/domain.md. In memory, float64, rows from south to north.
    """
    settings = {"name": "europe", "title": "Default Europe of the package"}
    plain = {**settings, "domain": {"grid": {"kind": "regular", "step": 0.25}}}
    return Builder(Region.from_plain(plain), grid=grid or packaged_europe().climate_grid).dataset()
