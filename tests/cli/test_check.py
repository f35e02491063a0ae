"""`elterra check` opens the record with the code of the run and tells all that is wrong at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import elterra.cli._app as cli
from elterra.errors import InputError
from elterra.experiment import load_experiment
from elterra.pipeline import problems
from elterra.pipeline.reanalysis.record import forcing_of, observations_of, read_record, site_of

DAYS = 400


def weather(days: int = DAYS, minutes: int = 30, start: str = "2013-01-01") -> pd.DataFrame:
    """A made-up record with a daily and a yearly course, stamps at the start of intervals in UTC+1."""
    time = pd.date_range(f"{start} 01:00", periods=days * 1440 // minutes, freq=f"{minutes}min")
    rng = np.random.default_rng(1)
    hour, season = (
        (time.hour + time.minute / 60).to_numpy(),
        np.cos(2 * np.pi * (time.day_of_year - 196) / 365.25),
    )
    sun = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0)
    return pd.DataFrame(
        {
            "TIMESTAMP": time.strftime("%Y-%m-%d %H:%M"),
            "TA": 8 + 10 * season + 4 * sun + rng.normal(0, 1, time.size),
            "SW_IN": 500 * sun * (1 + 0.5 * season),
            "RH": 70 - 20 * sun + rng.normal(0, 3, time.size),
            "P": np.where(rng.random(time.size) < 0.05, 0.6, 0.0),
            "NEE": 3 - 15 * sun + rng.normal(0, 1, time.size),
            "LE": 200 * sun + rng.normal(0, 8, time.size),
            "flag": np.arange(time.size) % 3,
        }
    ).round(3)


UNITS = {"TA": "degC", "SW_IN": "W m-2", "RH": "%", "P": "mm", "NEE": "umol m-2 s-1", "LE": "W m-2"}


def plain() -> dict:
    """An experiment on `weather` that can be run."""
    return {
        "name": "mine",
        "site": {
            "name": "mine",
            "latitude": 50.9,
            "longitude": 11.4,
            "elevation_m": 300,
            "utc_offset_h": 1,
            "reference_height_m": 40,
            "patches": [{"pft": 1, "weight": 1.0, "canopy_height_m": 25}],
            "soil": {
                "sand_percent": [40],
                "clay_percent": [20],
                "organic_kg_m3": [20],
                "bedrock_m": 2,
                "colour": 14,
            },
            "slope_degrees": 3,
            "nitrogen_deposition_g_m2_yr": 1.0,
        },
        "data": {
            "record": "my.csv",
            "reader": "table",
            "clock": {"column": "TIMESTAMP", "label": "start"},
            "columns": {n: {"column": n, "units": u} for n, u in UNITS.items()},
        },
        "period": {"start": "2013-01-01", "end": "2014-02-04"},
        "assimilation": {"observed": ["NEE", "LE"]},
    }


def prepared(folder: Path, experiment: dict, frame: pd.DataFrame | None = None) -> Path:
    (weather() if frame is None else frame).to_csv(folder / "my.csv", index=False)
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(experiment, sort_keys=False), encoding="utf-8")
    return path


def call(*words: str) -> int:
    return cli._call(list(words), False)


def test_a_station_that_can_be_run_is_good(tmp_path, capsys):
    assert call("check", str(prepared(tmp_path, plain()))) == 0
    assert "good" in capsys.readouterr().out


@pytest.fixture
def importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))


def _without_ta(e):
    del e["data"]["columns"]["TA"]


def _missing_column(e):
    e["data"]["columns"]["TA"]["column"] = "Tair"


def _nonsense_units(e):
    e["data"]["columns"]["NEE"]["units"] = "furlongs"


def _wrong_scale(e):
    e["data"]["columns"]["TA"]["units"] = "K"


def _outside(e):
    e["period"] = {"start": "2013-01-01", "end": "2019-12-31"}


def _short(e):
    e["period"]["end"] = "2013-06-30"


def _format(e):
    e["data"]["clock"]["format"] = "%d.%m.%Y %H:%M"


def _shifted(e):
    e["data"]["clock"]["label"] = "middle"


def _no_such_observed(e):
    e["assimilation"]["observed"] = ["NEE", "LE", "SWC"]


def _unknown_observed(e):
    e["assimilation"]["observed"] = ["NEE", "H"]


def _unknown_parameter(e):
    e["ensemble"] = {"parameters": ["vcmax25topp"]}


def _outside_europe(e):
    e["site"]["latitude"] = -20.0


def _no_file(e):
    e["data"]["record"] = "other.csv"


@pytest.mark.parametrize(
    ("spoil", "key", "words"),
    [
        (_without_ta, "data.columns", ["TA", "no value of it", "give air temperature"]),
        (_missing_column, "data.columns.TA", ["my.csv", "no column 'Tair'", "choose of", "SW_IN"]),
        (_nonsense_units, "data.columns.NEE", ["'furlongs'", "umol m-2 s-1"]),
        (_wrong_scale, "data.columns.TA", ["declared 'K'", "'degc'"]),
        (_outside, "period", ["not covered", "2014-02-04", "period: {start: 2013-01-01, end: 2014-02-04}"]),
        (_short, "period", ["181 days", "365"]),
        (_format, "data.clock", ["'2013-01-01 01:00' does not fit", "%d.%m.%Y"]),
        (_shifted, "data.clock.label", ["minute 45"]),
        (_no_such_observed, "assimilation.observed", ["SWC", "`observed: [NEE, LE]`"]),
        (_unknown_observed, "assimilation.observed", ["H cannot be assimilated", "NEE, LE, SWC"]),
        (_unknown_parameter, "ensemble.parameters", ["vcmax25topp", "vcmax25top"]),
        (_outside_europe, "site.latitude", ["outside the domain"]),
        (_no_file, "data.record", ["other.csv", "no such file"]),
    ],
)
def test_what_the_run_would_refuse_is_told_with_its_key_line_and_fix(tmp_path, spoil, key, words):
    experiment = plain()
    spoil(experiment)
    path = prepared(tmp_path, experiment)
    found = problems(load_experiment(path))
    assert [p.key for p in found] == [key]
    at = path.read_text().splitlines()[found[0].line - 1]
    assert at.strip().startswith(key.rpartition(".")[2].split("[")[0] + ":")
    assert str(path) in str(found[0])
    for word in words:
        assert word in found[0].message


@pytest.mark.parametrize(("minutes", "said"), [(60, "60 minutes"), (10, "10 minutes")])
def test_other_steps_than_half_hours_are_told(tmp_path, minutes, said):
    found = problems(load_experiment(prepared(tmp_path, plain(), weather(minutes=minutes))))
    assert [p.key for p in found] == ["data.record"]
    assert said in found[0].message
    assert "half-hourly" in found[0].message


def test_all_faults_are_told_at_once_on_the_terminal_and_to_machines(tmp_path, capsys):
    experiment = plain()
    for spoil in (_missing_column, _nonsense_units, _short, _unknown_observed):
        spoil(experiment)
    experiment["data"]["columns"]["LE"]["units"] = "mm"
    path = prepared(tmp_path, experiment)
    assert call("check", str(path)) == cli.BAD_INPUT
    text = capsys.readouterr().err
    keys = ["data.columns.TA", "data.columns.NEE", "data.columns.LE", "period", "assimilation.observed"]
    for key in keys:
        assert f": {key}: " in text
    assert call("check", str(path), "--json") == cli.BAD_INPUT
    told = json.loads(capsys.readouterr().out)["error"]
    assert told["exit"] == cli.BAD_INPUT
    assert sorted(p["key"] for p in told["problems"]) == sorted(keys)
    assert all(p["line"] > 0 and "Fix" in p["message"] for p in told["problems"])


@pytest.mark.parametrize(
    "spoil", [_without_ta, _missing_column, _nonsense_units, _outside, _format, _shifted]
)
def test_the_run_refuses_with_the_same_words(tmp_path, spoil):
    experiment = plain()
    spoil(experiment)
    loaded = load_experiment(prepared(tmp_path, experiment))

    def stages():
        site = site_of(loaded)
        record = read_record(loaded, site)
        forcing_of(loaded, site, record)
        observations_of(loaded, site, record)

    with pytest.raises(InputError) as caught:
        stages()
    told = problems(loaded)[0]
    assert str(caught.value).removeprefix(f"{told.key}: ") == told.message


def test_declared_format_missing_values_and_flags_are_used(tmp_path):
    frame, experiment = weather(), plain()
    frame["TIMESTAMP"] = pd.to_datetime(frame["TIMESTAMP"]).dt.strftime("%d/%m/%Y %H.%M")
    frame.loc[100:199, "NEE"] = -77.7
    experiment["data"]["clock"]["format"] = "%d/%m/%Y %H.%M"
    experiment["data"]["missing"] = [-9999.0, -77.7]
    experiment["data"]["columns"]["LE"] |= {"quality": "flag", "measured": [1, 2]}
    loaded = load_experiment(prepared(tmp_path, experiment, frame))
    assert problems(loaded) == []
    site = site_of(loaded)
    record = read_record(loaded, site)
    assert str(record["time"].values[0])[:16] == "2013-01-01T00:00"
    assert record.attrs["report"].rejected["NEE"]["declared missing"] == 100
    np.testing.assert_array_equal(record["LE_QC"].values, (frame["flag"] == 0).astype(float))
    observed = observations_of(loaded, site, record)
    assert (observed["LE_flag"].values[frame["flag"] == 0] == 8).all(), "flag 0 is filled here"
    assert (observed["SWC_flag"].values == 0).all(), "a variable that the record lacks is missing throughout"


@pytest.mark.parametrize("name", ["TS", "TS_1"])
def test_soil_water_of_frozen_soil_is_not_used_whatever_the_name_of_its_temperature(tmp_path, name):
    frame, experiment = weather(), plain()
    frame["swc"] = 0.3 + 0.05 * np.sin(np.arange(len(frame)) / 300)
    frame["soil"] = np.where(np.arange(len(frame)) < 480, -1.0, 8.0) + 0.01 * np.arange(len(frame)) % 1
    experiment["data"]["columns"] |= {
        "SWC": {"column": "swc", "units": "m3 m-3"},
        name: {"column": "soil", "units": "degC"},
    }
    loaded = load_experiment(prepared(tmp_path, experiment, frame))
    site = site_of(loaded)
    flag = observations_of(loaded, site, read_record(loaded, site))["SWC_flag"].values
    frozen = frame["soil"].values < 0
    assert frozen.any()
    assert (flag[frozen] == 7).all()
    assert not (flag[~frozen] == 7).any()


@pytest.mark.usefixtures("importable")
def test_the_check_knows_nothing_of_the_land_model(tmp_path):
    path = prepared(tmp_path, plain())
    code = (
        "import sys, elterra.pipeline\nfrom elterra.experiment import load_experiment\n"
        f"assert elterra.pipeline.problems(load_experiment({str(path)!r})) == []\n"
        "sys.exit(', '.join({'jax', 'elterra.land'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
