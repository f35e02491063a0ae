import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elterra.calibration import ConstraintMap, Prior, PriorError

PRIORS = (
    Prior("n", "normal", 3.0, 2.0),
    Prior("folded", "normal", 0.2, 1.0, (0.0, 1.0)),
    Prior("l", "lognormal", 5.0, 0.4),
    Prior("negative", "lognormal", -5.0, 0.4),
    Prior("b", "logit", 0.3, 0.7, (0.1, 0.8)),
    Prior.uniform("u", -2.0, 4.0),
)
MAPS = ConstraintMap(PRIORS)
PHYSICAL = jax.jit(MAPS.physical)
SLOPE, SLOPE_BACK = jax.jit(jax.jacobian(MAPS.physical)), jax.jit(jax.jacobian(MAPS.standard))
Z = st.lists(st.floats(-6, 6), min_size=len(PRIORS), max_size=len(PRIORS)).map(np.array)


@settings(max_examples=40, deadline=None)
@given(Z)
def test_values_respect_their_bounds_and_the_two_maps_agree(z):
    x = MAPS.to_physical(z)
    np.testing.assert_allclose(np.asarray(PHYSICAL(z)), x, rtol=1e-12, atol=1e-12)
    for value, prior in zip(x, PRIORS, strict=True):
        if prior.bounds:
            assert prior.bounds[0] <= value <= prior.bounds[1]
        if prior.kind == "lognormal":
            assert value * prior.centre > 0


@settings(max_examples=40, deadline=None)
@given(Z)
def test_the_way_back_gives_the_same_value(z):
    x = MAPS.to_physical(z)
    np.testing.assert_allclose(MAPS.to_physical(MAPS.to_standard(x)), x, rtol=1e-8, atol=1e-8)
    plain = [i for i, prior in enumerate(PRIORS) if prior.name != "folded"]
    np.testing.assert_allclose(MAPS.to_standard(x)[plain], z[plain], atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(Z)
def test_gradients_are_finite(z):
    assert np.isfinite(np.asarray(SLOPE(z))).all()
    assert np.isfinite(np.asarray(SLOPE_BACK(MAPS.to_physical(z)))).all()


def test_a_uniform_prior_is_uniform():
    z = np.random.default_rng(0).standard_normal(40_000)
    x = PRIORS[-1].to_physical(z)
    np.testing.assert_allclose(np.histogram(x, 6, (-2, 4))[0] / 40_000, 1 / 6, atol=0.01)


def test_values_outside_of_bounds_are_refused_by_name():
    x = MAPS.to_physical(np.zeros(len(PRIORS)))
    x[5] = 4.1
    with pytest.raises(PriorError, match="u: values must lie in"):
        MAPS.to_standard(x)
    x[5], x[2] = 0.0, -1.0
    with pytest.raises(PriorError, match="l: values must have the sign"):
        MAPS.to_standard(x)


def test_two_parameters_of_one_name_are_refused():
    with pytest.raises(PriorError, match="different names"):
        ConstraintMap([PRIORS[0], PRIORS[0]])
