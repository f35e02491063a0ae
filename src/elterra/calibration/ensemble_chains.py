"""Samplers without gradients that evaluate many states at once: stretch moves and preconditioned Crank-Nicolson.

Sources: Goodman and Weare (2010), Foreman-Mackey et al. (2013) for the stretch move; Cotter, Roberts, Stuart and White
(2013) for pCN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from elterra.calibration.transform_inversion import CalibrationError

Array = NDArray[np.float64]
Density = Callable[[Array], Array]

#: scale `a` of the stretch move
STRETCH = 2.0
#: share of proposals pCN is tuned to accept during the burn-in
PCN_ACCEPTANCE = 0.3


class EnsembleChains(NamedTuple):
    """``samples [chain, draw, p]`` and the share of ``accepted`` proposals."""

    samples: Array
    accepted: float


def sample_stretch(
    density: Density, start: Array, *, draws: int, burn_in: int, thin: int = 1, seed: int = 0
) -> EnsembleChains:
    """Affine-invariant stretch moves of walkers ``start [walker, p]``; ``density [k, p] -> [k]`` is a log density.

    Half of the walkers moves along lines to walkers of the other half. Walkers depend on one another: judge
    convergence with several calls from different starts, or by long chains.
    """
    walkers, p = start.shape
    if walkers % 2 or walkers < 2 * p + 2:
        raise CalibrationError(
            f"stretch moves need an even number of at least {2 * p + 2} walkers; got {walkers}"
        )
    rng = np.random.default_rng(seed)
    x, value = np.array(start), _checked(density, start)
    half = walkers // 2
    sides = (np.arange(half), np.arange(half, walkers))
    kept, accepted = [], 0
    for k in range(burn_in + draws * thin):
        for mine, other in (sides, sides[::-1]):
            z = (1.0 + (STRETCH - 1.0) * rng.random(half)) ** 2 / STRETCH
            partner = x[rng.choice(other, half)]
            proposal = partner + z[:, None] * (x[mine] - partner)
            there = _plain(density(proposal))
            take = np.log(rng.random(half)) < (p - 1) * np.log(z) + there - value[mine]
            x[mine[take]], value[mine[take]] = proposal[take], there[take]
            accepted += int(take.sum()) * (k >= burn_in)
        if k >= burn_in and (k - burn_in) % thin == thin - 1:
            kept.append(x.copy())
    return EnsembleChains(np.array(kept).transpose(1, 0, 2), accepted / (walkers * draws * thin))


def sample_pcn(
    likelihood: Density,
    start: Array,
    *,
    draws: int,
    burn_in: int,
    thin: int = 1,
    step: float = 0.3,
    seed: int = 0,
) -> EnsembleChains:
    """pCN chains from ``start [chain, p]`` for a prior N(0, I) and ``likelihood [k, p] -> [k]`` (its logarithm).

    Proposals ``sqrt(1 - b^2) x + b xi`` leave the prior invariant, whatever the number of parameters. ``b`` of each chain
    is tuned in the burn-in only.
    """
    rng = np.random.default_rng(seed)
    x, value = np.array(start), _checked(likelihood, start)
    log_b, kept, accepted = np.full(len(x), np.log(step)), [], 0
    for k in range(burn_in + draws * thin):
        b = np.minimum(np.exp(log_b), 1.0)[:, None]
        proposal = np.sqrt(1.0 - b**2) * x + b * rng.standard_normal(x.shape)
        there = _plain(likelihood(proposal))
        take = np.log(rng.random(len(x))) < there - value
        x[take], value[take] = proposal[take], there[take]
        if k < burn_in:
            log_b = np.minimum(log_b + (take - PCN_ACCEPTANCE) / np.sqrt(1.0 + k), 0.0)
        else:
            accepted += int(take.sum())
            if (k - burn_in) % thin == thin - 1:
                kept.append(x.copy())
    return EnsembleChains(np.array(kept).transpose(1, 0, 2), accepted / (len(x) * draws * thin))


def _plain(value: Array) -> Array:
    """What is not a number has probability zero."""
    value = np.asarray(value, dtype=np.float64)
    return np.where(np.isnan(value), -np.inf, value)


def _checked(density: Density, start: Array) -> Array:
    value = _plain(density(start))
    if not np.isfinite(value).all():
        raise CalibrationError(f"{int((~np.isfinite(value)).sum())} chains start where the density is zero")
    return np.array(value)
