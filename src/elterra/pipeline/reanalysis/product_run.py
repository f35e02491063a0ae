"""Runs reanalysis and open loop side by side and writes finished windows to the store."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import elterra
from elterra.land import Fields, read_restart, write_restart
from elterra.land.config import NLEVSOI
from elterra.land.soil_heat import ZSOI
from elterra.pipeline.reanalysis.cycle import Cycle, Innovation, under
from elterra.pipeline.reanalysis.discrepancy import Discrepancy
from elterra.pipeline.reanalysis.ensemble import ParameterEnsemble
from elterra.pipeline.reanalysis.record import STEPS_PER_DAY
from elterra.pipeline.reanalysis.setup import Station
from elterra.pipeline.reanalysis.sink import WindowProduct, output_names
from elterra.pipeline.reanalysis.station import StationModel
from elterra.product._store_async import AsyncCommitter
from elterra.product.statistics import observation_flags, stored_name
from elterra.product.store import StoreWriter
from elterra.registry import variable

Array = NDArray[np.float64]
WindowArrays = Mapping[str, Mapping[str, NDArray[Any]]]

#: windows between two restarts: a killed run repeats at most so many, bit by bit
CHECKPOINT_EVERY = 90
OPENLOOP = "openloop/"


class ProductRun:
    """The two ensembles of a run, their outputs in step, and their common restart."""

    def __init__(
        self,
        station: Station,
        spun_up: Fields,
        calibrated: ParameterEnsemble,
        folder: Path,
        store: Path,
        discrepancy: Discrepancy | None = None,
        start: Fields | None = None,
    ) -> None:
        """``start``: state of the calibrated members, where it is not the common ``spun_up`` one."""
        tower = station.tower() if station.experiment.assimilation.enabled else None
        options = station.options()
        half, daily = output_names("halfhourly"), output_names("daily")
        self.station, self.windows = station, station.windows
        openloop = station.ensemble(station.free_members)
        self.cycles = {
            "": Cycle(
                station.model(
                    calibrated,
                    spun_up if start is None else start,
                    shift=discrepancy.shift if discrepancy is not None else None,
                ),
                calibrated,
                options,
                tower,
                discrepancy,
            ),
            OPENLOOP: Cycle(
                station.model(openloop, spun_up, free=True),
                openloop,
                options,
                None,
            ),
        }
        self.products = {name: WindowProduct(half, daily, STEPS_PER_DAY) for name in self.cycles}
        if discrepancy is not None and tower is not None:
            closure = float(calibrated.physical(1.0).get("le_closure", np.ones(1)).mean())
            published = discrepancy.published(tower)
            self.products[""] = WindowProduct(half, daily, STEPS_PER_DAY, published, closure)
        #: windows that are final in one ensemble and not yet in the other
        self.pending: dict[str, list[tuple[int, WindowArrays]]] = {name: [] for name in self.cycles}
        self.innovations: list[Innovation] = []
        self._restart, self._store = folder / "cycle.restart", store
        self.committed = -1

    def run(self, tell: Callable[[int, int], None], stop: Callable[[], bool]) -> bool:
        """Run to the end or until asked to stop; True when finished."""
        writer = self._open()
        for cycle in self.cycles.values():
            if isinstance(cycle.model, StationModel):
                cycle.model.compile(cycle.ensemble.physical(1.0))
        try:
            with AsyncCommitter(writer) as committer:
                while self.committed < self.windows - 1:
                    target = min(self._next_checkpoint(), self.windows)
                    self._advance(target, committer, tell, stop)
                    committer.flush()
                    self._checkpoint()
                    if stop() and self.committed < self.windows - 1:
                        return False
            writer.consolidate()
            return True
        finally:
            writer.close()

    def _next_checkpoint(self) -> int:
        done = min(c.window for c in self.cycles.values())
        return (done // CHECKPOINT_EVERY + 1) * CHECKPOINT_EVERY

    def _advance(
        self,
        target: int,
        committer: AsyncCommitter,
        tell: Callable[[int, int], None],
        stop: Callable[[], bool],
    ) -> None:
        """Both ensembles to window ``target``, each with its statistics on its own thread; what is final in both goes to the
        committer at once."""
        errors: list[BaseException] = []
        ready = threading.Lock()

        def work(name: str, cycle: Cycle) -> None:
            try:
                for final, fates, _ in cycle.run(target, last=self.windows):
                    for window in final:
                        product = self.products[name].arrays(window)
                        with ready:
                            self.pending[name].append((window.window, product))
                            self._hand_over(committer)
                    if name == "":
                        self.innovations.extend(fates)
                        tell(cycle.window, self.windows)
                    if stop():
                        return  # between two windows: the checkpoint holds both ensembles where they are
            except BaseException as error:
                errors.append(error)

        threads = [
            threading.Thread(target=work, args=item, name=f"cycle-{item[0]}") for item in self.cycles.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _hand_over(self, committer: AsyncCommitter) -> None:
        """Windows that are final in both ensembles, in their order, as groups of arrays for the store."""
        while all(self.pending.values()):
            groups: dict[str, Mapping[str, NDArray[Any]]] = {}
            number = -1
            for name, queue in self.pending.items():
                number, product = queue.pop(0)
                groups |= {f"{name}{group}": arrays for group, arrays in product.items()}
            committer.commit(number, groups)
            self.committed = number

    def _checkpoint(self) -> None:
        arrays: dict[str, Array] = {}
        header: dict[str, Any] = {"committed": self.committed, "cycles": {}, "products": {}, "pending": {}}
        for name, cycle in self.cycles.items():
            parts, head = cycle.checkpoint()
            arrays |= {f"{name}|{k}": v for k, v in parts.items()}
            header["cycles"][name] = head
            header["products"][name] = self.products[name].state()
            header["pending"][name] = []
            for window, product in self.pending[name]:
                for group, values in product.items():
                    arrays |= {f"{name}|pending/{window}/{group}/{k}": v for k, v in values.items()}
                header["pending"][name].append({"window": window, "groups": list(product)})
        header["innovations"] = [list(asdict(i).values()) for i in self.innovations]
        write_restart(self._restart, arrays, header)

    def _open(self) -> StoreWriter:
        """The store at the last checkpoint, or a new one."""
        if (self._store / "refs").is_dir():
            writer = StoreWriter.open(self._store)
            if self._restart.exists():
                self._restore(*read_restart(self._restart))
            if not (writer.consolidated and self.committed == self.windows - 1):
                writer.rewind(self.committed)
            return writer
        return StoreWriter.create(
            self._store,
            self._templates(),
            windows=self.windows,
            steps={g: (1 if g.endswith(("daily", "budget")) else STEPS_PER_DAY) for g in self._templates()},
            attrs=self._provenance(),
        )

    def _restore(self, arrays: Mapping[str, Array], header: Mapping[str, Any]) -> None:
        self.committed = int(header["committed"])
        for name, cycle in self.cycles.items():
            own = under(arrays, f"{name}|")
            cycle.restore(own, header["cycles"][name])
            self.products[name].restore(header["products"][name])
            self.pending[name] = [
                (w, {g: under(own, f"pending/{w}/{g}/") for g in groups})
                for w, groups in ((e["window"], e["groups"]) for e in header["pending"][name])
            ]
        self.innovations = [Innovation(*row) for row in header["innovations"]]

    def _templates(self) -> dict[str, xr.Dataset]:
        times = self.station.streams["time"].values[: self.windows * STEPS_PER_DAY]
        days = times[::STEPS_PER_DAY]
        half, daily = output_names("halfhourly"), output_names("daily")
        sample = self._sample()
        out = {}
        for name, cycle in self.cycles.items():
            members = cycle.ensemble.members
            out[f"{name}halfhourly"] = _statistics_template(half, times, 30, sample["halfhourly"])
            out[f"{name}daily"] = _statistics_template(daily, days, 1440, sample["daily"])
            one = np.broadcast_to(np.float32(0), (times.size, members))
            out[f"{name}members"] = xr.Dataset(
                {n: (("time", "member"), one, {"units": u}) for n, u in MEMBER_UNITS.items()},
                coords={"time": times, "member": np.arange(members)},
            )
            row = np.broadcast_to(np.float64(0), (days.size,))
            out[f"{name}budget"] = xr.Dataset(
                {n: (("time",), row, a) for n, a in self.products[name].budget_attributes().items()},
                coords={"time": days},
            )
        return out

    def _sample(self) -> dict[str, dict[str, tuple[int, ...]]]:
        """Shapes of the arrays of one window, without running it."""
        half: dict[str, tuple[int, ...]] = {
            stored_name(n, ""): (STEPS_PER_DAY,) for n in output_names("halfhourly")
        }
        daily = {n: variable(n).dims for n in output_names("daily")}
        layered: dict[str, tuple[int, ...]] = {
            n: (1, NLEVSOI) if "soil_layer" in d else (1,) for n, d in daily.items()
        }
        return {
            "halfhourly": half,
            "daily": layered,
            "budget": dict.fromkeys(self.products[""].budget_attributes(), (1,)),
        }

    def _provenance(self) -> dict[str, Any]:
        e = self.station.experiment
        return {
            "title": e.title or e.name,
            "experiment": json.dumps(e.model_dump(mode="json", exclude={"engine", "about"}), sort_keys=True),
            "experiment_hash": e.content_hash(),
            "source": f"elterra {elterra.__version__}",
            "site": self.station.site.name,
            "latitude": self.station.site.latitude,
            "longitude": self.station.site.longitude,
            "utc_offset": self.station.site.utc_offset_h,
        }


#: units of the kept members: those of the tower's measurements
MEMBER_UNITS = {
    "NEE": "umol m-2 s-1",
    "LE": "W m-2",
    "SWC": "m3 m-3",
    "GPP": "umol m-2 s-1",
    "ER": "umol m-2 s-1",
}


def _statistics_template(
    names: tuple[str, ...], times: NDArray[np.datetime64], minutes: int, shapes: Mapping[str, tuple[int, ...]]
) -> xr.Dataset:
    from elterra.product.statistics import STATISTICS

    data: dict[str, Any] = {}
    layered = False
    for name in names:
        shape = (times.size, *shapes[name][1:])
        layered |= len(shape) > 1
        blank = np.broadcast_to(np.float32(0), shape)
        dims = ("time", "soil_layer")[: len(shape)]
        for statistic in STATISTICS:
            data[stored_name(name, statistic)] = (dims, blank, {"units": variable(name).units})
    bounds = np.stack([times, times + np.timedelta64(minutes, "m")], axis=1)
    coords: dict[str, Any] = {"time": times, "time_bnds": (("time", "bnds"), bounds)}
    if layered:
        coords["soil_layer"] = ("soil_layer", np.asarray(ZSOI[:NLEVSOI]), {"units": "m", "positive": "down"})
    return xr.Dataset(data, coords=coords)


def flags_dataset(station: Station, innovations: list[Innovation], reach_days: float) -> xr.Dataset:
    """Flag of each assimilated variable on half-hours: observed, filled from one or both sides, forcing filled."""
    time = station.streams["time"].values[: station.windows * STEPS_PER_DAY]
    tower = station.tower()
    rejected = {name: np.zeros(time.size, dtype=bool) for name in tower.used}
    for fate in innovations:
        if not fate.used:
            rejected[fate.kind.split("_")[0]][fate.first_step : fate.last_step + 1] = True
    filled = np.zeros(time.size, dtype=bool)
    for name in ("TBOT", "FSDS", "FLDS", "QBOT"):
        filled |= station.streams[f"{name}_flag"].values[: time.size] != 0
    out = xr.Dataset(coords={"time": time})
    for name, used in tower.used.items():
        flags = observation_flags(time, used[: time.size] & ~rejected[name], reach_days, filled)
        out[f"{name}_flag"] = flags["flag"]
        out[f"{name}_distance"] = flags["distance"]
    return out
