"""Transforms of the daily model, the way from days to steps, scenarios."""

import itertools

import numpy as np
import pytest
from scipy import special

from elterra.errors import InputError
from elterra.forcing import solar
from elterra.forcing.humidity import saturation_pressure
from elterra.forcing.weather import Scenario, conditioning, daily, load, subdaily
from elterra.forcing.weather.climate import daily_sun
from elterra.forcing.weather.coefficients import FIELDS, expit, regress

Z = special.ndtri((np.arange(20000) + 0.5) / 20000)[:, None]
DAYS = np.datetime64("2003-06-10", "D").astype(np.int64) + np.arange(20)


def test_the_skewed_number_is_standardised_and_skewed():
    for g in (-0.3, 0.0, 0.2):
        x = daily.skewed(Z, np.array([g]))
        assert abs(x.mean()) < 2e-3
        assert x.std() == pytest.approx(1.0, abs=3e-3)
        assert np.mean(x**3) == pytest.approx(3.0 * g, abs=0.3)


def test_the_random_part_of_rain_has_mean_one_on_wet_days_and_a_weibull_tail():
    threshold, power = np.array([0.4]), np.array([1.3])
    x = daily.excess(Z, threshold, power)
    wet = x[threshold < Z]
    assert (x[threshold >= Z] == 0.0).all()
    assert wet.mean() == pytest.approx(1.0, abs=5e-3)
    quantile = (-np.log(0.01)) ** power / special.gamma(1.0 + power)
    assert np.quantile(wet, 0.99) == pytest.approx(quantile, rel=0.02)


def test_the_diurnal_amplitude_has_its_mean_and_is_never_negative():
    x = daily.amplitude(Z, np.array([8.0]), np.array([0.5]))
    assert x.min() >= 0.0
    assert x.mean() == pytest.approx(8.0, rel=1e-3)


def test_moving_a_mean_keeps_the_bounds():
    rng = np.random.default_rng(0)
    x, bound = rng.uniform(0.0, 0.6, (200, 1)), np.ones((200, 1))
    for target in (0.05, 0.3, 0.9, 0.999):
        closing = daily.closing_of(x.mean(axis=0), bound.mean(axis=0), np.array([target]))
        moved = daily.towards(x, bound, closing)
        assert moved.mean() == pytest.approx(target, rel=1e-12)
        assert moved.min() >= 0.0
        assert moved.max() <= 1.0


def test_the_shift_of_log_odds_hits_its_mean_and_leaves_little_to_the_closing():
    weight = np.linspace(1.0, 3.0, 900)[:, None]
    z = np.random.default_rng(1).normal(size=(900, 1))
    for share in (0.05, 0.5, 0.93):
        target = share * weight.mean(axis=0)
        mu, closing = conditioning.shift_of(weight, z, np.array([1.2]), target, np.array([0.0]))
        got = daily.towards(weight * expit(mu + 1.2 * z), weight, closing).mean(axis=0)
        assert got == pytest.approx(target, rel=1e-12)
        assert closing == pytest.approx(1.0, abs=1e-6)


