"""Surface fluxes: closure of energy and water, limits, selection of bare patches, gradients."""

from __future__ import annotations

import canopy_case as case
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elterra.land import constants as c
from elterra.land.canopy import surface_fluxes
from elterra.land.config import Config
from elterra.registry import variables

CFG = Config()
N = 6
PFTS = [1, 14]
_COMPILED = jax.jit(lambda p, s, f, v, r, g, w: surface_fluxes(p, s, f, v, r, g, w, CFG))


def fluxes(*args):
    """One program for all tests: arrays that came from Python numbers would be another type to JAX."""
    return _COMPILED(*jax.tree.map(np.asarray, args))


def setup(*, pft=PFTS, t=288.0, veg=None, rad=None, wet=None, ground=None, force=None, state=None):
    patches = len(pft)
    p = case.prepared(pft, N)
    s = case.state(CFG, patches, N, **({"t": t} | (state or {})))
    f = case.forcing(N, **({"t": t} | (force or {})))
    v = case.vegetation(patches, N, **(veg or {}))
    r = case.light(v, **(rad or {}))
    return p, s, f, v, r, case.ground(s, f, **(ground or {})), case.leaf_water(v, **(wet or {}))


def random_case(seed):
    rng = np.random.default_rng(seed)
    p, s, f, v, r, _, w = setup()
    shape = (2, N)
    t_air = rng.uniform(245.0, 312.0, N)
    t_ground = t_air + rng.normal(0.0, 6.0, N)
    s = s.replace(
        t_soisno=jnp.broadcast_to(t_ground, s.t_soisno.shape),
        t_h2osfc=jnp.asarray(t_ground),
        t_veg=jnp.asarray(t_air + rng.normal(0.0, 6.0, shape)),
        liqcan=jnp.asarray(rng.uniform(0, 0.4, shape) * rng.integers(0, 2, shape)),
        snocan=jnp.asarray(rng.uniform(0, 4.0, shape) * rng.integers(0, 2, shape)),
        t10=jnp.asarray(t_air + np.zeros(shape)),
        acclim_s=jnp.asarray(t_air + np.zeros(shape)),
    )
    f = case.forcing(N).replace(
        forc_t=jnp.asarray(t_air),
        forc_q=jnp.asarray(rng.uniform(0.05, 1.0, N)) * case.saturation(jnp.asarray(t_air), f.forc_pbot)[2],
        forc_wind=jnp.asarray(rng.uniform(0.0, 15.0, N)),
        forc_lwrad=jnp.asarray(rng.uniform(150.0, 420.0, N)),
    )
    day = rng.integers(0, 2, shape)
    r = r.replace(
        sabv=jnp.asarray(day * rng.uniform(0.0, 800.0, shape)),
        parsun=jnp.asarray(day * rng.uniform(0.0, 200.0, shape)),
        parsha=jnp.asarray(day * rng.uniform(0.0, 50.0, shape)),
    )
    fwet = jnp.asarray(rng.uniform(0, 0.05, shape))
    w = w.replace(fwet=fwet, fdry=(1 - fwet) * 0.75)
    v = v.replace(frac_veg_nosno=jnp.asarray(rng.integers(0, 2, shape)))
    return p, s, f, v, r, case.ground(s, f), w


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_energy_and_water_of_the_canopy_close(seed):
    p, s, f, v, r, g, w = random_case(seed)
    new, out = fluxes(p, s, f, v, r, g, w)
    vegetated = np.asarray(v.frac_veg_nosno) > 0
    assert all(bool(jnp.isfinite(x).all()) for x in (*new.values(), *out.values()))
    assert np.abs(out.err_canopy).max() < 1e-9

    # water on the leaves: what is gained or lost is exactly the evaporation without transpiration
    before, after = s.liqcan + s.snocan, new.liqcan + new.snocan
    assert np.abs(after - before + out.qflx_evap_can * CFG.dt).max() < 1e-12
    assert (new.liqcan >= 0).all()
    assert (new.snocan >= 0).all()
    assert (out.qflx_tran_veg >= 0).all()

    # long-wave: what the canopy absorbs, the ground absorbs and what leaves add up to what comes in
    t4 = r.sabv - out.eflx_sh_veg - c.HVAP * out.qflx_evap_veg  # minus the net long-wave gain of the canopy
    ground_emits = g.emg * c.SB * s.t_soisno[-25] ** 4
    closure = f.forc_lwrad - out.ulrad - (out.dlrad - ground_emits) + t4
    assert np.abs(np.where(vegetated, closure, 0.0)).max() < 1e-9

    # bare patches have no vegetation fluxes
    for name in ("eflx_sh_veg", "qflx_evap_veg", "gpp_c", "dlrad", "btran", "emv"):
        assert np.array_equal(np.asarray(out[name])[~vegetated], np.zeros((~vegetated).sum()))
    assert np.array_equal(np.asarray(new.t_veg)[~vegetated], np.broadcast_to(f.forc_t, (2, N))[~vegetated])


