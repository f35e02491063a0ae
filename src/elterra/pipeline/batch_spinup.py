"""Spin-up of many places side by side: years of their weather and the analytic steady state, in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np

from elterra.errors import InputError
from elterra.land import Config, Fields, cold_start
from elterra.pipeline.batch import YEAR_DAYS, ColumnBatch, Columns, Place
from elterra.spinup import STEADY_STATE_MEANS, steady_state
from elterra.spinup.semi_analytic import YEAR

#: rounds of (a year, analytic solve), and years of the model alone after them
ROUNDS, NATIVE = 5, 2
#: annual values that are told, gC m-2 yr-1
SHOWN = ("GPP", "NPP", "HR", "NEE")


def spin_up_places(
    places: Sequence[Place],
    cfg: Config,
    *,
    years: Sequence[int] | None = None,
    rounds: int = ROUNDS,
    native: int = NATIVE,
    block: int = 32,
    threads: int = 1,
    tell: Callable[[int, int], None] = lambda year, of: None,
) -> tuple[Fields, dict[str, np.ndarray], np.ndarray]:
    """Equilibrium states ``[.., place]`` with the default parameters, and what the last year was.

    Each place repeats the first ``years [place]`` years of its weather (default: all whole ones). The pools of
    litter, soil, wood and evergreen leaves are set to the steady state of the mean climate after each of ``rounds``
    years (`steady_state`); ``native`` years let the rest settle. Figures ``[place]``: fluxes (gC m-2 yr-1), ``LAI``,
    ``drift_gC_m2_yr`` of ecosystem carbon in the last year. Last result: ``failed [place]``, not finite or with a balance
    that does not close in some year; their states are worthless.

    Raises `InputError` for places with less than a year of weather.
    """
    wanted = years or [p.days for p in places]
    whole = [min(p.days // YEAR_DAYS, n) for p, n in zip(places, wanted, strict=True)]
    if min(whole) < 1:
        short = [p.name for p, n in zip(places, whole, strict=True) if n < 1]
        raise InputError(f"spin-up: {', '.join(short)} have less than a year of weather; give a whole year")
    cut = [
        Place(p.name, p.surface, {n: v[: w * YEAR_DAYS * 48] for n, v in p.forcing.items()})
        for p, w in zip(places, whole, strict=True)
    ]
    names = tuple(dict.fromkeys((*STEADY_STATE_MEANS, *SHOWN, "LAI", "TOTECOSYSC")))
    batch = ColumnBatch(
        cut, cfg, means=names, series=("NEE",), block=min(block, max(len(cut), 2)), threads=threads
    )
    columns = Columns(np.arange(len(cut)), {}, {})
    p = batch.prepared(columns)
    warm = np.array([float(np.mean(c.forcing["forc_t"])) for c in cut]) + 2.0
    s = cold_start(p, cfg, temperature=jnp.asarray(warm))
    before = np.full(len(cut), np.nan)
    failed = np.zeros(len(cut), dtype=bool)
    shown: dict[str, np.ndarray] = {}
    for year in range(rounds + native):
        tell(year, rounds + native)
        done = batch.run(columns, p, s, year * YEAR_DAYS, YEAR_DAYS)
        failed |= done.failed
        before = shown.get("TOTECOSYSC", before)
        shown = {n: np.asarray(done.means[n]).reshape(-1, len(cut))[0] for n in (*SHOWN, "LAI", "TOTECOSYSC")}
        s = done.state
        if year < rounds:
            s = steady_state(p, Fields({n: jnp.asarray(v) for n, v in s.items()}), _host(done.means), cfg)
    figures = {n: shown[n] * YEAR for n in SHOWN} | {"LAI": shown["LAI"]}
    figures["drift_gC_m2_yr"] = shown["TOTECOSYSC"] - before
    return Fields({n: np.asarray(v) for n, v in s.items()}), figures, failed


def _host(means: Fields) -> Fields:
    return Fields({n: jnp.asarray(v) for n, v in means.items()})
