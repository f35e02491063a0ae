"""Fewer outputs and fewer inputs for an emulator, without losing what the data can say.

Outputs: principal components of predictions in units of the noise. A component whose spread over the training runs is
well below the noise tells nothing and is left out. Inputs: the likelihood-informed subspace of Cui, Martin, Marzouk,
Solonen and Spantini (2014): eigenvectors of the mean of ``J^T J``, J the Jacobian of the whitened predictions with
respect to z. Along directions with eigenvalues well below one the posterior is the prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.calibration.transform_inversion import CalibrationError

Array = NDArray[np.float64]

#: an output component is kept when its variance is above this share of that of the noise
LEAST_VARIANCE = 1e-2
#: an input direction is informed when the data tell more about it than this share of the prior
LEAST_INFORMATION = 0.1


@dataclass(frozen=True)
class OutputReduction:
    """``components = (white - mean) @ basis``; ``mean [n]``, orthonormal ``basis [n, r]``, ``lost``: variance in units of
    that of the noise, summed over what was left out."""

    mean: Array
    basis: Array
    variance: Array
    lost: float

    def reduce(self, white: Array) -> Array:
        """Whitened ``[..., n]`` to components ``[..., r]``. The noise of a component has variance 1."""
        return np.asarray((white - self.mean) @ self.basis)

    def expand(self, components: Array) -> Array:
        """Components ``[..., r]`` to whitened ``[..., n]``."""
        return np.asarray(self.mean + components @ self.basis.T)


def reduce_outputs(
    white: Array, *, least: float = LEAST_VARIANCE, at_most: int | None = None
) -> OutputReduction:
    """Principal components of runs ``white [member, n]``."""
    mean = white.mean(axis=0)
    _, values, vectors = np.linalg.svd(white - mean, full_matrices=False)
    variance = values**2 / max(len(white) - 1, 1)
    keep = int((variance > least).sum())
    keep = min(keep, at_most or keep)
    if keep == 0:
        raise CalibrationError(
            "no combination of the observations varies over the prior by more than a tenth of its error: the data "
            "cannot constrain any parameter"
        )
    return OutputReduction(mean, vectors[:keep].T, variance[:keep], float(variance[keep:].sum()))


@dataclass(frozen=True)
class InformedSubspace:
    """``directions [p, p]`` (columns, the most informed first), ``information [p]``: eigenvalues, in the posterior variance
    1 / (1 + information) of a direction; ``informed``: how many are above the threshold."""

    directions: Array
    information: Array
    informed: int


def informed_subspace(z: Array, white: Array, *, least: float = LEAST_INFORMATION) -> InformedSubspace:
    """From runs ``z [member, p]``, ``white [member, n]``: J by linear regression over the runs.

    With runs of the posterior it is the subspace of Cui et al.; with runs of the prior that of the linear model.
    """
    members, p = z.shape
    if members < p + 2:
        raise CalibrationError(f"a regression on {p} parameters needs more than {p + 1} runs; got {members}")
    design = np.concatenate([np.ones((members, 1)), z], axis=1)
    jacobian = np.linalg.lstsq(design, white, rcond=None)[0][1:]
    values, vectors = np.linalg.eigh(jacobian @ jacobian.T)
    order = np.argsort(values)[::-1]
    return InformedSubspace(vectors[:, order], values[order], int((values > least).sum()))
