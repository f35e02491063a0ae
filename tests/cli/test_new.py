"""`elterra new station`: proposals from a table, questions for the rest, never a silent fact."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import typer

import elterra.cli._app as cli
from elterra.cli import new
from elterra.cli._inspect import inspect
from elterra.errors import InputError
from elterra.experiment import load_experiment

FACTS = {
    "--latitude": "46.8",
    "--longitude": "9.9",
    "--elevation": "1639",
    "--utc-offset": "1",
    "--label": "start",
    "--reference-height": "35",
    "--pft": "1",
    "--canopy-height": "25",
    "--sand": "40",
    "--clay": "15",
    "--organic": "30",
    "--bedrock": "2",
    "--soil-colour": "14",
    "--slope": "8",
    "--nitrogen-deposition": "0.9",
}


def table(
    path: Path, *, days: int = 500, time: str = "TIMESTAMP", form: str = "%Y-%m-%d %H:%M", sep: str = ","
) -> Path:
    """Half-hourly measurements; air temperature in degC, pressure in hPa, soil water in %."""
    lines = [sep.join([time, "TA", "PA", "SWC_1", "NEE_VUT_REF", "NEE_VUT_REF_QC", "LE_F_MDS", "remark"])]
    moment = datetime(2013, 1, 1, 1, 0)
    for i in range(days * 48):
        hour = math.sin(2 * math.pi * i / 48)
        values = [8 + 5 * hour, 840 + hour, 25 + hour, -3 * hour if i % 5 else -9999, 0, 50 + 40 * hour]
        lines.append(sep.join([moment.strftime(form), *(f"{v:.3f}" for v in values), "ok"]))
        moment += timedelta(minutes=30)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def flags(**changes: str | None) -> list[str]:
    words = {**FACTS, **{f"--{k.replace('_', '-')}": v for k, v in changes.items()}}
    return [w for key, value in words.items() if value is not None for w in (key, value)]


def call(*words: str) -> int:
    return cli._call(list(words), False)


def test_columns_units_clock_and_period_are_proposed(tmp_path):
    found = inspect(table(tmp_path / "my.csv"))
    columns = {p.variable: (p.column, p.units, p.quality) for p in found.proposals}
    assert columns == {
        "TA": ("TA", "degC", None),
        "PA": ("PA", "hPa", None),
        "SWC": ("SWC_1", "%", None),
        "NEE": ("NEE_VUT_REF", "umol m-2 s-1", "NEE_VUT_REF_QC"),
        "LE": ("LE_F_MDS", "W m-2", None),
    }
    assert found.time_column == "TIMESTAMP"
    assert found.step_minutes == 30
    assert found.label is None


@pytest.mark.parametrize(
    ("time", "form", "sep", "label"),
    [
        ("TIMESTAMP_START", "%Y%m%d%H%M", ",", "start"),
        ("TIMESTAMP_END", "%Y-%m-%dT%H:%M:%S", ";", "end"),
        ("Date_Time", "%d.%m.%Y %H:%M", "\t", None),
    ],
)
def test_other_clocks_and_delimiters_are_understood(tmp_path, time, form, sep, label):
    found = inspect(table(tmp_path / "my.csv", time=time, form=form, sep=sep, days=40))
    assert (found.time_column, found.time_format, found.delimiter, found.label) == (time, form, sep, label)
    assert found.first == datetime(2013, 1, 1, 1, 0)


def test_an_experiment_is_written_that_passes_the_check(tmp_path, capsys):
    record = table(tmp_path / "my.csv")
    out = tmp_path / "sub" / "my.yaml"
    out.parent.mkdir()
    assert call("new", "station", "--from", str(record), "--out", str(out), *flags(), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    made = load_experiment(out)
    assert told["hash"] == made.content_hash()
    assert made.record_path().resolve() == record
    assert made.site.utc_offset_h == 1
    assert made.data.clock.label == "start"
    assert made.data.columns["PA"].units == "hPa"
    # stamps 2013-01-01 01:00 to 2014-05-16 00:30 name the start of half-hours at UTC+1
    assert (made.period.start.isoformat(), made.period.end.isoformat()) == ("2013-01-01", "2014-05-15")
    assert made.assimilation.observed == ("NEE", "LE", "SWC")
    capsys.readouterr()
    assert call("check", str(out)) == 2, "the table has no sun, no rain and no humidity"
    told = capsys.readouterr().err
    assert all(f"give {what}" in told for what in ("incoming shortwave", "precipitation", "vapour pressure"))
    assert len(told.splitlines()) == 3


@pytest.mark.parametrize("option", sorted(FACTS))
def test_a_fact_that_is_not_given_is_asked_for_and_never_guessed(tmp_path, capsys, option):
    record = table(tmp_path / "my.csv", days=3)
    out = tmp_path / "x.yaml"
    words = flags(**{option.removeprefix("--").replace("-", "_"): None})
    assert call("new", "station", "--from", str(record), "--out", str(out), *words, "--yes") == 2
    told = capsys.readouterr().err
    assert option in told
    assert sum(other in told for other in FACTS) == 1
    assert not out.exists()


def test_on_a_terminal_a_person_is_asked(tmp_path, monkeypatch):
    record = table(tmp_path / "my.csv", days=3)
    answers = dict(zip([f[2] for f in new._FACTS], FACTS.values(), strict=True))
    asked = []

    def prompt(words, default, show_default):
        asked.append(words)
        return default if words.startswith("  units") else answers[words]

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "prompt", prompt)
    monkeypatch.setattr(typer, "confirm", lambda words, default: not words.startswith("PA"))
    out = tmp_path / "x.yaml"
    assert call("new", "station", "--from", str(record), "--out", str(out)) == 0
    assert set(answers) <= set(asked)
    made = load_experiment(out)
    assert "PA" not in made.data.columns, "refused by the person"
    assert made.site.elevation_m == 1639


def test_a_fact_out_of_range_writes_nothing(tmp_path, capsys):
    record = table(tmp_path / "my.csv", days=3)
    out = tmp_path / "x.yaml"
    words = ["new", "station", "--from", str(record), "--out", str(out), "--yes"]
    assert call(*words, *flags(latitude="146.8")) == 2
    assert "site.latitude" in capsys.readouterr().err
    assert call(*words, *flags(label="late")) == 2
    assert call(*words, *flags(reference_height="20")) == 2
    assert not out.exists()


def test_units_that_values_cannot_tell_are_asked_for(tmp_path, capsys):
    record = tmp_path / "rain.csv"
    record.write_text("time,P\n" + "".join(f"2013-01-01 {h:02d}:00,0.{h}\n" for h in range(24)))
    words = ["new", "station", "--from", str(record), "--out", str(tmp_path / "x.yaml"), "--yes", *flags()]
    assert call(*words) == 2
    assert "--units P=UNITS" in capsys.readouterr().err
    assert call(*words, "--units", "P=mm", "--utc-offset", "0") == 0
    made = load_experiment(tmp_path / "x.yaml")
    assert made.data.columns["P"].units == "mm"
    assert not made.assimilation.enabled, "nothing to assimilate was found"


@pytest.mark.parametrize(
    ("label", "offset", "period"),
    [
        ("start", "1", ("2013-01-01", "2013-01-03")),
        ("end", "1", ("2013-01-01", "2013-01-02")),  # begins at 23:30 the day before, ends at 23:30
        ("start", "0", ("2013-01-02", "2013-01-03")),
        ("start", "2", ("2013-01-01", "2013-01-02")),
    ],
)
def test_the_period_is_the_whole_days_in_utc(tmp_path, label, offset, period):
    record, out = table(tmp_path / "my.csv", days=3), tmp_path / "x.yaml"
    words = ["--from", str(record), "--out", str(out), "--yes", *flags(label=label, utc_offset=offset)]
    assert call("new", "station", *words) == 0
    made = load_experiment(out).period
    assert (made.start.isoformat(), made.end.isoformat()) == period


def test_columns_can_be_named(tmp_path, capsys):
    record = table(tmp_path / "my.csv", days=3)
    words = ["new", "station", "--from", str(record), "--out", str(tmp_path / "x.yaml"), "--yes", *flags()]
    assert call(*words, "--column", "TS=nothing") == 2
    assert "has no column 'nothing'" in capsys.readouterr().err
    assert call(*words, "--column", "TS") == 2
    assert call(*words, "--column", "TS=TA", "--units", "TS=degC") == 0
    made = load_experiment(tmp_path / "x.yaml")
    assert made.data.columns["TS"].column == "TA"
    assert "TA" not in made.data.columns, "one column is one variable"


def test_a_file_is_not_overwritten(tmp_path, capsys):
    record = table(tmp_path / "my.csv", days=3)
    out = tmp_path / "x.yaml"
    out.write_text("mine")
    assert call("new", "station", "--from", str(record), "--out", str(out), *flags()) == 2
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a header"),
        ("a,b\n", "expected a header"),
        ("time,TA\n2013-01-01 00:00,1\n2013-01-01 00:30\n", "line 3: 1 fields, the header has 2"),
        ("time,TA,TA\n2013-01-01 00:00,1,1\n2013-01-01 00:30,1,1\n", "more than once"),
        ("day,TA\nMonday,1\nTuesday,1\n", "no column of time stamps"),
    ],
)
def test_a_table_that_is_none_is_named(tmp_path, text, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        inspect(path)
    assert "bad.csv" in str(caught.value)


def small(path: Path, **columns: float) -> Path:
    """A day of half-hours with the columns named."""
    lines = [",".join(["time", *columns])]
    for i in range(48):
        values = (f"{v * (1 + i / 100)}" for v in columns.values())
        lines.append(",".join([f"2013-01-01 {i // 2:02d}:{30 * (i % 2):02d}", *values]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_flux_of_carbon_dioxide_is_no_concentration(tmp_path):
    found = inspect(small(tmp_path / "x.csv", co2_flux=4.0, co2=410.0))
    assert {p.variable: (p.column, p.units) for p in found.proposals} == {
        "NEE": ("co2_flux", "umol m-2 s-1"),
        "CO2": ("co2", "umol mol-1"),
    }


def test_columns_left_out_are_named_with_the_reason_and_how_to_take_them(tmp_path, capsys):
    record = small(
        tmp_path / "x.csv",
        LE=100.0,
        LE_2=90.0,
        TA_C=15.0,
        NEE_umol=4.0,
        NEE_sd=1.0,
        foo=1.0,
        u_star=0.3,
    )
    out = tmp_path / "x.yaml"
    words = ["new", "station", "--from", str(record), "--out", str(out), "--yes", *flags(utc_offset="0")]
    assert call(*words) == 0
    told = capsys.readouterr().out
    for line in (
        "TA_C      is probably TA in degC: --column TA=TA_C --units TA='degC'",
        "NEE_umol  is probably NEE in umol m-2 s-1: --column NEE=NEE_umol --units NEE='umol m-2 s-1'",
        "LE_2      LE is taken from LE",
        "NEE_sd    its name is not known",
        "foo       its name is not known",
    ):
        assert line in told
    assert "give air temperature" in told, "what the check says of the new file is told too"
    out.unlink()
    assert call(*words, "--json") == 0
    assert json.loads(capsys.readouterr().out)["left_out"]["foo"] == "its name is not known"


def test_on_a_terminal_a_near_name_is_proposed(tmp_path, monkeypatch):
    record = small(tmp_path / "x.csv", LE=100.0, TA_C=15.0)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "prompt", lambda words, default, show_default: default)
    monkeypatch.setattr(typer, "confirm", lambda words, default: True)
    out = tmp_path / "x.yaml"
    assert call("new", "station", "--from", str(record), "--out", str(out), *flags(utc_offset="0")) == 0
    taken = load_experiment(out).data.columns["TA"]
    assert (taken.column, taken.units) == ("TA_C", "degC")


def test_all_units_that_lack_are_asked_for_at_once(tmp_path, capsys):
    record = small(tmp_path / "x.csv", P=0.2, RH=2.0, LE=100.0)
    words = ["new", "station", "--from", str(record), "--out", str(tmp_path / "x.yaml"), "--yes", *flags()]
    assert call(*words) == 2
    told = capsys.readouterr().err
    assert "--units P=UNITS   (column P)" in told
    assert "--units RH=UNITS   (column RH)" in told


def test_options_for_what_is_not_there_are_refused_all_at_once(tmp_path, capsys):
    record = small(tmp_path / "x.csv", LE=100.0)
    words = ["new", "station", "--from", str(record), "--out", str(tmp_path / "x.yaml"), "--yes", *flags()]
    assert call(*words, "--units", "NEE=mol", "--column", "TA=tair", "--column", "nonsense=LE") == 2
    told = capsys.readouterr().err
    assert "--units NEE=mol: no column is taken for NEE" in told
    assert "has no column 'tair'" in told
    assert "no variable is called nonsense" in told


def test_three_times_enter_ends_with_the_option_that_answers(tmp_path, monkeypatch, capsys):
    record = small(tmp_path / "x.csv", LE=100.0)
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda words, default: True)
    monkeypatch.setattr(typer, "prompt", lambda words, default, show_default: asked.append(words) or default)
    words = ["new", "station", "--from", str(record), "--out", str(tmp_path / "x.yaml")]
    assert call(*words, *flags(elevation=None)) == 2
    assert sum(w.startswith("Elevation") for w in asked) == 3
    assert "--elevation VALUE" in capsys.readouterr().err


def test_every_missing_fact_stands_apart_from_its_option(tmp_path, capsys):
    record = table(tmp_path / "my.csv", days=3)
    assert call("new", "station", "--from", str(record), "--out", str(tmp_path / "x.yaml"), "--yes") == 2
    told = capsys.readouterr().err
    assert all(f"{option}  " in told for option in FACTS)
