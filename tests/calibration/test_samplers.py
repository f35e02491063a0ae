"""NUTS, HMC, stretch moves and pCN on a normal posterior with known moments."""

import jax.numpy as jnp
import numpy as np
import pytest

from elterra.calibration import (
    CalibrationError,
    bulk_ess,
    sample_hamiltonian,
    sample_pcn,
    sample_stretch,
    split_rhat,
)

SLOPE = np.array([[2.0, 0.5, 0.0], [0.0, 1.0, -1.0]])
PULL = np.array([1.0, -0.5])
TRUE_COVARIANCE = np.linalg.inv(np.eye(3) + SLOPE.T @ SLOPE)
TRUE_MEAN = TRUE_COVARIANCE @ SLOPE.T @ PULL
START = np.random.default_rng(0).standard_normal((16, 3))


def _likelihood(z):
    return -0.5 * ((z @ SLOPE.T - PULL) ** 2).sum(axis=-1)


def _density(z, pull):
    misfit = SLOPE @ z - pull
    return -0.5 * (z @ z + misfit @ misfit)


def _check(samples):
    assert (split_rhat(samples) < 1.05).all()
    error = np.sqrt(np.diag(TRUE_COVARIANCE) / bulk_ess(samples))
    flat = samples.reshape(-1, 3)
    assert (np.abs(flat.mean(axis=0) - TRUE_MEAN) < 4 * error).all()
    np.testing.assert_allclose(np.cov(flat.T), TRUE_COVARIANCE, atol=0.06)


@pytest.mark.parametrize("method", ["nuts", "hmc"])
def test_paths_with_gradients(method):
    found = sample_hamiltonian(
        _density, START[:4], arguments=(jnp.asarray(PULL),), draws=600, warm_up=200, method=method,
        covariance=TRUE_COVARIANCE,
    )  # fmt: skip
    assert found.divergences == 0
    assert 0.5 < found.acceptance <= 1.0
    _check(found.samples)
    again = sample_hamiltonian(
        _density, START[:4], arguments=(jnp.asarray(PULL),), draws=600, warm_up=200, method=method,
        covariance=TRUE_COVARIANCE,
    )  # fmt: skip
    np.testing.assert_array_equal(found.samples, again.samples)


def test_divergences_are_told():
    found = sample_hamiltonian(
        lambda z: -jnp.where(jnp.abs(z[0]) < 0.3, 0.0, 1e6 * (jnp.abs(z[0]) - 0.3)) - 0.5 * (z**2).sum(),
        0.01 * START[:2],
        draws=100,
        warm_up=20,
    )
    assert found.divergences > 0


def test_stretch_moves():
    found = sample_stretch(
        lambda z: _likelihood(z) - 0.5 * (z**2).sum(axis=-1), START, draws=3000, burn_in=500, thin=2
    )
    assert 0.3 < found.accepted < 0.9
    _check(found.samples)
    with pytest.raises(CalibrationError, match="even number of at least 8 walkers"):
        sample_stretch(_likelihood, START[:6], draws=1, burn_in=0)


def test_preconditioned_crank_nicolson():
    found = sample_pcn(_likelihood, START, draws=2500, burn_in=500, thin=4)
    assert 0.15 < found.accepted < 0.5
    _check(found.samples)


def test_pcn_without_data_gives_back_the_prior():
    found = sample_pcn(lambda z: np.zeros(len(z)), START, draws=500, burn_in=100)
    assert found.accepted == 1.0
    np.testing.assert_allclose(np.cov(found.samples.reshape(-1, 3).T), np.eye(3), atol=0.1)


def test_a_start_without_probability_is_refused():
    with pytest.raises(CalibrationError, match="16 chains start where"):
        sample_pcn(lambda z: np.full(len(z), np.nan), START, draws=1, burn_in=0)
