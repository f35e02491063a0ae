"""Generated weather has the climate's means, is physical, and does not depend on how it is cut."""

import numpy as np
import pytest
from climates import climate, monthly_means, months
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elterra.errors import InputError
from elterra.forcing import solar
from elterra.forcing.humidity import saturation_pressure, vapour_pressure
from elterra.forcing.weather import MonthlyClimate, MonthlySeries, Scenario, WeatherGenerator, load
from elterra.forcing.weather import generator as generator_module

YEARS = range(2001, 2004)


@pytest.fixture(scope="module")
def given_climate() -> MonthlyClimate:
    c = climate()
    sun = 0.45 * np.stack([solar_mean(c.latitude, m) for m in range(12)])
    warm = saturation_pressure(c.temperature)
    return MonthlyClimate(
        c.latitude,
        c.longitude,
        c.elevation,
        c.temperature,
        c.precipitation,
        radiation=sun,
        vapour_pressure=0.7 * warm,
        wind=np.full((12, 3), 3.3),
        longwave=0.78 * 5.67e-8 * c.temperature**4,
    )


def solar_mean(latitude: np.ndarray, month: int) -> np.ndarray:
    start = np.arange(
        np.datetime64(f"2001-{month + 1:02d}-01T00", "h"), np.datetime64(f"2001-{month + 1:02d}-28T00", "h")
    )
    return np.array([solar.top_of_atmosphere(start, 3600.0, la, 0.0).mean() for la in latitude])


@pytest.fixture(scope="module")
def generator(given_climate) -> WeatherGenerator:
    return WeatherGenerator(given_climate, seed=5, first_year=YEARS[0], years=len(YEARS))


@pytest.fixture(scope="module")
def found(generator):
    return months(generator, YEARS)


def test_means_over_the_normal_period_are_those_of_the_climate(generator, given_climate, found):
    c = given_climate
    np.testing.assert_allclose(monthly_means(found, "TBOT"), c.temperature, atol=1e-9)
    np.testing.assert_allclose(86400.0 * monthly_means(found, "PRECTmms"), c.precipitation, atol=1e-12)
    np.testing.assert_allclose(monthly_means(found, "WIND"), c.wind, atol=1e-12)
    dark = np.stack([solar_mean(c.latitude, m) for m in range(12)]) < 2.5
    np.testing.assert_allclose(monthly_means(found, "FSDS")[~dark], c.radiation[~dark], rtol=1e-9)
    np.testing.assert_allclose(monthly_means(found, "FLDS"), c.longwave, rtol=1e-9)
    vapour = [vapour_pressure(q, p) for q, p in zip(found["QBOT"], found["PSRF"], strict=True)]
    np.testing.assert_allclose(np.stack([v.mean(axis=0) for v in vapour]), c.vapour_pressure, rtol=1e-9)


def test_every_value_is_physical(found, generator):
    t, p = np.concatenate(found["TBOT"]), np.concatenate(found["PSRF"])
    vapour = vapour_pressure(np.concatenate(found["QBOT"]), p)
    assert (vapour > 0.0).all()
    assert (vapour <= saturation_pressure(t) * (1.0 + 1e-12)).all()
    for name in ("PRECTmms", "FSDS"):
        assert np.concatenate(found[name]).min() >= 0.0
    assert np.concatenate(found["WIND"]).min() > 0.0
    assert (np.concatenate(found["FLDS"]) < 5.67e-8 * t**4).all()


def test_the_sun_of_a_step_is_below_that_above_the_atmosphere_and_absent_at_night(generator):
    c = generator.climate
    w = generator.month(2002, 6)
    seconds = 3600.0
    for cell in range(3):
        top = solar.top_of_atmosphere(
            w["time"].astype("datetime64[ns]"), seconds, c.latitude[cell], c.longitude[cell]
        )
        night = top == 0.0
        assert (w["FSDS"][night, cell] < 2.0).all()
        assert (w["FSDS"][:, cell] <= top + 3.0).all()


