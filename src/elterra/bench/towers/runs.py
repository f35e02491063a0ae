"""Runs of the land model at many towers with many parameter vectors, packed into blocks of columns and kept on disk."""

from __future__ import annotations

import hashlib
import io
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from elterra.bench.towers.records import SERIES, Tower
from elterra.bench.towers.unknowns import NAMES, physical
from elterra.errors import InputError
from elterra.files import digest_of, write_atomically
from elterra.land import Config, Fields
from elterra.pipeline.batch import (
    STEPS_PER_DAY,
    YEAR_DAYS,
    BatchResult,
    ColumnBatch,
    Columns,
    Place,
    take_columns,
)
from elterra.pipeline.batch_spinup import spin_up_places
from elterra.pipeline.reanalysis.setup import disequilibrium

Array = NDArray[np.float64]
#: predicted means by kind, ``[day, member]``; NaN: the member failed
Predictions = Mapping[str, Array]

#: changes when what is kept of a run changes: old files are then made anew
FORMAT = "elterra_towers_1"
#: the land as stations run it
CFG = Config(nlevsno=5, stress="btran", capacity="prescribed", nitrogen="competition")


@dataclass(frozen=True)
class Request:
    """Days ``0:days`` of a tower with parameter vectors ``z [unknown, member]``."""

    tower: Tower
    z: Array
    days: int

    @property
    def columns(self) -> int:
        return len(self.tower.tiles) * self.z.shape[1]


