"""A cycle of a year for the tests: the model's own decomposition and mixing, constant growth, steps of five days."""

import jax
import jax.numpy as jnp

from bgc_setup import make_p, make_s
from elterra.land import decomposition as dec
from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.mortality import (
    litter_to_soil,
    mortality_fraction,
    root_profile,
    surface_profile,
    wood_turnover_fraction,
)
from elterra.land.vegetation import TISSUES
from elterra.spinup import Cycle

CFG = Config(dt=5.0 * 86400.0)
YEAR = 365.0 * 86400.0
GROWTH = jnp.asarray([120.0, 150.0, 60.0, 90.0, 20.0, 30.0]) / 73.0  # gC m-2 of a step
CN = jnp.asarray([60.0, 45.0, 50.0, 500.0, 50.0, 500.0])


def toy(years=1, feedback=0.0, **changed):
    """Parameters, state and cycle. ``feedback``: relative increase of growth per gN m-2 of slow organic nitrogen."""
    p = make_p(((1, 7),), r_mort=0.1, tau_s2=2.0, tau_s3=12.0, tau_cwd=1.5, som_diffus=1e-11, **changed)
    p = p.add(lat=jnp.asarray([47.0, 51.0]))
    s = make_s(p, snl=jnp.zeros(2, jnp.int32))
    s = s.replace(
        **{f"{t}c": s[f"{t}c"] + 5.0 for t in TISSUES}, **{f"{t}n": s[f"{t}n"] + 0.05 for t in TISSUES}
    )
    con, surface, roots = dec.cascade(p), surface_profile(p), root_profile(p)

    def step(p, carry, t):
        c, n, plants, plants_n, loss, pool, speed = carry
        warm = 0.3 + 0.25 * jnp.sin(2 * jnp.pi * t / 73.0)
        rates = dec.base_rates(p)[:, None, :] * dec.depth_scalar(p) * warm
        pot = dec.potential_decomposition(con, c, n, rates)
        act = dec.actual_fluxes(con, pot, jnp.ones_like(c[0]))
        m = mortality_fraction(p, CFG) * jnp.ones(p.wt.shape)
        die = jnp.stack([m, m, m, m * p.accel_deadwood, m, m * p.accel_deadwood])
        fall = CFG.dt / (p.leaf_long * YEAR)
        turn = wood_turnover_fraction(p, CFG)
        none = jnp.zeros_like(fall)
        leave = die + jnp.stack([fall, fall, none, none, none, none])
        more = 1.0 + feedback * jnp.sum(n[5] * p.dzsoi[:20], axis=0)
        new, litter = [], []
        for x, gain in ((plants, GROWTH), (plants_n, GROWTH / CN)):
            lost = leave * x
            turned = jnp.stack([none, none, -turn * x[2], turn * x[2], -turn * x[4], turn * x[4]])
            new.append(x - lost + turned + gain[:, None, None] * more)
            litter.append(
                litter_to_soil(
                    p, surface, roots, leaf=lost[0], froot=lost[1], stem=lost[2] + lost[3],
                    croot=lost[4] + lost[5], labile_above=none, labile_below=none,
                )
            )  # fmt: skip
        c2 = (c + CFG.dt * act.dc).at[:4].add(litter[0])
        n2 = (n + CFG.dt * act.dn).at[:4].add(litter[1])
        c2, n2 = dec.mix(p, c2, n2, CFG.dt)
        return (c2, n2, *new, loss + jnp.stack(act.loss), pool + c, speed + rates), None

    @jax.jit
    def run(p, s):
        plants, plants_n = (jnp.stack([s[f"{t}{e}"] for t in TISSUES]) for e in "cn")
        zero = jnp.zeros_like(s.decomp_cpools)
        carry = (s.decomp_cpools, s.decomp_npools, plants, plants_n, zero, zero, zero)
        carry = jax.lax.scan(lambda x, t: step(p, x, t), carry, jnp.arange(years * 73))[0]
        new = {"decomp_cpools": carry[0], "decomp_npools": carry[1]}
        for i, t in enumerate(TISSUES):
            new[f"{t}c"], new[f"{t}n"] = carry[2][i], carry[3][i]
        steps = years * 73.0
        means = {"sasu_loss_c": carry[4] / steps, "sasu_pool_c": carry[5] / steps}
        means["sasu_decomp_k"] = carry[6] / steps
        return s.replace(**new), Fields(means)

    return p, s, Cycle(run, float(years), CFG)
