"""CLM surface data sets in the neutral form that `elterra.domain` understands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from elterra.clm._files import ClmFile
from elterra.domain.sources import Source, source_of
from elterra.errors import InputError

#: lower bounds of the soil layers of PCT_SAND, PCT_CLAY, ORGANIC in surface data (m), the ten layers of CLM4
LEVEL_BOUNDS = (0.0175, 0.0451, 0.0906, 0.1655, 0.2891, 0.4929, 0.8289, 1.3828, 2.2961, 3.8019)


def clm_source(path: str | Path) -> Source:
    """A regular CLM5 surface data set as a source: `pft_fraction` ``[pft, lat, lon]``, `landunit_fraction`
    ``[landunit, lat, lon]`` (natural, crop, urban, lake with wetland, glacier), `land_fraction`, soil by
    layer, bedrock, colour, slope, spread of elevation. Raises InputError where the cells are no
    latitude-longitude grid."""
    path = Path(path)
    with ClmFile(path) as file:
        lat, lon = _axes(path, file.need("LATIXY"), file.need("LONGXY"))
        dims = ("lat", "lon")

        def part(name: str) -> np.ndarray:
            values = file.need(name) if name in file else np.zeros((lat.size, lon.size))
            return (values.sum(axis=0) if values.ndim == 3 else values) / 100.0

        units = np.stack(
            [
                part("PCT_NATVEG"),
                part("PCT_CROP"),
                part("PCT_URBAN"),
                part("PCT_LAKE") + part("PCT_WETLAND"),
                part("PCT_GLACIER"),
            ]
        )
        pft = file.need("PCT_NAT_PFT") / 100.0
        if pft.shape[0] != 15:
            raise InputError(f"{path}: PCT_NAT_PFT has {pft.shape[0]} types, CLM5 has 15")
        out = xr.Dataset(coords={"lat": lat, "lon": lon})
        out["landunit_fraction"] = (("landunit", *dims), units)
        out["pft_fraction"] = (("pft", *dims), pft)
        if "LANDFRAC_PFT" in file:
            out["land_fraction"] = (dims, file["LANDFRAC_PFT"])
        for name, variable in (("sand", "PCT_SAND"), ("clay", "PCT_CLAY"), ("organic", "ORGANIC")):
            if variable in file:
                out[name] = (("level", *dims), file[variable])
                top = np.array([0.0, *LEVEL_BOUNDS[:-1]])[: out.sizes["level"]]
                bottom = np.array(LEVEL_BOUNDS)[: out.sizes["level"]]
                out["soil_bounds"] = (("level", "bnds"), np.stack([top, bottom], axis=-1))
        for name, variable in (
            ("bedrock_depth", "zbedrock"),
            ("soil_color", "SOIL_COLOR"),
            ("slope", "SLOPE"),
            ("elevation_sd", "STD_ELEV"),
        ):
            if variable in file:
                out[name] = (dims, np.asarray(file[variable], float))
    return source_of(out, str(path))


def _axes(path: Path, lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if lat.ndim != 2 or min(lat.shape) < 2:
        raise InputError(
            f"{path}: {lat.shape} cells; expected a grid of at least 2 x 2 in latitude and longitude. Single "
            "columns are sites, not maps."
        )
    if np.abs(lat - lat[:, :1]).max() > 1e-4 or np.abs(lon - lon[:1]).max() > 1e-4:
        raise InputError(
            f"{path}: LATIXY and LONGXY are no latitude-longitude grid; regrid the file to one first"
        )
    return lat[:, 0], lon[0]