@dataclass
class TowerRuns:
    """Runs requests; finished ones are kept in ``folder`` and not repeated.

    ``block``: columns of the program; a request has to fit into one. ``threads``: blocks side by side.
    """

    towers: Sequence[Tower]
    folder: Path
    block: int = 128
    threads: int = 1
    rounds: int = 5
    native: int = 2
    spin_up_block: int = 32
    ran: int = 0
    _states: dict[str, Fields] = field(default_factory=dict)

    def predict(self, requests: Sequence[Request]) -> list[Predictions]:
        """Predicted means of the kinds of each tower, beside the whole day's means of `SERIES` (keys ``NEE_all``, ...)."""
        paths = [self.folder / "runs" / f"{self._key(r)}.npz" for r in requests]
        todo = [r for r, path in zip(requests, paths, strict=True) if not path.is_file()]
        if todo:
            self._run(todo)
        return [_read(path) for path in paths]

    def spin_up(self) -> dict[str, dict[str, float]]:
        """Equilibrium of the towers' columns with the default parameters, kept; what the last year was, by tower.

        Towers of which a column fails are taken out of ``towers``, with a word on stderr.
        """
        missing = [t for t in self.towers if not self._spun_up(t).is_file()]
        if missing:
            self._spin_up(missing)
        told: dict[str, dict[str, float]] = {}
        for tower in list(self.towers):
            held = _read(self._spun_up(tower))
            if not held:
                _say(f"{tower.key} left out: its spin-up left the bounds of the model")
                self.towers = [t for t in self.towers if t is not tower]
                continue
            self._states[tower.key] = Fields({n[2:]: v for n, v in held.items() if n.startswith("s/")})
            told[tower.key] = {n[2:]: float(v) for n, v in held.items() if n.startswith("f/")}
        return told

    def _spin_up(self, towers: Sequence[Tower]) -> None:
        places = [p for t in towers for p in t.places]
        # weather of the part that is calibrated on, as far as it goes
        years = [max(1, t.train_days // YEAR_DAYS) for t in towers for _ in t.places]
        begin = time.perf_counter()

        def tell(year: int, of: int) -> None:
            _say(
                f"spin-up of {len(places)} columns, year {year + 1} of {of}, {time.perf_counter() - begin:.0f} s"
            )

        state, figures, failed = spin_up_places(
            places,
            CFG,
            years=years,
            rounds=self.rounds,
            native=self.native,
            block=self.spin_up_block,
            tell=tell,
        )
        at = 0
        for tower in towers:
            columns = np.arange(at, at + len(tower.places))
            at += len(tower.places)
            held: dict[str, np.ndarray] = {}
            if not failed[columns].any():
                weights = np.array([w for w, _ in tower.tiles])
                held = {f"s/{n}": np.asarray(v) for n, v in take_columns(state, columns).items()}
                held |= {f"f/{n}": np.asarray(v[columns] @ weights) for n, v in figures.items()}
            _write(self._spun_up(tower), held)

    def _key(self, request: Request) -> str:
        z = np.ascontiguousarray(request.z, dtype=np.float64)
        spin = [self.rounds, self.native]
        return digest_of(
            [FORMAT, request.tower.identity, list(NAMES), z.tobytes().hex(), request.days, spin]
        )[:24]

    def _spun_up(self, tower: Tower) -> Path:
        name = digest_of([FORMAT, land_digest(), tower.identity, self.rounds, self.native])[:24]
        return self.folder / "spinup" / f"{name}.npz"

    def _run(self, requests: Sequence[Request]) -> None:
        if not self._states:
            self.spin_up()
        packs = pack(requests, self.block)
        jobs = [_Job(self, pack_) for pack_ in packs]
        begin = time.perf_counter()
        done = 0

        def one(job: _Job) -> None:
            nonlocal done
            job.run()
            done += 1
            spent = time.perf_counter() - begin
            _say(f"block {done} of {len(jobs)} ({job.text}), {spent:.0f} s")

        if self.threads > 1 and len(jobs) > 1:
            jobs[0].compile()
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(one, jobs))
        else:
            for job in jobs:
                one(job)
        self.ran += sum(r.z.shape[1] for r in requests)


@cache
def land_digest() -> str:
    """Digest of the source of the land model and its parameters: runs of another land are not those of this one."""
    package = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for room in ("land", "registry", "spinup"):
        for file in sorted((package / room).rglob("*")):
            if file.suffix in (".py", ".toml"):
                digest.update(file.relative_to(package).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def pack(requests: Sequence[Request], block: int) -> list[list[Request]]:
    """Requests in blocks of at most ``block`` columns, those of equal length together, first fit."""
    packs: list[tuple[int, int, list[Request]]] = []
    for request in sorted(requests, key=lambda r: -r.days):
        if request.columns > block:
            raise InputError(
                f"towers: {request.tower.key} needs {request.columns} columns, a block has {block}; take fewer members"
            )
        for i, (days, free, held) in enumerate(packs):
            if days == request.days and free >= request.columns:
                packs[i] = (days, free - request.columns, [*held, request])
                break
        else:
            packs.append((request.days, block - request.columns, [request]))
    return [held for _, _, held in packs]


class _Job:
    """The requests of one block of columns."""

    def __init__(self, runs: TowerRuns, requests: Sequence[Request]) -> None:
        self.runs, self.requests = runs, requests
        self.text = ", ".join(f"{r.tower.key} {r.days} d" for r in requests)

    def _columns(self) -> tuple[ColumnBatch, Columns, Fields, Fields]:
        """Columns in the order request, plant type, member."""
        places: list[Place] = []
        place: list[NDArray[np.int64]] = []
        values: list[Mapping[str, Array]] = []
        factors: list[Mapping[str, Array]] = []
        starts: list[Mapping[str, Array]] = []
        for request in self.requests:
            for tile, (_, site) in enumerate(request.tower.tiles):
                place.append(np.full(request.z.shape[1], len(places)))
                places.append(request.tower.places[tile])
                found = physical(request.z, site.patches[0].pft, request.tower.weather.rain_measured)
                values.append(found.land)
                factors.append(found.factors)
                starts.append(found.start)
        batch = ColumnBatch(places, CFG, series=tuple(SERIES), block=self.runs.block)
        index = np.concatenate(place)
        own = {n: np.concatenate([f[n] for f in factors]) for n in factors[0]}
        plain = batch.prepared(Columns(index, {}, {}))
        names = dict.fromkeys(n for v in values for n in v)
        land = {n: self._values(n, plain, values, place) for n in names}
        columns = Columns(index, land, own)
        p = batch.prepared(columns)
        spun_up = [self._state(r, k) for r in self.requests for k in range(len(r.tower.tiles))]
        repeated = [
            take_columns(s, np.zeros(i.size, dtype=np.int64)) for s, i in zip(spun_up, place, strict=True)
        ]
        s = Fields({n: jnp.asarray(np.concatenate([x[n] for x in repeated], axis=-1)) for n in repeated[0]})
        start = {n: np.concatenate([v[n] for v in starts]) for n in starts[0]}
        return batch, columns, p, disequilibrium(p, s, start, self.requests[0].tower.facts.site)

    def _state(self, request: Request, tile: int) -> Fields:
        return take_columns(self.runs._states[request.tower.key], np.array([tile]))

    @staticmethod
    def _values(
        name: str, plain: Fields, values: Sequence[Mapping[str, Array]], place: Sequence[NDArray[np.int64]]
    ) -> Array:
        """A parameter of all columns; plant types for which it has no prior keep their default."""
        default = np.asarray(plain[name])
        default = default[0] if default.ndim == 2 else default
        out, at = np.array(default, dtype=np.float64), 0
        for found, index in zip(values, place, strict=True):
            if name in found:
                out[at : at + index.size] = found[name]
            at += index.size
        return out

    def compile(self) -> None:
        batch, columns, p, s = self._columns()
        batch.compile(columns, p, s)

    def run(self) -> None:
        batch, columns, p, s = self._columns()
        days = self.requests[0].days
        reducers = []
        at = 0
        for request in self.requests:
            reducers.append(_Reducer(request, at))
            at += request.columns

        def take(day: int, where: slice, series: Mapping[str, Array]) -> None:
            for reducer in reducers:
                reducer.take(day, series)

        done: BatchResult = batch.run(columns, p, s, 0, days, take)
        for request, reducer in zip(self.requests, reducers, strict=True):
            failed = reducer.failed(done.failed)
            held = {n: np.where(failed, np.nan, v).astype(np.float32) for n, v in reducer.out.items()}
            _write(self.runs.folder / "runs" / f"{self.runs._key(request)}.npz", held)


class _Reducer:
    """Half-hours of the columns of one request to means of its kinds."""

    def __init__(self, request: Request, at: int) -> None:
        self.tower, self.members = request.tower, request.z.shape[1]
        self.at = at
        self.weights = np.array([w for w, _ in request.tower.tiles])
        self.closure = physical(request.z, request.tower.tiles[0][1].patches[0].pft, True).closure
        kinds = [*(t.kind for t in request.tower.targets), *(f"{n}_all" for n in SERIES)]
        self.out = {kind: np.full((request.days, self.members), np.nan) for kind in kinds}

    def take(self, day: int, series: Mapping[str, Array]) -> None:
        seen = {}
        for name, factor in SERIES.items():
            own = series[name][:, self.at : self.at + self.weights.size * self.members]
            flux = factor * np.tensordot(
                own.reshape(STEPS_PER_DAY, self.weights.size, self.members), self.weights, (1, 0)
            )
            seen[name] = flux * self.closure if name in ("LE", "H") else flux
            self.out[f"{name}_all"][day] = seen[name].mean(axis=0)
        for target in self.tower.targets:
            steps = target.steps[day]
            # a day without data is predicted as well: what the model says does not depend on what was measured
            steps = steps if steps.any() else self._usual(target.kind, day)
            self.out[target.kind][day] = seen[target.variable][steps].mean(axis=0) if steps.any() else np.nan

    def _usual(self, kind: str, day: int) -> NDArray[np.bool_]:
        light = self.tower.weather.daylight[day]
        return light if kind.endswith("_day") else ~light if kind.endswith("_night") else np.ones_like(light)

    def failed(self, columns: NDArray[np.bool_]) -> NDArray[np.bool_]:
        own = columns[self.at : self.at + self.weights.size * self.members]
        return np.asarray(own.reshape(self.weights.size, self.members).any(axis=0))


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **dict(arrays))
    write_atomically(path, buffer.getvalue())


def _read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as held:
        return {n: held[n] for n in held.files}


def _say(text: str) -> None:
    print(f"towers: {text}", file=sys.stderr, flush=True)
