"""EKI, ETKI and unscented inversion against the closed form; momentum, shrinkage, failures."""

import numpy as np
import pytest

from elterra.calibration import (
    CalibrationError,
    Data,
    InverseProblem,
    Prior,
    Runs,
    invert,
    minimise_misfit,
    start_ensemble,
)
from elterra.calibration.kalman_updates import stochastic_update
from elterra.calibration.localisation import shrink, shrunk_covariances

from .problems import COVARIANCE, MEAN, STANDARD, VARIANCE, Y, in_units, linear, linear_problem


@pytest.mark.parametrize("method", ["etki", "uki"])
def test_deterministic_methods_end_at_the_exact_posterior(method):
    found = invert(linear_problem(), method, members=30)
    mean, covariance = in_units(found.mean, found.covariance)
    assert found.finished
    assert len(found.powers) > 1
    assert sum(found.powers) == pytest.approx(1.0)
    np.testing.assert_allclose(mean, MEAN, atol=1e-8)
    np.testing.assert_allclose(covariance, COVARIANCE, atol=1e-8)


def test_correlated_errors_are_taken_into_account():
    noise = np.diag(VARIANCE) + 0.03
    problem = InverseProblem(linear, STANDARD, Data(Y, noise))
    found = invert(problem, "etki", members=30)
    from .problems import ROOT, A

    slope = A @ ROOT
    precision = slope.T @ np.linalg.solve(noise, slope) + np.eye(2)
    np.testing.assert_allclose(found.covariance, np.linalg.inv(precision), atol=1e-10)


def test_the_stochastic_method_ends_there_within_its_sampling_error():
    means = []
    for seed in range(20):
        found = invert(linear_problem(), "eki", members=200, seed=seed)
        means.append(in_units(found.mean, found.covariance)[0])
    error = np.mean(means, axis=0) - MEAN
    assert (np.abs(error) < 3 * np.std(means, axis=0, ddof=1) / np.sqrt(20)).all()
    assert (np.abs(np.std(means, axis=0)) < 0.3 * np.sqrt(np.diag(COVARIANCE))).all()


def test_both_forms_of_the_stochastic_update_agree():
    rng = np.random.default_rng(0)
    z, slope, white = rng.standard_normal((12, 3)), rng.standard_normal((3, 11)), rng.standard_normal(20)
    pad = np.zeros((12, 9))  # data that nothing depends on: only their number differs
    wide = Runs(z, np.concatenate([z @ slope, pad], axis=1), np.ones(12, bool))
    many = stochastic_update(wide, white, 0.4, np.random.default_rng(1))
    eta = np.random.default_rng(1).standard_normal((12, 20)) / np.sqrt(0.4)
    misfit = white + eta - eta.mean(axis=0) - wide.white
    dz, dg = z - z.mean(axis=0), wide.white - wide.white.mean(axis=0)
    gain = np.linalg.solve(dg.T @ dg / 11 + np.eye(20) / 0.4, dg.T @ dz / 11).T
    np.testing.assert_allclose(many, z + misfit @ gain.T, atol=1e-10)
    few = Runs(z, z @ slope, np.ones(12, bool))
    assert stochastic_update(few, white[:11], 0.4, np.random.default_rng(1)).shape == (12, 3)


def test_a_direction_whose_sigma_points_failed_keeps_its_prior():
    def forward(x):
        out = linear(x)
        out[x[:, 0] > 1.2] = np.nan
        return out

    problem = InverseProblem(forward, STANDARD, Data(Y, VARIANCE), minimum_success=0.5)
    found = invert(problem, "uki")
    assert problem.failed > 0
    assert found.mean[0] == 0.0
    assert found.covariance[0, 0] == pytest.approx(1.0)
    assert found.covariance[1, 1] < 0.2


@pytest.mark.parametrize("method", ["eki", "etki"])
def test_failed_members_are_left_out_and_the_result_stays_near(method):
    def forward(x):
        out = linear(x)
        out[x[:, 0] > 1.2] = np.nan
        return out

    problem = InverseProblem(forward, STANDARD, Data(Y, VARIANCE), minimum_success=0.5)
    found = invert(problem, method, members=100)
    assert problem.failed > 0
    assert np.isfinite(found.ensemble).all()
    mean, _ = in_units(found.mean, found.covariance)
    np.testing.assert_allclose(mean, MEAN, atol=0.3)


