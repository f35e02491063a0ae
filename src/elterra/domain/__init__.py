"""What a place is: the facts of a site, validated; grids of a region and what lies on them.

The parts for regions need xarray and scipy and are loaded when they are asked for.
"""

from typing import TYPE_CHECKING, Any

from elterra.domain._davos import ch_dav
from elterra.domain.site import Patch, Site, SiteError, annual_co2

if TYPE_CHECKING:
    from elterra.domain.build import Builder, grid_of, load_default_europe
    from elterra.domain.europe import Europe, packaged_europe
    from elterra.domain.grid import Grid
    from elterra.domain.named_grids import cordex, laea, regular
    from elterra.domain.pft import LANDUNITS, PFT_NAMES
    from elterra.domain.regrid import Regridder
    from elterra.domain.sources import Source, open_source, source_of
    from elterra.domain.summary import summarise
    from elterra.domain.tiles import Tile, Tiling, tiling_for
    from elterra.domain.write import write_domain

_WHERE = {
    "Builder": "build",
    "grid_of": "build",
    "load_default_europe": "build",
    "Europe": "europe",
    "packaged_europe": "europe",
    "Grid": "grid",
    "cordex": "named_grids",
    "laea": "named_grids",
    "regular": "named_grids",
    "LANDUNITS": "pft",
    "PFT_NAMES": "pft",
    "Regridder": "regrid",
    "Source": "sources",
    "open_source": "sources",
    "source_of": "sources",
    "summarise": "summary",
    "Tile": "tiles",
    "Tiling": "tiles",
    "tiling_for": "tiles",
    "write_domain": "write",
}

__all__ = [
    "LANDUNITS",
    "PFT_NAMES",
    "Builder",
    "Europe",
    "Grid",
    "Patch",
    "Regridder",
    "Site",
    "SiteError",
    "Source",
    "Tile",
    "Tiling",
    "annual_co2",
    "ch_dav",
    "cordex",
    "grid_of",
    "laea",
    "load_default_europe",
    "open_source",
    "packaged_europe",
    "regular",
    "source_of",
    "summarise",
    "tiling_for",
    "write_domain",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"elterra.domain.{_WHERE[name]}"), name)
