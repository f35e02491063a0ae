"""`elterra new station`: an experiment file from a person's own measurements."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elterra.cli._options import Help, Json
from elterra.cli._output import emit

if TYPE_CHECKING:
    from datetime import date

    from elterra.cli._inspect import Table

app = typer.Typer(
    help="Start an experiment.", no_args_is_help=True, add_help_option=False, rich_markup_mode=None
)

# What a table cannot tell: key, option, question, type.
_FACTS: tuple[tuple[str, str, str, type], ...] = (
    ("latitude", "--latitude", "Latitude (degrees north)", float),
    ("longitude", "--longitude", "Longitude (degrees east, -180 to 180)", float),
    ("elevation_m", "--elevation", "Elevation (m above sea level)", float),
    ("utc_offset_h", "--utc-offset", "UTC offset of the time stamps (hours, standard time)", float),
    ("label", "--label", "Which moment of its interval does a stamp name (start, middle, end)", str),
    ("reference_height_m", "--reference-height", "Height of the measurements above the ground (m)", float),
    (
        "pft",
        "--pft",
        "CLM5 plant functional type (1 needleleaf evergreen temperate tree, 13 C3 grass, ...)",
        int,
    ),
    ("canopy_height_m", "--canopy-height", "Height of the canopy (m)", float),
    ("sand_percent", "--sand", "Sand in the soil (%)", float),
    ("clay_percent", "--clay", "Clay in the soil (%)", float),
    (
        "organic_kg_m3",
        "--organic",
        "Organic matter density of the soil (kg m-3; mineral soil 10-40, peat 130)",
        float,
    ),
    ("bedrock_m", "--bedrock", "Depth to bedrock (m)", float),
    ("colour", "--soil-colour", "CLM colour class of the soil (1 brightest to 20 darkest)", int),
    ("slope_degrees", "--slope", "Mean slope of the ground (degrees)", float),
    (
        "nitrogen_deposition_g_m2_yr",
        "--nitrogen-deposition",
        "Nitrogen deposition (g m-2 yr-1; 10 kg ha-1 are 1)",
        float,
    ),
)

_WORDS = {key: words for key, _, words, _ in _FACTS}

_OF_SITE = (
    "latitude",
    "longitude",
    "elevation_m",
    "utc_offset_h",
    "reference_height_m",
    "slope_degrees",
    "nitrogen_deposition_g_m2_yr",
)


@app.callback()
def _new(asked: Help = False) -> None:
    """Start an experiment."""
    del asked


@app.command("station")
def station(
    record: Annotated[Path, typer.Option("--from", help="Table of measurements (CSV with a header).")],
    out: Annotated[Path | None, typer.Option(help="Experiment file; <name>.yaml if not given.")] = None,
    name: Annotated[str | None, typer.Option(help="Short name; that of the table if not given.")] = None,
    latitude: Annotated[float | None, typer.Option(help=_WORDS["latitude"])] = None,
    longitude: Annotated[float | None, typer.Option(help=_WORDS["longitude"])] = None,
    elevation: Annotated[float | None, typer.Option(help=_WORDS["elevation_m"])] = None,
    utc_offset: Annotated[float | None, typer.Option(help=_WORDS["utc_offset_h"])] = None,
    label: Annotated[str | None, typer.Option(help="start, middle or end of the interval.")] = None,
    reference_height: Annotated[float | None, typer.Option(help=_WORDS["reference_height_m"])] = None,
    pft: Annotated[int | None, typer.Option(help=_WORDS["pft"])] = None,
    canopy_height: Annotated[float | None, typer.Option(help=_WORDS["canopy_height_m"])] = None,
    sand: Annotated[float | None, typer.Option(help=_WORDS["sand_percent"])] = None,
    clay: Annotated[float | None, typer.Option(help=_WORDS["clay_percent"])] = None,
    organic: Annotated[float | None, typer.Option(help=_WORDS["organic_kg_m3"])] = None,
    bedrock: Annotated[float | None, typer.Option(help=_WORDS["bedrock_m"])] = None,
    soil_colour: Annotated[int | None, typer.Option(help=_WORDS["colour"])] = None,
    slope: Annotated[float | None, typer.Option(help=_WORDS["slope_degrees"])] = None,
    nitrogen_deposition: Annotated[
        float | None, typer.Option(help=_WORDS["nitrogen_deposition_g_m2_yr"])
    ] = None,
    units: Annotated[list[str] | None, typer.Option(help="VARIABLE=UNITS; may be repeated.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="VARIABLE=COLUMN; may be repeated.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing; accept the proposed map of columns.")
    ] = False,
    json_: Json = False,
) -> None:
    """Start an experiment from your own table; asks for what the table cannot tell."""
    from elterra.cli._columns import choose, left_out
    from elterra.cli._inspect import inspect
    from elterra.errors import InputError
    from elterra.experiment import Experiment, load_experiment
    from elterra.pipeline import problems

    if not record.is_file():
        raise InputError(f"{record}: no such file")
    table = inspect(record)
    name = name or record.stem
    out = out or Path(f"{name}.yaml")
    if out.exists():
        raise InputError(f"{out}: is there already; choose another file with --out")
    ask = not yes and not json_ and sys.stdin.isatty()
    found = choose(table, record, _pairs(column, "--column"), _pairs(units, "--units"), ask)
    columns = found.found
    given: dict[str, Any] = {
        "latitude": latitude,
        "longitude": longitude,
        "elevation_m": elevation,
        "utc_offset_h": utc_offset,
        "label": label or table.label,
        "reference_height_m": reference_height,
        "pft": pft,
        "canopy_height_m": canopy_height,
        "sand_percent": sand,
        "clay_percent": clay,
        "organic_kg_m3": organic,
        "bedrock_m": bedrock,
        "colour": soil_colour,
        "slope_degrees": slope,
        "nitrogen_deposition_g_m2_yr": nitrogen_deposition,
    }
    facts = _facts(given, record, ask)
    plain = _plain(name, record, out, table, columns, facts)
    checked = Experiment.from_plain(plain, where=str(out), folder=out.resolve().parent)
    _write(out, record, plain)
    lacking = problems(load_experiment(out))
    if json_:
        told = {"path": str(out), "hash": checked.content_hash(), "columns": columns}
        emit(
            {
                **told,
                "left_out": {item.column: item.why for item in found.left},
                "problems": [asdict(p) for p in lacking],
            }
        )
        return
    typer.echo(f"{out}: written.")
    for line in left_out(found.left):
        typer.echo(line)
    if lacking:
        typer.echo("It cannot be run yet:")
        for problem in lacking:
            typer.echo(f"  {problem}")
    typer.echo(f"Next:\n  elterra check {out}\n  elterra run {out}")


def _pairs(words: list[str] | None, option: str) -> dict[str, str]:
    from elterra.errors import InputError

    found = {}
    for word in words or ():
        key, mark, value = word.partition("=")
        if not (mark and key and value):
            raise InputError(f"{option} {word}: expected VARIABLE=VALUE")
        found[key] = value
    return found


def _facts(given: dict[str, Any], record: Path, ask: bool) -> dict[str, Any]:
    from elterra.cli._columns import question
    from elterra.errors import InputError

    missing = [fact for fact in _FACTS if given[fact[0]] is None]
    if missing and not ask:
        width = max(len(option) for _, option, _, _ in missing) + 2
        listed = "\n".join(f"{option:<{width}}{words}" for _, option, words, _ in missing)
        raise InputError(
            f"{record}: the table cannot tell these facts, and they are not guessed. Give:\n{listed}"
        )
    for key, option, words, kind in missing:
        given[key] = question(words, kind, f"{option} VALUE")
    return given


def _plain(
    name: str, record: Path, out: Path, table: Table, columns: dict[str, Any], facts: dict[str, Any]
) -> dict[str, Any]:
    from os.path import relpath

    start, end = _whole_days(table, facts["label"], facts["utc_offset_h"], record)
    days = (end - start).days + 1
    soil = {key: [facts[key]] for key in ("sand_percent", "clay_percent", "organic_kg_m3")}
    patch = {"pft": facts["pft"], "weight": 1.0, "canopy_height_m": facts["canopy_height_m"]}
    plain: dict[str, Any] = {
        "name": name,
        "site": {
            "name": name,
            **{key: facts[key] for key in _OF_SITE},
            "patches": [patch],
            "soil": {**soil, "bedrock_m": facts["bedrock_m"], "colour": facts["colour"]},
        },
        "data": {
            "record": relpath(record.resolve(), out.resolve().parent),
            "reader": "table",
            "clock": {"column": table.time_column, "label": facts["label"], "format": table.time_format},
            "columns": columns,
        },
        "period": {"start": start.isoformat(), "end": end.isoformat()},
        "assimilation": {"observed": [v for v in ("NEE", "LE", "SWC") if v in columns]},
    }
    if not plain["assimilation"]["observed"]:
        plain["assimilation"] = {"enabled": False}
    if days <= 365:
        plain["evaluation"] = {"forecast_days": 0}
    return plain


def _whole_days(table: Table, label: str, utc_offset_h: float, record: Path) -> tuple[date, date]:
    """First and last day in UTC that the record covers from midnight to midnight."""
    from datetime import time, timedelta

    from elterra.errors import InputError

    step = timedelta(minutes=table.step_minutes)
    before = {"start": 0 * step, "middle": step / 2, "end": step}.get(label)
    if before is None:
        raise InputError(f"--label {label}: expected start, middle or end")
    shift = timedelta(hours=utc_offset_h) + before
    begin, finish = table.first - shift, table.last - shift + step
    start = begin.date() if begin.time() == time() else begin.date() + timedelta(days=1)
    end = finish.date() - timedelta(days=1)
    if end < start:
        raise InputError(f"{record}: covers no whole day in UTC ({begin} to {finish})")
    return start, end


def _write(out: Path, record: Path, plain: dict[str, Any]) -> None:
    import yaml

    from elterra.files import write_atomically

    head = (
        f"# Made from {record.name} by `elterra new station`. Look at every line: columns and units\n"
        "# are proposals.\n"
        "# Editors complete and check it with the schema that `elterra info --schema` prints.\n"
    )
    write_atomically(out, head + yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))
