"""Cascade, scalars and mixing against hand calculation."""

import jax
import jax.numpy as jnp
import numpy as np

from bgc_setup import drivers, make_p
from elterra.land import decomposition as dec

P = make_p(((1, 7),))


def test_every_gram_that_leaves_a_pool_arrives_or_is_respired():
    con = dec.cascade(P)
    rng = np.random.default_rng(1)
    c = jnp.asarray(rng.uniform(0, 1000, (7, 20, 2)))
    n = c / jnp.asarray(rng.uniform(5, 200, (7, 20, 2)))
    k = jnp.asarray(rng.uniform(0, 1e-6, (7, 20, 2)))
    fpi = jnp.asarray(rng.uniform(0, 1, (20, 2)))
    pot = dec.potential_decomposition(con, c, n, k)
    act = dec.actual_fluxes(con, pot, fpi)
    np.testing.assert_allclose(act.dc.sum(0) + act.respiration, 0.0, atol=1e-15)
    np.testing.assert_allclose(act.dn.sum(0) + act.gross_mineralisation - act.immobilisation, 0.0, atol=1e-15)
    np.testing.assert_allclose(act.immobilisation, fpi * pot.immobilisation, rtol=1e-12)
    assert bool(jnp.all(act.respiration <= pot.respiration))
    # soil pools receive nitrogen in their own ratio: from litter 1 alone
    only = jnp.zeros_like(c).at[0].set(c[0])
    act = dec.actual_fluxes(con, dec.potential_decomposition(con, only, n, k), jnp.ones((20, 2)))
    np.testing.assert_allclose(act.dc[4] / act.dn[4], 8.0, rtol=1e-12)
    np.testing.assert_allclose(act.respiration / -act.dc[0], 0.55, rtol=1e-12)


def test_paths_of_each_donor_sum_to_one():
    con = dec.cascade(P)
    for donor in range(7):
        total = sum(path for (d, _), path in zip(dec.TRANSITIONS, con.path, strict=True) if d == donor)
        np.testing.assert_allclose(total, 1.0, rtol=1e-14)
    # sand 50 %: respired fraction of the active pool 0.85 - 0.68 * 0.5
    np.testing.assert_allclose(con.respired[3], 0.51, rtol=1e-14)
    np.testing.assert_allclose(con.path[4], 0.004 / 0.49, rtol=1e-14)


def test_temperature_scalar_meets_century_at_15_degrees():
    def catanf(t):
        return 11.75 + 29.7 / np.pi * np.arctan(np.pi * 0.031 * (t - 15.4))

    t = jnp.full((20, 2), 273.15 + 15.0)
    np.testing.assert_allclose(dec.temperature_scalar(P, t), catanf(15.0) / catanf(30.0), rtol=1e-12)
    # 1.22 is the factor by which the code's rates differ from the tech note's turnover times
    at25 = dec.temperature_scalar(P, t + 10.0)
    np.testing.assert_allclose(1.0 / at25, 1.22, rtol=0.01)
    steep = P.replace(froz_q10=P.froz_q10 * 3)
    cold = jnp.full((20, 2), 263.15)
    assert bool(jnp.all(dec.temperature_scalar(steep, cold) < dec.temperature_scalar(P, cold)))
    np.testing.assert_allclose(
        dec.temperature_scalar(steep, jnp.full((20, 2), 273.15)),
        dec.temperature_scalar(P, jnp.full((20, 2), 273.15)),
    )


def test_water_scalar_limits():
    def at(psi):
        return np.asarray(dec.water_scalar(P, jnp.full((20, 2), psi)))

    np.testing.assert_allclose(at(-5.0), 0.0, atol=1e-15)
    np.testing.assert_allclose(at(-1e-5), 1.0, rtol=1e-14)
    np.testing.assert_allclose(at(-np.sqrt(2.0 * 0.002)), 0.5, rtol=1e-12)


def test_mixing_conserves_mass_and_approaches_uniform():
    rng = np.random.default_rng(2)
    c = jnp.asarray(rng.uniform(0, 1e4, (7, 20, 2)))
    n = c / 10.0
    dz = P.dzsoi[:20]
    mixed_c, mixed_n = jax.jit(dec.mix, static_argnums=3)(P, c, n, 86400.0)
    np.testing.assert_allclose((mixed_c * dz).sum(1), (c * dz).sum(1), rtol=1e-14)
    np.testing.assert_allclose((mixed_n * dz).sum(1), (n * dz).sum(1), rtol=1e-14)
    np.testing.assert_array_equal(mixed_c[3], c[3])  # woody debris stays
    strong, _ = dec.mix(P.replace(som_diffus=P.som_diffus * 1e12), c, n, 86400.0)
    mean = (c * dz).sum(1) / dz.sum(0)
    for pool in (0, 4, 6):
        np.testing.assert_allclose(strong[pool] / mean[pool], 1.0, rtol=1e-3)


