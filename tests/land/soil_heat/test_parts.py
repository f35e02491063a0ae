"""Geometry, soil properties, conductivities and phase change of single layers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soil_heat_cases import PARAMETERS

from elterra import registry
from elterra.land.constants import HFUS, TFRZ, TKAIR, TKICE
from elterra.land.soil_heat import (
    DZSOI,
    ZISOI,
    ZSOI,
    bedrock_layer,
    from_surface_data,
    layer_geometry,
    soil_properties,
)
from elterra.land.soil_heat._phase_change import freeze_surface_water, phase_change
from elterra.land.soil_heat._thermal import snow_conductivity, soil_conductivity

properties, change_phase, freeze = (jax.jit(f) for f in (soil_properties, phase_change, freeze_surface_water))


def test_layers_are_those_of_clm5():
    expected = [.02, .04, .06, .08, .12, .16, .20, .24, .28, .32, .36, .40, .44, .54, .64, .74, .84, .94,
                1.04, 1.14, 2.39, 4.676, 7.635, 11.140, 15.115]  # fmt: skip
    np.testing.assert_allclose(DZSOI, expected, atol=6e-4)
    assert ZISOI[20] == pytest.approx(8.60)
    assert ZISOI[25] == pytest.approx(49.556, abs=1e-3)
    np.testing.assert_allclose(np.diff(ZISOI), DZSOI)
    assert np.all(np.abs(ZSOI - ZISOI[:-1] - 0.5 * DZSOI) < 1e-12)
    assert layer_geometry(3).zisoi.shape == (26, 3)


@pytest.mark.parametrize(("depth", "layer"), [(8.0, 20), (7.4, 19), (1.0, 9), (0.05, 6), (99.0, 20)])
def test_bedrock_layer(depth, layer):
    assert int(bedrock_layer(depth)) == layer


def test_surface_data_layers_keep_their_order():
    index = from_surface_data(np.arange(10))
    assert index[0] == 0
    assert np.all(np.diff(index) >= 0)
    assert np.all(index[20:] == 9)


def test_soil_parameters_are_in_the_registry():
    for name, value in PARAMETERS.items():
        assert registry.parameter(name).default == value


@settings(max_examples=40, deadline=None)
@given(
    st.floats(1.0, 98.0), st.floats(0.0, 1.0), st.floats(0.0, 130.0), st.floats(0.8, 1.2), st.floats(0.3, 3.0)
)
def test_soil_properties_are_physical(sand, rest, organic, scale, sucsat_scale):
    clay = (100.0 - sand) * rest
    par = PARAMETERS.replace(watsat_sf=scale, sucsat_sf=sucsat_scale)
    soil = properties(*(jnp.full((25, 1), x) for x in (sand, clay, organic)), par)
    for name, x in soil.items():
        assert bool(jnp.all(jnp.isfinite(x))), name
        assert bool(jnp.all(x > 0)), name
    assert bool(jnp.all(soil.watsat < 1))
    assert bool(jnp.all(soil.watdry < soil.watsat))
    assert bool(jnp.all(soil.tkdry < 3.0))


def test_organic_matter_makes_soil_porous_and_insulating():
    sand, clay = jnp.full((25, 1), 40.0), jnp.full((25, 1), 20.0)
    mineral = properties(sand, clay, jnp.zeros((25, 1)), PARAMETERS)
    peat = properties(sand, clay, jnp.full((25, 1), 130.0), PARAMETERS)
    assert bool(jnp.all(peat.watsat[:20] > mineral.watsat[:20]))
    assert bool(jnp.all(peat.tkdry[:20] < mineral.tkdry[:20]))
    # organic matter is not considered below the soil
    np.testing.assert_array_equal(peat.csol[20:], mineral.csol[20:])


def test_soil_property_gradients_are_finite():
    def total(organic, par):
        x = soil_properties(jnp.full((25, 1), 40.0), jnp.full((25, 1), 20.0), organic, par)
        return sum(jnp.sum(jnp.log(v)) for v in x.values())

    organic = jnp.linspace(0.0, 130.0, 25)[:, None]  # through the percolation threshold
    for g in jax.tree.leaves(jax.grad(total, argnums=(0, 1))(organic, PARAMETERS)):
        assert bool(jnp.all(jnp.isfinite(g)))


def test_soil_conductivity_between_dry_and_saturated():
    theta = jnp.linspace(0.0, 0.45, 30)
    one = jnp.ones_like(theta)
    for t, ice_share in ((280.0, 0.0), (265.0, 0.7)):
        water = theta * 1000.0 * 0.2
        k = soil_conductivity(t * one, water * (1 - ice_share), water * ice_share, 0.2 * one, 0.45 * one,
                              2.5 * one, 0.25 * one)  # fmt: skip
        assert float(k[0]) == 0.25
        assert bool(jnp.all(jnp.diff(k) >= 0))
    assert float(k[-1]) > 0.9  # frozen, saturated


def test_snow_conductivity_limits():
    np.testing.assert_allclose(snow_conductivity(0.0, 7.75e-5, 1.105e-6), TKAIR)
    np.testing.assert_allclose(snow_conductivity(917.0, 7.75e-5, 1.105e-6), TKICE, rtol=0.02)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(250.0, 290.0),
    st.floats(0.0, 50.0),
    st.floats(0.0, 50.0),
    st.floats(0.0, 60.0),
    st.floats(1.0, 1e3),
)
def test_phase_change_conserves(t, liq, ice, supercool, stiffness):
    new = change_phase(*(jnp.asarray(x) for x in (t, liq, ice, supercool, stiffness)), 1800.0)
    energy = stiffness * (float(new.t) - t) + HFUS / 1800.0 * float(new.melt)
    assert abs(energy) < 1e-7
    assert float(new.liq + new.ice) == pytest.approx(liq + ice, abs=1e-12)
    assert min(float(new.liq), float(new.ice)) >= 0
    assert (float(new.t) - TFRZ) * (t - TFRZ) >= -1e-9  # never beyond the freezing point
    if t < TFRZ and liq <= supercool:
        assert float(new.t) == t  # supercooled water does not freeze
    if float(new.ice) > 0 and float(new.liq) > supercool + 1e-9 and float(new.melt) != 0.0:
        assert float(new.t) == TFRZ  # to the bit: frost days are counted from it


@settings(max_examples=60, deadline=None)
@given(
    st.floats(255.0, 280.0),
    st.floats(0.0, 20.0),
    st.floats(0.0, 400.0),
    st.floats(250.0, 280.0),
    st.booleans(),
)
def test_surface_water_freezing_conserves(t, h2osfc, stiffness, t_below, snow):
    below = 30.0
    r = freeze(
        *(jnp.asarray(x) for x in (t, h2osfc, stiffness, 0.4 * stiffness, t_below, below, snow)), 1800.0
    )
    energy = (
        stiffness * (float(r.t_water) - t)
        + below * (float(r.t_below) - t_below)
        - float(r.carried)
        - HFUS / 1800.0 * float(r.frozen)
    )
    assert abs(energy) < 1e-6
    assert 0.0 <= float(r.frozen) <= h2osfc
    if t >= TFRZ or h2osfc == 0.0:
        assert float(r.t_below) == t_below
        assert float(r.t_water) == t
