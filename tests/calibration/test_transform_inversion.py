import numpy as np
import pytest

from elterra.calibration import (
    CalibrationError,
    Prior,
    PriorError,
    next_temper,
    sample_prior,
    transform_step,
)

A = np.array([[1.0, 2.0], [3.0, 1.0], [0.5, -1.0]])
Y = np.array([3.0, 4.0, -0.5])
SD = np.sqrt([0.1, 0.2, 0.05])


def _prior_ensemble(members=50):
    raw = np.random.default_rng(0).normal(size=(2, members))
    raw -= raw.mean(axis=1, keepdims=True)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(raw)), raw)
    return np.array([[0.0], [1.0]]) + np.linalg.cholesky([[1.0, 0.3], [0.3, 0.5]]) @ white


@pytest.mark.parametrize("steps", [1, 4])
def test_linear_inverse_problem_whatever_the_split(steps):
    theta = _prior_ensemble()
    for _ in range(steps):
        theta = transform_step(theta, A @ theta, Y, SD, 1.0 / steps).parameters
    np.testing.assert_allclose(theta.mean(axis=1), [0.9717484927, 1.0210163652], atol=1e-9)
    np.testing.assert_allclose(
        np.cov(theta), [[0.0190525409, -0.0068561585], [-0.0068561585, 0.0172954350]], atol=1e-9
    )


def test_adaptive_steps_end_at_power_one():
    theta, done, steps = _prior_ensemble(), 0.0, 0
    while done < 1.0:
        power = next_temper(A @ theta, Y, SD, done)
        theta = transform_step(theta, A @ theta, Y, SD, power).parameters
        done, steps = done + power, steps + 1
    assert done == pytest.approx(1.0)
    assert 1 < steps < 30
    np.testing.assert_allclose(theta.mean(axis=1), [0.9717484927, 1.0210163652], atol=1e-9)


def test_failed_members_are_left_out_and_replaced():
    theta = _prior_ensemble()
    g = A @ theta
    g[:, [3, 7]] = np.nan
    step = transform_step(theta, g, Y, SD, 1.0)
    assert step.failed == (3, 7)
    assert np.isfinite(step.parameters).all()


def test_too_many_failures_are_an_error():
    theta = _prior_ensemble()
    g = A @ theta
    g[:, :30] = np.nan
    with pytest.raises(CalibrationError, match="20 of 50"):
        transform_step(theta, g, Y, SD, 1.0)


@pytest.mark.parametrize(
    "prior",
    [
        Prior("a", "normal", 2.0, 0.5),
        Prior("b", "lognormal", 3.0, 0.2, (1.0, 5.0)),
        Prior("c", "logit", 0.3, 0.8, (0.0, 1.0)),
    ],
)
def test_a_prior_has_its_median_and_keeps_its_bounds(prior):
    z = sample_prior([prior], 2000, seed=1)[0]
    x = prior.to_physical(z)
    assert np.median(x) == pytest.approx(prior.centre, rel=0.02)
    if prior.bounds:
        wide = prior.to_physical(np.linspace(-30, 30, 101))
        assert wide.min() >= prior.bounds[0]
        assert wide.max() <= prior.bounds[1]


def test_sample_is_repeatable_and_centred():
    priors = [Prior("a", "normal", 0.0, 1.0), Prior("b", "normal", 0.0, 1.0)]
    z = sample_prior(priors, 64, seed=5)
    np.testing.assert_array_equal(z, sample_prior(priors, 64, seed=5))
    np.testing.assert_allclose(z.mean(axis=1), 0.0, atol=1e-14)
    assert z.std(axis=1) == pytest.approx([1.0, 1.0], abs=0.05)


def test_impossible_priors_are_refused_by_name():
    with pytest.raises(PriorError, match="k_decomp"):
        Prior("k_decomp", "lognormal", 0.0, 0.2)
