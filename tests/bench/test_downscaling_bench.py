"""Benches of downscaling and interpolation: figures of every method and clear refusals."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from elterra import bench
from elterra.bench.downscaling import table
from elterra.errors import InputError

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[3] / "shared")) / "data"
needs_data = pytest.mark.skipif(
    not (SHARED / "downscaling_pairs").is_dir(), reason=f"no data in {SHARED} (ELTERRA_SHARED)"
)


@needs_data
def test_swiss_precipitation_is_scored_on_regions_that_no_method_has_seen():
    figures = bench.run("downscaling", quick=True, method="bilinear,kriging", folder=SHARED)["figures"]
    assert figures["swiss_chelsa.kriging.aggregate_error"] < 1e-12
    assert figures["swiss_chelsa.bilinear.crps_over_bilinear"] == 1.0
    assert figures["swiss_chelsa.kriging.crps_over_bilinear"] < 0.75
    assert 0.8 < figures["swiss_chelsa.kriging.coverage90"] < 0.97
    assert (
        figures["swiss_chelsa.kriging.log_spectral_distance"]
        < figures["swiss_chelsa.bilinear.log_spectral_distance"]
    )


@needs_data
def test_samples_of_a_field_are_kriged():
    figures = bench.run("interpolation", quick=True, method="kriging", folder=SHARED)["figures"]
    assert figures["limesoda_soc.points"] == 250
    assert 0.8 < figures["limesoda_soc.kriging.coverage90"] < 0.97


def test_each_method_stands_beside_bilinear_and_beside_the_best_other():
    found = table({"bilinear": {"crps": 2.0, "rmse": 3.0}, "trees": {"crps": 1.0}, "kriging": {"crps": 1.5}})
    assert found["trees.crps_over_bilinear"] == 0.5
    assert found["trees.crps_over_best_rival"] == pytest.approx(1 / 1.5)
    assert found["kriging.crps_over_best_rival"] == 1.5
    assert found["bilinear.rmse"] == 3.0


def test_unknown_names_are_told(tmp_path):
    with pytest.raises(InputError, match="there are swiss_chelsa"):
        bench.run("downscaling", case="mars", folder=tmp_path)
    with pytest.raises(InputError, match="there are bilinear"):
        bench.run("downscaling", method="magic", folder=tmp_path)
    with pytest.raises(InputError, match="there are towers_gpp"):
        bench.run("interpolation", case="mars", folder=tmp_path)


def test_without_data_the_way_out_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("ELTERRA_SHARED", str(tmp_path))
    with pytest.raises(InputError, match="ELTERRA_SHARED"):
        bench.run("downscaling")
