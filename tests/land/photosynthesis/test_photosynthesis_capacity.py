"""Temperature responses, acclimation, day length, and soil-water stress."""

from __future__ import annotations

import canopy_case as case
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elterra.land.config import NLEVSOI, Config
from elterra.land.photosynthesis import (
    leaves_at_temperature,
    prepare_leaves,
    seasonal_capacity,
    soil_moisture_stress,
    update_t10,
)
from elterra.registry import parameter

CFG = Config(capacity="prescribed")
SP = Config(mode="sp", capacity="prescribed")
VCMAX = parameter("vcmax25top").default[1]


def leaves(pft=1, cfg=CFG, t10=298.15, columns=4, **p_over):
    p = case.prepared([pft], columns, **p_over)
    s = case.state(cfg, 1, columns, t10=jnp.full((1, columns), t10), acclim_s=jnp.full((1, columns), t10))
    f = case.forcing(columns, dayl=jnp.full(columns, 57000.0))
    veg = case.vegetation(1, columns)
    rad = case.light(veg)
    return p, prepare_leaves(p, s, f, veg, rad, jnp.ones((1, columns)), cfg), rad


def test_rates_at_25_degrees_are_the_25_degree_rates():
    p, prepared, rad = leaves()
    at = leaves_at_temperature(p, prepared, jnp.full((1, 4), 298.15))
    assert np.allclose(at.vcmax[0], VCMAX * rad.vcmaxcintsun, rtol=1e-12)
    assert np.allclose(at.ap_constant[1], 3 * 0.167 * VCMAX * rad.vcmaxcintsha, rtol=1e-12)
    assert np.allclose(prepared.jmax25 / prepared.vcmax25, 2.59 - 0.035 * 25.0)


@pytest.mark.parametrize("pft", [1, 14])
def test_vcmax_has_an_optimum_and_respiration_rises(pft):
    p, prepared, _ = leaves(pft, columns=61)
    t = jnp.linspace(263.0, 323.0, 61)[None]
    at = leaves_at_temperature(p, prepared, t)
    best = float(t[0, jnp.argmax(at.vcmax[0, 0])])
    assert 303.0 < best < 318.0
    assert at.vcmax[0, 0, -1] < 0.7 * at.vcmax[0, 0].max()
    cool = t[0] < 302.0
    assert (jnp.diff(at.lmr[0, 0][cool]) > 0).all()


def test_warm_growth_moves_the_optimum_of_vcmax_up():
    t = jnp.linspace(290.0, 323.0, 200)[None]
    best = []
    for t10 in (284.15, 303.15):
        p, prepared, _ = leaves(t10=t10, columns=200)
        best.append(float(t[0, jnp.argmax(leaves_at_temperature(p, prepared, t).vcmax[0, 0])]))
    assert best[1] > best[0] + 1.0


def test_leaf_respiration_follows_the_mode():
    _, bgc, rad = leaves(cfg=CFG, t10=283.15, acclim_weight=jnp.zeros((1, 4)))
    expected = 1.4995 + 0.2061 / (0.01 * 58.0) - 0.0402 * 10.0
    assert np.allclose(bgc.lmr25[0], expected * 0.67 * rad.vcmaxcintsun)
    _, sp, _ = leaves(cfg=SP, t10=283.15, acclim_weight=jnp.zeros((1, 4)))
    assert np.allclose(sp.lmr25[0], 0.015 * VCMAX * 0.67 * rad.vcmaxcintsun)


def test_day_length_reduces_capacity_by_its_square():
    p = case.prepared([7], 1).replace(dayl_weight=jnp.ones(1))
    veg = case.vegetation(1, 1)
    s, rad = case.state(CFG, 1, 1), case.light(veg)
    full, half = (
        prepare_leaves(p, s, case.forcing(1, dayl=jnp.full(1, d)), veg, rad, jnp.ones((1, 1)), CFG).vcmax25
        for d in (57000.0, 28500.0)
    )
    assert np.allclose(half / full, 0.25)
    off = p.replace(dayl_weight=jnp.zeros(1))
    f = case.forcing(1, dayl=jnp.full(1, 28500.0))
    assert np.allclose(prepare_leaves(off, s, f, veg, rad, jnp.ones((1, 1)), CFG).vcmax25, full)


