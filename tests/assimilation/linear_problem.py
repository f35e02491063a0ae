"""A linear-Gaussian inverse problem with its exact posterior, shared by the tests of this folder."""

import numpy as np

from elterra.assimilation import ObservationBatch

A = np.array([[1.0, 2.0], [3.0, 1.0], [0.5, -1.0]])
SD = np.sqrt([0.1, 0.2, 0.05])
Y = np.array([3.0, 4.0, -0.5])
MEAN, COVARIANCE = np.array([0.0, 1.0]), np.array([[1.0, 0.3], [0.3, 0.5]])
POSTERIOR_MEAN = np.array([0.9717484927, 1.0210163652])
POSTERIOR_COVARIANCE = np.array([[0.0190525409, -0.0068561585], [-0.0068561585, 0.0172954350]])
LOG_EVIDENCE = -3.5278688812


def exact_ensemble(mean, covariance, members, seed=0):
    """Sample mean and covariance are exactly those asked for."""
    raw = np.random.default_rng(seed).normal(size=(len(mean), members))
    raw -= raw.mean(axis=1, keepdims=True)
    white = np.linalg.solve(np.linalg.cholesky(np.atleast_2d(np.cov(raw))), raw)
    return mean[:, None] + np.linalg.cholesky(covariance) @ white


def prior(members=40, seed=0):
    return exact_ensemble(MEAN, COVARIANCE, members, seed)


def batch(value=Y, sd=SD, group=None):
    value = np.asarray(value, dtype=float)
    kinds = np.zeros(len(value), dtype=int) if group is None else np.asarray(group)
    return ObservationBatch(value, np.broadcast_to(np.asarray(sd, dtype=float), value.shape).copy(), kinds)


def assert_exact(posterior, atol=1e-8):
    np.testing.assert_allclose(posterior.mean(axis=1), POSTERIOR_MEAN, atol=atol)
    np.testing.assert_allclose(np.cov(posterior), POSTERIOR_COVARIANCE, atol=atol)
