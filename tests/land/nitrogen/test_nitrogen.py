"""Competition, nitrification, leaching, fixation."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bgc_setup import drivers, make_p, make_s
from elterra.land import decomposition as dec
from elterra.land import nitrogen as nit

P = make_p(((1, 7),))
DZ = P.dzsoi[:20]
COMPETE = jax.jit(nit.compete, static_argnums=8)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([0.0, 1e-12, 1e-6, 1.0, 1e3]),
    strength=st.floats(0.05, 20),
)
def test_nobody_gets_more_than_there_is_or_than_wanted(seed, scale, strength):
    rng = np.random.default_rng(seed)

    def draw(lo, hi):
        return jnp.asarray(10.0 ** rng.uniform(lo, hi, (20, 2)) * rng.integers(0, 2, (20, 2)))

    p = P.replace(compet_plant_nh4=P.compet_plant_nh4 * strength, compet_denit=P.compet_denit / strength)
    nh4, no3 = scale * draw(-4, 1), scale * draw(-4, 1)
    demand = jnp.asarray(10.0 ** rng.uniform(-10, -4, 2))
    immob, nitr, denit = draw(-10, -5), draw(-10, -5), draw(-12, -6)
    empty = P.crootfr[:, 0] / DZ
    won = COMPETE(p, nh4, no3, demand, immob, nitr, denit, empty, 1800.0)
    tol = 1e-13
    assert bool(jnp.all(1800 * (won.immob_nh4 + won.plant_nh4 + won.nitrification) <= nh4 * (1 + tol)))
    assert bool(jnp.all(1800 * (won.immob_no3 + won.plant_no3 + won.denitrification) <= no3 * (1 + tol)))
    assert bool(jnp.all(won.uptake <= demand * (1 + tol)))
    assert bool(jnp.all(won.immob_nh4 + won.immob_no3 <= immob * (1 + tol)))
    assert bool(jnp.all(won.nitrification <= nitr))
    assert bool(jnp.all(won.denitrification <= denit))
    for x in won:
        assert bool(jnp.all(x >= 0))
    assert bool(jnp.all((won.fpi >= 0) & (won.fpi <= 1 + tol) & (won.fpg >= 0) & (won.fpg <= 1)))


def test_plenty_meets_all_demands():
    many = jnp.full((20, 2), 100.0)
    small = jnp.full((20, 2), 1e-8)
    won = COMPETE(P, many, many, jnp.full(2, 1e-7), small, small, small, small, 1800.0)
    np.testing.assert_allclose(won.uptake, 1e-7, rtol=1e-12)
    np.testing.assert_allclose(won.fpi, 1.0)
    np.testing.assert_array_equal(won.immob_no3, 0.0)  # ammonium first


def test_equal_rivals_share_in_proportion_to_demand():
    nh4 = jnp.full((20, 2), 1e-6)
    none = jnp.zeros((20, 2))
    demand = jnp.full((20, 2), 1e-8)
    won = COMPETE(P, nh4, none, jnp.zeros(2), demand, 3 * demand, none, none, 1800.0)
    np.testing.assert_allclose(won.nitrification / won.immob_nh4, 3.0, rtol=1e-12)
    np.testing.assert_allclose(1800 * (won.nitrification + won.immob_nh4), nh4, rtol=1e-12)


def _potential(vol, psi, **changed):
    _, drv = drivers(P, 160.5)
    drv = drv.replace(h2osoi_vol=jnp.full((20, 2), vol), soilpsi=jnp.full((20, 2), psi))
    s = make_s(P, smin_no3=jnp.full((20, 2), 5.0), smin_nh4=jnp.full((20, 2), 2.0))
    s = s.replace(**changed)
    hr = jnp.full((20, 2), 2e-6)
    air = jnp.maximum(P.watsat[:20] - vol, 0.0)
    ox = dec.oxygen(8.0 * air + 0.3 * vol, hr / 12.011, 1800.0)
    return nit.nitrification_potential(
        P, s, drv, ox, dec.temperature_scalar(P, drv.t_soil), dec.water_scalar(P, drv.soilpsi), hr
    )


def test_wet_soil_denitrifies_and_dry_soil_nitrifies():
    dry, wet = _potential(0.2, -0.1), _potential(0.45, -0.0005)
    assert float(wet.anaerobic.min()) > 0.7
    assert float(dry.anaerobic.max()) < 0.5
    assert bool(jnp.all(wet.denitrification[5:] > 10 * dry.denitrification[5:]))
    assert bool(jnp.all(dry.nitrification > 0))
    # more water, more N2 per N2O
    assert bool(jnp.all(wet.n2_n2o > dry.n2_n2o))


def test_nothing_to_nitrify_or_denitrify_gives_zero():
    out = _potential(0.45, -0.0005, smin_nh4=jnp.zeros((20, 2)), smin_no3=jnp.zeros((20, 2)))
    np.testing.assert_array_equal(out.nitrification, 0.0)
    np.testing.assert_array_equal(out.denitrification, 0.0)


def test_leaching_takes_the_share_of_the_water_that_leaves():
    _, drv = drivers(P, 160.5)
    no3 = jnp.full((20, 2), 3.0)
    total = drv.h2osoi_liq.sum(0)
    drv = drv.replace(qflx_drain=0.01 * total / 1800.0, qflx_surf=jnp.zeros(2))
    drained, run = nit.leaching(P, drv, no3, 1800.0)
    np.testing.assert_allclose(1800 * drained, 0.01 * no3, rtol=1e-12)
    np.testing.assert_array_equal(run, 0.0)
    flood = drv.replace(qflx_drain=1e6 * total, qflx_surf=jnp.full(2, 1e6))
    drained, run = nit.leaching(P, flood, no3, 1800.0)
    assert bool(jnp.all(1800 * (drained + run) <= no3 * (1 + 1e-14)))
    only_surface = drv.replace(qflx_drain=jnp.zeros(2), qflx_surf=jnp.full(2, 1e-5))
    _, run = nit.leaching(P, only_surface, no3, 1800.0)
    assert bool(jnp.all(run[:2] > 0))
    np.testing.assert_array_equal(run[2:], 0.0)  # below 5 cm nothing


def test_fixation_follows_npp_and_is_never_negative():
    year = 365 * 86400.0
    rate = nit.fixation(P, jnp.asarray([500.0 / year, -1.0]))
    np.testing.assert_allclose(rate[0] * year, 1.8 * (1 - np.exp(-1.5)), rtol=1e-12)
    assert float(rate[1]) == 0.0
