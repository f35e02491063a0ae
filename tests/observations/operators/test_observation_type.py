"""The type of observations, means over time, and model output over time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_cases import T0, edges, observe, series

from elterra.observations import UnitError
from elterra.observations.operators import FLAGS, ModelSeries, OperatorError, average, make_observations_of
from elterra.observations.operators._series import apply_in_time, time_mean

HOUR = np.timedelta64(1, "h")


def made(value, sd=0.1, flag=None, limits=(0.0, 10.0)):
    n = len(value)
    start = T0 + np.arange(n) * HOUR
    return make_observations_of(
        "k", "u", np.asarray(value, float), np.full(n, sd), np.zeros(n), start, start + HOUR,
        limits=limits, file="f", source="s", flag=flag,
    )  # fmt: skip


def test_missing_values_outliers_and_values_without_error_are_flagged_and_counted():
    o = made([1.0, np.nan, 50.0, 2.0, 3.0])
    assert [FLAGS[f] for f in o.flag] == [
        "measured_used",
        "missing",
        "rejected_range",
        *["measured_used"] * 2,
    ]
    assert o.report.read["k"] == 4
    assert o.report.rejected["k"] == {"missing": 1, "rejected_range": 1}
    none = made([1.0, 2.0], sd=np.nan)
    assert not none.used.any()
    assert none.counts() == {"rejected_no_error": 2}


def test_a_flag_of_the_reader_stays_and_is_counted():
    flag = np.array([FLAGS.index("rejected_snow"), FLAGS.index("measured_used")], np.int8)
    o = made([1.0, 2.0], flag=flag)
    assert o.report.rejected["k"] == {"rejected_snow": 1}
    assert len(o.only_used()) == 1


def test_values_in_another_unit_are_refused():
    with pytest.raises(UnitError, match="5 of 5 values lie outside"):
        made([30.0, 31.0, 32.0, 33.0, 34.0], limits=(0.0, 1.0))


def test_intervals_that_end_before_they_start_are_refused():
    with pytest.raises(OperatorError, match="end before they start"):
        observe("k", "u", [0.0], [-1.0])


def test_a_mean_weighs_each_output_interval_by_its_share():
    s = series({"NEE": np.arange(4.0)[:, None]})
    o = observe("k", "u", [0.25, 0.5], [0.5, 1.5])
    np.testing.assert_allclose(apply_in_time(time_mean(s, o), s.get("NEE"))[:, 0], [0.5, 2.0])


def test_observations_outside_the_output_are_refused_by_their_number():
    s = series({"NEE": np.zeros((4, 1))})
    o = observe("k", "u", [0.0, 1.5, 5.0], 1.0)
    with pytest.raises(OperatorError, match="2 of 3 observations lie outside"):
        time_mean(s, o)
    assert s.within(o).tolist() == [True, False, False]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.floats(0, 0.9), st.floats(0.01, 1.0)), min_size=1, max_size=8),
    st.integers(0, 1000),
)
def test_rows_of_the_mean_over_time_sum_to_one_and_a_mean_lies_within_the_values(steps, parts, seed):
    s = series({"NEE": np.random.default_rng(seed).normal(size=(steps, 3))})
    hours = steps * 0.5
    start = np.array([a for a, _ in parts]) * hours
    length = np.array([b for _, b in parts]) * (hours - start) * 0.999
    o = observe("k", "u", np.floor(start * 3600) / 3600, np.maximum(np.floor(length * 3600), 1) / 3600)
    matrix = time_mean(s, o)
    np.testing.assert_allclose(np.asarray(matrix.sum(axis=1)).ravel(), 1.0, rtol=1e-12)
    mean = apply_in_time(matrix, s.get("NEE"))
    assert (mean <= s.get("NEE").max(axis=0) + 1e-12).all()
    assert (mean >= s.get("NEE").min(axis=0) - 1e-12).all()


def test_a_daily_mean_is_over_the_measured_hours_of_data_and_model_alike():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=48)
    o = observe("k", "u", np.arange(48), 1.0, value=np.where(rng.random(48) < 0.5, truth, np.nan))
    daily = average(o, "day", 0.2)
    s = series({"NEE": truth[:, None]}, minutes=60)
    np.testing.assert_allclose(apply_in_time(time_mean(s, daily), s.get("NEE"))[:, 0], daily.value)
    assert np.abs(daily.value - truth.reshape(2, 24).mean(axis=1)).min() > 1e-3


def test_random_errors_average_out_and_representativeness_does_not():
    daily = average(observe("k", "u", np.arange(24), 1.0), "day", 0.5)
    np.testing.assert_allclose(daily.random_sd, 0.1 / np.sqrt(24))
    np.testing.assert_allclose(daily.representativeness_sd, 0.2)


def test_days_with_too_few_hours_are_flagged_and_counted():
    o = observe("k", "u", [*range(24), 24, 25], 1.0)
    daily = average(o, "day", 0.5)
    assert [FLAGS[f] for f in daily.flag] == ["measured_used", "rejected_incomplete"]
    assert daily.report.rejected["k"] == {"day with too few values": 1}
    assert o.report.rejected == {}  # that of the reading is left as it was
    assert len(average(o, "month", 0.01)) == 1


def test_means_of_means_and_of_several_stations_are_refused():
    daily = average(observe("k", "u", np.arange(24), 1.0), "day", 0.5)
    with pytest.raises(OperatorError, match="means already"):
        average(daily, "month", 0.1)
    two = observe("k", "u", [0.0, 1.0], 1.0, station=np.array(["A", "B"]))
    with pytest.raises(OperatorError, match="one station"):
        average(two, "day", 0.1)


def test_selected_means_keep_their_measured_hours():
    daily = average(observe("k", "u", np.arange(48), 1.0), "day", 0.5)
    s = series({"NEE": np.arange(48.0)[:, None]}, minutes=60)
    second = daily.select(np.array([False, True]))
    np.testing.assert_allclose(apply_in_time(time_mean(s, second), s.get("NEE")), 35.5)
    first_day = ModelSeries(edges(24, 60), {"NEE": np.zeros((24, 1))})
    assert first_day.within(daily).tolist() == [True, False]


def test_output_of_an_unknown_name_wrong_shape_or_missing_variable_is_refused():
    with pytest.raises(ValueError, match="no variable 'NONSENSE'"):
        series({"NONSENSE": np.zeros((2, 1))})
    with pytest.raises(OperatorError, match="SOILLIQ has shape"):
        series({"SOILLIQ": np.zeros((2, 1))})
    with pytest.raises(OperatorError, match="different numbers of members"):
        series({"NEE": np.zeros((2, 1)), "GPP": np.zeros((2, 3))})
    with pytest.raises(OperatorError, match="needs the output 'LE'"):
        series({"NEE": np.zeros((2, 1))}).get("LE")
    with pytest.raises(OperatorError, match="increasing"):
        ModelSeries(edges(2)[::-1], {"NEE": np.zeros((2, 1))})
