"""The equations of the fire chapter against values worked out by hand, and their limits."""

from __future__ import annotations

from math import cos, exp, pi, sqrt

import jax.numpy as jnp
import numpy as np
import pytest
from fire_case import BOREAL, BROAD, CROPS, PEAT, TREES, TROPICAL, P, hot

from elterra.land import fire
from elterra.land.fire import FuelClimate
from elterra.land.fire._area import month_of
from elterra.land.fire._spread import natural_share

ONE = jnp.ones(6)
_, SHARE = natural_share(P)
DRY = FuelClimate(ONE * 300.0, ONE * 0.1, ONE * 0.5, ONE)


def test_lightning_and_people_light_fires():
    got = fire.ignitions(P, ONE * 2.0e-3, P.hdm)
    to_ground = 1.0 / (5.16 + 2.16 * cos(pi / 180.0 * 3.0 * 47.0))
    people = 0.01 * 6.8 * 10.0**0.43 / (30 * 24)
    kept = 0.01 + 0.98 * exp(-0.25)
    assert float(got[TREES]) == pytest.approx((people + 0.22 * to_ground * 2.0e-3) * kept, rel=1e-12)
    # nobody there: lightning alone, a hundredth of it put out
    nobody = 0.99 * 0.22 * 2.0e-3 / (5.16 + 2.16 * cos(pi / 180.0 * 3.0 * 44.0))
    assert float(got[BROAD]) == pytest.approx(nobody, rel=1e-12)
    # from 60 degrees on the share of flashes that reach the ground is constant: 1/3
    far = 0.22 * 2.0e-3 / 3.0
    people = 0.01 * 6.8 * 0.05**0.43 / 720.0
    assert float(got[BOREAL]) == pytest.approx((far + people) * (0.01 + 0.98 * exp(-0.00125)), rel=1e-12)


def test_the_code_of_clm_takes_degrees_for_radians():
    q = P.replace(lightning_angle=ONE)
    got = float(fire.ignitions(q, ONE, 0.0 * ONE)[TREES])
    assert got == pytest.approx(0.99 * 0.22 / (5.16 + 2.16 * cos(141.0)), rel=1e-12)


def test_fuel_counts_between_its_two_thresholds():
    fuel = jnp.asarray([0.0, 105.0, 577.5, 1050.0, 5000.0, 200.0])
    np.testing.assert_allclose(fire.fuel_availability(P, fuel), [0, 0, 0.5, 1, 1, 95 / 945], rtol=1e-14)


def test_combustibility_of_light_fuel_goes_by_the_air_of_the_moment():
    got = fire.combustibility(P, ONE * 2000.0, ONE * 55.0, ONE * 90.0, DRY._replace(btran2=ONE * 0.915))
    # half of the range of humidity, half of the range of wetness
    np.testing.assert_allclose(got, 0.5**1.5 * sqrt(0.5), rtol=1e-12)


def test_combustibility_of_thick_fuel_goes_by_the_last_month():
    got = fire.combustibility(P, ONE * 5000.0, ONE * 20.0, ONE * 72.0, DRY)
    np.testing.assert_allclose(got, (1.0 - 0.8) ** 1.5, rtol=1e-12)
    mixed = fire.combustibility(P, ONE * 3750.0, ONE * 20.0, ONE * 72.0, DRY)
    np.testing.assert_allclose(mixed, (0.5 * 0.2 + 0.5) ** 1.5, rtol=1e-12)
    driest = fire.combustibility(P, ONE * 5000.0, ONE * 20.0, ONE * 10.0, DRY)
    np.testing.assert_allclose(driest, 0.3**1.5, rtol=1e-12)


@pytest.mark.parametrize(
    ("rh", "now"),
    [
        (80.0, DRY),
        (95.0, DRY),
        (20.0, DRY._replace(btran2=ONE * 0.98)),
        (20.0, DRY._replace(tsoi17=ONE * 273.15)),
        (20.0, DRY._replace(planted=ONE * 0.0)),
    ],
    ids=["moist air", "wet air", "wet soil", "frozen soil", "no plants"],
)
def test_nothing_burns_where_it_is_wet_cold_or_bare(rh, now):
    assert float(jnp.max(fire.combustibility(P, ONE * 2000.0, ONE * rh, ONE * 50.0, now))) == 0.0
    assert float(jnp.min(fire.combustibility(P, ONE * 2000.0, ONE * 20.0, ONE * 50.0, DRY))) == 1.0


