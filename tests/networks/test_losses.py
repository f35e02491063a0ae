"""Losses: values known by hand, invariances, minima where they belong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elterra.networks import (
    Gaussian,
    gaussian_crps,
    gaussian_nll,
    huber,
    mass_weights,
    pinball,
    ratio_bounds,
    steady_state_residual,
    weighted_mean,
)

RNG = np.random.default_rng(0)


def draw(*shape):
    return jnp.asarray(RNG.standard_normal(shape), jnp.float32)


def test_huber_is_quadratic_then_linear():
    one = jnp.ones(1)
    assert float(huber(jnp.asarray([0.5]), one)) == pytest.approx(0.125)
    assert float(huber(jnp.asarray([-3.0]), one)) == pytest.approx(2.5)
    assert float(huber(jnp.asarray([3.0]), one, delta=2.0)) == pytest.approx(4.0)


def test_weights_are_shared_between_area_and_mass():
    pools, area = jnp.asarray([[3.0, 1.0], [0.0, 4.0]]), jnp.asarray([1.0, 3.0])
    weight = mass_weights(pools, area, equal=0.5)
    assert float(weight.sum()) == pytest.approx(1.0)
    np.testing.assert_allclose(weight[0], [0.5 / 8 + 0.5 * 3 / 16, 0.5 / 8 + 0.5 / 16], rtol=1e-6)
    nothing = mass_weights(jnp.asarray([[jnp.nan]]), jnp.zeros(1))
    assert float(nothing.sum()) == 0.0


@pytest.mark.parametrize("name", ["huber", "nll", "crps", "pinball", "ratio", "steady"])
def test_what_has_no_weight_has_no_effect_and_no_gradient(name):
    x, y = draw(6), draw(6)
    weight = jnp.asarray([1.0, 2.0, 0.0, 1.0, 0.0, 1.0])

    def loss(x, y):
        if name == "huber":
            return huber(x - y, weight)
        if name == "nll":
            return gaussian_nll(Gaussian(x, 0.1 * x), y, weight, beta=0.5)
        if name == "crps":
            return gaussian_crps(Gaussian(x, 0.1 * x), y, weight)
        if name == "pinball":
            return pinball(jnp.stack([x, x + 1.0], -1), y, weight, (0.1, 0.9))
        if name == "ratio":
            return ratio_bounds(jnp.exp(x), jnp.exp(y), jnp.asarray(0.5), jnp.asarray(0.8), weight)
        eye = jnp.broadcast_to(jnp.eye(2, dtype=jnp.float32), (6, 2, 2))
        return steady_state_residual(jnp.stack([x, x], -1), jnp.stack([y, y], -1), eye, weight)

    value = loss(x, y)
    spoilt = y.at[2].set(jnp.nan).at[4].set(jnp.inf)
    np.testing.assert_allclose(loss(x, spoilt), value, rtol=1e-6)
    gradient = np.asarray(jax.grad(loss)(x, spoilt))
    assert np.isfinite(gradient).all()
    assert gradient[[2, 4]].tolist() == [0.0, 0.0]
    assert np.abs(gradient).max() > 0.0


def test_likelihood_and_crps_are_least_at_the_truth():
    truth = jnp.asarray(2.0 + 0.5 * RNG.standard_normal(5_000), jnp.float32)
    one = jnp.ones_like(truth)

    def best(score):
        gradient = jax.grad(lambda p: score(Gaussian(p[0] + 0 * truth, p[1] + 0 * truth), truth, one))
        step = jax.jit(lambda p: jax.lax.fori_loop(0, 800, lambda _, q: q - 0.3 * gradient(q), p))
        return np.asarray(step(jnp.zeros(2, jnp.float32)))

    for score in (gaussian_nll, gaussian_crps):
        mean, log_variance = best(score)
        assert mean == pytest.approx(2.0, abs=0.03)
        assert np.exp(0.5 * log_variance) == pytest.approx(0.5, abs=0.03)


def test_crps_of_a_narrow_normal_is_the_absolute_error():
    found = Gaussian(jnp.asarray([1.0]), jnp.asarray([-20.0]))
    assert float(gaussian_crps(found, jnp.asarray([3.0]), jnp.ones(1))) == pytest.approx(2.0, rel=1e-3)


def test_beta_weighs_by_the_predicted_variance_without_a_gradient():
    def slope(beta, log_variance):
        def f(m):
            return gaussian_nll(
                Gaussian(m, jnp.asarray([log_variance])), jnp.zeros(1), jnp.ones(1), beta=beta
            )

        return float(jax.grad(f)(jnp.asarray([1.0]))[0])

    assert slope(1.0, 3.0) == pytest.approx(slope(1.0, -1.0))  # as in least squares
    assert slope(0.0, 3.0) == pytest.approx(np.exp(-3.0), rel=1e-5)


def test_pinball_is_least_at_the_quantiles():
    truth = jnp.asarray(RNG.standard_normal(50_001), jnp.float32)
    levels = (0.1, 0.5, 0.9)
    exact = np.quantile(truth, levels)

    def value(q):
        return float(
            pinball(
                jnp.broadcast_to(jnp.asarray(q, jnp.float32), (50_001, 3)), truth, jnp.ones(50_001), levels
            )
        )

    base = value(exact)
    assert all(value(exact + step) > base for step in 0.1 * np.vstack([np.eye(3), -np.eye(3)]))


def test_the_steady_state_has_no_residual_and_half_a_pool_has_half():
    rate = jnp.asarray(RNG.uniform(0.1, 1.0, (4, 3, 3)), jnp.float32) * 0.1
    operator = jnp.eye(3, dtype=jnp.float32) - rate
    pools = jnp.asarray(RNG.uniform(1.0, 2.0, (4, 3)), jnp.float32)
    inputs = jnp.einsum("cij,cj->ci", operator, pools)
    one = jnp.ones(4)
    assert float(steady_state_residual(pools, inputs, operator, one)) < 1e-5
    assert float(steady_state_residual(0.5 * pools, inputs, operator, one)) == pytest.approx(0.5, rel=1e-4)
    both = 1e3 * inputs, 1e3 * operator
    assert float(steady_state_residual(0.5 * pools, *both, one)) == pytest.approx(0.5, rel=1e-4)


def test_ratios_within_bounds_cost_nothing():
    low, high, one = jnp.asarray(10.0), jnp.asarray(20.0), jnp.ones(1)
    assert float(ratio_bounds(jnp.asarray([150.0]), jnp.asarray([10.0]), low, high, one)) == 0.0
    assert float(ratio_bounds(jnp.asarray([400.0]), jnp.asarray([10.0]), low, high, one)) == pytest.approx(
        np.log(2)
    )
    assert float(ratio_bounds(jnp.asarray([50.0]), jnp.asarray([10.0]), low, high, one)) == pytest.approx(
        np.log(2)
    )
    assert float(ratio_bounds(jnp.asarray([0.0]), jnp.asarray([10.0]), low, high, one)) == 0.0


def test_a_mean_without_weight_is_zero():
    assert float(weighted_mean(jnp.asarray([jnp.nan]), jnp.zeros(1))) == 0.0
