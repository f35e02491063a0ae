"""Stage `spinup`: from a cold start to the equilibrium of the site's own climate.

Years of the model with the station's weather alternate with the analytic steady state of the pool matrices
(semi-analytic spin-up); native years at the end let the fast pools settle.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import jax
import numpy as np

from elterra.land import Fields, tile_state, write_restart
from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.reanalysis.own_start import DAYS, first_day, mean_year
from elterra.pipeline.reanalysis.record import whole_year
from elterra.pipeline.reanalysis.setup import Station
from elterra.pipeline.reanalysis.station import StationModel
from elterra.pipeline.spinup_cycle import described
from elterra.spinup import STEADY_STATE_MEANS, steady_state
from elterra.spinup.semi_analytic import YEAR

_SHOWN = (
    "GPP",
    "NPP",
    "HR",
    "NEE",
    "LAI",
    "TOTVEGC",
    "TOTLITC",
    "TOTSOMC",
    "TOTECOSYSC",
    "TOTECOSYSN",
    "SMINN",
)
#: rounds of (years of weather, analytic solve)
ROUNDS = 4


def run(context: Context) -> StageResult:
    """Writes ``spinup/state.restart``; figures: drift of the last year and the state reached."""
    station = Station.load(context.experiment, context.run_dir)
    spec = context.experiment.spinup
    whole_year(context.experiment)
    model, parameters = undisturbed_model(station)
    model.compile(parameters)
    ahead = compile_ahead(station, model.s)
    rounds = ROUNDS if spec.method == "analytic" else 0
    years = rounds + spec.years
    shown: Mapping[str, float] = {}
    previous = np.nan
    for year in range(years):

        def tell(day: int, year: int = year) -> None:
            context.progress(year * DAYS + day, years * DAYS, f"year {year + 1} of {years}")
            context.check_stop()

        names = (*STEADY_STATE_MEANS, *_SHOWN)
        means = mean_year(model, lambda _: parameters, first_day(station, year), names, tell)
        previous, shown = shown.get("TOTECOSYSC", np.nan), {n: float(means[n][..., 0]) for n in _SHOWN}
        if year < rounds:
            model.s = steady_state(model.p, model.s, means, station.cfg)
    ahead.join()
    write_restart(
        context.folder / "state.restart", jax.tree.map(lambda x: x[..., :1], model.s), described(model.s)
    )
    figures = {n: v * (YEAR if n in ("GPP", "NPP", "HR", "NEE") else 1.0) for n, v in shown.items()}
    if np.isfinite(previous):  # a single year has nothing to be compared with
        figures["drift_gC_m2_yr"] = shown["TOTECOSYSC"] - previous
    return StageResult(outputs=("spinup/state.restart",), figures=figures)


def undisturbed_model(station: Station) -> tuple[StationModel, Mapping[str, np.ndarray]]:
    """The model from a cold start with the default parameters, which come beside it.

    One column would do. But the program of the runs without data is compiled in any case, and its columns cost less than
    the compilation of one more.
    """
    members = station.ensemble(station.free_members)
    default = members.with_vector(np.zeros_like(members.vector()[0]))
    start = station.cold_start(station.default_parameters(1))
    model = station.model(default, start, free=True)
    model.s = tile_state(start, model.members)  # the ensemble's disequilibrium is not for the spin-up
    return model, default.physical(1.0)


def compile_ahead(station: Station, s: Fields) -> threading.Thread:
    """Compile the program of the ensembles with data on another core while the spin-up runs on this one.

    What is compiled does not depend on values; a failure here would come again, with its reason, where the program is
    used.
    """
    members = station.ensemble()
    model = station.model(members, s)
    thread = threading.Thread(
        target=model.compile, args=(members.physical(1.0),), name="compile-ahead", daemon=True
    )
    thread.start()
    return thread
