"""Cosmic-ray neutrons: weights, count, corrections, calibration, operator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_cases import SOIL_LAYERS, observe, series

from elterra.observations.operators import (
    NeutronCount,
    OperatorError,
    Reference,
    SoilSamples,
    absolute_humidity,
    correction,
    desilets_count,
    desilets_water,
    footprint_mean,
    n0_of,
    uts_count,
)
from elterra.observations.operators._neutron_count import WATER_COUNT, above_ground
from elterra.observations.operators._neutron_weights import (
    FOOTPRINT_RADIUS,
    distance_weight,
    layer_weight,
    penetration_depth,
    rescaled_distance,
)


def sensor(**changes):
    given = {
        "bulk_density": (1.3,) * 20,
        "lattice_water": (0.01,) * 20,
        "organic_carbon": (0.02,) * 20,
        "n0": 2000.0,
    }
    return NeutronCount(SOIL_LAYERS, **{**given, **changes})


def soil(water, **more):
    """Output of one hour: water by volume [layer, member]."""
    return series({"H2OSOI": np.asarray(water, float)[None], **more}, minutes=60)


HOUR = observe("neutrons", "h-1", [0.0], 1.0, covariates={"humidity": np.array([8.0])})


@settings(max_examples=60, deadline=None)
@given(st.floats(0.0, 1.5), st.floats(500.0, 4000.0))
def test_water_from_the_count_is_the_inverse_of_the_count_from_water(water, n0):
    assert float(desilets_water(desilets_count(np.array(water), n0), n0)) == pytest.approx(water, abs=1e-9)


def test_desilets_at_the_published_numbers():
    """N0 is the count at 0.0136... : N = N0 where a0 / (1 - a1) - a2 (Desilets et al. 2010)."""
    assert float(desilets_count(np.array(0.0808 / (1 - 0.372) - 0.115), 1000.0)) == pytest.approx(1000.0)
    assert np.isnan(desilets_water(np.array([0.3]), 1.0)).all()


@pytest.mark.parametrize("fit", ["uranos", "mcnp"])
def test_the_universal_solution_falls_with_water_and_with_humidity(fit):
    water = np.linspace(0.0, 1.0, 200)
    assert (np.diff(uts_count(water, 5.0, 1000.0, fit)) < 0.0).all()
    humid = [float(uts_count(np.array(0.2), h, 1000.0, fit)) for h in (1.0, 5.0, 10.0, 15.0)]
    assert (np.diff(humid) < 0.0).all()


def test_both_relations_respond_alike_to_water_at_middle_humidity():
    """The relative change from 0.1 to 0.4 kg kg-1 differs by less than 15 %: the UTS was made to agree there."""
    wet, dry = np.array(0.4), np.array(0.1)
    ratio = float(desilets_count(wet, 1.0) / desilets_count(dry, 1.0))
    assert float(uts_count(wet, 8.0, 1.0) / uts_count(dry, 8.0, 1.0)) == pytest.approx(ratio, rel=0.15)


def test_an_unknown_fit_is_refused():
    with pytest.raises(OperatorError, match="no fit"):
        uts_count(np.array(0.2), 5.0, 1.0, "other")


def test_penetration_depth_is_within_the_published_range_and_falls_with_water_distance_and_density():
    """15 cm in wet and 83 cm in dry soil (Koehli et al. 2015, abstract), near the sensor."""
    depth = penetration_depth(np.array([1.0]), 1.43, np.array([0.5]))[0], penetration_depth(1.0, 1.43, 0.01)
    assert 11.0 < depth[0] < 17.0
    assert 65.0 < float(depth[1]) < 95.0
    water = np.linspace(0.02, 0.5, 50)
    assert (np.diff(penetration_depth(50.0, 1.3, water)) < 0.0).all()
    assert penetration_depth(200.0, 1.3, 0.2) < penetration_depth(1.0, 1.3, 0.2)
    assert penetration_depth(50.0, 1.6, 0.2) < penetration_depth(50.0, 1.0, 0.2)


def radius_86(humidity, water):
    r = np.linspace(0.05, FOOTPRINT_RADIUS, 60_000)
    total = np.cumsum(distance_weight(r, humidity, water))
    return float(r[np.searchsorted(total, 0.86 * total[-1])])


def test_the_footprint_shrinks_in_the_published_range_of_radii():
    """130 to 240 m (Koehli et al. 2015, abstract); the revised functions (Schroen et al. 2017) are a tenth nearer."""
    assert 0.85 * 240.0 < radius_86(1.0, 0.02) < 240.0
    assert 0.75 * 130.0 < radius_86(14.0, 0.50) < 130.0
    assert radius_86(1.0, 0.1) > radius_86(12.0, 0.1) > radius_86(12.0, 0.4)


def test_radial_weights_are_positive_and_meet_at_fifty_metres_as_well_as_their_fits():
    """The two published fits differ by 1 % in dry and up to 20 % in wet soil where they meet."""
    for x, y in ((1.0, 0.05), (8.0, 0.25), (14.0, 0.45)):
        assert (distance_weight(np.linspace(0.1, 599.0, 3000), x, y) > 0.0).all()
        left, right = distance_weight(np.array([49.999, 50.001]), x, y)
        assert right == pytest.approx(left, rel=0.2)
    assert distance_weight(np.array([601.0]), 5.0, 0.2)[0] == 0.0


def test_thin_air_and_bare_ground_make_a_place_count_as_nearer():
    """A point at 100 m in the mountains lies, scaled, nearer than 100 m; one below trees further."""
    at = lambda p, h: float(rescaled_distance(np.array(100.0), p, h, 0.2))  # noqa: E731
    assert at(1013.25, 0.0) == pytest.approx(100.0, abs=0.1)
    assert at(800.0, 0.0) < 100.0 < at(1013.25, 20.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.03, 0.6), min_size=20, max_size=20))
def test_shares_of_the_layers_sum_to_one_and_fall_with_depth_per_metre(water):
    share = sensor().weights(np.array(water)[:, None])
    assert share.sum() == pytest.approx(1.0)
    assert (np.diff(share[:, 0] / SOIL_LAYERS.thickness) < 0.0).all()


def test_all_layers_hold_what_the_whole_depth_holds():
    top, bottom = np.array([0.0, 10.0, 30.0]), np.array([10.0, 30.0, np.inf])
    assert layer_weight(top, bottom, np.array(25.0)).sum() == pytest.approx(1.0)


def test_a_uniform_soil_has_its_own_water_lattice_and_organic_hydrogen():
    total = sensor().soil_water(np.full((20, 1), 0.26))
    np.testing.assert_allclose(total, 0.26 / 1.3 + 0.01 + 0.02 * 1.724 * 0.556)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.05, 0.5), min_size=20, max_size=20), st.floats(0.005, 0.1))
def test_a_wetter_profile_gives_fewer_neutrons(water, more):
    one = np.array(water)
    s = soil(np.stack([one, one + more], axis=1))
    for operator in (sensor(), sensor(relation="uts")):
        dry, wet = operator.predict(s, HOUR)[0]
        assert wet < dry


def test_rain_at_the_surface_matters_more_than_the_same_water_at_depth():
    base = np.full(20, 0.2)
    layers = [base.copy() for _ in range(3)]
    layers[1][0] += 2.0 / (SOIL_LAYERS.thickness[0] * 1000.0)  # 2 mm
    layers[2][7] += 2.0 / (SOIL_LAYERS.thickness[7] * 1000.0)
    before, top, deep = sensor().predict(soil(np.stack(layers, axis=1)), HOUR)[0]
    assert before > deep > top


def test_snow_canopy_water_and_biomass_lower_the_count_to_that_of_deep_water():
    water = np.full((20, 4), 0.2)
    snow = np.array([[0.0, 20.0, 100.0, 5000.0]])
    count = sensor().predict(soil(water, SWE=snow), HOUR)[0]
    assert (np.diff(count) < 0.0).all()
    assert count[-1] == pytest.approx(WATER_COUNT * 2000.0, rel=1e-6)
    canopy = sensor().predict(soil(water, H2OCAN=snow), HOUR)[0]
    np.testing.assert_allclose(canopy, count)
    bare, forest = (sensor(biomass=b).predict(soil(water), HOUR)[0, 0] for b in (0.0, 20.0))
    assert forest == pytest.approx(bare * (1 - 0.009 * 20.0))
    assert above_ground(np.array(1000.0), 2000.0, 0.0, 0.0) == pytest.approx(1000.0)


def test_each_member_has_its_own_biomass_and_water():
    water = np.random.default_rng(0).uniform(0.1, 0.4, (20, 3))
    together = sensor(biomass=np.array([0.0, 5.0, 10.0])).predict(soil(water), HOUR)[0]
    alone = [
        sensor(biomass=b).predict(soil(water[:, [k]]), HOUR)[0, 0] for k, b in enumerate((0.0, 5.0, 10.0))
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_corrections_are_one_at_the_reference_and_undo_the_weather():
    ref = Reference(pressure=1000.0, humidity=5.0, intensity=150.0)
    assert float(correction(ref, np.array(1000.0), 5.0, 150.0)) == pytest.approx(1.0)
    # high pressure, humid air, weak rays: fewer neutrons are counted, so the factor is above one
    assert float(correction(ref, np.array(1010.0))) == pytest.approx(np.exp(10.0 / 131.6))
    assert float(correction(ref, np.array(1000.0), 15.0)) == pytest.approx(1.054)
    assert float(correction(ref, np.array(1000.0), None, 140.0)) == pytest.approx(150.0 / 140.0)


def test_absolute_humidity_of_saturated_air():
    """17.3 g m-3 at 20 degrees Celsius (steam tables)."""
    assert float(absolute_humidity(np.array(293.15), np.array(100.0))) == pytest.approx(17.3, abs=0.1)


def samples(water, density=1.3, profiles=18):
    depth = np.tile(np.arange(2.5, 30.0, 5.0), profiles)
    profile = np.repeat(np.arange(profiles), 6)
    distance = np.array([25.0, 75.0, 200.0])[profile % 3]
    one = np.ones(depth.size)
    return SoilSamples(
        np.datetime64("2020-01-01"), profile, distance, depth, np.broadcast_to(water, depth.shape) / density,
        density * one, 0.02 * one, 0.01 * one,
    )  # fmt: skip


def test_samples_of_equal_soil_have_its_water_and_the_calibration_gives_back_n0():
    mean = footprint_mean(samples(0.26), 8.0, 1000.0)
    assert mean.water == pytest.approx(0.26)
    assert mean.total_water == pytest.approx(0.26 / 1.3 + 0.01 + 0.02 * 1.724 * 0.556)
    count = float(desilets_count(np.array(mean.total_water), 2345.0))
    assert n0_of(count, mean.total_water) == pytest.approx(2345.0)
    assert n0_of(
        float(uts_count(np.array(mean.total_water), 8.0, 2345.0)), mean.total_water, 8.0
    ) == pytest.approx(2345.0)


def test_the_calibrated_sensor_predicts_its_count_over_the_sampled_soil():
    mean = footprint_mean(samples(0.26), 8.0, 1000.0)
    n0 = n0_of(1500.0, mean.total_water)
    assert sensor(n0=n0).predict(soil(np.full((20, 1), 0.26)), HOUR)[0, 0] == pytest.approx(1500.0)


def test_samples_near_the_surface_and_the_sensor_count_more():
    s = samples(0.2)
    wet = np.where((s.distance == 25.0), 0.4, 0.2)
    near = footprint_mean(samples(wet), 8.0, 1000.0).water
    assert near > wet.mean()
    top = np.where(s.depth < 10.0, 0.4, 0.2)
    assert footprint_mean(samples(top), 8.0, 1000.0).water > top.mean()


def test_missing_covariates_counts_and_properties_are_refused():
    dry = soil(np.full((20, 1), 0.2))
    bare = observe("neutrons", "h-1", [0.0], 1.0)
    with pytest.raises(OperatorError, match="humidity"):
        sensor(relation="uts").predict(dry, bare)
    with pytest.raises(OperatorError, match="bulk_density"):
        sensor(bulk_density=(1.3,))
    with pytest.raises(OperatorError, match="no counts"):
        n0_of(float("nan"), 0.3)
