"""The records: for each tower its weather, its places and its data, cut into a part to calibrate on and a part to judge."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from elterra.bench.towers.sites import TowerSite, read_sites
from elterra.bench.towers.weather import (
    Weather,
    from_days,
    from_half_hours,
    from_record,
    read_extra,
    without_leap_days,
)
from elterra.domain import Site
from elterra.forcing.disaggregate import half_hours
from elterra.observations import davos_path as packaged_davos
from elterra.observations import make_observations, read_davos
from elterra.observations.operators import (
    Observations,
    read_tower_days,
    read_tower_halfhours,
    read_tower_partitioned_days,
)
from elterra.pipeline.batch import STEPS_PER_DAY, YEAR_DAYS, Place
from elterra.pipeline.reanalysis.inputs import surface_of

Array = NDArray[np.float64]
Days = NDArray[np.datetime64]

#: gC m-2 d-1 in 1 umol m-2 s-1
CARBON_PER_DAY = 12.011e-6 * 86400.0
#: years before and after the split that are run at most
TRAIN_YEARS = JUDGED_YEARS = 2
#: measured half-hours that make a mean of daylight and of night
LEAST_DAY, LEAST_NIGHT = 8, 6
#: sites of CalLMIP that have no half-hourly record here
ONLY_DAILY = ("IT-MBo", "IT-Noe", "RU-Fyo")
#: what the land model gives of every half-hour, with the factor to the unit of the data
SERIES: Mapping[str, float] = {"NEE": 86400.0, "GPP": 86400.0, "LE": 1.0, "H": 1.0}


@dataclass(frozen=True)
class Target:
    """Data of one kind, one value a day or none. ``value``, ``sd`` ``[day]`` (NaN: none; gC m-2 d-1, W m-2): mean of
    the half-hours of which ``steps [day, 48]`` is true. ``sd`` is that of random and representativeness error together."""

    kind: str
    variable: str
    value: Array
    sd: Array
    steps: NDArray[np.bool_]


@dataclass(frozen=True)
class Tower:
    """A record cut to years around its split. ``train_days``: days that are calibrated on; all later ones are judged."""

    key: str
    facts: TowerSite
    weather: Weather
    train_days: int
    targets: tuple[Target, ...]

    @property
    def station(self) -> str:
        return self.facts.name

    @property
    def days(self) -> int:
        return int(self.weather.days.size)

    def cut(self, first_year: int, train_years: int, years: int) -> Tower:
        """``years`` years from ``first_year`` (0: the first) on, of which ``train_years`` are calibrated on."""
        days = slice(first_year * YEAR_DAYS, (first_year + years) * YEAR_DAYS)
        steps = slice(days.start * STEPS_PER_DAY, days.stop * STEPS_PER_DAY)
        w = self.weather
        weather = replace(
            w,
            days=w.days[days],
            forcing={n: v[steps] for n, v in w.forcing.items()},
            daily={n: v[days] for n, v in w.daily.items()},
            daylight=w.daylight[days],
        )
        targets = tuple(
            replace(t, value=t.value[days], sd=t.sd[days], steps=t.steps[days]) for t in self.targets
        )
        return replace(self, weather=weather, train_days=train_years * YEAR_DAYS, targets=targets)

    @cached_property
    def tiles(self) -> list[tuple[float, Site]]:
        """Weight and site of each column."""
        return self.facts.tiles()

    @cached_property
    def places(self) -> list[Place]:
        """One place a plant type."""
        return [
            Place(f"{self.key}:{site.patches[0].pft}", surface_of(site), self.weather.forcing)
            for _, site in self.tiles
        ]

    @cached_property
    def identity(self) -> str:
        """Digest of all that a run depends on beside parameters and code."""
        digest = hashlib.sha256(repr((self.facts, self.train_days)).encode())
        for name in sorted(self.weather.forcing):
            digest.update(name.encode() + np.ascontiguousarray(self.weather.forcing[name]).tobytes())
        for target in self.targets:
            digest.update(target.kind.encode() + np.packbits(target.steps).tobytes())
        return digest.hexdigest()


def half_hourly(data: Path, tell: Callable[[str], None] = lambda text: None) -> list[Tower]:
    """The 13 half-hourly records of FLUXNET2015, CH-Dav 2013-2019 (key ``CH_Dav_full``), and the sites of CalLMIP that have
    daily records only; LE and H of CalLMIP where there are any."""
    path = data / "flux" / "fluxnet2015_halfhourly_dev.nc"
    table = _daily_table(data)
    sites, _ = read_sites(data, _mean_temperatures(table))
    towers = []
    for name in _groups(path):
        tell(name)
        towers.append(_from_half_hours(data, path, sites[name]))
    tell("CH-Dav 2013-2019")
    towers.append(_davos(sites["CH-Dav"]))
    for name in ONLY_DAILY:
        tell(name)
        towers.append(_from_days(data, table, sites[name], key=_key(name)))
    return towers


def daily(data: Path, tell: Callable[[str], None] = lambda text: None) -> tuple[list[Tower], dict[str, str]]:
    """The daily records of FLUXNET2015 (keys end in ``_days``), and the sites left out with the reason."""
    table = _daily_table(data)
    sites, left = read_sites(data, _mean_temperatures(table))
    towers = []
    for name, facts in sites.items():
        tell(name)
        towers.append(_from_days(data, table, facts, key=f"{_key(name)}_days"))
    return towers, left


def split_years(first: int, last: int) -> tuple[int, int, int]:
    """First year run, first year judged, and one past the last year run, of a record of whole years ``first`` to ``last``.

    The split is the middle, in whole years, the first part being the shorter; at most `TRAIN_YEARS` before and
    `JUDGED_YEARS` after it are run. A record of one year is split within (`split_day`)."""
    years = last - first + 1
    split = first + years // 2
    return max(first, split - TRAIN_YEARS), split, min(last + 1, split + JUDGED_YEARS)


def _window(first: int, last: int) -> tuple[Days, int]:
    begin, split, end = split_years(first, last)
    days = np.arange(np.datetime64(f"{begin}-01-01"), np.datetime64(f"{end}-01-01"))
    train = (split - begin) * YEAR_DAYS
    return days, train if train else YEAR_DAYS // 2


def _from_half_hours(data: Path, path: Path, facts: TowerSite) -> Tower:
    name, site = facts.name, facts.site
    with xr.open_dataset(path, group=name, engine="h5netcdf") as opened:
        raw = opened.load()
    end = raw["time"].values.astype("datetime64[ns]")
    local = end - np.timedelta64(1800, "s") + np.timedelta64(round(site.utc_offset_h * 3600), "s")
    finite = np.isfinite(raw["TA"].values)
    # stray half-hours at the ends are of the years next to the record: a year counts where it is nearly whole
    stamp, count = np.unique(local[finite].astype("datetime64[Y]").astype(int) + 1970, return_counts=True)
    whole = stamp[count > 0.9 * YEAR_DAYS * STEPS_PER_DAY]
    days, train = _window(int(whole.min()), int(whole.max()))
    time = half_hours(days, site.utc_offset_h)
    place = _places(np.asarray(end - np.timedelta64(1800, "s"), "datetime64[ns]"), time)
    values = {
        "TA": _on(place, raw["TA"].values) + 273.15,
        "SW_IN": _on(place, raw["SW_IN"].values),
        "VPD": 100.0 * _on(place, raw["VPD"].values),
    }
    quality = {n: _on(place, raw[f"{n}_QC"].values) for n in values}
    weather = from_half_hours(values, quality, days, site, read_extra(data, name))
    targets = [
        *_means("NEE", read_tower_halfhours(path, name, "NEE"), weather, days, site, CARBON_PER_DAY),
        *_means(
            "GPP", read_tower_halfhours(path, name, "GPP"), weather, days, site, CARBON_PER_DAY, night=False
        ),
        *_callmip_targets(data, site, weather.days, ("LE", "H")),
    ]
    return Tower(_key(name), facts, weather, train, tuple(targets))


def _davos(facts: TowerSite) -> Tower:
    record = read_davos(packaged_davos())
    site = facts.site
    days, train = _window(2013, 2019)
    weather = from_record(record, days, site)
    observed = make_observations(record, site)
    start = record["time"].values.astype("datetime64[ns]")
    place = _places(start, half_hours(days, site.utc_offset_h))
    targets: list[Target] = []
    for name, factor in (("NEE", CARBON_PER_DAY), ("LE", 1.0)):
        value = factor * _on(place, observed[name].values)
        random, spread = (
            factor * _on(place, observed[f"{name}_sd_{part}"].values) for part in ("random", "repr")
        )
        targets += _block_means(name, value, random, spread, weather, days, night=name == "NEE")
    measured = np.isfinite(_on(place, observed["NEE"].values))
    gpp = np.where(measured, CARBON_PER_DAY * _on(place, record["GPP_NT"].values), np.nan)
    other = CARBON_PER_DAY * _on(place, record["GPP_DT"].values)
    random = CARBON_PER_DAY * _on(place, observed["NEE_sd_random"].values)
    spread = np.hypot(0.3 * CARBON_PER_DAY + 0.15 * np.abs(gpp), 0.5 * np.nan_to_num(np.abs(other - gpp)))
    targets += _block_means("GPP", gpp, random, spread, weather, days, night=False)
    return Tower("CH_Dav_full", facts, weather, train, tuple(targets))


def _from_days(data: Path, table: pd.DataFrame, facts: TowerSite, key: str) -> Tower:
    name, site = facts.name, facts.site
    own = table[table["site"] == name].set_index("date")
    years = pd.DatetimeIndex(own.index).year
    days, train = _window(int(years.min()), int(years.max()))
    weather = from_days(own, days, site, read_extra(data, name))
    path = data / "flux" / "fluxnet2015_eu_daily_dev.parquet"
    targets = [
        _whole_days(n, read_tower_partitioned_days(path, name, n, site.utc_offset_h), weather.days, site)
        for n in ("NEE", "GPP")
    ]
    targets += _callmip_targets(data, site, weather.days, ("LE", "H"))
    return Tower(key, facts, weather, train, tuple(targets))


def _callmip_targets(data: Path, site: Site, days: Days, variables: Sequence[str]) -> list[Target]:
    files = sorted((data / "flux" / "callmip").glob(f"{site.name}_daily_aggregated_*.nc"))
    if not files:
        return []
    found = [_whole_days(n, read_tower_days(files[0], n, site.utc_offset_h), days, site) for n in variables]
    return [t for t in found if np.isfinite(t.value).any()]


def _whole_days(variable: str, observed: Observations, days: Days, site: Site) -> Target:
    """Means of whole local days on ``days [day]`` (without leap days)."""
    local = (observed.start + np.timedelta64(round(site.utc_offset_h * 3600), "s")).astype("datetime64[D]")
    index = pd.Index(local).get_indexer(pd.Index(days.astype("datetime64[D]")))
    used = (index >= 0) & observed.used[index]
    value, sd = (np.where(used, x[index], np.nan) for x in (observed.value, observed.sd))
    return Target(variable, variable, value, sd, np.ones((days.size, STEPS_PER_DAY), dtype=bool))


def _means(
    variable: str,
    observed: Observations,
    weather: Weather,
    days: Days,
    site: Site,
    factor: float,
    night: bool = True,
) -> list[Target]:
    """Means over the measured half-hours of daylight and of night."""
    place = _places(observed.start, half_hours(days, site.utc_offset_h))
    used = _on(place, observed.used.astype(float)) == 1.0
    value = np.where(used, factor * _on(place, observed.value), np.nan)
    random, spread = (factor * _on(place, x) for x in (observed.random_sd, observed.representativeness_sd))
    return _block_means(variable, value, random, spread, weather, days, night=night)


def _block_means(
    variable: str, value: Array, random: Array, spread: Array, weather: Weather, days: Days, *, night: bool
) -> list[Target]:
    """``value``, ``random``, ``spread`` (sd of the errors) are half-hours ``[48 * day]``, NaN where not measured."""
    keep = without_leap_days(days)
    value, random, spread = (x.reshape(-1, STEPS_PER_DAY)[keep] for x in (value, random, spread))
    parts = [("day", weather.daylight, LEAST_DAY)] + (
        [("night", ~weather.daylight, LEAST_NIGHT)] if night else []
    )
    out = []
    for part, where, least in parts:
        use = np.isfinite(value) & np.isfinite(random) & where
        count = use.sum(axis=1)
        enough = count >= least
        safe = np.maximum(count, 1)

        def mean(x: Array, use: NDArray[np.bool_] = use, safe: Array = safe) -> Array:
            return np.where(use, x, 0.0).sum(axis=1) / safe

        sd = np.hypot(np.sqrt(mean(random**2) / safe), mean(np.nan_to_num(spread)))
        out.append(
            Target(
                f"{variable}_{part}",
                variable,
                np.where(enough, mean(value), np.nan),
                np.where(enough, sd, np.nan),
                use & enough[:, None],
            )
        )
    return out


def _places(there: Days, wanted: Days) -> NDArray[np.int64]:
    """Index in ``there`` of each time of ``wanted``, -1 where it is not; the first of equal times."""
    unique, first = np.unique(np.asarray(there, "datetime64[ns]"), return_index=True)
    at = np.searchsorted(unique, np.asarray(wanted, "datetime64[ns]")).clip(0, unique.size - 1)
    return np.where(unique[at] == wanted, first[at], -1)


def _on(place: NDArray[np.int64], values: NDArray[np.generic]) -> Array:
    return np.where(place >= 0, np.asarray(values, float)[place], np.nan)


def _daily_table(data: Path) -> pd.DataFrame:
    return pd.read_parquet(data / "flux" / "fluxnet2015_eu_daily_dev.parquet")


def _mean_temperatures(table: pd.DataFrame) -> dict[str, float]:
    return {str(n): float(v) for n, v in table.groupby("site")["TA"].mean().items()}


def _groups(path: Path) -> list[str]:
    import h5netcdf

    with h5netcdf.File(path) as file:
        return sorted(file.groups)


def _key(name: str) -> str:
    return name.replace("-", "_")
