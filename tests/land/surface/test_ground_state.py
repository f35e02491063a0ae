"""Ground state: blending, humidity limits, dry surface layer, latent heat rule, gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from elterra.land.config import Config
from elterra.land.constants import HSUB, HVAP
from elterra.land.fields import Fields
from elterra.land.numerics.humidity import saturation
from elterra.land.surface.ground_state import ground_state

CFG = Config()
N, C = CFG.nlevsno, 4
RUN = jax.jit(ground_state, static_argnames="cfg")


def case() -> tuple[Fields, Fields, Fields]:
    """Columns: dry soil; wet soil; two snow layers over half the ground; snow everywhere."""
    ones = np.ones((25, C))
    p = Fields(
        watsat=0.45 * ones, sucsat=200.0 * ones, bsw=6.0 * ones, dzsoi=0.02 * ones,
        zlnd=0.01, zsno=0.0024, emg_soil=0.96, emg_snow=0.97, dsl_max=15.0, dsl_onset=0.8,
    )  # fmt: skip
    snl = np.array([0, 0, 2, 3])
    snow = np.arange(N)[:, None] >= N - snl
    t = np.full((CFG.nlevtot, C), 285.0)
    t[:N] = np.where(snow, 250.0 + np.arange(N)[:, None], t[N])
    liq = np.zeros((CFG.nlevtot, C))
    liq[N:] = [0.5, 8.5, 5.0, 5.0]
    ice = np.zeros((CFG.nlevtot, C))
    ice[:N] = np.where(snow, 10.0, 0.0)
    s = Fields(
        t_soisno=t, h2osoi_liq=liq, h2osoi_ice=ice, snl=snl, frac_sno=np.array([0.0, 0.0, 0.5, 1.0]),
        frac_h2osfc=np.array([0.0, 0.2, 0.0, 0.0]), t_h2osfc=np.full(C, 280.0),
    )  # fmt: skip
    f = Fields(forc_t=np.full(C, 283.0), forc_q=np.full(C, 0.004), forc_pbot=np.full(C, 9.0e4))
    return jax.tree.map(jnp.asarray, (p, s, f))


def test_values_of_the_blend() -> None:
    p, s, f = case()
    g = RUN(p, s, f, Fields(), cfg=CFG)
    np.testing.assert_allclose(
        g.t_grnd, [285.0, 0.8 * 285 + 0.2 * 280, 0.5 * 260 + 0.5 * 285, 259.0], rtol=1e-14
    )
    np.testing.assert_allclose(g.emg, [0.96, 0.96, 0.965, 0.97])
    np.testing.assert_array_equal(g.htvp, [HVAP, HVAP, HSUB, HSUB])
    np.testing.assert_array_equal(g.z0mg, [0.01, 0.01, 0.0024, 0.0024])
    snow = saturation(jnp.array([260.0, 259.0]), f.forc_pbot[:2])[2]
    np.testing.assert_allclose(g.qg_snow[2:], snow, rtol=1e-14)
    mixed = (
        s.frac_sno * g.qg_snow + (1 - s.frac_sno - s.frac_h2osfc) * g.qg_soil + s.frac_h2osfc * g.qg_h2osfc
    )
    np.testing.assert_allclose(g.qg, mixed, rtol=1e-14)


def test_dry_soil_resists_and_lowers_the_humidity() -> None:
    p, s, f = case()
    liquid = jnp.linspace(0.05, 9.0, 40)
    wide = jax.tree.map(
        lambda x: jnp.broadcast_to(x[..., :1], (*x.shape[:-1], 40)) if x.ndim else x, (p, s, f)
    )
    state = wide[1].replace(h2osoi_liq=wide[1].h2osoi_liq.at[N].set(liquid))
    g = RUN(wide[0], state, wide[2], Fields(), cfg=CFG)
    assert (np.diff(g.soilresis) <= 0).all()
    assert (np.diff(g.soil_humidity) >= 0).all()
    assert g.soilresis[0] > 1000.0
    assert 20.0 < g.soilresis[-1] < 40.0  # the floor of 0.001 of the dry share stays
    # The layer is dsl_max thick when the soil is air dry.
    air_dry = 0.45 * (200.0 / 1e7) ** (1 / 6.0)
    at = RUN(
        wide[0],
        state.replace(h2osoi_liq=state.h2osoi_liq.at[N].set(air_dry * 20.0)),
        wide[2],
        Fields(),
        cfg=CFG,
    )
    np.testing.assert_allclose(at.dsl, 15.0, rtol=1e-10)


def test_slope_is_the_derivative_of_humidity() -> None:
    p, s, f = case()
    f = f.replace(forc_q=jnp.full(C, 1e-3))

    def humidity(warmer: jax.Array) -> jax.Array:
        moved = s.replace(t_soisno=s.t_soisno + warmer, t_h2osfc=s.t_h2osfc + warmer)
        return ground_state(p, moved, f, Fields(), CFG).qg

    step = 1e-3
    slope = (humidity(jnp.asarray(step)) - humidity(jnp.asarray(-step))) / (2 * step)
    at = ground_state(p, s, f, Fields(), CFG)
    # without snow layers that of the land has a second factor, as in CLM5
    water = s.frac_h2osfc * saturation(s.t_h2osfc, f.forc_pbot)[3]
    twice = (slope - water) * at.soil_humidity * (1.0 - s.frac_h2osfc) + water
    np.testing.assert_allclose(at.dqgdT, jnp.where(s.snl > 0, slope, twice), rtol=5e-3, atol=1e-7)


def test_gradients_are_finite() -> None:
    p, s, f = case()

    def loss(t: jax.Array, liq: jax.Array, ice: jax.Array) -> jax.Array:
        g = ground_state(p, s.replace(t_soisno=t, h2osoi_liq=liq, h2osoi_ice=ice), f, Fields(), CFG)
        return sum(jnp.sum(x) for x in jax.tree.leaves(g))

    for leaf in jax.grad(loss, argnums=(0, 1, 2))(s.t_soisno, s.h2osoi_liq, s.h2osoi_ice):
        assert np.isfinite(leaf).all()
