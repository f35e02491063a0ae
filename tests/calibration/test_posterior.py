"""The likelihood through an emulator against a dense normal distribution."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from elterra.calibration import (
    Data,
    InverseProblem,
    ModelDiscrepancy,
    Prior,
    likelihood_without_gradient,
    log_likelihood,
    prior_design,
    target_of,
    train,
)

N = 6
RNG = np.random.default_rng(0)
SLOPE = RNG.normal(size=(N, 2))
DATA = Data(RNG.normal(size=N), RNG.uniform(0.1, 0.3, N))


@pytest.fixture(scope="module")
def emulator():
    problem = InverseProblem(
        lambda x: x @ SLOPE.T + 0.2 * x[:, :1] ** 2,
        [Prior("a", "normal", 0.0, 1.0), Prior("b", "normal", 0.0, 1.0)],
        DATA,
    )
    # few runs on purpose: the variance of the emulator must matter
    return train(problem.evaluate(prior_design(2, 8, 0)), restarts=1, rounds=10)


def _dense(emulator, z, extra):
    mean, variance = emulator.predict(z[None])
    basis = emulator.reduction.basis
    covariance = np.eye(N) + basis @ np.diag(variance[0]) @ basis.T + extra
    at = emulator.reduction.mean + basis @ mean[0]
    return multivariate_normal(at, covariance).logpdf(DATA.white) + 0.5 * N * np.log(2 * np.pi)


def test_the_variance_of_the_emulator_enters_the_likelihood(emulator):
    plain = likelihood_without_gradient(emulator, DATA)
    for z in ([0.3, -0.4], [4.0, 3.0]):
        z = np.array(z)
        exact = _dense(emulator, z, 0.0)
        assert float(log_likelihood(z, target_of(emulator, DATA))) == pytest.approx(exact, rel=1e-6)
        assert plain(z[None])[0] == pytest.approx(exact, rel=1e-6)


def test_a_discrepancy_of_the_model_widens_the_likelihood(emulator):
    shape = np.stack([np.ones(N), np.linspace(-1, 1, N)], axis=1)
    target = target_of(emulator, DATA, ModelDiscrepancy(shape, amplitude=0.5, spread=0.7))
    wrong = DATA.whiten(shape.T).T
    for w in (-1.0, 0.0, 2.0):
        z, tau = np.array([0.3, -0.4]), 0.5 * np.exp(0.7 * w)
        exact = _dense(emulator, z, tau**2 * wrong @ wrong.T)
        assert float(log_likelihood(np.append(z, w), target)) == pytest.approx(exact, rel=1e-6)
