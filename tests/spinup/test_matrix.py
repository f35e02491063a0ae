"""Analytic steady states: reference values, time stepping, carbon and nitrogen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgc_setup import CFG, make_p, make_s
from elterra.land import decomposition as dec
from elterra.land.vegetation import ecosystem_totals, pool_names
from elterra.spinup import (
    STEADY_STATE_MEANS,
    accumulate,
    disturb,
    soil_equilibrium,
    steady_state,
    turnover_times,
    wood_fraction_of_age,
)

YEAR = 365.0 * 86400.0
#: turnover times of the technical note, years, in the order of POOLS
TECH_NOTE = {
    "tau_l1": 0.066,
    "tau_l2_l3": 0.25,
    "tau_cwd": 4.1,
    "tau_s1": 0.17,
    "tau_s2": 6.1,
    "tau_s3": 270.0,
}


def one_layer():
    return make_p(((1, 1),), som_diffus=0.0, **TECH_NOTE)


def full_rates(p):
    return jnp.broadcast_to(dec.base_rates(p)[:, None, :], (7, 20, 2))


def test_century_equilibrium_of_the_reference():
    p = one_layer()
    dz = p.dzsoi[0]
    source = jnp.zeros((7, 20, 2))
    for pool, yearly in ((0, 150.0), (1, 150.0), (2, 60.0), (3, 90.0)):
        source = source.at[pool, 0].set(yearly / YEAR / dz)
    c, n = soil_equilibrium(p, full_rates(p), source, source / 50.0)
    stocks = np.asarray((c * p.dzsoi[:20]).sum(1))
    expected = [9.9, 54.6, 20.4, 369.0, 41.961852, 980.645338, 1568.749579]
    np.testing.assert_allclose(stocks[:, 0], expected, rtol=0, atol=6e-7)  # the digits that are given
    np.testing.assert_allclose(stocks.sum(0), 3045.256770, rtol=0, atol=6e-7)
    # nitrogen: litter keeps the C:N of its input where no debris joins it, soil has its own
    np.testing.assert_allclose(c[0, 0] / n[0, 0], 50.0, rtol=1e-12)
    np.testing.assert_allclose(c[3, 0] / n[3, 0], 50.0, rtol=1e-12)
    for pool, ratio in ((4, 8.0), (5, 11.0), (6, 11.0)):
        np.testing.assert_allclose(c[pool, 0] / n[pool, 0], ratio, rtol=1e-12)


def test_eigen_times_of_the_reference():
    p = one_layer()
    expected = [0.066, 0.16902, 0.25, 0.25, 4.1, 7.70704, 272.93828]
    np.testing.assert_allclose(turnover_times(p, full_rates(p))[0] / YEAR, expected, rtol=0, atol=6e-6)


def sources():
    rng = np.random.default_rng(3)
    c = np.zeros((7, 20, 2))
    c[:4, :8] = rng.uniform(0, 100, (4, 8, 2)) / YEAR
    return jnp.asarray(c), jnp.asarray(c / rng.uniform(30, 300, c.shape))


def test_equilibrium_is_where_the_models_own_fluxes_vanish():
    p = make_p(((1, 1),), som_diffus=1e-11)
    rates = full_rates(p) * dec.depth_scalar(p) * 0.3
    source_c, source_n = sources()
    c, n = soil_equilibrium(p, rates, source_c, source_n)
    con = dec.cascade(p)
    act = dec.actual_fluxes(con, dec.potential_decomposition(con, c, n, rates), jnp.ones((20, 2)))
    step = 1.0  # one second of mixing: implicit equals explicit
    mixed_c, mixed_n = dec.mix(p, c, n, step)
    rest_c = source_c + act.dc + (mixed_c - c) / step
    rest_n = source_n + act.dn + (mixed_n - n) / step
    scale = float(jnp.max(source_c))
    np.testing.assert_allclose(rest_c / scale, 0.0, atol=1e-7)
    np.testing.assert_allclose(rest_n / scale, 0.0, atol=1e-7)
    # all that comes in is respired
    np.testing.assert_allclose(
        (act.respiration * p.dzsoi[:20]).sum(0), (source_c * p.dzsoi[:20]).sum((0, 1)), rtol=1e-10
    )


def test_time_stepping_arrives_at_the_equilibrium():
    """Quick pools and strong mixing, stepped for 20 years from nothing, carbon and nitrogen."""
    p = make_p(((1, 1),), som_diffus=3e-10, tau_s2=1.0, tau_s3=1.5, tau_cwd=1.0)
    rates = full_rates(p)
    source_c, source_n = sources()
    con = dec.cascade(p)
    dt = 86400.0

    def step(x, _):
        c, n = x
        act = dec.actual_fluxes(con, dec.potential_decomposition(con, c, n, rates), jnp.ones((20, 2)))
        return dec.mix(p, c + dt * (act.dc + source_c), n + dt * (act.dn + source_n), dt), None

    start = (jnp.zeros((7, 20, 2)), jnp.zeros((7, 20, 2)))
    (c, n), _ = jax.jit(lambda x: jax.lax.scan(step, x, length=20 * 365))(start)
    c_eq, n_eq = soil_equilibrium(p, rates, source_c, source_n)
    dz = p.dzsoi[:20]
    np.testing.assert_allclose((c * dz).sum(1), (c_eq * dz).sum(1), rtol=2e-3)
    np.testing.assert_allclose((n * dz).sum(1), (n_eq * dz).sum(1), rtol=2e-3)
    # layer by layer: the scheme of the step splits mixing and decay, first order in dt
    np.testing.assert_allclose(c[:, :8], c_eq[:, :8], rtol=0.03)


def fake_outputs(p, s, steps=4):
    """Outputs of a run in constant conditions."""
    source_c, source_n = sources()
    rates = full_rates(p) * 0.2
    pool = s.decomp_cpools + 10.0
    out = {
        "sasu_pool_c": pool,
        "sasu_loss_c": pool * rates,
        "sasu_decomp_k": rates,
        "sasu_litter_c": source_c,
        "sasu_litter_n": source_n,
    }
    for name in STEADY_STATE_MEANS:
        if name.startswith("sasu_input"):
            out[name] = jnp.full(p.wt.shape, 100.0 / YEAR)
    return {k: jnp.broadcast_to(v, (steps, *v.shape)) for k, v in out.items()}


def test_accumulation_in_chunks_is_the_mean_of_all():
    p = make_p(((1, 1),))
    s = make_s(p)
    a, b = fake_outputs(p, s, 3), fake_outputs(p, s, 5)
    b = {k: 3.0 * v for k, v in b.items()}
    means = accumulate(b, accumulate(a)).means()
    for name in STEADY_STATE_MEANS:
        np.testing.assert_allclose(means[name], (a[name].sum(0) + b[name].sum(0)) / 8, rtol=1e-13)
    with pytest.raises(KeyError, match="sasu_loss_c"):
        accumulate({k: v for k, v in a.items() if k != "sasu_loss_c"})


def test_equilibrium_wood_is_input_over_mortality():
    p = make_p(((1, 7),))
    s = make_s(p)
    new = steady_state(p, s, accumulate(fake_outputs(p, s)).means(), CFG)
    # 100 live + 100 dead gC m-2 yr-1 in each organ, mortality 2 % per year, live wood turns over at 70 %
    live = 100.0 / 0.72
    np.testing.assert_allclose(new.livestemc, live, rtol=1e-4)
    np.testing.assert_allclose(new.deadstemc, (100.0 + 0.7 * live) / 0.02, rtol=1e-4)
    np.testing.assert_allclose(new.deadstemc / new.deadstemn, 500.0, rtol=1e-12)
    np.testing.assert_allclose(new.leafc[0, 0], 100.0 / (1 / 3.309166667 + 0.02), rtol=1e-4)
    assert float(new.leafc[0, 1]) == float(s.leafc[0, 1])  # deciduous leaves keep their season
    # their litter is in the soil: more carbon than without
    soil_only = steady_state(p, s, accumulate(fake_outputs(p, s)).means(), CFG, vegetation=False)
    np.testing.assert_array_equal(soil_only.deadstemc, s.deadstemc)
    assert bool(jnp.all(ecosystem_totals(p, new).totcwdc > ecosystem_totals(p, soil_only).totcwdc))
    for name in new:
        assert np.all(np.isfinite(new[name])), name
        assert new[name].shape == s[name].shape, name


def test_disturbance_scales_carbon_and_nitrogen_and_books_it():
    p = make_p(((1, 7, 13),))
    s = make_s(p)
    s = s.replace(**{n: s[n] + 10.0 for n in pool_names("c")}, **{n: s[n] + 0.3 for n in pool_names("n")})
    age = jnp.asarray([100.0, jnp.nan, 50.0])
    biomass = jnp.asarray([jnp.nan, 25.0, jnp.nan])
    new, booked = disturb(p, s, stand_age=age, wood_biomass=biomass, soil_factor=jnp.asarray([1.0, 1.2, 0.9]))
    np.testing.assert_allclose(new.deadstemc[0, 0], s.deadstemc[0, 0] * (1 - np.exp(-2.0)), rtol=1e-12)
    after, before = ecosystem_totals(p, new), ecosystem_totals(p, s)
    np.testing.assert_allclose(after.woodc[1], 25.0, rtol=1e-12)
    np.testing.assert_allclose(new.deadstemc / new.deadstemn, s.deadstemc / s.deadstemn, rtol=1e-12)
    expected = s.decomp_cpools[5:] * jnp.asarray([1.0, 1.2, 0.9])
    np.testing.assert_allclose(new.decomp_cpools[5:], expected, rtol=1e-12)
    np.testing.assert_allclose(new.decomp_npools[5] * 11.0, new.decomp_cpools[5], rtol=1e-12)
    np.testing.assert_array_equal(new.decomp_cpools[:5], s.decomp_cpools[:5])
    for k, v in booked.items():
        name = k.removeprefix("increment_")
        np.testing.assert_allclose(v, after[name] - before[name], atol=1e-12)
    same, none = disturb(p, s)
    for name in s:
        np.testing.assert_array_equal(same[name], s[name])
    assert all(float(jnp.abs(v).max()) == 0.0 for v in none.values())


def test_wood_fraction_solves_the_growth_of_a_stand():
    age = jnp.linspace(0.0, 300.0, 301)
    fraction = wood_fraction_of_age(age, 0.02)
    slope = jnp.gradient(fraction, age)[1:-1]
    np.testing.assert_allclose(slope, 0.02 * (1.0 - fraction[1:-1]), rtol=1e-3)
    assert float(fraction[0]) == 0.0
