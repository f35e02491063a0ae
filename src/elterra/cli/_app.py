"""Puts the verbs together and turns errors into one clear block and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from elterra.cli import (
    bench,
    check,
    clm,
    demo,
    domain,
    downscale,
    evaluate,
    export,
    forcing,
    info,
    interpolate,
    new,
    report,
    resume,
    run,
    spinup,
    status,
)
from elterra.cli._options import Help
from elterra.errors import ElterraError, InputError

#: exit codes, documented in docs/cli.md
FAILED, BAD_INPUT, LOCKED, UNEXPECTED, INTERRUPTED = 1, 2, 4, 70, 75

# typer brings its own copy of click or uses the installed one, by version: the class is found by its child.
_ClickError: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    name="elterra",
    no_args_is_help=True,
    add_completion=False,
    add_help_option=False,
    rich_markup_mode=None,  # rich costs half of the time budget of --help
    pretty_exceptions_enable=False,
)


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    asked: Help = False,
) -> None:
    """Ecosystem reanalysis: water, energy, carbon and nitrogen of a site, with uncertainty."""
    del debug, asked  # `main` reads the first, so that it may stand anywhere on the line


app.command("demo")(demo.demo)
app.add_typer(new.app, name="new")
app.command("check")(check.check)
app.command("run")(run.run)
app.command("status")(status.status)
app.command("resume")(resume.resume)
app.command("evaluate")(evaluate.evaluate)
app.command("report")(report.report)
app.command("export")(export.export)
app.command("bench")(bench.bench)
app.add_typer(clm.app, name="clm")
app.add_typer(spinup.app, name="spinup")
app.add_typer(domain.app, name="domain")
app.add_typer(forcing.app, name="forcing")
app.add_typer(downscale.app, name="downscale")
app.command("interpolate")(interpolate.interpolate)
app.command("info")(info.info)


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the command. Ends the process with an exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [w for w in words if w != "--debug"]
    sys.exit(_call(words, debug))


def _call(words: list[str], debug: bool) -> int:
    try:
        code = app(args=words, prog_name="elterra", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except _ClickError as error:
        error.show()
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except Exception as error:
        if debug:
            import traceback

            traceback.print_exc()
        return _tell(error, "--json" in words, debug)


def _tell(error: Exception, as_json: bool, debug: bool) -> int:
    kind = type(error).__name__
    if isinstance(error, InputError):
        code = BAD_INPUT
    elif isinstance(error, ElterraError):
        code = {"Interrupted": INTERRUPTED, "Locked": LOCKED, "StoreLocked": LOCKED}.get(kind, FAILED)
    else:
        code = UNEXPECTED
    text = str(error) or kind
    if as_json:
        import json

        told: dict[str, Any] = {"kind": kind, "message": text, "exit": code}
        if hasattr(error, "problems"):
            told["problems"] = [asdict(p) for p in error.problems]
        print(json.dumps({"error": told}))
        return code
    head = "stopped" if code == INTERRUPTED else "error" if code != UNEXPECTED else f"unexpected {kind}"
    print(f"{head}: " + text.replace("\n", "\n  "), file=sys.stderr)
    if code == UNEXPECTED and not debug:
        print(
            "  This is a fault of elterra. Run the command again with --debug and report it.", file=sys.stderr
        )
    return code
