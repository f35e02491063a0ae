"""LUNA: allocation of leaf nitrogen, its memory of climate, its daily change."""

from __future__ import annotations

import canopy_case as case
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.photosynthesis import _luna, allocate_nitrogen, update_capacity
from elterra.land.photosynthesis._luna import Climate

SP = Config(mode="sp")
JMAXB1 = jnp.array(0.093563)
ALLOCATE = jax.jit(allocate_nitrogen)


def climate(**changes) -> Climate:
    base = {
        "pbot": 9.5e4,
        "rh": 0.7,
        "co2": 36.0,
        "o2": 2.0e4,
        "par": 500.0,
        "par_max": 900.0,
        "rb": 30.0,
        "hours": 14.0,
        "t_growth": 15.0,
        "t_day": 17.0,
        "t_night": 10.0,
    }
    return Climate(**{n: jnp.asarray(float(x)) for n, x in (base | changes).items()})


def settled(e, nitrogen=1.3):
    """The allocation after many days of the same climate."""
    share = jnp.asarray(0.1)
    for _ in range(8):
        best = ALLOCATE(jnp.asarray(nitrogen), share, e, JMAXB1)
        share = best.light_capture
    return best


def test_temperature_responses_are_one_at_25_degrees():
    warm = jnp.array(25.0)
    assert float(_luna.vcmax_response(20.0, warm)) == pytest.approx(1.0, rel=1e-12)
    assert float(_luna.jmax_response(20.0, warm)) == pytest.approx(1.0, rel=1e-12)
    assert float(_luna.respiration_response(warm)) == pytest.approx(1.0, rel=0.01)


def test_ci_meets_supply_and_demand():
    """The fixed number of iterations finds the fixed point of the steps."""
    e = climate()
    k = _luna._kinetics(e.t_day, e.o2)
    for vcmax, j in ((20.0, 300.0), (80.0, 40.0)):
        ci = _luna._solve_ci(e, k, jnp.array(vcmax), jnp.array(j))
        rate = jnp.minimum(*(y * x for y, x in zip(_luna._yields(ci, k), (vcmax, j), strict=True)))
        to_mol = 9.5e4 / (_luna.RGAS_MOL * (17.0 + 273.15)) * 1e6
        gb, gs = to_mol / 30.0, 9.0 * rate / 36.0 * 9.5e4 * 0.7 + 1 / 2000
        supply = (36.0 - ci) / (9.5e4 * (1.37 * gs + 1.6 * gb) / (gb * gs))
        assert float(supply) == pytest.approx(float(rate), rel=2e-3)


def test_more_light_and_more_nitrogen_raise_both_capacities():
    dark, bright = settled(climate(par=300.0, par_max=600.0)), settled(climate(par=800.0, par_max=1500.0))
    assert float(bright.jmax25) > float(dark.jmax25)
    assert float(bright.vcmax25) > float(dark.vcmax25)
    poor, rich = settled(climate(), 0.8), settled(climate(), 2.0)
    assert float(rich.vcmax25) > float(poor.vcmax25)
    assert float(rich.jmax25) > float(poor.jmax25)


def test_cold_leaves_need_more_capacity_than_warm_ones():
    cold = settled(climate(t_day=8.0, t_night=4.0, t_growth=7.0), 2.0)
    warm = settled(climate(t_day=25.0, t_night=18.0, t_growth=20.0), 2.0)
    assert float(cold.vcmax25) > 1.2 * float(warm.vcmax25)


def test_nitrogen_in_use_does_not_exceed_what_there_is():
    for nitrogen in (0.3, 1.0, 3.0):
        best = settled(climate(), nitrogen)
        used = best.vcmax25 / _luna.VCMAX_PER_N + best.jmax25 / _luna.JMAX_PER_N
        assert 0.0 < float(used + best.light_capture * nitrogen) < nitrogen


def test_high_co2_favours_electron_transport_over_rubisco():
    low, high = settled(climate(co2=30.0)), settled(climate(co2=60.0))
    assert float(high.jmax25 / high.vcmax25) > float(low.jmax25 / low.vcmax25)


