"""Methods of spin-up on a cycle whose equilibrium brute force reaches."""

import jax.numpy as jnp
import numpy as np
import pytest
from toy_cycle import toy

from elterra.land.vegetation import TISSUES, ecosystem_totals
from elterra.spinup import SideBySide, accelerate, method_of, spin_up, to_accelerated, to_normal
from elterra.spinup.methods import SemiAnalytic
from elterra.spinup.semi_analytic import GREATEST_FACTOR, aims, moved, remaining


def stocks(p, s):
    """Of every pool, g m-2 ``[name][column]``."""
    dz = np.asarray(p.dzsoi[:20])
    out = {}
    for e in "cn":
        for i, total in enumerate((np.asarray(s[f"decomp_{e}pools"]) * dz).sum(axis=1)):
            out[f"soil{i}{e}"] = total
        for t in TISSUES:
            out[t + e] = np.asarray((s[f"{t}{e}"] * p.wt).sum(axis=0))
    return out


def worst(p, a, b):
    mine, theirs = stocks(p, a), stocks(p, b)
    return max(float(np.max(np.abs(mine[n] / theirs[n] - 1.0))) for n in mine)


@pytest.fixture(scope="module")
def linear():
    p, s, cycle = toy()
    return p, s, cycle, spin_up(method_of("native", cycles=1), p, s, cycle, 250)


def test_brute_force_has_arrived(linear):
    p, _, cycle, steady = linear
    assert worst(p, cycle.run(p, steady)[0], steady) < 1e-4


def test_one_step_is_the_equilibrium_of_a_linear_model(linear):
    """From two thirds of everything, evergreen trees (column 0). The step of five days and seasons cost under 3 %."""
    p, _, cycle, steady = linear
    names = ["decomp_cpools", "decomp_npools", *(f"{t}{e}" for t in TISSUES for e in "cn")]
    s = steady.replace(**{n: steady[n] / 1.5 for n in names})
    end, means = cycle.run(p, s)
    goal = aims(s, remaining(p, s, end, means, cycle.years, cycle.cfg))
    dz = np.asarray(p.dzsoi[:20])
    for i in range(7):
        mine, theirs = (
            (np.asarray(x)[i] * dz).sum(axis=0)[0] for x in (goal["c"].soil, steady.decomp_cpools)
        )
        # metabolic litter turns over in months of one season: its rate is not the mean of the year
        np.testing.assert_allclose(mine, theirs, rtol=0.1 if i == 0 else 0.03, err_msg=f"pool {i}")
    for i, tissue in enumerate(TISSUES):
        np.testing.assert_allclose(goal["c"].plants[i, 0, 0], steady[f"{tissue}c"][0, 0], rtol=0.005)
        np.testing.assert_allclose(goal["n"].plants[i, 0, 0], steady[f"{tissue}n"][0, 0], rtol=0.005)


@pytest.mark.parametrize("name", ["ad", "analytic", "anderson"])
def test_methods_arrive_where_brute_force_does(linear, name):
    p, s, cycle, steady = linear
    cycles = {"ad": 28, "analytic": 16, "anderson": 16}[name]
    method = method_of(name, cycles=cycles, accelerated=22)
    # the fast seasons of accelerated pools leave a trace of a few percent for long
    assert worst(p, spin_up(method, p, s, cycle, cycles), steady) < (0.03 if name == "ad" else 0.01)
    native = spin_up(method_of("native", cycles=1), p, s, cycle, cycles)
    assert worst(p, native, steady) > 0.1  # the same years of the plain model do not


def test_the_step_is_nothing_at_the_equilibrium(linear):
    p, _, cycle, steady = linear
    end, means = cycle.run(p, steady)
    step = remaining(p, steady, end, means, cycle.years, cycle.cfg)
    assert float(np.max(np.abs(step["c"].soil))) < 1e-3 * float(jnp.max(steady.decomp_cpools))
    state, booked = moved(p, end, aims(steady, step))
    assert worst(p, state, steady) < 1e-3
    assert float(jnp.max(jnp.abs(booked.increment_totecosysc))) < 0.2


