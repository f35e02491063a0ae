"""The data atmosphere: lag of the records, cycles, split of precipitation, saturation."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from elterra.clm import sun
from elterra.clm.streams import (
    Stream,
    between_months,
    lightning,
    lightning_at,
    parse_stream,
    population,
    population_at,
    read_weather,
    saturated,
    snow_share,
)
from elterra.errors import InputError


def start_of(k: np.ndarray) -> np.ndarray:
    return (np.asarray(k) - 1) * 1800.0


def test_a_half_hourly_record_is_used_half_an_hour_after_it_ended():
    stream = Stream({}, 1800.0, 2004, 2004, 2005)
    k = np.arange(1, 17521)
    expected = k - 2
    expected[0] = 2 * 17520 - 1  # the first step takes the last record of the cycle
    np.testing.assert_array_equal(stream.record(2004, start_of(k)), expected)
    assert stream.record(2005, np.array([1800.0])) == 17520
    assert stream.record(2006, np.array([1800.0])) == 0


def test_an_hourly_record_serves_two_steps():
    stream = Stream({}, 3600.0, 2004, 2004, 2004)
    k = np.arange(2, 101)
    np.testing.assert_array_equal(stream.record(2004, start_of(k)), (k - 2) // 2)
    assert stream.record(2004, start_of(np.array([1]))) == 8759


def test_precipitation_between_the_two_temperatures_is_mixed():
    t = 273.15 + np.array([[-5.0], [0.0], [0.5], [2.0], [9.0]])
    np.testing.assert_allclose(snow_share(t, [0.0], [2.0])[:, 0], [1.0, 1.0, 0.75, 0.0, 0.0])
    np.testing.assert_allclose(snow_share(t, [0.0, 0.0], [2.0, 0.5])[2], [0.75, 0.0])


def test_saturation_is_that_over_ice_below_freezing():
    at_zero = 0.622 * 611.0 / (1.0e5 - 0.378 * 611.0)
    np.testing.assert_allclose(saturated(np.array([273.15]), np.array([1.0e5])), at_zero, rtol=2e-3)
    assert saturated(np.array([263.15]), np.array([1.0e5])) < 0.622 * 286.5 / 1.0e5  # below that over water


def test_months_are_linear_between_their_middles():
    monthly = np.arange(12.0)
    assert between_months(monthly, np.array([15.5])) == pytest.approx(0.0)
    assert between_months(monthly, np.array([45.0])) == pytest.approx(1.0)
    assert between_months(monthly, np.array([0.0])) == pytest.approx(5.5, abs=0.01)  # half-way from December


def _stream_files(tmp_path, records=8760, gap=False):
    time = (np.arange(records) + 0.5) / 24.0
    value = np.full((records, 1, 1), 280.0)
    if gap:
        value[7] = np.nan
    names = ("TBOT", "SHUM", "WIND", "PRECTmms", "FSDS", "FLDS", "PSRF")
    data = dict.fromkeys(names, (("time", "nj", "ni"), value))
    xr.Dataset(data, coords={"time": ("time", time, {"units": "days since 2004-01-01"})}).to_netcdf(
        tmp_path / "w_2004.nc", engine="h5netcdf"
    )
    fields = "TBOT tbot\n SHUM shum\n WIND wind\n PRECTmms precn\n FSDS swdn\n FLDS lwdn\n PSRF pbot"
    (tmp_path / "stream.txt").write_text(
        f"<file><fieldInfo><variableNames>\n {fields}\n</variableNames><filePath> . </filePath>"
        "<fileNames> w_2004.nc </fileNames></fieldInfo></file>"
    )
    (tmp_path / "datm_in").write_text('&shr_strdata_nml\n streams = "stream.txt 2004 2004 2004"\n/\n')


def test_a_stream_is_read_by_its_description(tmp_path):
    _stream_files(tmp_path)
    names, files = parse_stream(tmp_path / "stream.txt")
    assert names["PRECTmms"] == "precn"
    assert files == [(tmp_path / "w_2004.nc").resolve()]
    weather = read_weather(tmp_path)
    assert weather.interval == 3600.0
    assert weather.values["QBOT"].shape == (8760, 1)


def test_a_gap_or_a_short_year_is_refused(tmp_path):
    _stream_files(tmp_path, gap=True)
    with pytest.raises(InputError, match="missing values"):
        read_weather(tmp_path)
    _stream_files(tmp_path, records=100)
    with pytest.raises(InputError, match="8760"):
        read_weather(tmp_path)


def _global_file(path, name, values, time, units):
    grid = {"lat": np.array([-60.0, 0.0, 60.0]), "lon": np.array([0.0, 90.0, 180.0, 270.0])}
    field = np.full((time.size, 3, 4), -5.0)
    field[:, 2, 3] = values
    data = xr.Dataset({name: (("time", "lat", "lon"), field)}, coords=grid)
    data["time"] = ("time", time, {"units": units})
    data.to_netcdf(path, engine="h5netcdf")
    return path


def test_lightning_is_that_of_the_nearest_place_and_linear_in_time(tmp_path):
    time = 1.0625 + 365.0 + np.arange(2920) / 8.0 - 1.0
    values = np.where(np.arange(2920) == 8, 4.0, 0.0)
    path = _global_file(tmp_path / "l.nc", "lnfm", values, time, "days since 0001-01-01")
    climatology = lightning(path, 50.0, -80.0)
    assert climatology[0][0] == pytest.approx(0.0625)
    got = lightning_at(climatology, np.array([1.0625, 1.125, 1.1875, 0.0]))
    np.testing.assert_allclose(got, [4.0, 2.0, 0.0, 0.0], atol=1e-9)
    _global_file(tmp_path / "two.nc", "lnfm", np.zeros(2), np.array([10.0, 400.0]), "days since 0001-01-01")
    with pytest.raises(InputError, match="one year of lightning"):
        lightning(tmp_path / "two.nc", 0.0, 0.0)


def test_population_is_that_of_the_nearest_record_and_stands_still_outside_its_years(tmp_path):
    time = 365.0 * np.arange(5.0) + 181.0
    path = _global_file(
        tmp_path / "p.nc", "hdm", np.arange(5.0) * 10.0, time, "days since 2000-01-01 00:00:00"
    )
    people = population(path, 60.0, 270.0)
    got = population_at(people, np.array([2001.5, 2001.9, 2002.1, 1950.0, 2090.0]), 2000, 2000, 2004)
    np.testing.assert_array_equal(got, [10.0, 10.0, 20.0, 0.0, 40.0])
    # the stream of 2001 alone, for whatever year
    alone = population_at(people, np.array([1850.3, 2001.0, 2050.9]), 2001, 2001, 2001)
    np.testing.assert_array_equal(alone, 10.0)
    with pytest.raises(InputError, match="asked for are 1900"):
        population_at(people, np.array([2000.0]), 2000, 1900, 1910)
    _global_file(tmp_path / "q.nc", "hdm", np.zeros(1), np.zeros(1), "months")
    with pytest.raises(InputError, match="days since"):
        population(tmp_path / "q.nc", 0.0, 0.0)


def test_day_length_is_that_of_ctsms_unit_test():
    """Values printed by CTSM's own Daylength_test (declination 0.1 rad)."""
    lat = np.rad2deg([-1.4, -1.3])
    got = sun.day_length(np.array([0.1]), lat)[0]
    np.testing.assert_allclose(got, [26125.331269192659, 33030.159082987258], rtol=1e-12)
    assert (sun.max_day_length(np.array([50.0, -50.0])) > 16.0 * 3600.0).all()


def test_the_sun_stands_highest_at_local_noon_of_the_solstice():
    day = 171.0 + np.arange(48) / 48.0
    height = sun.coszen(day, np.array([46.8]), np.array([9.9]))[:, 0]
    assert abs(day[height.argmax()] % 1.0 - (0.5 - 9.9 / 360.0)) < 1.0 / 48.0
    assert height.max() == pytest.approx(np.cos(np.deg2rad(46.8 - 23.44)), abs=2e-3)
