"""The file of a region (`examples/europe.yaml`): grid, and where land cover, climate, soil and terrain come
from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from elterra.errors import InputError
from elterra.experiment._models import (
    Experiment,
    Name,
    Positive,
    _Model,
    checked_experiment,
    is_region,
    read_plain,
    validated,
)
from elterra.files import digest_of

Degrees = Annotated[float, Field(ge=-360, le=360)]


class RegionGrid(_Model):
    """The cells."""

    kind: Literal["regular", "cordex", "laea"]
    """Latitude-longitude, a European CORDEX grid with rotated pole, or EPSG:3035."""
    name: Literal["EUR-44", "EUR-22", "EUR-11", "EUR-0275"] | None = None
    """CORDEX grid (0.44, 0.22, 0.11 or 0.0275 degrees)."""
    step: Positive | None = None
    """Width of a cell: degrees (regular) or metres (laea)."""
    box: tuple[Degrees, Degrees, Degrees, Degrees] | None = None
    """South, north, west, east in degrees; absent: 33, 73, -25, 45 (regular, laea) or the whole grid
    (cordex)."""

    @model_validator(mode="after")
    def _fits(self) -> RegionGrid:
        if self.kind == "cordex" and (self.name is None or self.step is not None):
            raise ValueError("a cordex grid needs `name` and no `step`")
        if self.kind != "cordex" and (self.step is None or self.name is not None):
            raise ValueError(f"a {self.kind} grid needs `step` and no `name`")
        if self.box is not None and not (self.box[0] < self.box[1] and self.box[2] < self.box[3]):
            raise ValueError("box is south, north, west, east with south < north and west < east")
        return self


class LandCoverFile(_Model):
    """Land cover from a file."""

    kind: Literal["igbp", "esa_cci", "corine", "clm"]
    """Legend of the classes; clm: plant functional types of a CLM surface data set."""
    path: str
    """NetCDF file."""
    variable: str | None = None
    """Map of classes ``[y, x]``, or shares ``[class, y, x]``; absent: looked for."""
    year: int | None = None
    """Of files with several years; absent: the last."""
    shift: int = 0
    """Added to the classes of the file: -1 for an IGBP file that calls water 1 and barren land 17."""


class ClimateFile(_Model):
    """Monthly climate from a file: months of one or more years, averaged to twelve."""

    path: str
    """NetCDF file."""
    variables: dict[Literal["tas", "pr", "rsds", "hurs", "sfcWind", "ps", "dew_point", "u10", "v10"], str] = (
        Field(default_factory=dict)
    )
    """Names in the file; absent: those of ERA5, ERA5-Land and CMIP are looked for."""
    units: dict[str, str] = Field(default_factory=dict)
    """Units, where the file is silent or wrong; precipitation of ERA5's monthly means is ``m day-1``."""


class SoilFile(_Model):
    """Soil from a file."""

    kind: Literal["hwsd", "soilgrids", "clm"]
    """Names of variables and layers: HWSD 1.2 (T_, S_), SoilGrids 2.0, CLM surface data."""
    path: str
    """NetCDF file."""


class TerrainFile(_Model):
    """Terrain from a file."""

    kind: Literal["statistics", "dem", "clm"]
    """Mean and standard deviation by cell, elevations of a finer grid, or CLM surface data."""
    path: str
    """NetCDF file."""
    variable: str | None = None
    """Elevation (dem) or its mean (statistics); absent: looked for."""


class MaskFile(_Model):
    """Land mask from a file."""

    path: str
    """NetCDF file."""
    variable: str
    """1 on land, 0 at sea, or the part that is land."""


class DomainSettings(_Model):
    """What is on the cells, and from where."""

    grid: RegionGrid
    """The cells."""
    land_cover: Literal["packaged"] | LandCoverFile = "packaged"
    """MODIS 2019 at 0.05 degrees (packaged), or a file."""
    crops: Literal["mask", "grass"] = "mask"
    """Cropland as a land unit that is not modelled, or as natural grass."""
    climate: Literal["packaged"] | ClimateFile = "packaged"
    """ERA5 2000-2025 at 0.25 degrees (packaged), or a file."""
    climate_detail: Literal["cells", "smooth", "elevation"] = "cells"
    """Cells finer than those of the climate: its means (conservative), interpolated between them, or
    interpolated and the temperature corrected for elevation by 6.5 K km-1 (needs a terrain file)."""
    soil: Literal["default"] | SoilFile = "default"
    """Stated assumptions, or a file."""
    terrain: Literal["default"] | TerrainFile = "default"
    """Stated assumptions, or a file."""
    mask: Literal["packaged"] | MaskFile = "packaged"
    """Where the sea is: of the packaged map, or a file. The land of a cell is never more than it says."""
    least_land: float = Field(default=0.5, gt=0, le=1)
    """Cells with less land than this part are masked."""


class Region(_Model):
    """A region."""

    name: Name
    """Short name."""
    title: str = Field(default="", max_length=300)
    """One line for people."""
    domain: DomainSettings
    """Grid and sources."""

    _folder: Path = PrivateAttr(default_factory=Path.cwd)

    @property
    def folder(self) -> Path:
        """Folder that relative paths of the file refer to."""
        return self._folder

    def path_of(self, path: str) -> Path:
        """A path of the file, from its folder."""
        return self._folder / path

    def content_hash(self) -> str:
        """sha256 of all that matters to the domain, in canonical form."""
        return digest_of(self.model_dump(mode="json", exclude={"title"}))

    @classmethod
    def from_plain(cls, plain: Any, *, where: str = "region", folder: Path | None = None) -> Region:
        """Checks a nested dict. Raises `InputError`."""
        return _check(plain, where, {}, folder)


def load_region(path: str | Path) -> Region:
    """Reads and checks the file of a region. Raises `InputError` with one line a fault."""
    path = Path(path)
    plain, lines = read_plain(path)
    return _check(plain, str(path), lines, path.resolve().parent)


def load_asked(path: str | Path) -> Experiment | Region:
    """The file of a station's reanalysis or of a region (which has `domain` and no `site`), checked."""
    path = Path(path)
    plain, lines = read_plain(path)
    check = _check if is_region(plain) else checked_experiment
    return check(plain, str(path), lines, path.resolve().parent)


def region_schema() -> dict[str, Any]:
    """JSON Schema of the file of a region, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Region.model_json_schema()}


def _check(plain: Any, where: str, lines: dict, folder: Path | None) -> Region:
    if not isinstance(plain, dict):
        raise InputError(
            f"{where}: expected keys with values, at least `name` and `domain`; see examples/europe.yaml"
        )
    region = validated(Region, plain, where, lines)
    if folder is not None:
        region._folder = folder
    return region
