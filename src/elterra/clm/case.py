"""A CLM5 case directory: everything a run of the model needs, in the model's own terms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from elterra.clm import sun
from elterra.clm.namelist import FIRES, Report, check_switches, flat, namelist_parameters, read_namelist
from elterra.clm.parameters import ParameterFile, read_parameters, read_snow_aging, read_snow_optics
from elterra.clm.restart import clm_cold_start, read_restart_state
from elterra.clm.streams import (
    Stream,
    between_months,
    lightning,
    lightning_at,
    monthly_mean,
    parse_stream,
    population,
    population_at,
    read_weather,
    saturated,
    snow_share,
    stream_list,
)
from elterra.clm.surface import MONTH_DAYS, SurfaceData, monthly_at, read_surface
from elterra.errors import InputError
from elterra.forcing.solar import partition_shortwave
from elterra.land import Config, Fields, prepare
from elterra.registry import parameters, variables

#: patches to which columns are filled up where cases should share one compiled program
COMMON_PATCHES = 3
#: of leaf temperature; CLM5 iterates until it converges, at most 40 times. Eight, enough by day, leave dew at night
#: undecided where stomata are shut
LEAF_ITERATIONS = 16
#: namelist variables with the files of lightning and of population density
LIGHTNING_FILE, PEOPLE_FILE = "stream_fldfilename_lightng", "stream_fldfilename_popdens"
#: DATM fields of the deposition of aerosols by species of `elterra.land.snow.SPECIES`
AEROSOL_FIELDS = {
    "bcphi": ("bcphidry", "bcphiwet"),
    "bcpho": ("bcphodry",),
    **{f"dst{i}": (f"dstdry{i}", f"dstwet{i}") for i in range(1, 5)},
}
SECONDS_PER_DAY = 86400
YEAR_DAYS = 365
#: namelist temperatures (degC) between which precipitation is mixed, and CLM's defaults
_SNOW, _RAIN = "precip_repartition_nonglc_all_snow_t", "precip_repartition_nonglc_all_rain_t"


@dataclass(frozen=True)
class Change:
    """What a member of a perturbed ensemble changes: registry values by name (a number or one per PFT), namelist
    entries, and sand and clay (%)."""

    name: str
    parameters: dict[str, np.ndarray]
    namelist: dict[str, float]
    texture: tuple[float, float] | None = None


@dataclass(frozen=True)
class Case:
    """A case, ready to run. ``members`` (at least the base) stand one after the other in the columns."""

    path: Path
    cfg: Config
    data: SurfaceData
    namelist: dict[str, Any]
    file: ParameterFile
    weather: Stream
    start_year: int
    report: Report
    members: tuple[Change, ...] = ()
    faithful: bool = True

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def copies(self) -> int:
        return max(1, len(self.members))

    @property
    def days(self) -> int:
        """Length of the run: ``length`` of ``case.json`` ("3 years", "180 days"), else one cycle of the weather."""
        words = str(self.facts.get("length", f"{self.weather.last - self.weather.first + 1} years")).split()
        return int(words[0]) * (YEAR_DAYS if words[1].startswith("year") else 1)

    @property
    def steps_per_day(self) -> int:
        return round(SECONDS_PER_DAY / self.cfg.dt)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """``case.json`` or ``ppe.json`` beside the files, if there is one."""
        for name in ("case.json", "ppe.json"):
            if (self.path / name).is_file():
                return dict(json.loads((self.path / name).read_text(encoding="utf-8")))
        return {}

    @cached_property
    def p(self) -> Fields:
        """Prepared parameters of all columns."""
        data, k = self.data, self.copies
        s = data.surface
        tiled = {n: np.concatenate([np.asarray(v)] * k, axis=-1) for n, v in vars(s).items()}
        width = s.wt.shape[1]
        values = self.file.on_patches(s.pft)
        values |= {
            n: np.full(width, v) for n, v in namelist_parameters(self.namelist, set(parameters())).items()
        }
        if "topo_std" in parameters():
            values["topo_std"] = data.topo_std
        if self.cfg.mode == "bgc":
            values["burial_cover_weight"] = np.zeros(width)  # CLM5 buries leaves by the depth alone there
        values["snow_light_kept"] = np.zeros(
            width
        )  # CLM5 loses the light that a new cover of snow does not absorb
        if self.cfg.fire == "li":
            values["lightning_angle"] = np.ones(width)  # CLM5.0 takes the degrees of latitude for radians
        tiled_values = {n: np.concatenate([v] * k, axis=-1) for n, v in values.items()}
        for i, change in enumerate(self.members):
            here = slice(i * width, (i + 1) * width)
            own = ParameterFile(change.parameters).on_patches(s.pft)
            own |= {
                n: np.full(width, v)
                for n, v in namelist_parameters(change.namelist, set(parameters())).items()
            }
            for name, value in own.items():
                tiled_values[name][..., here] = value
            if change.texture is not None:
                tiled["sand"][..., here], tiled["clay"][..., here] = change.texture
        p = prepare(replace(s, **tiled), tiled_values)
        return p.add(**self._snow_tables()) if self.faithful else p

    def _snow_tables(self) -> dict[str, np.ndarray]:
        """Growth and optics of snow grains, as far as the case has the files."""
        readers = {
            "snow_aging": ("fsnowaging", read_snow_aging),
            "snow_optics": ("fsnowoptics", read_snow_optics),
        }
        return {
            name: reader(self.path / str(self.namelist[key]))
            for name, (key, reader) in readers.items()
            if key in self.namelist and (self.path / str(self.namelist[key])).is_file()
        }

    def cell_mean(self, values: np.ndarray) -> np.ndarray:
        """``[..., column]`` to ``[..., member, cell]``."""
        parts = np.split(values, self.copies, axis=-1)
        return np.stack([self.data.cell_mean(part) for part in parts], axis=-2)

    def state(self, file: str | None = None) -> Fields:
        """The initial state: ``file`` of the case, that of the namelist (``finidat``), or CLM's cold start."""
        import jax
        import jax.numpy as jnp

        name = file if file is not None else str(self.namelist.get("finidat", "")).strip()
        width = self.data.cell.size
        stocks = self.namelist.get("initial_cstocks")
        base = jax.tree.map(
            lambda x: x[..., :width] if x.ndim and x.shape[-1] == width * self.copies else x, self.p
        )
        three = (float(stocks[0]), float(stocks[1]), float(stocks[2])) if isinstance(stocks, list) else None
        s = clm_cold_start(base, self.cfg, three)
        if name:
            s, report = read_restart_state(self.path / name, self.data, s, self.cfg)
            self.report.missing.extend(
                f"state {n}" for n in report.missing if f"state {n}" not in self.report.missing
            )
            self.report.unsupported.update(report.unsupported)
        return Fields({n: jnp.asarray(np.concatenate([np.asarray(s[n])] * self.copies, axis=-1)) for n in s})

    def forcing(self, first: int, steps: int) -> Fields:
        """Forcing of ``steps`` steps; step 1 is the first of 1 January of the start year, step 0 the extra one.

        Step ``k`` covers the time from ``(k - 1) dt`` to ``k dt``. Sun and albedo are those of its start, which is
        when CLM computed them; leaf area is that of the date of its end.
        """
        import jax.numpy as jnp

        dt = self.cfg.dt
        k = np.maximum(np.arange(first, first + steps), 1)  # step 0 repeats the forcing of step 1
        start = (k - 1) * dt
        year = start // (YEAR_DAYS * SECONDS_PER_DAY)
        seconds = start - year * YEAR_DAYS * SECONDS_PER_DAY
        rows = np.array(
            [
                int(self.weather.record(self.start_year + int(y), np.array(x)))
                for y, x in zip(year, seconds, strict=True)
            ]
        )
        w = {n: self._to_columns(v[rows]) for n, v in self.weather.values.items() if n != "ZBOT"}
        q = np.minimum(w["QBOT"], saturated(w["TBOT"], w["PSRF"]))
        solad, solai = partition_shortwave(w["FSDS"])
        share = snow_share(w["TBOT"], *self._mixed)
        snow = w["PRECTmms"] * share
        lat, lon = self.data.surface.lat, self.data.surface.lon
        day = seconds / SECONDS_PER_DAY
        place = (lat[:1], lon[:1]) if np.ptp(lat) == 0.0 and np.ptp(lon) == 0.0 else (lat, lon)
        one = np.ones((1, place[0].size))
        decl = sun.declination(day + dt / SECONDS_PER_DAY)
        before = sun.declination(day)
        end_day = (seconds + dt) // SECONDS_PER_DAY
        f = {
            "forc_t": w["TBOT"], "forc_q": q, "forc_pbot": w["PSRF"], "forc_wind": w["WIND"],
            "forc_solad": np.moveaxis(solad, 0, 1), "forc_solai": np.moveaxis(solai, 0, 1),
            "forc_lwrad": w["FLDS"], "forc_rain": w["PRECTmms"] - snow, "forc_snow": snow,
            "forc_pco2": float(self.namelist.get("co2_ppmv", 367.0)) * 1.0e-6 * w["PSRF"],
            "ndep": self._ndep(day)[:, None] * one,
            "coszen": self._tile(sun.coszen(day, *place)),
            "dayl": self._tile(sun.day_length(decl, place[0])),
            "prev_dayl": self._tile(sun.day_length(before, place[0])),
            "max_dayl": self._tile(np.broadcast_to(sun.max_day_length(place[0]), (steps, place[0].size))),
        }  # fmt: skip
        f["ndep"] = self._tile(f["ndep"])
        if self.cfg.aerosols == "deposition":
            f["aerosol_deposition"] = self._aerosol_deposition(day)
        if self.cfg.fire == "li":
            f |= self._ignition_sources(year, day + dt / SECONDS_PER_DAY)
        out = {n: jnp.asarray(v, dtype=jnp.float64) for n, v in f.items()}
        out["end_of_day"] = jnp.asarray(end_day != seconds // SECONDS_PER_DAY)
        out["end_of_year"] = jnp.asarray(end_day >= YEAR_DAYS)
        out["dayofyear"] = jnp.asarray((seconds // SECONDS_PER_DAY + 1).astype(np.int32))
        if self.cfg.mode == "sp":
            area = self._leaves(((end_day + 0.0) % YEAR_DAYS).astype(int))
            out |= {n: jnp.asarray(v) for n, v in area.items()}
        return Fields(out)

    def _to_columns(self, values: np.ndarray) -> np.ndarray:
        """``[time, cell]`` of the stream to ``[time, column]``; one cell serves all columns."""
        return values if values.shape[-1] == 1 else self._tile(values[:, self.data.cell])

    def _tile(self, values: np.ndarray) -> np.ndarray:
        return values if values.shape[-1] == 1 else np.concatenate([values] * self.copies, axis=-1)

    @cached_property
    def _mixed(self) -> tuple[np.ndarray, np.ndarray]:
        """Temperatures (degC) of all snow and all rain ``[column]``, or of length 1."""
        low, high = float(self.namelist.get(_SNOW, 0.0)), float(self.namelist.get(_RAIN, 2.0))
        if not any(_SNOW in m.namelist or _RAIN in m.namelist for m in self.members):
            return np.array([low]), np.array([high])
        width = self.data.cell.size
        return (
            np.repeat([m.namelist.get(_SNOW, low) for m in self.members], width),
            np.repeat([m.namelist.get(_RAIN, high) for m in self.members], width),
        )

    def _leaves(self, day: np.ndarray) -> dict[str, np.ndarray]:
        """Leaf area and heights ``[time, patch, column]`` for days of the year (0-based) ``[time]``."""
        out: dict[str, np.ndarray] = {}
        ends = np.cumsum([0, *MONTH_DAYS])
        values = {}
        for d in np.unique(day):
            month = int(np.searchsorted(ends, d, side="right"))
            values[int(d)] = monthly_at(self.data.monthly, month, int(d) - int(ends[month - 1]) + 1)
        for name in ("tlai", "tsai", "htop", "hbot"):
            out[name] = self._tile3(np.stack([values[int(d)][name] for d in day]))
        return out

    def _tile3(self, values: np.ndarray) -> np.ndarray:
        return np.concatenate([values] * self.copies, axis=-1)

    @cached_property
    def _ndep_months(self) -> np.ndarray:
        path = self.namelist.get("stream_fldfilename_ndep")
        if self.cfg.mode != "bgc" or not path or not (self.path / path).is_file():
            return np.zeros(12)
        s = self.data.surface
        return monthly_mean(self.path / path, "NDEP_month", float(s.lat[0]), float(s.lon[0]))

    def _ndep(self, day: np.ndarray) -> np.ndarray:
        return between_months(self._ndep_months, day)

    @cached_property
    def _streams_of_fire(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        s = self.data.surface
        readers = {"lnfm": (LIGHTNING_FILE, lightning), "hdm": (PEOPLE_FILE, population)}
        return {
            name: reader(self.path / self.namelist[key], float(s.lat[0]), float(s.lon[0]))
            for name, (key, reader) in readers.items()
            if key in self.namelist and (self.path / self.namelist[key]).is_file()
        }

    def _ignition_sources(self, year: np.ndarray, day: np.ndarray) -> dict[str, np.ndarray]:
        """Lightning and population ``[time, 1]`` where the case has their streams, at the end of the steps."""
        out: dict[str, np.ndarray] = {}
        streams = self._streams_of_fire
        if "lnfm" in streams:
            out["lnfm"] = lightning_at(streams["lnfm"], day)[:, None]
        if "hdm" in streams:
            first = int(self.namelist.get("stream_year_first_popdens", 1))
            last = int(self.namelist.get("stream_year_last_popdens", first))
            align = int(self.namelist.get("model_year_align_popdens", first))
            now = self.start_year + year + day / YEAR_DAYS
            out["hdm"] = population_at(streams["hdm"], now, align, first, last)[:, None]
        return out

    @cached_property
    def _aerosol_months(self) -> np.ndarray:
        """Monthly deposition on snow ``[aerosol, month]`` (kg m-2 s-1), dry and wet together."""
        fields, file = aerosol_fields(self.path)
        lat, lon = float(self.data.surface.lat[0]), float(self.data.surface.lon[0])
        months = np.zeros((len(AEROSOL_FIELDS), 12))
        for row, names in enumerate(AEROSOL_FIELDS.values()):
            for name in names:
                months[row] += monthly_mean(file, fields[name], lat, lon)
        return months

    def _aerosol_deposition(self, day: np.ndarray) -> np.ndarray:
        """Deposition ``[time, aerosol, 1]`` at days of the year."""
        return np.stack([between_months(row, day) for row in self._aerosol_months], axis=1)[..., None]


def aerosol_fields(case: Path) -> tuple[dict[str, str], Path]:
    """Variable of the file by DATM field, and the file, of the stream of aerosols; no fields where there is none."""
    for description, *_ in stream_list(case):
        names, files = parse_stream(description)
        by_field = {field: name for name, field in names.items()}
        if all(field in by_field for fields in AEROSOL_FIELDS.values() for field in fields):
            return by_field, files[0]
    return {}, case


def open_case(path: Path, members: Sequence[Change] = (), patches: int = 1, faithful: bool = True) -> Case:
    """Read a case directory: ``lnd_in``, ``datm_in``, and the files they name.

    Columns are filled up to ``patches`` patches (of weight 0), so that cases can share a compiled program. A ``faithful``
    case does what CLM5 does at some cost: black carbon and dust fall on the snow where DATM has a stream of them, growth and
    optics of grains are those of the files, soil water takes as many sub-steps as its error asks for. Otherwise soot in the
    snow is a constant, growth and optics are polynomials, sub-steps two, as at stations.
    """
    if not (path / "lnd_in").is_file():
        raise InputError(f"{path}: no lnd_in; a CLM case directory has one beside datm_in and its data files")
    entries = flat(read_namelist(path / "lnd_in"))
    for name in ("fsurdat", "paramfile"):
        if name not in entries:
            raise InputError(f"{path / 'lnd_in'}: {name} is missing")
    weather = read_weather(path)
    height = weather.values["ZBOT"][0] if "ZBOT" in weather.values else np.array([30.0])  # DATM's default, m
    data = read_surface(
        path / entries["fsurdat"], height if height.size > 1 else float(height[0]), patches=patches
    )
    file = read_parameters(path / entries["paramfile"])
    known = set(parameters()) | {n for n, v in variables().items() if v.kind == "state"}
    report = check_switches(entries, known).merge(file.report)
    if data.masked.max() > 0.0:
        report.unsupported["land units"] = (
            f"lake, wetland, glacier and urban land (up to {data.masked.max():.0%} of a cell) is masked"
        )
    cfg = Config(
        dt=float(entries.get("dtime", 1800)),
        nlevsno=int(entries.get("nlevsno", 12)),
        mode="bgc" if entries.get("use_cn") else "sp",
        stress="phs" if entries.get("use_hydrstress") else "btran",
        capacity="luna" if entries.get("use_luna") else "prescribed",
        nitrogen="fun" if entries.get("use_fun") else "competition",
        fire="li" if entries.get("use_cn") and entries.get("fire_method") in FIRES else "off",
        leaf_iterations=LEAF_ITERATIONS,
        substeps="adaptive" if faithful else "two",
        aerosols="deposition" if faithful and aerosol_fields(path)[0] else "constant",
    )
    if cfg.fire == "li":
        for name, value in ((LIGHTNING_FILE, "the mean of land"), (PEOPLE_FILE, "none")):
            if not (name in entries and (path / entries[name]).is_file()):
                report.missing.append(f"{name} ({value})")
    return Case(
        path,
        cfg,
        data,
        entries,
        file,
        weather,
        _start_year(path, weather),
        report,
        tuple(members),
        faithful,
    )


def _start_year(path: Path, weather: Stream) -> int:
    """Year of the start: ``start_ymd`` of ``drv_in``, else the first year of the weather."""
    if (path / "drv_in").is_file():
        ymd = flat(read_namelist(path / "drv_in")).get("start_ymd")
        if isinstance(ymd, int):
            if ymd % 10000 != 101:
                raise InputError(f"{path / 'drv_in'}: start_ymd {ymd}; runs start on 1 January")
            return ymd // 10000
    return weather.align


def read_members(path: Path) -> tuple[tuple[Change, ...], dict[str, str]]:
    """Members of a perturbed-parameter ensemble (``ppe.json``) and the daily file of each by name."""
    from elterra.clm.parameters import ours

    facts = json.loads((path / "ppe.json").read_text(encoding="utf-8"))
    entries = flat(read_namelist(path / "lnd_in"))
    full = read_parameters(path / entries["paramfile"])
    changes = [Change("base", {}, {})]
    for item in facts["parameters"]:
        for side, member in zip(("low", "high"), item["members"], strict=True):
            value = item[side]
            if item["where"] == "parameter file":
                changed = {}
                for target in ours(item["name"], parameters()):
                    table = np.array(full.values[target], float)
                    if isinstance(value, dict):
                        for pft, number in value.items():
                            table[int(pft)] = np.ravel(number)[0]
                    else:
                        table = np.asarray(float(value))
                    changed[target] = table
                changes.append(Change(member, changed, {}))
            elif item["where"].startswith("namelist"):
                changes.append(
                    Change(member, {}, {item["name"]: float(str(value).lower().replace("d", "e"))})
                )
            else:
                words = str(value).split()
                changes.append(Change(member, {}, {}, (float(words[1]), float(words[3]))))
    return tuple(changes), {name: entry["file"] for name, entry in facts["members"].items()}
