"""Kriging against closed forms: interpolation of data, variance, block means."""

from __future__ import annotations

import numpy as np
import pytest

from elterra.downscaling.kriging import (
    BlockKriging,
    Variogram,
    empirical,
    fit_variogram,
    krige,
    leave_group_out,
)
from elterra.errors import InputError


def gaussian_field(points, variogram, seed):
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    cov = variogram.covariance(distance) + 1e-10 * np.eye(len(points))
    return np.linalg.cholesky(cov) @ np.random.default_rng(seed).normal(size=len(points))


def test_data_without_noise_come_back_with_no_variance():
    points = np.random.default_rng(0).random((30, 2))
    values = points[:, 0] - 2 * points[:, 1]
    mean, variance = krige(points, values, points, Variogram("exponential", 0.0, 1.0, 0.3), noisy=False)
    np.testing.assert_allclose(mean, values, atol=1e-6)
    assert variance.max() < 1e-6


def test_far_from_all_data_it_is_their_mean_and_the_whole_sill():
    points = np.random.default_rng(1).random((10, 2))
    values = np.arange(10.0)
    far = np.array([[100.0, 100.0]])
    v = Variogram("spherical", 0.0, 2.0, 0.01)  # the data are independent of one another
    mean, variance = krige(points, values, far, v)
    assert mean[0] == pytest.approx(4.5)
    assert variance[0] == pytest.approx(2.0 * 1.1)  # sill plus the variance of a mean of ten


def test_an_external_drift_is_followed():
    rng = np.random.default_rng(2)
    points, at = rng.random((40, 2)), rng.random((5, 2))
    height, height_at = rng.random((40, 1)), 3 * rng.random((5, 1))
    mean, _ = krige(
        points,
        7 - 2 * height[:, 0],
        at,
        Variogram("exponential", 0.0, 1.0, 0.3),
        drift=height,
        drift_at=height_at,
    )
    np.testing.assert_allclose(mean, 7 - 2 * height_at[:, 0], atol=1e-5)


def test_the_variogram_of_a_known_field_is_found():
    points = 10 * np.random.default_rng(3).random((900, 2))
    true = Variogram("exponential", 0.2, 1.0, 0.8)
    lag = np.array([0.2, 0.5, 1.0, 2.0])
    found = [fit_variogram(points, gaussian_field(points, true, seed), 4.0).gamma(lag) for seed in range(4)]
    np.testing.assert_allclose(np.mean(found, axis=0), true.gamma(lag), rtol=0.15)


def test_intervals_of_a_known_field_are_calibrated():
    points = 10 * np.random.default_rng(5).random((700, 2))
    v = Variogram("exponential", 0.1, 1.0, 1.5)
    values = gaussian_field(points, v, 6)
    mean, variance = leave_group_out(points, values, np.arange(700) % 10, v)
    z = (values - mean) / np.sqrt(variance)
    assert 0.9 < z.std() < 1.1
    assert np.mean((values - mean) ** 2) < 0.7 * values.var()


def test_random_pairs_see_short_lags_too():
    points = np.stack(np.meshgrid(np.arange(60.0), np.arange(60.0)), axis=-1).reshape(-1, 2)
    lag, gamma, count = empirical(points, points[:, 0], 20.0)
    assert lag.min() < 1.5
    assert (count >= 20).all()
    # half the mean squared difference of a plane along one axis, over all directions
    np.testing.assert_allclose(gamma[lag > 2], lag[lag > 2] ** 2 / 4, rtol=0.15)


def test_pixels_of_a_cell_average_to_it():
    rng = np.random.default_rng(7)
    coarse = rng.normal(size=(8, 9))
    coarse[0, :3] = np.nan
    kriging = BlockKriging(Variogram("exponential", 0.1, 1.0, 5.0), 4, (1.0, 1.0))
    mean, variance = kriging.predict(coarse, np.isfinite(coarse))
    blocks = mean.reshape(8, 4, 9, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(blocks[np.isfinite(coarse)], coarse[np.isfinite(coarse)], atol=1e-9)
    assert np.isnan(mean[:4, :12]).all()
    assert (variance[np.isfinite(variance)] > 0).all()


def test_block_kriging_knows_its_own_error():
    """Fields of the model's own covariance: errors have the variance it says."""
    v = Variogram("exponential", 0.05, 1.0, 4.0)
    side, factor = 30, 5
    points = (
        np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1)
        .reshape(-1, 2)
        .astype(float)
    )
    kriging = BlockKriging(v, factor, (1.0, 1.0))
    z = []
    for seed in range(3):
        truth = gaussian_field(points, v, seed).reshape(side, side)
        coarse = truth.reshape(6, factor, 6, factor).mean(axis=(1, 3))
        mean, variance = kriging.predict(coarse, np.ones((6, 6), dtype=bool))
        z.append((truth - mean) / np.sqrt(variance))
    assert np.std(z) == pytest.approx(1.0, abs=0.05)


def test_too_few_pairs_are_told():
    with pytest.raises(InputError, match="pairs within"):
        fit_variogram(np.random.default_rng(0).random((4, 2)), np.zeros(4), 1.0)