def test_acclimation_off_is_plain_clm_and_winter_reduces_conifers_only():
    columns = 5
    s = case.state(CFG, 2, columns, acclim_s=jnp.tile(jnp.linspace(253.0, 293.0, columns), (2, 1)))
    p = case.prepared([1, 7], columns)
    factor = seasonal_capacity(p, s)
    assert np.allclose(factor[1], 1.0)
    assert np.allclose(factor[0, 0], 0.5)
    assert float(factor[0, -1]) == 1.0
    assert (jnp.diff(factor[0]) >= 0).all()
    assert np.allclose(seasonal_capacity(p.replace(acclim_weight=jnp.zeros((2, columns))), s), 1.0)


def test_running_means_follow_a_step_with_their_time_constants():
    p = case.prepared([1], 1)
    long = jnp.full(1, 17520.0)
    s = case.state(
        CFG, 1, 1, t10=jnp.full((1, 1), 280.0), acclim_s=jnp.full((1, 1), 280.0), memory_steps=long
    )
    days = 10.93
    steps = round(days * 86400 / CFG.dt)
    final = jax.lax.fori_loop(0, steps, lambda _, x: update_t10(p, x, jnp.full((1, 1), 290.0), CFG), s)
    assert float(final.acclim_s[0, 0]) == pytest.approx(
        290.0 - 10.0 * np.exp(-steps * CFG.dt / (days * 86400)), abs=1e-9
    )
    assert float(final.t10[0, 0]) == pytest.approx(290.0 - 10.0 * (1 - 1 / 480) ** steps, abs=1e-9)


def test_constant_temperature_leaves_the_means_alone():
    p, s = case.prepared([1], 2), case.state(CFG, 1, 2)
    same = update_t10(p, s, s.t10, CFG)
    assert np.array_equal(same.t10, s.t10)
    assert np.array_equal(same.acclim_s, s.acclim_s)


def test_wet_soil_does_not_stress_and_shares_uptake_as_roots():
    p, s = case.prepared([1], 3), case.state(CFG, 1, 3, wetness=0.9)
    btran, rootr = soil_moisture_stress(p, s, CFG)
    assert np.allclose(btran, 1.0)
    assert np.allclose(rootr, p.rootfr)


def test_stress_grows_as_soil_dries_and_closes_below_wilting():
    p = case.prepared([1], 40)
    wet = jnp.linspace(0.05, 0.9, 40)
    s = case.state(CFG, 1, 40)
    s = s.replace(h2osoi_liq=s.h2osoi_liq * wet / 0.7)
    btran, _ = soil_moisture_stress(p, s, CFG)
    assert float(btran[0, 0]) == 0.0
    assert (jnp.diff(btran[0]) >= -1e-12).all()
    middle = (btran[0] > 0) & (btran[0] < 1 - 1e-12)
    assert middle.any()
    # potential of Clapp-Hornberger, linear between smpso and smpsc
    smp = -207.0 * wet**-5.77
    assert np.allclose(btran[0, middle], ((smp + 255000.0) / (255000.0 - 66000.0))[middle])


