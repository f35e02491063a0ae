"""Runoff of a catchment: area mean and routing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_cases import assert_linear, observe, series

from elterra.observations.operators import (
    CatchmentRunoff,
    ModelSeries,
    OperatorError,
    stack_classes,
    unit_hydrograph,
)


def runoff(values):
    return series({"RUNOFF": np.asarray(values, float)}, minutes=1440)


def days(first, number):
    return observe("catchment_runoff", "mm d-1", 24.0 * np.arange(first, first + number), 24.0)


def test_without_routing_it_is_the_runoff_of_the_day():
    values = np.random.default_rng(0).uniform(0, 1e-4, (10, 2))
    np.testing.assert_allclose(CatchmentRunoff().predict(runoff(values), days(3, 4)), values[3:7] * 86400.0)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.5, 6.0), st.floats(0.2, 10.0), st.sampled_from([1.0, 0.5, 1 / 24]))
def test_the_unit_hydrograph_is_not_negative_and_passes_all_water(reservoirs, residence, step):
    h = unit_hydrograph(reservoirs, residence, step, int(40 * (reservoirs + 3) * residence / step) + 20)
    assert (h >= -1e-9).all()
    assert h.sum() == pytest.approx(1.0, abs=1e-6)


def test_one_reservoir_empties_exponentially():
    """The step response of a linear reservoir is 1 - exp(-t / k), its mean over steps known in closed form."""
    k, h = 3.0, unit_hydrograph(1.0, 3.0, 1.0, 20)
    np.testing.assert_allclose(h[2:] / h[1:-1], np.exp(-1.0 / k), rtol=1e-9)
    assert h[0] == pytest.approx(1.0 - k * (1.0 - np.exp(-1.0 / k)))


def test_the_mean_delay_is_the_number_of_reservoirs_times_their_residence():
    h = unit_hydrograph(3.0, 2.0, 0.05, 4000)
    t = 0.05 * np.arange(4000)
    assert float((h * t).sum()) == pytest.approx(6.0, abs=0.01)


def test_steady_runoff_reaches_the_gauge_unchanged_and_water_is_neither_made_nor_lost():
    operator = CatchmentRunoff(reservoirs=2.0, residence=1.5)
    steady = operator.predict(runoff(np.full((60, 1), 1e-5)), days(40, 20))
    np.testing.assert_allclose(steady, 0.864, rtol=1e-6)
    pulse = np.zeros((80, 1))
    pulse[5] = 1e-3
    assert operator.routed(runoff(pulse)).sum() == pytest.approx(1e-3)


def test_routing_is_linear_and_knows_nothing_of_the_future():
    rng = np.random.default_rng(1)
    operator = CatchmentRunoff(reservoirs=2.5, residence=1.0)
    one, two = (runoff(rng.uniform(0, 1e-4, (40, 3))) for _ in range(2))
    assert_linear(operator, one, two, days(20, 20))
    changed = one.get("RUNOFF").copy()
    changed[30:] *= 5.0
    before = operator.routed(one)[:30]
    np.testing.assert_allclose(operator.routed(runoff(changed))[:30], before, rtol=1e-9, atol=1e-16)


def test_columns_count_by_their_area():
    a, b = (runoff(np.random.default_rng(s).uniform(0, 1e-4, (10, 2))) for s in (1, 2))
    operator = CatchmentRunoff(area_weight=np.array([0.25, 0.75]))
    got = operator.predict(stack_classes([a, b]), days(0, 10))
    np.testing.assert_allclose(got, 86400.0 * (0.25 * a.get("RUNOFF") + 0.75 * b.get("RUNOFF")))


def test_observations_before_the_routing_is_filled_and_wrong_weights_are_refused():
    operator = CatchmentRunoff(reservoirs=2.0, residence=3.0)
    s = runoff(np.full((40, 1), 1e-5))
    with pytest.raises(OperatorError, match="begin before"):
        operator.predict(s, days(0, 5))
    with pytest.raises(OperatorError, match="sum to 1"):
        CatchmentRunoff(area_weight=np.array([0.2, 0.2])).predict(stack_classes([s, s]), days(0, 5))
    uneven = ModelSeries(
        np.array(["2020-01-01", "2020-01-02", "2020-01-05"], "datetime64[ns]"), {"RUNOFF": np.ones((2, 1))}
    )
    with pytest.raises(OperatorError, match="equal steps"):
        operator.routed(uneven)
    with pytest.raises(OperatorError, match="reservoirs must be positive"):
        CatchmentRunoff(reservoirs=0.0)
