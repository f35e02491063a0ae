"""How verbs speak: Rich progress on a terminal, plain lines elsewhere, JSON lines for machines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elterra.pipeline import ProgressEvent


def emit(value: Any) -> None:
    """One JSON object on one line of stdout. NaN and infinities become null: JSON has none."""
    import json

    print(json.dumps(finite(value), sort_keys=True, allow_nan=False), flush=True)


def finite(value: Any) -> Any:
    """`value` with numbers that JSON cannot hold replaced by None."""
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None  # false for NaN too
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return finite(value.item())
    return value


@contextmanager
def progress(as_json: bool) -> Iterator[Callable[[ProgressEvent], None]]:
    """A function to hand to `run_experiment`. It writes to stderr: stdout holds the result alone."""
    if as_json:
        import json

        yield lambda e: print(json.dumps(asdict(e)), file=sys.stderr, flush=True)
    elif sys.stderr.isatty():
        with _rich() as report:
            yield report
    else:
        yield _plain()


def _plain() -> Callable[[ProgressEvent], None]:
    last: dict[str, int] = {}

    def report(e: ProgressEvent) -> None:
        if e.state == "running":
            tenth = 10 * e.done // e.total if e.total else 0
            if tenth == last.get(e.stage, 0):
                return  # a line each tenth, not each window
            last[e.stage] = tenth
            words = f"{e.stage}: {e.done} of {e.total} {e.message} ({e.seconds:.0f} s)"
        elif e.state == "finished":
            words = f"{e.stage}: done in {e.seconds:.1f} s"
        elif e.state == "skipped":
            words = f"{e.stage}: unchanged"
        else:
            words = f"{e.stage}: {e.state} {e.message}".rstrip()
        print(words, file=sys.stderr, flush=True)

    return report


@contextmanager
def _rich() -> Iterator[Callable[[ProgressEvent], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.fields[mark]} {task.description:<14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    marks = {"finished": "✓", "skipped": "·", "failed": "✗", "interrupted": "⏸"}
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def report(e: ProgressEvent) -> None:
            if e.stage not in tasks:
                tasks[e.stage] = bars.add_task(e.stage, total=None, mark=" ", note="")
            task = tasks[e.stage]
            if e.state == "running":
                bars.update(task, completed=e.done, total=e.total or None, note=e.message)
            elif e.state in ("finished", "skipped"):
                total = bars.tasks[task].total or 1
                note = "unchanged" if e.state == "skipped" else ""
                bars.update(task, completed=total, total=total, mark=marks[e.state], note=note)
                bars.stop_task(task)
            elif e.state in marks:
                bars.update(task, mark=marks[e.state], note=e.state)
                bars.stop_task(task)

        yield report
