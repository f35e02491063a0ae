"""Fixed-lag ensemble Kalman smoother (Evensen and van Leeuwen 2000) on stored windows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elterra.assimilation.filter import AnalysisError, Array


@dataclass
class FixedLagSmoother:
    """Holds the windows of the last ``lag`` steps and the product of the transforms that came after them.

    The smoother is the filter's transform applied to the past. Instead of re-multiplying every stored array at
    every analysis, the transforms of a window are multiplied (``members x members``) and applied once, when the
    window leaves the lag: the cost does not depend on the lag.

    ``damping`` < 1 tapers later transforms towards the identity with their distance in time,
    ``T -> I + damping^distance (T - I)``: localisation in time, against chance correlations of small ensembles. Columns of
    such a matrix still sum to one, so that the ensemble mean of what is linear keeps its meaning.
    """

    lag: int
    members: int
    damping: float = 1.0
    _windows: deque[tuple[Any, Array]] = field(default_factory=deque, repr=False)

    def __post_init__(self) -> None:
        if self.lag < 0 or self.members < 2 or not 0.0 < self.damping <= 1.0:
            raise AnalysisError("lag must be >= 0, members >= 2, damping in (0, 1]")

    def push(self, window: Any, transform: Array) -> list[tuple[Any, Array]]:
        """Add the newest window with its own transform; give back windows that are now final.

        ``window`` is anything (it is not looked at); a final window comes with its total transform, to be applied
        as ``x @ transform``. With lag 0 this is the filter. Several transforms ``[..., member, member]`` (one a control
        group) are carried side by side.
        """
        if transform.shape[-2:] != (self.members, self.members):
            raise AnalysisError(
                f"transform must be [..., {self.members}, {self.members}]; got {transform.shape}"
            )
        identity = np.eye(self.members)
        moved = bool((transform != identity).any())
        aged: deque[tuple[Any, Array]] = deque()
        for age, (stored, total) in zip(range(len(self._windows), 0, -1), self._windows, strict=True):
            if moved:
                weight = self.damping**age
                total = total @ (identity + weight * (transform - identity))
            aged.append((stored, total))
        aged.append((window, transform))
        self._windows = aged
        final = []
        while len(self._windows) > self.lag:
            final.append(self._windows.popleft())
        return final

    def flush(self) -> list[tuple[Any, Array]]:
        """All windows still held, oldest first (end of the period)."""
        final = list(self._windows)
        self._windows.clear()
        return final

    def held(self) -> list[tuple[Any, Array]]:
        """The windows still held and their transforms, oldest first, for a restart."""
        return list(self._windows)

    def restore(self, windows: list[tuple[Any, Array]]) -> None:
        self._windows = deque(windows)
