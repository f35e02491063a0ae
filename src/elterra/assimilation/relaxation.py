"""Relaxation of analysed perturbations to those of the forecast, as transforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from elterra.assimilation.filter import AnalysisError, Array
from elterra.assimilation.inflation import spread_lost

Kind = Literal["none", "spread", "perturbations"]


@dataclass(frozen=True)
class Relaxation:
    """``spread``: relaxation to prior spread (RTPS; Whitaker and Hamill 2012, https://doi.org/10.1175/MWR-D-11-00276.1);
    ``perturbations``: to prior perturbations (RTPP; Zhang, Snyder and Sun 2004,
    https://doi.org/10.1175/1520-0493(2004)132<1238:IOIEAO>2.0.CO;2). ``alpha`` in [0, 1]: 0 leaves the analysis, 1 restores
    spread or perturbations."""

    kind: Kind = "none"
    alpha: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ("none", "spread", "perturbations"):
            raise AnalysisError(f"relaxation must be none, spread or perturbations; got {self.kind!r}")
        if not 0.0 <= self.alpha <= 1.0:
            raise AnalysisError(f"alpha of a relaxation must be in [0, 1]; got {self.alpha}")

    @property
    def by_element(self) -> bool:
        """Whether each element of the control vector gets a transform of its own."""
        return self.kind == "spread"


def relaxed(transform: Array, relaxation: Relaxation, values: Array | None = None) -> Array:
    """``transform [..., member, member]`` with its anomalies relaxed; its mean stays. Columns still sum to one.

    ``spread`` needs the elements ``values [element, member]`` before the analysis, and gives ``[element, member, member]``
    from one transform or from one of each element. Raises `AnalysisError` where they are missing.
    """
    if relaxation.kind == "none":
        return transform
    m = transform.shape[-1]
    centred = np.eye(m) - 1.0 / m
    anomalies = transform - transform.mean(axis=-1, keepdims=True)  # T (I - 11'/m)
    if relaxation.kind == "perturbations":
        return transform + relaxation.alpha * (centred - anomalies)
    if values is None:
        raise AnalysisError("relaxation to prior spread needs the values whose spread counts")
    ratio = spread_lost(values, apply_transform(values, transform))
    return np.asarray(transform + relaxation.alpha * ratio[:, None, None] * anomalies)


def apply_transform(x: Array, transform: Array) -> Array:
    """``x [..., member]`` analysed by one matrix, or ``x [element, member]`` each element by its own of
    ``transform [element, member, member]``."""
    if transform.ndim == 2:
        return x @ transform
    return np.asarray((x[:, None, :] @ transform)[:, 0])
