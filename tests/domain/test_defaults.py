"""Stated assumptions: plausible, documented, with the errors that the text claims."""

import os
from pathlib import Path

import numpy as np
import pytest

from elterra.domain import defaults
from elterra.domain.europe import grid_about, packaged_europe
from elterra.domain.regrid import Regridder

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).resolve().parents[3] / "shared"))


def test_radiation_above_the_atmosphere_has_the_published_values():
    # FAO 56, examples 17 (Bangkok, 15 April) and 10 (Rio de Janeiro, 15 May), MJ m-2 day-1, constant 0.0820
    for lat, month, published in ((13.73, 3, 38.06), (-22.9, 4, 25.1)):
        ours = defaults.top_of_atmosphere(np.array([lat]))[month, 0] * 0.0864 * 1366.7 / 1361
        assert ours == pytest.approx(published, rel=0.01)
    assert defaults.top_of_atmosphere(np.array([75.0]))[11, 0] == 0.0


def test_pressure_falls_with_elevation():
    tas = np.full((12, 3), 288.15)
    p = defaults.pressure(np.array([0.0, 1000.0, 2000.0]), tas - 0.0065 * np.array([0.0, 1000.0, 2000.0]))
    # International Standard Atmosphere
    np.testing.assert_allclose(p, [101325.0, 89875.0, 79495.0], rtol=1e-3)


def test_soil_layers_hold_the_organic_matter_that_is_stated():
    soil = defaults.soil((2, 2))
    thick = np.diff(np.concatenate([[0.0], defaults.soil_depth()]))
    total = np.tensordot(thick, soil["organic"], axes=1)
    np.testing.assert_allclose(total, 15.0, rtol=0.01)
    assert (soil["sand"] + soil["clay"] < 100).all()


def test_every_assumption_is_stated():
    table = defaults.table()
    for name in ("elevation", "elevation_sd", "slope", "rsds", "hurs", "sfcWind", "ps"):
        assert len(table[name]["statement"]) > 20
    assert all(len(table["soil"][f"statement_{n}"]) > 20 for n in ("texture", "organic", "bedrock", "color"))


def test_the_elevation_has_the_error_that_is_stated():
    path = SHARED / "data" / "gridded" / "eudem_stats_eu_0p11.nc"
    if not path.exists():
        pytest.skip("shared reference data not here")
    import xarray as xr

    data = xr.open_dataset(path).sortby("lat")
    europe = packaged_europe()
    regrid = Regridder(grid_about(data.lat.values, data.lon.values, "EU-DEM"), europe.climate_grid)
    z = regrid.mean(data.altitude_mean.values, 0.8)[0]
    ours = defaults.elevation(europe.climate.tas.values, europe.climate_grid.lat, europe.climate_grid.lon)
    known = np.isfinite(z)
    error = (ours - z)[known]
    assert np.sqrt(np.mean(error**2)) < 135.0
    assert np.corrcoef(ours[known], z[known])[0, 1] > 0.92
