"""Canopy interception: conservation, capacity, unloading, wet fractions, gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from elterra.land.canopy.interception import intercept, wet_fractions
from elterra.land.config import Config
from elterra.land.fields import Fields

CFG = Config()
RUN = jax.jit(intercept, static_argnames="cfg")
PARAMETERS = {
    "dewmx": 0.1,
    "snocan_capacity": 6.0,
    "interception_fraction": 1.0,
    "maximum_leaf_wetted_fraction": 0.05,
    "snow_unload_warm": 1.87e5,
    "snow_unload_wind": 3.12e5,
}


def case(seed: int = 0, **forced: float) -> tuple[Fields, Fields, Fields, Fields]:
    rng = np.random.default_rng(seed)
    shape = (3, 5)
    wt = rng.uniform(0.1, 1.0, shape)
    veg = Fields(
        elai=jnp.asarray(rng.uniform(0.0, 6.0, shape)),
        esai=jnp.asarray(rng.uniform(0.0, 2.0, shape)),
        frac_veg_nosno=jnp.asarray(rng.integers(0, 2, shape) * 1.0),
    )
    s = Fields(
        liqcan=jnp.asarray(rng.uniform(0.0, 2.0, shape) * rng.integers(0, 2, shape)),
        snocan=jnp.asarray(rng.uniform(0.0, 60.0, shape) * rng.integers(0, 2, shape)),
    )
    f = {
        "forc_rain": rng.uniform(0.0, 5e-3, 5) * rng.integers(0, 2, 5),
        "forc_snow": rng.uniform(0.0, 5e-3, 5) * rng.integers(0, 2, 5),
        "forc_t": rng.uniform(255.0, 290.0, 5),
        "forc_wind": rng.uniform(0.0, 20.0, 5),
    }
    f |= {k: np.full(5, v) for k, v in forced.items()}
    return Fields(PARAMETERS, wt=jnp.asarray(wt / wt.sum(0))), s, Fields(jax.tree.map(jnp.asarray, f)), veg


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_water_is_conserved_in_every_patch(seed: int) -> None:
    p, s, f, veg = case(seed)
    new, out = RUN(p, s, f, veg, cfg=CFG)
    for store, falls, ground in (
        ("liqcan", f.forc_rain, out.qflx_liq_grnd_patch),
        ("snocan", f.forc_snow, out.qflx_snow_grnd_patch),
    ):
        np.testing.assert_allclose(
            new[store] + CFG.dt * ground, s[store] + CFG.dt * falls, rtol=1e-13, atol=1e-12
        )
        assert (np.asarray(new[store]) >= 0.0).all()
        assert (np.asarray(ground) >= 0.0).all()
    np.testing.assert_allclose(out.qflx_liq_grnd, (p.wt * out.qflx_liq_grnd_patch).sum(0), rtol=1e-13)
    np.testing.assert_allclose(out.qflx_snow_grnd, (p.wt * out.qflx_snow_grnd_patch).sum(0), rtol=1e-13)
    assert (np.asarray(out.fwet) <= 0.05).all()
    assert (np.asarray(out.fcansno) <= 1.0).all()
    for x in (out.fwet, out.fdry, out.fcansno):
        assert (np.asarray(x) >= 0.0).all()


def test_heavy_rain_fills_the_canopy_to_its_capacity_and_the_rest_drips() -> None:
    p, s, f, veg = case(1, forc_rain=5e-3, forc_snow=0.0, forc_t=285.0)
    veg = veg.replace(frac_veg_nosno=jnp.ones((3, 5)), elai=veg.elai + 1.0)
    new, out = RUN(p, s, f, veg, cfg=CFG)
    np.testing.assert_allclose(new.liqcan, 0.1 * (veg.elai + veg.esai), rtol=1e-12)
    np.testing.assert_allclose(out.qflx_through_rain, 5e-3 * (1 - np.tanh(veg.elai + veg.esai)), atol=1e-15)


def test_cold_snow_is_unloaded_by_wind_alone_and_warm_snow_by_both() -> None:
    for t, warm in ((260.0, 0.0), (275.15, 5.0 / 1.87e5)):
        p, s, f, veg = case(2, forc_rain=0.0, forc_snow=0.0, forc_t=t, forc_wind=4.0)
        veg = veg.replace(frac_veg_nosno=jnp.ones((3, 5)))
        new, _ = RUN(p, s, f, veg, cfg=CFG)
        np.testing.assert_allclose(new.snocan, s.snocan * (1 - 1800.0 * (warm + 4.0 / 3.12e5)), rtol=1e-12)


def test_buried_canopy_passes_everything_and_keeps_its_water() -> None:
    p, s, f, veg = case(3, forc_rain=1e-3, forc_snow=2e-3)
    new, out = RUN(p, s, f, veg.replace(frac_veg_nosno=jnp.zeros((3, 5))), cfg=CFG)
    np.testing.assert_array_equal(new.snocan, s.snocan)
    np.testing.assert_allclose(out.qflx_liq_grnd, 1e-3, rtol=1e-12)
    np.testing.assert_allclose(out.qflx_snow_grnd, 2e-3, rtol=1e-12)
    np.testing.assert_array_equal(out.fdry, 0.0)


def test_gradients_are_finite_at_empty_stores_and_bare_patches() -> None:
    p, s, f, veg = case(4)
    veg = veg.replace(elai=veg.elai.at[0].set(0.0), esai=veg.esai.at[0].set(0.0))
    s = s.replace(liqcan=jnp.zeros((3, 5)), snocan=s.snocan.at[1].set(0.0))

    def loss(state: Fields, leaves: Fields) -> jax.Array:
        new, out = intercept(p, state, f, leaves, CFG)
        return sum(jnp.sum(x) for x in (*jax.tree.leaves(new), *jax.tree.leaves(out)))

    for leaf in jax.tree.leaves(jax.grad(loss, argnums=(0, 1))(s, veg)):
        assert np.isfinite(leaf).all()


def test_wet_fraction_follows_the_two_thirds_power_below_its_limit() -> None:
    p, s, _, veg = case(5)
    veg = veg.replace(frac_veg_nosno=jnp.ones((3, 5)), elai=veg.elai + 1.0)
    area = veg.elai + veg.esai
    small = s.replace(liqcan=0.1 * area * 1e-3, snocan=jnp.zeros((3, 5)))
    fwet, fdry, fcansno = wet_fractions(p, small, veg)
    np.testing.assert_allclose(fwet, 1e-2, rtol=1e-12)
    np.testing.assert_allclose(fdry, 0.99 * veg.elai / area, rtol=1e-12)
    np.testing.assert_array_equal(fcansno, 0.0)
    full = s.replace(snocan=6.0 * area)
    np.testing.assert_allclose(wet_fractions(p, full, veg)[2], 1.0, rtol=1e-12)
