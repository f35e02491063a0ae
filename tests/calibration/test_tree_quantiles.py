import numpy as np
import pytest

from elterra.calibration import CalibrationError, Data, InverseProblem, prior_design, train_trees

from .problems import STANDARD


def _steps(x):
    return np.stack([np.where(x[:, 0] > 0.3, 4.0, 0.0), np.sin(2 * x[:, 1])], axis=1)


PROBLEM = InverseProblem(_steps, STANDARD, Data(np.zeros(2), np.full(2, 0.01)))


def test_a_step_is_emulated_and_its_uncertainty_covers_what_was_left_out():
    emulator = train_trees(PROBLEM.evaluate(prior_design(2, 300, 0)))
    assert emulator.validation.r2.min() > 0.8
    assert (emulator.validation.chi2 < 1.5).all()
    new = PROBLEM.evaluate(prior_design(2, 200, 5))
    mean, variance = emulator.predict(new.z)
    error = emulator.reduction.reduce(new.white) - mean
    assert (1 - error.var(axis=0) / emulator.reduction.reduce(new.white).var(axis=0)).min() > 0.8
    assert (np.abs(error) < 1.645 * np.sqrt(variance)).mean() > 0.8
    again, _ = train_trees(PROBLEM.evaluate(prior_design(2, 300, 0))).predict(new.z)
    np.testing.assert_array_equal(mean, again)


def test_too_few_runs_are_refused():
    with pytest.raises(CalibrationError, match="need 50 runs"):
        train_trees(PROBLEM.evaluate(prior_design(2, 20, 0)))
