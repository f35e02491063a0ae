"""Records of cosmic-ray sensors: hourly counts and the soil samples of their calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elterra.observations._report import Report
from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._neutron_calibration import SoilSamples
from elterra.observations.operators._neutron_count import Reference, absolute_humidity, correction
from elterra.observations.operators._neutrons import NeutronCount
from elterra.observations.operators._observations import FLAGS, USED, Observations, make_observations_of
from elterra.observations.operators._tables import numbers, one_of_each, read_frame, times

Array = NDArray[np.float64]

_HOUR = np.timedelta64(1, "h")
_LIMITS = (100.0, 20000.0)  #: counts per hour of a working sensor
_ZERO_CELSIUS = 273.15
_SAMPLES = (
    "DateTime_utc",
    "Profile_ID",
    "Distance_to_CRNS_m",
    "Profile_Depth_cm",
    "SoilMoisture_g_g",
    "DryBulkDensity_g_cm3",
    "SoilOrganicCarbon_g_g",
    "LatticeWater_g_g",
)


def read_neutrons_raw(
    path: Path,
    reference: Reference,
    *,
    station: str,
    humidity_corrected: bool = True,
    intensity: Array | None = None,
    source: str = "",
) -> Observations:
    """Raw hourly counts (epithermal, sums of the hour before the stamp) with pressure (hPa), temperature (degrees
    Celsius) and relative humidity (%), corrected to `reference`.

    humidity_corrected : False for the universal transport solution
    intensity : ``[row]`` count of a neutron monitor; without it the changes of the incoming rays (a few percent over
        months) stay in the count

    Weather of the outer sensor, of the inner one where the outer fails. The random error is the root of the raw count
    times the correction. Covariates: `humidity` (g m-3), `pressure` (hPa), `correction`.
    """
    file, report = Path(path).name, Report()
    columns = (
        "DateTime_utc",
        "NeutronCount_Epithermal_Cum1h",
        "AirPressure",
        "AirTemperature",
        "AirHumidity_Relative",
    )
    inner = ("AirTemperature_Sensor2", "AirHumidity_Relative_Sensor2")
    frame = one_of_each(read_frame(path, (*columns, *inner)), ["DateTime_utc"], file, report)
    end = times(frame, "DateTime_utc", file)
    count, pressure, warm, moist = (
        numbers(frame, c, file, report, name="neutrons" if k == 0 else c) for k, c in enumerate(columns[1:])
    )
    warm_inside, moist_inside = (numbers(frame, c, file, Report()) for c in inner)
    outer = np.isfinite(warm) & np.isfinite(moist)
    humidity = absolute_humidity(
        np.where(outer, warm, warm_inside) + _ZERO_CELSIUS, np.where(outer, moist, moist_inside)
    )
    report.treat("humidity of the inner sensor, the outer fails", int((~outer & np.isfinite(humidity)).sum()))
    if intensity is not None and np.shape(intensity) != count.shape:
        raise OperatorError(f"intensity has shape {np.shape(intensity)}, the record {count.shape} rows")
    factor = correction(reference, pressure, humidity if humidity_corrected else None, intensity)
    value = count * factor
    random = np.sqrt(np.maximum(count, 0.0)) * factor
    return make_observations_of(
        "neutrons",
        "h-1",
        value,
        random,
        NeutronCount.errors.representativeness_sd(value),
        end - _HOUR,
        end,
        limits=_LIMITS,
        file=file,
        source=source,
        station=station,
        covariates={"humidity": humidity, "pressure": pressure, "correction": factor},
        report=report,
        reader="neutrons_raw",
    )


def read_neutrons_corrected(path: Path, *, station: str, source: str = "") -> Observations:
    """Corrected hourly counts with their sd and flags (extreme counts, snow), the form of COSMOS-Europe; stamps are
    ends of the hour. Covariates: `humidity` (g m-3), `soil_water` (m3 m-3, the network's own estimate)."""
    file, report = Path(path).name, Report()
    name = "NeutronCount_Epithermal_Cum1h_corrected"
    others = (
        "AirHumidity_gapfilled",
        "SoilMoisture_volumetric_MovAvg24h",
        "Flag_Extreme_Counts",
        "Flag_Snow_ERA5",
    )
    frame = one_of_each(
        read_frame(path, ("DateTime_utc", name, f"{name}_std", *others)), ["DateTime_utc"], file, report
    )
    end = times(frame, "DateTime_utc", file)
    value = numbers(frame, name, file, report, name="neutrons")
    sd, humidity, water, extreme, snow = (numbers(frame, c, file, report) for c in (f"{name}_std", *others))
    flag = np.full(value.size, USED, np.int8)
    flag[snow == 1.0] = FLAGS.index("rejected_snow")
    flag[extreme == 1.0] = FLAGS.index("rejected_quality")
    return make_observations_of(
        "neutrons",
        "h-1",
        value,
        sd,
        NeutronCount.errors.representativeness_sd(value),
        end - _HOUR,
        end,
        limits=_LIMITS,
        file=file,
        source=source,
        station=station,
        flag=flag,
        covariates={"humidity": humidity, "soil_water": water},
        report=report,
        reader="neutrons_corrected",
    )


def read_soil_samples(path: Path, form: str | None = None) -> tuple[list[SoilSamples], Report]:
    """Campaigns of soil samples (water, bulk density, organic carbon, lattice water; g g-1, g cm-3, cm, m) by time.

    form : of the time stamp where it is not ISO 8601, e.g. ``%d.%m.%Y %H:%M``
    Samples without water or bulk density are left out and counted; missing carbon or lattice water is refused.
    """
    file, report = Path(path).name, Report()
    frame = read_frame(path, _SAMPLES)
    when = times(frame, "DateTime_utc", file, form)
    profile, distance, depth, water, density, carbon, lattice = (
        numbers(frame, c, file, report) for c in _SAMPLES[1:]
    )
    known = np.isfinite(water) & np.isfinite(density) & np.isfinite(distance) & np.isfinite(depth)
    sound = known & (water >= 0.0) & (density > 0.05) & (density < 2.7) & (distance >= 0.0) & (depth >= 0.0)
    report.reject("samples", "incomplete", int((~known).sum()))
    report.reject("samples", "outside physical limits", int((known & ~sound).sum()))
    if np.isnan(carbon[sound]).any() or np.isnan(lattice[sound]).any():
        raise OperatorError(
            f"{file}: organic carbon or lattice water of samples is missing; give 0 where there is none"
        )
    out = []
    for time in np.unique(when):
        mine = sound & (when == time)
        if mine.any():
            parts = (profile[mine].astype(np.int64), distance[mine], depth[mine], water[mine], density[mine])
            out.append(SoilSamples(time, *parts, carbon[mine], lattice[mine]))
    report.source, report.reader = file, "soil_samples"
    return out, report


def count_around(observations: Observations, time: np.datetime64, hours: int) -> tuple[float, float]:
    """Mean used count within `hours` of a time, and its random sd; NaN, NaN where there is none."""
    span = np.timedelta64(hours, "h")
    near = observations.used & (observations.end > time - span) & (observations.start < time + span)
    if not near.any():
        return float("nan"), float("nan")
    random = observations.random_sd[near]
    return float(observations.value[near].mean()), float(np.sqrt((random**2).sum()) / random.size)
