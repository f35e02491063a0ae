"""Several ensembles as columns of one batch."""

from __future__ import annotations

import numpy as np
import pytest

from elterra.pipeline.reanalysis.station import ForcingError, Part, joined


class Columns:
    """A batch that moves a state as `StationModel` does, without a land model."""

    def __init__(self) -> None:
        self.columns = [slice(0, 3), slice(3, 5)]
        self.members = 5
        self.s = np.arange(5.0) ** 2 + 0.1

    def analyse(self, transforms):
        before = self.s
        self.s = self.s @ transforms["water"]
        return {"water": self.s - before}

    def state(self):
        return {"s": self.s}

    def restore(self, state):
        self.s = np.array(state["s"])


def test_an_analysis_of_one_ensemble_leaves_the_others_to_the_bit():
    batch = Columns()
    start = batch.s.copy()
    draw = np.random.default_rng(1).random((3, 3))
    transform = draw / draw.sum(axis=0)
    increments = Part(batch, 0).analyse({"water": transform})["water"]
    assert np.array_equal(batch.s[3:], start[3:])
    assert batch.s[:3] == pytest.approx(start[:3] @ transform, rel=1e-14)
    assert increments.shape == (3,)


def test_the_first_ensemble_carries_the_state_of_the_batch():
    batch = Columns()
    first, second = Part(batch, 0), Part(batch, 1)
    kept = {k: v.copy() for k, v in first.state().items()}
    assert second.state() == {}
    batch.s = batch.s + 1.0
    second.restore({})
    first.restore(kept)
    assert np.array_equal(batch.s, kept["s"])


def test_an_ensemble_of_a_batch_is_not_forecast_alone():
    with pytest.raises(RuntimeError, match="forecast_all"):
        Part(Columns(), 1).forecast(0, {})


def test_parameters_are_joined_in_the_order_of_the_ensembles():
    both = joined([{"a": np.array([1.0, 2.0])}, {"a": np.array([3.0])}])
    assert both["a"].tolist() == [1.0, 2.0, 3.0]


def test_weather_errors_of_an_ensemble_do_not_depend_on_its_neighbours():
    error = ForcingError({})
    alone, beside = error.start((4,), seed=3), error.start((4, 2), seed=3)
    assert np.array_equal(beside[:, :4], alone)
    assert np.abs(beside[:, 4:].mean(axis=1)).max() < 1e-15
    moved = error.step(beside, (4, 2), 3, 1)
    assert np.array_equal(moved[:, :4], error.step(alone, (4,), 3, 1))
