"""Ensemble statistics, flags and exact aggregation."""

from __future__ import annotations

import time as clock_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elterra.product import statistics as s

from .synthetic import clock


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 70), st.integers(0, 2**31))
def test_statistics_equal_numpy(members: int, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((3, members)) * 5 + 100
    got = s.ensemble_statistics(x)
    np.testing.assert_allclose(got[""], x.mean(-1), rtol=1e-6)
    np.testing.assert_allclose(got["sd"], x.std(-1, ddof=1), rtol=1e-5)
    for name, level in s.QUANTILES.items():
        np.testing.assert_allclose(got[name], np.quantile(x, level, axis=-1), rtol=1e-5)


def test_a_small_spread_on_a_large_value_survives() -> None:
    rng = np.random.default_rng(0)
    x = 20_000 + 0.5 * rng.standard_normal((4, 64))
    np.testing.assert_allclose(s.ensemble_statistics(x)["sd"], x.std(-1, ddof=1), rtol=1e-6)


def test_a_missing_member_makes_the_statistics_missing() -> None:
    x = np.ones((2, 8))
    x[1, 3] = np.nan
    for values in s.ensemble_statistics(x).values():
        assert np.isfinite(values[0])
        assert np.isnan(values[1])
    with pytest.raises(ValueError, match="two members"):
        s.ensemble_statistics(np.ones((3, 1)))


def test_a_day_of_statistics_takes_less_than_five_milliseconds() -> None:
    x = np.random.default_rng(1).standard_normal((45, 48, 64)).astype(np.float32)
    s.ensemble_statistics(x)
    best = np.inf
    for _ in range(5):
        begin = clock_module.process_time()
        s.ensemble_statistics(x)
        best = min(best, clock_module.process_time() - begin)
    # the target is 5 ms (measured: 0.6 ms); old processors get room
    assert best < 0.02


def test_daily_values_add_up_to_the_half_hours() -> None:
    x = np.random.default_rng(2).standard_normal((48 * 30, 4)).astype(np.float32)
    daily = s.daily_means(x, 48)
    np.testing.assert_allclose(daily.sum(0) * 48, x.sum(0, dtype=np.float64), rtol=1e-12, atol=1e-10)
    with pytest.raises(ValueError, match="whole days"):
        s.daily_means(x[:-1], 48)


def test_flags_tell_from_which_side_a_gap_is_filled() -> None:
    time = clock("2015-01-01", 40, 60)
    observed = np.zeros(time.size, bool)
    observed[[0, 24 * 4, 24 * 30]] = True
    out = s.observation_flags(time, observed, reach_days=5.0)
    flag, distance = out["flag"].values, out["distance"].values
    assert flag[0] == s.FLAGS["observed"]
    assert flag[24 * 2] == s.FLAGS["filled_both_sides"]
    assert flag[24 * 8] == s.FLAGS["filled_one_side"]
    assert flag[24 * 15] == s.FLAGS["no_observation_near"]
    assert flag[24 * 28] == s.FLAGS["filled_one_side"]
    assert distance[24 * 15] == 11.0
    assert distance[24 * 25] == 5.0
    filled = s.observation_flags(time, observed, 5.0, np.ones(time.size, bool))["flag"].values
    np.testing.assert_array_equal(filled, flag | s.FLAGS["forcing_filled"])
    assert s.daily_flags(flag, 24)[0] == s.FLAGS["observed"] | s.FLAGS["filled_both_sides"]
    nothing = s.observation_flags(time, np.zeros(time.size, bool), 5.0)
    assert np.isinf(nothing["distance"].values).all()


def test_bounds_hold_both_ends() -> None:
    time = clock("2015-01-01", 2, 30)
    bounds = s.time_bounds(time, np.timedelta64(30, "m"))["time_bnds"].values
    np.testing.assert_array_equal(bounds[1:, 0], bounds[:-1, 1])
