"""Which parameters matter: Morris screening and Sobol indices of any function, and refusal of those without effect.

Sources: Morris (1991) with the mean absolute effect of Campolongo, Cariboni and Saltelli (2007); Saltelli et al. (2010)
for first-order and Jansen (1999) for total indices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from elterra.calibration.problem import InverseProblem
from elterra.calibration.transform_inversion import CalibrationError

Array = NDArray[np.float64]
Function = Callable[[Array], Array]

#: a parameter moved between these standard normal values ...
PROBE = 2.0
#: ... that changes no whitened prediction by more than this many error sd has no effect
NO_EFFECT = 1e-6


class WithoutEffect(CalibrationError):
    """A parameter cannot be calibrated because no observation depends on it."""


@dataclass(frozen=True)
class SobolIndices:
    """Shares of the variance, ``[p, r]`` each: of a parameter alone ``first``, with all its interactions ``total``; ``mean``
    and ``variance [r]`` of the outputs."""

    first: Array
    total: Array
    mean: Array
    variance: Array


def sobol_indices(function: Function, parameters: int, *, power: int = 12, seed: int = 0) -> SobolIndices:
    """Indices of ``function(z [k, p]) -> [k, r]`` under z ~ N(0, I), by ``2^power (p + 2)`` evaluations.

    Two halves of one scrambled Sobol sequence; mean and variance from both. A uniform parameter is ``Phi(z)`` inside of
    the function.
    """
    uniform = qmc.Sobol(d=2 * parameters, rng=np.random.default_rng(seed)).random_base2(power)
    z = ndtri(np.clip(uniform, 1e-9, 1 - 1e-9))
    a, b = z[:, :parameters], z[:, parameters:]
    fa, fb = function(a), function(b)
    both = np.concatenate([fa, fb])
    mean, variance = both.mean(axis=0), both.var(axis=0)
    safe = np.where(variance > 0, variance, 1.0)
    first, total = np.empty((parameters, fa.shape[1])), np.empty((parameters, fa.shape[1]))
    for i in range(parameters):
        mixed = a.copy()
        mixed[:, i] = b[:, i]
        fm = function(mixed)
        first[i] = ((fb - mean) * (fm - fa)).mean(axis=0) / safe
        total[i] = 0.5 * ((fa - fm) ** 2).mean(axis=0) / safe
    return SobolIndices(first, total, mean, variance)


@dataclass(frozen=True)
class MorrisEffects:
    """Elementary effects per prior sd, ``[p, r]`` each: mean absolute ``strength`` and ``spread`` (sd: interactions and
    curvature)."""

    strength: Array
    spread: Array


def morris_effects(function: Function, parameters: int, *, paths: int = 40, seed: int = 0) -> MorrisEffects:
    """Effects of steps of one prior sd from ``paths`` random points, by ``paths (p + 1)`` evaluations."""
    rng = np.random.default_rng(seed)
    uniform = qmc.LatinHypercube(d=parameters, rng=rng).random(paths)
    points = [ndtri(np.clip(uniform, 0.02, 0.98))]
    order = np.argsort(rng.random((paths, parameters)), axis=1)
    for step in range(parameters):
        following = points[-1].copy()
        i = order[:, step]
        now = following[np.arange(paths), i]
        following[np.arange(paths), i] = now + np.where(now > 0, -1.0, 1.0)
        points.append(following)
    values = function(np.concatenate(points)).reshape(parameters + 1, paths, -1)
    effects = np.empty((parameters, paths, values.shape[2]))
    for step in range(parameters):
        i = order[:, step]
        sign = np.sign(points[step + 1] - points[step])[np.arange(paths), i]
        effects[i, np.arange(paths)] = (values[step + 1] - values[step]) * sign[:, None]
    return MorrisEffects(np.abs(effects).mean(axis=1), effects.std(axis=1))


def refuse_without_effect(
    problem: InverseProblem, strength: Array, *, suspect: float = 0.1
) -> tuple[str, ...]:
    """Raises `WithoutEffect` if a parameter moves no prediction.

    ``strength [p]``: largest Morris effect through the emulator, in error sd per prior sd. An emulator cannot tell nothing
    from little: parameters below ``suspect`` are moved in the model itself, to both sides. Names of suspects that do
    have an effect are returned: they will keep their prior.
    """
    weak = [i for i in range(len(strength)) if strength[i] < suspect]
    if not weak:
        return ()
    p = len(problem.maps)
    z = np.zeros((2 * len(weak), p))
    for k, i in enumerate(weak):
        z[2 * k, i], z[2 * k + 1, i] = -PROBE, PROBE
    runs = problem.evaluate(np.concatenate([np.zeros((1, p)), z]))
    if not runs.good[0]:
        return tuple(problem.names[i] for i in weak)
    change = np.abs(runs.white[1:] - runs.white[0]).max(axis=1)
    # a failed run is an effect
    moved = np.where(runs.good[1:], change, np.inf).reshape(-1, 2).max(axis=1)
    dead = [problem.names[i] for k, i in enumerate(weak) if moved[k] <= NO_EFFECT]
    if dead:
        raise WithoutEffect(
            f"{', '.join(dead)}: moved by {PROBE:g} prior sd to both sides, no observation changes. Take the parameter out, "
            "or add an observation that depends on it."
        )
    return tuple(problem.names[i] for i in weak)
