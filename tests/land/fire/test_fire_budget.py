"""Fire on the pools: nothing appears or vanishes, nothing burns without cause, gradients are finite."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fire_case import BOREAL, BROAD, CFG, CROPS, PEAT, TREES, TROPICAL, P, S, hot, random_pools

from elterra.land.config import Config
from elterra.land.fire import fuel_climate
from elterra.land.mortality import root_profile, surface_profile
from elterra.land.outputs import FIRE
from elterra.land.vegetation import carbon_nitrogen, ecosystem_totals
from elterra.land.vegetation._burn import burn
from elterra.land.vegetation._pools import OTHER_C, OTHER_N, STAGES, pool_names

OFF = Config(nlevsno=5)
_STEP = jax.jit(carbon_nitrogen, static_argnums=4)
WILD = [TREES, BROAD, BOREAL, PEAT]  # not crops, not tropical closed forest


def step(p, s, f, drv, cfg=CFG):
    """One program for all tests: arrays that came from Python numbers would be another type to JAX."""
    return _STEP(*jax.tree.map(np.asarray, (p, s, f, drv)), cfg)


@jax.jit
def _burnt(p, s, f, drv):
    return burn(p, s, f, drv, s, s.decomp_cpools, s.decomp_npools, surface_profile(p), root_profile(p), CFG)


def alone(p, s, f, drv):
    """Fire without the other processes."""
    return _burnt(*jax.tree.map(np.asarray, (p, s, f, drv)))


F, DRV = hot(P)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scale", [1.0, 1.0e9], ids=["some burns", "all burns"])
def test_no_carbon_or_nitrogen_appears_or_vanishes(seed, scale):
    s = random_pools(P, S, seed)
    p = P.replace(lnfm=scale * P.lnfm)
    new, out = step(p, s, F, DRV)
    before, after = ecosystem_totals(p, s), ecosystem_totals(p, new)
    c_in = CFG.dt * (out.gpp - out.ar - out.hr - out.COL_FIRE_CLOSS)
    size = 1.0e-13 * np.asarray(before.totecosysc)
    assert (np.abs(after.totecosysc - before.totecosysc - c_in) < np.maximum(size, 1e-9)).all()
    losses = out.f_denit + out.f_n2o_nit + out.smin_no3_leached + out.COL_FIRE_NLOSS
    n_in = CFG.dt * (F.ndep + out.nfix_to_sminn - losses) + out.ntrunc
    size = 1.0e-13 * np.asarray(before.totecosysn)
    assert (np.abs(after.totecosysn - before.totecosysn - n_in) < np.maximum(size, 1e-9)).all()
    assert float(jnp.max(jnp.abs(out.errcb))) < 1e-8
    assert float(jnp.max(jnp.abs(out.errnb))) < 1e-8
    np.testing.assert_allclose(out.nee, out.er - out.gpp + out.COL_FIRE_CLOSS, rtol=1e-13)
    assert float(jnp.min(out.COL_FIRE_CLOSS[jnp.asarray(WILD)])) > 0.0
    assert (np.asarray(out.FAREA_BURNED) * CFG.dt <= 1.0 + 1e-15).all()
    if scale > 1.0:
        np.testing.assert_allclose(out.FAREA_BURNED[np.array(WILD)] * CFG.dt, 1.0, rtol=1e-14)
    for name in new:
        assert bool(jnp.all(jnp.isfinite(new[name]))), name
    pools = {*pool_names("c"), *pool_names("n"), *OTHER_C, *OTHER_N, "decomp_cpools", "decomp_npools"}
    for name in pools - {"xsmrpool"}:  # a debt
        assert float(jnp.min(new[name])) >= 0.0, name
    for name in out:
        assert bool(jnp.all(jnp.isfinite(out[name]))), name


def test_plants_keep_what_the_shares_leave_when_all_burns():
    left = alone(P.replace(lnfm=1.0e9 * P.lnfm), S, F, DRV)
    start = float(S.leafc[0, TREES])
    assert float(left.plants["leafc"][0, TREES]) == pytest.approx(start * 0.2 * 0.2, rel=1e-12)
    live, dead = float(S.livestemc[0, TREES]), float(S.deadstemc[0, TREES])
    assert float(left.plants["livestemc"][0, TREES]) == pytest.approx(live * 0.7 * 0.5, rel=1e-12)
    gained = live * 0.7 * 0.35
    assert float(left.plants["deadstemc"][0, TREES]) == pytest.approx(dead * 0.7 * 0.85 + gained, rel=1e-12)
    assert float(left.plants["frootc"][0, TREES]) == pytest.approx(200.0 * 0.85, rel=1e-12)
    assert float(left.plants["frootc_storage"][0, TREES]) == pytest.approx(40.0 * 0.5 * 0.5, rel=1e-12)
    np.testing.assert_array_equal(left.c[4:], S.decomp_cpools[4:])
    np.testing.assert_array_equal(left.plants["xsmrpool"], S.xsmrpool)


def test_half_of_the_litter_and_a_quarter_of_the_debris_burn():
    nothing_falls = {n: 0.0 * P[n] for n in ("fm_leaf", "fm_root", "fm_droot", "fm_other")}
    left = alone(P.replace(lnfm=1.0e9 * P.lnfm, **nothing_falls), S, F, DRV)
    np.testing.assert_allclose(left.c[:3, :, TREES], 0.5 * S.decomp_cpools[:3, :, TREES], rtol=1e-12)
    np.testing.assert_allclose(left.n[3, :, TREES], 0.72 * S.decomp_npools[3, :, TREES], rtol=1e-12)


def test_what_fire_takes_is_what_is_missing():
    left = alone(P, S, F, DRV)
    after = ecosystem_totals(P, {**S, **left.plants, "decomp_cpools": left.c, "decomp_npools": left.n})
    before = ecosystem_totals(P, S)
    for total, loss in (("totecosysc", left.closs), ("totecosysn", left.nloss)):
        gone = np.asarray(before[total] - after[total])
        np.testing.assert_allclose(gone, np.asarray(loss) * CFG.dt, rtol=0, atol=1e-10)
        assert (gone[WILD] > 0.0).all()


QUIET = {
    "wet soil": {"water": 0.45},
    "moist air": {"rh": 90.0},
    "frozen soil": {"celsius": 7.0},
    "no ignition": {},
    "no fuel": {},
}


@pytest.mark.parametrize("why", QUIET)
def test_without_cause_nothing_burns_and_the_step_is_that_without_fire(why):
    f, drv = hot(P, **QUIET[why], day=150)  # not the month of crop fires
    p, s = P.replace(peatf=0.0 * P.peatf), S
    if why == "no ignition":
        p = p.replace(lnfm=0.0 * p.lnfm, hdm=0.0 * p.hdm)
    if why == "no fuel":
        pools = S.decomp_cpools.at[:4].set(1.0e-3), S.decomp_npools.at[:4].set(1.0e-5)
        s = S.replace(decomp_cpools=pools[0], decomp_npools=pools[1])
        above = [f"{t}{e}{x}" for t in ("leaf", "livestem", "deadstem") for e in "cn" for x in STAGES]
        s = s.replace(**{name: 1.0e-3 * s[name] for name in above})
    new, out = step(p, s, f, drv)
    assert float(jnp.max(out.COL_FIRE_CLOSS)) == 0.0
    assert float(jnp.max(out.FAREA_BURNED)) == 0.0
    held = {k: v for k, v in s.items() if k not in ("prec60", "rh30", "burndate")}
    without, _ = step(p, type(s)(held), f, drv, OFF)
    for name in without:
        np.testing.assert_allclose(new[name], without[name], rtol=1e-12, atol=1e-15, err_msg=name)


def test_more_lightning_more_fire():
    burned = [alone(P.replace(lnfm=x * P.lnfm), S, F, DRV) for x in (0.0, 0.5, 1.0, 2.0, 8.0)]
    for name in ("FAREA_BURNED", "COL_FIRE_CLOSS", "NFIRE"):
        values = np.stack([np.asarray(b.out[name]) for b in burned])[:, WILD]
        assert (np.diff(values, axis=0) > 0.0).all(), name


def test_people_light_fires_at_first_and_then_put_them_out():
    area = {
        d: np.asarray(alone(P.replace(hdm=0.0 * P.hdm + d), S, F, DRV).out["FAREA_BURNED"])[TREES]
        for d in (0.0, 3.0, 600.0)
    }
    assert area[3.0] > area[0.0]
    assert area[600.0] < 0.1 * area[3.0]


def test_wealth_makes_fires_fewer_and_smaller():
    poor, rich = (
        alone(P.replace(gdp=0.0 * P.gdp + x, hdm=0.0 * P.hdm + 20.0), S, F, DRV) for x in (0.0, 40.0)
    )
    assert (np.asarray(rich.out["FAREA_BURNED"])[WILD] < np.asarray(poor.out["FAREA_BURNED"])[WILD]).all()


def test_forcing_goes_before_the_surface():
    f = F.add(lnfm=10.0 * P.lnfm, hdm=P.hdm)
    more = alone(P.replace(lnfm=10.0 * P.lnfm), S, F, DRV)
    np.testing.assert_allclose(alone(P, S, f, DRV).out["NFIRE"], more.out["NFIRE"], rtol=1e-14)


def test_closed_tropical_forest_does_not_burn_by_itself():
    assert float(alone(P, S, F, DRV).out["FAREA_BURNED"][TROPICAL]) == 0.0
    opened = P.replace(wt=P.wt.at[:, TROPICAL].set(jnp.asarray([0.3, 0.7]))).replace(
        pft=P.pft.at[1, TROPICAL].set(14)
    )
    assert float(alone(opened, S, F, DRV).out["FAREA_BURNED"][TROPICAL]) > 0.0


def test_crops_burn_once_a_year_in_their_month():
    first = alone(P, S, F, DRV)
    rate = float(first.out["BAF_CROP"][CROPS])
    assert rate > 0.0
    np.testing.assert_array_equal(first.state["burndate"][:, CROPS], 213.0)
    assert float(first.closs[CROPS]) > 0.0
    assert float(first.out["NFIRE"][CROPS]) == 0.0
    assert float(jnp.max(first.out["BAF_CROP"][jnp.asarray([*WILD, TROPICAL])])) == 0.0
    burned = S.replace(**first.state)
    assert float(alone(P, burned, F, DRV).out["BAF_CROP"][CROPS]) == 0.0
    # the new year opens it again; another month and frost do not burn
    eve = alone(P, burned, F.replace(end_of_year=jnp.asarray(True)), DRV)
    assert float(alone(P, S.replace(**eve.state), F, DRV).out["BAF_CROP"][CROPS]) == rate
    july, _ = hot(P, day=212)
    assert float(alone(P, S, july, DRV).out["BAF_CROP"][CROPS]) == 0.0
    frost = F.replace(forc_t=F.forc_t * 0.0 + 272.0)
    assert float(alone(P, S, frost, DRV).out["BAF_CROP"][CROPS]) == 0.0


def test_peat_burns_beside_its_plants_and_stays_out_of_the_balance():
    dry = S.replace(prec60=0.0 * S.prec60)
    out = alone(P, dry, F, DRV).out
    wet = alone(P, S, F, DRV).out
    assert float(out["BAF_PEATF"][PEAT]) > 0.0
    assert float(wet["BAF_PEATF"][PEAT]) == pytest.approx(0.0, abs=1e-25)
    assert float(wet["BAF_PEATF"][BOREAL]) > 0.0
    soil = float(ecosystem_totals(P, S).totsomc[PEAT])
    np.testing.assert_allclose(out["SOMC_FIRE"][PEAT], 6.0 / 33.9 * soil * out["BAF_PEATF"][PEAT], rtol=1e-12)
    np.testing.assert_allclose(out["SOMC_FIRE"][BOREAL], 2200.0 * out["BAF_PEATF"][BOREAL], rtol=1e-12)


def test_memories_follow_the_weather():
    rain = F.replace(forc_rain=F.forc_rain + 1.0e-4)
    new = alone(P, S, rain, DRV).state
    np.testing.assert_allclose(new["prec60"] - S.prec60, (1.0e-4 - S.prec60) / (60.0 * 48.0), rtol=1e-9)
    np.testing.assert_allclose(new["rh30"] - S.rh30, (20.0 - S.rh30) / (30.0 * 48.0), rtol=1e-9)


def test_a_column_does_not_see_its_neighbours():
    f = F.replace(forc_q=F.forc_q.at[BROAD].set(jnp.nan))
    p = P.replace(lnfm=P.lnfm.at[BROAD].set(jnp.nan))
    poisoned, clean = alone(p, S, f, DRV), alone(P, S, F, DRV)
    rest = [i for i in range(6) if i != BROAD]
    for name in FIRE:
        np.testing.assert_array_equal(poisoned.out[name][..., rest], clean.out[name][..., rest], err_msg=name)
    assert not np.isfinite(poisoned.out["NFIRE"][BROAD])


def test_gradients_are_finite_and_those_of_differences():
    # soil water at which the root zone is neither wet nor dry, by halving
    low, high = 0.03, 0.45
    for _ in range(40):
        water = 0.5 * (low + high)
        wet = fuel_climate(P, DRV.replace(h2osoi_vol=0.0 * DRV.h2osoi_vol + water)).btran2[TREES] > 0.92
        low, high = (low, water) if wet else (water, high)
    thirsty = DRV.replace(h2osoi_vol=0.0 * DRV.h2osoi_vol + water)

    def total(x):
        p = P.replace(lnfm=P.lnfm * x["lightning"], hdm=P.hdm * x["people"], gdp=P.gdp * x["wealth"])
        s = S.replace(
            leafc=S.leafc * x["leaf"], deadstemc=S.deadstemc * x["wood"], prec60=S.prec60 * x["rain"]
        )
        drv = thirsty.replace(h2osoi_vol=thirsty.h2osoi_vol * x["water"], t_soil=DRV.t_soil * x["soil"])
        f = F.replace(forc_q=F.forc_q * x["humidity"], forc_wind=F.forc_wind * x["wind"])
        left = burn(
            p, s, f, drv, s, s.decomp_cpools, s.decomp_npools, surface_profile(p), root_profile(p), CFG
        )
        return 1.0e9 * jnp.sum(left.closs) + jnp.sum(left.plants["leafc"]) + jnp.sum(left.out["NFIRE"])

    names = ("lightning", "people", "wealth", "leaf", "wood", "rain", "water", "soil", "humidity", "wind")
    at = dict.fromkeys(names, jnp.asarray(1.0)) | {"humidity": jnp.asarray(2.3)}
    both = jax.jit(jax.value_and_grad(total))
    _, slope = both(at)
    assert all(bool(jnp.isfinite(x)) for x in slope.values())
    for name in ("lightning", "humidity", "water", "leaf", "wind"):
        step = 1.0e-5 * at[name]
        high, low = (both(at | {name: at[name] + sign * step})[0] for sign in (1.0, -1.0))
        assert float(slope[name]) == pytest.approx(float((high - low) / (2.0 * step)), rel=1e-4), name
        assert float(slope[name]) != 0.0, name
    # also where nothing burns and nobody lives: roots and powers at zero
    still = both(
        at | {"lightning": jnp.asarray(0.0), "people": jnp.asarray(0.0), "wealth": jnp.asarray(0.0)}
    )[1]
    assert all(bool(jnp.isfinite(x)) for x in still.values())
    humid = both(at | {"humidity": jnp.asarray(4.5), "water": jnp.asarray(3.5)})[1]
    assert all(bool(jnp.isfinite(x)) for x in humid.values())
