"""Data of an inverse problem with their error covariance, and the coordinates in which it is the identity."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from elterra.calibration.transform_inversion import CalibrationError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Data:
    """``values [n]`` with ``noise``: variances ``[n]`` or a covariance ``[n, n]``.

    ``y = L^-1 values`` with ``noise = L L^T``: whitened data have independent errors of variance 1, and every
    algorithm of this room works on whitened data and predictions.
    """

    values: Array
    noise: Array
    _root: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values, noise = np.asarray(self.values, float), np.asarray(self.noise, float)
        n = values.size
        if values.ndim != 1 or noise.shape not in ((n,), (n, n)) or n == 0:
            raise CalibrationError(
                f"data [n] and noise [n] or [n, n] do not fit: {values.shape}, {noise.shape}"
            )
        if not np.isfinite(values).all() or not np.isfinite(noise).all():
            raise CalibrationError("data and noise must be finite; leave a missing datum out of both")
        if noise.ndim == 1:
            if not (noise > 0).all():
                raise CalibrationError("each datum needs an error variance > 0; one without does not enter")
            root = np.sqrt(noise)
        else:
            try:
                root = np.linalg.cholesky(noise)
            except np.linalg.LinAlgError:
                raise CalibrationError("the noise covariance is not positive definite") from None
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "noise", noise)
        object.__setattr__(self, "_root", root)

    @property
    def size(self) -> int:
        """Number of data."""
        return int(self.values.size)

    @property
    def white(self) -> Array:
        """Whitened data ``[n]``."""
        return self.whiten(self.values)

    def whiten(self, predictions: Array) -> Array:
        """Predictions ``[..., n]`` in units of the noise, rotated where it is correlated. NaN rows stay NaN."""
        if self._root.ndim == 1:
            return predictions / self._root
        flat = predictions.reshape(-1, self.size)
        white = solve_triangular(self._root, flat.T, lower=True, check_finite=False).T
        return np.asarray(white.reshape(predictions.shape))

    def colour(self, white: Array) -> Array:
        """The inverse of `whiten`."""
        return white * self._root if self._root.ndim == 1 else white @ self._root.T

    def chi2(self, predictions: Array) -> Array:
        """Squared misfit per datum ``[member]`` of predictions ``[member, n]``."""
        return np.asarray(((self.whiten(predictions) - self.white) ** 2).mean(axis=-1))
