"""Anderson acceleration of a fixed-point iteration, each column for itself (Anderson 1965; Walker and Ni 2011;
Khatiwala 2023 for spin-up)."""

from __future__ import annotations

import numpy as np

#: a residual that grew by more than this between two steps throws the history away
GROWTH = 2.0
#: diagonal added to the normal equations, relative to their largest entry
_REGULAR = 1.0e-10
#: coefficients beyond this say that the differences are nearly dependent: older ones are dropped until they are not
_LARGEST = 1.0e3


class Anderson:
    """Finds x with f(x) = 0 from the iteration x <- x + f(x).

    ``depth`` differences of former iterates are kept. The next iterate is the plain one, corrected by the combination
    of the differences that makes the residual least in the norm of ``weights``. Columns do not see each other.
    """

    def __init__(self, depth: int = 5) -> None:
        if depth < 1:
            raise ValueError(f"depth must be at least 1; got {depth}")
        self.depth = depth
        self._points: list[np.ndarray] = []
        self._residuals: list[np.ndarray] = []
        self._valid: list[np.ndarray] = []  # [column]: whether the pair belongs to the present history
        self._norm: np.ndarray | None = None
        self.restarts = 0

    def next(self, x: np.ndarray, f: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The next iterate; all arguments ``[n, column]``. ``f`` is the residual at ``x``, the plain step."""
        columns = x.shape[1]
        norm = np.sqrt(((weights * f) ** 2).sum(axis=0))
        if self._norm is not None:
            worse = ~(norm <= GROWTH * self._norm)
            self.restarts += int(worse.sum())
            for valid in self._valid:
                valid &= ~worse
        self._norm = norm
        self._points.append(np.array(x))
        self._residuals.append(np.array(f))
        self._valid.append(np.ones(columns, bool))
        for history in (self._points, self._residuals, self._valid):
            del history[: -self.depth - 1]
        new = x + f
        for i in range(columns):
            new[:, i] -= self._correction(i, weights[:, i])
        return new

    def _correction(self, i: int, weight: np.ndarray) -> np.ndarray:
        kept = [k for k, valid in enumerate(self._valid) if valid[i]]
        points = np.stack([self._points[k][:, i] for k in kept], axis=1)
        residuals = np.stack([self._residuals[k][:, i] for k in kept], axis=1)
        d_x, d_f = np.diff(points, axis=1), np.diff(residuals, axis=1)
        scaled, f = weight[:, None] * d_f, weight * residuals[:, -1]
        while scaled.shape[1]:
            normal = scaled.T @ scaled
            normal += _REGULAR * max(float(normal.max()), np.finfo(float).tiny) * np.eye(len(normal))
            gamma = np.linalg.solve(normal, scaled.T @ f)
            if np.all(np.abs(gamma) < _LARGEST):
                return np.asarray((d_x + d_f) @ gamma)
            scaled, d_x, d_f = scaled[:, 1:], d_x[:, 1:], d_f[:, 1:]
        return np.zeros_like(f)
