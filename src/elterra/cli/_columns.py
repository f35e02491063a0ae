"""Which column of a person's table becomes which variable, in which units: as proposed, as given, or as asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from elterra.cli._inspect import VARIABLES, Left, Proposal, Table, is_variable
from elterra.errors import Faults, InputError

#: how often a question is put before the person is pointed to the option that answers it
TRIES = 3


@dataclass(frozen=True, slots=True)
class Columns:
    """Map of columns for the experiment file, and the columns that are in it nowhere."""

    found: dict[str, dict[str, Any]]
    left: tuple[Left, ...]


def choose(table: Table, record: Path, chosen: dict[str, str], units: dict[str, str], ask: bool) -> Columns:
    """The map of columns. ``chosen`` and ``units`` are what the options say; with ``ask`` a person confirms the rest.
    Raises `InputError` for all that is wrong with the options, and for all units that are not known, at once."""
    proposed = {p.variable: p for p in table.proposals if p.column not in chosen.values()}
    if ask:
        for item in table.left:
            likely = item.variable not in proposed and item.why.startswith("is probably")
            if likely and item.column not in chosen.values():
                proposed[item.variable] = Proposal(item.variable, item.column, item.units, None)
    variables = [*proposed, *(v for v in chosen if v not in proposed)]
    _check_options(table, record, chosen, units, variables)
    found: dict[str, dict[str, Any]] = {}
    unknown: list[tuple[str, str]] = []
    for variable in variables:
        p = proposed.get(variable)
        name = chosen.get(variable) or (p.column if p else "")
        unit = units.get(variable) or (p.units if p and name == p.column else "")
        if ask:
            middle = f", median of |values| {p.median:.4g}" if p and p.median is not None else ""
            if variable not in chosen and not typer.confirm(
                f"{variable} is column {name}{middle}?", default=True
            ):
                continue
            if variable not in units:
                unit = question(f"  units of {name}", str, f"--units {variable}=UNITS", unit)
        if not unit:
            unknown.append((variable, name))
        found[variable] = {"column": name, "units": unit}
        if p and p.quality and name == p.column:
            found[variable]["quality"] = p.quality
    if unknown:
        listed = "\n".join(f"--units {v}=UNITS   (column {name})" for v, name in unknown)
        raise InputError(f"{record}: these units cannot be told from the values. Give:\n{listed}")
    if not found:
        raise InputError(
            "\n".join(
                [
                    f"{record}: no column is known; give --column VARIABLE=COLUMN and --units VARIABLE=UNITS",
                    *left_out(table.left),
                ]
            )
        )
    used = {c["column"] for c in found.values()} | {c.get("quality") for c in found.values()}
    left = [item for item in table.left if item.column not in used]
    left += [Left(p.column, f"not taken as {p.variable}") for p in table.proposals if p.column not in used]
    return Columns(found, tuple(left))


def _check_options(
    table: Table, record: Path, chosen: dict[str, str], units: dict[str, str], variables: list[str]
) -> None:
    faults = Faults()
    for variable, name in chosen.items():
        if not is_variable(variable):
            faults.add(
                InputError(f"--column {variable}={name}: no variable is called {variable}; there are "
                           f"{', '.join(VARIABLES)}")
            )  # fmt: skip
        if name not in table.columns:
            faults.add(
                InputError(
                    f"--column {variable}={name}: {record} has no column '{name}'; there are {', '.join(table.columns)}"
                )
            )
    for variable, unit in units.items():
        if variable not in variables:
            faults.add(
                InputError(
                    f"--units {variable}={unit}: no column is taken for {variable}; give --column {variable}=COLUMN too, "
                    f"or one of the variables that are: {', '.join(variables) or 'none'}"
                )
            )
    faults.raise_any()


def left_out(left: tuple[Left, ...]) -> list[str]:
    """Lines that name the columns that are not taken, why, and how to take them."""
    if not left:
        return []
    width = max(len(item.column) for item in left)
    lines = ["Columns left out:"]
    for item in left:
        line = f"  {item.column:<{width}}  {item.why}"
        if item.why.startswith("is probably"):
            line += (
                f": --column {item.variable}={item.column} --units {item.variable}={item.units or 'UNITS'!r}"
            )
        lines.append(line)
    return lines


def question(words: str, kind: Callable[[str], Any], option: str, default: str = "") -> Any:
    """A person's answer as ``kind``. Raises `InputError` that names the option after `TRIES` answers of no use."""
    for _ in range(TRIES):
        answer = typer.prompt(words, default=default, show_default=bool(default)).strip()
        if not answer:
            continue
        try:
            return kind(answer)
        except ValueError:
            typer.echo(f"  {answer!r} is not {'a whole number' if kind is int else 'a number'}", err=True)
    raise InputError(f"no usable answer to {words.strip()!r}. Give it as an option instead: {option}")
