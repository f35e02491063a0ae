"""Runs of a region: stages by content, files in the key, stations and regions told apart."""

import numpy as np
import pytest
import xarray as xr

from elterra.errors import InputError
from elterra.experiment import Region, load_asked
from elterra.pipeline import StageError, run_experiment, saved_experiment, saved_run, stages_for, status

YAML = """
name: small
domain:
  grid: {kind: regular, step: 1.0, box: [44, 50, 4, 12]}
"""


def asked(folder, text=YAML):
    path = folder / "region.yaml"
    path.write_text(text)
    return load_asked(path)


def test_a_changed_grid_runs_again_and_a_changed_comment_does_not(tmp_path):
    run = tmp_path / "run"
    first = run_experiment(asked(tmp_path), run)
    assert first.ran == ("domain", "maps")
    assert run_experiment(asked(tmp_path, "# words\n" + YAML), run).ran == ()
    assert run_experiment(asked(tmp_path, YAML.replace("step: 1.0", "step: 2.0")), run).ran == (
        "domain",
        "maps",
    )
    assert isinstance(saved_run(run), Region)
    assert [s.state for s in status(run)] == ["done", "done"]
    with pytest.raises(InputError, match="run of a region"):
        saved_experiment(run)


def test_a_source_that_changed_runs_again(tmp_path):
    lat, lon = np.arange(43.5, 51.0, 0.25), np.arange(3.5, 13.0, 0.25)

    def write(height):
        z = np.full((lat.size, lon.size), height)
        data = xr.Dataset({"elevation": (("lat", "lon"), z)}, coords={"lat": lat, "lon": lon})
        data.to_netcdf(tmp_path / "dem.nc", engine="h5netcdf")

    text = YAML + "  terrain: {kind: dem, path: dem.nc}\n"
    write(100.0)
    run = tmp_path / "run"
    run_experiment(asked(tmp_path, text), run)
    write(900.0)
    assert status(run)[0].state == "stale"
    assert run_experiment(asked(tmp_path, text), run).ran == ("domain", "maps")
    with xr.open_dataset(run / "domain" / "domain.nc", engine="h5netcdf") as data:
        np.testing.assert_allclose(data.elevation.values, 900.0, rtol=1e-6)
    (tmp_path / "dem.nc").unlink()
    with pytest.raises(InputError, match="no file"):
        run_experiment(asked(tmp_path, text), run)


def test_a_stage_of_a_station_does_not_take_a_region(tmp_path):
    from elterra.pipeline.stages import stages

    region = asked(tmp_path)
    assert [s.name for s in stages_for(region)] == ["domain", "maps"]
    calibration = [s for s in stages() if s.name == "domain"]
    with pytest.raises(StageError, match="site"):
        run_experiment(region, tmp_path / "other", stages=calibration)
