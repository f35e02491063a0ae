"""Snow, leaf area, absorbed light and greenness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_cases import assert_linear, observe, series

from elterra.observations.operators import (
    AbsorbedLight,
    Greenness,
    LeafArea,
    OperatorError,
    SnowDepth,
    SnowWater,
    beer_fapar,
)

DAYS = [0.0, 24.0]


def random(name, seed, shape=(96, 3)):
    return series({name: np.random.default_rng(seed).uniform(0.1, 3.0, shape)})


@pytest.mark.parametrize(
    ("operator", "name", "units"),
    [(SnowDepth(), "SNOWDP", "m"), (SnowWater(), "SWE", "mm"), (LeafArea(), "ELAI", "m2 m-2")],
)
def test_daily_means_are_linear_and_in_the_units_of_the_record(operator, name, units):
    o = observe(operator.kind, units, DAYS, 24.0)
    one = random(name, 0)
    assert_linear(operator, one, random(name, 1), o)
    np.testing.assert_allclose(operator.predict(one, o), one.get(name).reshape(2, 48, 3).mean(axis=1))


def test_snow_depth_in_another_unit_is_refused():
    with pytest.raises(OperatorError, match="cannot be compared"):
        SnowDepth().predict(random("SNOWDP", 0), observe("snow_depth", "cm", [0.0], 24.0))


def test_clumping_makes_the_effective_leaf_area_smaller():
    o = observe("leaf_area", "m2 m-2", DAYS, 24.0)
    s = random("ELAI", 0)
    np.testing.assert_allclose(LeafArea(0.7).predict(s, o), 0.7 * LeafArea().predict(s, o))
    with pytest.raises(OperatorError, match="clumping"):
        LeafArea(1.2)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.0, 10.0), st.floats(0.01, 3.0), st.floats(0.3, 1.0))
def test_beer_lies_between_nothing_and_all_and_grows_with_leaves(leaf, more, clumping):
    less = beer_fapar(leaf, clumping)
    assert 0.0 <= less < beer_fapar(leaf + more, clumping) < 1.0
    assert beer_fapar(leaf, clumping) <= beer_fapar(leaf, 1.0)
    assert beer_fapar(1e-6, clumping) == pytest.approx(0.5 * clumping * 1e-6, rel=1e-5)


def radiation(fabd, fabi, elai, esai):
    """One step, patches [patch, member]; the near infrared is something else."""
    bands = lambda v: np.stack([v, v * 0.1])[None]  # noqa: E731
    return series(
        {"fabd": bands(fabd), "fabi": bands(fabi), "elai": elai[None], "esai": esai[None]}, minutes=1440
    )


def test_absorbed_light_is_the_visible_light_of_the_leaves_by_area_of_the_patches():
    fabd, fabi = np.array([[0.8], [0.6]]), np.array([[0.9], [0.5]])
    elai, esai = np.array([[3.0], [0.0]]), np.array([[1.0], [0.5]])
    o = observe("fapar", "1", [0.0], 24.0)
    operator = AbsorbedLight(np.array([0.75, 0.25]), direct=0.8)
    got = operator.predict(radiation(fabd, fabi, elai, esai), o)
    np.testing.assert_allclose(got, 0.75 * (0.8 * 0.8 + 0.2 * 0.9) * 0.75)
    assert operator.variables == ("fabd", "fabi", "elai", "esai")


def test_absorbed_light_stays_within_nothing_and_all_and_vanishes_without_leaves():
    rng = np.random.default_rng(3)
    s = radiation(
        *(rng.uniform(0, 1, (4, 50)) for _ in range(2)), rng.uniform(0, 6, (4, 50)), np.zeros((4, 50))
    )
    o = observe("fapar", "1", [0.0], 24.0)
    weight = np.full(4, 0.25)
    got = AbsorbedLight(weight).predict(s, o)
    assert ((got >= 0.0) & (got <= 1.0)).all()
    bare = radiation(np.zeros((4, 1)), np.zeros((4, 1)), np.zeros((4, 1)), np.zeros((4, 1)))
    np.testing.assert_array_equal(AbsorbedLight(weight).predict(bare, o), 0.0)


def test_beer_needs_only_leaf_area():
    s = series({"ELAI": np.array([[2.0]])}, minutes=1440)
    operator = AbsorbedLight(source="beer", clumping=0.8)
    assert operator.variables == ("ELAI",)
    np.testing.assert_allclose(operator.predict(s, observe("fapar", "1", [0.0], 24.0)), 1 - np.exp(-0.8))


def test_greenness_is_the_published_line_turned_round():
    """fAPAR = 1.1638 NDVI - 0.1426 (Myneni and Williams 1994)."""
    s = series({"ELAI": np.array([[0.0, 2.0, 6.0]])}, minutes=1440)
    light = AbsorbedLight(source="beer")
    ndvi = Greenness(light).predict(s, observe("ndvi", "1", [0.0], 24.0))
    fapar = light.predict(s, observe("fapar", "1", [0.0], 24.0))
    np.testing.assert_allclose(1.1638 * ndvi - 0.1426, fapar)
    assert (np.diff(ndvi[0]) > 0.0).all()
    assert ndvi.max() < 1.0


def test_missing_weights_and_senseless_choices_are_refused():
    with pytest.raises(OperatorError, match="patch_weight"):
        AbsorbedLight()
    with pytest.raises(OperatorError, match="source"):
        AbsorbedLight(source="guess")
    with pytest.raises(OperatorError, match="direct"):
        AbsorbedLight(np.ones(1), direct=1.5)
    s = radiation(*(np.ones((2, 1)) for _ in range(4)))
    with pytest.raises(OperatorError, match="patches"):
        AbsorbedLight(np.ones(3)).predict(s, observe("fapar", "1", [0.0], 24.0))