def test_mixing_gives_unit_variance_and_the_fitted_correlations():
    c = load()
    lower = c.mixing(np.array([0.0, 100.0, 240.0, 480.0]))
    np.testing.assert_allclose((lower**2).sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(lower[:, :, 2] @ lower[:, :, 2].T, c.correlation[2], atol=1e-6)
    assert np.triu(lower[:, :, 0], 1).max() == 0.0
    assert c.memory.shape == (len(FIELDS),)


def test_steps_of_the_sun_sum_to_the_irradiance_of_the_day():
    lat, lon = np.array([46.8, 67.0, 78.0]), np.array([9.9, 25.0, 15.0])
    noon = DAYS.astype("datetime64[D]").astype("datetime64[ns]") + np.timedelta64(12, "h")
    for steps in (24, 48):
        sky = subdaily.Sky.of(DAYS, steps, lat, lon)
        np.testing.assert_allclose(sky.top.mean(axis=0), daily_sun(noon, lat)[0], rtol=1e-12)
    start = (DAYS[:, None] * 24 + np.arange(24)).reshape(-1).astype("datetime64[h]").astype("datetime64[ns]")
    exact = solar.coszen_step(start, 3600.0, 46.8, 9.9).reshape(-1, 24)
    np.testing.assert_allclose(subdaily.Sky.of(DAYS, 24, lat, lon).height[:, :, 0].T, exact, atol=3e-3)


def test_the_diurnal_cycle_has_mean_zero_range_one_and_its_maximum_in_the_afternoon():
    sky = subdaily.Sky.of(DAYS, 48, np.array([47.0]), np.array([0.0]))
    shape = subdaily.diurnal(sky, 48, 0.2)[:, :, 0]
    np.testing.assert_allclose(shape.mean(axis=0), 0.0, atol=1e-14)
    assert np.allclose(shape.max(axis=0) - shape.min(axis=0), 1.0, atol=0.02)
    assert (shape.argmax(axis=0) / 2.0 >= 13.0).all()
    assert (shape.argmax(axis=0) / 2.0 <= 16.5).all()
    assert (shape.argmin(axis=0) / 2.0 <= 6.0).all()
    dark = subdaily.Sky.of(
        np.array([np.datetime64("2003-12-21", "D").astype(np.int64)]), 24, np.array([80.0]), np.array([0.0])
    )
    assert np.abs(subdaily.diurnal(dark, 24, 0.2)).max() == 0.0


def test_days_keep_their_sums_when_they_are_cut_into_steps():
    rng = np.random.default_rng(2)
    shape = (24, 30, 4)
    cloud = rng.normal(size=shape)
    amount = rng.gamma(0.5, 8.0, shape[1:])
    rain = subdaily.rain(amount, cloud, np.full(shape[1:], 0.2), 1.5)
    np.testing.assert_allclose(rain.sum(axis=0), amount, rtol=1e-12)
    assert rain.min() >= 0.0
    t = 285.0 + 6.0 * np.sin(np.linspace(0, 2 * np.pi, 24))[:, None, None] + rng.normal(size=shape)
    saturated = saturation_pressure(t)
    day = rng.uniform(0.2, 0.999, shape[1:]) * saturated.mean(axis=0)
    e = subdaily.vapour(day, saturated)
    np.testing.assert_allclose(e.mean(axis=0), day, rtol=1e-12)
    assert (e <= saturated * (1.0 + 1e-14)).all()


def test_long_wave_lies_between_clear_sky_and_a_black_cloud():
    t, e = np.full(5, 280.0), np.full(5, 800.0)
    lw = subdaily.longwave(t, e, np.linspace(0.0, 1.0, 5), 0.97, 0.9, 1.0)
    assert (np.diff(lw) > 0.0).all()
    assert lw[-1] < 5.67e-8 * 280.0**4


def test_regressions_find_a_law_and_stay_in_their_bounds():
    x = np.linspace(-1.0, 1.0, 200)
    found = regress(
        ("one", "x"), {"one": np.ones(200), "x": x}, 1.0 + 0.5 * x, link="log", low=1.8, high=4.0, ridge=1e-9
    )
    np.testing.assert_allclose(found.coefficients, (1.0, 0.5), rtol=1e-6)
    assert found({"one": np.ones(1), "x": np.array([-5.0])}) == 1.8


def test_a_constant_scenario_changes_nothing_and_a_pathway_warms_the_north_in_winter():
    lat = np.array([38.0, 68.0])
    same = Scenario(normal_year=2005.0).at(2090, 1, lat)
    assert (same.warming == 0.0).all()
    assert (same.rain == 1.0).all()
    far = Scenario("ssp585", normal_year=2005.0)
    winter, summer = far.at(2090, 1, lat), far.at(2090, 7, lat)
    assert winter.warming[1] > summer.warming[1] > 3.0
    assert summer.warming[0] > winter.warming[0]
    assert summer.rain[0] < 1.0 < winter.rain[1]
    assert far.at(2090, 1, lat).co2 > far.at(2050, 1, lat).co2 > 500.0
    assert far.at(2015, 1, lat).co2 == pytest.approx(400.0, abs=3.0)
    assert Scenario("preindustrial", normal_year=2005.0).at(2000, 1, lat).co2 == pytest.approx(284.3, abs=0.1)


def test_pathways_are_ordered_by_their_forcing_at_the_end_of_the_century():
    end = [
        Scenario(n, normal_year=2005.0).at(2095, 6, np.array([50.0]))
        for n in ("ssp126", "ssp245", "ssp370", "ssp585")
    ]
    assert all(b.co2 > a.co2 for a, b in itertools.pairwise(end))
    assert all(b.warming > a.warming for a, b in itertools.pairwise(end))


def test_an_unknown_pathway_is_refused():
    with pytest.raises(InputError, match="ssp126"):
        Scenario("rcp85")
