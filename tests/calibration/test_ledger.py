"""Runs on disk: never repeated, never mixed up."""

import json

import numpy as np
import pytest

from elterra.calibration import CalibrationError, Data, InverseProblem, invert
from elterra.calibration.ledger import Ledger

from .problems import STANDARD, VARIANCE, Y, linear


class Killed(Exception):
    pass


class Model:
    """Counts its runs and dies after ``alive`` batches."""

    def __init__(self, alive=10**6):
        self.runs, self.alive = 0, alive

    def __call__(self, x):
        if self.alive == 0:
            raise Killed
        self.alive -= 1
        self.runs += len(x)
        return linear(x)


def _problem(model, folder):
    return InverseProblem(model, STANDARD, Data(Y, VARIANCE), folder=folder, identity={"model": "linear 1"})


def test_a_killed_inversion_resumes_with_the_same_bits_and_repeats_no_run(tmp_path):
    whole_model = Model()
    whole = invert(_problem(whole_model, None), "eki", members=20, seed=3)
    with pytest.raises(Killed):
        invert(_problem(Model(alive=2), tmp_path), "eki", members=20, seed=3)
    rest = Model()
    resumed = invert(_problem(rest, tmp_path), "eki", members=20, seed=3)
    assert rest.runs == whole_model.runs - 40
    np.testing.assert_array_equal(resumed.ensemble, whole.ensemble)
    np.testing.assert_array_equal(resumed.runs.white, whole.runs.white)
    third = Model()
    invert(_problem(third, tmp_path), "eki", members=20, seed=3)
    assert third.runs == 0


def test_failed_runs_are_remembered_as_failed(tmp_path):
    ledger = Ledger("x", tmp_path)
    ledger.add(np.array([[0.0, 1.0]]), np.array([[np.nan, 2.0]]))
    np.testing.assert_array_equal(Ledger("x", tmp_path).find(np.array([-0.0, 1.0])), [np.nan, 2.0])
    assert Ledger("x", tmp_path).find(np.array([0.0, np.nextafter(1.0, 2.0)])) is None


def test_runs_of_another_problem_are_refused(tmp_path):
    _problem(Model(), tmp_path)
    other = InverseProblem
    with pytest.raises(CalibrationError, match="another problem"):
        other(Model(), STANDARD, Data(Y, VARIANCE), folder=tmp_path, identity={"model": "linear 2"})
    assert json.loads((tmp_path / "ledger.json").read_text())["identity"] == {"model": "linear 1"}
