"""A start of its own for every member: slow pools that follow the member's parameters.

Semi-analytic, as the spin-up: a year of the model with the weather of the record, the equilibrium of the pools for the
means of that year, again. All members are columns of one program (`calibration.spinup_years`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from elterra.land import Fields, prepare, tile_state
from elterra.pipeline.reanalysis.ensemble import ParameterEnsemble
from elterra.pipeline.reanalysis.inputs import surface_of
from elterra.pipeline.reanalysis.record import LEAST_DAYS
from elterra.pipeline.reanalysis.setup import INITIAL, Station
from elterra.pipeline.reanalysis.station import OPERATOR, StationModel
from elterra.spinup import STEADY_STATE_MEANS, steady_state

Array = NDArray[np.float64]

#: days of a spin-up year
DAYS = LEAST_DAYS


def start_of(
    station: Station,
    ensemble: ParameterEnsemble,
    spun_up: Fields,
    rounds: int,
    tell: Callable[[int, int], None] | None = None,
) -> Fields:
    """State that `Station.model` starts the members of ``ensemble`` from.

    The common ``spun_up`` one, or, with ``rounds`` (`calibration.spinup_years`) above zero, one of each member's own,
    ``[..., member]``. ``tell`` hears days done and days in all.

    Raises `ForecastError` where a member leaves its bounds.
    """
    if rounds == 0:
        return spun_up
    model = station.model(ensemble, spun_up, free=True, weather_errors=False)
    model.s = tile_state(spun_up, ensemble.members)  # the disequilibrium comes after, where the runs begin
    # What turns over has the parameters of the whole year; their seasonal part acts in the year that is run.
    constant = replace(ensemble, seasonal=np.zeros_like(ensemble.seasonal)).physical(1.0)
    land = {n: v for n, v in constant.items() if n not in (*OPERATOR, *INITIAL)}
    p = prepare(surface_of(station.site).tile(ensemble.members), land)
    starts = first_days(station)
    for year in range(rounds):

        def told(day: int, year: int = year) -> None:
            if tell is not None:
                tell(year * DAYS + day, rounds * DAYS)

        first = starts[year % len(starts)]  # in turn, so that no single year's weather makes the equilibrium
        means = mean_year(
            model,
            lambda w: ensemble.physical(model.day_of_year(w)),
            np.full(ensemble.members, first),
            STEADY_STATE_MEANS,
            told,
        )
        model.s = steady_state(p, model.s, means, station.cfg)
    return jax.tree.map(jnp.asarray, model.s)


def first_days(station: Station) -> NDArray[np.int_]:
    """First windows of the whole years of the record."""
    return np.arange(station.windows // DAYS) * DAYS


def mean_year(
    model: StationModel,
    parameters: Callable[[int], Mapping[str, Array]],
    starts: NDArray[np.int_],
    names: Sequence[str],
    tell: Callable[[int], None],
) -> Fields:
    """Run `DAYS` windows without weather errors, in each column from its window of ``starts [column]``; means of the outputs
    ``names [..., column]``. ``parameters`` of a window of the first column; ``tell`` hears every twentieth day."""
    total: dict[str, Array] = {}
    for day in range(DAYS):
        means = model.undisturbed(starts + day, parameters(int(starts[0]) + day), names)
        total = {n: total[n] + v if n in total else v for n, v in means.items()}
        if day % 20 == 0:
            tell(day)
    return Fields({n: jnp.asarray(v / DAYS) for n, v in total.items()})
