"""Constraint layers: exact means, bounds that hold, order kept, gradients that are right."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import numpy as jnp

from elterra.downscaling import (
    Aggregation,
    InfeasibleTarget,
    Law,
    additive,
    bounded,
    check_targets,
    constrain,
    multiplicative,
    softmax,
)
from elterra.errors import InputError

SHAPE, FACTOR = (11, 14), 4
_rng = np.random.default_rng(8)
LAND = np.where(_rng.random(SHAPE) < 0.25, 0.0, _rng.random(SHAPE))
LAND[:4, :4] = 0.0  # a cell without land
AGGREGATION = Aggregation.of_factor(SHAPE, FACTOR, area=_rng.random((SHAPE[0], 1)) + 0.2, land_fraction=LAND)
ON_LAND = LAND > 0


def error(field, target):
    return np.nanmax(np.abs(AGGREGATION.mean(np.asarray(field)) - target))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 30.0))
def test_additive_means_are_exact(seed, spread):
    rng = np.random.default_rng(seed)
    target = rng.normal(size=AGGREGATION.coarse)
    assert error(additive(spread * rng.normal(size=SHAPE), target, AGGREGATION), target) < 1e-12


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 8.0))
def test_multiplicative_and_softmax_means_are_exact_and_not_negative(seed, spread):
    rng = np.random.default_rng(seed)
    target = np.exp(rng.normal(size=AGGREGATION.coarse)) * (rng.random(AGGREGATION.coarse) > 0.2)
    z = spread * rng.normal(size=SHAPE)
    for field in (multiplicative(np.exp(z), target, AGGREGATION), softmax(z, target, AGGREGATION)):
        assert error(field, target) < 1e-12
        assert (np.asarray(field)[ON_LAND] >= 0).all()
    np.testing.assert_allclose(
        np.asarray(softmax(z, target, AGGREGATION))[ON_LAND],
        np.asarray(multiplicative(np.exp(z), target, AGGREGATION))[ON_LAND],
        rtol=1e-10,
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 40.0), st.floats(0.0, 1.0))
def test_bounded_means_are_exact_between_bounds_that_differ_by_pixel(seed, spread, share):
    rng = np.random.default_rng(seed)
    lower = rng.normal(size=SHAPE)
    upper = lower + np.exp(rng.normal(size=SHAPE))
    target = AGGREGATION.mean(lower + share * (upper - lower))
    field = np.asarray(bounded(spread * rng.normal(size=SHAPE), target, AGGREGATION, lower, upper))
    assert error(field, target) < 1e-12
    assert (field >= lower - 1e-13)[ON_LAND].all()
    assert (field <= upper + 1e-13)[ON_LAND].all()


@pytest.mark.parametrize("share", [0.0, 1e-14, 1e-6, 1 - 1e-9, 1.0])
def test_bounded_reaches_its_limits(share):
    z = 5 * np.random.default_rng(1).normal(size=SHAPE)
    target = np.full(AGGREGATION.coarse, share)
    assert error(bounded(z, target, AGGREGATION), target) < 1e-12


def test_softmax_does_not_overflow():
    z = 800.0 * np.random.default_rng(2).normal(size=SHAPE)
    assert error(softmax(z, np.ones(AGGREGATION.coarse), AGGREGATION), 1.0) < 1e-12


def test_pixels_that_are_all_nil_share_the_target_evenly():
    field = np.asarray(multiplicative(np.zeros(SHAPE), np.full(AGGREGATION.coarse, 3.0), AGGREGATION))
    np.testing.assert_allclose(field[ON_LAND], 3.0)


def test_the_order_within_a_cell_is_kept_and_sea_comes_back_as_it_was():
    rng = np.random.default_rng(3)
    z = rng.normal(size=SHAPE)
    z[~ON_LAND] = np.nan
    target = np.full(AGGREGATION.coarse, 0.3)
    for field in (
        additive(z, target, AGGREGATION),
        softmax(z, target, AGGREGATION),
        bounded(z, target, AGGREGATION),
    ):
        assert np.isnan(np.asarray(field)[~ON_LAND]).all()
        for cell in np.flatnonzero(AGGREGATION.has_land):
            at = AGGREGATION.cell_of_pixel == cell
            assert (np.argsort(np.asarray(field)[at]) == np.argsort(z[at])).all()


def test_members_are_constrained_each():
    z = np.random.default_rng(4).normal(size=(3, 2, *SHAPE))
    target = np.random.default_rng(5).random((2, *AGGREGATION.coarse))
    assert error(bounded(z, target, AGGREGATION), target) < 1e-12


@pytest.mark.parametrize("layer", [additive, softmax, bounded])
def test_gradients_agree_with_finite_differences(layer):
    rng = np.random.default_rng(6)
    z, v, other = rng.normal(size=(3, *SHAPE))
    target, dt = rng.uniform(0.2, 0.8, AGGREGATION.coarse), rng.normal(size=AGGREGATION.coarse)

    def loss(z, target):
        return jnp.sum(jnp.where(ON_LAND, other * layer(z, target, AGGREGATION), 0.0))

    found = jax.jvp(loss, (z, target), (v, dt))[1]
    h = 1e-5
    expected = (loss(z + h * v, target + h * dt) - loss(z - h * v, target - h * dt)) / (2 * h)
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    by_grad = jax.grad(loss, argnums=(0, 1))(jnp.asarray(z), jnp.asarray(target))
    np.testing.assert_allclose(jnp.sum(by_grad[0] * v) + jnp.sum(by_grad[1] * dt), found, rtol=1e-10)


def test_overlapping_cells_are_met_by_the_least_change():
    aggregation = Aggregation.of_edges(
        (np.arange(13.0), np.arange(13.0)), (np.arange(0, 13, 2.4), np.arange(0, 13, 2.4)), geographic=False
    )
    rng = np.random.default_rng(7)
    field, target = rng.normal(size=aggregation.fine), rng.normal(size=aggregation.coarse)
    out = np.asarray(additive(field, target, aggregation))
    np.testing.assert_allclose(aggregation.mean(out), target, atol=1e-12)
    # any other field with these means lies further away
    null = rng.normal(size=aggregation.fine)
    null = np.asarray(additive(null, np.zeros(aggregation.coarse), aggregation))
    land = aggregation.pixel_land
    assert abs(np.sum(land * (out - field) * null)) < 1e-10
    with pytest.raises(InputError, match="nest"):
        softmax(field, target, aggregation)


def test_an_infeasible_target_is_refused_with_its_cell():
    target = np.full(AGGREGATION.coarse, 0.5)
    target[1, 2] = -0.1
    with pytest.raises(InfeasibleTarget, match=r"coarse cell \(1, 2\) cannot be met: got -0\.1") as told:
        constrain(np.full(SHAPE, 0.5), target, AGGREGATION, Law("bounded"))
    assert told.value.cell == (1, 2)
    target[1, 2] = np.nan
    with pytest.raises(InfeasibleTarget, match="is missing"):
        check_targets(target, AGGREGATION)
    target[1, 2] = 0.5
    target[0, 0] = np.nan  # sea
    check_targets(target, AGGREGATION, 0.0, 1.0)


def test_what_the_constraint_changed_is_reported():
    field = np.full(SHAPE, 2.0)
    target = np.full(AGGREGATION.coarse, 4.0)
    done = constrain(field, target, AGGREGATION, Law("positive"))
    assert done.report["largest"] == pytest.approx(0.5)
    assert done.report["error"] < 1e-12
    assert done.report["cells"] == AGGREGATION.has_land.sum()
    np.testing.assert_allclose(done.shift[AGGREGATION.has_land], np.log(2.0))
    assert np.isnan(done.field[~ON_LAND]).all()


def test_a_land_pixel_without_value_is_told():
    field = np.ones(SHAPE)
    at = tuple(int(i) for i in np.argwhere(ON_LAND)[5])
    field[at] = np.nan
    with pytest.raises(InputError, match=f"land pixel \\({at[0]}, {at[1]}\\)"):
        constrain(field, np.ones(AGGREGATION.coarse), AGGREGATION, Law())


@pytest.mark.parametrize("law", [Law(), Law("positive"), Law("bounded", -2.0, 3.0)])
def test_links_come_back(law):
    y = np.array([0.1, 0.5, 1.0, 2.9])
    np.testing.assert_allclose(law.unlink(law.link(y)), y, rtol=1e-12)
