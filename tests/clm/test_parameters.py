"""Parameter files: CLM's names are mapped to the registry's, the rest is listed."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from elterra.clm.parameters import ours, read_parameters
from elterra.registry import parameters

PFTS = 79


@pytest.fixture
def file(tmp_path):
    grass = np.full(PFTS, np.nan)
    grass[:17] = np.arange(17) + 20.0
    data = {
        "leafcn": ("pft", grass),
        "rootprof_beta": (("variants", "pft"), np.stack([np.full(PFTS, 0.95), np.full(PFTS, 0.9)])),
        "q10_mr": ("allpfts", [2.0]),
        "q10_hr": ("allpfts", [9.0]),
        "cn_s1": ("allpfts", [12.0]),
        "cn_s1_bgc": ("allpfts", [8.5]),
        "tau_l1": ("allpfts", [1.0]),
        "pftname": (("pft",), np.array(["x"] * PFTS)),
        "grnfill": ("pft", np.ones(PFTS)),
    }
    xr.Dataset(data).to_netcdf(tmp_path / "p.nc", engine="h5netcdf")
    return tmp_path / "p.nc"


def test_values_stand_under_the_names_of_the_registry(file):
    got = read_parameters(file)
    assert got.values["q10_mr"] == 2.0
    assert got.values["q10_hr"] == 2.0  # CLM5 has one Q10
    assert got.values["cn_s1"] == 8.5  # not that of the older cascade
    np.testing.assert_allclose(got.values["rootprof_beta"], 0.95)
    assert "tau_l1" not in got.values


def test_patches_get_the_value_of_their_type(file):
    got = read_parameters(file).on_patches(np.array([[1, 13], [13, 0]]))
    np.testing.assert_allclose(got["leafcn"], [[21.0, 33.0], [33.0, 20.0]])
    np.testing.assert_allclose(got["q10_mr"], [2.0, 2.0])


def test_what_the_model_does_not_use_is_listed_and_what_changes_is_told(file):
    report = read_parameters(file).report
    assert {"grnfill", "tau_l1", "q10_hr", "cn_s1"} <= set(report.unused)
    assert "leafcn" in report.used
    assert "z0mr" in report.missing


def test_every_name_of_the_table_exists_once_the_registry_has_it():
    known = parameters()
    assert ours("cn_s2_bgc", known) == ("cn_s2",)
    assert ours("cn_s2", known) == ()
    assert ours("no_such_parameter", known) == ()
    assert ours("kmax", {"kmax_sun": 0, "kmax_root": 0}) == ("kmax_sun", "kmax_root")
