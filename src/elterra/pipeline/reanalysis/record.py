"""A station's record as the stages `forcing` and `observations` take it. Knows nothing of the land model, so that
`elterra check` looks at a record with the code of the run, in seconds."""

from __future__ import annotations

import numpy as np
import xarray as xr

from elterra.domain import Patch, Site, annual_co2, ch_dav
from elterra.errors import Faults, InputError
from elterra.experiment import Data, Experiment
from elterra.forcing import build_forcing
from elterra.observations import ColumnMap, make_observations, open_record, read_davos
from elterra.observations import davos_path as packaged_record
from elterra.registry import parameters

PACKAGED_SITES = {"ch-dav": ch_dav}
ASSIMILATED = ("NEE", "LE", "SWC")
STEPS_PER_DAY = 48
#: days of a year of the spin-up and of the calibration: the least that a period has
LEAST_DAYS = 365


class SettingError(InputError):
    """A key of the experiment that asks for what cannot be done; ``key`` is its dotted path."""

    def __init__(self, key: str, problem: str, fix: str) -> None:
        self.key, self.problem, self.fix = key, problem, fix
        super().__init__(f"{key}: {problem}. Fix: {fix}.")


def site_of(experiment: Experiment) -> Site:
    """The site of an experiment: a packaged one by name, or from its facts."""
    facts = experiment.site
    if isinstance(facts, str):
        if facts not in PACKAGED_SITES:
            raise InputError(
                f"no packaged site {facts!r}; there are {', '.join(PACKAGED_SITES)}; or give its facts"
            )
        return PACKAGED_SITES[facts]()
    soil = facts.soil

    def profile(values: tuple[float, ...]) -> float | tuple[float, ...]:
        return values[0] if len(values) == 1 else values

    top = max(p.canopy_height_m for p in facts.patches)
    return Site(
        name=facts.name,
        latitude=facts.latitude,
        longitude=facts.longitude,
        elevation_m=facts.elevation_m,
        utc_offset_h=facts.utc_offset_h,
        # The experiment file says height above ground; the land model wants it above displacement (2/3 of the canopy).
        reference_height_m=max(facts.reference_height_m - 2.0 / 3.0 * top, 1.0),
        patches=tuple(Patch(p.pft, p.weight, p.canopy_height_m) for p in facts.patches),
        sand_pct=profile(soil.sand_percent),
        clay_pct=profile(soil.clay_percent),
        organic_kg_m3=profile(soil.organic_kg_m3),
        soil_depth_m=soil.depth_m,
        soil_color=soil.colour,
        topo_slope_deg=facts.slope_degrees,
        zbedrock_m=soil.bedrock_m,
        ndep_gn_m2_yr=facts.nitrogen_deposition_g_m2_yr,
        co2_ppm=facts.co2_ppm if facts.co2_ppm is not None else annual_co2(),
        stand_age_years=facts.stand_age_years,
        wood_carbon_g_m2=facts.wood_carbon_g_m2,
        soil_carbon_g_m2=facts.soil_carbon_g_m2,
    )


def read_record(experiment: Experiment, site: Site) -> xr.Dataset:
    """The station's record in normal form (see `elterra.observations.open_record`). Raises `InputError`."""
    data = experiment.data
    if data.reader == "packaged":
        return read_davos(packaged_record())
    path = experiment.record_path()
    assert path is not None  # `record: packaged` goes with `reader: packaged` alone
    if data.reader == "table":
        record = open_record(path, reader="table", columns=column_map(data, site), site=site)
    else:
        record = open_record(path, reader=data.reader, site=site)
    _half_hours(record)
    return record


def packaged_attributes() -> dict[str, str]:
    """Owner (``creator``) and ``license`` of the packaged record, as the file says."""
    with xr.open_dataset(packaged_record(), engine="h5netcdf") as raw:
        return {name: str(raw.attrs[name]) for name in ("creator", "license")}


def column_map(data: Data, site: Site) -> ColumnMap:
    """The declared columns of a table (reader `table`)."""
    assert data.clock is not None  # checked with the experiment
    named: dict[str, tuple[str, str | None]] = {n: (c.column, c.units) for n, c in data.columns.items()}
    flagged = {n: c for n, c in data.columns.items() if c.quality is not None}
    named |= {f"{n}_QC": (str(c.quality), "1") for n, c in flagged.items()}
    return ColumnMap(
        columns=named,
        time=data.clock.column,
        label=data.clock.label,
        utc_offset_h=site.utc_offset_h,
        site=site.name,
        time_format=data.clock.format,
        missing=tuple(data.missing),
        measured={f"{n}_QC": tuple(c.measured) for n, c in flagged.items()},
    )


