"""The process against its closed form, written down again in plain numpy."""

import jax
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from elterra.calibration import CalibrationError, prior_design
from elterra.calibration import gaussian_process as gpm

X = prior_design(2, 30, 0)
CLEAN = np.stack([np.sin(X[:, 0]) + 0.3 * X[:, 1], X[:, 0] * X[:, 1]], axis=1)
Y = CLEAN + 0.05 * np.random.default_rng(9).standard_normal(CLEAN.shape)


def _kernel(theta, a, b, kernel):
    lengths = np.exp(theta[:2])
    r = np.sqrt((((a[:, None] - b[None]) / lengths) ** 2).sum(axis=-1))
    if kernel == "rbf":
        shape = np.exp(-0.5 * r**2)
    else:
        shape = (1 + np.sqrt(5) * r + 5 * r**2 / 3) * np.exp(-np.sqrt(5) * r)
    amplitude, linear, quadratic = np.exp(2 * theta[2:5])
    return amplitude * shape + linear * a @ b.T + quadratic * (a @ b.T) ** 2


def _noise(theta):
    return np.exp(2 * theta[5]) + gpm.JITTER * (1 + np.exp(2 * theta[2]))


@pytest.mark.parametrize("kernel", ["matern52", "rbf"])
def test_predictions_are_those_of_the_closed_form(kernel):
    gp = gpm.fit(X, Y, kernel=kernel, restarts=1, rounds=15)
    new = prior_design(2, 7, 1)
    mean, variance = (np.asarray(a) for a in gpm.predict_many(gp, new, kernel))
    one = [np.asarray(a) for a in gpm.predict(gp, new[0], kernel)]
    np.testing.assert_allclose(one, [mean[0], variance[0]], rtol=1e-8)
    for j in range(2):
        theta, scale = np.asarray(gp.theta[j]), Y[:, j].std()
        k = _kernel(theta, X, X, kernel) + _noise(theta) * np.eye(30)
        cross = _kernel(theta, new, X, kernel)
        target = (Y[:, j] - Y[:, j].mean()) / scale
        np.testing.assert_allclose(
            mean[:, j], Y[:, j].mean() + scale * cross @ np.linalg.solve(k, target), atol=1e-6
        )
        rest = np.diag(_kernel(theta, new, new, kernel)) - (cross * np.linalg.solve(k, cross.T).T).sum(axis=1)
        expected = scale**2 * (rest + _noise(theta)) * float(gp.widen[j])
        np.testing.assert_allclose(variance[:, j], expected, rtol=1e-4, atol=1e-9)


def test_the_likelihood_is_that_of_a_normal_distribution_and_padding_does_nothing():
    theta = np.array([0.1, 0.3, -0.2, -1.0, -2.0, -2.0])
    y = (Y[:, 0] - Y[:, 0].mean()) / Y[:, 0].std()
    k = _kernel(theta, X, X, "matern52") + _noise(theta) * np.eye(30)
    exact = -multivariate_normal(np.zeros(30), k).logpdf(y) - 15 * np.log(2 * np.pi)
    exact += float(gpm._penalty(theta, 2))
    plain = gpm.negative_log_posterior(theta, X, np.ones(30, bool), y, "matern52")
    padded = gpm.negative_log_posterior(
        theta, np.concatenate([X, np.ones((9, 2))]), np.arange(39) < 30, np.append(y, np.zeros(9)), "matern52"
    )
    assert float(plain) == pytest.approx(exact, rel=1e-9)
    assert float(padded) == pytest.approx(exact, rel=1e-9)


def test_the_gradient_is_that_of_finite_differences():
    theta = np.array([0.1, 0.3, -0.2, -1.0, -2.0, -2.0])
    y = (Y[:, 0] - Y[:, 0].mean()) / Y[:, 0].std()

    def value(t):
        return gpm.negative_log_posterior(t, X, np.ones(30, bool), y, "matern52")

    slope = np.asarray(jax.grad(value)(theta))
    for i in range(6):
        step = np.zeros(6)
        step[i] = 1e-5
        assert slope[i] == pytest.approx(
            float(value(theta + step) - value(theta - step)) / 2e-5, rel=1e-4, abs=1e-5
        )


def test_left_out_predictions_are_those_of_a_process_without_the_point():
    gp = gpm.fit(X, Y, restarts=1, rounds=15)
    mean, variance = gpm.leave_one_out(gp, Y)
    theta, scale, centre = np.asarray(gp.theta[0]), float(gp.scale[0]), float(gp.centre[0])
    keep = np.arange(30) != 4
    k = _kernel(theta, X[keep], X[keep], "matern52") + _noise(theta) * np.eye(29)
    cross = _kernel(theta, X[4:5], X[keep], "matern52")
    expected = centre + scale * float(cross[0] @ np.linalg.solve(k, (Y[keep, 0] - centre) / scale))
    assert mean[4, 0] == pytest.approx(expected, abs=1e-6)
    rest = (
        _kernel(theta, X[4:5], X[4:5], "matern52")[0, 0]
        - cross[0] @ np.linalg.solve(k, cross[0])
        + _noise(theta)
    )
    assert variance[4, 0] == pytest.approx(scale**2 * rest * float(gp.widen[0]), rel=1e-4)


def test_training_finds_hyperparameters_that_predict():
    gp = gpm.fit(X, CLEAN, restarts=2, rounds=60)
    new = prior_design(2, 200, 3)
    mean, variance = (np.asarray(a) for a in gpm.predict_many(gp, new))
    truth = np.stack([np.sin(new[:, 0]) + 0.3 * new[:, 1], new[:, 0] * new[:, 1]], axis=1)
    assert (((truth - mean) ** 2).mean(axis=0) < 0.01 * truth.var(axis=0)).all()
    assert (((truth - mean) ** 2 / variance).mean(axis=0) < 4).all()


def test_unusable_training_sets_are_refused():
    with pytest.raises(CalibrationError, match="do not fit"):
        gpm.fit(X, Y[:5])
    with pytest.raises(CalibrationError, match="leave failed runs out"):
        gpm.fit(X, np.where(np.arange(30)[:, None] == 3, np.nan, Y))