def a_day(s, *, days=1, steps=4, par=120.0, gpp=2e-4, tlai=3.0, pft=1):
    """State after days of equal steps, the second half of them dark."""
    p = case.prepared([pft], 1)
    veg = case.vegetation(1, 1, elai=tlai)
    flx = Fields(gpp_c=jnp.full((1, 1), gpp), rb=jnp.full((1, 1), 40.0), rh_canopy=jnp.full((1, 1), 0.8))
    sun, dark = case.light(veg, par=par, sabv=200.0), case.light(veg, par=0.0, sabv=0.0)
    f = case.forcing(1)
    midnight = f.replace(end_of_day=jnp.asarray(True))
    for _ in range(days):
        for i in range(steps):
            s = STEP(p, s, midnight if i == steps - 1 else f, veg, sun if i < steps // 2 else dark, flx)
    return s


STEP = jax.jit(lambda *a: update_capacity(*a, SP))


def test_first_day_sets_the_means_and_later_days_weigh_a_tenth():
    s = a_day(case.state(SP, 1, 1), par=120.0)
    assert float(s.luna_par10[0, 0]) == pytest.approx(120.0)
    assert float(s.luna_parmax10[0, 0]) == pytest.approx(120.0)
    s = a_day(s, par=220.0)
    assert float(s.luna_par10[0, 0]) == pytest.approx(130.0)
    assert float(s.luna_day_t10[0, 0]) == pytest.approx(288.0)
    assert float(s.luna_rb10[0, 0]) == pytest.approx(40.0)


def test_the_sums_of_the_day_start_anew():
    s = a_day(case.state(SP, 1, 1))
    for name in ("luna_par_sum", "luna_par_max", "luna_day_t", "luna_day_steps", "luna_gpp"):
        assert float(s[name][0, 0]) == 0.0, name


def test_capacity_changes_by_the_turnover_of_enzymes_at_most():
    start = case.state(SP, 1, 1).replace(vcmx25=jnp.full((1, 1), 200.0), jmx25=jnp.full((1, 1), 1.0))
    s = a_day(start)
    turnover = 0.1 * 2.0 ** (0.1 * (288.0 - 273.15 - 25.0))
    assert float(s.vcmx25[0, 0]) == pytest.approx(200.0 * (1.0 - turnover))
    assert float(s.jmx25[0, 0]) == pytest.approx(1.0 + turnover)


def test_without_growth_enzymes_decay_to_about_half():
    s = case.state(SP, 1, 1)
    one = a_day(s, gpp=0.0)
    assert 0.98 < float(one.vcmx25[0, 0] / s.vcmx25[0, 0]) < 1.0
    s = a_day(s, gpp=0.0, steps=2, days=150)
    assert 0.48 < float(s.luna_enzyme[0, 0]) < 0.51
    assert float(s.vcmx25[0, 0]) == pytest.approx(30.0 * float(s.luna_enzyme[0, 0]))


def test_leafless_plants_wait_with_the_capacity_of_new_leaves():
    s = a_day(case.state(SP, 1, 1), tlai=0.0)
    assert float(s.vcmx25[0, 0]) == 50.0
    assert float(s.jmx25[0, 0]) == 85.0


def test_c4_plants_are_left_alone():
    s = case.state(SP, 1, 1)
    new = a_day(s, pft=14)
    assert float(new.vcmx25[0, 0]) == float(s.vcmx25[0, 0])


def test_gradients_are_finite():
    def loss(nitrogen, par, rh, share):
        best = allocate_nitrogen(nitrogen, share, climate()._replace(par=par, rh=rh), JMAXB1)
        return best.vcmax25 + best.jmax25 + best.light_capture

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1, 2, 3)))
    for par in (0.0, 100.0, 900.0):
        assert np.isfinite(gradient(jnp.array(1.2), jnp.array(par), jnp.array(0.2), jnp.array(0.01))).all()
