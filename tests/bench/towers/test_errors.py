"""What is learned of errors from the first part of a record."""

import numpy as np
import pytest

from elterra.bench.towers import errors as e
from elterra.calibration import transform_step


def test_leaving_a_part_out_is_exact_for_a_linear_model():
    rng = np.random.default_rng(0)
    n, p, m = 60, 4, 400
    matrix = rng.normal(size=(n, p))
    z = rng.normal(size=(p, m))
    z -= z.mean(axis=1, keepdims=True)
    sd = np.full(n, 2.0)
    value = matrix @ rng.normal(size=p) + sd * rng.normal(size=n)
    fold = np.arange(n) // 20
    posterior = transform_step(z, matrix @ z, value, sd, 1.0).parameters
    data = e.TrainData(("x",), value, sd, np.zeros(n, int), np.arange(n))
    mean, spread = e.left_out(matrix @ posterior, data, fold)
    for number in range(3):
        rest, here = fold != number, fold == number
        without = transform_step(z, (matrix @ z)[rest], value[rest], sd[rest], 1.0).parameters
        predicted = matrix[here] @ without
        np.testing.assert_allclose(mean[here], predicted.mean(axis=1), atol=1e-6)
        np.testing.assert_allclose(spread[here], predicted.std(axis=1, ddof=1), rtol=1e-6)


def test_memory_is_that_of_an_autoregression():
    rng = np.random.default_rng(1)
    x = np.zeros(20000)
    for i in range(1, x.size):
        x[i] = 0.6 * x[i - 1] + rng.normal()
    assert e.memory_of(x / x.std()) == pytest.approx((1 + 0.6) / (1 - 0.6), rel=0.2)
    assert e.memory_of(rng.normal(size=5000)) < 1.2
    gaps = np.where(np.arange(x.size) % 10 < 7, x / x.std(), np.nan)
    assert e.memory_of(gaps) == pytest.approx(4.0, rel=0.25)


def test_learned_errors_follow_the_season_and_cover():
    rng = np.random.default_rng(2)
    day = np.arange(730)
    true = 1.0 + 0.8 * np.cos(2 * np.pi * (day - 180) / 365)
    residual = true * rng.standard_t(4, size=730) / np.sqrt(2.0)
    residual[::5] = np.nan
    spread = np.full(730, 0.2)
    sd = e.learned_sd(residual, spread, np.full(730, np.nan))
    known = np.isfinite(residual)
    inside = np.abs(residual[known]) <= 1.6448536 * np.hypot(0.2, sd[known])
    assert inside.mean() == pytest.approx(0.9, abs=0.01)
    assert sd[180] > 2 * sd[0]


def test_errors_for_sites_without_data_grow_with_the_flux():
    rng = np.random.default_rng(3)
    predictions = [rng.normal(size=4000) * 5 for _ in range(3)]
    residuals = [np.hypot(1.0, 0.3 * p) * rng.normal(size=p.size) for p in predictions]
    a, b = e.by_amplitude(residuals, predictions)
    assert (a, b) == (pytest.approx(1.0, abs=0.1), pytest.approx(0.3, abs=0.05))


def test_folds_are_years_where_there_are_two():
    assert e.folds(np.array([0, 364, 365, 729]), 730).tolist() == [0, 0, 1, 1]
    assert e.folds(np.array([0, 91, 364]), 365).tolist() == [0, 1, 4]
