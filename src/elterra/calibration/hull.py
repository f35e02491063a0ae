"""Where an emulator may be asked: the region of its training runs.

A point is inside when it lies in the box of the training runs and when its k-th nearest training run is no farther than is
usual among the training runs themselves. In ten dimensions a convex hull contains almost nothing and a Mahalanobis
ball almost everything; distances to neighbours see holes as well as edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from elterra.calibration.transform_inversion import CalibrationError

Array = NDArray[np.float64]

NEIGHBOUR = 3
#: a distance is usual up to this factor times this quantile of the distances among the training runs
QUANTILE, FACTOR = 0.99, 1.25
#: share of samples outside beyond which they are refused
LIMIT = 0.05


class OutsideHull(CalibrationError):
    """Too many samples lie where the emulator has no training runs."""


@dataclass(frozen=True)
class Hull:
    """Box ``low``, ``high [p]``, largest distance ``reach`` to the third nearest run, the runs as a tree."""

    low: Array
    high: Array
    reach: float
    tree: cKDTree

    def outside(self, z: Array) -> NDArray[np.bool_]:
        """Which of ``z [k, p]`` are outside."""
        box = (z < self.low) | (z > self.high)
        distance = self.tree.query(z, k=[NEIGHBOUR])[0][:, 0]
        return np.asarray(box.any(axis=1) | (distance > self.reach))

    def refuse(self, z: Array, names: tuple[str, ...], limit: float = LIMIT) -> float:
        """Share of ``z [k, p]`` outside; `OutsideHull` if it is above ``limit``, with the parameters that leave the box."""
        share = float(self.outside(z).mean())
        if share > limit:
            beyond = ((z < self.low) | (z > self.high)).mean(axis=0)
            worst = [f"{names[i]} {beyond[i]:.1%}" for i in np.argsort(beyond)[::-1][:3] if beyond[i] > 0]
            raise OutsideHull(
                f"{share:.1%} of the samples lie outside the training runs of the emulator (limit {limit:.0%}; beyond "
                f"the box: {', '.join(worst) or 'none'}). Widen the design or add rounds of refinement."
            )
        return share


def training_hull(z: Array) -> Hull:
    """The region of training runs ``z [m, p]``; the box has a margin of a twentieth of its width."""
    if len(z) <= NEIGHBOUR:
        raise CalibrationError(f"a hull needs more than {NEIGHBOUR} training runs; got {len(z)}")
    tree = cKDTree(z)
    own = tree.query(z, k=[NEIGHBOUR + 1])[0][:, 0]  # the nearest is the run itself
    margin = 0.05 * (z.max(axis=0) - z.min(axis=0))
    return Hull(
        z.min(axis=0) - margin, z.max(axis=0) + margin, FACTOR * float(np.quantile(own, QUANTILE)), tree
    )