def test_a_fire_burns_an_ellipse():
    got = fire.area_of_a_fire(P, SHARE, ONE * 4.0, ONE * 0.49)
    rate, hours = 0.7 * 0.26 + 0.3 * 0.33, 24.0
    lb = 1.0 + 10.0 * (1.0 - exp(-0.24))
    hb = (lb + sqrt(lb**2 - 1.0)) / (lb - sqrt(lb**2 - 1.0))
    g_wind = 2.0 * lb / (1.0 + 1.0 / hb) * 0.05
    up = rate * sqrt(0.49) * g_wind
    expected = pi * up**2 * (hours * 3600.0) ** 2 / (4.0 * lb) * (1.0 + 1.0 / hb) ** 2 * 1e-6
    assert float(got[TREES]) == pytest.approx(expected, rel=1e-12)
    assert float(got[CROPS]) == 0.0


def test_wealth_and_people_fight_fires():
    left = fire.suppression(P, P.hdm, SHARE)
    # conifers (0.7) and grass (0.3), 5000 dollars, 10 persons
    assert float(left.occurrence[TREES]) == pytest.approx(
        0.7 + 0.3 * (0.1 + 0.9 * exp(-pi * sqrt(5.0 / 8.0)))
    )
    assert float(left.spread_wealth[TREES]) == pytest.approx(0.7 + 0.3 * (0.2 + 0.8 * exp(-pi * 5.0 / 7.0)))
    trees = 0.4 + 0.6 * exp(-pi * 10.0 / 125.0)
    grass = 0.2 + 0.8 * exp(-pi * sqrt(10.0 / 450.0))
    assert float(left.spread_people[TREES]) == pytest.approx(0.7 * trees + 0.3 * grass)
    for part in left:  # fewer than 0.1 persons km-2: nobody fights
        assert float(part[BOREAL]) == pytest.approx(1.0)
    many = fire.suppression(P, 50.0 * ONE, SHARE)
    assert float(many.occurrence[BROAD]) == pytest.approx(0.6 * 0.79)  # the bare 0.4 carries none
    assert float(many.occurrence[BOREAL]) == pytest.approx(
        0.5 * 0.33 + 0.5 * (0.1 + 0.9 * exp(-pi * sqrt(25.0 / 8.0)))
    )
    assert float(many.spread_wealth[BOREAL]) == pytest.approx(
        0.5 * 0.62 + 0.5 * (0.2 + 0.8 * exp(-pi * 25.0 / 7.0))
    )


def test_people_suppress_more_the_more_they_are():
    people = jnp.asarray([1.0, 10.0, 100.0, 1000.0])
    left = [fire.suppression(P, d * ONE, SHARE).spread_people[TREES] for d in people]
    assert (np.diff(left) < 0.0).all()
    crops = [fire.crop_fire_rate(P, d * ONE)[CROPS] for d in people]
    assert (np.diff(crops) < 0.0).all()


def test_crops_burn_less_where_many_and_rich_people_live():
    got = fire.crop_fire_rate(P, P.hdm)
    people = 0.04 + 0.96 * exp(-pi * sqrt(100.0 / 350.0))
    wealth = 0.01 + 0.99 * exp(-pi * 3.0)
    assert float(got[CROPS]) == pytest.approx(1.6e-4 / 3600.0 * people * wealth, rel=1e-12)


