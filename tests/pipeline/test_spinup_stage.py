"""The stage `spinup`: years of the record side by side, each column handing its state on to the next year."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from elterra.land import Fields
from elterra.pipeline.reanalysis.own_start import DAYS, first_days
from elterra.pipeline.reanalysis.station import StationModel
from elterra.pipeline.steps.spinup import handed_on

STEPS = 4


@pytest.mark.parametrize(
    ("windows", "most", "years"), [(2555, 32, 7), (2555, 4, 4), (365, 32, 1), (800, 8, 2)]
)
def test_whole_years_of_the_record_are_run_and_no_more_than_there_are_columns(windows, most, years):
    starts = first_days(SimpleNamespace(windows=windows))[:most]
    np.testing.assert_array_equal(starts, np.arange(years) * DAYS)
    assert starts[-1] + DAYS <= windows


def test_each_year_goes_on_from_the_year_before_it_and_the_first_from_the_last():
    years, columns = 3, 8
    state = Fields(
        {"year": np.arange(columns) % years, "layers": np.tile(np.arange(columns) % years, (5, 1))}
    )
    after = handed_on(state, years)
    np.testing.assert_array_equal(after.year, [2, 0, 1, 2, 0, 1, 2, 0])
    np.testing.assert_array_equal(after.layers[3], after.year)


def test_a_single_year_goes_on_from_itself():
    state = Fields({"x": np.zeros(4)})
    np.testing.assert_array_equal(handed_on(state, 1).x, state.x)


def _model() -> StationModel:
    """Only what `_weather` needs; its forcing counts the steps of the record."""
    model = object.__new__(StationModel)
    steps = np.arange(10 * STEPS, dtype=float)
    model._forcing = {
        "forc_t": steps[:, None],
        "forc_solad": np.stack([steps, -steps], axis=1)[:, :, None],
        "dayofyear": np.repeat(np.arange(10), STEPS),
    }
    model._first, model._steps, model.members = 0, STEPS, 3
    return model


def test_each_column_has_the_weather_of_its_own_window():
    weather = _model()._weather(np.array([2, 7, 2]))
    assert weather.forc_t.shape == (STEPS, 3)
    assert weather.forc_solad.shape == (STEPS, 2, 3)
    np.testing.assert_array_equal(weather.forc_t[:, 1], np.arange(28, 32))
    np.testing.assert_array_equal(weather.forc_t[:, 2], np.arange(8, 12))
    np.testing.assert_array_equal(weather.forc_solad[:, 1, 0], -np.arange(8, 12))
    np.testing.assert_array_equal(weather.dayofyear, [2, 2, 2, 2])  # the calendar is that of the first column


def test_shared_weather_has_the_shape_of_weather_that_differs():
    model = _model()
    shared, own = model._weather(np.full(3, 2)), model._weather(np.array([2, 7, 2]))
    assert {n: v.shape for n, v in shared.items()} == {n: v.shape for n, v in own.items()}
    np.testing.assert_array_equal(shared.forc_t[:, 2], own.forc_t[:, 2])
