"""Samplers on problems whose answer is known: Gaussian data, linear observations, mixtures."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from elterra.downscaling.nets import (
    denoiser_of,
    dpm_solver_2s,
    heun,
    noise_levels,
    observed,
    projected,
    schedule,
    training_loss,
)
from elterra.errors import InputError


def exact(sd):
    return lambda x, sigma: x * sd**2 / (sd**2 + sigma**2)


def counted(denoise):
    calls = []

    def wrapped(x, sigma):
        jax.debug.callback(lambda: calls.append(1))
        return denoise(x, sigma)

    return wrapped, calls


def gain(sampler, levels, sd=1.0):
    """Standard deviation of samples over that of the data: a linear denoiser makes the sampler a factor."""
    start = jnp.ones((1,))
    return float(jnp.abs(sampler(exact(sd), start, levels)[0])) / sd


@pytest.mark.parametrize("sampler", [dpm_solver_2s, heun])
def test_the_spread_of_gaussian_samples_is_right_within_two_per_cent_and_forty_calls(sampler):
    denoise, calls = counted(exact(1.0))
    sampler(denoise, jnp.ones((3,)), schedule())
    jax.effects_barrier()
    assert len(calls) == 39
    assert gain(sampler, schedule()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("sampler", [dpm_solver_2s, heun])
def test_samplers_are_of_second_order(sampler):
    """Four times the levels: the error falls by more than eight."""
    few, many = (abs(gain(sampler, schedule(n, 20.0, 1e-3)) - 1.0) for n in (40, 160))
    assert many < few / 8


def test_published_inflation_of_heun_is_found():
    """18 levels from 80 to 0.002 on data of standard deviation 0.5 inflate it by 5.7 per cent."""
    assert gain(heun, schedule(18, 80.0, 0.002), sd=0.5) == pytest.approx(1.057, abs=0.003)


def test_fresh_noise_keeps_the_spread():
    noise = jax.random.normal(jax.random.key(0), (100_000,))
    found = dpm_solver_2s(exact(1.0), noise, schedule(), key=jax.random.key(1), churn=2.5)
    assert float(found.std()) == pytest.approx(1.0, abs=0.04)
    with pytest.raises(InputError, match="give a key"):
        heun(exact(1.0), noise, schedule(), churn=1.0)


def test_a_mixture_keeps_its_two_humps_and_their_weights():
    centres, weights, sd = jnp.array([-2.0, 2.0]), jnp.array([0.3, 0.7]), 0.3

    def denoise(x, sigma):
        v = sd**2 + sigma**2
        log = jnp.log(weights) - (x[..., None] - centres) ** 2 / (2 * v)
        share = jax.nn.softmax(log, axis=-1)
        return jnp.sum(share * (centres + sd**2 / v * (x[..., None] - centres)), axis=-1)

    found = dpm_solver_2s(denoise, jax.random.normal(jax.random.key(2), (50_000,)), schedule())
    assert float((found > 0).mean()) == pytest.approx(0.7, abs=0.02)
    assert float(found[found > 0].std()) == pytest.approx(sd, rel=0.05)


def correlated_field(n=40, length=5.0):
    cov = np.exp(-np.abs(np.subtract.outer(np.arange(n), np.arange(n))) / length)
    values, vectors = np.linalg.eigh(cov)

    def denoise(x, sigma):
        return (vectors * (values / (values + sigma**2))) @ (vectors.T @ x)

    return cov, denoise


def sample_many(denoise, n, count=8000, levels=20, seed=3):
    noise = jax.random.normal(jax.random.key(seed), (count, n))
    return np.asarray(jax.jit(jax.vmap(lambda z: dpm_solver_2s(denoise, z, schedule(levels))))(noise))


def test_the_posterior_of_a_linear_gaussian_problem_is_found():
    """Mean within 3 % of the prior's standard deviation, posterior standard deviations within 3 %."""
    cov, denoise = correlated_field()
    operator = np.zeros((4, 40))
    operator[0, 5] = operator[1, 20] = 1.0
    operator[2, 25:35] = 0.1
    operator[3] = np.linspace(-0.05, 0.05, 40)
    variance = np.array([0.01, 0.25, 0.04, 0.04])
    values = np.array([1.5, -1.0, 0.8, 0.3])
    gain_ = cov @ operator.T @ np.linalg.inv(operator @ cov @ operator.T + np.diag(variance))
    mean, posterior = gain_ @ values, cov - gain_ @ operator @ cov
    found = sample_many(observed(denoise, lambda x: operator @ x, values, variance), 40)
    assert np.abs(found.mean(axis=0) - mean).max() < 0.03 + 4 / np.sqrt(len(found))
    assert np.sqrt(np.mean((found.mean(axis=0) - mean) ** 2)) < 0.03
    ratio = found.std(axis=0) / np.sqrt(np.diag(posterior))
    assert abs(ratio.mean() - 1) < 0.03
    assert np.abs(ratio - 1).max() < 0.03 + 4 / np.sqrt(2 * len(found))


def test_the_cheap_guidance_pulls_towards_the_data():
    _, denoise = correlated_field()
    plain = sample_many(denoise, 40, count=500)
    guided = sample_many(
        observed(denoise, lambda x: x[5:6], np.array([2.0]), np.array([0.01]), gamma=1.0), 40, count=500
    )
    assert abs(plain[:, 5].mean()) < 0.2
    assert guided[:, 5].mean() > 1.5


def test_a_projected_denoiser_samples_on_its_constraint():
    from elterra.downscaling import Aggregation, additive

    aggregation = Aggregation.of_factor((8, 8), 4)
    target = np.array([[1.0, -1.0], [0.5, 2.0]])
    denoise = projected(exact(1.0), lambda x: additive(x, target, aggregation))
    noise = jax.random.normal(jax.random.key(4), (500, 8, 8))
    found = np.asarray(dpm_solver_2s(denoise, noise, schedule()))
    np.testing.assert_allclose(aggregation.mean(found), np.broadcast_to(target, (500, 2, 2)), atol=1e-12)
    # what is left free keeps its variance: 15 of 16 directions of a cell
    free = found - aggregation.spread(aggregation.mean(found))
    assert free.std() == pytest.approx(np.sqrt(15 / 16), rel=0.03)


def test_the_perfect_network_of_gaussian_data_gives_the_exact_denoiser_and_the_least_loss():
    def network(x, condition, log_noise):
        return 0.0 * x  # for data of the assumed spread the skip is all there is

    x = jax.random.normal(jax.random.key(5), (4, 100))
    np.testing.assert_allclose(denoiser_of(network, None)(x, 0.7), exact(1.0)(x, 0.7), rtol=1e-12)
    clean = jax.random.normal(jax.random.key(6), (200_000,))
    for sigma in (0.1, 1.0, 10.0):
        loss = training_loss(network, clean, None, sigma, jax.random.key(7))
        assert float(loss) == pytest.approx(1.0, abs=0.02)
    levels = noise_levels(jax.random.key(8), 20_000)
    assert float(jnp.log(levels).std()) == pytest.approx(1.2, abs=0.03)


def test_a_schedule_that_does_not_fall_is_refused():
    with pytest.raises(InputError, match="falling"):
        schedule(20, 0.01, 1.0)
