"""Groups with site effects against a normal model that can be solved on a grid."""

import jax.numpy as jnp
import numpy as np
import pytest

from elterra.calibration import CalibrationError, Hierarchy, sample_hamiltonian, split_rhat
from elterra.calibration.hierarchical import TAU_SPREAD


def test_sites_of_a_group_share_what_does_not_vary():
    model = Hierarchy(group=(0, 1, 0), varies=(True, False), scale=0.3)
    assert model.unknowns == 2 * 2 + 1 + 3
    q = jnp.asarray(np.random.default_rng(0).normal(size=(5, model.unknowns)))
    mu, tau, z = model.unpack(q)
    assert mu.shape == (5, 2, 2)
    assert z.shape == (5, 3, 2)
    np.testing.assert_array_equal(z[:, 0, 1], z[:, 2, 1])
    np.testing.assert_array_equal(tau[:, 1], 0.0)
    np.testing.assert_allclose(z[:, 1, 0], mu[:, 1, 0] + tau[:, 0] * q[:, 6], rtol=1e-12)


def test_the_posterior_is_that_of_a_grid_over_the_spread_of_sites():
    y, sd = np.array([1.6, 0.2, 0.9, 1.4, -0.3]), 0.3
    model = Hierarchy(group=(0,) * 5, varies=(True,), scale=0.5)

    def likelihood(z, observed):
        return -0.5 * ((z[0] - observed) / sd) ** 2

    found = sample_hamiltonian(
        model.posterior(likelihood),
        0.3 * np.random.default_rng(0).normal(size=(4, model.unknowns)),
        arguments=(tuple(jnp.asarray(one) for one in y),),
        draws=1500,
        warm_up=400,
    )
    assert (split_rhat(found.samples) < 1.02).all()
    mu, tau, z = (np.asarray(a) for a in model.unpack(found.samples.reshape(-1, model.unknowns)))
    # exact: given w the model is normal
    w = np.linspace(-5, 5, 801)
    weight, mean, site = [], [], []
    for one in w:
        t = 0.5 * np.exp(TAU_SPREAD * one)
        covariance = np.ones((5, 5)) + (t**2 + sd**2) * np.eye(5)
        inverse = np.linalg.inv(covariance)
        weight.append(np.exp(-0.5 * one**2 - 0.5 * y @ inverse @ y) / np.sqrt(np.linalg.det(covariance)))
        mean.append(np.ones(5) @ inverse @ y)
        site.append((np.ones(5) + t**2 * np.eye(5)[0]) @ inverse @ y)
    weight = np.array(weight) / np.sum(weight)
    assert mu[:, 0, 0].mean() == pytest.approx(weight @ mean, abs=0.03)
    assert z[:, 0, 0].mean() == pytest.approx(weight @ site, abs=0.03)
    assert np.log(tau[:, 0]).mean() == pytest.approx(weight @ (np.log(0.5) + TAU_SPREAD * w), abs=0.05)


def test_groups_without_a_site_are_refused():
    with pytest.raises(CalibrationError, match="groups must be numbered"):
        Hierarchy(group=(0, 2), varies=(True,))
