"""Half-hours made of days keep what the days say."""

import numpy as np
import pytest

from elterra.errors import InputError
from elterra.forcing import disaggregate as d
from elterra.forcing.humidity import saturation_pressure

DAYS = np.arange(np.datetime64("2010-01-01"), np.datetime64("2011-01-01"))
LAT, LON = 50.0, 10.0


@pytest.fixture(scope="module")
def time():
    return d.half_hours(DAYS, 1.0)


def daily(x):
    return x.reshape(-1, 48)


def test_half_hours_begin_at_midnight_of_the_local_clock(time):
    assert str(time[0]).startswith("2009-12-31T23:00")
    assert len(time) == 48 * 365
    assert (np.diff(time) == np.timedelta64(1800, "s")).all()


def test_sunlight_keeps_its_daily_mean_and_is_dark_at_night(time):
    mean = np.linspace(20, 250, 365)
    sun = daily(d.shortwave(time, mean, LAT, LON))
    np.testing.assert_allclose(sun.mean(axis=1), mean, rtol=1e-12)
    assert (sun[:, :6] == 0).all()
    # the sun of 10 degrees east stands highest about twenty minutes after noon of the zone of 15 degrees
    assert 24 <= np.median(sun.argmax(axis=1)) <= 26


def test_polar_night_has_no_sun(time):
    assert d.shortwave(time, np.full(365, 5.0), 78.0, 16.0).reshape(-1, 48)[0].max() == 0.0


def test_temperature_keeps_its_mean_and_most_of_its_range(time):
    rng = np.random.default_rng(0)
    mean = 10 + 8 * np.sin(np.arange(365) / 58) + rng.normal(size=365)
    t = daily(d.temperature(time, mean, mean - 5, mean + 5, LAT, LON))
    np.testing.assert_allclose(t.mean(axis=1), mean, atol=1e-10)
    assert np.median(np.ptp(t, axis=1)) == pytest.approx(10, abs=1.0)
    july = t[182:213]
    assert 27 <= np.median(july.argmax(axis=1)) <= 32  # half past one to four
    assert 6 <= np.median(july.argmin(axis=1)) <= 12  # about sunrise


def test_temperature_of_polar_days_is_finite(time):
    t = d.temperature(time, np.zeros(365), np.full(365, -2.0), np.full(365, 3.0), 78.0, 16.0)
    assert np.isfinite(t).all()
    assert np.abs(t).max() < 4


def test_deficit_keeps_its_mean_and_is_never_negative(time):
    t = d.temperature(time, np.full(365, 283.0), np.full(365, 278.0), np.full(365, 288.0), LAT, LON)
    mean = np.linspace(0, 600, 365)
    deficit = daily(d.vapour_pressure_deficit(t, mean))
    np.testing.assert_allclose(deficit.mean(axis=1), mean, atol=1e-9)
    assert deficit.min() >= 0
    assert (deficit <= daily(saturation_pressure(t)) * 1.001).all()


def test_rain_keeps_its_sum_and_is_the_same_at_every_call():
    total = np.array([0.0, 0.2, 5.0, 80.0])
    rain = daily(d.precipitation(total, seed=3))
    np.testing.assert_allclose(rain.sum(axis=1), total)
    assert (rain > 0).sum(axis=1).tolist() == [0, 4, 12, 48]
    np.testing.assert_array_equal(rain, daily(d.precipitation(total, seed=3)))
    with pytest.raises(InputError, match="sums >= 0"):
        d.precipitation(np.array([-1.0]), seed=3)


def test_the_dullest_days_of_a_month_are_wet():
    month = np.repeat([0, 1], [31, 28])
    dull = np.random.default_rng(1).normal(size=59)
    rain = d.wet_days(month, np.array([2.0, 0.0]), dull)
    assert rain[:31].sum() == pytest.approx(62.0)
    assert rain[31:].sum() == 0
    wet = rain[:31] > 0
    assert wet.sum() == 14
    assert dull[:31][wet].min() > dull[:31][~wet].max()
    assert rain[:31].argmax() == dull[:31].argmax()
    with pytest.raises(InputError, match="missing"):
        d.wet_days(month, np.array([2.0, np.nan]), dull)