def test_columns_do_not_see_each_other():
    args = random_case(7)
    whole = fluxes(*args)[1]
    flipped = jax.tree.map(lambda x: x[..., ::-1] if x.ndim else x, args)
    back = fluxes(*flipped)[1]
    for name in whole:
        assert np.array_equal(whole[name], back[name][..., ::-1]), name


@pytest.mark.slow
def test_iteration_converges_to_the_balance():
    args = setup(wet={"fwet": 0.03}, state={"liqcan": jnp.full((2, N), 0.2)})
    long = jax.jit(lambda *a: surface_fluxes(*a, Config(leaf_iterations=40)))
    (new, out), (ref, ref_out) = fluxes(*args), long(*args)
    assert np.abs(new.t_veg - ref.t_veg).max() < 0.01
    assert np.abs(out.eflx_sh_veg - ref_out.eflx_sh_veg).max() < 0.2
    assert np.abs(ref_out.t_veg_change).max() < 1e-9
    assert np.abs(ref_out.eflx_sh_veg_corr).max() < 1e-9


def test_night_has_no_assimilation_and_little_transpiration():
    _, out = fluxes(*setup(rad={"par": 0.0, "sabv": 0.0}))
    _, day = fluxes(*setup())
    assert np.array_equal(out.gpp_c, np.zeros((2, N)))
    assert (out.lmr_c > 0).all()
    assert (out.qflx_tran_veg < 0.2 * day.qflx_tran_veg).all()
    assert np.allclose(out.rssun, 2.0e4)


def test_clear_night_cools_the_leaves_and_forms_dew():
    args = setup(
        rad={"par": 0.0, "sabv": 0.0}, force={"rh": 0.98, "forc_lwrad": jnp.full(N, 230.0), "wind": 1.0}
    )
    new, out = fluxes(*args)
    assert (new.t_veg < 288.0).all()
    assert (out.qflx_evap_can < 0).all()
    assert (new.liqcan > 0).all()
    assert (out.zeta > 0).all()


def test_frozen_soil_stops_transpiration_but_not_sublimation_with_soil_water_stress():
    args = setup(
        t=268.0, state={"snocan": jnp.full((2, N), 1.0)}, wet={"fwet": 0.05}, force={"t": 276.0, "rh": 0.3}
    )
    btran = Config(stress="btran")
    new, out = jax.jit(lambda *a: surface_fluxes(*a, btran))(*args)
    assert np.array_equal(out.qflx_tran_veg, np.zeros((2, N)))
    assert np.array_equal(out.gpp_c, np.zeros((2, N)))
    assert (out.qflx_evap_can > 0).all()
    assert (new.snocan + new.liqcan < 1.0).all()


def test_dry_air_lowers_conductance_and_gpp():
    dry, moist = (fluxes(*setup(force={"rh": rh}))[1] for rh in (0.02, 0.8))
    assert (dry.rssun > 1.5 * moist.rssun).all()
    assert (dry.gpp_c[0] < moist.gpp_c[0]).all()
    assert (dry.cisun < moist.cisun).all()


def test_leafless_stems_exchange_heat_only():
    args = setup(veg={"elai": 0.0}, rad={"par": 0.0})
    _, out = fluxes(*args)
    for name in ("gpp_c", "lmr_c", "qflx_tran_veg"):
        assert np.array_equal(out[name], np.zeros((2, N)))
    assert (out.eflx_sh_veg > 10.0).all()


