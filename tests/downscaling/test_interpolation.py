"""Interpolation between stations: what each method can know, and no leak from what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from elterra.downscaling import Law
from elterra.downscaling.interpolation import (
    POINT_METHODS,
    Kriging,
    Points,
    RegressionKriging,
    Trees,
    groups,
    leave_out,
    places_on_earth,
    regions,
)
from elterra.errors import InputError


def network(stations=30, months=12, seed=0) -> Points:
    """Fluxes with a season, a driver, and something smooth in space that no feature tells."""
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(45, 55, stations), rng.uniform(0, 20, stations)
    place = places_on_earth(lat, lon)
    bump = np.exp(-np.sum((place - place[0]) ** 2, axis=1) / (2 * 400.0**2))
    index = np.repeat(np.arange(stations), months)
    month = np.tile(np.arange(months, dtype=float), stations)
    driver = rng.normal(size=index.size)
    target = (
        3 - 2 * np.cos(2 * np.pi * month / 12) + driver + 3 * bump[index] + 0.2 * rng.normal(size=index.size)
    )
    return Points(
        place[index], rng.uniform(0, 1000, stations)[index], index, {"driver": driver}, month, target
    )


def test_trees_with_kriging_beat_either_alone_where_both_know_something():
    data = network()
    group = groups(data.station, 5, seed=3)
    scores = {n: leave_out(m, data, group, Law()).scores for n, m in POINT_METHODS.items()}
    assert scores["regression_kriging"]["crps"] < scores["trees"]["crps"]
    assert scores["regression_kriging"]["crps"] < scores["kriging"]["crps"]
    assert 0.8 < scores["regression_kriging"]["coverage90"] < 0.98


@pytest.mark.parametrize("method", [Kriging(), Trees(), RegressionKriging()])
def test_what_is_left_out_does_not_reach_its_prediction(method):
    data = network(stations=15, months=6)
    out = data.station == 4
    changed = Points(
        data.place, data.elevation, data.station, data.features, data.month, np.where(out, 50.0, data.target)
    )
    group = np.where(out, 1, 0)
    # only the prediction of the group itself is looked at
    one, two = (method.fit(d.take(group == 0), Law()).predict(d.take(out)) for d in (data, changed))
    np.testing.assert_array_equal(one.mean, two.mean)


def test_positive_fluxes_stay_positive():
    data = network(stations=15, months=6)
    shifted = Points(
        data.place,
        data.elevation,
        data.station,
        data.features,
        data.month,
        np.maximum(data.measured() - 3, 0),
    )
    found = Kriging().fit(shifted, Law("positive")).predict(shifted)
    assert found.quantiles.min() >= 0
    assert found.mean.min() >= 0


def test_points_without_month_or_features_are_kriged():
    data = network(months=1)
    plain = Points(data.place, data.elevation, data.station, {}, None, data.target)
    found = Kriging().fit(plain, Law()).predict(plain)
    assert np.corrcoef(found.mean, plain.measured())[0, 1] > 0.5


def test_regions_lie_together_and_stations_are_never_split():
    data = network()
    region = regions(data.place, 4)
    for r in np.unique(region):
        inside = np.unique(data.station[region == r])
        assert set(np.unique(data.station[region != r])).isdisjoint(inside)
    centres = np.array([data.place[region == r].mean(axis=0) for r in np.unique(region)])
    nearest = np.linalg.norm(data.place[:, None] - centres[None], axis=-1).argmin(axis=1)
    assert (nearest == region).mean() > 0.95


def test_too_few_stations_and_bad_points_are_told():
    data = network(stations=6)
    with pytest.raises(InputError, match="6 stations; expected at least 10"):
        Kriging().fit(data, Law())
    with pytest.raises(InputError, match="elevation of point 2"):
        Points(np.zeros((3, 2)), np.array([0.0, 1.0, np.nan]), np.arange(3))
