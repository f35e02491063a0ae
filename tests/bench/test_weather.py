"""The rivals and the statistics of bench weather, and a fit on the reference data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from elterra.bench.weather_rivals import daily_of, moved, nearest, wgen
from elterra.bench.weather_stats import Daily, compare, diurnal_error, ks
from elterra.forcing.weather.towers import Station, region

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[3] / "shared")) / "data"
DAYS = np.arange(12000, 12000 + 8 * 365)


def station(name="A", seed=0, latitude=50.0, longitude=10.0, elevation=200.0) -> Station:
    """Eight made-up years with a season, rain and dependent radiation."""
    rng = np.random.default_rng(seed)
    angle = 2.0 * np.pi * (DAYS % 365.25) / 365.25
    wet = rng.random(DAYS.size) < 0.4
    t = 8.0 - 9.0 * np.cos(angle) + rng.normal(0.0, 3.0, DAYS.size)
    sw = np.maximum(
        (130.0 - 100.0 * np.cos(angle)) * np.where(wet, 0.6, 1.2) * rng.uniform(0.6, 1.2, DAYS.size), 1.0
    )
    rain = np.where(wet, rng.exponential(6.0, DAYS.size), 0.0)
    noise = rng.uniform(0.5, 1.5, (2, DAYS.size))
    values = {
        "t": t,
        "range": 4.0 + noise[0] * sw / 30.0,
        "sw": sw,
        "vpd": 0.1 + noise[1] * sw / 60.0,
        "rain": rain,
    }
    return Station(name, latitude, longitude, elevation, DAYS, values)


def test_a_record_has_no_distance_to_itself():
    d = daily_of(station())
    found = compare(d, d)
    assert {"ks.t", "wet_days", "wet_spell", "rain_q99", "correlation", "autocorrelation.sw"} <= set(found)
    assert max(abs(v) for v in found.values()) < 1e-12


def test_a_colder_record_is_as_far_as_it_is_colder():
    d = daily_of(station())
    other = Daily(d.month, {**d.values, "t": d.values["t"] - 2.0})
    found = compare(d, other)
    assert found["monthly_mean.t"] == pytest.approx(2.0)
    assert found["autocorrelation.t"] == pytest.approx(0.0, abs=1e-12)
    assert found["ks.t"] > 0.1


def test_distance_of_two_samples():
    assert ks(np.arange(10.0), np.arange(10.0)) == 0.0
    assert ks(np.arange(10.0), np.arange(10.0) + 5.0) == pytest.approx(0.5)


def test_a_moved_record_has_the_means_it_was_moved_to():
    s = station()
    means = {"t": s.monthly("t") + 3.0, "rain": 1.5 * s.monthly("rain")}
    found = moved(s, means)
    for name in means:
        got = Station("x", 0, 0, 0, s.days, dict(found.values)).monthly(name)
        np.testing.assert_allclose(got, means[name], rtol=1e-9)


def test_wgen_has_the_chain_of_its_source_and_the_means_of_the_target():
    s = station()
    means = {n: s.monthly(n) for n in ("t", "range", "sw", "vpd", "rain")}
    made = wgen(s, means, np.arange(20000, 20000 + 10 * 365), seed=1)
    x = Station("x", 0, 0, 0, np.arange(20000, 20000 + 10 * 365), dict(made.values))
    np.testing.assert_allclose(x.monthly("t"), means["t"], atol=1e-9)
    np.testing.assert_allclose(x.monthly("rain"), means["rain"], rtol=1e-9)
    assert np.mean(made.values["rain"] > 0.0) == pytest.approx(0.4, abs=0.03)
    assert compare(daily_of(s), made)["ks.t"] < 0.08
    assert all((made.values[n] >= 0.0).all() for n in ("range", "sw", "vpd", "rain"))


def test_the_nearest_place_counts_height_and_what_is_needed():
    target = station("T")
    near_high, far_low = station("H", elevation=2500.0, latitude=50.5), station("L", latitude=52.0)
    assert nearest(target, [near_high, far_low, target], ("t",)) is far_low
    assert nearest(target, [far_low], ("wind",)) is None


def test_blocks_hold_whole_regions():
    assert region(station(latitude=62.0)) == "north"
    assert region(station(latitude=41.0)) == "south"
    assert region(station(latitude=46.8, elevation=1600.0)) == "alps"
    assert region(station()) == "centre"


def test_a_mean_cycle_that_is_later_is_further_away():
    hours = np.arange(24)
    month = np.tile(np.arange(12), 100)
    one = np.tile(np.sin(2 * np.pi * hours / 24), (1200, 1))
    assert diurnal_error(one, one, month, month) == 0.0
    assert (
        diurnal_error(one, np.roll(one, 2, axis=1), month, month)
        > diurnal_error(one, np.roll(one, 1, axis=1), month, month)
        > 0
    )


@pytest.mark.skipif(not (SHARED / "flux").is_dir(), reason="shared reference data are not here")
@pytest.mark.slow
def test_a_fit_on_the_towers_gives_what_the_package_carries():
    from elterra.forcing.weather import load
    from elterra.forcing.weather.fit import fit

    found, packaged = fit(SHARED), load()
    np.testing.assert_allclose(found.memory, packaged.memory, atol=0.011)
    np.testing.assert_allclose(found.correlation, packaged.correlation, atol=0.01)
    assert set(found.numbers) == set(packaged.numbers)
    for name, value in found.numbers.items():
        assert value == pytest.approx(packaged.numbers[name], rel=0.01), name


@pytest.mark.skipif(not (SHARED / "flux").is_dir(), reason="shared reference data are not here")
@pytest.mark.slow
def test_the_bench_keeps_its_contract():
    import elterra.bench

    told = elterra.bench.run("weather", quick=True)
    assert told["figures"]["generated.monthly_mean.t"] < 1e-6
    assert told["figures"]["places"] > 5