def test_frozen_soil_gives_no_water():
    p = case.prepared([1], 2)
    s = case.state(CFG, 1, 2, t=270.0)
    btran, rootr = soil_moisture_stress(p, s, CFG)
    assert np.array_equal(btran, jnp.zeros((1, 2)))
    assert np.array_equal(rootr, jnp.zeros_like(rootr))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_uptake_shares_sum_to_one_and_gradients_are_finite(seed):
    rng = np.random.default_rng(seed)
    p = case.prepared([1, 13], 3)
    s = case.state(CFG, 2, 3)
    liquid, frozen = rng.uniform(0, 1, (2, CFG.nlevtot, 3)) ** 2
    cut = rng.uniform(0, 1, (CFG.nlevtot, 3)) > 0.2  # empty layers and layers full of ice too
    s = s.replace(
        h2osoi_liq=s.h2osoi_liq * liquid * cut * 1.5,
        h2osoi_ice=s.h2osoi_liq * np.round(frozen * 1.5, 1),
        t_soisno=jnp.asarray(rng.uniform(268.0, 290.0, (CFG.nlevtot, 3))),
    )
    btran, rootr = STRESS(p, s)
    total = rootr.sum(axis=0)
    assert ((btran >= 0) & (btran <= 1 + 1e-12)).all()
    assert np.allclose(total[btran > 0], 1.0, atol=1e-12)
    assert np.array_equal(total[btran == 0], np.zeros((btran == 0).sum()))
    assert rootr.shape == (NLEVSOI, 2, 3)
    grads = STRESS_GRAD(s, p)
    assert all(bool(jnp.isfinite(x).all()) for x in (grads.h2osoi_liq, grads.h2osoi_ice, grads.t_soisno))


STRESS = jax.jit(lambda p, s: soil_moisture_stress(p, s, CFG))
STRESS_GRAD = jax.jit(jax.grad(lambda s, p: soil_moisture_stress(p, s, CFG)[0].sum(), allow_int=True))


def test_luna_sets_the_capacity_of_c3_plants_only():
    cfg = Config(mode="sp", capacity="luna")
    p = case.prepared([1, 14, 15], 2)
    s = case.state(cfg, 3, 2).replace(vcmx25=jnp.full((3, 2), 42.0), jmx25=jnp.full((3, 2), 81.0))
    veg = case.vegetation(3, 2)
    rad = case.light(veg)
    new = prepare_leaves(p, s, case.forcing(2), veg, rad, 1.0, cfg)
    below = rad.vcmaxcintsha / rad.vcmaxcintsun
    assert np.array_equal(new.vcmax25[0, 0], [42.0, 42.0])
    assert np.array_equal(new.jmax25[0, 0], [81.0, 81.0])
    assert np.allclose(new.vcmax25[1, 0], 42.0 * below[0])
    assert np.allclose(new.lmr25[:, 0], 0.67 * 0.015 * 42.0)
    share = (50000.0 / 57000.0) ** 2
    for patch, pft in ((1, 14), (2, 15)):
        top = parameter("vcmax25top").default[pft] * share
        assert np.allclose(new.vcmax25[0, patch], top * rad.vcmaxcintsun[patch])


def test_plants_without_luna_follow_their_leaf_nitrogen_where_it_is_prognostic():
    cfg = Config(mode="bgc", capacity="luna")
    p = case.prepared([14], 2)
    veg = case.vegetation(1, 2)
    rad = case.light(veg)
    per_area = jnp.asarray([[0.6, 0.9]])  # gN m-2 leaf
    s = case.state(cfg, 1, 2).replace(leafn=per_area * veg.tlai)
    new = prepare_leaves(p, s, case.forcing(2), veg, rad, 1.0, cfg)
    share = (50000.0 / 57000.0) ** 2
    assert np.allclose(new.vcmax25[0], (3.21 + 20.48 * per_area) * share * rad.vcmaxcintsun)


def test_thin_canopies_respire_less():
    cfg = Config(mode="sp", capacity="luna")
    p, s = case.prepared([1], 1), case.state(cfg, 1, 1)

    def respiration(lai):
        veg = case.vegetation(1, 1, elai=lai)
        return float(prepare_leaves(p, s, case.forcing(1), veg, case.light(veg), 1.0, cfg).lmr25[0, 0, 0])

    assert respiration(0.1) / respiration(3.0) == pytest.approx(0.2 * np.exp(0.3218))
