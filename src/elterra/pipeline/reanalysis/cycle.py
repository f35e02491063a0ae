"""The assimilation cycle: forecast, observe, analyse, book, smooth; window after window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation import AdaptiveInflation, FixedLagSmoother, ObservationBatch, innovation_check
from elterra.pipeline.reanalysis.analysis import SMOOTHED_GROUPS, Analysed, WindowAnalysis
from elterra.pipeline.reanalysis.emulated import EmulatedMembers, WeatherErrors
from elterra.pipeline.reanalysis.ensemble import Drift, ParameterEnsemble
from elterra.pipeline.reanalysis.windows import (
    KINDS,
    Block,
    Discrepant,
    TowerSeries,
    as_batch,
    predict,
    seen_steps,
    window_blocks,
    with_discrepancy,
)

Array = NDArray[np.float64]

#: tower equivalents that follow the second of them
OF_THE_SENSOR = ("SWC",)


@dataclass
class Forecast:
    """What the model gives for one window, members last."""

    series: dict[str, Array]  #: half-hourly, [step, member]
    daily: dict[str, Array]  #: window means or end values, [..., member]
    equivalents: dict[str, Array]  #: tower equivalents, [step, member]
    start_totals: dict[str, Array]  #: storages before the window, [member]
    end_totals: dict[str, Array]  #: storages after the window, before any analysis, [member]
    worst: dict[str, float]  #: largest balance residuals of the window
    #: which steps have a measurement that the filter took, by tower variable, [step]; filled by the cycle
    seen: dict[str, Array] = field(default_factory=dict)


class ForecastModel(Protocol):
    """The embedded model, an external one or an emulator: what the cycle needs of it."""

    def forecast(self, window: int, parameters: Mapping[str, Array]) -> Forecast:
        """Advance all members over one window."""

    def analyse(self, transforms: Mapping[str, Array]) -> dict[str, Array]:
        """Apply transforms by control group to the state, project to bounds; increments by name ``[member]``.

        A transform is ``[member, member]``, or ``[element, member, member]`` for the elements of `controls`. With the key
        ``weather`` the errors of the weather have their own, else they go with ``parameters``.
        """

    def controls(self) -> dict[str, Array]:
        """What `analyse` moves, ``[element, member]``, by control group; errors of the weather as ``weather``."""

    @property
    def weather_errors(self) -> WeatherErrors:
        """Dynamics of the errors of the weather, for emulated members."""

    def state(self) -> dict[str, Array]:
        """Everything a restart needs."""

    def restore(self, state: Mapping[str, Array]) -> None: ...

    def window_bounds(self, window: int) -> tuple[int, int]:
        """First step and one past the last step of a window, in the tower series."""

    def day_of_year(self, window: int) -> float: ...


@dataclass(frozen=True)
class CycleOptions:
    """Settings of the cycle; the experiment file fills them."""

    seed: int
    lag: int = 20
    damping: float = 0.97
    block_hours: float = 4.0
    reject_beyond: float = 4.0
    drift: Drift = field(default_factory=lambda: Drift({}, 30.0))
    inflate_error: Mapping[str, float] = field(default_factory=dict)
    #: filter, localisation, relaxation
    analysis: WindowAnalysis = field(default_factory=WindowAnalysis)
    #: parameters of the group ``sensor``
    sensor: frozenset[str] = frozenset(("swc_offset", "swc_gain"))
    adaptive_inflation: bool = True
    #: variance factor of what drives the drift, where it is not adaptive
    inflation: float = 1.0


@dataclass
class Innovation:
    """Fate of one datum."""

    window: int
    kind: str
    first_step: int
    last_step: int
    count: int
    value: float
    error_sd: float
    prior_mean: float
    prior_sd: float
    posterior_mean: float
    posterior_sd: float
    used: bool
    reason: str


@dataclass
class FinalWindow:
    """A window that no later observation will change any more; ``transform [group, member, member]``."""

    window: int
    forecast: Forecast
    transform: Array

    def smoothed(self, x: Array, group: str = "parameters") -> Array:
        """Members of any output ``[..., member]`` after smoothing with a group of `SMOOTHED_GROUPS`."""
        return x @ self.transform[SMOOTHED_GROUPS.index(group)]

    def tower(self) -> dict[str, Array]:
        """The smoothed tower equivalents."""
        return {
            name: self.smoothed(x, "sensor" if name in OF_THE_SENSOR else "parameters")
            for name, x in self.forecast.equivalents.items()
        }

    def to_arrays(self) -> dict[str, Array]:
        """All arrays by path, for a restart."""
        return {"transform": self.transform} | forecast_arrays(self.forecast)

    @classmethod
    def from_arrays(cls, window: int, worst: Mapping[str, float], arrays: Mapping[str, Array]) -> FinalWindow:
        """The inverse of `to_arrays`."""
        return cls(window, forecast_from(arrays, worst), arrays["transform"])


class Cycle:
    """Runs windows one after the other. Without observations it is the free (open-loop) ensemble."""

    def __init__(
        self,
        model: ForecastModel,
        ensemble: ParameterEnsemble,
        options: CycleOptions,
        tower: TowerSeries | None,
        discrepancy: Discrepant | None = None,
    ) -> None:
        self.model = model
        self.discrepancy = discrepancy
        self.ensemble = ensemble
        self.options = options
        self.tower = tower
        self.window = 0
        self.delta = options.drift.start(ensemble.names, ensemble.members, options.seed)
        self.inflation = AdaptiveInflation(len(KINDS))
        self.smoother = FixedLagSmoother(
            options.lag if tower is not None else 0, ensemble.members, options.damping
        )
        self._of_sensor = np.array([name in options.sensor for name in ensemble.names])
        self.emulated: EmulatedMembers | None = None
        if tower is not None and options.analysis.emulated > 0:
            self.emulated = EmulatedMembers(
                ensemble,
                options.analysis.emulated,
                options.drift,
                model.weather_errors,
                self._of_sensor,
                options.seed,
            )

    def run(
        self, windows: int, last: int | None = None
    ) -> Iterator[tuple[list[FinalWindow], list[Innovation], dict[str, Array]]]:
        """Advance to ``windows``; yields after each: windows now final, fate of the data, increments ``[member]``.

        ``last`` (default ``windows``) is the number of windows of the whole period: when it is reached, the windows
        the smoother still holds are final too.
        """
        last = windows if last is None else last
        while self.window < windows:
            result = self._step()
            if self.window == last:
                result[0].extend(FinalWindow(w, f, t) for (w, f), t in self.smoother.flush())
            yield result

    def _step(self) -> tuple[list[FinalWindow], list[Innovation], dict[str, Array]]:
        parameters = self.begin()
        return self.finish(self.model.forecast(self.window, parameters))

    def begin(self) -> dict[str, Array]:
        """Move the drift to the current window; the parameters its forecast takes.

        `begin`, a forecast, `finish` are one step of `run`; apart they let several cycles share one program."""
        w, options, names = self.window, self.options, self.ensemble.names
        if w > 0:
            inflation = (
                float(self.inflation.factor[:3].mean()) if options.adaptive_inflation else options.inflation
            )
            self.delta = options.drift.step(self.delta, names, options.seed, w, inflation)
            if self.emulated is not None:
                self.emulated.step(w, inflation)
        delta = self.delta if self.emulated is None else self.delta + self.emulated.dither(w)
        return self.ensemble.physical(self.model.day_of_year(w), delta)

    def finish(self, forecast: Forecast) -> tuple[list[FinalWindow], list[Innovation], dict[str, Array]]:
        """Analyse the forecast of the current window and hand it to the smoother; what `run` yields of it."""
        w, options = self.window, self.options
        identity = np.broadcast_to(np.eye(self.ensemble.members), (2, *[self.ensemble.members] * 2))
        innovations: list[Innovation] = []
        increments: dict[str, Array] = {}
        transform = identity
        if self.tower is not None:
            start, stop = self.model.window_bounds(w)
            blocks = window_blocks(
                self.tower, start, stop, options.block_hours, inflate=options.inflate_error
            )
            predicted = predict(blocks, forecast.equivalents)
            if self.discrepancy is not None:
                blocks = with_discrepancy(blocks, predicted, start, self.tower, self.discrepancy)
            batch = as_batch(blocks)
            keep = innovation_check(predicted, batch, options.reject_beyond)
            if keep.any():
                used = batch.select(keep)
                analysed = options.analysis.analyse(
                    w, predicted[keep], used, self.delta, self._of_sensor, self.model
                )
                if self.emulated is not None:
                    analysed = self._with_emulated(analysed, blocks, keep, predicted, used, forecast)
                transform, self.delta = analysed.smoothed, analysed.drift
                increments = self.model.analyse(analysed.state)
                self.inflation.update(
                    used.value - predicted[keep].mean(axis=1),
                    predicted[keep].var(axis=1, ddof=1),
                    used.sd,
                    used.group,
                )
            elif self.emulated is not None:
                self._teach(forecast)
            forecast.seen = seen_steps(blocks, keep, stop - start)
            innovations = _innovations(w, start, blocks, predicted, transform, keep)
        self.window += 1
        final = [FinalWindow(v, f, t) for (v, f), t in self.smoother.push((w, forecast), transform)]
        return final, innovations, increments

    def _with_emulated(
        self,
        analysed: Analysed,
        blocks: list[Block],
        keep: NDArray[np.bool_],
        predicted: Array,
        used: ObservationBatch,
        forecast: Forecast,
    ) -> Analysed:
        """The analysis with emulated members; their emulator sees this window after it was asked."""
        assert self.emulated is not None
        kept = [b for b, k in zip(blocks, keep, strict=True) if k]
        analysed = self.emulated.analyse(
            self.window,
            self.model.day_of_year(self.window),
            kept,
            predicted[keep],
            used,
            forecast.equivalents,
            self.model.controls()["weather"],
            analysed,
            self.options.analysis.taper(used),
            self.delta,
        )
        self._teach(forecast)
        return analysed

    def _teach(self, forecast: Forecast) -> None:
        assert self.emulated is not None
        assert self.tower is not None
        self.emulated.learn(
            self.window,
            self.model.day_of_year(self.window),
            self.tower,
            self.model.window_bounds(self.window),
            self.options.block_hours,
            forecast.equivalents,
            self.model.controls()["weather"],
            self.delta,
        )

    def checkpoint(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Arrays and header of a restart: state, drift, inflation, and the windows the smoother still holds."""
        arrays = {f"state/{k}": v for k, v in self.model.state().items()}
        arrays["delta"] = self.delta
        arrays |= {f"inflation/{k}": v for k, v in self.inflation.state().items()}
        if self.emulated is not None:
            arrays |= {f"emulated/{k}": v for k, v in self.emulated.state().items()}
        held = []
        for (w, forecast), transform in self.smoother.held():
            held.append({"window": w, "worst": forecast.worst})
            parts = FinalWindow(w, forecast, transform).to_arrays()
            arrays |= {f"held/{w}/{k}": v for k, v in parts.items()}
        return arrays, {"window": self.window, "held": held}

    def restore(self, arrays: Mapping[str, Array], header: Mapping[str, Any]) -> None:
        """Continue from a checkpoint; the same bits as if there had been no break."""

        self.window = int(header["window"])
        self.model.restore(under(arrays, "state/"))
        self.delta = np.array(arrays["delta"])
        self.inflation.restore(under(arrays, "inflation/"))
        if self.emulated is not None:
            self.emulated.restore(under(arrays, "emulated/"))
        held = []
        for entry in header["held"]:
            final = FinalWindow.from_arrays(
                entry["window"], entry["worst"], under(arrays, f"held/{entry['window']}/")
            )
            held.append(((final.window, final.forecast), final.transform))
        self.smoother.restore(held)


