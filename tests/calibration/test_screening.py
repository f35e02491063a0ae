"""Sobol indices of functions with known ones, Morris effects, and parameters that do nothing."""

import numpy as np
import pytest
from scipy.special import ndtr

from elterra.calibration import (
    Data,
    InverseProblem,
    Prior,
    WithoutEffect,
    morris_effects,
    refuse_without_effect,
    sobol_indices,
)
from elterra.calibration.gaussian_process import fit, predict_many


def _ishigami(z):
    u = -np.pi + 2 * np.pi * ndtr(z)
    return (np.sin(u[:, 0]) + 7 * np.sin(u[:, 1]) ** 2 + 0.1 * u[:, 2] ** 4 * np.sin(u[:, 0]))[:, None]


def test_indices_of_the_ishigami_function():
    found = sobol_indices(_ishigami, 3, power=13)
    np.testing.assert_allclose(found.first[:, 0], [0.313905191, 0.442411145, 0.0], atol=0.01)
    np.testing.assert_allclose(found.total[:, 0], [0.557588855, 0.442411145, 0.243683664], atol=0.01)
    assert found.mean[0] == pytest.approx(3.5, abs=0.05)
    assert found.variance[0] == pytest.approx(13.84458794, rel=0.01)


def test_indices_of_a_linear_function_through_an_emulator():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((60, 3))
    gp = fit(z, z @ np.array([[3.0], [1.0], [0.0]]), restarts=1, rounds=30)
    found = sobol_indices(lambda x: np.asarray(predict_many(gp, x)[0]), 3, power=9)
    np.testing.assert_allclose(found.first[:, 0], [0.9, 0.1, 0.0], atol=0.01)
    np.testing.assert_allclose(found.total[:, 0], [0.9, 0.1, 0.0], atol=0.01)


def test_effects_of_a_linear_function_are_its_slopes():
    found = morris_effects(lambda z: z @ np.array([[2.0, 0.0], [-1.0, 0.5], [0.0, 0.0]]), 3, paths=10)
    np.testing.assert_allclose(found.strength, [[2.0, 0.0], [1.0, 0.5], [0.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(found.spread, 0.0, atol=1e-12)


def _problem(weak):
    def forward(x):
        return np.stack([x[:, 0] + weak * x[:, 2], x[:, 0] * x[:, 1]], axis=1)

    priors = [Prior(name, "normal", 1.0, 0.5) for name in ("strong", "mixed", "idle")]
    return InverseProblem(forward, priors, Data(np.ones(2), np.ones(2)))


def test_a_parameter_without_effect_is_refused_by_name():
    with pytest.raises(WithoutEffect, match="idle: moved by 2 prior sd"):
        refuse_without_effect(_problem(0.0), np.array([1.0, 1.0, 0.01]))


def test_a_parameter_with_a_small_effect_is_named_and_kept():
    problem = _problem(1e-3)
    assert refuse_without_effect(problem, np.array([1.0, 1.0, 0.01])) == ("idle",)
    assert problem.runs == 3
    assert refuse_without_effect(problem, np.ones(3)) == ()
