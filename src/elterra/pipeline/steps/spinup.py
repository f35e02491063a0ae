"""Stage `spinup`: from a cold start to the equilibrium of the site's own climate.

The years of the record run side by side, each in a column of its own. Rounds of such a year alternate with the analytic
steady state of the pool matrices, averaged over all years (semi-analytic spin-up); native years at the end let the fast
pools settle.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from elterra.land import Fields, tile_state, write_restart
from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.reanalysis.own_start import DAYS, first_days, mean_year
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
#: rounds of (the years of the record side by side, analytic solve)
ROUNDS = 4


def run(context: Context) -> StageResult:
    """Writes ``spinup/state.restart``; figures: drift of the last year and the state reached, means over the years."""
    station = Station.load(context.experiment, context.run_dir)
    spec = context.experiment.spinup
    whole_year(context.experiment)
    model, parameters = undisturbed_model(station)
    starts = first_days(station)[: model.members]  # with fewer columns than years the last years are left out
    columns = np.arange(model.members) % len(starts)
    model.compile(parameters)
    ahead = compile_ahead(station, jax.tree.map(lambda x: x[..., :1], model.s))
    rounds = ROUNDS if spec.method == "analytic" else 0
    years = rounds + spec.years
    shown: Mapping[str, float] = {}
    previous = np.nan
    for year in range(years):

        def tell(day: int, year: int = year) -> None:
            context.progress(year * DAYS + day, years * DAYS, f"year {year + 1} of {years}")
            context.check_stop()

        columnwise = mean_year(
            model, lambda _: parameters, starts[columns], (*STEADY_STATE_MEANS, *_SHOWN), tell
        )
        means = {n: v[..., : len(starts)].mean(axis=-1, keepdims=True) for n, v in columnwise.items()}
        previous, shown = shown.get("TOTECOSYSC", np.nan), {n: float(means[n].ravel()[0]) for n in _SHOWN}
        if year < rounds:
            everywhere = {n: jnp.repeat(v, model.members, axis=-1) for n, v in means.items()}
            model.s = steady_state(model.p, model.s, everywhere, station.cfg)
        model.s = handed_on(model.s, len(starts))
    ahead.join()
    # column 0 has just been given the state at the end of the last year, from which the record's first year goes on
    write_restart(
        context.folder / "state.restart", jax.tree.map(lambda x: x[..., :1], model.s), described(model.s)
    )
    figures = {n: v * (YEAR if n in ("GPP", "NPP", "HR", "NEE") else 1.0) for n, v in shown.items()}
    if np.isfinite(previous):  # a single year has nothing to be compared with
        figures["drift_gC_m2_yr"] = shown["TOTECOSYSC"] - previous
    return StageResult(outputs=("spinup/state.restart",), figures=figures)


def undisturbed_model(station: Station) -> tuple[StationModel, Mapping[str, np.ndarray]]:
    """The model from a cold start with the default parameters, which come beside it, in all columns of the runs without
    data."""
    members = station.ensemble(station.free_members)
    default = members.with_vector(np.zeros_like(members.vector()[0]))
    start = station.cold_start(station.default_parameters(1))
    model = station.model(default, start, free=True)
    model.s = tile_state(start, model.members)  # the ensemble's disequilibrium is not for the spin-up
    return model, default.physical(1.0)


def handed_on(s: Fields, years: int) -> Fields:
    """The state with which each column starts its year again: that at the end of the year before it.

    Column ``c`` runs year ``c % years``; the first year comes after the last.
    """
    columns = np.arange(jax.tree.leaves(s)[0].shape[-1])
    before = (columns % years - 1) % years
    return jax.tree.map(lambda x: x[..., before], s)


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
