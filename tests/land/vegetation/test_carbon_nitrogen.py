"""Conservation, signs and gradients of the carbon and nitrogen step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bgc_setup import CFG, drivers, make_p, make_s, simulate
from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.vegetation import carbon_nitrogen, ecosystem_totals, pool_names

P = make_p(((1, 2, 7, 13), (13, 7, 1, 0)), wt=np.array([[0.7, 1.0, 0.5, 0.25], [0.3, 0.0, 0.5, 0.75]]))
S = make_s(P)
F, DRV = drivers(P, 160.5)
_COMPILED = jax.jit(carbon_nitrogen, static_argnums=4)


def step(*args):
    """One program for all tests: arrays that came from Python numbers would be another type to JAX."""
    *trees, cfg = args
    return _COMPILED(*jax.tree.map(np.asarray, trees), cfg)


def random_state(seed: int, *, mineral: float, leaf: float) -> Fields:
    """Pools of wild sizes and N:C; ``mineral`` and ``leaf`` scale mineral nitrogen and leaves, both may be
    0."""
    rng = np.random.default_rng(seed)
    new = {}
    for name in (*pool_names("c"), "gresp_storage", "gresp_xfer"):
        new[name] = 10.0 ** rng.uniform(-3, 3, S[name].shape)
    for name in (*pool_names("n"), "retransn"):
        new[name] = 10.0 ** rng.uniform(-4, 1, S[name].shape)
    new["leafc"] = new["leafc"] * leaf
    new["leafn"] = new["leafn"] * leaf
    new["xsmrpool"] = rng.normal(0, 30, S.xsmrpool.shape)
    new["decomp_cpools"] = 10.0 ** rng.uniform(-2, 4, S.decomp_cpools.shape)
    new["decomp_npools"] = new["decomp_cpools"] / rng.uniform(5, 150, S.decomp_cpools.shape)
    new["smin_nh4"] = mineral * 10.0 ** rng.uniform(-6, 1, S.smin_nh4.shape)
    new["smin_no3"] = mineral * 10.0 ** rng.uniform(-6, 1, S.smin_no3.shape)
    for flag in ("dormant_flag", "onset_flag", "offset_flag"):
        new[flag] = rng.integers(0, 2, S[flag].shape).astype(float)
    new["npool"] = 10.0 ** rng.uniform(-6, 0, S.npool.shape)
    new["onset_counter"] = new["onset_flag"] * rng.integers(1, 1440, S.leafc.shape) * 1800.0
    new["offset_counter"] = new["offset_flag"] * rng.integers(1, 720, S.leafc.shape) * 1800.0
    new["annsum_potential_gpp"] = rng.uniform(0, 2000, S.leafc.shape)
    new["annmax_retransn"] = rng.uniform(0, 20, S.leafc.shape)
    return S.replace(**{k: jnp.asarray(v) for k, v in new.items()})


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10**6),
    mineral=st.sampled_from([0.0, 1e-6, 1.0, 30.0]),
    leaf=st.sampled_from([0.0, 1.0]),
    gpp=st.sampled_from([0.0, 1e-5, 3e-4]),
    celsius=st.floats(-35.0, 38.0),
    psi=st.sampled_from([-1e-6, -0.01, -1.0, -15.0, -1000.0]),
    vol=st.sampled_from([0.001, 0.2, 0.45]),
    midnight=st.booleans(),
    scheme=st.sampled_from(["fun", "competition"]),
)
def test_no_carbon_or_nitrogen_appears_or_vanishes(
    seed, mineral, leaf, gpp, celsius, psi, vol, midnight, scheme
):
    s = random_state(seed, mineral=mineral, leaf=leaf)
    drv = DRV.replace(
        gpp_c=jnp.full_like(DRV.gpp_c, gpp) * (P.pft > 0),
        t_soil=jnp.full_like(DRV.t_soil, 273.15 + celsius),
        soilpsi=jnp.full_like(DRV.soilpsi, psi),
        h2osoi_vol=jnp.full_like(DRV.h2osoi_vol, vol),
        h2osoi_liq=jnp.full_like(DRV.h2osoi_liq, 0.0 if celsius < -20 else vol * 50.0),
    )
    f = F.replace(end_of_day=jnp.asarray(midnight))
    new, out = step(P, s, f, drv, Config(nitrogen=scheme))
    # the whole of it, not the model's own residual
    before, after = ecosystem_totals(P, s), ecosystem_totals(P, new)
    c_in = CFG.dt * (out.gpp - out.ar - out.hr)
    np.testing.assert_allclose(after.totecosysc - before.totecosysc, c_in, atol=1e-9, rtol=0)
    n_in = (
        CFG.dt * (F.ndep + out.nfix_to_sminn - out.f_denit - out.f_n2o_nit - out.smin_no3_leached)
        + out.ntrunc
    )
    np.testing.assert_allclose(after.totecosysn - before.totecosysn, n_in, atol=1e-9, rtol=0)
    assert float(jnp.max(jnp.abs(out.errcb))) < 1e-9
    assert float(jnp.max(jnp.abs(out.errnb))) < 1e-9
    assert float(jnp.max(out.ntrunc)) < 1e-12
    for name in new:
        assert bool(jnp.all(jnp.isfinite(new[name]))), name
        if name not in ("xsmrpool", "lag_npp"):  # a debt and a flux
            assert float(jnp.min(new[name])) >= 0.0, name
    for name in out:
        assert bool(jnp.all(jnp.isfinite(out[name]))), name


def test_a_column_does_not_see_its_neighbours():
    _, full = step(P, S, F, DRV, CFG)
    swapped = jnp.asarray([1, 0, 3, 2])
    flip = lambda tree: jax.tree.map(lambda x: x[..., swapped] if jnp.ndim(x) else x, tree)  # noqa: E731
    _, other = step(flip(P), flip(S), flip(F), flip(DRV), CFG)
    for name in full:
        np.testing.assert_array_equal(other[name], full[name][..., swapped], err_msg=name)


RICH = S.replace(smin_nh4=S.smin_nh4 + 50.0)
POOR = S.replace(smin_nh4=S.smin_nh4 * 0.0, smin_no3=S.smin_no3 * 0.0)
GROWN = {
    "leafc": jnp.full_like(S.leafc, 200.0) * (P.pft > 0),
    "leafn": 200.0 / P.leafcn * (P.pft > 0),
    "frootc": jnp.full_like(S.leafc, 300.0) * (P.pft > 0),
    "npool": jnp.full_like(S.leafc, 0.01) * (P.pft > 0),
}


def test_nitrogen_starvation_makes_growth_dear_and_tissue_poor():
    new, a = step(P, RICH.replace(**GROWN), F, DRV, CFG)
    starved, b = step(P, POOR.replace(**GROWN), F, DRV, CFG)
    # photosynthesis is not cut: leaves learn of it through their nitrogen
    np.testing.assert_array_equal(a.gpp, a.gpp_potential)
    np.testing.assert_array_equal(b.gpp, b.gpp_potential)
    grown = slice(0, 3)  # the last column is mostly bare
    assert bool(jnp.all(b.npp_nuptake[grown] > 100.0 * a.npp_nuptake[grown]))
    assert bool(jnp.all(b.npp[grown] < a.npp[grown]))
    assert bool(jnp.all(b.nactive < 1e-6 * a.nactive))
    # the wood and storage that still grow get little nitrogen: it waits in npool for the next step
    planted = np.asarray(P.pft) > 0
    assert bool(jnp.all((starved.npool < new.npool)[planted]))


def test_without_carbon_to_spend_no_nitrogen_is_taken_from_the_soil():
    new, out = step(P, RICH.replace(**GROWN), F, DRV.replace(gpp_c=DRV.gpp_c * 0.0), CFG)
    for name in ("nactive", "nfix", "npp_nuptake", "sminn_to_plant"):
        np.testing.assert_array_equal(out[name], 0.0, err_msg=name)
    # what comes free from falling leaves joins what waits
    assert bool(jnp.all(new.npool >= RICH.replace(**GROWN).npool))


SIMPLE = Config(nitrogen="competition")


def test_competition_starvation_lowers_gpp_and_plenty_does_not():
    _, a = step(P, RICH, F, DRV, SIMPLE)
    _, b = step(P, POOR, F, DRV, SIMPLE)
    np.testing.assert_allclose(a.gpp, a.gpp_potential, rtol=1e-12)
    assert bool(jnp.all(b.gpp < 0.6 * b.gpp_potential))
    # what is still fixed pays maintenance respiration: nothing is built
    np.testing.assert_allclose(b.gpp, jnp.minimum(b.mr, b.gpp_potential), rtol=1e-9)
    assert float(jnp.max(b.gr)) < 1e-12


def test_carbon_use_without_photosynthesis_is_debt():
    dark = DRV.replace(gpp_c=DRV.gpp_c * 0.0)
    new, out = step(P, S, F, dark, CFG)
    np.testing.assert_allclose(new.xsmrpool, -CFG.dt * out.mr_patch, rtol=1e-12)
    np.testing.assert_array_equal(out.gpp, 0.0)
    np.testing.assert_allclose(out.nee, out.hr + out.mr, rtol=1e-12)


def test_warmer_soil_respires_more_and_frozen_hardly():
    def hr(celsius):
        drv = DRV.replace(t_soil=jnp.full_like(DRV.t_soil, 273.15 + celsius))
        return np.asarray(step(P, S, F, drv, CFG)[1].hr)

    assert np.all(np.diff([hr(t) for t in (-30.0, -5.0, 0.0, 10.0, 30.0)], axis=0) > 0)
    # Q10 of 1.5 between 10 and 20 degC
    np.testing.assert_allclose(hr(20.0) / hr(10.0), 1.5, rtol=0.02)  # warm soil lacks a little oxygen


@pytest.mark.slow
def test_gradients_are_finite_and_point_the_right_way():
    def loss(s, scale):
        p = P.replace(k_decomp_scale=P.k_decomp_scale * scale)
        new, out = carbon_nitrogen(p, s, F, DRV, CFG)
        rest = sum(jnp.sum(new[k]) for k in new if k != "snow_depth") + jnp.sum(out.nee)
        return 1e9 * jnp.sum(out.hr) + 1e-9 * rest

    slope = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    for empty in (
        S,
        S.replace(decomp_cpools=S.decomp_cpools * 0, smin_nh4=S.smin_nh4 * 0, leafc=S.leafc * 0),
    ):
        value, (by_state, by_scale) = slope(empty, jnp.asarray(1.0))
        for name, g in by_state.items():
            assert np.all(np.isfinite(g)), name
        # respiration is all but proportional to the rates (oxygen takes a little)
        assert float(by_scale) == pytest.approx(float(value), rel=0.03, abs=1.0)
    assert np.all(np.asarray(slope(S, jnp.asarray(1.0))[1][0].decomp_cpools[4, :5]) > 0)


@pytest.mark.slow
def test_evergreen_year():
    """A conifer forest grows, respires and stays within bounds over three synthetic years."""
    p = make_p(((1, 2),))
    start = make_s(p, leafc=jnp.full((1, 2), 300.0), leafn=jnp.full((1, 2), 300 / 58.0))
    _, out = simulate(p, start, 1.0, 3 * 17520, collect=("gpp", "npp", "hr", "errcb", "errnb", "leafc"))
    last = slice(-17520, None)
    gpp = np.asarray(out["gpp"][last].sum(0)) * 1800
    npp = np.asarray(out["npp"][last].sum(0)) * 1800
    assert np.all((gpp > 300) & (gpp < 2500))
    assert np.all((npp / gpp > 0.2) & (npp / gpp < 0.75))
    assert float(np.abs(out["errcb"]).max()) < 1e-9
    assert float(np.abs(out["errnb"]).max()) < 1e-9


def test_evergreen_days_balance_and_grow():
    p = make_p(((1, 2),))
    start = make_s(p, leafc=jnp.full((1, 2), 300.0), leafn=jnp.full((1, 2), 300 / 58.0))
    s, out = simulate(p, start, 160.0, 960, cfg=SIMPLE, collect=("gpp", "npp", "errcb", "errnb", "deadstemc"))
    assert np.all(np.asarray(s.deadstemc) > np.asarray(start.deadstemc) + 5.0)
    assert float(np.abs(out["errcb"]).max()) < 1e-10
    assert float(np.abs(out["errnb"]).max()) < 1e-10
    gpp, npp = np.asarray(out["gpp"]).sum(0), np.asarray(out["npp"]).sum(0)
    assert np.all((npp / gpp > 0.2) & (npp / gpp < 0.8))
    # new tissue has the nominal stoichiometry
    np.testing.assert_allclose(s.deadstemc / s.deadstemn, 500.0, rtol=1e-9)
    np.testing.assert_allclose(s.leafc / s.leafn, 58.0, rtol=1e-9)