def test_a_month_without_rain_has_none_and_one_with_rain_has_a_wet_day(found, given_climate):
    rain = found["PRECTmms"]
    assert (given_climate.precipitation[6:8, 2] == 0.0).all()
    assert all((rain[m][:, 2] == 0.0).all() for m in (6, 7))
    assert all((rain[m].max(axis=0)[given_climate.precipitation[m] > 0.0] > 0.0).all() for m in range(12))


def test_a_cell_has_the_same_bits_alone_in_a_tile_and_in_the_whole(generator, given_climate, monkeypatch):
    whole = generator.month(2002, 4)
    for cells in ([1], [2, 1], [0, 2]):
        part = WeatherGenerator(
            given_climate.at(np.array(cells)), seed=5, first_year=YEARS[0], years=len(YEARS)
        ).month(2002, 4)
        for name, value in part.items():
            if name != "time":
                np.testing.assert_array_equal(value, whole[name][:, cells], err_msg=name)
    monkeypatch.setattr(generator_module, "BLOCK", 2)
    blocks = WeatherGenerator(given_climate, seed=5, first_year=YEARS[0], years=len(YEARS))
    for name, value in blocks.month(2002, 4, slice(1, 3)).items():
        if name != "time":
            np.testing.assert_array_equal(value, whole[name][:, 1:3], err_msg=name)


def test_a_stream_goes_on_at_any_month_with_the_same_bits(generator, given_climate):
    fresh = WeatherGenerator(given_climate, seed=5, first_year=YEARS[0], years=len(YEARS))
    later = fresh.month(2003, 1)
    for name, value in generator.month(2003, 1).items():
        np.testing.assert_array_equal(value, later[name], err_msg=name)
    cut = fresh.read(np.datetime64("2002-12-30T06"), np.datetime64("2003-01-02T03"))
    assert len(cut["time"]) == 69
    np.testing.assert_array_equal(cut["TBOT"][42:], later["TBOT"][:27])


def test_half_hours_and_hours_have_the_same_days(generator, given_climate):
    half = WeatherGenerator(given_climate, seed=5, first_year=YEARS[0], years=len(YEARS), step_seconds=1800)
    a, b = generator.month(2001, 5), half.month(2001, 5)
    for name in ("TBOT", "PRECTmms", "WIND"):
        one = a[name].reshape(31, 24, 3).mean(axis=1)
        two = b[name].reshape(31, 48, 3).mean(axis=1)
        np.testing.assert_allclose(one, two, rtol=1e-9, err_msg=name)


def test_temperature_rarely_jumps_between_hours_days_and_months(generator):
    t = np.concatenate([generator.month(2002, m)["TBOT"] for m in range(1, 13)])
    # two days of very different amplitude meet at midnight with a step: rare, and a known gap
    assert np.quantile(np.abs(np.diff(t, axis=0)), 0.98) < 4.5
    assert np.abs(np.diff(t, axis=0)).max() < 15.0


def test_neighbours_share_their_weather_and_distant_places_do_not():
    c = climate(latitude=(50.0, 50.1, 38.0), longitude=(10.0, 10.1, 35.0), elevation=(300.0,) * 3, mean=(8.0,) * 3,
                swing=(9.0,) * 3, rain=(2.0,) * 3)  # fmt: skip
    g = WeatherGenerator(c, seed=2, first_year=2001, years=2)
    t = np.concatenate(
        [g.daily(2001, m).temperature - g.daily(2001, m).temperature.mean(axis=0) for m in range(1, 13)]
    )
    r = np.corrcoef(t.T)
    assert r[0, 1] > 0.97
    assert abs(r[0, 2]) < 0.6  # one sample of two dozen independent weeks


def test_a_seed_is_a_history(given_climate, generator):
    other = WeatherGenerator(given_climate, seed=6, first_year=YEARS[0], years=len(YEARS))
    assert not np.array_equal(other.month(2002, 4)["TBOT"], generator.month(2002, 4)["TBOT"])


def test_metadata_say_that_the_weather_is_generated_and_what_was_estimated(generator):
    assert generator.attrs["weather"] == "generated"
    assert "radiation" in str(generator.attrs["conditioned_on"])
    assert generator.attrs["estimated"] == "wet_fraction, diurnal_range"


