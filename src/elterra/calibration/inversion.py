"""Kalman inversion: from the prior to the posterior in adaptive powers of the likelihood, or to the best fit.

``invert`` tempers: powers chosen by the data-misfit controller of Iglesias and Yang (2021) add up to one, and a linear
problem ends at its posterior. ``minimise_misfit`` goes on after that, without a prior, with Nesterov's momentum as in
Vernon, Bach and Dunbar (2025), for those who want a fit and no distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from elterra.calibration.design import match_moments, prior_design
from elterra.calibration.kalman_updates import refill, stochastic_update, transform_update
from elterra.calibration.localisation import Kind
from elterra.calibration.problem import InverseProblem, Runs
from elterra.calibration.transform_inversion import CalibrationError, next_temper
from elterra.calibration.unscented import Gaussian, sigma_points, unscented_update

Array = NDArray[np.float64]
Method = Literal["eki", "etki", "uki"]

#: the smallest power of one update: a misfit of millions would otherwise never come to an end
SMALLEST_POWER = 1e-9


@dataclass(frozen=True)
class Inversion:
    """Result: the last ``ensemble [member, p]`` with ``mean [p]``, ``covariance [p, p]``; all runs; the powers; misfit.

    ``finished``: the powers have added up to one (`invert`), the misfit has stopped falling (`minimise_misfit`).
    ``misfit``: squared misfit of the mean prediction per datum before each update.
    """

    ensemble: Array
    mean: Array
    covariance: Array
    runs: Runs
    powers: tuple[float, ...]
    misfit: tuple[float, ...]
    finished: bool


def start_ensemble(parameters: int, members: int, seed: int) -> Array:
    """A prior sample with exact mean and, where it has members enough, exact covariance."""
    z = prior_design(parameters, members, seed, kind="lhs")
    return match_moments(z) if members > parameters + 1 else z - z.mean(axis=0)


def invert(
    problem: InverseProblem,
    method: Method = "etki",
    *,
    members: int | None = None,
    iterations: int = 30,
    shrinkage: Kind | None = None,
    seed: int = 0,
) -> Inversion:
    """Temper from the prior to the posterior in at most ``iterations`` updates.

    ``members``: by default ten a parameter, at most a hundred ("uki" has 2 p + 1 whatever is asked). ``shrinkage`` of
    correlations is for "eki". The runs hold every parameter that was tried: the path from prior to posterior.
    """
    p = len(problem.maps)
    if shrinkage is not None and method != "eki":
        raise CalibrationError(f"shrinkage of correlations belongs to method eki, not {method}")
    if method == "uki":
        return _invert_unscented(problem, iterations)
    if method not in ("eki", "etki"):
        raise CalibrationError(f"no method {method!r}; there are eki, etki, uki")
    rng = np.random.default_rng([seed, 1])
    z = start_ensemble(p, members or min(10 * p, 100), seed)
    white = problem.data.white
    done = 0.0
    powers: list[float] = []
    misfits: list[float] = []
    parts: list[Runs] = []
    while done < 1.0 - 1e-12 and len(powers) < iterations:
        runs = problem.evaluate(z)
        alive = runs.survivors()
        power = _power(alive.white, white, done)
        if method == "eki":
            updated = stochastic_update(alive, white, power, rng, shrinkage)
        else:
            updated = transform_update(alive, white, power)
        z = refill(z, runs.good, updated, rng)
        done += power
        parts.append(runs)
        powers.append(power)
        misfits.append(_misfit(alive.white, white))
    return Inversion(
        z, z.mean(axis=0), np.atleast_2d(np.cov(z.T)), Runs.join(parts), tuple(powers), tuple(misfits),
        done >= 1.0 - 1e-12,
    )  # fmt: skip


def _invert_unscented(problem: InverseProblem, iterations: int) -> Inversion:
    p, white = len(problem.maps), problem.data.white
    belief = Gaussian(np.zeros(p), np.eye(p))
    done = 0.0
    powers: list[float] = []
    misfits: list[float] = []
    parts: list[Runs] = []
    while done < 1.0 - 1e-12 and len(powers) < iterations:
        runs = problem.evaluate(sigma_points(belief))
        power = _power(runs.survivors().white, white, done)
        belief = unscented_update(belief, runs, white, power)
        done += power
        parts.append(runs)
        powers.append(power)
        misfits.append(_misfit(runs.survivors().white, white))
    return Inversion(
        sigma_points(belief), belief.mean, belief.covariance, Runs.join(parts), tuple(powers), tuple(misfits),
        done >= 1.0 - 1e-12,
    )  # fmt: skip


def minimise_misfit(
    problem: InverseProblem,
    *,
    members: int | None = None,
    iterations: int = 50,
    momentum: bool = True,
    shrinkage: Kind | None = None,
    target: float = 1.0,
    seed: int = 0,
) -> Inversion:
    """EKI towards the best fit: no prior but the span of the first ensemble, powers not limited to one in all.

    Stops when the squared misfit of the mean prediction per datum is at or below ``target`` (discrepancy principle).
    With ``momentum`` each update starts from ``z_k + theta_k (z_k - z_(k-1))``, ``theta_k`` of Nesterov's recursion
    ``1 / theta'^2 = 1 / theta^2 + 1 / theta'``.
    """
    rng = np.random.default_rng([seed, 2])
    p, white = len(problem.maps), problem.data.white
    z = start_ensemble(p, members or min(10 * p, 100), seed)
    before, theta = z, 1.0
    powers: list[float] = []
    misfits: list[float] = []
    parts: list[Runs] = []
    reached = False
    for _ in range(iterations):
        runs = problem.evaluate(z)
        alive = runs.survivors()
        parts.append(runs)
        misfits.append(_misfit(alive.white, white))
        if misfits[-1] <= target:
            reached = True
            break
        power = _power(alive.white, white, 0.0)
        updated = refill(z, runs.good, stochastic_update(alive, white, power, rng, shrinkage), rng)
        powers.append(power)
        if momentum:
            following = 0.5 * (np.sqrt(theta**4 + 4 * theta**2) - theta**2)
            z = updated + following * (1.0 / theta - 1.0) * (updated - before)
            before, theta = updated, following
        else:
            z = updated
    return Inversion(
        z,
        z.mean(axis=0),
        np.atleast_2d(np.cov(z.T)),
        Runs.join(parts),
        tuple(powers),
        tuple(misfits),
        reached,
    )


def _power(g: Array, white: Array, done: float) -> float:
    power = next_temper(g.T, white, np.ones_like(white), done)
    return min(max(power, SMALLEST_POWER), 1.0 - done)


def _misfit(g: Array, white: Array) -> float:
    return float(((g.mean(axis=0) - white) ** 2).mean())
