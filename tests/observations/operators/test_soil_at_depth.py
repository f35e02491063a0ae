"""Soil water and temperature at a depth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_cases import SOIL_LAYERS, assert_linear, observe, series

from elterra.observations.operators import OperatorError, SoilLayers, SoilTemperature, SoilWater


def liquid(volume):
    """SOILLIQ of one step from volumes [layer, member]."""
    return series({"SOILLIQ": (volume * SOIL_LAYERS.thickness[:, None] * 1000.0)[None]})


def at(depth, kind="soil_water", units="m3 m-3"):
    return observe(kind, units, [0.0], 0.5, depth=depth)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.0, 8.0), st.floats(0.001, 0.6))
def test_weights_sum_to_one_and_are_not_negative(depth, support):
    for weights in (SOIL_LAYERS.at(depth), SOIL_LAYERS.mean(depth, depth + support)):
        assert weights.sum() == pytest.approx(1.0)
        assert (weights >= 0.0).all()


@settings(max_examples=60, deadline=None)
@given(st.floats(0.02, 7.0))
def test_a_linear_profile_is_reproduced_at_a_point(depth):
    """Between the first and the last node linear interpolation is exact."""
    assert float(SOIL_LAYERS.at(depth) @ (1.0 + 2.0 * SOIL_LAYERS.nodes)) == pytest.approx(1.0 + 2.0 * depth)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.0, 2.0), st.floats(0.01, 2.0), st.floats(0.01, 2.0))
def test_means_over_adjacent_depths_add_up(top, first, second):
    middle, bottom = top + first, top + first + second
    whole = SOIL_LAYERS.overlap(top, bottom)
    np.testing.assert_allclose(
        SOIL_LAYERS.overlap(top, middle) + SOIL_LAYERS.overlap(middle, bottom), whole, atol=1e-12
    )


def test_above_the_first_node_the_profile_is_constant():
    np.testing.assert_array_equal(SOIL_LAYERS.at(0.0), SOIL_LAYERS.at(0.01))
    assert SOIL_LAYERS.at(0.0)[0] == 1.0


def test_at_fifteen_centimetres_it_is_the_output_swc_15():
    """The land model's own sensor output is the linear interpolation of liquid volume between two nodes."""
    rng = np.random.default_rng(0)
    volume = rng.uniform(0.1, 0.4, (20, 4))
    nodes = SOIL_LAYERS.nodes
    below = int(np.searchsorted(nodes, 0.15))
    w = (0.15 - nodes[below - 1]) / (nodes[below] - nodes[below - 1])
    expected = (1 - w) * volume[below - 1] + w * volume[below]
    np.testing.assert_allclose(SoilWater(SOIL_LAYERS).predict(liquid(volume), at((0.15, 0.15)))[0], expected)


def test_a_sensor_that_fills_a_layer_sees_that_layer():
    volume = np.linspace(0.1, 0.4, 20)[:, None]
    z = SOIL_LAYERS.interfaces
    np.testing.assert_allclose(SoilWater(SOIL_LAYERS).predict(liquid(volume), at((z[3], z[4])))[0], volume[3])


def test_offset_and_gain_turn_soil_into_sensor():
    volume = np.full((20, 1), 0.3)
    got = SoilWater(SOIL_LAYERS, offset=0.05, gain=0.5).predict(liquid(volume), at((0.1, 0.1)))
    np.testing.assert_allclose(got, 0.2)


def test_linear_in_the_members_at_several_depths():
    rng = np.random.default_rng(2)
    o = observe(
        "soil_water", "m3 m-3", [0.0, 1.0, 2.0], 1.0, depth=np.array([[0.05, 0.05], [0.1, 0.3], [0.05, 0.05]])
    )
    one, two = (series({"SOILLIQ": rng.uniform(1, 50, (6, 20, 3))}) for _ in range(2))
    assert_linear(SoilWater(SOIL_LAYERS), one, two, o)
    o = observe("soil_temperature", "K", [0.0, 1.0], 1.0, depth=(0.2, 0.2))
    one, two = (series({"TSOI": rng.uniform(270, 290, (6, 20, 3))}) for _ in range(2))
    assert_linear(SoilTemperature(SOIL_LAYERS), one, two, o)


def test_an_isothermal_soil_has_its_temperature_everywhere():
    s = series({"TSOI": np.full((2, 20, 2), 281.3)})
    for depth in (0.0, 0.013, 0.5, 3.0):
        np.testing.assert_allclose(
            SoilTemperature(SOIL_LAYERS).predict(s, at((depth, depth), "soil_temperature", "K")), 281.3
        )


def test_depths_that_lack_or_lie_outside_the_soil_are_refused():
    s = liquid(np.full((20, 1), 0.3))
    with pytest.raises(OperatorError, match="need a depth"):
        SoilWater(SOIL_LAYERS).predict(s, at(None))
    with pytest.raises(OperatorError, match="not within"):
        SoilWater(SOIL_LAYERS).predict(s, at((20.0, 20.0)))
    with pytest.raises(OperatorError, match="increase from 0"):
        SoilLayers((0.1, 0.2))
