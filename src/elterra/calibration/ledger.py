"""A record of model runs on disk: no finished run is ever repeated.

A folder with ``ledger.json`` (what the runs belong to) and one ``runs_NNNNN.npz`` for each batch: ``z [run, p]``,
``predictions [run, n]``. Each file is written beside and renamed, so that a killed calibration leaves whole batches
only. A run is found again by the exact bits of its ``z``: whoever asks for the same run gets the same bits.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.calibration.transform_inversion import CalibrationError
from elterra.files import read_json, write_atomically, write_json

Array = NDArray[np.float64]


class Ledger:
    """Runs by the bits of ``z``. Without ``folder`` they are kept in memory only.

    ``identity`` is what the runs depend on beside ``z`` (names, priors, number of data, version of the model);
    a folder of another identity is refused.
    """

    def __init__(self, identity: Any, folder: Path | None = None) -> None:
        self.folder = folder
        self.batches = 0
        self._found: dict[bytes, Array] = {}
        if folder is None:
            return
        known = read_json(folder / "ledger.json")
        if known is None:
            write_json(folder / "ledger.json", identity)
        elif known != identity:
            raise CalibrationError(
                f"{folder}: holds model runs of another problem. Expected {identity}, found {known}. "
                "Choose another folder, or remove it."
            )
        for path in sorted(folder.glob("runs_*.npz")):
            with np.load(path, allow_pickle=False) as batch:
                self._remember(batch["z"], batch["predictions"])
            self.batches += 1

    def __len__(self) -> int:
        return len(self._found)

    def find(self, z: Array) -> Array | None:
        """Predictions ``[n]`` of a finished run, or None."""
        return self._found.get(_key(z))

    def add(self, z: Array, predictions: Array) -> None:
        """Keep finished runs ``z [run, p]``, ``predictions [run, n]`` (NaN rows failed and are kept as such)."""
        self._remember(z, predictions)
        if self.folder is None:
            return
        stream = io.BytesIO()
        np.savez(stream, z=z, predictions=predictions)
        write_atomically(self.folder / f"runs_{self.batches:05d}.npz", stream.getvalue())
        self.batches += 1

    def _remember(self, z: Array, predictions: Array) -> None:
        for one, prediction in zip(z, predictions, strict=True):
            self._found[_key(one)] = np.array(prediction, dtype=np.float64)


def _key(z: Array) -> bytes:
    return (np.ascontiguousarray(z, dtype=np.float64) + 0.0).tobytes()  # + 0.0: one zero, not two
