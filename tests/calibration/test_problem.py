"""The door to the model: counting, remembering, failing."""

import numpy as np
import pytest

from elterra.calibration import CalibrationError, Data, InverseProblem, Runs

from .problems import STANDARD, VARIANCE, Y, linear, linear_problem


def test_a_run_is_made_once():
    asked = []

    def forward(x):
        asked.append(len(x))
        return linear(x)

    problem = InverseProblem(forward, STANDARD, Data(Y, VARIANCE))
    z = np.random.default_rng(0).normal(size=(6, 2))
    first = problem.evaluate(np.concatenate([z, z[:2]]))
    again = problem.evaluate(np.concatenate([z[3:], z[:1] + 1.0]))
    assert asked == [6, 1]
    assert problem.runs == 7
    np.testing.assert_array_equal(first.white[3:6], again.white[:3])
    np.testing.assert_allclose(first.white[:6], linear(z) / np.sqrt(VARIANCE))


def test_failed_members_are_counted_and_too_many_are_an_error():
    def forward(x):
        out = linear(x)
        out[x[:, 0] > 0] = np.nan
        out[x[:, 1] > 2, 1] = np.inf
        return out

    problem = InverseProblem(forward, STANDARD, Data(Y, VARIANCE), minimum_success=0.5)
    runs = problem.evaluate(np.array([[-1.0, 0.0], [-2.0, 0.0], [1.0, 0.0], [-1.0, 3.0]]))
    assert runs.good.tolist() == [True, True, False, False]
    assert problem.failed == 2
    assert np.isnan(runs.white[2:]).all()
    assert len(runs.survivors().z) == 2
    with pytest.raises(CalibrationError, match="only 1 of 3 members"):
        problem.evaluate(np.array([[-1.0, 0.0], [1.0, 0.0], [2.0, 0.0]]))


def test_a_forward_map_of_another_shape_is_refused():
    problem = InverseProblem(lambda x: linear(x).T, STANDARD, Data(Y, VARIANCE))
    with pytest.raises(CalibrationError, match=r"expected \[member, n\]"):
        problem.evaluate(np.array([[0.0, 0.0], [1.0, 1.0]]))
    with pytest.raises(CalibrationError, match="z must be finite"):
        linear_problem().evaluate(np.array([[0.0, np.nan]]))


def test_joined_runs_hold_each_parameter_once():
    problem = linear_problem()
    z = np.random.default_rng(1).normal(size=(5, 2))
    joined = Runs.join([problem.evaluate(z[:3]), problem.evaluate(z[1:])])
    np.testing.assert_array_equal(joined.z, z)