def test_warming_shifts_the_mean_exactly_and_keeps_relative_humidity(given_climate, found):
    warm = WeatherGenerator(
        given_climate,
        seed=5,
        first_year=YEARS[0],
        years=len(YEARS),
        scenario=Scenario(warming=3.0, rain=1.2, co2=600.0),
    )
    hot = months(warm, YEARS)
    np.testing.assert_allclose(monthly_means(hot, "TBOT"), given_climate.temperature + 3.0, atol=1e-9)
    np.testing.assert_allclose(
        86400.0 * monthly_means(hot, "PRECTmms"), 1.2 * given_climate.precipitation, atol=1e-12
    )
    np.testing.assert_allclose(monthly_means(hot, "FSDS"), monthly_means(found, "FSDS"), rtol=1e-12)
    assert (hot["CO2"][0] == 600.0).all()

    def relative(streams):
        vapour = vapour_pressure(streams["QBOT"][6], streams["PSRF"][6])
        return (vapour / saturation_pressure(streams["TBOT"][6])).mean(axis=0)

    np.testing.assert_allclose(relative(hot), relative(found), atol=0.01)
    assert (monthly_means(hot, "FLDS") > monthly_means(found, "FLDS")).all()


def test_a_series_of_months_is_kept_month_by_month(given_climate):
    rng = np.random.default_rng(1)
    t = np.tile(given_climate.temperature, (2, 1)) + rng.normal(0.0, 2.0, (24, 3))
    p = np.tile(given_climate.precipitation, (2, 1)) * rng.gamma(2.0, 0.5, (24, 3))
    g = WeatherGenerator(given_climate, seed=1, first_year=2001, years=3, series=MonthlySeries(2050, t, p))
    for i in (0, 6, 11, 12, 23):
        w = g.month(2050 + i // 12, i % 12 + 1)
        np.testing.assert_allclose(w["TBOT"].mean(axis=0), t[i], atol=1e-9)
        np.testing.assert_allclose(86400.0 * w["PRECTmms"].mean(axis=0), p[i], atol=1e-12)
    with pytest.raises(InputError, match=r"2050\.\.2051"):
        g.month(2052, 1)


def test_without_leap_days_february_has_28_days(given_climate):
    g = WeatherGenerator(given_climate, seed=1, first_year=2003, years=2, leap_days=False)
    assert len(g.month(2004, 2)["time"]) == 28 * 24


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.floats(28.0, 80.0),
    st.floats(-25.0, 25.0),
    st.floats(1.0, 22.0),
    st.floats(0.0, 12.0),
    st.sampled_from([0.0, 0.02, 1.0]),
    st.integers(0, 11),
)
def test_any_climate_of_the_earth_gives_physical_weather_with_its_means(
    latitude, mean, swing, rain, dry, month
):
    season = -np.cos(2.0 * np.pi * (np.arange(12)[:, None] - 0.5) / 12.0)
    p = np.full((12, 1), rain)
    p[month] *= dry
    c = MonthlyClimate([latitude], [10.0], [200.0], 273.15 + mean + swing * season, p)
    g = WeatherGenerator(c, seed=3, first_year=2001, years=1)
    found = months(g, [2001])
    np.testing.assert_allclose(monthly_means(found, "TBOT"), c.temperature, atol=1e-9)
    np.testing.assert_allclose(86400.0 * monthly_means(found, "PRECTmms"), p, atol=1e-12)
    t = np.concatenate(found["TBOT"])
    vapour = vapour_pressure(np.concatenate(found["QBOT"]), np.concatenate(found["PSRF"]))
    assert np.isfinite(vapour).all()
    assert (vapour > 0.0).all()
    assert (vapour <= saturation_pressure(t) * (1.0 + 1e-12)).all()
    for name in ("FSDS", "FLDS", "PRECTmms", "WIND"):
        value = np.concatenate(found[name])
        assert np.isfinite(value).all()
        assert value.min() >= 0.0


