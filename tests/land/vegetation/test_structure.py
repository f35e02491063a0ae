"""Leaf area, height, burial by snow."""

import jax.numpy as jnp
import numpy as np
import pytest

from bgc_setup import CFG, drivers, make_p, make_s
from elterra.land.config import Config
from elterra.land.vegetation import leaf_area, structure

P = make_p(((1, 7, 13, 0),))
F, _ = drivers(P)


def test_leaf_area_from_leaf_carbon():
    leaf = jnp.asarray([[200.0, 100.0, 50.0, 0.0]])
    lai = np.asarray(leaf_area(P, leaf))[0]
    assert lai[0] == pytest.approx(0.01 * (np.exp(200 * 0.00125) - 1) / 0.00125, rel=1e-12)
    assert lai[2] == pytest.approx(0.04024 * 50, rel=1e-12)  # slope 0: linear
    assert lai[3] == 0.0


def test_height_of_a_conifer_from_its_stem():
    s = make_s(P, deadstemc=jnp.full((1, 4), 8000.0))
    out = structure(P, s, F, CFG)
    expected = (3 * 8000.0 * 200.0**2 / (np.pi * 0.1 * 2.5e5)) ** (1 / 3)
    assert float(out.htop[0, 0]) == pytest.approx(expected, rel=1e-12)
    assert 20 < expected < 30
    assert float(out.hbot[0, 0]) == 3.0
    assert float(out.htop[0, 2]) == 0.25  # grass without leaves
    assert float(out.htop[0, 3]) == 0.0
    assert float(out.frac_veg_nosno[0, 3]) == 0.0
    assert float(out.frac_veg_nosno[0, 0]) == 1.0


def test_snow_buries_grass_before_trees():
    s = make_s(P, deadstemc=jnp.full((1, 4), 8000.0), leafc=jnp.full((1, 4), 100.0))
    deep = s.replace(snow_depth=jnp.full(4, 0.5))
    bare, snow = structure(P, s, F, CFG), structure(P, deep, F, CFG)
    np.testing.assert_array_equal(bare.elai, bare.tlai)
    assert float(snow.elai[0, 2]) == 0.0
    assert float(snow.elai[0, 0]) == float(bare.elai[0, 0])
    half = structure(P, s.replace(snow_depth=jnp.full(4, 0.1)), F, CFG)
    assert float(half.elai[0, 2]) == pytest.approx(0.5 * float(bare.elai[0, 2]), rel=1e-12)


def test_prescribed_phenology_takes_the_forcing():
    values = jnp.asarray([[4.0, 2.0, 1.0, 0.0]])
    f = F.add(tlai=values, tsai=values * 0.01, htop=values * 5, hbot=values)
    out = structure(P, make_s(P), f, Config(mode="sp"))
    np.testing.assert_array_equal(out.elai[0, :2], values[0, :2])
    np.testing.assert_array_equal(out.htop, values * 5)
    np.testing.assert_array_equal(out.esai, 0.0)  # below 0.05


def test_snow_that_covers_no_ground_buries_nothing():
    s = make_s(P, leafc=jnp.full((1, 4), 100.0))
    trace = s.replace(snow_depth=jnp.full(4, 0.1), frac_sno=jnp.full(4, 1e-12))
    np.testing.assert_allclose(structure(P, trace, F, CFG).elai, structure(P, s, F, CFG).elai, rtol=1e-11)
    # CLM5 with its own leaves: the depth alone counts, and 0.1 m bury half of the grass
    alone = P.replace(burial_cover_weight=jnp.zeros_like(P.burial_cover_weight))
    free = structure(alone, trace, F, CFG).elai / structure(alone, s, F, CFG).elai
    assert float(free[0, 2]) == pytest.approx(0.5, rel=1e-12)
