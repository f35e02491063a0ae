"""The land model at CH-Dav as a twin: truths and data of its own making, several reanalyses side by side in one program.

Truths are members of an ensemble with other seeds: constants, drift and errors of the weather come from the
distributions that the ensembles assume. Their data stand where the record has measurements that are used, with errors as
large as the record says.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from elterra.experiment import Experiment
from elterra.land import Fields, prepare, tile_state
from elterra.pipeline.reanalysis.analysis import CONTROL_GROUPS
from elterra.pipeline.reanalysis.cycle import Cycle, CycleOptions, FinalWindow, Forecast
from elterra.pipeline.reanalysis.ensemble import SEASONAL_SD, ParameterEnsemble, rng
from elterra.pipeline.reanalysis.inputs import days_of_year, forcing_error, surface_of
from elterra.pipeline.reanalysis.record import STEPS_PER_DAY
from elterra.pipeline.reanalysis.setup import INITIAL, SEASONAL, Station, disequilibrium, load_spun_up
from elterra.pipeline.reanalysis.station import OPERATOR, ForcingError, StationModel
from elterra.pipeline.reanalysis.windows import TowerSeries

Array = NDArray[np.float64]

#: half-hourly outputs that the tower equivalents are made of
SERIES = ("NEE", "GPP", "ER", "LE", "SWC_15")
#: hours of a block whose systematic error is one draw, as `window_blocks` assumes
BLOCK_HOURS = 4


def load_station(folder: Path, quick: bool = False) -> tuple[Station, Fields]:
    """CH-Dav with its packaged record and its spun-up state; made in ``folder`` once (some minutes), found there later.

    ``quick``: a cold start instead, to see that a bench works."""
    from elterra.pipeline import run_experiment

    experiment = Experiment.from_plain(
        {
            "name": "davos_twin",
            "site": "ch-dav",
            "data": {"record": "packaged", "reader": "packaged"},
            "period": {"start": "2013-01-01", "end": "2019-12-30"},
            "ensemble": {"members": 32, "free_members": 32, "seed": 1},
        }
    )
    for last in ("observations", "forcing" if quick else "spinup"):
        run_experiment(experiment, folder, until=last)
    if quick:
        station = Station.load(experiment, folder)
        return station, station.cold_start(station.default_parameters(1))
    return Station.load(experiment, folder), load_spun_up(folder / "spinup" / "state.restart")


def twin_model(
    station: Station,
    values: Mapping[str, Array],
    spun_up: Fields,
    *,
    first_window: int,
    errors: ForcingError,
    seed: int = 0,
) -> StationModel:
    """The land model from the spun-up state with the outputs a tower needs; ``values [member]`` of the parameters."""
    members = len(next(iter(values.values())))
    land = {n: v for n, v in values.items() if n not in (*OPERATOR, *INITIAL)}
    p = prepare(surface_of(station.site).tile(members), land)
    s = disequilibrium(p, tile_state(spun_up, members), values, station.site)
    return StationModel(
        p, s, station.forcing, station.cfg, seed=seed, steps_per_window=STEPS_PER_DAY,
        days_of_year=days_of_year(station.streams)[first_window:], forcing_error=errors, series=SERIES, daily=(),
        at_end=(), first_step=first_window * STEPS_PER_DAY, fixed=INITIAL,
    )  # fmt: skip


@dataclass(frozen=True)
class ReplicatedErrors(ForcingError):
    """Errors of the weather of ensembles side by side: each has the draws it would have alone."""

    seeds: tuple[int, ...] = ()

    def start(self, members: int, seed: int) -> Array:
        own = members // len(self.seeds)
        return np.concatenate([super(ReplicatedErrors, self).start(own, s) for s in self.seeds], axis=1)

    def step(self, state: Array, seed: int, window: int) -> Array:
        parts = np.split(state, len(self.seeds), axis=1)
        moved = [
            super(ReplicatedErrors, self).step(x, s, window) for x, s in zip(parts, self.seeds, strict=True)
        ]
        return np.concatenate(moved, axis=1)


class _Part:
    """One replicate's columns of the model, as its cycle's `ForecastModel`; the analysis is done for all at once."""

    def __init__(self, whole: StationModel, columns: slice, errors: ForcingError) -> None:
        self.whole, self.columns, self.weather_errors = whole, columns, errors
        self.asked: Mapping[str, Array] = {}

    def window_bounds(self, window: int) -> tuple[int, int]:
        return self.whole.window_bounds(window)

    def day_of_year(self, window: int) -> float:
        return self.whole.day_of_year(window)

    def forecast(self, window: int, parameters: Mapping[str, Array]) -> Forecast:
        raise NotImplementedError("forecasts are made for all replicates together")

    def controls(self) -> dict[str, Array]:
        return {k: v[..., self.columns] for k, v in self.whole.controls().items()}

    def analyse(self, transforms: Mapping[str, Array]) -> dict[str, Array]:
        self.asked = transforms
        return {}

    def state(self) -> dict[str, Array]:
        return {}

    def restore(self, state: Mapping[str, Array]) -> None:
        raise NotImplementedError("a bench does not resume within a run")


@dataclass
class Passed:
    """A window of all replicates: which are final; means of the analysed parameters ``[parameter]`` in prior units."""

    window: int
    final: list[list[FinalWindow]]
    parameters: list[Array]


class SideBySide:
    """Cycles of several replicates, members of all of them columns of one program.

    ``seconds``: processor seconds by part, ``forecast`` and ``rest``, compilation excluded.
    """

    def __init__(
        self,
        station: Station,
        spun_up: Fields,
        ensembles: Sequence[ParameterEnsemble],
        options: Sequence[CycleOptions],
        towers: Sequence[TowerSeries | None],
        first_window: int,
    ) -> None:
        errors = forcing_error(station.streams)
        errors = ForcingError({n: v[first_window:] for n, v in errors.sd.items()}, errors.days)
        together = replace(
            ensembles[0],
            z=np.concatenate([e.z for e in ensembles], axis=1),
            seasonal=np.concatenate([e.seasonal for e in ensembles], axis=2),
        )
        replicated = ReplicatedErrors(errors.sd, errors.days, tuple(o.seed for o in options))
        self.model = twin_model(
            station, together.physical(1.0), spun_up, first_window=first_window, errors=replicated
        )
        m = ensembles[0].members
        self.parts = [_Part(self.model, slice(r * m, (r + 1) * m), errors) for r in range(len(ensembles))]
        self.cycles = [
            Cycle(part, e, o, t) for part, e, o, t in zip(self.parts, ensembles, options, towers, strict=True)
        ]
        self.seconds = {"forecast": 0.0, "rest": 0.0}
        self.model.compile(together.physical(1.0))

    def run(self, windows: int) -> Iterator[Passed]:
        """All cycles, window after window."""
        for w in range(windows):
            begin = time.process_time()
            asked = [c.begin() for c in self.cycles]
            parameters = {n: np.concatenate([a[n] for a in asked]) for n in asked[0]}
            middle = time.process_time()
            forecast = self.model.forecast(w, parameters)
            after = time.process_time()
            final = [
                c.finish(_columns(forecast, p.columns))[0]
                for c, p in zip(self.cycles, self.parts, strict=True)
            ]
            self._analyse()
            day = self.model.day_of_year(w)
            self.seconds["forecast"] += after - middle
            self.seconds["rest"] += time.process_time() - after + middle - begin
            yield Passed(w, final, [(c.ensemble.standard(day) + c.delta).mean(axis=1) for c in self.cycles])
        yield Passed(
            windows, [[FinalWindow(w, f, t) for (w, f), t in c.smoother.flush()] for c in self.cycles], []
        )

    def _analyse(self) -> None:
        if not any(p.asked for p in self.parts):
            return
        members = self.model.members
        transforms = {g: np.eye(members) for g in CONTROL_GROUPS}
        for part in self.parts:
            for group, transform in transforms.items():
                if part.asked:
                    transform[part.columns, part.columns] = part.asked[group]
            part.asked = {}
        self.model.analyse(transforms)


def _columns(forecast: Forecast, columns: slice) -> Forecast:
    parts: dict[str, Any] = {
        name: {k: v[..., columns] for k, v in getattr(forecast, name).items()}
        for name in ("series", "daily", "equivalents", "start_totals", "end_totals")
    }
    return Forecast(worst=forecast.worst, **parts)


def twin_ensemble(station: Station, members: int, seed: int, constants: float) -> ParameterEnsemble:
    """An ensemble as a calibration leaves it: constant and seasonal parts known to ``constants`` prior sd."""
    priors = station.priors()
    names = [p.name for p in priors]
    seasonal = [n for n in station.with_effect(SEASONAL) if n in names]
    ensemble = ParameterEnsemble.prior(priors, seasonal, members, seed, SEASONAL_SD)
    return ensemble.with_vector(constants * ensemble.vector()[0])


def twin_tower(real: TowerSeries, truth: Mapping[str, Array], first_step: int, seed: int) -> TowerSeries:
    """Data of a truth ``[step]`` from ``first_step`` on: the record's gaps and error sizes, errors of its own.

    The systematic error of a half-hour is one draw a variable and block of hours.
    """
    values, used = {}, {}
    for k, (name, true) in enumerate(truth.items()):
        steps = slice(first_step, first_step + len(true))
        draw = rng(seed, "twindata", k)
        blocks = np.arange(len(true)) // (2 * (BLOCK_HOURS if name != "SWC" else 24))
        shared = draw.standard_normal(int(blocks[-1]) + 1)[blocks]
        own = draw.standard_normal(len(true))
        value = np.full(real.values[name].shape, np.nan)
        value[steps] = true + real.random_sd[name][steps] * own + real.systematic_sd[name][steps] * shared
        values[name] = value
        flag = np.zeros(value.shape, dtype=bool)
        flag[steps] = real.used[name][steps]
        used[name] = flag
    return replace(real, values=values, used=used)


def give_back() -> None:
    """Forget compiled programs: those of the next size need the memory."""
    jax.clear_caches()
