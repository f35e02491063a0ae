"""Discrepancy of the tower operator: learned, carried by every prediction of a tower, booked in the product.

See `elterra.calibration.discrepancy` for the method. Here: which features, which targets, how the discrepancy of the net
flux is shared between photosynthesis and respiration, and how members are made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.calibration import (
    ErrorStructure,
    blocks_of_days,
    condition,
    error_structure,
    learn_mean,
    uncovered,
)
from elterra.domain import Site
from elterra.pipeline.reanalysis.cycle import FinalWindow
from elterra.pipeline.reanalysis.ensemble import rng
from elterra.pipeline.reanalysis.inputs import STEPS_PER_DAY, save_dataset
from elterra.pipeline.reanalysis.sink import MEMBER_VARIABLES, TowerMembers
from elterra.pipeline.reanalysis.windows import TowerSeries
from elterra.product.baselines import driver_features

Array = NDArray[np.float64]

#: fluxes whose operator has a learned discrepancy with a random part
LEARNED = ("NEE", "LE")
#: slow states with a learned discrepancy: what is left of it is the drift of the sensor's offset
SLOW = ("SWC",)
#: days of a block that is left out at a time, and into how many parts the blocks are dealt
BLOCK_DAYS, FOLDS = 20, 5
#: the misfit of soil water lasts for a season: so long are its blocks; and of each day a few half-hours tell all
SLOW_BLOCK_DAYS, SLOW_EVERY = 90, 6
#: features that a slow state may not see
CLOCK = ("SW_POT", "hour_")
#: features that respiration may not see: at night, where it is measured, they are constant
DAYTIME_ONLY = (
    "SW_IN",
    "SW_POT",
    "hour_",
    "GPP",
    "RNET",
    "TRAN",
    "tower_",
    "NEE",
    "LE",
    "H",
    "G",
    "ECAN",
    "ESOIL",
)
#: night-time half-hours from which respiration is learned: turbulence leaves few of them
LEAST_NIGHTS = 300
#: share of the variance of the discrepancy that is kept however wide the ensemble is
LEAST_SHARE = 0.2


@dataclass(frozen=True)
class Discrepancy:
    """``shift [time]`` by tower variable (NEE, GPP, ER, LE, SWC) is added to what the model says; `error` by flux learned.

    The shifts obey NEE = ER - GPP, and that of GPP is zero at night.
    """

    shift: Mapping[str, Array]
    error: Mapping[str, ErrorStructure]
    seed: int

    def block_sd(self, variable: str, steps: NDArray[np.int64], spread: float, noise_sd: Array) -> float:
        """Sd of the mean discrepancy of some ``steps`` of one window (``noise_sd``: sd of their measurement errors).

        What the members' own ``spread`` (sd of the predicted mean) covers is not counted twice.
        """
        if variable not in self.error:
            return 0.0
        variance = float(self.error[variable].covariance(steps, noise_sd).mean())
        return float(np.sqrt(max(variance - spread**2, LEAST_SHARE * variance)))

    def members(
        self,
        window: int,
        start: int,
        equivalents: Mapping[str, Array],
        seen: Mapping[str, Array],
        tower: TowerSeries,
    ) -> dict[str, Array]:
        """The random part for every member, ``[step, member]`` by tower variable, conditioned on the window's data.

        equivalents: (smoothed) members with the shift in them; seen: steps whose measurement the filter took, by
        variable. At night the part of NEE belongs to respiration, by day to photosynthesis.
        """
        out: dict[str, Array] = {}
        for variable, structure in self.error.items():
            members = equivalents[variable]
            steps, count = members.shape
            here = slice(start, start + steps)
            noise = tower.random_sd[variable][here]
            noise = np.where(np.isfinite(noise), noise, np.nanmedian(tower.random_sd[variable]))
            covariance = structure.covariance(np.arange(start, start + steps), noise)
            known = np.asarray(seen.get(variable, np.zeros(steps)), dtype=bool)
            random = rng(self.seed, f"e{variable}", window).standard_normal((2, steps, count))
            random -= random.mean(axis=2, keepdims=True)
            out[variable] = condition(
                uncovered(covariance, members, LEAST_SHARE),
                known,
                np.where(known, tower.values[variable][here], 0.0) - members.mean(axis=1),
                noise,
                random[0],
                random[1],
            )
        if "NEE" in out:
            day = tower.daylight[start : start + out["NEE"].shape[0], None]
            out["ER"] = np.where(day, 0.0, out["NEE"])
            out["GPP"] = np.where(day, -out["NEE"], 0.0)
        return out

    def published(self, tower: TowerSeries, steps_per_window: int = STEPS_PER_DAY) -> TowerMembers:
        """Makes tower members of final windows (see `TowerMembers`): smoothed, with shift and random part."""

        def make(final: FinalWindow) -> tuple[dict[str, Array], dict[str, Array]]:
            start = final.window * steps_per_window
            out = final.tower()
            random = self.members(final.window, start, out, final.forecast.seen, tower)
            added: dict[str, Array] = {}
            for name, shift in self.shift.items():
                added[name] = shift[start : start + steps_per_window, None] + random.get(name, 0.0)
            for name, e in random.items():
                out[name] = out[name] + e
            return {n: out[n] for n in MEMBER_VARIABLES}, added

        return make

    def save(self, path: Path, time: NDArray[np.datetime64]) -> None:
        ds = xr.Dataset(coords={"time": time})
        for name, values in self.shift.items():
            ds[f"{name}_shift"] = ("time", values)
        for name, e in self.error.items():
            ds[f"{name}_variance"] = ("time", e.variance)
            ds[f"{name}_variance"].attrs = {"common": e.common, "hourly": e.hourly, "memory": e.memory}
        ds.attrs["seed"] = self.seed
        save_dataset(ds, path)

    @classmethod
    def load(cls, path: Path) -> Discrepancy:
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            ds = opened.load()
        shift = {str(n)[: -len("_shift")]: ds[n].values for n in ds if str(n).endswith("_shift")}
        error = {}
        for n in ds:
            if str(n).endswith("_variance"):
                a = ds[n].attrs
                error[str(n)[: -len("_variance")]] = ErrorStructure(
                    ds[n].values, float(a["common"]), float(a["hourly"]), float(a["memory"])
                )
        return cls(shift, error, int(ds.attrs["seed"]))


def learn(
    free: xr.Dataset, weather: xr.Dataset, tower: TowerSeries, site: Site, seed: int, threads: int
) -> tuple[Discrepancy, dict[str, float]]:
    """The discrepancy of a free run (see `free_run`) to the tower's data, and figures that describe it.

    Only data that are ``used`` in ``tower`` are seen. The misfit of the free run is learned from weather, its memory and the
    model's outputs.
    """
    size = free.sizes["time"]
    features, names = driver_features(weather, site.latitude, site.longitude, site.utc_offset_h)
    model_names = [str(n) for n in free]
    x = np.concatenate(
        [features[:size], np.stack([free[n].values for n in model_names], axis=1).astype(np.float32)], axis=1
    )
    all_names = [*names, *model_names]
    day = np.arange(size) // STEPS_PER_DAY
    fold = blocks_of_days(day, BLOCK_DAYS, FOLDS)
    daylight = tower.daylight[:size]
    shift: dict[str, Array] = {}
    error: dict[str, ErrorStructure] = {}
    figures: dict[str, float] = {}
    timeless = [i for i, n in enumerate(all_names) if not n.startswith(CLOCK)]
    slow_fold, thinned = blocks_of_days(day, SLOW_BLOCK_DAYS, FOLDS), np.arange(size) % SLOW_EVERY == 0
    for name in (*LEARNED, *SLOW):
        slow = name in SLOW
        used = tower.used[name][:size] & (thinned | (not slow))
        if not used.any():
            continue
        model = free[f"tower_{name}"].values
        target = np.where(used, tower.values[name][:size], np.nan)
        seen, left_out = (x[:, timeless], slow_fold) if slow else (x, fold)
        shift[name] = learn_mean(seen, target - model, left_out, seed=seed, threads=threads).mean
        if not slow:
            residual = target - model - shift[name]
            error[name] = error_structure(x, residual, tower.random_sd[name][:size], day, seed=seed)
        figures |= _figures(name, target, model, model + shift[name], error.get(name))
    if "NEE" in shift:
        dark = ~daylight & tower.used["NEE"][:size]
        columns = [i for i, n in enumerate(all_names) if not n.startswith(DAYTIME_ONLY)]
        columns += [all_names.index("tower_ER")]
        night = np.where(dark, tower.values["NEE"][:size] - free["tower_ER"].values, np.nan)
        by_day = (
            learn_mean(x[:, columns], night, fold, seed=seed, threads=threads, least=LEAST_NIGHTS).mean
            if dark.any()
            else np.zeros(size)
        )
        shift["ER"] = np.where(daylight, by_day, shift["NEE"])
        shift["GPP"] = shift["ER"] - shift["NEE"]
        shift["GPP"][~daylight] = 0.0
    return Discrepancy(shift, error, seed), figures


def _figures(
    name: str, target: Array, free: Array, mean: Array, error: ErrorStructure | None = None
) -> dict[str, float]:
    known = np.isfinite(target)

    def rmse(x: Array) -> float:
        return float(np.sqrt(np.mean((x[known] - target[known]) ** 2)))

    figures = {
        f"{name}.rmse_free": rmse(free),
        f"{name}.rmse_learned": rmse(mean),
        f"{name}.bias_free": float((free[known] - target[known]).mean()),
    }
    if error is None:
        return figures
    return figures | {
        f"{name}.common_share": error.common,
        f"{name}.hourly_share": error.hourly,
        f"{name}.memory_steps": error.memory,
    }
