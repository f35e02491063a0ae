"""Many places as columns of one program: each column has its own facts, weather and parameters.

A station's ensemble (`reanalysis/station.py`) is one place with many members. Here places and members are both columns, in
blocks of one size: one compiled program serves any number of places, members and days. Columns do not know each other; one
that fails is told and harms no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import jax
import numpy as np
from numpy.typing import NDArray

from elterra.errors import InputError
from elterra.land import Config, Fields, Surface, give_back_memory, prepare, run_chunk
from elterra.land.forcing import NEUTRAL
from elterra.land.run import join_columns, split_columns
from elterra.pipeline.reanalysis.station import STOP_LIMITS

Array = NDArray[np.float64]

STEPS_PER_DAY = 48
YEAR_DAYS = 365  #: years have no leap day, as in CLM: places of different years share one calendar
#: forcing of a step that all columns share
CALENDAR = ("end_of_day", "end_of_year", "dayofyear")
#: hears a day of one block: number of the day, columns of the block, outputs ``[step, column]`` by name
Taker = Callable[[int, slice, Mapping[str, Array]], None]


@dataclass(frozen=True)
class Place:
    """A column of land. ``surface``: one column. ``forcing``: arrays ``[time, ..., 1]`` of the forcing contract of the land
    (docs/architecture.md) without `CALENDAR`; half-hours of whole days, from 1 January on, without leap days."""

    name: str
    surface: Surface
    forcing: Mapping[str, Array]

    def __post_init__(self) -> None:
        if self.surface.wt.shape[-1] != 1:
            raise InputError(
                f"place {self.name}: its surface has {self.surface.wt.shape[-1]} columns, expected 1"
            )
        lengths = {n: v.shape[0] for n, v in self.forcing.items()}
        if len(set(lengths.values())) != 1 or next(iter(lengths.values())) % STEPS_PER_DAY:
            raise InputError(
                f"place {self.name}: forcing must be whole days of {STEPS_PER_DAY} steps, got {lengths}"
            )

    @property
    def days(self) -> int:
        """Days of weather."""
        return int(self.forcing["forc_t"].shape[0]) // STEPS_PER_DAY


@dataclass(frozen=True)
class Columns:
    """What runs: ``place [column]`` (number of the place), ``parameters`` and ``factors`` of the forcing (`perturb_forcing`)
    by name, ``[column]``; a parameter left out has its default, a factor is neutral."""

    place: NDArray[np.int64]
    parameters: Mapping[str, Array]
    factors: Mapping[str, Array]

    def __len__(self) -> int:
        return int(self.place.size)


@dataclass(frozen=True)
class BatchResult:
    """``state`` at the end; time ``means`` of the outputs asked for; ``worst`` residual of each balance ``[column]``;
    ``failed [column]``: not finite, or a balance beyond its limit."""

    state: Fields
    means: Fields
    worst: Mapping[str, Array]
    failed: NDArray[np.bool_]


class ColumnBatch:
    """Runs columns of several places with one program. ``block`` columns at a time, blocks on ``threads``."""

    def __init__(
        self,
        places: Sequence[Place],
        cfg: Config,
        *,
        series: tuple[str, ...] = (),
        means: tuple[str, ...] = (),
        block: int = 128,
        threads: int = 1,
    ) -> None:
        if not places:
            raise InputError("a batch needs at least one place")
        patches = {p.surface.wt.shape[0] for p in places}
        if len(patches) != 1:
            raise InputError(f"places of one batch need the same number of patches; got {sorted(patches)}")
        self.places, self.cfg, self.series, self.means = tuple(places), cfg, series, means
        self.block, self.threads = block, threads

    def prepared(self, columns: Columns) -> Fields:
        """Parameters of the land model of all columns."""
        return prepare(join_surfaces([self.places[i].surface for i in columns.place]), columns.parameters)

    def run(
        self,
        columns: Columns,
        p: Fields,
        s: Fields,
        first_day: int,
        days: int,
        take: Taker | None = None,
        stop: Callable[[], None] | None = None,
    ) -> BatchResult:
        """``days`` days from ``first_day`` on. ``p`` is `prepared`, ``s`` the state of all columns. A place whose weather is
        over begins anew; ``take`` hears every day of every block; ``stop`` is called once a day and may raise."""
        count = len(columns)
        size = self.block
        parts, states = split_columns(p, size), split_columns(s, size)
        factors = {n: np.broadcast_to(columns.factors.get(n, v), (count,)) for n, v in NEUTRAL.items()}

        def one(i: int) -> tuple[Fields, Fields, Fields, NDArray[np.bool_]]:
            low, high = i * size, min((i + 1) * size, count)
            fill = np.minimum(np.arange(low, low + size), count - 1)
            own = Fields({n: np.ascontiguousarray(v[fill], dtype=np.float64) for n, v in factors.items()})
            place = columns.place[fill]
            state, total, worst = states[i], None, None
            bad = np.zeros(high - low, dtype=bool)
            for day in range(first_day, first_day + days):
                if stop is not None:
                    stop()
                forcing = self._forcing(day, place)
                state, series, means, _, residual = run_chunk(
                    parts[i], state, forcing, own, self.cfg, self.series, self.means, ()
                )
                host = {n: np.asarray(v)[..., : high - low] for n, v in jax.device_get(series).items()}
                for value in host.values():
                    bad |= ~np.isfinite(value).all(axis=tuple(range(value.ndim - 1)))
                if take is not None:
                    take(day, slice(low, high), host)
                total = means if total is None else jax.tree.map(lambda a, b: a + b, total, means)
                worst = (
                    residual if worst is None else jax.tree.map(np.maximum, worst, jax.device_get(residual))
                )
            assert total is not None
            assert worst is not None
            return state, jax.tree.map(lambda x: x / days, total), worst, bad

        blocks = range(len(parts))
        if self.threads > 1 and len(parts) > 1:
            self.compile(columns, p, s)
            with ThreadPoolExecutor(self.threads) as pool:
                found = list(pool.map(one, blocks))
        else:
            found = [one(i) for i in blocks]
        worst = {n: np.asarray(v) for n, v in join_columns([f[2] for f in found], count).items()}
        failed = np.concatenate([f[3] for f in found])
        for name, limit in STOP_LIMITS.items():
            if name in worst:
                failed |= ~(worst[name] <= limit)
        return BatchResult(
            Fields(join_columns([f[0] for f in found], count)),
            Fields(join_columns([f[1] for f in found], count)),
            worst,
            failed,
        )

    def compile(self, columns: Columns, p: Fields, s: Fields) -> None:
        """Compile the program without running it: threads that meet an uncompiled one would each compile it."""
        own = Fields({n: np.full(self.block, v) for n, v in NEUTRAL.items()})
        place = columns.place[np.minimum(np.arange(self.block), len(columns) - 1)]
        first, start = split_columns(p, self.block)[0], split_columns(s, self.block)[0]
        arguments = (first, start, self._forcing(0, place), own, self.cfg, self.series, self.means, ())
        run_chunk.lower(*arguments).compile()
        give_back_memory()

    def _forcing(self, day: int, place: NDArray[np.int64]) -> Fields:
        """Forcing of a day ``[step, ..., column]`` and its calendar ``[step]``."""
        used, index = np.unique(place, return_inverse=True)
        out: dict[str, Array] = {}
        for name in self.places[0].forcing:
            days = []
            for number in used:
                here = self.places[number]
                first = (day % here.days) * STEPS_PER_DAY
                days.append(here.forcing[name][first : first + STEPS_PER_DAY])
            out[name] = np.asarray(np.concatenate(days, axis=-1)[..., index], dtype=np.float64)
        return Fields({**out, **calendar(day)})


def calendar(day: int) -> dict[str, NDArray[np.generic]]:
    """`CALENDAR` of the steps of a day since the first 1 January, in years of 365 days."""
    of_year = day % YEAR_DAYS
    end = np.arange(STEPS_PER_DAY) == STEPS_PER_DAY - 1
    return {
        "end_of_day": end,
        "end_of_year": end & (of_year == YEAR_DAYS - 1),
        "dayofyear": np.full(STEPS_PER_DAY, of_year + 1, dtype=np.int32),
    }


def join_surfaces(surfaces: Sequence[Surface]) -> Surface:
    """Surfaces side by side, column after column."""
    return Surface(
        **{
            n: np.concatenate([np.asarray(getattr(s, n)) for s in surfaces], axis=-1)
            for n in vars(surfaces[0])
        }
    )


def take_columns(s: Fields, columns: NDArray[np.int64]) -> Fields:
    """The state of these columns, in this order."""
    return Fields({n: np.asarray(v)[..., columns] for n, v in s.items()})
