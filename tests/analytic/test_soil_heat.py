"""Closed-form solutions of heat conduction and freezing against the solver of the land model."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elterra.land.constants import HFUS, TFRZ
from elterra.land.soil_heat._diffusion import conduct, interface_conductance
from elterra.land.soil_heat._phase_change import phase_change

# Two-phase Neumann problem: water 0.33, initially +2 degC, surface -10 degC
FROZEN_K, FROZEN_C, THAWED_K, THAWED_C, WATER = 2.0, 1.9e6, 1.5, 2.8e6, 0.33
ZETA = 0.27191896  # front = 2 zeta sqrt(FROZEN_K / FROZEN_C * time)


def _surface(t_top, t, conductance):
    """Source and slope of the top layer for a surface held at ``t_top``."""
    source = jnp.zeros_like(t).at[0].set(conductance * (t_top - t[0]))
    return source, jnp.zeros_like(t).at[0].set(-conductance)


@pytest.fixture(scope="module")
def neumann():
    """Depth of the front (m) every day for 20 days and the final temperatures."""
    dz = np.concatenate([np.full(50, 0.025), 0.025 * 1.12 ** np.arange(1, 31)])
    z = np.cumsum(dz) - 0.5 * dz
    thickness = jnp.asarray(dz)[:, None]
    mass = WATER * 1000.0 * thickness
    dt, per_day, days = 900.0, 96, 20

    def step(carry, _):
        t, ice = carry
        frozen = ice / mass
        k = frozen * FROZEN_K + (1 - frozen) * THAWED_K
        cap = (frozen * FROZEN_C + (1 - frozen) * THAWED_C) * thickness
        source, slope = _surface(TFRZ - 10.0, t, k[0] / (0.5 * thickness[0]))
        t, _ = conduct(t, cap, interface_conductance(thickness, k), source, slope, dt)
        new = phase_change(t, mass - ice, ice, jnp.zeros_like(t), cap / dt - slope, dt)
        return (new.t, new.ice), None

    def day(carry, _):
        carry, _ = jax.lax.scan(step, carry, None, length=per_day)
        return carry, jnp.sum(carry[1]) / (WATER * 1000.0)

    start = (jnp.full(mass.shape, TFRZ + 2.0), jnp.zeros_like(mass))
    (t, _), front = jax.jit(lambda x: jax.lax.scan(day, x, None, length=days))(start)
    return z, np.asarray(t)[:, 0] - TFRZ, np.asarray(front)


def test_stefan_number_is_that_of_the_closed_form():
    """The reference value of zeta solves the transcendental equation of the two-phase problem."""
    af, au = FROZEN_K / FROZEN_C, THAWED_K / THAWED_C
    nu = math.sqrt(af / au)
    left = math.exp(-(ZETA**2)) / math.erf(ZETA)
    right = THAWED_K / FROZEN_K * nu * 2.0 / 10.0 * math.exp(-((nu * ZETA) ** 2)) / math.erfc(nu * ZETA)
    latent = HFUS * WATER * 1000.0 * ZETA * math.sqrt(math.pi) / (FROZEN_C * 10.0)
    assert left - right == pytest.approx(latent, rel=1e-6)


@pytest.mark.parametrize(("day", "depth"), [(1, 0.164008), (5, 0.366733), (20, 0.733465)])
def test_freezing_front(neumann, day, depth):
    # the error is that of one grid layer of 2.5 cm at most
    assert neumann[2][day - 1] == pytest.approx(depth, abs=0.012)


@pytest.mark.parametrize(
    ("depth", "expected"),
    [(0.1, -8.603566), (0.2, -7.210965), (0.5, -3.093820), (1.0, 0.432219), (2.0, 1.519885)],
)
def test_freezing_temperature_after_20_days(neumann, depth, expected):
    z, t, _ = neumann
    assert np.interp(depth, z, t) == pytest.approx(expected, abs=0.1)


def test_periodic_surface_temperature():
    """Annual wave: amplitude 0.665424 and lag 23.6787 d at 1 m (damping depth 2.455007 m)."""
    k, c, year = 1.5, 2.5e6, 365.25 * 86400.0
    omega = 2 * math.pi / year
    damping = math.sqrt(2 * k / (c * omega))
    assert damping == pytest.approx(2.455007, abs=1e-6)
    dz = np.concatenate([np.full(30, 0.1), 0.1 * 1.12 ** np.arange(1, 31)])
    z = np.cumsum(dz) - 0.5 * dz
    thickness = jnp.asarray(dz)[:, None]
    depth = jnp.asarray(z)[:, None]
    steps = 730
    dt = year / steps
    conductance = interface_conductance(thickness, jnp.full_like(thickness, k))

    def exact(time):
        return jnp.exp(-depth / damping) * jnp.sin(omega * time - depth / damping)

    def step(t, i):
        # a surface held at the mean over the step, as Crank-Nicolson sees it
        top = 0.5 * (jnp.sin(omega * i * dt) + jnp.sin(omega * (i + 1) * dt))
        surface = 2 * k / thickness[0]
        source = jnp.zeros_like(t).at[0].set(surface * (top - t[0]))
        slope = jnp.zeros_like(t).at[0].set(-0.5 * surface)
        t, _ = conduct(t, c * thickness, conductance, source, slope, dt)
        return t, t[:, 0]

    _, t = jax.jit(lambda x: jax.lax.scan(step, x, jnp.arange(steps)))(exact(0.0))
    t = np.asarray(t)
    at_1m = np.array([np.interp(1.0, z, row) for row in t])
    time = (np.arange(steps) + 1) * dt
    a = 2 * np.mean(at_1m * np.sin(omega * time))
    b = 2 * np.mean(at_1m * np.cos(omega * time))
    assert math.hypot(a, b) == pytest.approx(0.665424, abs=2e-3)
    assert -math.atan2(b, a) / omega / 86400.0 == pytest.approx(23.6787, abs=0.15)


def test_second_order_in_time_and_space():
    """A cosine mode between insulated ends decays as exp(-D q^2 t): half the steps, a quarter the error."""
    k, c, length, end = 1.5, 2.5e6, 1.0, 40000.0
    q = math.pi / length
    errors = []
    for n, steps in ((8, 5), (16, 10), (32, 20)):
        z = (np.arange(n) + 0.5) * length / n
        thickness = jnp.full((n, 1), length / n)
        conductance = interface_conductance(thickness, jnp.full_like(thickness, k))
        zero = jnp.zeros((n, 1))
        t = jnp.asarray(np.cos(q * z))[:, None]
        for _ in range(steps):
            t, _ = conduct(t, c * thickness, conductance, zero, zero, end / steps)
        exact = math.exp(-k / c * q**2 * end) * np.cos(q * z)
        errors.append(np.abs(np.asarray(t)[:, 0] - exact).max())
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    np.testing.assert_allclose(orders, 2.0, atol=0.1)