def under(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Arrays of a restart whose path begins with ``prefix``, by the rest of it."""
    return {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}


_PARTS = ("series", "daily", "equivalents", "start_totals", "end_totals", "seen")


def forecast_arrays(forecast: Forecast) -> dict[str, Array]:
    """All arrays of a forecast by ``part/name``."""
    return {f"{part}/{k}": v for part in _PARTS for k, v in getattr(forecast, part).items()}


def forecast_from(arrays: Mapping[str, Array], worst: Mapping[str, float]) -> Forecast:
    """The inverse of `forecast_arrays`."""
    parts = {
        part: {k[len(part) + 1 :]: v for k, v in arrays.items() if k.startswith(f"{part}/")}
        for part in _PARTS
    }
    return Forecast(worst=dict(worst), **parts)


def _innovations(
    window: int,
    start: int,
    blocks: Sequence[Block],
    predicted: Array,
    transform: Array,
    keep: NDArray[np.bool_],
) -> list[Innovation]:
    if not blocks:
        return []
    of_sensor = np.array([[b.variable in OF_THE_SENSOR] for b in blocks])
    posterior = np.where(of_sensor, predicted @ transform[1], predicted @ transform[0])
    rows = zip(
        blocks,
        keep,
        predicted.mean(1),
        predicted.std(1, ddof=1),
        posterior.mean(1),
        posterior.std(1, ddof=1),
        strict=True,
    )
    return [
        Innovation(
            window,
            b.kind,
            start + int(b.steps[0]),
            start + int(b.steps[-1]),
            len(b.steps),
            b.value,
            b.sd,
            float(pm),
            float(ps),
            float(qm),
            float(qs),
            bool(k),
            "used" if k else "innovation beyond threshold",
        )
        for b, k, pm, ps, qm, qs in rows
    ]
