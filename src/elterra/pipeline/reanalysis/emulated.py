"""Thousands of emulated members beside the true ones of a reanalysis (`assimilation.emulated_members`).

Drift of the parameters and errors of the weather have an exact and cheap dynamics of their own, so that thousands of them
cost nothing. What the tower would see of them is emulated: `ResponseEmulator` learns from the true members, window after
window, how predictions answer to parameters and weather. `multifidelity_analysis` ties both together, and the transform
of a control group becomes the one that carries the true members to where this analysis puts them: fluxes and
budgets follow by the same product as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation import (
    Ensembles,
    ObservationBatch,
    ResponseEmulator,
    multifidelity_analysis,
    transform_through,
)
from elterra.pipeline.reanalysis.analysis import CONTROL_GROUPS, Analysed
from elterra.pipeline.reanalysis.ensemble import Drift, ParameterEnsemble, rng
from elterra.pipeline.reanalysis.windows import KINDS, Block, TowerSeries, predict, window_blocks

Array = NDArray[np.float64]

#: equivalents whose ensemble means say how strongly a block answers
FEATURES = ("GPP", "ER", "LE")
#: sd in prior units of what is added to every parameter of a true member for one day
DITHER = 0.15
#: emulated members draw other numbers than the true ones, whose seeds are below
_OTHER_SEED = 2**33


class WeatherErrors(Protocol):
    """Dynamics of the errors of the weather, ``[factor, member]``."""

    def start(self, members: int, seed: int) -> Array: ...

    def step(self, state: Array, seed: int, window: int) -> Array: ...

    def relative(self, state: Array, window: int) -> Array:
        """The errors of a window in units of their typical size."""


class EmulatedMembers:
    """Drift and weather errors of the emulated members, and the emulator of what the tower sees of them."""

    def __init__(
        self,
        ensemble: ParameterEnsemble,
        count: int,
        drift: Drift,
        weather: WeatherErrors,
        of_sensor: NDArray[np.bool_],
        seed: int,
    ) -> None:
        """``of_sensor [parameter]``: parameters of the group ``sensor``; ``ensemble``: that of the true members;
        ``count``: at least so many, a multiple of the true ones, each of which lends its constants to as many."""
        count = -(-count // ensemble.members) * ensemble.members
        self.ensemble, self.count, self._drift, self._weather = ensemble, count, drift, weather
        self._seed = seed + _OTHER_SEED
        #: rows of the drift that move at all: those that emulated members have
        self._moving = np.nonzero([drift.sd.get(n, 0.0) > 0 for n in ensemble.names])[0]
        self._names = [ensemble.names[k] for k in self._moving]
        self._sensor = of_sensor[self._moving]
        self.delta = drift.start(self._names, count, self._seed)
        self.errors = weather.start(count, self._seed)
        inputs = len(ensemble.names) + len(self.errors)
        self.emulator = ResponseEmulator(len(KINDS), 1 + len(FEATURES), inputs)

    def step(self, window: int, inflation: float) -> None:
        """Drift and weather errors of the next window; ``inflation`` as for the true members."""
        self.delta = self._drift.step(self.delta, self._names, self._seed, window, inflation)
        self.errors = self._weather.step(self.errors, self._seed, window)

    def dither(self, window: int) -> Array:
        """What the true members' parameters have for one day only, ``[parameter, member]`` in prior units, mean zero.

        Without it the members would be so many fixed points in the space of the parameters, and what the emulator learns no
        more than their chance correlations.
        """
        draw = rng(self._seed, "dither", window).standard_normal(
            (len(self.ensemble.names), self.ensemble.members)
        )
        return DITHER * (draw - draw.mean(axis=1, keepdims=True))

    def analyse(
        self,
        window: int,
        day_of_year: float,
        blocks: Sequence[Block],
        predicted: Array,
        used: ObservationBatch,
        equivalents: Mapping[str, Array],
        weather: Array,
        analysed: Analysed,
        taper: Array,
        drift: Array,
    ) -> Analysed:
        """The analysis of the groups ``parameters`` and ``sensor`` from all members; other groups as ``analysed`` has them.

        ``blocks``, ``predicted [observation, member]`` and ``used``: data of the window that count. ``weather [factor,
        member]`` and ``drift [parameter, member]``: of the true members before the analysis. ``taper [control group,
        observation]``.
        """
        inputs = self._inputs(drift, weather, window, day_of_year)
        answer = self.emulator.coefficients(used.group, _features(blocks, equivalents))
        # what the dither did to the predictions is no news of drift and weather
        predicted = predicted - answer[:, : len(drift)] @ self.dither(window)
        cheap = answer @ (inputs - inputs.mean(axis=1, keepdims=True))
        cheap_many = self._cheap_many(window, answer, cheap, drift[self._moving], weather)
        state, smoothed = dict(analysed.state), np.array(analysed.smoothed)
        new_drift, delta, errors = drift.copy(), self.delta.copy(), self.errors.copy()
        for place, group in enumerate(("parameters", "sensor")):
            weights = taper[CONTROL_GROUPS.index(group)]
            seen, rows = weights > 0, self._sensor == (group == "sensor")
            moves_weather = group == "parameters"
            if not seen.any() or not (rows.any() or moves_weather):
                continue
            own, own_many = drift[self._moving[rows]], self.delta[rows]
            if moves_weather:
                own, own_many = np.concatenate([own, weather]), np.concatenate([own_many, self.errors])
            found = multifidelity_analysis(
                Ensembles(own, predicted[seen], cheap[seen], own_many, cheap_many[seen]),
                used.value[seen],
                used.sd[seen] / np.sqrt(weights[seen]),
                rng(self._seed, f"mf{group}", window),
            )
            transform = transform_through(own, found.control, state[group])
            state[group] = smoothed[place] = transform
            count = int(rows.sum())
            new_drift[self._moving[rows]], delta[rows] = found.control[:count], found.many[:count]
            if moves_weather:
                errors = found.many[count:]
        self.delta, self.errors = delta, errors
        return Analysed(smoothed, state, new_drift)

    def _cheap_many(self, window: int, answer: Array, cheap: Array, drift: Array, weather: Array) -> Array:
        """Cheap predictions of the emulated members, ``[observation, emulated]``.

        Each has what is not emulated (constant parameters, state) of one of the true members, in turn: it differs from that
        member's cheap prediction by what its own drift and weather do.
        """
        rows = np.concatenate([self._moving, np.arange(len(self.ensemble.names), answer.shape[1])])
        own = np.concatenate([self.delta, self._weather.relative(self.errors, window)])
        parents = np.concatenate([drift, self._weather.relative(weather, window)])
        members = drift.shape[1]
        apart = own.reshape(len(own), -1, members) - parents[:, None]
        moved = np.tensordot(answer[:, rows], apart, axes=1) + cheap[:, None]
        return np.asarray(moved.reshape(len(answer), -1))

    def learn(
        self,
        window: int,
        day_of_year: float,
        tower: TowerSeries,
        bounds: tuple[int, int],
        block_hours: float,
        equivalents: Mapping[str, Array],
        weather: Array,
        drift: Array,
    ) -> None:
        """Train on the true members of a window, before their analysis: every block of hours, measured or not."""
        everything = replace(tower, used={n: np.ones_like(v) for n, v in tower.used.items()})
        blocks = window_blocks(everything, *bounds, block_hours)
        kinds = np.array([KINDS.index(b.kind) for b in blocks])
        inputs = self._inputs(drift + self.dither(window), weather, window, day_of_year)
        self.emulator.learn(kinds, _features(blocks, equivalents), inputs, predict(blocks, equivalents))

    def _inputs(self, drift: Array, errors: Array, window: int, day_of_year: float) -> Array:
        """What predictions answer to, ``[input, member]``: parameters in prior units, errors of the weather."""
        z = self.ensemble.standard(day_of_year)
        return np.concatenate([z + drift, self._weather.relative(errors, window)])

    def state(self) -> dict[str, Array]:
        """What a restart needs."""
        own = {"delta": self.delta, "errors": self.errors}
        return own | {f"emulator/{k}": v for k, v in self.emulator.state().items()}

    def restore(self, state: Mapping[str, Array]) -> None:
        """The inverse of `state`."""
        self.delta, self.errors = np.array(state["delta"]), np.array(state["errors"])
        own = {k.removeprefix("emulator/"): v for k, v in state.items() if k.startswith("emulator/")}
        self.emulator.restore(own)


def _features(blocks: Sequence[Block], equivalents: Mapping[str, Array]) -> Array:
    """``[block, feature]``: one, and the ensemble means of `FEATURES` over the half-hours of each block."""
    means = [equivalents[n].mean(axis=-1) if n in equivalents else None for n in FEATURES]
    rows = [[1.0, *(0.0 if x is None else x[b.steps].mean() for x in means)] for b in blocks]
    return np.array(rows, dtype=float).reshape(len(blocks), 1 + len(FEATURES))
