"""History is written under CLM's names, as means of cells."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from elterra.clm.history import as_history, write_history


def _case(tmp_path):
    return SimpleNamespace(
        name="toy",
        path=tmp_path,
        start_year=2004,
        cfg=SimpleNamespace(mode="sp"),
        data=SimpleNamespace(shape=(1, 2)),
        cell_mean=lambda v: v[..., None, :],
    )


def test_outputs_have_clms_names_and_units():
    out = as_history({"LE": np.ones(3), "GPP": np.full(3, 12.011e-6), "RNET": np.ones(3)}, "sp")
    assert set(out) == {"EFLX_LH_TOT", "FPSN"}
    np.testing.assert_allclose(out["FPSN"], 1.0)
    assert "GPP" in as_history({"GPP": np.ones(3)}, "bgc")


def test_daily_and_monthly_files_hold_the_means(tmp_path):
    days = 59
    daily = {
        "LE": np.arange(days, dtype=float)[:, None] * np.array([1.0, 2.0]),
        "TSOI": np.full((days, 20, 2), 280.0),
        "VEGWP": np.full((days, 4, 2), -2.0e4),
    }
    paths = write_history(tmp_path, _case(tmp_path), daily)
    assert [p.name for p in paths] == ["toy.elterra.h1.2004.nc", "toy.elterra.h0.2004.nc"]
    with xr.open_dataset(paths[0], decode_times=False) as file:
        assert file.EFLX_LH_TOT.dims == ("time", "lat", "lon")
        assert file.TSOI.dims == ("time", "levsoi", "lat", "lon")
        assert file.VEGWP.dims == ("time", "nvegwcs", "lat", "lon")
        assert file.EFLX_LH_TOT.attrs["units"] == "W m-2"
        assert file.time.attrs["calendar"] == "noleap"
        np.testing.assert_allclose(file.EFLX_LH_TOT[3, 0], [3.0, 6.0])
        np.testing.assert_allclose(file.time[:2], [0.5, 1.5])
    with xr.open_dataset(paths[1], decode_times=False) as file:
        np.testing.assert_allclose(file.EFLX_LH_TOT[:, 0, 0], [15.0, 44.5])
        np.testing.assert_allclose(file.time_bnds[1], [31.0, 59.0])
    assert not list(tmp_path.glob(".*"))


def test_a_field_that_no_clm_file_has_is_not_invented():
    assert as_history({"RNET": np.ones(2), "PRECIP": np.ones(2)}, "bgc") == {}


def test_nitrogen_bought_is_written_under_clms_names():
    out = as_history({"npp_nuptake": np.ones(2), "nfix": np.ones(2), "ar": np.ones(2)}, "bgc")
    assert set(out) == {"NPP_NUPTAKE", "NFIX", "AR"}


@pytest.mark.parametrize("name", ["FSA", "FIRA", "FCTR", "QOVER", "FSNO", "TG", "ELAI"])
def test_clm_outputs_stand_in_the_registry(name):
    from elterra.registry import variable

    assert variable(name).clm == name
