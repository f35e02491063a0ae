"""The market of carbon for nitrogen: nothing lost, limits, the direction of every price."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgc_setup import make_p, make_s
from elterra.land import nitrogen as nit

P = make_p(((1, 7, 13), (14, 4, 0)), wt=np.full((2, 3), 0.5))
S = make_s(P, **{n: jnp.full((2, 3), v) for n, v in (("leafc", 300.0), ("leafn", 9.0), ("frootc", 400.0))})
BUY = jax.jit(nit.buy_nitrogen)
T = jnp.full((20, 3), 290.0)
PLENTY = jnp.full((20, 3), 0.5)
NONE = jnp.zeros((2, 3))


def market(purse=0.05, cn=60.0, carbon=0.0, nitrogen=0.0):
    return nit.Market(*(jnp.full((2, 3), float(v)) for v in (purse, cn, carbon, nitrogen)))


def in_shares(left, leafcn, cn, purse, rng):
    """Random state with zeros in it."""
    some = lambda lo, hi, shape: 10.0 ** rng.uniform(lo, hi, shape) * rng.integers(0, 2, shape)  # noqa: E731
    s = S.replace(
        leafc=some(-3, 3, (2, 3)), leafn=some(-4, 2, (2, 3)), frootc=some(-6, 4, (2, 3)),
        leafc_storage=some(-3, 3, (2, 3)), leafn_storage=some(-4, 2, (2, 3)),
    )  # fmt: skip
    m = nit.Market(
        *(jnp.asarray(x) for x in (purse * some(-1, 0, (2, 3)), cn * np.ones((2, 3)))),
        *(jnp.asarray(x) for x in (left * some(-2, 0, (2, 3)), left / leafcn * some(-2, 1, (2, 3)))),
    )
    return s, m, some(-12, 1, (20, 3)), some(-12, 1, (20, 3))


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    purse=st.sampled_from([0.0, 1e-9, 1e-3, 0.5]),
    left=st.sampled_from([0.0, 1e-6, 0.5]),
    cn=st.floats(15.0, 300.0),
    celsius=st.floats(-40.0, 60.0),
)
def test_carbon_and_nitrogen_are_accounted_for_and_nobody_takes_what_is_not_there(
    seed, purse, left, cn, celsius
):
    s, m, nh4, no3 = in_shares(left, 30.0, cn, purse, np.random.default_rng(seed))
    got = BUY(P, s, m, nh4, no3, jnp.full((20, 3), 273.15 + celsius))
    for x in got:
        assert bool(jnp.all(jnp.isfinite(x)))
    carbon = got.spent + got.growth * (1.0 + P.grperc)
    np.testing.assert_allclose(carbon, m.purse, rtol=1e-12, atol=1e-18)
    assert float(got.burned.min()) >= -1e-15
    for x in got[:-1]:
        assert float(x.min()) >= 0.0
    # patches see the same soil: what they take together, weighted, is not more than there is
    for taken, there in ((got.nh4, nh4), (got.no3, no3)):
        assert bool(jnp.all(taken <= there[:, None, :] * (1.0 + 1e-12)))
    assert bool(jnp.all(got.free + got.paid <= m.falling_n * (1.0 + 1e-12)))


def test_without_carbon_nothing_is_bought_and_only_free_nitrogen_comes_back():
    got = BUY(P, S, market(purse=0.0, carbon=1.0, nitrogen=0.1), PLENTY, PLENTY, T)
    for name in ("nh4", "no3", "fixed", "paid", "spent_soil", "spent_fixation", "growth", "burned"):
        np.testing.assert_array_equal(getattr(got, name), 0.0, err_msg=name)
    np.testing.assert_allclose(
        got.free, np.maximum(0.1 - 1.0 / (1.5 * np.asarray(P.leafcn)), 0.0), rtol=1e-12
    )


def test_growth_of_the_nitrogen_bought_has_the_target_ratio():
    got = BUY(P, S.replace(leafn=S.leafc / P.leafcn), market(), PLENTY, PLENTY, T)
    # cheap nitrogen and satisfied leaves: all carbon that is not paid or respired for growth builds tissue
    planted = np.asarray(P.pft) > 0
    np.testing.assert_allclose(got.growth[planted], 60.0 * got.nitrogen[planted], rtol=1e-9)
    np.testing.assert_allclose(got.burned[planted], 0.0, atol=1e-15)


def test_more_mineral_nitrogen_is_cheaper_and_more_is_bought():
    def run(n):
        got = BUY(P, S, market(), jnp.full((20, 3), n), jnp.full((20, 3), n), T)
        return np.asarray(got.nitrogen), np.asarray(got.spent / got.nitrogen)

    amounts, costs = zip(*(run(n) for n in (1e-4, 1e-3, 1e-2, 0.1, 1.0)), strict=True)
    planted = np.asarray(P.pft) > 0
    assert np.all(np.diff(np.array(amounts), axis=0)[:, planted] >= -1e-15)
    assert np.all(np.diff(np.array(costs), axis=0)[:, planted] <= 1e-12)
    assert np.all(np.array(amounts)[-1][planted] > 1.05 * np.array(amounts)[0][planted])


def test_more_roots_make_uptake_cheaper():
    g = [
        float(nit.uptake_conductance(jnp.asarray(0.1), jnp.asarray(r), 0.12, 0.06)) for r in (1, 10, 100, 1e4)
    ]
    assert np.all(np.diff(g) > 0)
    assert g[-1] == pytest.approx(0.1 / 0.12, rel=1e-3)  # then only nitrogen matters
    assert float(nit.uptake_conductance(jnp.asarray(0.0), jnp.asarray(10.0), 0.12, 0.06)) == 1e-9


def test_fixation_is_best_in_warm_soil_and_closed_to_c4_grass():
    def cheapest(celsius):
        return np.asarray(nit.fixation_conductance(P, jnp.full((20, 3), 273.15 + celsius), P.crootfr))[0]

    cost = 1.0 / cheapest(25.15)
    assert cost[0, 0] == pytest.approx(6.0 / 1.25 / np.exp(-3.62 + 0.27 * 25.15 / 2), rel=1e-5)
    assert cost[1, 0] == pytest.approx(1e9)
    values = [cheapest(t)[0, 1] for t in (-20.0, 0.0, 15.0, 25.15, 35.0, 45.0)]
    assert np.all(np.diff(values[:4]) > 0)
    assert np.all(np.diff(values[3:]) < 0)
    # frozen soil: nearly nothing for a carbon
    assert cheapest(-20.0)[0, 1] < 1e-3 * cheapest(25.15)[0, 1]


def steps_of_one_unit(c, n, purse, use, resistance, leafcn):
    """The same by hand, raising the C:N of the leaf by small steps."""
    free = max(n - c / (1.5 * leafcn), 0.0)
    left, step = n - free, 0.01
    cn, paid, spent = c / left, 0.0, 0.0
    while True:
        price = cn**1.3 / leafcn
        take = left - c / (cn + step)
        if price >= resistance or cn >= 3 * leafcn or spent + paid * use + take * (price + use) > purse:
            return free, paid, spent
        left, paid, spent, cn = left - take, paid + take, spent + take * price, cn + step


@pytest.mark.parametrize(
    ("purse", "resistance", "n"), [(10.0, 1e9, 0.04), (10.0, 6.0, 0.04), (0.3, 1e9, 0.04), (10.0, 1e9, 0.02)]
)
def test_retranslocation_equals_the_sum_of_small_steps(purse, resistance, n):
    free, paid, spent = steps_of_one_unit(1.0, n, purse, 70.0, resistance, 25.0)
    a = lambda x: jnp.asarray([float(x)])  # noqa: E731
    got = nit.retranslocate(a(1.0), a(n), a(purse), a(70.0), a(resistance), a(25.0))
    assert float(got.free[0]) == pytest.approx(free, rel=1e-12)
    assert float(got.paid[0]) == pytest.approx(paid, rel=5e-3)
    assert float(got.spent[0]) == pytest.approx(spent, rel=5e-3)
    assert float(got.spent[0] + 70.0 * got.paid[0]) <= purse * (1 + 1e-12)


def test_gradients_of_the_market_are_finite():
    def total(purse, n, roots):
        m = nit.Market(purse, jnp.full((2, 3), 60.0), NONE + 0.3, NONE + 0.01)
        got = nit.buy_nitrogen(P, S.replace(frootc=roots), m, n, n * 0.1, T)
        return sum(jnp.sum(x) for x in got)

    slope = jax.jit(jax.grad(total, argnums=(0, 1, 2)))
    for purse, n, roots in ((0.05, 0.1, 300.0), (0.0, 0.0, 0.0), (0.05, 0.0, 300.0), (1e-9, 1e-9, 1e-9)):
        for g in slope(NONE + purse, jnp.full((20, 3), n), NONE + roots):
            assert bool(jnp.all(jnp.isfinite(g)))
