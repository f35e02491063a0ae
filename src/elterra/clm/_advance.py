"""Advance a state by any number of steps up to a day with one compiled program."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from elterra.land import Config, Fields, step
from elterra.land.forcing import neutral_factors, perturb_forcing


@partial(jax.jit, static_argnames=("cfg", "means", "series"))
def advance(
    p: Fields,
    s: Fields,
    forcing: Fields,
    count: jax.Array,
    cfg: Config,
    means: tuple[str, ...],
    series: tuple[str, ...],
) -> tuple[Fields, Fields, Fields, Fields]:
    """``count`` steps of ``forcing [time, ...]``: state, means of ``means``, every step of ``series``, worst residuals.

    Unlike `elterra.land.run_chunk` the number of steps is data, so that the single extra step of CLM's start-up
    runs the program of a whole day. Not differentiable in reverse mode.
    """
    factors = neutral_factors(p.wt.shape[1])
    first = jax.tree.map(lambda x: x[0], forcing)
    shapes = jax.eval_shape(lambda: step(p, s, perturb_forcing(first, factors), cfg)[1])
    length = forcing.forc_t.shape[0]
    total = Fields({n: jnp.zeros(shapes[n].shape) for n in means})
    kept = Fields({n: jnp.zeros((length, *shapes[n].shape)) for n in series})
    worst = Fields({n: jnp.zeros(shapes[n].shape) for n in shapes if n.startswith("err")})

    def body(
        i: jax.Array, carry: tuple[Fields, Fields, Fields, Fields]
    ) -> tuple[Fields, Fields, Fields, Fields]:
        state, total, kept, worst = carry
        f = jax.tree.map(lambda x: x[i], forcing)
        state, out = lax.optimization_barrier(step(p, state, perturb_forcing(f, factors), cfg))
        total = Fields({n: total[n] + out[n] for n in means})
        kept = Fields({n: kept[n].at[i].set(out[n]) for n in series})
        worst = Fields({n: jnp.maximum(worst[n], jnp.abs(out[n])) for n in worst})
        return state, total, kept, worst

    s, total, kept, worst = lax.fori_loop(0, count, body, (s, total, kept, worst))
    return s, Fields({n: total[n] / count for n in means}), kept, worst
