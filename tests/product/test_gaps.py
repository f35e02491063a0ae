"""The gap design: what it promises to withhold, and that nothing else decides it."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr

from elterra.product.gaps import FORECAST, GAP_COUNTS, design_gaps, withhold

from .synthetic import clock


@pytest.fixture(scope="module")
def observations() -> xr.Dataset:
    time = clock("2013-01-01", 365 * 4 + 1, 60)
    rng = np.random.default_rng(0)
    out = xr.Dataset(coords={"time": time})
    for name, share in (("NEE", 0.6), ("LE", 0.8), ("SWC", 1.0)):
        out[name] = ("time", np.where(rng.random(time.size) < share, rng.standard_normal(time.size), np.nan))
    out["NEE"][4000:6000] = np.nan  # a broken spring
    return out


def test_every_class_and_season_is_there_in_one_variant(observations: xr.Dataset) -> None:
    mask = design_gaps(observations, seed=1, variant=0)
    gaps = json.loads(mask.attrs["gaps"])
    assert mask.attrs["not_placed"] == 0
    for days, count in GAP_COUNTS.items():
        here = [g for g in gaps if g["days"] == days]
        assert len(here) == count
        assert {g["season"] for g in here} == {"DJF", "MAM", "JJA", "SON"}


def test_gaps_are_whole_utc_days_apart_from_each_other_and_from_the_forecast(
    observations: xr.Dataset,
) -> None:
    mask = design_gaps(observations, seed=1, variant=0, buffer_days=4)
    per_day = mask["gap_class"].values.reshape(-1, 24)
    assert (per_day == per_day[:, :1]).all()
    edges = sorted(
        (np.datetime64(g["first"]), np.datetime64(g["last"])) for g in json.loads(mask.attrs["gaps"])
    )
    edges.append((np.datetime64(mask.attrs["forecast_start"]), None))
    for (_, last), (first, _) in pairwise(edges):
        assert (first - last).astype(int) > 4


def test_the_last_year_is_withheld_always_and_scored_once(observations: xr.Dataset) -> None:
    year = observations["time"].dt.year.values
    first, second = (design_gaps(observations, 1, v) for v in (0, 1))
    for mask in (first, second):
        assert mask["withheld"].values[year == 2016].all()
    assert (first["gap_class"].values[year == 2016] == FORECAST).all()
    assert (second["gap_class"].values[year == 2016] == 0).all()
    assert second.attrs["score_end"] == "2016-01-01"


def test_a_design_repeats_and_depends_on_where_but_not_on_what_was_measured(observations: xr.Dataset) -> None:
    other = observations.copy()
    other["NEE"] = observations["NEE"] * 7 - 3
    a, b = design_gaps(observations, 5, 2), design_gaps(other, 5, 2)
    xr.testing.assert_identical(a, b)
    assert a.attrs["sha256"] != design_gaps(observations, 6, 2).attrs["sha256"]


def test_variants_share_no_long_gap_where_there_is_room() -> None:
    time = clock("2010-01-01", 365 * 7 + 2, 60)
    full = xr.Dataset({n: ("time", np.ones(time.size)) for n in ("NEE", "LE")}, coords={"time": time})
    used = np.zeros(time.size, int)
    for variant in range(2):
        used += design_gaps(full, 3, variant)["gap_class"].values == 90
    assert used.max() == 1


def test_no_gap_lies_where_there_is_nothing_to_score(observations: xr.Dataset) -> None:
    mask = design_gaps(observations, 1, 0)
    for gap in json.loads(mask.attrs["gaps"]):
        piece = observations.sel(time=slice(gap["first"], gap["last"]))
        daily = np.isfinite(piece["NEE"].values).reshape(-1, 24).sum(axis=1)
        assert (daily >= 12).any()


def test_withholding_takes_every_value_and_its_error_and_nothing_else(observations: xr.Dataset) -> None:
    mask = design_gaps(observations, 1, 0)
    training = withhold(observations, mask)
    hidden = mask["withheld"].values
    for name in ("NEE", "LE", "SWC"):
        assert np.isnan(training[name].values[hidden]).all()
        np.testing.assert_array_equal(training[name].values[~hidden], observations[name].values[~hidden])
    with pytest.raises(ValueError, match="time axes"):
        withhold(observations.isel(time=slice(5, None)), mask)
