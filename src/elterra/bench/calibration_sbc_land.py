"""Simulation-based calibration on the land model itself: a short season at CH-Dav, ten parameters.

Replicates differ in truth and noise only, so that one design as wide as the prior trains one emulator for all of them: the
truths of the replicates are runs that it has not seen. Model runs go through the land model as columns of one program and
are kept, as is every replicate: a stopped bench goes on where it was.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.bench.calibration_sbc import figures_of
from elterra.bench.station_twin import load_station, twin_model
from elterra.calibration import (
    Data,
    Emulator,
    InverseProblem,
    Prior,
    invert,
    prior_design,
    reduce_outputs,
    sample_hamiltonian,
    split_rhat,
    train,
)
from elterra.calibration.calibrate_emulate_sample import density_of
from elterra.calibration.coverage import LEVELS, within
from elterra.calibration.hull import LIMIT
from elterra.calibration.posterior import target_of
from elterra.calibration.problem import Runs
from elterra.files import digest_of, read_json, write_json
from elterra.land import Fields
from elterra.pipeline.reanalysis.record import STEPS_PER_DAY
from elterra.pipeline.reanalysis.setup import Station
from elterra.pipeline.reanalysis.station import ForcingError

Array = NDArray[np.float64]

#: changes when the twin, its data or what is kept of a replicate change
FORMAT = "elterra_sbc_land_1"
#: parameters that a season of fluxes and soil water can answer to
NAMES = (
    "vcmax25top",
    "medlynslope",
    "lmr_intercept_atkin",
    "br_mr",
    "k_decomp_scale",
    "q10_hr",
    "smpsc",
    "dsl_max",
    "le_closure",
    "swc_offset",
)
#: the first of May 2016; days that count begin after the lead-in
FIRST_WINDOW, LEAD_IN, DAYS = 1216, 20, 80
#: columns of the program; runs of the design; days of a datum
COLUMNS, DESIGN, DAYS_OF_DATUM = 256, 256, 5
#: standard deviation of the error of a datum, a mean over five days: umol m-2 s-1, W m-2, m3 m-3
ERRORS: Mapping[str, float] = {"NEE_day": 0.5, "NEE_night": 0.3, "LE": 5.0, "SWC": 0.01}
REPLICATES, QUICK_REPLICATES = 200, 4
#: the columns of the quick multi-fidelity twin: both share a program
QUICK_COLUMNS = 48
#: output components of the emulator; draws and warm-up of each of four chains
COMPONENTS, DRAWS, WARM_UP = 10, 150, 100
SEED = 40


class LandTwin:
    """The forward map ``parameters [run, p] -> [run, n]`` in physical units: free runs without weather errors."""

    def __init__(self, station: Station, spun_up: Fields, columns: int) -> None:
        self.station, self.spun_up, self.columns = station, spun_up, columns
        self.priors: list[Prior] = station.priors(NAMES)
        first = (FIRST_WINDOW + LEAD_IN) * STEPS_PER_DAY
        light = np.asarray(station.forcing["coszen"])[first : first + DAYS * STEPS_PER_DAY, 0] > 0.02
        self._masks = {
            "NEE_day": light,
            "NEE_night": ~light,
            "LE": np.ones_like(light),
            "SWC": np.ones_like(light),
        }
        self.sd = np.repeat(list(ERRORS.values()), DAYS // DAYS_OF_DATUM)

    def __call__(self, parameters: Array, /) -> Array:
        parts = [
            self._batch(parameters[i : i + self.columns]) for i in range(0, len(parameters), self.columns)
        ]
        return np.concatenate(parts)

    def _batch(self, parameters: Array) -> Array:
        full = np.concatenate(
            [parameters, np.repeat(parameters[-1:], self.columns - len(parameters), axis=0)]
        )
        values = dict(zip(NAMES, full.T, strict=True))
        model = twin_model(
            self.station, values, self.spun_up, first_window=FIRST_WINDOW, errors=ForcingError({})
        )
        kept: dict[str, list[Array]] = {}
        begin = time.perf_counter()
        for w in range(LEAD_IN + DAYS):
            forecast = model.forecast(w, values)
            if w >= LEAD_IN:
                for name in ("NEE", "LE", "SWC"):
                    kept.setdefault(name, []).append(forecast.equivalents[name])
        print(
            f"land twin: {len(parameters)} runs, {time.perf_counter() - begin:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        series = {n: np.concatenate(v) for n, v in kept.items()}
        return np.concatenate([_means(series[k.split("_")[0]], m) for k, m in self._masks.items()]).T[
            : len(parameters)
        ]


def _means(series: Array, mask: NDArray[np.bool_]) -> Array:
    """Means over ``DAYS_OF_DATUM`` days of the half-hours in ``mask [step]``: ``[datum, run]``."""
    shape = (DAYS // DAYS_OF_DATUM, DAYS_OF_DATUM * STEPS_PER_DAY)
    weights = mask.reshape(shape).astype(float)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("ds,dsr->dr", weights, series.reshape(*shape, -1))


def measure_sbc_land(folder: Path, station_folder: Path, quick: bool) -> dict[str, float]:
    """Figures ``sbc.<parameter>.*`` and ``sbc.land.*``; what is in ``folder`` is not repeated."""
    station, spun_up = load_station(station_folder, quick)
    columns, replicates = (QUICK_COLUMNS, QUICK_REPLICATES) if quick else (COLUMNS, REPLICATES)
    twin = LandTwin(station, spun_up, columns)
    design_runs = columns if quick else DESIGN
    priors = [asdict(p) for p in twin.priors]
    key = digest_of([FORMAT, priors, dict(ERRORS), FIRST_WINDOW, LEAD_IN, DAYS, columns, quick, SEED])
    place = folder / key[:16]
    blank = InverseProblem(
        twin, twin.priors, Data(np.zeros(len(twin.sd)), twin.sd**2), folder=place / "runs", identity=key
    )
    design = blank.evaluate(prior_design(len(NAMES), design_runs, SEED))
    whole = -(-replicates // columns) * columns  # no column of the program runs for nothing
    truths = blank.evaluate(prior_design(len(NAMES), whole, SEED + 1, kind="random"))
    emulator = train(
        design, restarts=2, rounds=100, seed=SEED,
        reduction=reduce_outputs(design.survivors().white, least=-1.0, at_most=COMPONENTS),
    )  # fmt: skip
    ahead = emulator.held_out(truths)
    begin, done = time.perf_counter(), []
    for number in range(replicates):
        path = place / f"replicate_{design_runs}_{number:05d}.json"
        found = read_json(path)
        if found is None:
            found = replicate(emulator, truths, number)
            write_json(path, found)
            passed = time.perf_counter() - begin
            print(
                f"sbc land replicate {number + 1} of {replicates}, {passed:.0f} s",
                file=sys.stderr,
                flush=True,
            )
        done.append(found)
    figures = figures_of(done, NAMES, "sbc", "sbc.land")
    figures |= {
        "sbc.land.model_runs": float(blank.runs),
        "sbc.land.design_runs": float(design_runs),
        "sbc.land.emulator_chi2": float(np.mean(ahead.chi2)),
        "sbc.land.emulator_r2": float(np.min(ahead.r2)),
        "sbc.land.contraction": float(np.mean([one["sd"] for one in done])),
    }
    return figures


def replicate(emulator: Emulator, truths: Runs, number: int) -> dict[str, Any]:
    """One truth, its noise, its posterior through the emulator: which intervals hold it."""
    z, clean = truths.z[number], truths.white[number]
    rng = np.random.default_rng([SEED, 3, number])
    observed = Data(clean + rng.standard_normal(len(clean)), np.ones(len(clean)))
    # A Kalman inversion through the emulator says where the chains begin and how wide they step.
    cheap = InverseProblem(_Emulated(emulator), _standard(), observed)
    guess = invert(cheap, "etki", members=100, iterations=20, seed=number)
    covariance = guess.covariance + 1e-4 * np.eye(len(z))
    start = guess.mean + rng.standard_normal((4, len(z))) @ np.linalg.cholesky(covariance).T
    chains = sample_hamiltonian(
        density_of("matern52"), start, arguments=(target_of(emulator, observed),), draws=DRAWS, warm_up=WARM_UP,
        covariance=covariance, seed=number,
    )  # fmt: skip
    draws = chains.samples.reshape(-1, len(z))
    outside = float(emulator.hull.outside(draws).mean())
    return {
        "hits": {f"{level:g}": [bool(h) for h in within(draws, z, level)] for level in LEVELS},
        "rank": [float(r) for r in (draws < z).mean(axis=0)],
        "error": [float(e) for e in draws.mean(axis=0) - z],
        "sd": [float(s) for s in draws.std(axis=0)],
        "model_runs": 1,
        "rhat": float(split_rhat(chains.samples).max()),
        "divergences": chains.divergences,
        "outside": outside,
        "doubt": float(emulator.predict(draws[::4])[1].sum(axis=1).mean()),
        # counted, not taken out: replicates that a wider design would have been asked for
        "refused": int(outside > LIMIT),
    }


class _Emulated:
    """The emulator's mean as a forward map in standard numbers and whitened data."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def __call__(self, parameters: Array, /) -> Array:
        return self.emulator.predict_white(parameters)[0]


def _standard() -> list[Prior]:
    return [Prior(n, "normal", 0.0, 1.0) for n in NAMES]