def test_bare_ground_in_neutral_air_is_the_logarithmic_law():
    wind = 8.0
    t_ground = 288.0 + 0.0098 * 30.01  # the potential temperature of the air
    p, s, f, v, r, g, w = setup(veg={"elai": 0.0, "esai": 0.0, "htop": 0.0}, force={"wind": wind})
    g = g.replace(t_grnd=jnp.full(N, t_ground + 1e-6), qg=f.forc_q)
    _, out = fluxes(p, s, f, v, r, g, w)
    # not exactly: |zeta| is at least 0.01
    assert np.allclose(out.u_star, c.VKC * wind / np.log(30.01 / 0.01), rtol=0.01)


def test_bare_ground_fluxes_follow_their_gradients():
    warm = setup(veg={"elai": 0.0, "esai": 0.0}, ground={"t_grnd": jnp.full(N, 300.0)}, force={"rh": 0.1})
    cold = setup(
        veg={"elai": 0.0, "esai": 0.0}, ground={"t_grnd": jnp.full(N, 276.0), "qg": jnp.full(N, 1e-3)}
    )
    _, up = fluxes(*warm)
    _, down = fluxes(*cold)
    assert (up.eflx_sh_grnd > 0).all()
    assert (up.qflx_evap_soi > 0).all()
    assert (down.eflx_sh_grnd < 0).all()
    assert (down.qflx_evap_soi < 0).all()
    assert (up.ram1 < down.ram1).all()


@pytest.mark.parametrize("veg", [{}, {"elai": 0.0, "esai": 0.0}])
def test_ground_derivatives_match_finite_differences_at_fixed_turbulence(veg):
    """cgrnds is d(eflx_sh_grnd)/d(t_grnd) at fixed conductances, hence a little less than the full one."""
    h = 0.01
    low, high = (setup(veg=veg, ground={"t_grnd": jnp.full(N, 292.0 + d)}) for d in (-h, h))
    mid = fluxes(*setup(veg=veg, ground={"t_grnd": jnp.full(N, 292.0)}))[1]
    slope = (fluxes(*high)[1].eflx_sh_grnd - fluxes(*low)[1].eflx_sh_grnd) / (2 * h)
    assert np.allclose(mid.cgrnds, slope, rtol=0.5)
    assert np.allclose(mid.cgrnd, mid.cgrnds + mid.cgrndl * 2.501e6)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rad": {"par": 0.0, "sabv": 0.0}},
        {"t": 268.0},
        {"force": {"rh": 0.0}},
        {"force": {"wind": 0.0}},
        {"veg": {"elai": 0.0, "esai": 0.0, "htop": 0.0}},
        {"veg": {"elai": 0.0}},
        {"state": {"wetness": 0.01}},
    ],
    ids=["day", "night", "frozen", "dry-air", "calm", "bare", "leafless", "dry-soil"],
)
@pytest.mark.slow
def test_gradients_are_finite(changes):
    gradient = GRADIENT(*setup(**changes))
    for part in gradient:
        for name, value in part.items():
            if jnp.issubdtype(value.dtype, jnp.floating):
                assert bool(jnp.isfinite(value).all()), name


def _loss(p, s, f, v, r, g, w):
    new, out = surface_fluxes(p, s, f, v, r, g, w, CFG)
    names = (
        "gpp_c",
        "qflx_tran_veg",
        "qflx_evap_can",
        "eflx_sh_veg",
        "eflx_sh_grnd",
        "qflx_evap_soi",
        "ulrad",
        "t_ref2m",
    )
    return new.t_veg.sum() + sum(out[name].sum() for name in names)


GRADIENT = jax.jit(jax.grad(_loss, argnums=(0, 1, 2, 5), allow_int=True))


def test_every_output_is_in_the_registry():
    new, out = fluxes(*setup())
    known = variables()
    for name, value in out.items():
        dims = known[name].dims
        assert len(dims) == value.ndim, name
    for name in ("t_veg", "liqcan", "snocan", "t10", "acclim_s"):
        assert known[name].kind == "state"
        assert name in new
