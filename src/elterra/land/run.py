"""Running the step: scans over a chunk of time, blocks of columns on threads, outputs by registry name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.forcing import perturb_forcing
from elterra.land.numerics.compute_once import compute_once, unknown_one
from elterra.land.step import step


@partial(jax.jit, static_argnames=("cfg", "series", "means", "lasts"))
def run_chunk(
    p: Fields,
    s: Fields,
    forcing: Fields,
    factors: Fields,
    cfg: Config,
    series: tuple[str, ...] = (),
    means: tuple[str, ...] = (),
    lasts: tuple[str, ...] = (),
) -> tuple[Fields, Fields, Fields, Fields, Fields]:
    """Advance ``s`` over all steps of ``forcing [time, ...]``.

    ``factors`` perturb the forcing of each column (see `perturb_forcing`), constant over the chunk. Gives the new
    state, the outputs ``series`` ``[time, ..., column]``, the time means of ``means``, the last values of
    ``lasts``, and the largest absolute value of each balance residual (names starting with ``err``).

    One compiled program serves any chunk of the same length: a straight run and a restarted one are the same bits.
    """

    wanted = {*series, *means, *lasts}

    def chosen(state: Fields, f: Fields) -> tuple[Fields, Fields]:
        """The step, with those of its outputs that are asked for; the others are not computed."""
        new, out = step(p, state, perturb_forcing(f, factors), cfg)
        return new, Fields({n: x for n, x in out.items() if n in wanted or n.startswith("err")})

    advance = compute_once(chosen, unknown_one(forcing.dayofyear[0]))

    def body(carry: tuple[Fields, Fields, Fields], f: Fields) -> tuple[Any, Any]:
        state, total, worst = carry
        state, out = advance(state, f)
        total = Fields({n: total[n] + out[n] for n in means})
        worst = Fields({n: jnp.maximum(worst[n], jnp.abs(out[n])) for n in worst})
        return (state, total, worst), (
            Fields({n: out[n] for n in series}),
            Fields({n: out[n] for n in lasts}),
        )

    first = jax.tree.map(lambda x: x[0], forcing)
    shapes = jax.eval_shape(lambda: step(p, s, perturb_forcing(first, factors), cfg)[1])
    total = Fields({n: jnp.zeros(shapes[n].shape, shapes[n].dtype) for n in means})
    worst = Fields({n: jnp.zeros(shapes[n].shape) for n in shapes if n.startswith("err")})
    (s, total, worst), (stacked, all_lasts) = lax.scan(body, (s, total, worst), forcing)
    steps = forcing.forc_t.shape[0]
    return (
        s,
        stacked,
        Fields({n: total[n] / steps for n in means}),
        Fields({n: all_lasts[n][-1] for n in lasts}),
        worst,
    )


def split_columns(tree: Any, block: int) -> list[Any]:
    """Cut a pytree along its last axis into blocks of columns; arrays with last axis 1 or no axis are shared.

    All blocks have ``block`` columns: the last one is filled up with copies of the last column. Blocks of one size
    run the same compiled program, whereas a program for another size differs by round-off. `join_columns` drops
    the copies.
    """
    columns = max(x.shape[-1] for x in jax.tree.leaves(tree) if getattr(x, "ndim", 0))

    def cut(x: Any, low: int) -> Any:
        if getattr(x, "ndim", 0) == 0 or x.shape[-1] == 1:
            return x
        part = x[..., low : low + block]
        missing = block - part.shape[-1]
        if missing == 0:
            return part
        return jnp.concatenate([part, jnp.repeat(part[..., -1:], missing, axis=-1)], axis=-1)

    return [jax.tree.map(lambda x, low=low: cut(x, low), tree) for low in range(0, columns, block)]


def join_columns(parts: list[Any], columns: int) -> Any:
    """Undo `split_columns` for results: concatenate along the last axis, ``columns`` of them."""
    return jax.tree.map(lambda *x: np.concatenate([np.asarray(y) for y in x], axis=-1)[..., :columns], *parts)


def forcing_chunk(forcing: Mapping[str, np.ndarray], start: int, stop: int) -> Fields:
    """Steps ``start:stop`` of prepared forcing ``[time, ...]`` as `Fields` of host arrays; numbers in double precision."""

    def cut(value: np.ndarray) -> np.ndarray:
        part = value[start:stop]
        return np.asarray(part, dtype=np.float64 if part.dtype.kind == "f" else part.dtype)

    return Fields({name: cut(value) for name, value in forcing.items()})
