"""`elterra forcing`: weather for a climate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from elterra.cli._options import Help, Json
from elterra.cli._output import emit
from elterra.errors import InputError

app = typer.Typer(no_args_is_help=True, add_help_option=False, help="Weather generated for a climate.")


@app.callback()
def _forcing(asked: Help = False) -> None:
    """Weather generated for a climate."""
    del asked


def place(text: str | None) -> tuple[float, float, float] | None:
    """Latitude, longitude and elevation of an option; `InputError` where it is not three numbers."""
    if text is None:
        return None
    try:
        lat, lon, elevation = (float(x) for x in text.split(","))
    except ValueError:
        raise InputError(
            f"--place {text}: expected LATITUDE,LONGITUDE,ELEVATION, e.g. 46.8,9.9,1639"
        ) from None
    return lat, lon, elevation


@app.command("generate")
def generate(
    climate: Annotated[
        Path,
        typer.Option(
            "--climate", help="Monthly means: CSV of one place or NetCDF of many.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="NetCDF file of the weather.", show_default=False)],
    where: Annotated[
        str | None,
        typer.Option(
            "--place", help="LATITUDE,LONGITUDE,ELEVATION (m): of a CSV, or the cell of a NetCDF file."
        ),
    ] = None,
    years: Annotated[int, typer.Option("--years", help="Years to write.", min=1)] = 1,
    first: Annotated[
        int | None, typer.Option("--first", help="First year written; that of the normal period by default.")
    ] = None,
    normal: Annotated[
        str, typer.Option("--normal", help="Normal period, in which the means are those of the climate.")
    ] = "1991-2020",
    scenario: Annotated[
        str, typer.Option("--scenario", help="constant, preindustrial, ssp126, ssp245, ssp370 or ssp585.")
    ] = "constant",
    warming: Annotated[float, typer.Option("--warming", help="Further warming, K.")] = 0.0,
    rain: Annotated[float, typer.Option("--rain", help="Further factor of precipitation.")] = 1.0,
    co2: Annotated[
        float | None, typer.Option("--co2", help="CO2 (umol mol-1) instead of the path's.")
    ] = None,
    step: Annotated[int, typer.Option("--step", help="Length of a step, 3600 or 1800 s.")] = 3600,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another history.")] = 1,
    noleap: Annotated[bool, typer.Option("--noleap", help="Without 29 February, as CLM.")] = False,
    json_: Json = False,
) -> None:
    """Write hourly or half-hourly weather that has the monthly means of a climate."""
    from elterra.forcing.weather import Scenario, WeatherGenerator
    from elterra.forcing.weather.files import read_climate, write_weather

    start, length = _period(normal)
    given = read_climate(climate, point=place(where))
    generator = WeatherGenerator(
        given,
        seed=seed,
        first_year=start,
        years=length,
        step_seconds=step,
        scenario=Scenario(scenario, start + 0.5 * length, warming, rain, co2),
        leap_days=not noleap,
    )
    begin = start if first is None else first

    def told(year: int) -> None:
        typer.echo(f"{year} written", err=True)

    write_weather(generator, out, begin, years, told=told)
    result: dict[str, Any] = {
        "file": str(out),
        "cells": generator.cells,
        "years": [begin, begin + years - 1],
        **generator.attrs,
    }
    if json_:
        emit(result)
        return
    typer.echo(f"{out}  {generator.cells} cells, {begin} to {begin + years - 1}, steps of {step} s")
    typer.echo(f"conditioned on {result['conditioned_on']}; estimated: {result['estimated']}")


@app.command("fit")
def fit(
    out: Annotated[Path, typer.Option("--out", help="JSON file of the coefficients.", show_default=False)],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Reference data; those of ELTERRA_SHARED by default.", show_default=False
        ),
    ] = None,
    withhold: Annotated[
        str, typer.Option("--withhold", help="Blocks of places left out: north, south, alps, centre.")
    ] = "",
    json_: Json = False,
) -> None:
    """Fit the coefficients of the generator on tower records; the package carries the result of all places."""
    from elterra.bench.weather import shared_data
    from elterra.files import write_atomically
    from elterra.forcing.weather.fit import fit as fit_all

    found = fit_all(data or shared_data(), withhold=[b for b in withhold.split(",") if b])
    write_atomically(out, found.to_json())
    stations = found.fitted_on["stations"]
    if json_:
        emit({"file": str(out), "stations": stations, "numbers": dict(found.numbers)})
        return
    typer.echo(f"{out}  fitted on {len(stations)} places")


def _period(text: str) -> tuple[int, int]:
    try:
        first, last = (int(x) for x in text.split("-"))
    except ValueError:
        raise InputError(f"--normal {text}: expected FIRST-LAST, e.g. 1991-2020") from None
    if last < first:
        raise InputError(f"--normal {text}: ends before it begins")
    return first, last - first + 1
