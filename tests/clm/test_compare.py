"""Scores, months and the snow-free date."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from elterra.clm.compare import _leaf_season, _snow_free, compare_pools, compare_steps, score
from elterra.clm.integrate import month_ends, monthly
from elterra.errors import ElterraError


def test_a_perfect_run_has_r2_one_and_no_bias():
    x = np.sin(np.arange(50.0)) + 2.0
    s = score(x, x)
    assert (s.r2, s.relbias, s.rmse) == (1.0, 0.0, 0.0)


def test_r2_counts_bias_and_amplitude_and_not_only_correlation():
    x = np.sin(np.arange(628.0) / 100.0)
    assert score(x + 1.0, x).r2 == pytest.approx(1.0 - 1.0 / x.var())
    assert score(2.0 * x, x).r2 < 0.01
    assert score(1.1 * (x + 3.0), x + 3.0).relbias == pytest.approx(0.1)


def test_missing_values_of_clm_are_left_out_and_those_of_the_run_are_an_error():
    x = np.arange(5.0)
    gap = np.where(x == 2.0, np.nan, x)
    assert score(x, gap).rmse == 0.0
    with pytest.raises(ElterraError, match="not finite"):
        score(gap, x)


def test_a_constant_has_no_r2():
    assert "r2" not in score(np.ones(4), np.ones(4)).figures()


def test_whole_months_only():
    assert month_ends(59) == [(0, 31), (31, 59)]
    assert month_ends(58) == [(0, 31)]
    assert month_ends(60, first_day=10) == [(21, 49)]
    np.testing.assert_allclose(monthly(np.arange(59.0)[:, None])[:, 0], [15.0, 44.5])


def _winter(last: int, peak: float) -> np.ndarray:
    day = np.arange(365.0)
    return np.where(day < last, peak, 0.0)[:, None]


def test_the_snow_free_date_differs_by_days():
    figures = _snow_free(_winter(107, 60.0), _winter(100, 60.0))
    assert figures["SWE.snow_free_days"] == 7.0
    assert figures["SWE.maximum"] == 60.0


def test_thin_snow_has_no_snow_free_date():
    assert "SWE.snow_free_days" not in _snow_free(_winter(107, 19.0), _winter(100, 19.0))


def _summer(first: int, last: int, peak: float = 4.0) -> np.ndarray:
    day = np.arange(365.0)
    return np.where((day >= first) & (day <= last), peak, 0.2)[:, None]


def test_green_up_and_senescence_differ_by_days_in_the_worst_year():
    mine = np.concatenate([_summer(110, 280), _summer(113, 270)])
    clm = np.concatenate([_summer(110, 281), _summer(110, 274)])
    assert _leaf_season(mine, clm) == {"LAI.greenup_days": 3.0, "LAI.senescence_days": 4.0}


def test_evergreens_and_winter_leaves_have_no_green_up():
    assert _leaf_season(_summer(110, 280), np.full((365, 1), 4.0)) == {}
    assert _leaf_season(_summer(110, 280), 4.2 - _summer(110, 280)) == {}


def test_pools_are_compared_where_clm_has_some():
    figures = compare_pools(
        {"LEAFC": np.array([110.0, 5.0]), "CWDC": np.array([1.0, 1.0])}, {"LEAFC": np.array([100.0, 0.0])}
    )
    assert figures == {"LEAFC.end.reldiff": pytest.approx(0.1)}


def test_steps_of_a_grid_cell_go_to_the_columns_of_that_cell(tmp_path):
    nee = np.array([[1.0, -2.0], [3.0, -4.0]])  # [step, cell]
    data = xr.Dataset(
        {
            "pfts1d_itype_veg": ("pft", [1, 2]),
            "pfts1d_wtcol": ("pft", [1.0, 1.0]),
            "NEE": (("time", "gridcell"), nee),
        },
        {"time": [0.5, 1.0]},
    )
    data.to_netcdf(tmp_path / "steps.nc")
    case = SimpleNamespace(steps_per_day=2, data=SimpleNamespace(cell=np.array([0, 1]), cells=2))
    mine, clm = compare_steps(case, {"NEE": nee}, tmp_path / "steps.nc", 0)["NEE"]
    np.testing.assert_array_equal(clm, nee)
    assert score(mine, clm).rmse == 0.0
