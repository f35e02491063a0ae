"""Designs: where in the prior the model is run. All in standard normal numbers ``z [member, p]``."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from elterra.calibration.transform_inversion import CalibrationError

Array = NDArray[np.float64]


def prior_design(
    parameters: int,
    members: int,
    seed: int,
    *,
    kind: Literal["sobol", "lhs", "random"] = "sobol",
    widen: float = 1.0,
) -> Array:
    """A space-filling sample of the prior, ``widen`` times as wide: ``z [member, p]``.

    "sobol": scrambled Sobol sequence (Owen), "lhs": Latin hypercube, "random": independent draws. An emulator is to be
    trained on a design that is kept as wide as the prior on purpose: a design that has collapsed to the optimum knows
    nothing of where the posterior ends.
    """
    if parameters < 1 or members < 2:
        raise CalibrationError(f"a design needs a parameter and two members; got {parameters}, {members}")
    rng = np.random.default_rng(seed)
    if kind == "random":
        return widen * rng.standard_normal((members, parameters))
    if kind == "lhs":
        uniform = qmc.LatinHypercube(d=parameters, rng=rng).random(members)
    else:
        power = int(np.ceil(np.log2(members)))
        uniform = qmc.Sobol(d=parameters, rng=rng).random_base2(power)[:members]
    return widen * ndtri(np.clip(uniform, 1e-6, 1 - 1e-6))


def match_moments(z: Array) -> Array:
    """The sample ``z [member, p]`` moved and mixed so that its mean is 0 and its covariance the identity, exactly."""
    members, parameters = z.shape
    if members <= parameters + 1:
        raise CalibrationError(
            f"a covariance of {parameters} parameters needs more than {parameters + 1} members"
        )
    centred = z - z.mean(axis=0)
    root = np.linalg.cholesky(centred.T @ centred / (members - 1))
    return np.asarray(np.linalg.solve(root, centred.T).T)


def spread_subset(z: Array, members: int, start: int = 0) -> NDArray[np.int64]:
    """Indices of ``members`` rows of ``z`` far from one another (greedy maximin), beginning with row ``start``."""
    chosen = [start]
    distance = ((z - z[start]) ** 2).sum(axis=1)
    for _ in range(min(members, len(z)) - 1):
        best = int(distance.argmax())
        chosen.append(best)
        distance = np.minimum(distance, ((z - z[best]) ** 2).sum(axis=1))
    return np.array(chosen)