def test_too_many_failures_stop_with_the_numbers():
    problem = InverseProblem(lambda x: np.full((len(x), 3), np.nan), STANDARD, Data(Y, VARIANCE))
    with pytest.raises(CalibrationError, match="only 0 of 20 members"):
        invert(problem, "etki", members=20)


def test_a_bounded_parameter_is_found_and_stays_in_its_bounds():
    rng = np.random.default_rng(12)
    slope = rng.standard_normal((12, 2))
    truth = np.array([-1.0, 2.0])
    observed = slope @ truth + 0.1 * rng.standard_normal(12)
    priors = [Prior.uniform("bounded", -2.0, 2.0), Prior("free", "normal", 3.0, 0.5)]
    problem = InverseProblem(lambda x: x @ slope.T, priors, Data(observed, np.full(12, 0.01)))
    for method in ("eki", "etki", "uki"):
        found = invert(problem, method, members=30)
        x = problem.maps.to_physical(found.ensemble)
        assert np.abs(x[:, 0]).max() < 2.0
        np.testing.assert_allclose(x.mean(axis=0), truth, atol=0.15)


def test_an_unfinished_tempering_says_so():
    found = invert(linear_problem(), "etki", members=30, iterations=1)
    assert not found.finished
    assert sum(found.powers) < 1


def test_momentum_reaches_the_misfit_of_the_noise_sooner():
    # a badly conditioned fit: a valley along which plain steps are short
    slope = np.array([[1.0, 1.0], [1.0, 1.02], [0.3, -0.2]])

    def forward(x):
        return np.exp(0.3 * x) @ slope.T

    observed = forward(np.array([[1.2, -0.8]]))[0]
    problem = InverseProblem(forward, STANDARD, Data(observed, np.full(3, 1e-4)))
    plain = minimise_misfit(problem, members=20, momentum=False, iterations=60)
    quick = minimise_misfit(problem, members=20, momentum=True, iterations=60)
    assert quick.finished
    assert len(quick.powers) <= len(plain.powers)
    assert quick.misfit[-1] <= 1.0


@pytest.mark.parametrize("kind", ["sec", "nice"])
def test_shrinkage_beats_none_where_members_are_few(kind):
    errors = {None: 0.0, kind: 0.0}
    for seed in range(4):
        rng = np.random.default_rng(seed)
        truth = rng.standard_normal(80)
        observed = truth[::2] + 0.3 * rng.standard_normal(40)
        priors = [Prior(f"x{i}", "normal", 0.0, 1.0) for i in range(80)]
        problem = InverseProblem(lambda x: x[:, ::2], priors, Data(observed, np.full(40, 0.09)))
        for shrinkage in errors:
            found = invert(problem, "eki", members=20, seed=seed, shrinkage=shrinkage)
            errors[shrinkage] += ((found.mean - truth) ** 2).mean()
    assert errors[kind] < 0.8 * errors[None]


@pytest.mark.parametrize("kind", ["sec", "nice"])
def test_shrunk_correlations_keep_sign_and_order(kind):
    rho = np.linspace(-1, 1, 21)
    smaller = shrink(rho, 20, kind)
    assert (np.abs(smaller) <= np.abs(rho) + 1e-15).all()
    assert (np.diff(smaller) >= 0).all()
    np.testing.assert_allclose(smaller[[0, 10, 20]], [-1, 0, 1], atol=1e-15)


def test_shrunk_covariances_stay_positive():
    z = np.random.default_rng(0).standard_normal((10, 30))
    _, within = shrunk_covariances(z, z, "sec")
    assert np.linalg.eigvalsh(within).min() > -1e-10


def test_the_first_ensemble_has_the_moments_of_the_prior():
    z = start_ensemble(3, 12, 0)
    np.testing.assert_allclose(np.cov(z.T), np.eye(3), atol=1e-12)


def test_misused_options_are_refused():
    with pytest.raises(CalibrationError, match="no method"):
        invert(linear_problem(), "newton")
    with pytest.raises(CalibrationError, match="belongs to method eki"):
        invert(linear_problem(), "etki", shrinkage="sec")
