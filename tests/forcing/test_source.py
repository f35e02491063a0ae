"""One door: gridded files and generated weather give the land model the same contract."""

import numpy as np
import pytest
import xarray as xr
from climates import climate

from elterra.errors import InputError
from elterra.forcing import (
    calendar_fields,
    cell_calendar,
    land_chunk,
    open_gridded,
    step_starts,
    weather_fields,
)
from elterra.forcing.humidity import saturation_pressure, vapour_pressure
from elterra.forcing.weather import WeatherGenerator
from elterra.forcing.weather.files import read_climate, write_weather

LAT, LON = np.array([50.0, 49.5]), np.array([8.0, 8.5, 9.0])


def era5(tmp_path, accumulated: bool, days: int = 2):
    """Two days and one stamp more of ERA5 in two files."""
    time = np.datetime64("2003-05-01T00", "h") + np.arange(24 * days + 1)
    shape = (len(time), 2, 3)
    hour = np.arange(len(time)) % 24
    rng = np.random.default_rng(0)
    t = 285.0 + rng.normal(size=shape)
    rate = np.clip(np.sin((hour - 6) * np.pi / 12), 0, None)[:, None, None] * np.ones(shape) * 500.0
    sums = rate * 3600.0  # of the hour before the stamp
    if accumulated:
        sums = np.concatenate(
            [sums[:1] * 0] + [np.cumsum(sums[1 + 24 * d : 25 + 24 * d], axis=0) for d in range(days)]
        )
    fields = {
        "t2m": t,
        "d2m": t - 4.0,
        "sp": np.full(shape, 9.7e4),
        "u10": np.full(shape, 3.0),
        "v10": np.full(shape, 4.0),
    }
    hours = np.where(hour == 0, 24, hour)[:, None, None] if accumulated else 1
    fluxes = {"ssrd": sums, "strd": 0.0 * sums + hours * 3600.0 * 300.0, "tp": sums * 1e-9}
    for i, part in enumerate((fields, fluxes)):
        ds = xr.Dataset({n: (("valid_time", "latitude", "longitude"), v) for n, v in part.items()},
                        coords={"valid_time": time.astype("datetime64[ns]"), "latitude": LAT, "longitude": LON})  # fmt: skip
        ds.to_netcdf(tmp_path / f"era_{i}.nc", engine="h5netcdf")
    return sorted(tmp_path.glob("era_*.nc")), t, rate


@pytest.mark.parametrize("accumulated", [True, False])
def test_sums_of_era5_become_rates_and_instants_means_of_the_hour(tmp_path, accumulated):
    paths, t, rate = era5(tmp_path, accumulated)
    source = open_gridded(paths, accumulated=accumulated)
    assert source.kind == "era5"
    assert source.latitude.size == 6
    w = source.read(np.datetime64("2003-05-01"), np.datetime64("2003-05-03"))
    np.testing.assert_allclose(w["FSDS"], rate[1:].reshape(48, 6), atol=1e-9)
    np.testing.assert_allclose(w["FLDS"], 300.0, rtol=1e-9)
    np.testing.assert_allclose(w["TBOT"], 0.5 * (t[:-1] + t[1:]).reshape(48, 6))
    np.testing.assert_allclose(w["WIND"], 5.0)
    assert (vapour_pressure(w["QBOT"], w["PSRF"]) < saturation_pressure(w["TBOT"])).all()
    assert w["CO2"][0, 0] == pytest.approx(376.0, abs=2.0)


def test_points_take_the_nearest_cell_and_far_ones_are_refused(tmp_path):
    paths, t, _ = era5(tmp_path, True)
    source = open_gridded(paths, points=[[49.6, 8.9]])
    w = source.read(np.datetime64("2003-05-01"), np.datetime64("2003-05-02"))
    np.testing.assert_allclose(w["TBOT"][:, 0], 0.5 * (t[:24, 1, 2] + t[1:25, 1, 2]))
    with pytest.raises(InputError, match="degrees away"):
        open_gridded(paths, points=[[60.0, 8.9]])


def test_a_missing_step_is_an_error_that_names_variable_and_time(tmp_path):
    paths, _, _ = era5(tmp_path, True)
    with pytest.raises(InputError, match=r"t2m is missing at 2003-05-03T01"):
        open_gridded(paths).read(np.datetime64("2003-05-02"), np.datetime64("2003-05-04"))
    with pytest.raises(InputError, match="Known kinds"):
        open_gridded(paths[:1])