def test_what_a_step_adds_is_booked_and_bounded(linear):
    p, s, cycle, _ = linear
    end, means = cycle.run(p, s)
    state, booked = moved(p, end, aims(s, remaining(p, s, end, means, 1.0, cycle.cfg)))
    before, after = ecosystem_totals(p, end), ecosystem_totals(p, state)
    np.testing.assert_allclose(booked.increment_totecosysc, after.totecosysc - before.totecosysc, atol=1e-9)
    np.testing.assert_allclose(booked.increment_totecosysn, after.totecosysn - before.totecosysn, atol=1e-9)
    assert np.all(np.abs(np.asarray(booked.increment_totecosysc)) > 1.0)
    # an absurd aim is cut, and N:C of the soil pools is what it was
    wild = {
        e: type(x)(x.soil * 1e6, x.plants * 1e6)
        for e, x in aims(s, remaining(p, s, end, means, 1.0, cycle.cfg)).items()
    }
    state, _ = moved(p, end, wild)
    assert float(jnp.max(state.leafc[0, 0] / (end.leafc[0, 0] + 5.0))) <= GREATEST_FACTOR * (1 + 1e-12)
    had = np.asarray(end.decomp_npools[4:]) > 0
    ratio = [
        np.asarray(x.decomp_npools[4:])[had] / np.asarray(x.decomp_cpools[4:])[had] for x in (state, end)
    ]
    np.testing.assert_allclose(*ratio, rtol=1e-12)
    negative = {e: type(x)(-x.soil, -x.plants) for e, x in wild.items()}
    state, _ = moved(p, end, negative)
    assert float(jnp.min(state.decomp_cpools)) >= 0.0
    assert float(jnp.min(state.deadstemc)) > 0.0


@pytest.mark.slow  # two long spin-ups of a small model; the methods themselves are tested above
def test_anderson_needs_fewer_cycles_where_inputs_follow_the_pools():
    """Growth follows slow nitrogen, which the matrix does not know: the plain steps converge slowly."""
    p, s, cycle = toy(feedback=0.006)
    steady = s
    # brute force from a state near the end, else the feedback takes thousands of years
    steady = spin_up(SemiAnalytic(40, depth=5), p, s, cycle, 340)
    assert worst(p, cycle.run(p, steady)[0], steady) < 1e-5

    def left(name, cycles):
        return worst(p, spin_up(method_of(name, cycles=cycles, settle=0), p, s, cycle, cycles), steady)

    assert left("anderson", 24) < 0.2 * left("analytic", 24)
    assert left("anderson", 24) < 0.01


def test_accelerated_units_go_there_and_back(linear):
    p, s, *_ = linear
    fast = accelerate(p)
    np.testing.assert_allclose(
        fast.accel_soil3[0], 222.2222222222222 * (1 + 50 / (1 + np.exp(0.15 * 13.0))), rtol=1e-12
    )
    there = to_accelerated(fast, s)
    np.testing.assert_allclose(there.deadstemc, s.deadstemc / 10.0, rtol=1e-14)
    back = to_normal(fast, there)
    for name in s:
        np.testing.assert_allclose(back[name], s[name], rtol=1e-14, err_msg=name)
    same = to_normal(p, s)
    for name in s:
        np.testing.assert_array_equal(same[name], s[name])


def test_methods_side_by_side_are_what_they_are_alone(linear):
    p, s, cycle, _ = linear
    both = SideBySide(
        [(method_of("analytic", cycles=5), 0, 1), (method_of("ad", cycles=5, accelerated=3), 1, 2)]
    )
    mixed = spin_up(both, p, s, cycle, 5)
    for i, method in enumerate((method_of("analytic", cycles=5), method_of("ad", cycles=5, accelerated=3))):
        alone = spin_up(method, p, s, cycle, 5)
        for name in ("decomp_cpools", "decomp_npools", "deadstemc", "leafn"):
            np.testing.assert_allclose(mixed[name][..., i], alone[name][..., i], rtol=1e-9, atol=1e-12)
