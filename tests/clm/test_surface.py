"""Surface data sets become columns and patches; months become days."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from clm_files import surface

from elterra.clm.surface import MONTH_DAYS, monthly_at, read_surface
from elterra.errors import InputError


def test_natural_vegetation_and_crops_are_columns_of_their_own(tmp_path):
    data = read_surface(surface(tmp_path / "s.nc"), 10.0)
    np.testing.assert_array_equal(data.cell, [0, 0, 1])
    np.testing.assert_array_equal(data.crop, [False, True, False])
    np.testing.assert_allclose(data.cell_weight, [0.8, 0.2, 1.0])
    np.testing.assert_array_equal(data.surface.pft, [[1, 15, 0], [13, 0, 13]])
    np.testing.assert_allclose(data.surface.wt, [[0.7, 1.0, 0.4], [0.3, 0.0, 0.6]])
    np.testing.assert_allclose(data.cell_mean(np.array([1.0, 2.0, 5.0])), [1.2, 5.0])
    np.testing.assert_allclose(data.surface.topo_slope, [0.2, 0.2, 5.0])  # CLM's least slope
    np.testing.assert_allclose(data.topo_std, [0.0, 0.0, 30.0])


def test_what_fires_need_of_the_surface_is_read_and_may_lack(tmp_path):
    path = surface(tmp_path / "s.nc")
    s = read_surface(path, 10.0).surface
    np.testing.assert_array_equal(s.abm, [8.0, 8.0, 13.0])
    np.testing.assert_array_equal(s.gdp, [35.0, 35.0, 2.0])
    np.testing.assert_array_equal(s.peatf, [0.0, 0.0, 0.4])
    np.testing.assert_array_equal(s.hdm, 0.0)
    with xr.open_dataset(path) as file:
        file.load().drop_vars(["abm", "gdp", "peatf"]).to_netcdf(tmp_path / "old.nc", engine="h5netcdf")
    old = read_surface(tmp_path / "old.nc", 10.0).surface
    np.testing.assert_array_equal(old.abm, 13.0)  # crops are never burned
    np.testing.assert_array_equal(old.peatf, 0.0)


def test_columns_can_be_filled_up_with_patches_without_weight(tmp_path):
    data = read_surface(surface(tmp_path / "s.nc"), 10.0, patches=4)
    assert data.surface.wt.shape == (4, 3)
    np.testing.assert_allclose(data.surface.wt.sum(axis=0), 1.0)


def test_shares_that_do_not_sum_to_100_are_refused(tmp_path):
    nat = np.zeros((15, 1, 2))
    nat[1] = 90.0
    with pytest.raises(InputError, match="PCT_NAT_PFT must sum to 100"):
        read_surface(surface(tmp_path / "s.nc", PCT_NAT_PFT=nat), 10.0)


def test_other_land_is_masked_and_told(tmp_path):
    data = read_surface(surface(tmp_path / "s.nc", PCT_LAKE=np.array([[0.0, 25.0]])), 10.0)
    np.testing.assert_allclose(data.masked, [0.0, 0.25])


def test_leaf_area_is_linear_between_the_middles_of_the_months(tmp_path):
    data = read_surface(surface(tmp_path / "s.nc"), 10.0)
    july = monthly_at(data.monthly, 7, 16)["tlai"]
    np.testing.assert_allclose(july[:, 0], [1.6, 13.6], atol=1e-3)
    end, start = monthly_at(data.monthly, 6, MONTH_DAYS[5])["tlai"], monthly_at(data.monthly, 7, 1)["tlai"]
    np.testing.assert_allclose(end[0, 0], start[0, 0], atol=0.004)
    assert monthly_at(data.monthly, 1, 1)["tlai"][0, 0] == pytest.approx(1.0 + 0.5 * 1.1, abs=0.05)
    np.testing.assert_array_equal(july[0, 2], 0.0)  # bare ground
