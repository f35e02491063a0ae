"""The filters as `Filter`: exactness, invariances, draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_problem import COVARIANCE, POSTERIOR_COVARIANCE, POSTERIOR_MEAN, A, assert_exact, batch, prior

from elterra.assimilation import (
    ETKF,
    AnalysisError,
    DeterministicFilter,
    FiniteSizeFilter,
    PerturbedFilter,
    SerialFilter,
    SquareRootFilter,
)

EXACT = [SquareRootFilter(), SquareRootFilter(rotate=True), SerialFilter()]
ALL = [*EXACT, DeterministicFilter(), PerturbedFilter(), SerialFilter(perturbed=True), FiniteSizeFilter()]


@pytest.mark.parametrize("method", EXACT, ids=lambda m: f"{type(m).__name__}{m.rotate}")
def test_square_root_filters_land_on_the_exact_posterior(method):
    x = prior()
    assert_exact(method.analyse(A @ x, batch()).apply(x))


def test_the_square_root_filter_is_the_etkf_of_the_reanalysis():
    rng = np.random.default_rng(0)
    predicted, taper = rng.normal(size=(5, 9)), rng.random((3, 5))
    data = batch(rng.normal(size=5), 0.5 + rng.random(5))
    np.testing.assert_allclose(
        SquareRootFilter().analyse(predicted, data, taper).transform,
        ETKF().analyse(predicted, data, taper).transform,
        atol=1e-13,
    )


def test_the_denkf_has_the_exact_mean_and_a_covariance_that_is_too_wide_by_a_quarter_of_khphk():
    x = prior()
    posterior = DeterministicFilter().analyse(A @ x, batch()).apply(x)
    np.testing.assert_allclose(posterior.mean(axis=1), POSTERIOR_MEAN, atol=1e-8)
    gain = COVARIANCE @ A.T @ np.linalg.inv(A @ COVARIANCE @ A.T + np.diag(batch().sd ** 2))
    excess = gain @ A @ COVARIANCE @ A.T @ gain.T / 4
    np.testing.assert_allclose(np.cov(posterior), POSTERIOR_COVARIANCE + excess, atol=1e-8)


@pytest.mark.parametrize("method", [PerturbedFilter(), SerialFilter(perturbed=True)], ids=["batch", "serial"])
def test_perturbed_observations_reach_the_posterior_within_their_sampling_error(method):
    members, repeats = 400, 40
    means, variances = [], []
    for k in range(repeats):
        x = prior(members, seed=k)
        posterior = method.at(k).analyse(A @ x, batch()).apply(x)
        means.append(posterior.mean(axis=1))
        variances.append(posterior.var(axis=1, ddof=1))
    error = np.sqrt(np.diag(POSTERIOR_COVARIANCE) / (members * repeats))
    assert (np.abs(np.mean(means, axis=0) - POSTERIOR_MEAN) < 3.5 * error + 2e-3).all()
    np.testing.assert_allclose(np.mean(variances, axis=0), np.diag(POSTERIOR_COVARIANCE), rtol=0.06)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 7), members=st.integers(3, 9), which=st.integers(0, 6))
def test_columns_of_every_transform_sum_to_one(seed, n, members, which):
    rng = np.random.default_rng(seed)
    data = batch(rng.normal(size=n), 0.1 + rng.random(n))
    transform = ALL[which].at(seed).analyse(rng.normal(size=(n, members)), data).transform[0]
    np.testing.assert_allclose(transform.sum(axis=0), 1.0, atol=1e-10)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), which=st.sampled_from([0, 2, 3, 6]))
def test_the_order_of_the_members_does_not_matter(seed, which):
    rng = np.random.default_rng(seed)
    predicted, order = rng.normal(size=(4, 7)), rng.permutation(7)
    data = batch(rng.normal(size=4), 0.5)
    one = predicted @ ALL[which].analyse(predicted, data).transform[0]
    other = predicted[:, order] @ ALL[which].analyse(predicted[:, order], data).transform[0]
    np.testing.assert_allclose(other, one[:, order], atol=1e-10)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_rotation_keeps_mean_and_covariance(seed):
    x = np.random.default_rng(seed).normal(size=(3, 8))
    data = batch(np.zeros(3), 1.0)
    plain = SquareRootFilter().analyse(x, data).apply(x)
    rotated = SquareRootFilter(rotate=True, seed=seed).analyse(x, data).apply(x)
    np.testing.assert_allclose(rotated.mean(axis=1), plain.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(np.cov(rotated), np.cov(plain), atol=1e-12)
    assert np.abs(rotated - plain).max() > 1e-3


@pytest.mark.parametrize("method", ALL, ids=lambda m: type(m).__name__)
def test_no_observation_is_the_identity_to_the_bit(method):
    np.testing.assert_array_equal(method.analyse(np.zeros((0, 5)), batch([], 1.0)).transform[0], np.eye(5))


@pytest.mark.parametrize("method", [m for m in ALL if not m.rotate], ids=lambda m: type(m).__name__)
def test_weight_zero_keeps_a_group(method):
    rng = np.random.default_rng(0)
    found = method.analyse(rng.normal(size=(3, 6)), batch(np.ones(3), 0.3), np.array([[0.0] * 3, [1.0] * 3]))
    np.testing.assert_allclose(found.transform[0], np.eye(6), atol=1e-12)
    assert np.abs(found.transform[1] - np.eye(6)).max() > 0.05


def test_draws_depend_on_seed_and_window_only():
    x = prior(10)
    first = PerturbedFilter(seed=1).at(3).analyse(A @ x, batch()).transform
    np.testing.assert_array_equal(PerturbedFilter(seed=1, window=3).analyse(A @ x, batch()).transform, first)
    assert np.abs(PerturbedFilter(seed=1).at(4).analyse(A @ x, batch()).transform - first).max() > 1e-3
    assert np.abs(PerturbedFilter(seed=2).at(3).analyse(A @ x, batch()).transform - first).max() > 1e-3


def test_more_observations_than_rank_and_equal_observations_are_no_trouble():
    rng = np.random.default_rng(0)
    row = rng.normal(size=(1, 4))
    for method in ALL:
        transform = method.analyse(np.repeat(row, 30, axis=0), batch(np.zeros(30), 1e-3)).transform
        assert np.isfinite(transform).all()


def test_a_wrong_taper_and_failed_members_are_told():
    with pytest.raises(AnalysisError, match="taper"):
        SerialFilter().analyse(np.ones((2, 4)), batch([0.0, 0.0], 1.0), np.full((1, 2), 1.5))
    with pytest.raises(AnalysisError, match=r"members \[1\]"):
        SerialFilter().analyse(np.array([[1.0, np.nan, 2.0]]), batch([0.0], 1.0))


def test_the_finite_size_filter_inflates_an_ensemble_that_is_too_narrow_and_not_one_that_fits():
    rng = np.random.default_rng(0)
    x = 0.3 * rng.normal(size=(20, 10))
    far = FiniteSizeFilter().analyse(x, batch(np.full(20, 3.0), 1.0)).diagnostics["inflation"]
    near = FiniteSizeFilter().analyse(x, batch(x.mean(axis=1), 1.0)).diagnostics["inflation"]
    assert far > 1.5
    assert near < 1.1
