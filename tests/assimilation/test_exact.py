"""Exact linear-Gaussian references and theorems every filter has to obey."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elterra.assimilation import (
    ETKF,
    AdaptiveInflation,
    AnalysisError,
    FixedLagSmoother,
    ObservationBatch,
    gaspari_cohn,
    group_taper,
    innovation_check,
    relax_to_prior_spread,
)


def _exact_ensemble(mean, covariance, members, rng):
    """An ensemble whose sample mean and covariance are exactly those asked for."""
    raw = rng.normal(size=(len(mean), members))
    raw -= raw.mean(axis=1, keepdims=True)
    whitened = np.linalg.solve(np.linalg.cholesky(np.atleast_2d(np.cov(raw))), raw)
    return mean[:, None] + np.linalg.cholesky(covariance) @ whitened


def _batch(value, sd):
    return ObservationBatch(np.asarray(value), np.asarray(sd), np.zeros(len(value), dtype=int))


def test_one_analysis_of_the_linear_inverse_problem_is_exact():
    a = np.array([[1.0, 2.0], [3.0, 1.0], [0.5, -1.0]])
    x = _exact_ensemble(
        np.array([0.0, 1.0]), np.array([[1.0, 0.3], [0.3, 0.5]]), 40, np.random.default_rng(0)
    )
    analysis = ETKF().analyse(a @ x, _batch([3.0, 4.0, -0.5], np.sqrt([0.1, 0.2, 0.05])))
    posterior = analysis.apply(x)
    np.testing.assert_allclose(posterior.mean(axis=1), [0.9717484927, 1.0210163652], atol=1e-9)
    np.testing.assert_allclose(
        np.cov(posterior), [[0.0190525409, -0.0068561585], [-0.0068561585, 0.0172954350]], atol=1e-9
    )


def test_scalar_autoregression_reaches_the_steady_kalman_variances():
    """AR(1) with a = 0.95, q = r = 1: the deterministic variance recursion of the ensemble is that of the filter."""
    x = _exact_ensemble(np.zeros(1), np.eye(1), 10, np.random.default_rng(0))
    for _ in range(200):
        mean = x.mean()
        forecast_variance = 0.95**2 * x.var(ddof=1) + 1.0
        x = mean * 0.95 + (x - mean) * np.sqrt(forecast_variance / x.var(ddof=1))
        x = ETKF().analyse(x, _batch([0.0], [1.0])).apply(x)
    assert forecast_variance == pytest.approx(1.5483491580, abs=1e-8)
    assert x.var(ddof=1) == pytest.approx(0.6075890947, abs=1e-8)


def test_smoother_reaches_the_steady_smoother_variance():
    """The ensemble smoother with exact noise anomalies equals the Rauch-Tung-Striebel smoother."""
    steps, lag = 60, 25
    rng = np.random.default_rng(0)
    noise = _exact_ensemble(np.zeros(steps + 1), np.eye(steps + 1), 200, rng)
    smoother = FixedLagSmoother(lag, 200)
    x = noise[:1]
    final = []
    for k in range(steps):
        x = 0.95 * x + noise[k + 1 : k + 2]
        analysis = ETKF().analyse(x, _batch([0.0], [1.0]))
        final += smoother.push(x, analysis.transform[0])
        x = analysis.apply(x)
        # noise of later steps stays independent of the analysed past only for the exact filter; re-project it
        past = x - x.mean()
        noise[k + 2 :] -= (noise[k + 2 :] @ past.T) @ np.linalg.pinv(past @ past.T) @ past
    variances = [float((w @ t).var(ddof=1)) for w, t in final[20:]]
    assert np.mean(variances) == pytest.approx(0.4557473191, rel=0.05)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 12), members=st.integers(2, 30))
def test_columns_of_a_transform_sum_to_one_and_spread_never_grows(seed, n, members):
    rng = np.random.default_rng(seed)
    predicted = rng.normal(size=(n, members))
    transform = ETKF().analyse(predicted, _batch(rng.normal(size=n), 0.1 + rng.random(n))).transform[0]
    np.testing.assert_allclose(transform.sum(axis=0), 1.0, atol=1e-12)
    anomalies = predicted - predicted.mean(axis=1, keepdims=True)
    posterior = predicted @ transform
    posterior -= posterior.mean(axis=1, keepdims=True)
    # posterior covariance <= prior covariance, in the sense of matrices
    eigenvalues = np.linalg.eigvalsh(anomalies @ anomalies.T - posterior @ posterior.T)
    assert eigenvalues.min() >= -1e-10


def test_no_observation_is_the_identity_to_the_bit():
    empty = ObservationBatch(np.zeros(0), np.zeros(0), np.zeros(0, dtype=int))
    np.testing.assert_array_equal(ETKF().analyse(np.zeros((0, 7)), empty).transform[0], np.eye(7))


def test_zero_weight_keeps_a_control_group_untouched():
    rng = np.random.default_rng(0)
    analysis = ETKF().analyse(
        rng.normal(size=(2, 9)), _batch([1.0, 2.0], [0.5, 0.5]), np.array([[1, 1], [0, 0.0]])
    )
    np.testing.assert_allclose(analysis.transform[1], np.eye(9), atol=1e-14)
    assert np.abs(analysis.transform[0] - np.eye(9)).max() > 0.1


def test_an_infinitely_uncertain_observation_changes_nothing():
    rng = np.random.default_rng(0)
    transform = ETKF().analyse(rng.normal(size=(1, 8)), _batch([3.0], [1e12])).transform[0]
    np.testing.assert_allclose(transform, np.eye(8), atol=1e-11)


@pytest.mark.parametrize(("value", "sd"), [(np.nan, 1.0), (1.0, 0.0), (1.0, np.inf), (1.0, -1.0)])
def test_a_datum_without_value_or_error_does_not_enter(value, sd):
    with pytest.raises(AnalysisError, match="does not enter"):
        _batch([value], [sd])


def test_a_member_that_failed_is_named():
    predicted = np.zeros((1, 5))
    predicted[0, 3] = np.nan
    with pytest.raises(AnalysisError, match=r"members \[3\]"):
        ETKF().analyse(predicted, _batch([0.0], [1.0]))


def test_smoother_without_damping_is_the_product_of_transforms():
    rng = np.random.default_rng(0)
    smoother = FixedLagSmoother(2, 6)
    transforms = [
        ETKF().analyse(rng.normal(size=(1, 6)), _batch([1.0], [1.0])).transform[0] for _ in range(4)
    ]
    final = []
    for k, t in enumerate(transforms):
        final += smoother.push(k, t)
    final += smoother.flush()
    assert [w for w, _ in final] == [0, 1, 2, 3]
    np.testing.assert_allclose(final[0][1], transforms[0] @ transforms[1] @ transforms[2], atol=1e-13)
    np.testing.assert_allclose(final[3][1], transforms[3], atol=1e-15)


def test_damped_smoother_keeps_columns_at_one():
    rng = np.random.default_rng(0)
    smoother = FixedLagSmoother(3, 6, damping=0.5)
    final = []
    for k in range(5):
        final += smoother.push(k, ETKF().analyse(rng.normal(size=(1, 6)), _batch([1.0], [1.0])).transform[0])
    for _, t in final + smoother.flush():
        np.testing.assert_allclose(t.sum(axis=0), 1.0, atol=1e-12)


def test_adaptive_inflation_finds_a_spread_that_is_half_of_what_it_should_be():
    rng = np.random.default_rng(0)
    inflation = AdaptiveInflation(groups=1, tau=500.0)
    for _ in range(4000):
        truth_error = (
            rng.normal() * 2.0
        )  # true prior sd 2, ensemble says 1: variance factor 4 is at the bound
        inflation.update(np.array([truth_error + rng.normal()]), np.array([2.0]), np.ones(1), np.zeros(1))
    assert inflation.factor[0] == pytest.approx(2.0, rel=0.25)  # 4 / 2


def test_inflation_restores_from_its_state():
    a, b = AdaptiveInflation(2), AdaptiveInflation(2)
    a.update(np.array([3.0]), np.array([1.0]), np.ones(1), np.array([1]))
    b.restore(a.state())
    np.testing.assert_array_equal(a.factor, b.factor)


def test_relaxation_restores_the_prior_spread_in_the_limit():
    rng = np.random.default_rng(0)
    prior, posterior = rng.normal(size=(3, 20)), 0.3 * rng.normal(size=(3, 20))
    relaxed = relax_to_prior_spread(prior, posterior, 1.0)
    np.testing.assert_allclose(relaxed.std(axis=-1), prior.std(axis=-1), rtol=1e-12)
    np.testing.assert_allclose(relaxed.mean(axis=-1), posterior.mean(axis=-1), atol=1e-14)
    assert relax_to_prior_spread(prior, posterior, 0.0) is posterior


def test_an_outlier_is_refused():
    predicted = np.random.default_rng(0).normal(size=(2, 50))
    np.testing.assert_array_equal(innovation_check(predicted, _batch([0.5, 30.0], [1.0, 1.0])), [True, False])


def test_gaspari_cohn_is_one_at_zero_and_gone_at_twice_its_half_support():
    np.testing.assert_allclose(
        gaspari_cohn(np.array([0.0, 1.0, 2.0, 3.0]), 1.0), [1.0, 5 / 24, 0.0, 0.0], atol=1e-12
    )


def test_localisation_by_variable():
    taper = group_taper(["water", "carbon"], ["NEE", "SWC"], np.array([0, 1, 0]), {("water", "NEE"): 0.0})
    np.testing.assert_array_equal(taper, [[0, 1, 0], [1, 1, 1]])
