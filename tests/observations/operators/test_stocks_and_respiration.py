"""Biomass, soil carbon and respiration of the soil."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_cases import SOIL_LAYERS, assert_linear, observe, series

from elterra.observations.operators import (
    AboveGroundBiomass,
    OperatorError,
    SoilCarbon,
    SoilRespiration,
    stock_from_content,
)

WEIGHT = np.array([0.6, 0.4])


def pools(operator, seed, members=3):
    rng = np.random.default_rng(seed)
    return series({n: rng.uniform(1, 100, (2, 2, members)) for n in operator.variables}, minutes=1440)


def test_above_ground_biomass_is_leaves_and_stems_with_their_stores_by_area_and_linear():
    operator = AboveGroundBiomass(WEIGHT)
    o = observe("aboveground_biomass", "gC m-2", [0.0], 24.0)
    one = pools(operator, 0)
    expected = sum(WEIGHT @ one.get(n)[0] for n in operator.variables)
    np.testing.assert_allclose(operator.predict(one, o)[0], expected)
    assert len(operator.variables) == 9
    assert not any("root" in n for n in operator.variables)
    assert_linear(operator, one, pools(operator, 1), o)


def test_each_member_can_have_its_own_patches():
    operator = AboveGroundBiomass(WEIGHT)
    own = AboveGroundBiomass(np.tile(WEIGHT[:, None], (1, 3)))
    o = observe("aboveground_biomass", "gC m-2", [0.0], 24.0)
    np.testing.assert_allclose(own.predict(pools(operator, 0), o), operator.predict(pools(operator, 0), o))
    with pytest.raises(OperatorError, match="patches"):
        AboveGroundBiomass(np.ones(3)).predict(pools(operator, 0), o)


def carbon(seed=0, members=2):
    return series(
        {"decomp_cpools": np.random.default_rng(seed).uniform(0, 5000, (1, 7, 20, members))}, minutes=1440
    )


def sample(top, bottom):
    return observe("soil_carbon", "gC m-2", [0.0], 24.0, depth=(top, bottom))


def test_a_uniform_soil_holds_its_density_times_the_depth():
    s = series({"decomp_cpools": np.full((1, 7, 20, 1), 1000.0)}, minutes=1440)
    np.testing.assert_allclose(SoilCarbon(SOIL_LAYERS).predict(s, sample(0.0, 0.23)), 3 * 1000.0 * 0.23)
    with_litter = SoilCarbon(SOIL_LAYERS, pools=(0, 1, 2, 4, 5, 6))
    np.testing.assert_allclose(with_litter.predict(s, sample(0.0, 0.23)), 6 * 1000.0 * 0.23)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_stocks_of_adjacent_depths_add_up(first, second):
    operator, s = SoilCarbon(SOIL_LAYERS), carbon()
    whole = operator.predict(s, sample(0.0, first + second))
    parts = operator.predict(s, sample(0.0, first)) + operator.predict(s, sample(first, first + second))
    np.testing.assert_allclose(parts, whole, rtol=1e-9)


def test_the_whole_profile_holds_all_and_the_stock_is_linear():
    operator, s = SoilCarbon(SOIL_LAYERS), carbon()
    bottom = SOIL_LAYERS.interfaces[-1]
    total = np.einsum("plm,l->m", s.get("decomp_cpools")[0, 4:], SOIL_LAYERS.thickness)
    np.testing.assert_allclose(operator.predict(s, sample(0.0, bottom))[0], total)
    assert_linear(operator, s, carbon(1), sample(0.0, 0.3))


def test_a_sample_without_depth_is_refused():
    with pytest.raises(OperatorError, match="depths"):
        SoilCarbon(SOIL_LAYERS).predict(carbon(), observe("soil_carbon", "gC m-2", [0.0], 24.0))


def test_a_content_becomes_a_stock():
    """1 % of a soil of 1.3 g cm-3 over 30 cm: 3.9 kg m-2."""
    assert stock_from_content(1.0, 1.3, 0.0, 0.3) == pytest.approx(3900.0)


def respiration(**changes):
    values = {"HR": np.array([[2e-5]])}
    patch = {"mr_patch": 3e-5, "lmr_c": 1e-5, "gr_patch": 1e-5, "leafn": 2.0, "livestemn": 1.0, "frootn": 2.0}
    patch |= {"livecrootn": 1.0, **changes}
    values |= {n: np.full((1, 2, 1), v) for n, v in patch.items()}
    return series(values, minutes=1440)


DAY = observe("soil_respiration", "gC m-2 d-1", [0.0], 24.0)


def test_the_soil_respires_decomposition_and_the_share_of_the_roots():
    """Roots: 3 of 4 g N of wood and roots, 3 of 6 g N of all tissue."""
    got = SoilRespiration(WEIGHT).predict(respiration(), DAY)
    np.testing.assert_allclose(got, 86400.0 * (2e-5 + 2e-5 * 0.75 + 1e-5 * 0.5))
    decomposers = SoilRespiration(part="heterotrophic").predict(respiration(), DAY)
    np.testing.assert_allclose(decomposers, 86400.0 * 2e-5)


def test_units_of_chambers_and_of_years():
    per_second = observe("soil_respiration", "umol m-2 s-1", [0.0], 24.0)
    operator = SoilRespiration(part="heterotrophic")
    np.testing.assert_allclose(operator.predict(respiration(), per_second), 2e-5 / 12.011e-6)
    per_year = observe("soil_respiration", "gC m-2 yr-1", [0.0], 24.0)
    np.testing.assert_allclose(operator.predict(respiration(), per_year), 2e-5 * 365.25 * 86400)


@settings(max_examples=40, deadline=None)
@given(*(st.floats(0.0, 10.0) for _ in range(4)))
def test_the_soil_never_respires_more_than_the_ecosystem_without_leaves(leafn, stemn, fine, coarse):
    s = respiration(leafn=leafn, livestemn=stemn, frootn=fine, livecrootn=coarse)
    got = SoilRespiration(WEIGHT).predict(s, DAY)[0, 0] / 86400.0
    assert 2e-5 - 1e-18 <= got <= 2e-5 + (3e-5 - 1e-5) + 1e-5 + 1e-18


def test_bare_ground_respires_by_decomposition_alone():
    bare = respiration(
        mr_patch=0.0, lmr_c=0.0, gr_patch=0.0, leafn=0.0, livestemn=0.0, frootn=0.0, livecrootn=0.0
    )
    np.testing.assert_allclose(SoilRespiration(WEIGHT).predict(bare, DAY), 86400.0 * 2e-5)


def test_roots_without_patches_and_unknown_parts_are_refused():
    with pytest.raises(OperatorError, match="patch_weight"):
        SoilRespiration()
    with pytest.raises(OperatorError, match="part"):
        SoilRespiration(WEIGHT, part="roots")
