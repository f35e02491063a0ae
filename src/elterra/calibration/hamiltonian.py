"""NUTS and HMC by BlackJAX (Cabezas et al. 2024), several chains side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import blackjax
import numpy as np
from numpy.typing import NDArray

from elterra.calibration._jax import jax, jnp

Array = NDArray[np.float64]
Density = Callable[..., jax.Array]

#: share of proposals to be accepted (Hoffman and Gelman 2014); doublings of a NUTS path
TARGET_ACCEPTANCE = 0.8
DOUBLINGS = 8
#: steps of a path of "hmc", and least share of the step size of a draw: paths of one length come back to where they
#: began where the target is normal, so the step is drawn anew for each (Neal 2011, section 5.4.2.2)
HMC_STEPS, SHORTEST = 12, 0.3


class Chains(NamedTuple):
    """``samples [chain, draw, p]``, number of ``divergences``, mean ``acceptance``, ``step [chain]`` size."""

    samples: Array
    divergences: int
    acceptance: float
    step: Array


def sample_hamiltonian(
    density: Density,
    start: Array,
    *,
    arguments: Any = (),
    draws: int = 1000,
    warm_up: int = 500,
    covariance: Array | None = None,
    method: Literal["nuts", "hmc"] = "nuts",
    seed: int = 0,
) -> Chains:
    """Sample ``density(x [p], *arguments)`` (its logarithm) from ``start [chain, p]``.

    ``covariance [p, p]`` is a first guess of that of the target (of a Kalman inversion, say): paths are made in the
    coordinates in which it is the identity. Step size and diagonal metric adapt in the warm-up. ``arguments`` is a pytree
    of arrays: densities that differ only in it share one compiled program.
    """
    p = start.shape[1]
    root = np.eye(p) if covariance is None else np.linalg.cholesky(covariance)
    centre = start.mean(axis=0)
    inner = np.linalg.solve(root, (start - centre).T).T
    keys = jax.random.split(jax.random.key(seed), len(start))
    run = _program(density, draws, warm_up, method)
    samples, diverged, accepted, step = run(
        keys, jnp.asarray(inner), jnp.asarray(root), jnp.asarray(centre), arguments
    )
    return Chains(
        np.asarray(samples) @ root.T + centre,
        int(np.asarray(diverged).sum()),
        float(np.asarray(accepted).mean()),
        np.asarray(step),
    )


@lru_cache(maxsize=32)
def _program(density: Density, draws: int, warm_up: int, method: str) -> Callable[..., Any]:
    algorithm = blackjax.nuts if method == "nuts" else blackjax.hmc
    extra = {"max_num_doublings": DOUBLINGS} if method == "nuts" else {"num_integration_steps": HMC_STEPS}

    def chain(key: Any, x: jax.Array, root: jax.Array, centre: jax.Array, arguments: Any) -> Any:
        def whitened(u: jax.Array) -> jax.Array:
            return density(centre + root @ u, *arguments)

        first, second = jax.random.split(key)
        adapt = blackjax.window_adaptation(
            algorithm, whitened, target_acceptance_rate=TARGET_ACCEPTANCE, **extra
        )
        (state, tuned), _ = adapt.run(first, x, warm_up)

        def one(state: Any, key: Any) -> Any:
            step = tuned["step_size"]
            if method == "hmc":
                key, other = jax.random.split(key)
                step = step * jax.random.uniform(other, minval=SHORTEST, maxval=1.0)
            state, info = algorithm(whitened, **{**tuned, "step_size": step}).step(key, state)
            return state, (state.position, info.is_divergent, info.acceptance_rate)

        _, kept = jax.lax.scan(one, state, jax.random.split(second, draws))
        return (*kept, tuned["step_size"])

    return jax.jit(jax.vmap(chain, in_axes=(0, 0, None, None, None)))
