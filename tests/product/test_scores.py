"""Scores against closed forms, limits and simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from elterra.product import scores
from elterra.product.baselines import Prediction
from elterra.product.baselines._base import LEVELS, same_day_correlation


def brute_fair_crps(y: float, x: np.ndarray) -> float:
    m = len(x)
    pairs = np.abs(x[:, None] - x[None, :]).sum() / (2 * m * (m - 1))
    return float(np.abs(x - y).mean() - pairs)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=2, max_size=12), st.floats(-50, 50))
def test_fair_crps_equals_its_definition(members: list[float], y: float) -> None:
    x = np.array(members)
    got = scores.fair_crps(np.array([y]), x[None, :])[0]
    assert got == pytest.approx(brute_fair_crps(y, x), abs=1e-10)


def test_fair_crps_does_not_depend_on_the_ensemble_size() -> None:
    rng = np.random.default_rng(0)
    y = rng.standard_normal(40_000)
    means = [scores.fair_crps(y, rng.standard_normal((y.size, m))).mean() for m in (3, 64)]
    expected = 1 / np.sqrt(np.pi)  # CRPS of a perfect standard normal forecast
    np.testing.assert_allclose(means, expected, atol=0.01)


def test_gaussian_and_quantile_crps_agree_for_a_normal_distribution() -> None:
    y = np.linspace(-3, 3, 41)
    mean, sd = np.full(41, 0.3), np.full(41, 1.4)
    quantiles = mean + ndtri(np.array(LEVELS))[:, None] * sd
    np.testing.assert_allclose(
        scores.quantile_crps(y, quantiles), scores.gaussian_crps(y, mean, sd), rtol=0.03
    )


def test_gaussian_crps_becomes_the_absolute_error_without_spread() -> None:
    y, mean = np.array([1.0, -2.0]), np.array([0.0, 0.0])
    np.testing.assert_allclose(scores.gaussian_crps(y, mean, np.array([0.0, 1e-9])), [1.0, 2.0], atol=1e-8)


def test_coverage_and_spread_skill_are_right_for_an_honest_ensemble() -> None:
    rng = np.random.default_rng(2)
    n, m = 20_000, 64
    centre = rng.standard_normal(n)
    members = centre[:, None] + 0.7 * rng.standard_normal((n, m))
    error_sd = np.full(n, 1.1)
    truth = centre + 0.7 * rng.standard_normal(n) + error_sd * rng.standard_normal(n)
    summary = scores.summarise(scores.ensemble_sample(truth, members, error_sd, np.arange(n) // 100, rng))
    assert summary is not None
    assert summary.coverage90 == pytest.approx(0.9, abs=0.01)
    assert summary.spread_skill == pytest.approx(1.0, abs=0.02)
    # without the measurement error the same ensemble must look overconfident
    bare = scores.summarise(scores.ensemble_sample(truth, members, np.zeros(n), np.arange(n) // 100, rng))
    assert bare is not None
    assert bare.coverage90 < 0.7
    assert bare.spread_skill < 0.7


def test_a_daily_value_uses_only_measured_half_hours_and_enough_of_them() -> None:
    day = np.repeat([10, 11, 12], 48)
    truth = np.full(144, np.nan)
    truth[:12] = np.arange(12.0)  # 12 of day 10
    truth[48:59] = 1.0  # 11 of day 11: too few
    truth[100:140] = 2.0
    use = np.isfinite(truth)
    mean = scores.DailyMean(day, use, 12)
    np.testing.assert_array_equal(mean.days, [10, 12])
    np.testing.assert_array_equal(mean.count, [12, 40])
    np.testing.assert_allclose(mean.mean(truth), [5.5, 2.0])
    estimate = np.where(use, truth + 1, 1e6)  # what a method says elsewhere must not matter
    np.testing.assert_allclose(mean.mean(estimate), [6.5, 3.0])
    np.testing.assert_allclose(mean.mean(np.stack([truth, estimate], 1)), [[5.5, 6.5], [2.0, 3.0]])
    np.testing.assert_allclose(mean.error_sd(np.where(use, 2.0, np.nan)), 2.0 / np.sqrt([12, 40]))
    np.testing.assert_array_equal(mean.first(np.arange(144)), [0, 100])


def test_daily_variance_follows_the_correlation_of_errors_in_a_day() -> None:
    rng = np.random.default_rng(3)
    days, per, rho = 3000, 20, 0.3
    time = np.datetime64("2001-01-01", "ns") + np.arange(days * 48) * np.timedelta64(30, "m")
    residual = np.full(days * 48, np.nan)
    common = np.sqrt(rho) * rng.standard_normal((days, 1))
    residual.reshape(days, 48)[:, :per] = common + np.sqrt(1 - rho) * rng.standard_normal((days, per))
    got = same_day_correlation(time, residual, np.ones_like(residual))
    assert got == pytest.approx(rho, abs=0.02)
    day = np.repeat(np.arange(days), 48)
    mean = scores.DailyMean(day, np.isfinite(residual), 12)
    flat = np.zeros(days * 48)
    prediction = Prediction.gaussian(flat, flat + 1.0, got)
    sample = scores.daily_prediction_sample(mean.mean(residual), prediction, mean, mean.days)
    summary = scores.summarise(sample)
    assert summary is not None
    assert summary.coverage90 == pytest.approx(0.9, abs=0.02)


def test_block_intervals_are_wider_when_errors_come_in_blocks() -> None:
    rng = np.random.default_rng(4)
    level = np.repeat(rng.exponential(1.0, 30), 100)
    square = level * rng.chisquare(1, level.size)
    low, high = scores.block_interval(square, np.repeat(np.arange(30), 100))
    low_iid, high_iid = scores.block_interval(square, np.arange(3000))
    assert high - low > 3 * (high_iid - low_iid)
    assert low < np.sqrt(square.mean()) < high
    assert np.isnan(scores.block_interval(square[:200], np.repeat([0, 1], 100))).all()


def test_pooling_keeps_blocks_of_variants_apart() -> None:
    sample = scores.gaussian_sample(np.zeros(4), np.ones(4), np.ones(4), np.array([0, 0, 1, 1]))
    both = scores.pool([sample, sample])
    assert np.unique(both.block).size == 4
    summary = scores.summarise(both)
    assert summary is not None
    assert (summary.n, summary.blocks, summary.bias) == (8, 4, 1.0)
