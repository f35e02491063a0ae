"""`open_weather`: a climate, forcing files and CLM's streams through one door."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import elterra.cli._app as cli
from elterra.clm.streams import Stream
from elterra.errors import InputError
from elterra.forcing import land_chunk
from elterra.pipeline.weather import ClmWeather, open_weather

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[3] / "shared"))
CLIMATE = "temperature,precipitation\n" + "\n".join(
    f"{t},60" for t in (-4, -3, 0, 3, 8, 11, 13, 13, 10, 6, 0, -3)
)


def stream(years: int = 2) -> ClmWeather:
    """Hourly records whose temperature counts the hours of the cycle."""
    count = 8760 * years
    names = {
        "QBOT": 0.004,
        "WIND": 2.0,
        "PRECTmms": 0.0,
        "FSDS": 50.0,
        "FLDS": 300.0,
        "PSRF": 9.0e4,
        "ZBOT": 30.0,
    }
    values = {n: np.full((count, 1), v) for n, v in names.items()}
    values["TBOT"] = 250.0 + np.arange(count)[:, None] / 1000.0
    weather = Stream(values, 3600.0, 2001, 2001, 2000 + years)
    return ClmWeather(
        weather, np.array([50.0]), np.array([6.0]), 367.0, np.full(12, 1e-8), {"calendar": "noleap"}
    )


def test_records_of_streams_belong_to_their_own_time_and_cycle_without_leap_day():
    w = stream().read(np.datetime64("2004-02-28T22"), np.datetime64("2004-03-01T02"))
    assert [str(t)[5:13] for t in w["time"]] == ["02-28T22", "02-28T23", "03-01T00", "03-01T01"]
    expected = 8760 + (31 + 28) * 24 + np.array([-2, -1, 0, 1])  # 2004 is the second year of the cycle
    np.testing.assert_allclose(w["TBOT"][:, 0], 250.0 + expected / 1000.0)
    f = land_chunk(stream(), np.datetime64("2004-12-31"), np.datetime64("2005-01-01"))
    assert (f["dayofyear"] == 365).all()
    assert f["end_of_year"][-1]


def test_a_csv_climate_opens_as_generated_weather(tmp_path):
    (tmp_path / "c.csv").write_text(CLIMATE)
    source = open_weather(tmp_path / "c.csv", seed=3, point=(46.8, 9.9, 1600.0), years=1, scenario="constant")
    assert source.attrs["weather"] == "generated"
    f = land_chunk(source, np.datetime64("1991-01-31"), np.datetime64("1991-02-02"))
    assert f["forc_t"].shape == (48, 1)
    with pytest.raises(InputError, match="no such file"):
        open_weather(tmp_path / "none.nc")
    with pytest.raises(InputError, match="without datm_in"):
        open_weather(tmp_path)


def test_the_command_writes_weather_that_opens_again(tmp_path, capsys):
    (tmp_path / "c.csv").write_text(CLIMATE)
    words = ["forcing", "generate", "--climate", str(tmp_path / "c.csv"), "--place", "46.8,9.9,1600"]
    words += ["--normal", "2001-2001", "--out", str(tmp_path / "w.nc"), "--noleap", "--json"]
    assert cli._call(words, False) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["weather"] == "generated"
    assert told["years"] == [2001, 2001]
    again = open_weather(tmp_path / "w.nc")
    year = again.read(np.datetime64("2001-01-01"), np.datetime64("2002-01-01"))
    assert year["PRECTmms"].mean() * 365 * 86400 == pytest.approx(720.0, rel=0.02)
    assert cli._call([*words[:4], "--out", str(tmp_path / "x.nc")], False) == 2
    assert "latitude" in capsys.readouterr().err


@pytest.mark.skipif(
    not (SHARED / "reference" / "clm5" / "bgc_davos").is_dir(), reason="reference runs are not here"
)
def test_a_clm_case_opens_with_its_place_and_its_weather():
    source = open_weather(SHARED / "reference" / "clm5" / "bgc_davos")
    assert source.latitude[0] == pytest.approx(46.8, abs=0.1)
    w = source.read(np.datetime64("2005-07-01"), np.datetime64("2005-07-03"))
    noon = w["FSDS"].reshape(-1, 86400 // source.step_seconds).argmax(axis=1) * source.step_seconds / 3600.0
    assert ((noon > 8.0) & (noon < 15.0)).all()
