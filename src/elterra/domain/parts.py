"""What one part of a domain (climate, soil, terrain, land cover) hands to the file: fields with their origin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elterra.domain.grid import Grid
from elterra.domain.regrid import Interpolator, Regridder
from elterra.domain.sources import Source


@dataclass
class Field:
    """A field ``[..., y, x]`` of a domain.

    Attributes
    ----------
    values : numbers
    lead : names of the leading dimensions
    attrs : CF attributes (units, long_name, standard_name)
    origin : ``packaged``, ``file`` or ``default``
    source : where it comes from, in words
    filled : where `source` was silent (in any layer) and `fallback` stands in ``[y, x]``; None: nowhere
    """

    values: np.ndarray
    lead: tuple[str, ...]
    attrs: dict[str, Any]
    origin: str
    source: str
    filled: np.ndarray | None = None
    fallback: str = ""


Fields = dict[str, Field]


@dataclass
class Opened:
    """A source file, and how it was carried to the last target asked for (one a tile)."""

    source: Source
    _last: tuple[Grid, Regridder | None, Any] | None = field(default=None, repr=False)
    _smooth: tuple[Grid, Interpolator | None, Any] | None = field(default=None, repr=False)

    def regridder(self, target: Grid) -> tuple[Regridder | None, Any]:
        """Regridder from the window of the source that `target` needs, and the window; None where they are apart."""
        if self._last is None or self._last[0] is not target:
            window = self.source.window(target)
            made = None if window is None else Regridder(window.grid, target)
            self._last = (target, made, window)
        return self._last[1], self._last[2]

    def interpolator(self, target: Grid) -> tuple[Interpolator | None, Any]:
        """Interpolator from the window of the source that `target` needs, and the window."""
        if self._smooth is None or self._smooth[0] is not target:
            window = self.source.window(target)
            made = None if window is None else Interpolator(window.grid, target)
            self._smooth = (target, made, window)
        return self._smooth[1], self._smooth[2]

    def mean(
        self,
        variable: str,
        target: Grid,
        change: Callable[[np.ndarray], np.ndarray] | None = None,
        **select: Any,
    ) -> np.ndarray | None:
        """Mean ``[..., y, x]`` of a variable over the cells of `target`; None where source and target are apart.
        `change` is applied before averaging."""
        regrid, window = self.regridder(target)
        if regrid is None:
            return None
        values = self.source.read(variable, window, **select)
        return regrid.mean(values if change is None else change(values))[0]


def filled(values: np.ndarray | None, stand_in: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`values` with gaps (or all of it, where None) from `stand_in`, and where (any layer) that was ``[y, x]``."""
    if values is None:
        values = np.full(stand_in.shape, np.nan)
    gap = ~np.isfinite(values) & np.isfinite(stand_in)
    return np.where(gap, stand_in, values), gap.reshape(-1, *values.shape[-2:]).any(axis=0)
