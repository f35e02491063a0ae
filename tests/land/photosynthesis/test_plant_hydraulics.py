"""Plant hydraulics: vulnerability, balance of fluxes, closure of water, limits of wet and dry soil."""

from __future__ import annotations

import canopy_case as case
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elterra.land.canopy import surface_fluxes
from elterra.land.config import Config
from elterra.land.photosynthesis import (
    Plumbing,
    newton_step,
    plumbing,
    potentials_of_flux,
    stress_factor,
    uptake,
    vulnerability,
)

CFG = Config(mode="sp", capacity="prescribed")
N = 9
PFTS = [1, 13]
_FLUXES = jax.jit(lambda *a: surface_fluxes(*a, CFG))


def plant(wetness=0.7, *, t=288.0, pft=PFTS, veg=None, **state):
    """Parameters, state, forcing and the rest of the arguments of `surface_fluxes`, ``wetness`` by column."""
    p, s = case.prepared(pft, N), case.state(CFG, len(pft), N, t=t, **state)
    water = s.h2osoi_liq / 0.7 * jnp.asarray(wetness)
    s = s.replace(h2osoi_liq=water)
    v = case.vegetation(len(pft), N, **(veg or {}))
    f = case.forcing(N, t=t)
    return p, s, f, v, case.light(v), case.ground(s, f), case.leaf_water(v)


_PLUMBING = jax.jit(lambda p, s, v, r: plumbing(p, s, v, r, CFG))
_STEP = jax.jit(lambda w, x, demand: newton_step(w, x, demand, *vulnerability(x, w.psi50, w.ck)))


def pipes(wetness=0.7, **more) -> Plumbing:
    p, s, _, v, r, *_ = plant(wetness, **more)
    return _PLUMBING(p, s, v, r)


def residuals(w: Plumbing, x, demand):
    """Flux balance of leaves, stem and root in the words of the tech note."""
    left, _ = vulnerability(x, w.psi50, w.ck)
    to_leaf = w.leaf * left[2] * (x[2] - x[:2])
    up = w.stem * left[3] * (x[3] - x[2] - w.lift)
    taken = (w.root * (w.head[:, None] - x[3])).sum(axis=0)
    return np.stack([*(demand * left[:2] - to_leaf), to_leaf.sum(axis=0) - up, up - taken])


def solve(w, x, demand, steps):
    for _ in range(steps):
        x = _STEP(w, x, demand)
    return x


def test_vulnerability_has_the_value_and_the_slope_of_ctsms_unit_test():
    left, slope = vulnerability(jnp.array(-25000.0), jnp.array(-150000.0), jnp.array(3.95))
    assert float(left) == pytest.approx(0.999415208562283, rel=1e-14)
    assert float(slope) == pytest.approx(9.237002539040872e-8, rel=1e-13)


def test_half_is_lost_at_psi50_and_all_far_beyond():
    psi = jnp.array([-1.0, -340000.0, -1.0e6])
    left, _ = vulnerability(psi, jnp.array(-340000.0), jnp.array(3.95))
    assert np.allclose(left, [1.0, 0.5, 0.0], atol=1e-9)


def test_slope_is_the_derivative():
    psi = jnp.linspace(-6.0e5, -1.0e3, 50)
    slope = vulnerability(psi, jnp.array(-340000.0), jnp.array(3.95))[1]
    high, low = (vulnerability(psi + d, jnp.array(-340000.0), jnp.array(3.95))[0] for d in (1.0, -1.0))
    kept = np.asarray(low) > 0.01  # below, the share counts as zero
    assert np.allclose(((high - low) / 2.0)[kept], slope[kept], rtol=1e-5, atol=1e-13)


