"""Benches ``twins`` and ``balance``: figures of made-up runs, and a few days of a real case."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from elterra.bench import balance, contract, twins
from elterra.errors import InputError

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[3] / "shared")) / "reference" / "clm5"


def made_up(tmp_path, gpp):
    """A case of one cell and as many twins as ``gpp`` has columns, beside a CLM that rises from 0 to 9."""
    file = tmp_path / "daily.nc"
    day = np.arange(10.0)
    xr.Dataset({"GPP": (("time", "lndgrid"), day[:, None])}, coords={"time": day}).to_netcdf(
        file, engine="h5netcdf"
    )
    case = SimpleNamespace(copies=gpp.shape[1], cell_mean=lambda v: v[..., None])
    kinds = ["as it is", *["twin"] * (gpp.shape[1] - 1)]
    return twins.compare_twins(case, {"GPP": gpp}, file, kinds)


def test_twins_that_stay_together_agree_with_each_other_and_not_with_clm(tmp_path):
    day = np.arange(10.0)
    found = made_up(tmp_path, np.stack([day + 2.0] * 3, axis=-1))
    assert found["runs"] == 3
    assert found["GPP.daily.twin_r2.min"] == 1.0
    assert found["GPP.daily.clm_inside"] == 0.0
    np.testing.assert_allclose(found["GPP.daily.clm_r2.max"], 1.0 - 4.0 / day.var())


def test_twins_that_part_have_clm_among_them(tmp_path):
    day = np.arange(10.0)
    found = made_up(tmp_path, np.stack([day, day[::-1], day + 1.0, day - 1.0], axis=-1))
    assert found["GPP.daily.clm_inside"] == 1.0
    assert (
        found["GPP.daily.twin_r2.min"] == -3.0
    )  # the reverse: mean squared difference four times the variance
    assert found["GPP.daily.clm_r2.max"] == 1.0


def test_a_case_without_daily_means_is_refused(tmp_path):
    (tmp_path / "sp40").mkdir()
    (tmp_path / "sp40" / "lnd_in").write_text("&a\n/\n")
    with pytest.raises(InputError, match=r"daily\.nc"):
        twins.measure(case="sp40", folder=tmp_path)


def test_years_are_at_least_one(tmp_path):
    with pytest.raises(InputError, match="--years"):
        balance.measure(years=0, folder=tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="reference runs of CLM5 are not beside the checkout")
def test_the_balances_of_a_case_close_and_its_twins_stay_together_for_days():
    closed = balance.run_balance(SHARED / "bgc_davos", 3)
    contract("balance", closed, 1.0)
    limits = {
        "errh2o": 1e-5,
        "errsol": 1e-7,
        "errseb": 1e-7,
        "errsoi": 1e-5,
        "errlon": 1e-7,
        "errcb": 1e-7,
        "errnb": 1e-6,
    }
    for name, limit in limits.items():
        assert closed[f"worst.{name}"] <= limit
        assert closed[f"drift.{name}"] <= limit
    found = twins.run_twins(SHARED / "bgc_davos", days=5, runs=2)
    contract("twins", found, 1.0)
    assert found["TSOI.daily.twin_r2.min"] > 0.999
