"""The whole evaluation on an artificial site: the keys of the contract, and scores that tell good from
bad."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import xarray as xr

from elterra.product.evaluate import Evaluation, evaluate, plain_table, rich_table

from .synthetic import clock, ensemble, measurements, truth, weather

KEY = re.compile(
    r"(NEE|LE|SWC|GPP|ER)\.(halfhourly|daily)\.(gap1|gap10|gap30|gap90|forecast)\."
    r"(reanalysis|openloop|climatology|mds|trees)\.(rmse|bias|r|crps|coverage90|spread_skill)"
)
COUNTS = {1: 8, 10: 4, 30: 4, 90: 2}
SMALL = {
    "candidates": (
        {
            "max_depth": 3,
            "min_child_weight": 10,
            "subsample": 0.7,
            "colsample_bytree": 0.3,
            "learning_rate": 0.3,
        },
    ),
    "rows": 1500,
    "tuning_rows": 800,
    "folds": 2,
}


@pytest.fixture(scope="module")
def site() -> tuple[xr.Dataset, xr.Dataset, xr.Dataset]:
    drivers = weather(clock("2013-01-01", 4 * 365, 60))
    real = truth(drivers)
    return drivers, real, measurements(real, drivers)


@pytest.fixture(scope="module")
def done(site: tuple) -> tuple[Evaluation, list[xr.Dataset]]:
    drivers, real, seen = site
    masks: list[xr.Dataset] = []

    def run_variant(mask: xr.Dataset) -> dict[str, xr.Dataset]:
        masks.append(mask)
        end = np.datetime64(mask.attrs["score_end"])
        inside = slice(None, end - np.timedelta64(1, "h"))
        return {
            "reanalysis": ensemble(real, 0.1, 0.0).sel(time=inside),
            "openloop": ensemble(real, 0.4, 0.3, seed=4).sel(time=inside),
        }

    out = evaluate(seen, drivers, run_variant, variants=(0, 1), seed=2, counts=COUNTS, tree_options=SMALL)
    return out, masks


def test_keys_are_those_of_the_contract(done: tuple) -> None:
    figures = done[0].figures
    assert [k for k in figures if not KEY.fullmatch(k)] == []
    assert all(np.isfinite(v) for v in figures.values())
    for variable in ("NEE", "LE", "SWC"):
        for scale in ("halfhourly", "daily"):
            for gap in ("gap1", "gap10", "gap30", "gap90", "forecast"):
                methods = {"reanalysis", "openloop", "climatology", "trees"} | (
                    {"mds"} if gap != "forecast" else set()
                )
                present = {k.split(".")[3] for k in figures if k.startswith(f"{variable}.{scale}.{gap}.")}
                assert present == methods, (variable, scale, gap)
    for variable in ("GPP", "ER"):
        present = {tuple(k.split(".")[1::2][:2]) for k in figures if k.startswith(variable)}
        assert {p[0] for p in present} == {"daily"}
        assert "mds" not in {p[1] for p in present}


def test_a_better_ensemble_scores_better_and_is_honest(done: tuple) -> None:
    figures = done[0].figures
    for variable in ("NEE", "LE", "SWC", "GPP", "ER"):
        for gap in ("gap30", "gap90", "forecast"):
            get = lambda m, s: figures[f"{variable}.daily.{gap}.{m}.{s}"]  # noqa: B023, E731
            assert get("reanalysis", "rmse") < 0.6 * get("openloop", "rmse")
            assert get("reanalysis", "crps") < get("openloop", "crps")
            assert abs(get("openloop", "bias")) > abs(get("reanalysis", "bias"))
    for variable in ("NEE", "LE", "SWC"):
        assert 0.82 < figures[f"{variable}.halfhourly.gap90.reanalysis.coverage90"] < 0.96


def test_day_night_and_counts_are_in_the_table(done: tuple) -> None:
    rows = [
        r for r in done[0].table if (r["variable"], r["scale"], r["gap"]) == ("NEE", "halfhourly", "gap90")
    ]
    count = {(r["method"], r["part"]): r["n"] for r in rows}
    assert count["reanalysis", "all"] == count["reanalysis", "day"] + count["reanalysis", "night"]
    # all methods are judged on the same half-hours
    assert len({count[m, "all"] for m in ("reanalysis", "openloop", "climatology", "trees")}) == 1


def test_masks_differ_between_variants_and_are_on_record(done: tuple) -> None:
    evaluation, masks = done
    assert masks[0].attrs["sha256"] != masks[1].attrs["sha256"]
    assert [d["sha256"] for d in evaluation.designs] == [m.attrs["sha256"] for m in masks]


def test_withheld_values_do_not_reach_the_baselines(site: tuple) -> None:
    """Spoiling every withheld value changes the scores but not one prediction: bias moves by exactly the
    spoil."""
    drivers, _, seen = site
    masks: list[xr.Dataset] = []

    def run_variant(mask: xr.Dataset) -> dict[str, xr.Dataset]:
        masks.append(mask)
        return {}

    options = {
        "variants": (0,),
        "seed": 2,
        "counts": COUNTS,
        "methods": ("climatology", "mds", "trees"),
        "tree_options": SMALL,
    }
    before = evaluate(seen[["NEE", "NEE_sd"]], drivers, run_variant, **options)
    spoiled = seen[["NEE", "NEE_sd"]].copy(deep=True)
    spoiled["NEE"] = xr.where(masks[0]["withheld"], spoiled["NEE"] - 100.0, spoiled["NEE"])
    after = evaluate(spoiled, drivers, run_variant, **options)
    for key, value in before.figures.items():
        if key.startswith("NEE") and key.endswith(".bias"):
            assert after.figures[key] == pytest.approx(value + 100.0, abs=1e-6), key


def test_a_run_that_lacks_scored_intervals_is_refused(site: tuple) -> None:
    drivers, real, seen = site

    def run_variant(mask: xr.Dataset) -> dict[str, xr.Dataset]:
        return {"reanalysis": ensemble(real, 0.1, 0.0).isel(time=slice(None, -100))}

    with pytest.raises(ValueError, match="lack 100 intervals"):
        evaluate(seen, drivers, run_variant, variants=(0,), methods=("reanalysis",))


def test_it_is_json_without_nan_and_a_table(done: tuple) -> None:
    back = json.loads(json.dumps(done[0].to_json(), allow_nan=False))
    assert back["figures"] == done[0].figures
    text = plain_table(done[0])
    assert text.splitlines()[0].startswith("rmse, daily")
    assert text.count("*") == len(text.splitlines()) - 1
    assert rich_table(done[0]).row_count == len(text.splitlines()) - 1