@pytest.mark.parametrize("wetness", [0.9, 0.5, 0.3])
def test_newton_steps_balance_the_fluxes(wetness):
    w = pipes(wetness)
    demand = jnp.full((2, 2, N), 6.0e-5)
    x = solve(w, jnp.full((4, 2, N), -25000.0), demand, 25)
    assert np.abs(residuals(w, x, demand)).max() < 1e-15
    assert (x[3] > x[2]).all()
    assert (x[2] >= x[:2]).all()


def test_newton_converges_with_second_order():
    w = pipes(0.45)
    demand = jnp.full((2, 2, N), 5.0e-5)
    exact = solve(w, jnp.full((4, 2, N), -40000.0), demand, 40)
    x, errors = exact * 1.02, []
    for _ in range(3):
        x = solve(w, x, demand, 1)
        errors.append(float(np.abs(x / exact - 1.0).max()))
    assert errors[1] < 30.0 * errors[0] ** 2
    assert errors[2] < 1e-8


def test_without_transpiration_the_plant_hangs_on_the_soil():
    w = pipes(0.6)
    x = solve(w, jnp.full((4, 2, N), -25000.0), jnp.zeros((2, 2, N)), 10)
    rest = potentials_of_flux(w, jnp.zeros((2, 2, N)))
    assert np.allclose(x, rest, rtol=1e-9)
    assert np.allclose(rest[3], w.supply / w.roots)
    assert np.allclose(rest[3] - rest[2], w.lift)
    # water still moves between the layers, and none is lost
    moved = uptake(w, rest[3])
    assert np.abs(moved.sum(axis=0)).max() < 1e-18
    assert np.array_equal(moved[0], np.zeros((2, N)))


def test_potentials_of_a_flux_carry_it_and_the_layers_give_it():
    w = pipes(np.linspace(0.25, 0.95, N))
    flux = jnp.stack([jnp.full((2, N), 2.0e-5), jnp.full((2, N), 1.0e-5)])
    x = potentials_of_flux(w, flux)
    assert np.allclose(uptake(w, x[3]).sum(axis=0), 3.0e-5, rtol=1e-10)
    left, _ = vulnerability(x, w.psi50, w.ck)
    carried = w.leaf * left[2] * (x[2] - x[:2])
    conducts = np.asarray((left[2] > 0) & (left[3] > 0))
    assert conducts.any()
    assert np.allclose(carried[:, conducts], flux[:, conducts], rtol=1e-6)


def test_stress_is_that_of_the_conductances_in_series():
    gs0, gb, left = 3.0e5, 8.0e5, 0.4
    b = float(stress_factor(jnp.array(left), jnp.array(gs0), jnp.array(gb)))
    assert 1.0 / (1.0 / gb + 1.0 / (b * gs0)) == pytest.approx(left / (1.0 / gb + 1.0 / gs0), rel=1e-12)
    assert float(stress_factor(jnp.array(1.0), jnp.array(gs0), jnp.array(gb))) == 1.0
    assert (
        float(stress_factor(jnp.array(0.012), jnp.array(gs0), jnp.array(gb))) == 0.0
    )  # below 0.01 a leaf is shut


def test_water_taken_up_is_water_transpired():
    args = plant(np.linspace(0.15, 0.95, N))
    new, out = _FLUXES(*args)
    assert np.abs(out.root_uptake.sum(axis=0) - out.qflx_tran_veg).max() < 1e-17
    assert (new.vegwp < 0).all()
    assert np.array_equal(new.vegwp, out.vegwp)


def test_drying_soil_stresses_more_and_more():
    wetness = np.linspace(0.15, 0.95, N)
    _, out = _FLUXES(*plant(wetness))
    for name in ("btran", "gpp_c", "qflx_tran_veg"):
        values = np.asarray(out[name])
        assert (np.diff(values, axis=-1) > -1e-3 * values[:, -1:]).all(), name
    assert (np.asarray(out.btran)[:, -1] > 0.9).all()
    assert (np.asarray(out.btran)[:, 0] < 0.1).all()
    assert (np.asarray(out.gpp_c)[:, 0] < 0.15 * np.asarray(out.gpp_c)[:, -1]).all()
    assert (np.diff(np.asarray(out.vegwp[3]), axis=-1) > 0).all()


