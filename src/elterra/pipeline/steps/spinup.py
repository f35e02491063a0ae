"""Stage `spinup`: from a cold start to the equilibrium of the site's own climate.

Years of the model with the station's weather alternate with the analytic steady state of the pool matrices
(semi-analytic spin-up); native years at the end let the fast pools settle.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from elterra.errors import InputError
from elterra.land import Fields, run_chunk, write_restart
from elterra.land.forcing import neutral_factors
from elterra.land.run import forcing_chunk
from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.reanalysis.free_run import MEMBERS as FREE_MEMBERS
from elterra.pipeline.reanalysis.inputs import STEPS_PER_DAY
from elterra.pipeline.reanalysis.setup import Station
from elterra.pipeline.spinup_cycle import described
from elterra.spinup import steady_state
from elterra.spinup._accumulate import NAMES
from elterra.spinup.semi_analytic import YEAR

#: the spin-up needs no members; two columns are the least that keeps the bits of a larger batch
COLUMNS = 2
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
#: days of a spin-up year
DAYS = 365
#: rounds of (years of weather, analytic solve)
ROUNDS = 4


def run(context: Context) -> StageResult:
    """Writes ``spinup/state.restart``; figures: drift of the last year and the state reached."""
    station = Station.load(context.experiment, context.run_dir)
    spec = context.experiment.spinup
    p = station.default_parameters(COLUMNS)
    s = station.cold_start(p)
    if station.windows < DAYS:
        raise InputError(
            f"spin-up needs a whole year of weather; the period has {station.windows} days. Lengthen `period`."
        )
    days = DAYS
    rounds = ROUNDS if spec.method == "analytic" else 0
    total = (rounds + spec.years) * days
    shown: Mapping[str, float] = {}
    previous = np.nan
    ahead = compile_ahead(station, s)
    for year in range(rounds + spec.years):
        start = _first_day(station, year, days)

        def tell(day: int, year: int = year) -> None:
            context.progress(year * days + day, total, f"year {year + 1} of {rounds + spec.years}")
            context.check_stop()

        s, means = _year(station, p, s, start, days, tell)
        previous, shown = shown.get("TOTECOSYSC", np.nan), {n: float(means[n][..., 0]) for n in _SHOWN}
        if year < rounds:
            s = steady_state(p, s, means, station.cfg)
    ahead.join()
    write_restart(context.folder / "state.restart", s, described(s))
    figures = {n: v * (YEAR if n in ("GPP", "NPP", "HR", "NEE") else 1.0) for n, v in shown.items()}
    if np.isfinite(previous):  # a single year has nothing to be compared with
        figures["drift_gC_m2_yr"] = shown["TOTECOSYSC"] - previous
    return StageResult(outputs=("spinup/state.restart",), figures=figures)


def compile_ahead(station: Station, s: Fields) -> threading.Thread:
    """Compile the programs of the later stages on another core while the spin-up runs on this one.

    What is compiled does not depend on values; a failure here would come again, with its reason, where the program is
    used.
    """
    members = station.ensemble()
    ensembles = [members, members.condensed(FREE_MEMBERS)]
    models = [station.model(ensemble, s) for ensemble in ensembles]

    def work() -> None:
        for model, ensemble in zip(models, ensembles, strict=True):
            model.compile(ensemble.physical(1.0))

    thread = threading.Thread(target=work, name="compile-ahead", daemon=True)
    thread.start()
    return thread


def _first_day(station: Station, year: int, days: int) -> int:
    """Years of the record in turn, so that no single year's weather makes the equilibrium."""
    available = max(station.windows // days, 1)
    return (year % available) * days


def _year(station: Station, p: Fields, s: Fields, start: int, days: int, tell) -> tuple[Fields, Fields]:  # type: ignore[no-untyped-def]
    factors = neutral_factors(COLUMNS)
    names = tuple(dict.fromkeys((*NAMES, *_SHOWN)))
    total: dict[str, np.ndarray] = {}
    for day in range(start, start + days):
        chunk = forcing_chunk(station.forcing, day * STEPS_PER_DAY, (day + 1) * STEPS_PER_DAY)
        s, _, means, _, _ = run_chunk(p, s, chunk, factors, station.cfg, (), names, ())
        host = jax.device_get(means)
        total = {n: total[n] + host[n] if n in total else host[n] for n in names}
        if day % 20 == 0:
            tell(day - start)
    return s, Fields({n: jnp.asarray(v / days) for n, v in total.items()})
