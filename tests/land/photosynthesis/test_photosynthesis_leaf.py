"""Gas exchange of a leaf against an exact reference, an independent root finder, and limits."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from elterra.land.photosynthesis import LeafAtT, first_guess_ci, gas_exchange

PBOT = 101325.0
CA = 400e-6 * PBOT


def c3_leaf(vcmax=60.0, je=93.85043, tpu=10.02, lmr=0.9, pbot=PBOT, **over):
    oair = 0.209 * pbot
    cp = 42.75e-6 * pbot
    km = 404.9e-6 * pbot * (1.0 + oair / (278.4e-3 * pbot))
    fields = {
        "vcmax": vcmax, "je": je, "ap_constant": 3.0 * tpu, "ap_slope": 0.0, "lmr": lmr,
        "c3": 1.0, "cp": cp, "km": km, "cp8": 8.0 * cp,
    }  # fmt: skip
    return LeafAtT(**{k: jnp.asarray(v, dtype=float) for k, v in (fields | over).items()})


def c4_leaf(vcmax=28.0, light=30.0, kp=0.56 * 1e6 / PBOT, lmr=0.7):
    fields = {
        "vcmax": vcmax, "je": light, "ap_constant": 0.0, "ap_slope": kp, "lmr": lmr,
        "c3": 0.0, "cp": -1.0, "km": 1.0, "cp8": 1.0,
    }  # fmt: skip
    return LeafAtT(**{k: jnp.asarray(v, dtype=float) for k, v in fields.items()})


def solve(leaf, *, vpd=1.0, gb=2.0e6, g0=100.0, g1=4.0, theta_cj=0.98, theta_ip=0.95, steps=8, ci=None):
    arrays = {k: jnp.asarray(v, dtype=float) for k, v in
              {"cair": CA, "pbot": PBOT, "vpd": vpd, "gb": gb, "g0": g0, "g1": g1}.items()}  # fmt: skip
    start = first_guess_ci(arrays["cair"], arrays["g1"], arrays["vpd"]) if ci is None else ci
    thetas = {"theta_cj": jnp.asarray(theta_cj, dtype=float), "theta_ip": jnp.asarray(theta_ip, dtype=float)}
    return GAS_EXCHANGE(leaf, start, steps=steps, **thetas, **arrays)


GAS_EXCHANGE = jax.jit(gas_exchange, static_argnames="steps")


def test_c3_at_25_degrees_matches_the_analytic_case():
    """exact-tests.md b6 case 8: Vcmax 60, J 93.850430, ci 28.371 Pa (70 % of 400 ppm at 101325 Pa)."""
    ci = jnp.asarray(28.371)
    result = solve(c3_leaf(), ci=ci, steps=1)
    assert float(result.gross) == pytest.approx(12.491995, abs=2e-6)
    assert float(result.net) == pytest.approx(11.591995, abs=2e-6)
    assert float(solve(c3_leaf(), ci=ci, steps=1, theta_cj=0.9393).gross) == pytest.approx(
        11.504127, abs=2e-6
    )


def independent(leaf, vpd, gb, g0, g1, theta_cj, theta_ip):
    """ci by bisection on the diffusion equation, conductance by bisection on Medlyn's equation."""
    leaf = LeafAtT(*[float(x) for x in leaf])

    def small(a, b, th):
        return min(np.roots([th, -(a + b), a * b]).real)

    def net(ci):
        num = max(leaf.c3 * ci - leaf.cp, 0.0)
        ac = leaf.vcmax * num / (leaf.c3 * ci + leaf.km)
        aj = leaf.je * num / (4 * leaf.c3 * ci + leaf.cp8)
        ai = small(ac, aj, theta_cj)
        return small(ai, leaf.ap_constant + leaf.ap_slope * ci, theta_ip) - leaf.lmr

    def conductance(a):
        cs = CA - 1.4 * a * PBOT / gb

        def miss(gs):
            ds = vpd * gb / (gb + gs)
            return gs - g0 - 1.6 * (1 + g1 / np.sqrt(ds)) * a * PBOT / cs

        return brentq(miss, g0, 1e9, rtol=1e-12)

    def miss(ci):
        a = max(net(ci), 0.0)
        return ci - CA + a * PBOT * (1.4 / gb + 1.6 / conductance(a))

    ci = brentq(miss, 1.0, CA, rtol=1e-12)
    return ci, net(ci), conductance(max(net(ci), 0.0))


