"""Latent fields: unit variance, Matern correlation, memory, and draws from counters."""

import numpy as np
import pytest
from scipy import special

from elterra.forcing.weather import fields
from elterra.forcing.weather._calendar import days_of_month, month_number, quadratic, year_month
from elterra.forcing.weather._random import standard_normal


def matern(d, length, nu):
    x = np.maximum(d / length, 1e-9)
    return 2.0 ** (1.0 - nu) / special.gamma(nu) * x**nu * special.kv(nu, x)


@pytest.mark.parametrize(("length", "nu"), [(150.0, 0.5), (500.0, 0.5), (500.0, 1.5), (900.0, 1.0)])
def test_waves_have_the_correlation_of_a_matern_field(length, nu):
    of = fields.spectrum(np.array([length]), np.array([nu]), fields.DAILY_WAVES, fields.DAILY_BAND)
    distance = np.array([30.0, 100.0, 300.0, 800.0, 2000.0])
    np.testing.assert_allclose(fields.correlation(of, distance)[0], matern(distance, length, nu), atol=0.06)


def test_the_variance_is_one_everywhere():
    of = fields.spectrum(np.array([400.0]), np.array([0.5]), fields.DAILY_WAVES, fields.DAILY_BAND)
    at = fields.basis(of, np.array([35.0, 50.0, 71.0]), np.array([-20.0, 10.0, 40.0]))
    weight = np.concatenate([of.weight[0], of.weight[0]])
    np.testing.assert_allclose((at**2 * weight).sum(axis=1), 1.0, rtol=1e-12)


def test_pairs_of_places_at_equal_distance_have_nearly_the_same_correlation():
    of = fields.spectrum(np.array([400.0]), np.array([0.5]), fields.DAILY_WAVES, fields.DAILY_BAND)
    weight = np.concatenate([of.weight[0], of.weight[0]])
    lat = np.linspace(36.0, 68.0, 9)
    at = fields.basis(of, np.repeat(lat, 2), np.tile([0.0, 0.0], 9) + np.ravel([[0.0, 4.0]] * 9))
    found = ((at[::2] * at[1::2]) * weight).sum(axis=1)
    chord = 2 * fields.EARTH_RADIUS_KM * np.cos(np.deg2rad(lat)) * np.sin(np.deg2rad(2.0))
    np.testing.assert_allclose(found, fields.correlation(of, chord)[0], atol=0.15)


def test_memory_and_slow_part_make_the_autocorrelation():
    of = fields.spectrum(np.array([300.0, 300.0]), np.array([0.5, 0.5]), 48, fields.DAILY_BAND)
    daily = fields.DailyFields(3, of, np.array([0.3, 0.8]), np.array([0.0, 0.3]))
    rows = np.concatenate([daily.coefficients(month_number(2000 + m // 12, m % 12 + 1)) for m in range(48)])
    scaled = rows / np.sqrt(np.concatenate([of.weight, of.weight], axis=1))
    lags = np.array([1, 5, 20])
    found = np.array([[np.mean(scaled[lag:, k] * scaled[:-lag, k]) for lag in lags] for k in range(2)])
    slow = fields.slow_autocorrelation(lags)
    expected = np.stack([0.3**lags, 0.7 * 0.8**lags + 0.3 * slow])
    np.testing.assert_allclose(found, expected, atol=0.025)
    np.testing.assert_allclose((scaled**2).mean(axis=(0, 2)), 1.0, atol=0.03)


def test_a_month_has_the_same_coefficients_in_any_order():
    of = fields.spectrum(np.array([300.0]), np.array([0.5]), 16, fields.DAILY_BAND)

    def make():
        return fields.DailyFields(3, of, np.array([0.7]), np.array([0.2]))

    one, two = make(), make()
    for year in range(2000, 2006):
        one.coefficients(month_number(year, 5))
    np.testing.assert_array_equal(
        one.coefficients(month_number(2001, 7)), two.coefficients(month_number(2001, 7))
    )


def test_years_join_without_a_seam():
    of = fields.spectrum(np.array([300.0]), np.array([0.5]), 64, fields.DAILY_BAND)
    daily = fields.DailyFields(3, of, np.array([0.9]), np.array([0.2]))
    scale = np.sqrt(np.concatenate([of.weight, of.weight], axis=1))
    jumps = []
    for year in range(2000, 2010):
        before, after = (
            daily.coefficients(month_number(year, 12)),
            daily.coefficients(month_number(year + 1, 1)),
        )
        jumps.append(((after[0] - before[-1]) / scale) ** 2)
    # variance of a day's change: 2 (1 - correlation)
    expected = 2.0 * (1.0 - (0.8 * 0.9 + 0.2 * fields.slow_autocorrelation(np.array([1]))[0]))
    assert np.mean(jumps) == pytest.approx(expected, rel=0.15)


def test_numbers_depend_on_seed_purpose_and_window_only():
    a = standard_normal(1, "day", 5, (3,))
    np.testing.assert_array_equal(a, standard_normal(1, "day", 5, (3,)))
    assert not np.array_equal(a, standard_normal(1, "day", 6, (3,)))
    assert not np.array_equal(a, standard_normal(1, "hour", 5, (3,)))
    assert not np.array_equal(a, standard_normal(2, "day", 5, (3,)))
    assert np.isfinite(standard_normal(1, "day", -40000, (3,))).all()


def test_a_parabola_between_days_keeps_their_mean_and_meets_its_neighbours():
    rng = np.random.default_rng(0)
    before, here, after = rng.normal(size=(3, 5))
    for parts in (24, 48, 31):
        np.testing.assert_allclose(
            quadratic(before, here, after, parts).mean(axis=0), here, rtol=0, atol=1e-14
        )
    fine = quadratic(before, here, after, 10000)
    np.testing.assert_allclose(fine[0], 0.5 * (before + here), atol=2e-3)
    np.testing.assert_allclose(fine[-1], 0.5 * (here + after), atol=2e-3)


def test_months_and_days():
    assert year_month(month_number(1968, 12)) == (1968, 12)
    assert len(days_of_month(month_number(2004, 2), True)) == 29
    assert len(days_of_month(month_number(2004, 2), False)) == 28