def test_an_impossible_climate_is_refused_with_its_month_and_cell(given_climate):
    bad = np.array(given_climate.radiation)
    bad[5, 1] = 449.0
    with pytest.raises(InputError, match=r"radiation of month 6 in cell 1"):
        WeatherGenerator(
            MonthlyClimate(*(getattr(given_climate, n) for n in
                             ("latitude", "longitude", "elevation", "temperature", "precipitation")), radiation=bad),
            seed=1, years=1,
        ).month(1991, 1)  # fmt: skip
    with pytest.raises(InputError, match=r"temperature: .*month 1 of cell 0"):
        climate(mean=(4.0 - 273.15, -1.0, 17.0))
    with pytest.raises(InputError, match="above saturation"):
        WeatherGenerator(climate(vapour_pressure=np.full((12, 3), 4000.0)), seed=1, years=1).month(1991, 1)


def test_a_climate_as_moist_as_fog_is_cut_and_booked():
    c = climate(vapour_pressure=saturation_pressure(climate().temperature) * np.array([1.08, 0.8, np.nan]))
    g = WeatherGenerator(c, seed=1, first_year=2001, years=1)
    found = months(g, [2001])
    t = np.concatenate(found["TBOT"])
    vapour = vapour_pressure(np.concatenate(found["QBOT"]), np.concatenate(found["PSRF"]))
    assert (vapour <= saturation_pressure(t) * (1.0 + 1e-12)).all()
    booked = g.corrections()
    assert booked["vapour_cut_cell_months"] == 12
    assert 1.0 < booked["vapour_cut_largest_pa"] < 300.0


def test_the_packaged_coefficients_say_what_they_were_fitted_on():
    c = load()
    assert "CC-BY" in c.fitted_on["sources"]
    assert len(c.fitted_on["stations"]) > 10


def test_bits_do_not_depend_on_the_place_in_a_long_tile():
    rng = np.random.default_rng(4)
    count = 37
    c = MonthlyClimate(
        rng.uniform(36, 70, count), rng.uniform(-20, 40, count), rng.uniform(0, 2500, count),
        273.15 + rng.uniform(-3, 15, (12, count)), rng.uniform(0.2, 5.0, (12, count)),
    )  # fmt: skip
    whole = WeatherGenerator(c, seed=9, first_year=2001, years=1).month(2001, 2)
    for low, high in ((3, 4), (5, 22), (30, 37)):
        part = WeatherGenerator(c.at(slice(low, high)), seed=9, first_year=2001, years=1).month(2001, 2)
        for name in ("TBOT", "QBOT", "FSDS", "FLDS", "PRECTmms", "WIND", "PSRF"):
            np.testing.assert_array_equal(part[name], whole[name][:, low:high], err_msg=name)


def test_days_have_the_prescribed_spread_and_share_of_wet_days_in_every_month():
    lat, lon = np.repeat([37.0, 45.0, 53.0, 61.0, 69.0], 3), np.tile([-20.0, 5.0, 35.0], 5)
    t = 280.0 - 8.0 * np.cos(2.0 * np.pi * (np.arange(12)[:, None] - 0.5) / 12.0) + np.zeros((12, lat.size))
    c = MonthlyClimate(lat, lon, np.zeros(lat.size), t, np.full(t.shape, 2.0))
    g = WeatherGenerator(c, seed=8, first_year=2001, years=8)
    p = g._block(0).prescription
    sd, wet, wind = np.zeros((12, lat.size)), np.zeros((12, lat.size)), np.zeros((12, lat.size))
    made = [[g.daily(2001 + y, month + 1) for month in range(12)] for y in range(8)]  # a year stays at hand
    for month in range(12):
        days = [of_year[month] for of_year in made]
        anomaly = np.concatenate([d.temperature for d in days]) - t[month]
        sd[month] = anomaly.std(axis=0)
        wet[month] = (np.concatenate([d.rain for d in days]) > 0.0).mean(axis=0)
        wind[month] = np.log(np.concatenate([d.wind for d in days])).std(axis=0)
    # fifteen distant places and eight years: about a hundred independent weeks a month
    np.testing.assert_allclose(sd.mean(axis=1) / p.temperature_sd.mean(axis=1), 1.0, atol=0.15)
    assert (sd / p.temperature_sd).mean() == pytest.approx(1.0, abs=0.04)
    assert (wet - p.wet).mean() == pytest.approx(0.0, abs=0.015)
    assert (wind / p.wind_sd).mean() == pytest.approx(1.0, abs=0.05)
