"""Land cover, climate indices and plant functional types."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from elterra.domain.bioclimate import DAYS, bioclimate, growing_degree_days
from elterra.domain.land_cover import KINDS, cover_from_classes, cover_from_shares, scheme, schemes
from elterra.domain.named_grids import regular
from elterra.domain.pft import PFT_NAMES, vegetation
from elterra.domain.regrid import Regridder
from elterra.errors import InputError

TEMPERATE = {
    "coldest": 0.0,
    "warmest": 18.0,
    "gdd": 1900.0,
    "annual_pr": 800.0,
    "winter_share": 0.5,
    "driest_warm_pr": np.inf,
    "driest_pr": 50.0,
}


def of(kind, climate=TEMPERATE, **more):
    cover = np.zeros(len(KINDS))
    cover[KINDS.index(kind)] = 1.0
    return vegetation(cover, {k: np.float64(v) for k, v in climate.items()}, **more)


def number(kind, **changed):
    pft = of(kind, {**TEMPERATE, **changed}).pft
    return {PFT_NAMES.index(PFT_NAMES[i]): round(float(v), 3) for i, v in enumerate(pft) if v > 0}


def test_every_class_of_every_legend_sums_to_one():
    assert set(schemes()) == {"igbp", "esa_cci", "corine"}
    for legend in schemes().values():
        np.testing.assert_allclose(legend.cover.sum(axis=1), 1.0, rtol=1e-12)
        assert (legend.cover >= 0).all()
        assert len(set(legend.codes)) == len(legend.codes)
        assert legend.source
    assert scheme("igbp").codes == tuple(range(18))
    assert len(scheme("corine").codes) == 44
    assert len([c for c in scheme("esa_cci").codes if c % 10 == 0]) == 22


def test_needleleaf_trees_are_boreal_in_the_cold():
    assert number("needleleaf_evergreen") == {1: 1.0}
    assert number("needleleaf_evergreen", coldest=-20.0) == {2: 1.0}
    assert number("needleleaf_evergreen", gdd=1100.0) == {2: 1.0}
    assert number("needleleaf_deciduous") == {3: 1.0}


def test_broadleaf_trees_go_from_tropical_to_boreal():
    assert number("broadleaf_deciduous", coldest=16.0) == {6: 1.0}
    assert number("broadleaf_deciduous") == {7: 1.0}
    assert number("broadleaf_deciduous", coldest=-16.0) == {8: 1.0}
    assert number("broadleaf_deciduous", gdd=1000.0) == {8: 1.0}
    assert number("broadleaf_evergreen", coldest=16.0) == {4: 1.0}
    assert number("broadleaf_evergreen") == {5: 1.0}


def test_shrubs_are_evergreen_where_winters_are_wet():
    assert number("shrub") == {10: 1.0}
    assert number("shrub", winter_share=0.7) == {9: 1.0}
    assert number("shrub", winter_share=0.7, annual_pr=500.0) == {10: 1.0}
    assert number("shrub", gdd=900.0, winter_share=0.7) == {11: 1.0}
    assert number("shrub_evergreen") == {9: 1.0}
    assert number("shrub_deciduous", coldest=-25.0) == {11: 1.0}


def test_grass_is_arctic_c3_or_c4():
    assert number("grass", gdd=900.0) == {12: 1.0}
    assert number("grass") == {13: 1.0}
    assert number("grass", warmest=25.0, driest_warm_pr=10.0) == {13: 1.0}
    assert number("grass", warmest=25.0, driest_warm_pr=40.0) == {13: 0.5, 14: 0.5}
    assert number("grass", coldest=23.0, warmest=28.0, driest_warm_pr=40.0, driest_pr=40.0) == {14: 1.0}


def test_land_units_are_told_apart_and_crops_can_be_grass():
    assert of("crop").landunit.tolist() == [0, 1, 0, 0, 0]
    assert of("crop").pft[0] == 1.0  # no natural vegetation: bare, with weight 0
    as_grass = of("crop", crops="grass")
    assert as_grass.landunit[0] == 1.0
    assert as_grass.pft[13] == 1.0
    assert of("glacier").landunit.tolist() == [0, 0, 0, 0, 1]
    assert np.isnan(of("sea").pft).all()
    assert of("sea").land == 0.0
    with pytest.raises(InputError, match="expected 'mask' or 'grass'"):
        of("crop", crops="eat")


def test_water_is_sea_as_far_as_the_mask_says():
    grown = of("water", sea=np.float64(0.4))
    assert grown.land == pytest.approx(0.6)
    assert grown.landunit[3] == 1.0
    assert of("water").landunit[3] == 1.0
    assert of("grass", sea=np.float64(0.25)).land == pytest.approx(0.75)


@given(
    cover=arrays.arrays(float, (len(KINDS), 6), elements=st.floats(0, 1)),
    seed=st.integers(0, 10_000),
    crops=st.sampled_from(["mask", "grass"]),
)
@settings(max_examples=60, deadline=None)
def test_sums_are_one_whatever_cover_and_climate(cover, seed, crops):
    rng = np.random.default_rng(seed)
    total = cover.sum(axis=0)
    cover = np.where(total > 1e-6, cover / np.where(total > 1e-6, total, 1.0), np.nan)
    t = (
        273.15
        + rng.normal(8, 10, (1, 6))
        + 12 * rng.random((1, 6)) * np.cos(np.arange(12) * np.pi / 6)[:, None]
    )
    pr = rng.gamma(1.0, 3e-5, (12, 6))
    grown = vegetation(cover, bioclimate(t, pr), rng.random(6) if seed % 2 else None, crops)
    known = np.isfinite(grown.pft).all(axis=0)
    np.testing.assert_allclose(grown.pft[:, known].sum(axis=0), 1.0, rtol=1e-9)
    np.testing.assert_allclose(grown.landunit[:, known].sum(axis=0), 1.0, rtol=1e-9)
    assert (grown.pft[:, known] >= 0).all()
    assert np.isnan(grown.pft[:, ~known]).all()


def test_growing_degree_days_of_known_years():
    assert growing_degree_days(np.full((12, 1), 15.0)) == pytest.approx(10.0 * DAYS.sum())
    assert growing_degree_days(np.full((12, 1), 4.0)) == 0.0
    # a sine of amplitude A about the base has A/pi a day
    months = 10.0 * np.sin(2 * np.pi * np.arange(12) / 12)
    assert growing_degree_days(5.0 + months[:, None])[0] == pytest.approx(10.0 / np.pi * 365.25, rel=0.03)


def test_indices_of_a_climate():
    t = 273.15 + np.array([-5, -4, 0, 5, 12, 18, 24, 23, 15, 8, 2, -3.0])[:, None]
    pr = np.full((12, 1), 60.0) / (DAYS[:, None] * 86400)
    pr[6] *= 0.25
    found = bioclimate(t, pr)
    assert found["coldest"][0] == pytest.approx(-5.0)
    assert found["warmest"][0] == pytest.approx(24.0)
    assert found["driest_warm_pr"][0] == pytest.approx(15.0)
    assert found["annual_pr"][0] == pytest.approx(11 * 60 + 15)
    assert found["winter_share"][0] == pytest.approx(360 / 675)


def test_classes_and_their_shares_give_the_same_cover():
    source, target = regular(0.5, (45, 50, 5, 15)), regular(2.5, (45, 50, 5, 15))
    legend = scheme("esa_cci")
    codes = np.array([10, 60, 70, 130, 210])
    classes = np.random.default_rng(0).choice(codes, source.shape)
    regrid = Regridder(source, target)
    cover, part = cover_from_classes(classes, legend, regrid)
    labels = [legend.labels[legend.codes.index(c)] for c in codes]
    shares = 100.0 * (classes == codes[:, None, None])
    again, part_again = cover_from_shares(shares, labels, legend, regrid)
    np.testing.assert_allclose(cover, again, atol=1e-12)
    np.testing.assert_allclose(part, part_again)
    np.testing.assert_allclose(cover.sum(axis=0), 1.0, rtol=1e-12)
    with pytest.raises(InputError, match="not in the legend"):
        cover_from_shares(shares, ["lawn", *labels[1:]], legend, regrid)
    with pytest.raises(InputError, match="igbp, esa_cci, corine"):
        scheme("mine")
