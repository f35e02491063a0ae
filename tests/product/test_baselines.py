"""Baselines find what can be found, and nothing that they were not given."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from elterra.product.baselines import (
    Climatology,
    Interpolation,
    MarginalDistributionSampling,
    Persistence,
    Trees,
    driver_features,
)

from .synthetic import PLACE, clock, measurements, truth, weather

SMALL = (
    {
        "max_depth": 4,
        "min_child_weight": 10,
        "subsample": 0.7,
        "colsample_bytree": 0.5,
        "reg_lambda": 2.0,
        "learning_rate": 0.2,
    },
)


@pytest.fixture(scope="module")
def site() -> tuple[xr.Dataset, xr.Dataset, xr.Dataset]:
    drivers = weather(clock("2014-01-01", 730, 60))
    real = truth(drivers)
    return drivers, real, measurements(real, drivers)


def gap(time: np.ndarray) -> np.ndarray:
    wanted = np.zeros(time.size, bool)
    for first in (150, 330, 500):
        wanted[first * 24 : (first + 20) * 24] = True
    return wanted


def lookup(drivers: xr.Dataset) -> MarginalDistributionSampling:
    return MarginalDistributionSampling(*(drivers[k].values for k in ("SW_IN", "TA", "VPD")))


def methods(drivers: xr.Dataset) -> dict:
    features, _ = driver_features(drivers, *PLACE.values())
    return {
        "climatology": Climatology(1.0),
        "mds": lookup(drivers),
        "trees": Trees(features, candidates=SMALL, rows=6000, tuning_rows=3000),
        "persistence": Persistence(),
    }


def test_skill_is_in_the_expected_order_and_intervals_hold(site: tuple) -> None:
    drivers, real, seen = site
    time = drivers["time"].values
    wanted = gap(time)
    target = np.where(wanted, np.nan, seen["NEE"].values)
    error, coverage = {}, {}
    for name, method in methods(drivers).items():
        got = method(time, target, wanted)
        assert got.mean.shape == got.sd.shape == (wanted.sum(),)
        assert (np.diff(got.quantiles, axis=0) >= -1e-9).all()
        truth_here = seen["NEE"].values[wanted]
        ok = np.isfinite(truth_here)
        error[name] = np.sqrt(np.mean((real["NEE"].values[wanted] - got.mean) ** 2))
        coverage[name] = np.mean((truth_here >= got.quantiles[0])[ok] & (truth_here <= got.quantiles[-1])[ok])
    spread = real["NEE"].values[wanted].std()
    assert error["trees"] < 0.25 * spread
    assert error["trees"] < error["climatology"]
    assert error["mds"] < error["climatology"]
    assert error["climatology"] < error["persistence"]
    for name in ("climatology", "mds", "trees"):
        assert 0.8 < coverage[name] < 0.98, name


def test_no_method_sees_what_is_withheld(site: tuple) -> None:
    """Other values inside the gap must not change a prediction: only NaN is there for the methods to see."""
    drivers, _, seen = site
    time = drivers["time"].values
    wanted = gap(time)
    target = np.where(wanted, np.nan, seen["NEE"].values)
    for method in (Climatology(1.0), lookup(drivers), Persistence(), Interpolation()):
        a = method(time, target, wanted)
        # asking for fewer intervals gives the same answer for those
        part = wanted & (np.arange(time.size) < 200 * 24)
        b = method(time, target, part)
        np.testing.assert_allclose(a.mean[: part.sum()], b.mean)


def test_climatology_recovers_harmonics_exactly() -> None:
    time = clock("2013-01-01", 3 * 365, 60)
    doy, hour = (time - time.astype("datetime64[Y]")) / np.timedelta64(1, "D"), None
    doy = doy + 0.5 / 24
    hour = (doy % 1) * 24
    y = (
        3
        + 2 * np.cos(2 * np.pi * doy / 365.25)
        + np.sin(2 * np.pi * doy / 365.25) * np.cos(4 * np.pi * hour / 24)
    )
    wanted = gap(time)
    got = Climatology(0.0)(time, np.where(wanted, np.nan, y), wanted)
    np.testing.assert_allclose(got.mean, y[wanted], atol=1e-4)


def test_sampling_averages_the_half_hours_with_the_same_weather() -> None:
    time = clock("2015-06-01", 15, 30)
    light = np.full(time.size, 300.0)
    temperature, vpd = np.full(time.size, 15.0), np.full(time.size, 10.0)
    temperature[::2] = 20.0
    y = np.where(np.arange(time.size) % 2 == 0, 1.0, 5.0) + 0.1 * (np.arange(time.size) % 3 - 1)
    wanted = np.zeros(time.size, bool)
    wanted[336] = True
    y[wanted] = np.nan
    got = MarginalDistributionSampling(light, temperature, vpd)(time, y, wanted)
    near = np.abs(np.arange(time.size) - 336) <= 336
    similar = near & (temperature == 20.0) & ~wanted
    assert got.mean[0] == pytest.approx(y[similar].mean())


def test_sampling_falls_back_to_the_mean_course_without_similar_weather() -> None:
    time = clock("2015-06-01", 15, 30)
    hour = (np.arange(time.size) % 48) / 2
    light = np.where(np.arange(time.size) == 340, 900.0, 10.0)
    y = 10 + hour
    wanted = np.zeros(time.size, bool)
    wanted[340] = True
    target = np.where(wanted, np.nan, y)
    got = MarginalDistributionSampling(light, light, light)(time, target, wanted)
    assert got.mean[0] == pytest.approx(y[340], abs=0.3)


def test_interpolation_is_a_line_with_a_spread_that_vanishes_at_its_ends() -> None:
    time = clock("2015-06-01", 20, 60)
    rng = np.random.default_rng(0)
    y = 0.3 + np.cumsum(0.002 * rng.standard_normal(time.size))
    wanted = np.zeros(time.size, bool)
    wanted[100:300] = True
    got = Interpolation()(time, np.where(wanted, np.nan, y), wanted)
    np.testing.assert_allclose(got.mean, np.interp(np.arange(100, 300), [99, 300], [y[99], y[300]]))
    assert got.sd[100] > 3 * got.sd[0]
    wanted[300:] = True
    assert np.isnan(Interpolation()(time, np.where(wanted, np.nan, y), wanted).mean).all()


def test_features_know_the_past_only() -> None:
    drivers = weather(clock("2014-01-01", 60, 60))
    features, names = driver_features(drivers, *PLACE.values())
    changed = drivers.copy(deep=True)
    for name in ("TA", "SW_IN", "VPD", "P"):
        changed[name][1000:] += 5.0
    other, _ = driver_features(changed, *PLACE.values())
    np.testing.assert_array_equal(features[:1000], other[:1000])
    assert not np.array_equal(features[1000:], other[1000:])
    assert not {"NEE", "LE", "SWC"} & set(names)


def test_a_missing_driver_is_no_error_for_trees() -> None:
    drivers = weather(clock("2014-01-01", 120, 60))
    drivers["LW_IN"][500:1500] = np.nan
    features, _ = driver_features(drivers, *PLACE.values())
    y = truth(drivers)["LE"].values.copy()
    wanted = np.zeros(y.size, bool)
    wanted[600:700] = True
    y[wanted] = np.nan
    got = Trees(features, candidates=SMALL)(drivers["time"].values, y, wanted)
    assert np.isfinite(got.mean).all()
    with pytest.raises(ValueError, match="training values, got 0"):
        Trees(features)(drivers["time"].values, np.full(y.size, np.nan), wanted)
