"""`elterra downscale` and `elterra interpolate` from files to files."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter

import elterra.cli._app as cli


@pytest.fixture
def land(tmp_path):
    """A height model, a fine truth known in the left three quarters, and a coarse field everywhere."""
    rng = np.random.default_rng(0)
    dem = 400 + 200 * gaussian_filter(rng.normal(size=(60, 80)), 2.0)
    truth = 20 + 0.05 * dem + 0.2 * rng.normal(size=dem.shape)
    y, x = np.arange(60)[::-1] * 100.0 + 50, np.arange(80) * 100.0 + 50
    coarse = truth.reshape(12, 5, 16, 5).mean(axis=(1, 3))

    def write(name, **fields):
        axes = (
            (y, x)
            if next(iter(fields.values())).shape == (60, 80)
            else (y.reshape(12, 5).mean(1), x.reshape(16, 5).mean(1))
        )
        xr.Dataset(
            {n: (("y", "x"), v) for n, v in fields.items()},
            coords={"y": axes[0], "x": axes[1]},
            attrs={"crs": "EPSG:3035"},
        ).to_netcdf(tmp_path / name, engine="h5netcdf")

    write("dem.nc", dem=dem)
    write("truth.nc", soc=np.where(np.arange(80)[None] < 60, truth, np.nan))
    write("coarse.nc", soc=coarse)
    return tmp_path, truth, coarse


def call(capsys, *words):
    code = cli._call([str(w) for w in words], False)
    out = capsys.readouterr()
    return code, out.out, out.err


def test_features_then_a_map_with_exact_means_then_scores(land, capsys):
    folder, truth, coarse = land
    features = folder / "features.nc"
    code, out, _ = call(
        capsys, "downscale", "features", f"{folder}/dem.nc:dem", "--latitude", 48, "--out", features, "--json"
    )
    assert code == 0
    assert {"slope", "twi", "insolation"} <= set(json.loads(out)["fields"])

    target = folder / "map.nc"
    code, out, err = call(
        capsys, "downscale", "run", f"{folder}/coarse.nc:soc", "--features", features, "--truth", f"{folder}/truth.nc:soc",
        "--method", "kriging", "--law", "positive", "--block", 3, "--out", target, "--json",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["error"] < 1e-12
    with xr.open_dataset(target) as found:
        mean = found["soc"].values.astype(float)
        np.testing.assert_allclose(mean.reshape(12, 5, 16, 5).mean(axis=(1, 3)), coarse, rtol=1e-6)
        unseen = np.s_[:, 65:]
        bare = np.repeat(np.repeat(coarse, 5, 0), 5, 1)
        assert np.mean((mean - truth)[unseen] ** 2) < 0.3 * np.mean((bare - truth)[unseen] ** 2)
        inside = (truth >= found["soc_q05"]) & (truth <= found["soc_q95"])
        assert 0.7 < inside.values[unseen].mean() < 1.0
        assert found.attrs["crs"] == "EPSG:3035"

    code, out, err = call(
        capsys, "downscale", "evaluate", f"{folder}/truth.nc:soc", "--features", features, "--factor", 5, "--block", 3,
        "--folds", 2, "--method", "bilinear", "--method", "kriging", "--out", folder / "card.json", "--json",
    )  # fmt: skip
    assert code == 0, err
    scores = json.loads(out)["scores"]
    assert scores["kriging"]["rmse"] < scores["bilinear"]["rmse"]
    assert json.loads((folder / "card.json").read_text())["scores"] == scores


def test_grids_that_do_not_nest_and_unknown_names_are_told(land, capsys):
    folder, _, _ = land
    with xr.open_dataset(folder / "coarse.nc") as data:
        data.load().assign_coords(x=data["x"] + 30.0).to_netcdf(folder / "shifted.nc", engine="h5netcdf")
    common = ["--features", folder / "dem.nc", "--truth", f"{folder}/truth.nc:soc", "--out", folder / "m.nc"]
    code, _, err = call(capsys, "downscale", "run", f"{folder}/shifted.nc:soc", *common)
    assert code == 2
    assert "cut the features at an edge of a coarse cell" in err
    code, _, err = call(capsys, "downscale", "run", f"{folder}/coarse.nc:soc", *common, "--method", "magic")
    assert code == 2
    assert "there are bilinear" in err
    code, _, err = call(capsys, "downscale", "run", f"{folder}/coarse.nc:soc", *common, "--law", "3:1")
    assert code == 2
    assert "lower < upper" in err


def test_points_to_other_places_and_their_scores(tmp_path, capsys):
    rng = np.random.default_rng(1)
    n = 60
    table = pd.DataFrame(
        {"lat": rng.uniform(47, 49, n), "lon": rng.uniform(10, 13, n), "elevation": rng.uniform(0, 900, n)}
    )
    table["ndvi"] = rng.random(n)
    table["soc"] = 2 + table["ndvi"] + (table["lat"] - 47)
    table.loc[3, "soc"] = np.nan
    table.to_csv(tmp_path / "points.csv", index=False)
    table.drop(columns="soc").head(7).to_csv(tmp_path / "at.csv", index=False)
    code, out, err = call(
        capsys, "interpolate", tmp_path / "points.csv", "--target", "soc", "--feature", "ndvi", "--law", "positive",
        "--at", tmp_path / "at.csv", "--out", tmp_path / "out.csv", "--json",
    )  # fmt: skip
    assert code == 0, err
    told = json.loads(out)
    assert (told["points"], told["without_target"], told["predicted"]) == (59, 1, 7)
    assert told["method"] == "regression_kriging"
    found = pd.read_csv(tmp_path / "out.csv")
    assert ((found["soc_q05"] <= found["soc"]) & (found["soc"] <= found["soc_q95"])).all()
    code, out, err = call(
        capsys, "interpolate", tmp_path / "points.csv", "--target", "soc", "--feature", "ndvi", "--method", "kriging",
        "--regions", 3, "--json",
    )  # fmt: skip
    assert code == 0, err
    assert set(json.loads(out)["scores"]) == {"station", "region"}
    code, _, err = call(capsys, "interpolate", tmp_path / "points.csv", "--target", "soil")
    assert code == 2
    assert "no column soil; there are lat" in err
