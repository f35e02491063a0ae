"""What a place is: the facts of a site, validated."""

from elterra.domain._davos import ch_dav
from elterra.domain.site import Patch, Site, SiteError, annual_co2

__all__ = ["Patch", "Site", "SiteError", "annual_co2", "ch_dav"]
