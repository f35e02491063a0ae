"""Sun against known values and exact identities."""

import numpy as np
import pytest

from elterra.forcing import solar

LAT, LON = 46.81533, 9.85591


def test_day_length_of_ctsm_unit_test():
    # values of CTSM's own Daylength unit test: latitudes in rad -1.4 and -1.3, declination 0.1
    for lat, expected in ((-1.4, 26125.331269192659), (-1.3, 33030.159082987258)):
        assert solar.day_length(np.rad2deg(lat), np.array(0.1)) == pytest.approx(expected, rel=1e-12)


def test_polar_day_and_night():
    assert solar.day_length(80.0, np.array(0.4)) == pytest.approx(86400.0, rel=1e-6)
    assert solar.day_length(80.0, np.array(-0.4)) == 0.0


@pytest.mark.parametrize(
    ("time", "degrees"),
    [
        ("2015-06-21T16:38", 23.437),
        ("2015-12-22T04:48", -23.437),
        ("2015-03-20T22:45", 0.0),
        ("2015-09-23T08:20", 0.0),
    ],
)
def test_declination_at_solstice_and_equinox(time, degrees):
    # an average year serves all years: a quarter of a day of drift is 0.1 degree at the equinox
    decl = np.rad2deg(solar.declination(np.array([time], "M8[ns]")))[0]
    assert decl == pytest.approx(degrees, abs=0.25)


def test_equation_of_time_extremes():
    year = np.arange(np.datetime64("2015-01-01"), np.datetime64("2016-01-01"))
    minutes = 60 * solar.equation_of_time(year)
    assert minutes.min() == pytest.approx(-14.2, abs=0.3)
    assert minutes.max() == pytest.approx(16.4, abs=0.3)


def test_step_mean_equals_fine_integration():
    start = np.arange(
        np.datetime64("2015-06-20T00:00"), np.datetime64("2015-06-22T00:00"), np.timedelta64(30, "m")
    )
    fine = start[:, None].astype("M8[ns]") + (np.arange(360) * 5 + 2).astype("m8[s]")
    expected = np.maximum(solar.coszen_instant(fine.ravel(), LAT, LON), 0).reshape(fine.shape).mean(1)
    np.testing.assert_allclose(solar.coszen_step(start, 1800.0, LAT, LON), expected, atol=5e-5)


def test_partition_closes_and_zero_is_zero():
    fsds = np.linspace(0, 1200, 200)
    direct, diffuse = solar.partition_shortwave(fsds)
    np.testing.assert_allclose(direct.sum(0) + diffuse.sum(0), fsds, rtol=1e-14)
    assert (direct[:, 0] == 0).all()
    assert (diffuse >= 0).all()


def test_rain_snow_limits_and_sum():
    t = np.array([260.0, 273.15, 274.15, 275.15, 290.0])
    rain, snow = solar.partition_precipitation(np.ones(5), t)
    np.testing.assert_allclose(snow, [1, 1, 0.5, 0, 0], atol=1e-12)
    np.testing.assert_array_equal(rain + snow, 1.0)
