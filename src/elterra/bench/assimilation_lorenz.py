"""The twin experiment of the bench ``assimilation``: Lorenz-96 with 40 variables, cycled for many seeds at once.

Lorenz (1996), in the setting of Sakov and Oke (2008): forcing 8, fourth-order Runge-Kutta with a step of
0.05, no model error, all variables observed with unit error variance, first state normal about (1, 0, 0 ...)
with variance 0.001. Arrays are ``[variable, member]``; seeds are one more leading axis through `jax.vmap`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from elterra.assimilation import ensemble_space

# isort: split
import jax
import jax.numpy as jnp
from jax import Array, lax

#: variables, forcing, time step, standard deviation of the first state
SIZE, FORCING, STEP, FIRST_SD = 40, 8.0, 0.05, float(np.sqrt(0.001))
#: a run whose mean error exceeds this has lost the truth (the climatology has 3.6)
LOST = 1.5

#: ``(key, ensemble [variable, member], observed [variable]) -> ensemble``
Update = Callable[[Array, Array, Array], Array]


def tendency(x: Array) -> Array:
    """``dx_i/dt = (x_(i+1) - x_(i-2)) x_(i-1) - x_i + F``, variables on the first axis."""
    return (jnp.roll(x, -1, 0) - jnp.roll(x, 2, 0)) * jnp.roll(x, 1, 0) - x + FORCING


def model_step(x: Array) -> Array:
    """One Runge-Kutta step of 0.05."""
    k1 = tendency(x)
    k2 = tendency(x + 0.5 * STEP * k1)
    k3 = tendency(x + 0.5 * STEP * k2)
    k4 = tendency(x + STEP * k3)
    return x + STEP / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def staged_step(x: Array) -> Array:
    """`model_step` for wide ensembles: its four stages in a loop, so that none is computed again inside the next one."""

    def stage(carry: tuple[Array, Array], weights: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
        total, k = carry
        reach, weight = weights
        y = x + reach * STEP * k
        ring = jnp.concatenate([y[-2:], y, y[:1]])
        k = (ring[3:] - ring[:-3]) * ring[1:-2] - y + FORCING
        return (total + STEP / 6.0 * weight * k, k), None

    weights = jnp.asarray([0.0, 0.5, 0.5, 1.0]), jnp.asarray([1.0, 2.0, 2.0, 1.0])
    return lax.scan(stage, (x, jnp.zeros_like(x)), weights)[0][0]


def forecast(x: Array, steps: int) -> Array:
    """``steps`` model steps; unrolled where there are few."""
    return lax.fori_loop(0, steps, lambda _, y: model_step(y), x, unroll=steps <= 4)


def first_state(key: Array, shape: tuple[int, ...]) -> Array:
    """Draws about (1, 0, 0 ...) ``[variable, *shape]``."""
    mean = jnp.zeros(SIZE).at[0].set(1.0).reshape(SIZE, *(1 for _ in shape))
    return mean + FIRST_SD * jax.random.normal(key, (SIZE, *shape))


@dataclass(frozen=True)
class Setting:
    """What is common to the runs of one line of the table."""

    members: int
    inflation: float = 1.0  # of the analysis anomalies
    rotate: bool = False
    every: int = 1  # model steps between observations


@dataclass(frozen=True)
class Length:
    """Seeds, analyses before and in the mean."""

    seeds: int
    burn_in: int
    analyses: int


@dataclass(frozen=True)
class Scores:
    """``rmse``, ``spread`` ``[seed]``: means over time of the spatial root mean square; ``seconds`` without compilation."""

    rmse: np.ndarray
    spread: np.ndarray
    seconds: float
    length: Length

    @property
    def seconds_per_analysis(self) -> float:
        return self.seconds / (self.length.seeds * (self.length.burn_in + self.length.analyses))


def after_update(key: Array, x: Array, setting: Setting) -> Array:
    """Inflation and rotation of the analysis anomalies, as the published settings define them."""
    mean = x.mean(axis=1, keepdims=True)
    anomalies = setting.inflation * (x - mean)
    if setting.rotate:
        anomalies = anomalies @ ensemble_space.random_rotation(key, setting.members)
    return mean + anomalies


def errors(x: Array, truth: Array) -> tuple[Array, Array]:
    """Spatial root mean square of the error of the mean, and of the spread."""
    mean = x.mean(axis=1)
    variance = ((x - mean[:, None]) ** 2).sum(axis=1) / max(x.shape[1] - 1, 1)
    return jnp.sqrt(jnp.mean((mean - truth) ** 2)), jnp.sqrt(jnp.mean(variance))


def cycle(update: Update, setting: Setting, length: Length, seed: int = 0) -> Scores:
    """Forecast, observe, analyse, ``length.burn_in + length.analyses`` times, for all seeds side by side."""

    def begin(key: Array) -> Any:
        one, two = jax.random.split(key)
        return first_state(one, ()), first_state(two, (setting.members,))

    def one(key: Array, state: Any) -> tuple[Any, tuple[Array, Array]]:
        truth, x = state
        noise, analysis, after = jax.random.split(key, 3)
        together = forecast(jnp.concatenate([truth[:, None], x], axis=1), setting.every)
        truth, x = together[:, 0], together[:, 1:]
        observed = truth + jax.random.normal(noise, (SIZE,))
        x = after_update(after, update(analysis, x, observed), setting)
        return (truth, x), errors(x, truth)

    return run_seeds(begin, one, length, seed)


def run_seeds(begin: Any, one: Any, length: Length, seed: int, *, in_turn: bool = False) -> Scores:
    """Scan ``one(key, state) -> (state, (rmse, spread))`` over the analyses, for all seeds side by side.

    in_turn: the seeds of a step one after the other, where side by side would compute branches that are not taken.
    """

    def scanned(keys: Array, state: Any, first: Array, count: int) -> tuple[Any, tuple[Array, Array]]:
        def step(carry: Any, k: Array) -> tuple[Any, tuple[Array, Array]]:
            now = jax.vmap(jax.random.fold_in, (0, None))(keys, k)
            return lax.map(lambda a: one(*a), (now, carry)) if in_turn else jax.vmap(one)(now, carry)

        return lax.scan(step, state, first + jnp.arange(count))

    program = jax.jit(scanned, static_argnums=3)
    keys = jax.random.split(jax.random.key(seed), length.seeds)
    state = jax.vmap(begin)(jax.vmap(jax.random.fold_in, (0, None))(keys, 2**31))
    count = length.burn_in + length.analyses
    compiled = program.lower(keys, state, jnp.asarray(0), count).compile()
    start = time.perf_counter()
    _, (rmse, spread) = jax.block_until_ready(compiled(keys, state, jnp.asarray(0)))
    seconds = time.perf_counter() - start
    kept = slice(length.burn_in, None)
    return Scores(np.asarray(rmse)[kept].mean(axis=0), np.asarray(spread)[kept].mean(axis=0), seconds, length)


def of_transform(kernel: Callable[[Array, Array, Array], Array]) -> Update:
    """An update from a kernel ``(key, s, d) -> transform``; all variables are observed with unit error."""

    def update(key: Array, x: Array, observed: Array) -> Array:
        mean = x.mean(axis=1)
        anomalies = x - mean[:, None]
        weights = kernel(key, anomalies, observed - mean)
        return mean[:, None] + anomalies @ weights

    return update
