"""The calibrated ensemble run freely through the whole period: what the model says where no datum corrects it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.land import Fields
from elterra.pipeline.reanalysis.ensemble import ParameterEnsemble
from elterra.pipeline.reanalysis.own_start import start_of
from elterra.pipeline.reanalysis.record import STEPS_PER_DAY
from elterra.pipeline.reanalysis.setup import FREE_DAILY, FREE_SERIES, Station

Array = NDArray[np.float64]

#: tower equivalents that are kept
TOWER = ("NEE", "GPP", "ER", "LE", "SWC")
#: days that a later segment runs before it counts: the spun-up state is that of a New Year, with snow, and has to
#: forget it (the segments begin in September, the lead-in in May)
LEAD_IN = 120
#: parts of the period that run side by side: not the number of threads, which may not matter to the results
SEGMENTS = 2


def free_run(
    station: Station,
    ensemble: ParameterEnsemble,
    spun_up: Fields,
    threads: int,
    tell: Callable[[int, int, str], None],
) -> xr.Dataset:
    """Ensemble means on ``time`` over the whole period, half-hourly.

    ``tower_<name>``: what the tower would measure (units of the observations); other names: model outputs, daily ones
    repeated. The members are `Station.free_members` with the mean and the leading modes of ``ensemble``. The period is cut
    into `SEGMENTS`; each starts from the spun-up state (`start_of` these members), later ones `LEAD_IN` days early.
    """
    ensemble = ensemble.condensed(station.free_members)
    spun_up = start_of(station, ensemble, spun_up, station.experiment.calibration.spinup_years)
    parts = segments(station.windows, SEGMENTS, station.day_of_first_window())
    station.model(ensemble, spun_up, free=True).compile(ensemble.physical(1.0))
    done = dict.fromkeys(parts, 0)
    total = sum(stop - begin for begin, _, stop in parts)

    def one(part: tuple[int, int, int]) -> Mapping[str, Array]:
        begin, first, stop = part
        model = station.model(ensemble, spun_up, first_window=begin, free=True)
        rows: dict[str, list[Array]] = {}
        for w in range(stop - begin):
            forecast = model.forecast(w, ensemble.physical(model.day_of_year(w)))
            done[part] = w + 1
            if w % 20 == 0:
                tell(sum(done.values()), total, "free run")
            if begin + w < first:
                continue
            for name in FREE_SERIES:
                rows.setdefault(name, []).append(forecast.series[name].mean(axis=-1))
            for name in FREE_DAILY:
                value = np.atleast_1d(forecast.daily[name].mean(axis=-1))
                for k, layer in enumerate(_layers(name)):
                    rows.setdefault(f"{name}{k}" if layer else name, []).append(
                        np.repeat(value[layer or 0], STEPS_PER_DAY)
                    )
            for name in TOWER:
                rows.setdefault(f"tower_{name}", []).append(forecast.equivalents[name].mean(axis=-1))
        return {name: np.concatenate(row) for name, row in rows.items()}

    with ThreadPoolExecutor(max_workers=threads) as pool:
        pieces = list(pool.map(one, parts))
    time = station.streams["time"].values[: station.windows * STEPS_PER_DAY]
    return xr.Dataset(
        {n: ("time", np.concatenate([p[n] for p in pieces])) for n in pieces[0]}, coords={"time": time}
    )


def _layers(name: str) -> tuple[int, ...]:
    """Soil layers kept of a layered output: 1 cm, 26 cm and 1 m; of a single value its only entry."""
    return (0, 3, 7) if name == "TSOI" else (0,)


def segments(windows: int, most: int, first_day_of_year: int) -> list[tuple[int, int, int]]:
    """``(begin, first, stop)``, at ``most`` so many: windows ``first:stop`` count, the run begins at ``begin``.

    Cuts lie at the first of September nearest to an even share; a period of less than two years is one segment.
    """
    count = max(1, min(most, windows // 730))
    september = 244
    autumns = [w for w in range((september - first_day_of_year) % 365, windows, 365) if w > LEAD_IN]
    cuts = [0]
    for k in range(1, count):
        ideal = k * windows / count
        cut = min(autumns, key=lambda w: abs(w - ideal), default=0)
        if cut > cuts[-1]:
            cuts.append(cut)
    stops = [*cuts[1:], windows]
    return [(max(first - LEAD_IN, 0), first, stop) for first, stop in zip(cuts, stops, strict=True)]
