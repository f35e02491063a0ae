"""The inverse problem: priors, data, and a forward map whose runs are counted, remembered and allowed to fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from elterra.calibration.constraint_maps import ConstraintMap
from elterra.calibration.data import Data
from elterra.calibration.ledger import Ledger
from elterra.calibration.priors import Prior
from elterra.calibration.transform_inversion import CalibrationError

Array = NDArray[np.float64]


class ForwardMap(Protocol):
    """``G(parameters [member, p]) -> predictions [member, n]``; a member that failed has a row of NaN.

    Parameters are physical values in the order of the priors. Anything with this signature will do: the land model, a
    table of finished runs, an emulator, a cheaper version of the model.
    """

    def __call__(self, parameters: Array, /) -> Array: ...


@dataclass(frozen=True)
class Runs:
    """Model runs: ``z [member, p]``, whitened predictions ``[member, n]``, which of them succeeded ``[member]``."""

    z: Array
    white: Array
    good: NDArray[np.bool_]

    def survivors(self) -> Runs:
        """Only the runs that succeeded."""
        return Runs(self.z[self.good], self.white[self.good], self.good[self.good])

    @staticmethod
    def join(parts: Sequence[Runs]) -> Runs:
        """All runs of several batches, in order; of equal ``z`` the first."""
        z = np.concatenate([part.z for part in parts])
        _, first = np.unique(z, axis=0, return_index=True)
        keep = np.sort(first)
        return Runs(
            z[keep],
            np.concatenate([part.white for part in parts])[keep],
            np.concatenate([part.good for part in parts])[keep],
        )


class InverseProblem:
    """Priors, data and forward map. `evaluate` is the only door to the model.

    ``minimum_success``: share of a batch that must succeed. ``folder``: where finished runs are kept. ``identity``:
    anything JSON-able that the predictions depend on beside the parameters; it guards the folder.
    """

    def __init__(
        self,
        forward: ForwardMap,
        priors: Sequence[Prior],
        data: Data,
        *,
        minimum_success: float = 0.6,
        folder: Path | None = None,
        identity: Any = None,
    ) -> None:
        self.forward, self.data = forward, data
        self.maps = ConstraintMap(priors)
        self.minimum_success = minimum_success
        self.asked = self.ran = self.failed = 0
        self.ledger = Ledger(
            {
                "format": "elterra_ledger_1",
                "identity": identity,
                "n": data.size,
                "priors": [
                    [p.name, p.kind, p.centre, p.sd, None if p.bounds is None else list(p.bounds)]
                    for p in self.maps.priors
                ],
            },
            folder,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return self.maps.names

    @property
    def runs(self) -> int:
        """Model runs that this problem has used, those found in the folder included."""
        return len(self.ledger)

    def evaluate(self, z: Array) -> Runs:
        """Run the model at ``z [member, p]``; runs of the ledger are not repeated.

        Raises `CalibrationError` if fewer than ``minimum_success`` of the members succeed.
        """
        z = np.asarray(z, dtype=np.float64) + 0.0
        if z.ndim != 2 or z.shape[1] != len(self.maps) or not np.isfinite(z).all():
            raise CalibrationError(f"z must be finite [member, {len(self.maps)}]; got shape {z.shape}")
        self.asked += len(z)
        _, first = np.unique(z, axis=0, return_index=True)
        fresh = [i for i in np.sort(first) if self.ledger.find(z[i]) is None]
        if fresh:
            new = z[fresh]
            predictions = np.asarray(self.forward(self.maps.to_physical(new)), dtype=np.float64)
            if predictions.shape != (len(fresh), self.data.size):
                raise CalibrationError(
                    f"the forward map gave {predictions.shape}; expected [member, n] = {(len(fresh), self.data.size)}"
                )
            self.ledger.add(new, predictions)
            self.ran += len(fresh)
        found = [self.ledger.find(one) for one in z]
        predicted = np.stack([one for one in found if one is not None])
        good = np.asarray(np.isfinite(predicted).all(axis=1), dtype=bool)
        self.failed += int((~good).sum())
        if good.mean() < self.minimum_success:
            raise CalibrationError(
                f"only {int(good.sum())} of {good.size} members gave finite predictions; at least "
                f"{self.minimum_success:.0%} must. Narrow the priors or look at the failed members."
            )
        return Runs(z, self.data.whiten(np.where(good[:, None], predicted, np.nan)), good)
