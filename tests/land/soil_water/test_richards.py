"""The Richards solver against exact and published solutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from water_cases import make_p

from elterra.land.config import NLEVSOI
from elterra.land.soil_water import clm_richards, solve_richards
from elterra.land.soil_water._constitutive import clapp_hornberger_conductivity, clapp_hornberger_potential
from elterra.land.soil_water._richards import Adaptive


def uniform_grid(cells, depth):
    dz = jnp.full((cells,), depth / cells)
    return dz, (jnp.arange(cells) + 0.5) * depth / cells


def march(step, theta, steps):
    def body(carry, _):
        state, inflow = carry
        result = step(state)
        return (result.theta, inflow + result.flux[0] - result.flux[-1]), None

    (theta, inflow), _ = jax.jit(
        lambda x: jax.lax.scan(body, (x, jnp.zeros(x.shape[1:])), None, length=steps)
    )(theta)
    return theta, inflow


class Gardner:
    """K = Ks exp(alpha psi), theta linear in K (Srivastava and Yeh 1991); lengths in cm, times in h."""

    ks, alpha, theta_s, theta_r = 1.0, 0.1, 0.40, 0.06

    def se(self, theta):
        return jnp.clip((theta - self.theta_r) / (self.theta_s - self.theta_r), 1e-9, None)

    def potential(self, theta):
        se = self.se(theta)
        return jnp.log(se) / self.alpha, 1.0 / (self.alpha * se * (self.theta_s - self.theta_r))

    def conductivity(self, up, low):
        k = 0.5 * self.ks * (self.se(up) + self.se(low))
        slope = 0.5 * self.ks / (self.theta_s - self.theta_r)
        return k, jnp.full_like(k, slope), jnp.full_like(k, slope)

    def steady(self, z_above_table, flux):
        """Steady profile for a flux ``flux`` downward to a water table."""
        k = flux + (self.ks - flux) * jnp.exp(-self.alpha * z_above_table)
        return self.theta_r + (self.theta_s - self.theta_r) * k / self.ks


# Pressure heads (cm) at 20, 50, 80, 100 cm above the water table: exact solution of Srivastava and Yeh (1991) for
# a rate that jumps from 0.1 to 0.9 cm/h over a 100 cm column.
SRIVASTAVA_YEH = {
    5.0: (-15.05845, -21.52344, -10.30054, -3.06578),
    20.0: (-8.70477, -5.42924, -2.12979, -1.28584),
}


def gardner_heads(cells, hours, dt):
    soil = Gardner()
    dz, z = uniform_grid(cells, 100.0)
    theta = soil.steady(100.0 - z, 0.1)
    table = jnp.asarray(soil.theta_s)

    def step(x):
        return solve_richards(
            x,
            dz,
            z,
            soil.potential,
            soil.conductivity,
            dt=dt,
            flux_top=jnp.asarray(0.9),
            theta_bottom=table,
            substeps=1,
            iterations=2,
        )

    theta, _ = march(step, theta, round(hours / dt))
    head = soil.potential(theta)[0]
    return np.interp([0.0, 20.0, 50.0, 80.0], np.asarray(z), np.asarray(head))[::-1], theta


@pytest.mark.parametrize("hours", [5.0, 20.0])
def test_srivastava_yeh(hours):
    heads, _ = gardner_heads(200, hours, 0.02)
    # the node at the surface is half a cell below it
    np.testing.assert_allclose(heads[:3], SRIVASTAVA_YEH[hours][:3], atol=0.04)
    np.testing.assert_allclose(heads[3], SRIVASTAVA_YEH[hours][3], atol=0.1)


def test_first_order_in_time():
    fine = gardner_heads(50, 5.0, 0.005)[1]
    errors = [float(jnp.max(jnp.abs(gardner_heads(50, 5.0, dt)[1] - fine))) for dt in (0.2, 0.1)]
    assert 1.7 < errors[0] / errors[1] < 2.5


def test_second_order_in_space():
    # steady state has an exact solution
    soil = Gardner()
    errors = []
    for cells in (25, 50, 100):
        _, theta = gardner_heads(cells, 400.0, 2.0)
        _, z = uniform_grid(cells, 100.0)
        errors.append(float(jnp.max(jnp.abs(theta - soil.steady(100.0 - z, 0.9)))))
    assert errors[0] / errors[1] > 3.0
    assert errors[1] / errors[2] > 3.0


class Celia:
    """van Genuchten soil of Celia et al. (1990), test 2; cm and s."""

    theta_s, theta_r, a, n, ks = 0.368, 0.102, 0.0335, 2.0, 0.00922
    m = 1.0 - 1.0 / n

    def theta(self, head):
        return (
            self.theta_r + (self.theta_s - self.theta_r) * (1.0 + (self.a * abs(head)) ** self.n) ** -self.m
        )

    def potential(self, theta):
        def one(x):
            se = (x - self.theta_r) / (self.theta_s - self.theta_r)
            return -((se ** (-1.0 / self.m) - 1.0) ** (1.0 / self.n)) / self.a

        value, slope = jax.jvp(one, (theta,), (jnp.ones_like(theta),))
        return value, slope

    def conductivity(self, up, low):
        """Arithmetic mean of the conductivities, as in the paper."""

        def one(x):
            se = (x - self.theta_r) / (self.theta_s - self.theta_r)
            return 0.5 * self.ks * jnp.sqrt(se) * (1.0 - (1.0 - se ** (1.0 / self.m)) ** self.m) ** 2

        k_up, d_up = jax.jvp(one, (up,), (jnp.ones_like(up),))
        k_low, d_low = jax.jvp(one, (low,), (jnp.ones_like(low),))
        return k_up + k_low, d_up, d_low


def test_celia_infiltration_and_mass():
    soil = Celia()
    dz, z = uniform_grid(100, 100.0)
    start = jnp.full((100,), soil.theta(-1000.0))
    top, bottom = jnp.asarray(soil.theta(-75.0)), jnp.asarray(soil.theta(-1000.0))
    dt = 10.0

    def step(x):
        return solve_richards(
            x,
            dz,
            z,
            soil.potential,
            soil.conductivity,
            dt=dt,
            theta_top=top,
            theta_bottom=bottom,
            substeps=1,
            iterations=3,
        )

    theta, inflow = march(step, start, 8640)
    storage = float(jnp.sum((theta - start) * dz))
    assert storage == pytest.approx(float(inflow) * dt, abs=1e-9)  # flux form: to round-off
    assert storage == pytest.approx(4.135, abs=0.02)
    head = np.asarray(soil.potential(theta)[0])
    front = np.interp(500.0, -head, np.asarray(z))
    assert front == pytest.approx(57.06, abs=0.5)
    assert np.interp(40.0, np.asarray(z), head) == pytest.approx(-100.45, abs=1.0)


def test_hydrostatic_profile_is_at_rest():
    # b6.3: matric potential plus depth constant; values of theta for sand 43, clay 18
    p = make_p(1)
    watsat, sucsat, bsw = 0.434820, 207.348071, 5.772
    height = np.array([500.0, 1000.0, 2000.0, 4000.0])
    theta = watsat * ((sucsat + height) / sucsat) ** (-1.0 / bsw)
    np.testing.assert_allclose(theta, [0.35154324, 0.32044255, 0.28863699, 0.25811788], rtol=2e-6)
    np.testing.assert_allclose(p.watsat[0, 0], watsat, rtol=1e-6)
    np.testing.assert_allclose(p.sucsat[0, 0], sucsat, rtol=1e-6)
    n = NLEVSOI
    z = p.zsoi[:n] * 1000.0
    profile = p.watsat[:n] * ((p.sucsat[:n] + z[-1] - z) / p.sucsat[:n]) ** (-1.0 / p.bsw[:n])
    liq = profile * p.dzsoi[:n] * 1000.0
    active = jnp.ones((n, 1), dtype=bool)
    result = clm_richards(liq, jnp.zeros_like(liq), p, active, jnp.zeros(1), jnp.zeros((n, 1)), 1800.0)
    np.testing.assert_allclose(result.flux, 0.0, atol=1e-14)
    np.testing.assert_allclose(result.theta, profile, rtol=1e-12)


def test_drains_towards_hydrostatic_equilibrium():
    # 1 m of sand, closed: the total head becomes uniform and water is kept
    cells = 20
    dz, z = uniform_grid(cells, 1000.0)
    watsat, sucsat, bsw, hksat = (jnp.full((cells + 2,), x) for x in (0.4, 100.0, 4.0, 0.05))

    def step(x):
        return solve_richards(
            x,
            dz,
            z,
            lambda t: clapp_hornberger_potential(t, watsat, sucsat, bsw),
            lambda a, b: clapp_hornberger_conductivity(a, b, watsat[:-1], watsat[1:], hksat[:-1], bsw[:-1]),
            dt=1800.0,
            flux_top=jnp.asarray(0.0),
            substeps=4,
        )

    start = jnp.full((cells,), 0.25)
    theta, _ = march(step, start, 5000)
    head = clapp_hornberger_potential(theta, watsat[1:-1], sucsat[1:-1], bsw[1:-1])[0] - z
    assert float(jnp.max(head) - jnp.min(head)) < 1.0
    assert float(jnp.sum((theta - start) * dz)) == pytest.approx(0.0, abs=1e-9)


def test_closed_below_bedrock_and_sink():
    p = make_p(3, bedrock=jnp.array([20, 10, 4]))
    n = NLEVSOI
    liq = 0.3 * p.dzsoi[:n] * 1000.0
    active = jnp.arange(n)[:, None] < p.nbedrock
    sink = jnp.where(active, 1e-6, 0.0)
    top = jnp.full(3, 1e-4)
    result = clm_richards(liq, jnp.zeros_like(liq), p, active, top, sink, 1800.0)
    change = jnp.sum((result.theta - liq / (p.dzsoi[:n] * 1e3)) * p.dzsoi[:n] * 1e3, axis=0)
    np.testing.assert_allclose(change, 1800.0 * (top - jnp.sum(sink, axis=0)), atol=1e-11)
    for column, depth in enumerate((20, 10, 4)):
        np.testing.assert_array_equal(result.flux[depth:, column], 0.0)


def test_adaptive_columns_take_the_sub_steps_they_need_and_keep_their_water():
    p = make_p(3)
    n = NLEVSOI
    # at rest almost, under rain, under a cloudburst
    liq = jnp.asarray([0.25, 0.2, 0.1]) * p.dzsoi[:n] * 1000.0
    top = jnp.asarray([0.0, 1e-3, 1e-2])
    active, none = jnp.ones((n, 3), dtype=bool), jnp.zeros((n, 3))

    def run(columns, **how):
        few = jax.tree.map(lambda x: x[..., columns] if getattr(x, "ndim", 0) and x.shape[-1] == 3 else x, p)
        args = (x[..., columns] for x in (liq, none))
        return clm_richards(*args, few, active[:, columns], top[columns], none[:, columns], 1800.0, **how)

    every, rule = jnp.arange(3), Adaptive(upper=1e-4, lower=1e-5, shortest=1.0)
    result = run(every, adaptive=rule)
    change = jnp.sum((result.theta - liq / (p.dzsoi[:n] * 1e3)) * p.dzsoi[:n] * 1e3, axis=0)
    np.testing.assert_allclose(change, 1800.0 * top, rtol=1e-11, atol=1e-11)
    whole, fine = run(every, substeps=1), run(every, substeps=480)
    assert float(result.error.max()) <= 1e-4 < float(whole.error[2])
    # better than one step, and each column as if it were alone
    off = [float(jnp.abs(x.theta - fine.theta)[:, 2].max()) for x in (result, whole)]
    assert off[0] < 0.5 * off[1]
    alone = run(jnp.asarray([0, 2]), adaptive=rule)
    np.testing.assert_allclose(alone.theta, result.theta[:, [0, 2]], rtol=1e-13)


def test_ice_impedes_flow():
    p = make_p(2)
    n = NLEVSOI
    liq = jnp.full((n, 2), 0.1) * p.dzsoi[:n] * 1000.0
    ice = jnp.array([0.0, 0.25]) * p.dzsoi[:n] * 917.0
    active = jnp.ones((n, 2), dtype=bool)
    top = jnp.full(2, 1e-5)
    flux = clm_richards(liq, ice, p, active, top, jnp.zeros((n, 2)), 1800.0).flux
    assert float(flux[1, 1]) < 0.05 * float(flux[1, 0])


def test_top_boundary_must_be_given_once():
    soil = Gardner()
    dz, z = uniform_grid(4, 100.0)
    theta = jnp.full((4,), 0.2)
    with pytest.raises(ValueError, match="flux_top or theta_top"):
        solve_richards(theta, dz, z, soil.potential, soil.conductivity, dt=1.0)
