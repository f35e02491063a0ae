"""Bench ``import``: how long a person waits before anything happens."""

from __future__ import annotations

import subprocess
import sys
import time

from elterra.errors import ElterraError


def measure(*, quick: bool = False, repeats: int | None = None) -> dict[str, float]:
    """Best of `repeats` fresh processes, in seconds; ``bare`` is the interpreter alone."""
    n = repeats or (2 if quick else 7)
    return {
        "help.seconds": _best(["-m", "elterra", "--help"], n),
        "import.seconds": _best(["-c", "import elterra"], n),
        "bare.seconds": _best(["-c", "pass"], n),
    }


def _best(words: list[str], n: int) -> float:
    times = []
    for _ in range(n):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, *words], capture_output=True, check=False)
        times.append(time.perf_counter() - start)
        if done.returncode != 0:
            raise ElterraError(
                f"python {' '.join(words)} failed: {done.stderr.decode(errors='replace')[-500:]}"
            )
    return min(times)