def test_peat_burns_after_a_dry_season_in_the_south_and_on_dry_warm_ground_in_the_north():
    now = DRY._replace(wf2=ONE * 0.15, tsoi17=ONE * 278.15)
    got = fire.peat_fire_rate(P, ONE * 1.0 / 86400.0, ONE * 0.1, now)
    assert float(got[PEAT]) == pytest.approx(1.7e-4 / 3600.0 * 0.75**2 * 0.5 * 0.9, rel=1e-12)
    assert float(got[BOREAL]) == pytest.approx(9e-6 / 3600.0 * exp(-pi * 0.5) * 0.5 * 0.3 * 0.9, rel=1e-12)
    assert float(got[TREES]) == 0.0
    wet = fire.peat_fire_rate(P, ONE * 5.0 / 86400.0, ONE * 0.1, now._replace(tsoi17=ONE * 273.15))
    assert float(wet[PEAT]) == 0.0
    assert float(wet[BOREAL]) == 0.0


def test_wetness_and_warmth_of_the_top_of_the_soil():
    f, drv = hot(P)
    t = 280.0 + jnp.arange(20.0)[:, None] * jnp.ones((20, 6))
    vol = drv.h2osoi_vol.at[0].set(0.3)
    now = fire.fuel_climate(P, drv.replace(t_soil=t, h2osoi_vol=vol))
    expected = (0.02 * 280.0 + 0.04 * 281.0 + 0.06 * 282.0 + 0.05 * 283.0) / 0.17
    np.testing.assert_allclose(now.tsoi17, expected, rtol=1e-12)
    watsat, sucsat, bsw = (np.asarray(P[n])[:3] for n in ("watsat", "sucsat", "bsw"))
    dry = watsat * (316230.0 / sucsat) ** (-1.0 / bsw)
    dz = np.array([0.02, 0.04, 0.06])[:, None]
    wf2 = ((np.asarray(vol)[:3] - dry) * dz).sum(0) / ((watsat - dry) * dz).sum(0)
    np.testing.assert_allclose(now.wf2, wf2, rtol=1e-12)
    np.testing.assert_allclose(now.planted, [1.0, 0.6, 0.0, 1.0, 1.0, 0.8], rtol=1e-14)
    assert float(fire.relative_humidity(f)[0]) == pytest.approx(20.0, rel=1e-12)


def test_the_wetness_of_the_root_zone_runs_from_wilting_to_saturation():
    _, drv = hot(P)

    def at(vol):
        return np.asarray(fire.fuel_climate(P, drv.replace(h2osoi_vol=vol * jnp.ones((20, 6)))).btran2)

    wet, dry, driest = at(0.45), at(0.06), at(0.0)
    planted = [TREES, BROAD, BOREAL, TROPICAL, PEAT]
    np.testing.assert_allclose(wet[planted], 1.0, rtol=1e-12)
    np.testing.assert_array_equal(driest[planted], 0.0)
    assert (dry[planted] < 0.85).all()
    np.testing.assert_array_equal(driest[CROPS], 1.0)  # no natural plants: not dry


def test_months_begin_where_they_do():
    days = [1, 31, 32, 59, 60, 243, 244, 334, 335, 365]
    assert [int(month_of(jnp.asarray(d))) for d in days] == [1, 1, 2, 2, 3, 8, 9, 11, 12, 12]


def test_no_tissue_loses_more_than_it_is():
    share = fire.fire_shares(P)
    turned = np.zeros_like(share.burnt)
    turned[2], turned[4] = share.stem_turned, share.croot_turned
    total = np.asarray(share.burnt + share.killed) + turned
    assert (total <= 1.0).all()
    assert (np.asarray(share.stored_burnt + share.stored_killed) <= 1.0).all()
    # conifers, by the table of the chapter: leaves 0.8 burn, 0.8 of the rest die; stems 0.3, then 0.15 fall, 0.35 stay dead
    conifer = [float(x[i, 0, TREES]) for x in (share.burnt, share.killed) for i in (0, 2, 3, 1)]
    np.testing.assert_allclose(conifer, [0.8, 0.3, 0.3, 0.0, 0.16, 0.105, 0.105, 0.15], rtol=1e-12)
    assert float(share.stem_turned[0, TREES]) == pytest.approx(0.7 * 0.35)
    assert float(share.stored_burnt[0, TREES]) == 0.5
    assert float(jnp.max(jnp.abs(share.burnt[:, 1, BROAD]))) == 0.0  # bare ground