def test_wfde5_is_read_by_its_stamps(tmp_path):
    time = np.datetime64("2003-05-01T00", "h") + np.arange(24)
    values = {
        "Tair": 280.0,
        "Qair": 0.004,
        "PSurf": 9e4,
        "Wind": 2.0,
        "SWdown": 100.0,
        "LWdown": 300.0,
        "Rainf": 1e-5,
        "Snowf": 2e-5,
    }
    ds = xr.Dataset(
        {n: (("time", "lat", "lon"), np.full((24, 2, 3), v)) for n, v in values.items()},
        coords={"time": time.astype("datetime64[ns]"), "lat": LAT, "lon": LON},
    )
    ds["Tair"][:, 0, 0] = np.nan  # sea
    ds.to_netcdf(tmp_path / "w.nc", engine="h5netcdf")
    source = open_gridded([tmp_path / "w.nc"])
    assert source.latitude.size == 5
    f = land_chunk(source, np.datetime64("2003-05-01"), np.datetime64("2003-05-02"))
    np.testing.assert_allclose(f["forc_rain"] + f["forc_snow"], 3e-5)
    assert f["forc_solad"].shape == (24, 2, 5)


def test_generated_weather_survives_its_file_and_says_what_it_is(tmp_path):
    g = WeatherGenerator(climate(), seed=1, first_year=2003, years=1)
    write_weather(g, tmp_path / "w.nc", 2003, 1)
    source = open_gridded([tmp_path / "w.nc"])
    assert source.attrs["weather"] == "generated"
    begin, end = np.datetime64("2003-03-30"), np.datetime64("2003-04-02")
    a, b = source.read(begin, end), g.read(begin, end)
    for name in ("TBOT", "QBOT", "PSRF", "WIND", "FSDS", "FLDS", "PRECTmms", "CO2", "NDEP"):
        np.testing.assert_allclose(a[name], b[name], rtol=2e-7, atol=1e-12, err_msg=name)


def test_the_forcing_of_a_cell_is_that_of_a_station():
    g = WeatherGenerator(climate(), seed=1, first_year=2003, years=1)
    begin, end = np.datetime64("2003-06-30T00"), np.datetime64("2003-07-02T00")
    f = land_chunk(g, begin, end, slice(1, 3))
    w = g.read(begin, end, slice(1, 2))
    single = weather_fields({n: v[:, 0] for n, v in w.items() if n not in ("time", "NDEP")})
    single |= calendar_fields(w["time"], 3600.0, float(g.latitude[1]), float(g.longitude[1]))
    for name, value in single.items():
        expected = value[..., 0] if value.ndim > 1 else value
        found = f[name][..., 0] if value.ndim > 1 else f[name]
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=name)
    assert f["ndep"].shape == (48, 2)


def test_days_of_a_year_without_leap_day_end_at_365():
    time = step_starts("2004-02-28", "2004-12-31", 86400)
    time = time[time.astype("datetime64[D]") != np.datetime64("2004-02-29")]
    f = cell_calendar(time, 86400.0, np.array([50.0]), np.array([8.0]), noleap=True)
    assert f["dayofyear"][0] == 59
    assert f["dayofyear"][1] == 60
    assert f["dayofyear"][-1] == 364


def test_values_out_of_range_are_refused_with_their_place(tmp_path):
    paths, _, _ = era5(tmp_path, True)
    ds = xr.load_dataset(paths[0], engine="h5netcdf")
    ds["sp"] = ds["sp"] / 100.0
    ds.to_netcdf(paths[0], engine="h5netcdf")
    with pytest.raises(InputError, match=r"PSRF is 970 at 2003-05-01"):
        land_chunk(open_gridded(paths), np.datetime64("2003-05-01"), np.datetime64("2003-05-02"))


def test_a_climate_is_read_from_csv_and_netcdf(tmp_path):
    rows = "\n".join(f"{m},{m - 5.0},{50 + m}" for m in range(1, 13))
    (tmp_path / "c.csv").write_text("# a comment\nmonth,temperature,precipitation\n" + rows)
    c = read_climate(tmp_path / "c.csv", point=(46.8, 9.9, 1600.0))
    assert c.temperature[0, 0] == pytest.approx(269.15)
    assert c.precipitation[0, 0] == pytest.approx(51 / 31.0)
    with pytest.raises(InputError, match="no place"):
        read_climate(tmp_path / "c.csv")
    t = np.full((12, 2, 3), 8.0)
    t[:, 0, 0] = np.nan
    ds = xr.Dataset(
        {
            "t2m": (("month", "latitude", "longitude"), t, {"units": "degC"}),
            "tp": (("month", "latitude", "longitude"), np.full(t.shape, 60.0), {"units": "mm month-1"}),
        },
        coords={"latitude": LAT, "longitude": LON},
    )
    ds.to_netcdf(tmp_path / "c.nc", engine="h5netcdf")
    assert read_climate(tmp_path / "c.nc").cells == 5
    one = read_climate(tmp_path / "c.nc", point=(49.6, 8.4, 300.0))
    assert (one.cells, one.elevation[0], one.temperature[3, 0]) == (1, 300.0, pytest.approx(281.15))
    with pytest.raises(InputError, match="degrees away"):
        read_climate(tmp_path / "c.nc", point=(60.0, 8.4, 300.0))
