"""The assimilation cycle: forecast, observe, analyse, book, smooth; window after window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation import (
    ETKF,
    AdaptiveInflation,
    FixedLagSmoother,
    group_taper,
    innovation_check,
)
from elterra.pipeline.reanalysis.ensemble import Drift, ParameterEnsemble
from elterra.pipeline.reanalysis.windows import (
    CORRELATED,
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

CONTROL_GROUPS = ("parameters", "sensor", "water", "carbon")
#: control groups whose transform the smoother applies to the past: to fluxes, and to soil water as the sensor reports it
SMOOTHED_GROUPS = ("parameters", "sensor")
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
        """Apply transforms by control group to the state, project to bounds; increments by name ``[member]``."""

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
    #: localisation by variable: weight of an observation kind on a control group (1 where not listed)
    localisation: Mapping[tuple[str, str], float] = field(
        default_factory=lambda: {
            # a soil water sensor is precise and lasting: through chance correlations it would rule the fluxes
            ("parameters", "SWC"): 0.0,
            ("sensor", "NEE_night"): 0.0,
            ("sensor", "NEE_day"): 0.0,
            ("sensor", "LE"): 0.0,
            ("carbon", "SWC"): 0.0,
            ("carbon", "LE"): 0.0,
            # a stock of decades remembers every datum: for it, as for a calibration, data with a common error count less
            ("carbon", "NEE_night"): 1.0 / CORRELATED["NEE_night"],
            ("carbon", "NEE_day"): 1.0 / CORRELATED["NEE_day"],
            ("water", "NEE_night"): 0.0,
            ("water", "NEE_day"): 0.0,
        }
    )
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
        self.filter = ETKF()

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
            self.window += 1
            if self.window == last:
                result[0].extend(FinalWindow(w, f, t) for (w, f), t in self.smoother.flush())
            yield result

    def _step(self) -> tuple[list[FinalWindow], list[Innovation], dict[str, Array]]:
        w, options, names = self.window, self.options, self.ensemble.names
        if w > 0:
            inflation = (
                float(self.inflation.factor[:3].mean()) if options.adaptive_inflation else options.inflation
            )
            self.delta = options.drift.step(self.delta, names, options.seed, w, inflation)
        parameters = self.ensemble.physical(self.model.day_of_year(w), self.delta)
        forecast = self.model.forecast(w, parameters)
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
                taper = group_taper(CONTROL_GROUPS, KINDS, used.group, options.localisation)
                analysis = self.filter.analyse(predicted[keep], used, taper)
                by_group = dict(zip(CONTROL_GROUPS, analysis.transform, strict=True))
                transform = np.stack([by_group[g] for g in SMOOTHED_GROUPS])
                of_sensor = np.array([[name in options.sensor] for name in names])
                self.delta = np.where(of_sensor, self.delta @ transform[1], self.delta @ transform[0])
                increments = self.model.analyse(by_group)
                self.inflation.update(
                    used.value - predicted[keep].mean(axis=1),
                    predicted[keep].var(axis=1, ddof=1),
                    used.sd,
                    used.group,
                )
            forecast.seen = seen_steps(blocks, keep, stop - start)
            innovations = _innovations(w, start, blocks, predicted, transform, keep)
        final = [FinalWindow(v, f, t) for (v, f), t in self.smoother.push((w, forecast), transform)]
        return final, innovations, increments

    def checkpoint(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Arrays and header of a restart: state, drift, inflation, and the windows the smoother still holds."""
        arrays = {f"state/{k}": v for k, v in self.model.state().items()}
        arrays["delta"] = self.delta
        arrays |= {f"inflation/{k}": v for k, v in self.inflation.state().items()}
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