@pytest.mark.parametrize("vpd", [0.05, 1.0, 6.0])
@pytest.mark.parametrize("gb", [3.0e5, 3.0e6])
@pytest.mark.parametrize("leaf", [c3_leaf(), c3_leaf(je=8.0), c3_leaf(vcmax=12.0), c4_leaf()], ids=str)
def test_newton_finds_the_independent_solution(leaf, vpd, gb):
    theta = 0.98 if float(leaf.c3) else 0.8
    ci, net, gs = independent(leaf, vpd, gb, 100.0, 3.0, theta, 0.95)
    result = solve(leaf, vpd=vpd, gb=gb, g1=3.0, theta_cj=theta)
    assert float(result.net) == pytest.approx(net, rel=1e-6)
    assert float(result.gs) == pytest.approx(gs, rel=1e-6)
    assert float(result.ci) == pytest.approx(ci, rel=1e-6)


def test_three_evaluations_are_enough_from_the_medlyn_guess():
    for vpd in (0.3, 1.0, 3.0):
        few, many = solve(c3_leaf(), vpd=vpd, steps=3), solve(c3_leaf(), vpd=vpd, steps=12)
        assert float(few.net) == pytest.approx(float(many.net), rel=1e-5)


def test_medlyn_without_boundary_layer_and_g0_keeps_ci_over_ca():
    result = solve(c3_leaf(), gb=1e12, g0=1e-6, g1=4.0, vpd=1.44)
    assert float(result.ci) / CA == pytest.approx(4.0 / (4.0 + 1.2), rel=1e-5)


def test_darkness_closes_stomata_and_leaves_respiration():
    result = solve(c3_leaf(je=0.0))
    assert float(result.gross) == 0.0
    assert float(result.net) == pytest.approx(-0.9)
    assert float(result.gs) == pytest.approx(100.0, rel=1e-7)


def test_c4_saturates_with_co2_and_needs_little_of_it():
    low = solve(c4_leaf(), ci=jnp.asarray(2.0), steps=1)
    mid = solve(c4_leaf(), ci=jnp.asarray(20.0), steps=1)
    high = solve(c4_leaf(), ci=jnp.asarray(40.0), steps=1)
    assert float(low.gross) < 0.6 * float(mid.gross)
    assert float(high.gross) == pytest.approx(float(mid.gross), rel=0.06)


def test_assimilation_rises_with_light_capacity_and_humidity():
    light = solve(c3_leaf(je=jnp.linspace(5.0, 150.0, 20))).net
    capacity = solve(c3_leaf(vcmax=jnp.linspace(5.0, 100.0, 20))).net
    dry = solve(c3_leaf(), vpd=jnp.linspace(0.1, 6.0, 20))
    assert (jnp.diff(light) > 0).all()
    assert (jnp.diff(capacity) > 0).all()
    assert (jnp.diff(dry.gs) < 0).all()
    assert (jnp.diff(dry.net) < 0).all()


@pytest.mark.parametrize("vcmax", [0.0, 60.0])
@pytest.mark.parametrize("je", [0.0, 1e-12, 5.0, 93.85])
@pytest.mark.parametrize("vpd", [0.05, 10.0])
def test_gradients_are_finite_at_the_edges(vcmax, je, vpd):
    def total(x):
        leaf = c3_leaf(vcmax=x[0], je=x[1], lmr=x[2])
        result = solve(leaf, vpd=x[3], steps=3)
        return result.net + 1e-6 * result.gs + result.ci

    gradient = jax.grad(total)(jnp.array([vcmax, je, 0.5, vpd]))
    assert jnp.isfinite(gradient).all()


def test_gradient_equals_finite_difference():
    def net(vcmax):
        return solve(c3_leaf(vcmax=vcmax), steps=6).net

    h = 1e-4
    numeric = (net(40.0 + h) - net(40.0 - h)) / (2 * h)
    assert float(jax.grad(net)(40.0)) == pytest.approx(float(numeric), rel=1e-6)
