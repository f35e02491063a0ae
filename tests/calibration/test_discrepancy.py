"""A discrepancy is learned without seeing what it predicts, and its random part is an exact Gaussian process."""

from __future__ import annotations

import numpy as np
import pytest

from elterra.calibration import (
    DiscrepancyError,
    ErrorStructure,
    blocks_of_days,
    condition,
    error_structure,
    learn_mean,
    uncovered,
)

DAYS, STEPS = 240, 48
DAY = np.arange(DAYS * STEPS) // STEPS


def _features(draw: np.random.Generator) -> np.ndarray:
    slow = np.repeat(draw.standard_normal((DAYS, 2)), STEPS, axis=0)
    fast = draw.standard_normal((DAYS * STEPS, 2))
    return np.concatenate([slow, fast], axis=1).astype(np.float32)


def test_what_follows_from_the_features_is_found_in_blocks_that_were_left_out():
    draw = np.random.default_rng(1)
    x = _features(draw)
    truth = 2.0 * np.tanh(x[:, 2]) + x[:, 3]
    target = truth + 0.5 * draw.standard_normal(truth.size)
    target[DAY % 40 < 10] = np.nan
    learned = learn_mean(x, target, blocks_of_days(DAY, 20, 4))
    hidden = ~np.isfinite(target)
    assert learned.folds == 4
    for part in (hidden, ~hidden):
        error = np.sqrt(np.mean((learned.mean[part] - truth[part]) ** 2))
        assert error < 0.25 * truth.std()


def test_noise_cannot_be_learned_because_no_value_sees_itself():
    draw = np.random.default_rng(2)
    noise = draw.standard_normal(DAY.size)
    learned = learn_mean(_features(draw), noise, blocks_of_days(DAY, 20, 4))
    assert abs(np.corrcoef(learned.mean, noise)[0, 1]) < 0.05


def test_the_same_data_give_the_same_bits_on_any_number_of_threads():
    draw = np.random.default_rng(3)
    x, y = _features(draw), draw.standard_normal(DAY.size)
    runs = [learn_mean(x, y, blocks_of_days(DAY, 30, 3), threads=n).mean.tobytes() for n in (1, 2)]
    assert runs[0] == runs[1]


def test_few_values_give_a_constant_and_none_is_an_error():
    target = np.full(DAY.size, np.nan)
    x = _features(np.random.default_rng(4))
    with pytest.raises(DiscrepancyError, match="no known value"):
        learn_mean(x, target, blocks_of_days(DAY, 20, 4))
    target[:5] = 3.0
    assert (learn_mean(x, target, blocks_of_days(DAY, 20, 4)).mean == 3.0).all()


def test_variance_and_correlation_of_the_residuals_are_recovered():
    draw = np.random.default_rng(5)
    x = _features(draw)
    sd = np.where(x[:, 0] > 0, 3.0, 1.0)
    daily = np.repeat(draw.standard_normal(DAYS), STEPS)
    hourly = np.zeros(DAY.size)
    keep = np.exp(-1.0 / 4.0)
    for t in range(1, DAY.size):
        hourly[t] = keep * hourly[t - 1] + np.sqrt(1 - keep**2) * draw.standard_normal()
    shares = np.sqrt([0.3, 0.4, 0.3])
    z = shares[0] * daily + shares[1] * hourly + shares[2] * draw.standard_normal(DAY.size)
    fitted = error_structure(x, sd * z, np.full(DAY.size, 0.1), DAY)
    assert fitted.common + fitted.hourly == pytest.approx(0.7, abs=0.1)
    assert fitted.common == pytest.approx(0.3, abs=0.15)
    for level in (1.0, 3.0):
        assert np.sqrt(np.median(fitted.variance[sd == level])) == pytest.approx(level, rel=0.3)


def test_the_variance_is_never_below_that_of_the_measurement():
    draw = np.random.default_rng(6)
    noise = np.full(DAY.size, 2.0)
    fitted = error_structure(_features(draw), 0.01 * draw.standard_normal(DAY.size), noise, DAY)
    assert (fitted.variance >= 4.0).all()


def test_conditioned_members_have_the_exact_mean_and_covariance():
    rng = np.random.default_rng(7)
    n, members = 6, 200_000
    structure = ErrorStructure(np.linspace(1.0, 2.0, n), 0.2, 0.5, 3.0)
    covariance = structure.covariance(np.arange(n), np.full(n, 0.3))
    known = np.array([True, False, True, False, False, True])
    difference, noise = np.array([1.0, 0, -0.5, 0, 0, 0.7]), np.full(n, 0.3)
    drawn = condition(
        covariance,
        known,
        difference,
        noise,
        rng.standard_normal((n, members)),
        rng.standard_normal((n, members)),
    )
    gain = covariance[:, known] @ np.linalg.inv(covariance[np.ix_(known, known)] + 0.09 * np.eye(3))
    np.testing.assert_allclose(drawn.mean(axis=1), gain @ difference[known], atol=0.02)
    np.testing.assert_allclose(np.cov(drawn), covariance - gain @ covariance[known], atol=0.02)


def test_what_members_show_already_is_not_added_again():
    rng = np.random.default_rng(9)
    covariance = ErrorStructure(np.full(8, 2.0), 0.3, 0.3, 2.0).covariance(np.arange(8), np.full(8, 0.1))
    common = 0.5 * rng.standard_normal((1, 50_000)) + np.zeros((8, 1))
    left = uncovered(covariance, common, least=0.05)
    assert left.mean() + np.cov(common).mean() == pytest.approx(covariance.mean(), rel=0.02)
    assert (np.linalg.eigvalsh(left) > 0).all()
    wide = uncovered(covariance, 100.0 * common, least=0.05)
    assert (np.linalg.eigvalsh(wide) > 0).all()
    np.testing.assert_allclose(uncovered(covariance, 0.0 * common, 0.05), covariance, rtol=1e-6)


def test_without_a_measurement_members_have_the_covariance_of_the_process():
    rng = np.random.default_rng(8)
    covariance = ErrorStructure(np.full(4, 2.0), 0.5, 0.3, 2.0).covariance(np.arange(4), np.full(4, 0.4))
    drawn = condition(
        covariance,
        np.zeros(4, dtype=bool),
        np.zeros(4),
        np.full(4, 0.4),
        rng.standard_normal((4, 100_000)),
        np.zeros((4, 1)),
    )
    np.testing.assert_allclose(np.cov(drawn), covariance, atol=0.05)
    assert np.diag(covariance) == pytest.approx(2.0 - 0.16)
