"""What a place is: the facts of a site, validated; grids of a region and what lies on them."""

from elterra.domain._davos import ch_dav
from elterra.domain.grid import Grid
from elterra.domain.site import Patch, Site, SiteError, annual_co2

__all__ = ["Grid", "Patch", "Site", "SiteError", "annual_co2", "ch_dav"]
