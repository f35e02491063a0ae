"""Footprints: the published properties of Kormann and Meixner (2001) and of FFP (Kljun et al. 2015)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from elterra.observations.operators import (
    Kljun,
    KormannMeixner,
    OperatorError,
    class_weights,
    interval_weights,
)

NEUTRAL, UNSTABLE, STABLE = 1e5, -50.0, 200.0


def both(obukhov, zm=20.0, wind=3.0, ustar=0.4, sigma_v=0.8):
    return (
        KormannMeixner(zm, wind, ustar, obukhov, sigma_v),
        Kljun(zm, wind, ustar, obukhov, sigma_v, 1000.0),
    )


@pytest.mark.parametrize("obukhov", [NEUTRAL, UNSTABLE, STABLE])
@pytest.mark.parametrize("which", [0, 1])
def test_the_integral_tends_to_one(obukhov, which):
    f = both(obukhov)[which]
    x = np.geomspace(1.0, 1e9, 200_001)
    total = np.trapezoid(f.crosswind_integrated(x), x)
    assert total == pytest.approx(1.0, abs=3e-3)  # FFP's published coefficients are rounded
    assert f.cumulative(np.array([1e12]))[0] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("obukhov", [NEUTRAL, UNSTABLE, STABLE])
@pytest.mark.parametrize("which", [0, 1])
def test_the_peak_is_where_the_density_is_largest(obukhov, which):
    f = both(obukhov)[which]
    x = np.linspace(0.5 * f.peak, 2.0 * f.peak, 20_001)
    assert x[np.argmax(f.crosswind_integrated(x))] == pytest.approx(f.peak, rel=1e-3)


@pytest.mark.parametrize("which", [0, 1])
def test_the_cumulative_footprint_is_the_integral_of_the_density(which):
    f = both(UNSTABLE)[which]
    for end in (50.0, 200.0, 1000.0):
        direct = quad(lambda x: float(f.crosswind_integrated(np.array(x))), 0.0, end, limit=200)[0]
        assert float(f.cumulative(np.array(end))) == pytest.approx(direct, rel=3e-3)


def test_ffp_has_its_published_peak_and_coefficients_that_close():
    """X*max = 0.87 (Kljun et al. 2015, eq. 20); a = c^(-1-b) / Gamma(-1-b) makes the integral one."""
    f = both(NEUTRAL)[1]
    assert f.peak / f._scale == pytest.approx(0.87, abs=0.005)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.9])
def test_ffp_reaches_a_share_of_the_flux_at_its_published_distance(share):
    """X*_R = -c / ln R + d (Kljun et al. 2015, eq. 25, exact for b = -2)."""
    f = both(NEUTRAL)[1]
    distance = (-1.4622 / np.log(share) + 0.1359) * f._scale
    assert float(f.cumulative(np.array(distance))) == pytest.approx(share, abs=0.006)


@pytest.mark.parametrize("which", [0, 1])
def test_the_footprint_is_nearer_in_unstable_and_further_in_stable_air(which):
    assert both(UNSTABLE, wind=2.5)[which].cumulative(500.0) >= both(NEUTRAL)[which].cumulative(500.0)
    assert both(STABLE, wind=5.0)[which].cumulative(500.0) < both(NEUTRAL)[which].cumulative(500.0)


def test_power_laws_of_a_neutral_profile():
    """Neutral: n = 1 and m = u*/(k u), so that r = 1 + m and mu = 1 (Kormann and Meixner 2001, eq. 36)."""
    f = KormannMeixner(10.0, 4.0, 0.4, 1e12, 0.8)
    m, r, mu, _, xi = f._shape
    assert m == pytest.approx(0.25)
    assert r == pytest.approx(1.25)
    assert mu == pytest.approx(1.0)
    assert float(f.cumulative(np.array(xi))) == pytest.approx(np.exp(-1.0))


@settings(max_examples=80, deadline=None)
@given(
    st.floats(2, 60),
    st.floats(1, 10),
    st.floats(0.1, 1),
    st.floats(0.02, 1).map(lambda z: 1 / z),
    st.booleans(),
)
def test_footprints_are_positive_and_grow_to_one(zm, wind, ustar, stretch, stable):
    obukhov = (1.0 if stable else -1.0) * zm * stretch
    x = np.geomspace(1e-2, 1e7, 400)
    for f in (
        KormannMeixner(zm, wind, ustar, obukhov, 2 * ustar),
        Kljun(zm, wind, ustar, obukhov, 2 * ustar, 800.0),
    ):
        assert (f.crosswind_integrated(x) >= 0.0).all()
        assert (np.diff(f.cumulative(x)) >= -1e-14).all()
        assert (f.cumulative(x) <= 1.0 + 1e-12).all()
        assert (np.diff(f.spread(x)) > 0.0).all()
        assert f.crosswind_integrated(np.array([-10.0]))[0] == 0.0


def landscape(side=4000.0, cell=40.0):
    n = int(side / cell)
    c = (np.arange(n) + 0.5) * cell - side / 2
    east, north = (a.ravel() for a in np.meshgrid(c, c))
    return east, north, cell


def test_a_uniform_map_has_one_class_and_the_rest_lies_outside():
    east, north, cell = landscape()
    f = both(UNSTABLE)[0]
    weights, share = class_weights(f, east, north, cell, np.zeros(east.size, int), 2, 270.0)
    np.testing.assert_allclose(weights, [1.0, 0.0])
    assert share == pytest.approx(float(f.cumulative(np.array(2000.0))), abs=0.02)


def test_the_flux_comes_from_where_the_wind_comes_from():
    east, north, cell = landscape()
    west = (east < 0).astype(int)
    f = both(UNSTABLE)[1]
    assert class_weights(f, east, north, cell, west, 2, 270.0)[0][1] > 0.999
    assert class_weights(f, east, north, cell, west, 2, 90.0)[0][1] < 0.001
    np.testing.assert_allclose(class_weights(f, east, north, cell, west, 2, 0.0)[0], 0.5, atol=1e-6)


def test_a_ring_gets_the_share_of_its_distances():
    east, north, cell = landscape()
    f = both(UNSTABLE)[0]
    near = (np.hypot(east, north) < 300.0).astype(int)
    weights, share = class_weights(f, east, north, cell, near, 2, 225.0)
    assert weights[1] * share == pytest.approx(float(f.cumulative(np.array(300.0))), abs=0.05)


def test_intervals_without_wind_take_the_climatology_of_the_tower():
    east, north, cell = landscape(cell=80.0)
    west = (east < 0).astype(int)
    f = both(UNSTABLE)[0]
    weights, own = interval_weights(
        [f, f, None, f], np.array([270.0, 90.0, 0.0, np.nan]), east, north, cell, west, 2
    )
    assert own.tolist() == [True, True, False, False]
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    np.testing.assert_allclose(weights[2:], np.tile(weights[:2].mean(axis=0), (2, 1)))
    with pytest.raises(OperatorError, match="no interval"):
        interval_weights([None], np.array([0.0]), east, north, cell, west, 2)


def test_unknown_ground_and_a_small_map_are_refused():
    east, north, cell = landscape(side=200.0)
    with pytest.raises(OperatorError, match="of the footprint"):
        class_weights(both(STABLE)[0], east, north, cell, np.zeros(east.size, int), 1, 0.0)
    east, north, cell = landscape()
    with pytest.raises(OperatorError, match="0 % of the footprint"):
        class_weights(both(UNSTABLE)[0], east, north, cell, np.full(east.size, -1), 1, 0.0)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"ustar": 0.05}, "friction velocity"),
        ({"boundary_layer": 10.0}, "boundary layer"),
        ({"obukhov": -1.0}, "zm/L"),
        ({"wind": 0.0}, "wind is 0"),
    ],
)
def test_ffp_refuses_what_it_is_not_valid_for(change, match):
    given = {
        "zm": 20.0,
        "wind": 3.0,
        "ustar": 0.4,
        "obukhov": -100.0,
        "sigma_v": 0.8,
        "boundary_layer": 1000.0,
    }
    with pytest.raises(OperatorError, match=match):
        Kljun(**{**given, **change})