def test_wet_soil_is_as_good_as_no_stress():
    cfg = Config(mode="sp", capacity="prescribed", stress="btran")
    args = plant(0.98, pft=[13])
    args = (args[0].replace(smpso=jnp.full((1, N), -6.0e4)), *args[1:])
    free = jax.jit(lambda *a: surface_fluxes(*a, cfg))(*args)[1]
    _, out = _FLUXES(*args)
    assert np.allclose(free.btran, 1.0, atol=1e-6)
    assert np.allclose(out.gpp_c, free.gpp_c, rtol=0.01)


def test_transpiration_of_the_night_is_that_of_the_least_conductance():
    """Not that of CLM's largest resistance, which is twenty times as open."""
    p, s, f, v, _, g, w = plant(0.9)
    dark = case.light(v, par=0.0, sabv=0.0)
    one, two = (
        _FLUXES(p.replace(medlynintercept=k * p.medlynintercept), s, f, v, dark, g, w)[1] for k in (1.0, 2.0)
    )
    assert (one.qflx_tran_veg > 0).all()
    assert np.allclose(two.qflx_tran_veg / one.qflx_tran_veg, 2.0, rtol=0.05)


def test_leaves_of_a_desert_are_shut():
    p, s, f, v, r, g, w = plant(0.05)
    for _ in range(3):
        s, out = _FLUXES(p, s, f, v, r, g, w)
    assert np.array_equal(out.btran, np.zeros_like(out.btran))
    assert np.array_equal(out.gpp_c, np.zeros_like(out.gpp_c))
    assert all(bool(jnp.isfinite(x).all()) for x in out.values())


def test_roots_move_water_from_wet_to_dry_layers_at_night():
    p, s, f, v, _, g, w = plant(0.9)
    layer = jnp.arange(25)[:, None]
    dry_top = jnp.where(layer < 8, 0.35, 1.0)
    s = s.replace(h2osoi_liq=s.h2osoi_liq.at[-25:].multiply(dry_top))
    night = case.light(v, par=0.0, sabv=0.0)
    _, out = _FLUXES(p, s, f, v, night, g, w)
    taken = np.asarray(out.root_uptake)
    assert (taken[1:8].sum(axis=0) < 0).all()
    assert (taken[8:].sum(axis=0) > 0).all()


def test_frozen_soil_gives_next_to_nothing():
    p, s, f, v, r, g, w = plant(0.7, t=276.0)
    ice = s.replace(h2osoi_liq=0.02 * s.h2osoi_liq, h2osoi_ice=0.98 * s.h2osoi_liq)
    for _ in range(10):
        ice, out = _FLUXES(p, ice, f, v, r, g, w)
    _, thawed = _FLUXES(p, s, f, v, r, g, w)
    assert (out.qflx_tran_veg < 0.1 * thawed.qflx_tran_veg).all()
    assert all(bool(jnp.isfinite(x).all()) for x in out.values())


@pytest.mark.slow
@pytest.mark.parametrize("wetness", [0.95, 0.3, 0.05])
def test_gradients_are_finite(wetness):
    p, s, f, v, r, g, w = plant(wetness)
    names = ("kmax", "krmax", "psi50", "ck", "medlynslope", "vcmax25top")

    def loss(values, water, potential):
        new, out = surface_fluxes(
            p.replace(**values), s.replace(h2osoi_liq=water, vegwp=potential), f, v, r, g, w, CFG
        )
        return out.qflx_tran_veg.sum() * 1e5 + out.gpp_c.sum() + new.vegwp.sum() * 1e-5

    grads = jax.grad(loss, argnums=(0, 1, 2))({n: p[n] for n in names}, s.h2osoi_liq, s.vegwp)
    for leaf in jax.tree.leaves(grads):
        assert np.isfinite(leaf).all()