def test_mixing_stops_at_bedrock():
    p = P.replace(nbedrock=jnp.asarray([10, 20], jnp.int32), som_diffus=P.som_diffus * 1e6)
    c = jnp.zeros((7, 20, 2)).at[5, :5].set(100.0)
    mixed, _ = dec.mix(p, c, c, 86400.0)
    np.testing.assert_array_equal(mixed[5, 10:, 0], 0.0)
    assert float(mixed[5, 10:, 1].sum()) > 0


def test_mixing_spreads_like_diffusion():
    """Variance of a narrow peak in the deep layers grows by 2 D t."""
    p = P.replace(
        dzsoi=jnp.full_like(P.dzsoi, 0.05),
        zsoi=jnp.asarray(0.05 * (np.arange(25)[:, None] + 0.5) * np.ones(2)),
    )
    p = p.replace(som_diffus=jnp.full(2, 1e-8))
    z = p.zsoi[:20]
    c = jnp.zeros((7, 20, 2)).at[5, 10].set(1.0)
    for _ in range(10):
        c, _ = dec.mix(p, c, c, 6000.0)
    mass = c[5].sum(0)
    centre = (c[5] * z).sum(0) / mass
    variance = (c[5] * (z - centre) ** 2).sum(0) / mass
    np.testing.assert_allclose(variance, 2e-8 * 60000.0, rtol=1e-6)


def settled(demand, vol, days=2000.0):
    """Oxygen after a long time of the same use (mol m-3), and its last step."""
    _, drv = drivers(P, 160.5)
    wet, pressure = jnp.full((20, 2), vol), jnp.full(2, 1e5)

    def step(c, _):
        ox = dec.oxygen(c, demand, 86400.0)
        return dec.diffuse_oxygen(P, ox, drv.t_soil, wet, pressure, 86400.0), ox

    return jax.lax.scan(step, jnp.full((20, 2), 2.0), None, length=int(days)), drv


def test_unused_oxygen_comes_into_equilibrium_with_the_air_above():
    (c, last), drv = settled(jnp.zeros((20, 2)), 0.2)
    air = 0.209 * 1e5 / (8.314467 * float(drv.t_soil[0, 0]))
    t = drv.t_soil
    dissolved = t * 0.0821 / (769.23 * jnp.exp(-1500.0 * (1.0 / t - 1.0 / 298.0)))
    np.testing.assert_allclose(c, air * (0.25 + 0.2 * dissolved), rtol=1e-3)
    np.testing.assert_array_equal(last.stress, 1.0)


def test_used_oxygen_is_replaced_from_above_and_lacks_in_wet_soil():
    demand = jnp.full((20, 2), 3e-8)
    (dry, ox), _ = settled(demand, 0.2)
    air_filled = dry / dry[0]
    assert bool(jnp.all(jnp.diff(air_filled[:, 0]) < 0))
    np.testing.assert_array_equal(ox.stress, 1.0)
    (wet, ox), _ = settled(demand, 0.449)
    assert float(ox.stress[-1, 5:].max()) < 0.1
    assert bool(jnp.all(wet < dry))


def test_oxygen_changes_by_what_is_used_and_what_comes_in_from_above():
    _, drv = drivers(P, 160.5)
    start = jnp.full((20, 2), 1.0)
    sealed = P.replace(watsat=P.watsat)
    ox = dec.oxygen(start, jnp.full((20, 2), 1e-5), 1800.0)
    full = dec.diffuse_oxygen(sealed, ox, drv.t_soil, jnp.full((20, 2), 0.45), jnp.zeros(2), 1800.0)
    dz = P.dzsoi[:20]
    # water-filled and no oxygen above: the column loses what is used, and a trace
    change = jnp.sum((full - start) * dz, axis=0)
    used = -jnp.sum(ox.consumption * dz, axis=0) * 1800.0
    np.testing.assert_allclose(change, used, rtol=0.02)
    assert bool(jnp.all(dec.oxygen(start * 0.0, jnp.full((20, 2), 1e-5), 1800.0).stress == 0.0))