def _half_hours(record: xr.Dataset) -> None:
    """A window is a day of 48 steps that begins at midnight UTC."""
    name, seconds = record.attrs["source_file"], float(record.attrs["step_seconds"])
    if seconds != 86400.0 / STEPS_PER_DAY:
        raise SettingError(
            "data.record",
            f"{name} has a step of {seconds / 60:g} minutes, expected 30",
            "give half-hourly values (coarser records cannot be run; average finer ones to half-hours)",
        )
    first = record["time"].values[0]
    minute = int((first - first.astype("datetime64[h]")) / np.timedelta64(1, "m"))
    if minute % 30:
        raise SettingError(
            "data.clock.label",
            f"in UTC the intervals of {name} begin at minute {minute} of the hour, expected 0 and 30",
            "check `label` (start, middle, end) and `site.utc_offset_h`",
        )


def forcing_of(experiment: Experiment, site: Site, record: xr.Dataset) -> xr.Dataset:
    """Weather without gaps in the period."""
    return in_period(build_forcing(record, site), experiment)


def observations_of(experiment: Experiment, site: Site, record: xr.Dataset) -> xr.Dataset:
    """Measurements with errors in the period."""
    return in_period(make_observations(record, site), experiment)


def observed_is_there(experiment: Experiment, observations: xr.Dataset) -> None:
    """Raises `InputError` where a variable is to be assimilated of which the period holds no usable value."""
    there = [n for n in ASSIMILATED if np.isfinite(observations[n].values).any()]
    wanted = experiment.assimilation.observed if experiment.assimilation.enabled else ()
    lacking = [n for n in wanted if n in ASSIMILATED and n not in there]
    if not lacking:
        return
    left = [n for n in wanted if n in there]
    fix = (
        f"`observed: [{', '.join(left)}]`"
        if left
        else "`assimilation: {enabled: false}` (an ensemble without data)"
    )
    raise SettingError(
        "assimilation.observed",
        f"{', '.join(lacking)} to be assimilated, but the record has no usable value in the period",
        f"write {fix}, or give {', '.join(lacking)} with the record",
    )


def in_period(ds: xr.Dataset, experiment: Experiment) -> xr.Dataset:
    """Whole UTC days of the period. Raises `InputError` if the record does not reach that far."""
    start = np.datetime64(experiment.period.start, "ns")
    steps = experiment.period.days * STEPS_PER_DAY
    time = ds["time"].values
    first = int(np.searchsorted(time, start))
    if first >= time.size or time[first] != start or time.size - first < steps:
        begin = (time[0] + np.timedelta64(86399999999999, "ns")).astype("datetime64[D]")
        end = (time[-1] + np.timedelta64(30, "m")).astype("datetime64[D]") - 1
        whole = f"write `period: {{start: {begin}, end: {end}}}`" if end >= begin else "give a longer record"
        raise SettingError(
            "period",
            f"{experiment.period.start} to {experiment.period.end} (UTC days) is not covered: the record has "
            f"{str(time[0])[:16]} to {str(time[-1])[:16]} UTC",
            whole
            + (
                ""
                if (end - begin).astype(int) + 1 >= LEAST_DAYS
                else f"; at least {LEAST_DAYS} days are needed"
            ),
        )
    return ds.isel(time=slice(first, first + steps))


def whole_year(experiment: Experiment) -> None:
    """Raises `InputError` if the period is too short for a spin-up."""
    days = experiment.period.days
    if days < LEAST_DAYS:
        raise SettingError(
            "period",
            f"has {days} days; the spin-up needs a whole year of weather ({LEAST_DAYS} days)",
            "lengthen `period`, with a longer record where it does not reach that far",
        )


def known_names(experiment: Experiment) -> None:
    """Raises `InputError` for variables and parameters of the settings that do not exist or cannot be used there."""
    faults = Faults()
    for key, names in (
        ("assimilation.observed", experiment.assimilation.observed),
        *(
            (f"evaluation.withheld[{i}].variables", w.variables)
            for i, w in enumerate(experiment.evaluation.withheld)
        ),
    ):
        for name in names:
            if name not in ASSIMILATED:
                faults.add(
                    SettingError(key, f"{name} cannot be assimilated", f"choose of {', '.join(ASSIMILATED)}")
                )
    known = parameters()
    free = sorted(n for n, p in known.items() if p.prior is not None)
    for key, chosen in (
        ("ensemble.parameters", experiment.ensemble.parameters),
        ("calibration.parameters", experiment.calibration.parameters),
    ):
        for name in chosen or ():
            if name not in free:
                what = "has no prior in the registry" if name in known else "is no parameter of the registry"
                faults.add(SettingError(key, f"{name} {what}", f"choose of {', '.join(free)}"))
    faults.raise_any()
