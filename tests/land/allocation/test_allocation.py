"""Respiration and allocation against hand calculation."""

import jax.numpy as jnp
import numpy as np
import pytest

from bgc_setup import CFG, drivers, make_p, make_s
from elterra.land.allocation import allocate, maintenance_respiration, nitrogen_demand

P = make_p(((1, 13),))
S = make_s(P)
_, DRV = drivers(P)


def test_maintenance_respiration_of_a_stem_at_20_and_30_degrees():
    s = S.replace(livestemn=jnp.full((1, 2), 2.0), frootn=jnp.full((1, 2), 3.0))
    at20 = DRV.replace(t_ref2m=jnp.full((1, 2), 293.15), t_soil=jnp.full((20, 2), 293.15))
    a = maintenance_respiration(P, s, at20)
    assert float(a.livestem_mr[0, 0]) == pytest.approx(2.0 * 2.525e-6, rel=1e-12)
    assert float(a.livestem_mr[0, 1]) == 0.0  # grass has no wood
    np.testing.assert_allclose(a.froot_mr, 3.0 * 0.83e-6, rtol=1e-12)
    np.testing.assert_array_equal(a.leaf_mr, DRV.lmr_c)
    b = maintenance_respiration(P, s, at20.replace(t_ref2m=at20.t_ref2m + 10.0))
    assert float(b.livestem_mr[0, 0] / a.livestem_mr[0, 0]) == pytest.approx(1.5, rel=1e-12)
    np.testing.assert_allclose(b.froot_mr, a.froot_mr)


def test_carbon_is_all_used_and_in_the_right_proportions():
    gpp = jnp.full((1, 2), 5e-5)
    d = nitrogen_demand(P, S, gpp, jnp.full((1, 2), 2e-5), CFG)
    g = allocate(P, gpp, d, jnp.ones(2))
    spent = g.shown_c.sum(0) + g.storage_c.sum(0) + g.growth_respiration + g.gresp_storage
    np.testing.assert_allclose(spent, 3e-5, rtol=1e-12)
    np.testing.assert_allclose(g.gpp, gpp, rtol=1e-12)
    leaf = np.asarray(g.shown_c[:, 0, 0] / g.shown_c[0, 0, 0])
    np.testing.assert_allclose(
        leaf, [1, 1.5, 2.3 * 0.1, 2.3 * 0.9, 2.3 * 0.3 * 0.1, 2.3 * 0.3 * 0.9], rtol=1e-12
    )
    np.testing.assert_allclose(g.growth_respiration[0, 0], 3e-5 * 0.11 / 1.11, rtol=1e-12)
    # grass stores everything for the next season and has no wood
    np.testing.assert_array_equal(g.shown_c[:, 0, 1], 0.0)
    np.testing.assert_array_equal(g.storage_c[2:, 0, 1], 0.0)
    n = g.shown_n.sum(0) + g.storage_n.sum(0)
    np.testing.assert_allclose(n, d.ndemand + d.retrans, rtol=1e-12)


def test_half_the_nitrogen_builds_half_the_tissue():
    gpp = jnp.full((1, 2), 5e-5)
    d = nitrogen_demand(P, S, gpp, jnp.full((1, 2), 2e-5), CFG)
    full, half = allocate(P, gpp, d, jnp.ones(2)), allocate(P, gpp, d, jnp.full(2, 0.5))
    np.testing.assert_allclose(half.shown_c, 0.5 * full.shown_c, rtol=1e-12)
    np.testing.assert_allclose(half.gpp, 5e-5 - 1.5e-5, rtol=1e-12)
    np.testing.assert_allclose(half.downreg, 0.3, rtol=1e-12)


def test_debt_is_repaid_first():
    s = S.replace(xsmrpool=jnp.asarray([[-30.0, -1e4]]))
    d = nitrogen_demand(P, s, jnp.full((1, 2), 5e-5), jnp.full((1, 2), 2e-5), CFG)
    assert float(d.to_xsmrpool[0, 0]) == pytest.approx(30.0 / (30 * 86400), rel=1e-12)
    assert float(d.to_xsmrpool[0, 1]) == pytest.approx(3e-5, rel=1e-12)
    assert float(d.availc[0, 1]) == 0.0
    np.testing.assert_allclose(d.availc + d.to_xsmrpool, 3e-5, rtol=1e-12)


def test_retranslocated_nitrogen_follows_gpp_and_never_exceeds_the_pool():
    s = S.replace(
        retransn=jnp.asarray([[2.0, 1e-6]]),
        annmax_retransn=jnp.asarray([[4.0, 4.0]]),
        annsum_potential_gpp=jnp.full((1, 2), 1000.0),
    )
    gpp = jnp.full((1, 2), 5e-5)
    d = nitrogen_demand(P, s, gpp, gpp * 0.0, CFG)
    assert float(d.retrans[0, 0]) == pytest.approx(0.5 * 4.0 * 5e-5 / 1000.0, rel=1e-12)
    assert float(d.retrans[0, 1]) == pytest.approx(1e-6 / CFG.dt, rel=1e-12)
