"""Observations of a window: blocks of measured half-hours, by day and night, with their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation import ObservationBatch

Array = NDArray[np.float64]

#: observed quantities, in the order of their group index; night and day NEE are different kinds of information
KINDS = ("NEE_day", "NEE_night", "LE", "SWC")
#: blocks near each other share the error of the model: for what lasts, so many count as one
CORRELATED = {"NEE_day": 12.0, "NEE_night": 12.0, "LE": 12.0, "SWC": 60.0}


@dataclass(frozen=True)
class TowerSeries:
    """Half-hourly tower data of the period.

    values, random_sd, systematic_sd, used: by variable ``[time]`` (NEE umol m-2 s-1, LE W m-2, SWC m3 m-3);
    ``daylight [time]`` from the sun's elevation. What is not ``used`` never enters.
    """

    values: Mapping[str, Array]
    random_sd: Mapping[str, Array]
    systematic_sd: Mapping[str, Array]
    used: Mapping[str, NDArray[np.bool_]]
    daylight: NDArray[np.bool_]

    def withhold(self, mask: NDArray[np.bool_], variables: Sequence[str] | None = None) -> TowerSeries:
        """The same series without the half-hours of ``mask [time]``, for all variables or those named."""
        used = {
            name: flag & ~mask if variables is None or name in variables else flag
            for name, flag in self.used.items()
        }
        return TowerSeries(self.values, self.random_sd, self.systematic_sd, used, self.daylight)


@dataclass(frozen=True)
class Block:
    """One datum: the mean over some half-hours of a window."""

    kind: str
    variable: str
    steps: NDArray[np.int64]  # within the window
    value: float
    sd: float


def window_blocks(
    tower: TowerSeries,
    start: int,
    stop: int,
    hours: float = 4.0,
    minimum: int = 2,
    inflate: Mapping[str, float] | None = None,
) -> list[Block]:
    """Blocks of one window ``start:stop``.

    Fluxes are averaged over at most ``hours`` of consecutive clock time, day and night apart; soil water over the
    window. A block needs ``minimum`` measured half-hours. Its error: random errors average out with the root of
    their number, the systematic part (representativeness) does not.
    """
    per_block = max(1, round(hours * 2))
    n = stop - start
    clock = np.arange(n) // per_block
    blocks = []
    for kind in KINDS:
        variable = kind.split("_")[0]
        used = tower.used[variable][start:stop].copy()
        if kind.startswith("NEE"):
            used &= tower.daylight[start:stop] == (kind == "NEE_day")
        groups = (
            [np.arange(n)] if kind == "SWC" else [np.nonzero(clock == c)[0] for c in range(clock[-1] + 1)]
        )
        for group in groups:
            steps = group[used[group]]
            if len(steps) < minimum:
                continue
            where = start + steps
            random = np.sqrt((tower.random_sd[variable][where] ** 2).sum()) / len(steps)
            systematic = tower.systematic_sd[variable][where].mean()
            scale = (inflate or {}).get(kind, 1.0)
            blocks.append(
                Block(
                    kind,
                    variable,
                    steps,
                    float(tower.values[variable][where].mean()),
                    float(scale * np.hypot(random, systematic)),
                )
            )
    return blocks


class Discrepant(Protocol):
    """What a cycle needs of a discrepancy of its operator."""

    def block_sd(self, variable: str, steps: NDArray[np.int64], spread: float, noise_sd: Array) -> float:
        """Sd of the mean discrepancy of ``steps``; see `Discrepancy`."""


def with_discrepancy(
    blocks: list[Block], predicted: Array, start: int, tower: TowerSeries, discrepancy: Discrepant
) -> list[Block]:
    """The blocks with the random part of the operator's discrepancy in their errors; ``predicted [block, member]``."""
    out = []
    for block, members in zip(blocks, predicted, strict=True):
        steps = start + block.steps
        extra = discrepancy.block_sd(
            block.variable, steps, float(members.std(ddof=1)), tower.random_sd[block.variable][steps]
        )
        out.append(replace(block, sd=float(np.hypot(block.sd, extra))))
    return out


def seen_steps(blocks: list[Block], keep: NDArray[np.bool_], steps: int) -> dict[str, Array]:
    """Steps of a window whose measurement is in a block that was kept, by variable: 1 or 0, ``[step]``."""
    out: dict[str, Array] = {}
    for block, kept in zip(blocks, keep, strict=True):
        if kept:
            out.setdefault(block.variable, np.zeros(steps))[block.steps] = 1.0
    return out


def as_batch(blocks: list[Block]) -> ObservationBatch:
    """Blocks as the arrays a filter takes."""
    return ObservationBatch(
        np.array([b.value for b in blocks], dtype=float),
        np.array([b.sd for b in blocks], dtype=float),
        np.array([KINDS.index(b.kind) for b in blocks], dtype=np.int64),
    )


def predict(blocks: list[Block], equivalents: Mapping[str, Array]) -> Array:
    """Predicted blocks ``[block, member]`` from tower equivalents by variable ``[step, member]``."""
    members = next(iter(equivalents.values())).shape[-1]
    if not blocks:
        return np.zeros((0, members))
    return np.stack([equivalents[b.variable][b.steps].mean(axis=0) for b in blocks])
