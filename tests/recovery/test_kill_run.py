"""A real reanalysis killed at random moments and resumed ends in the same bits.

The number of kills is `ELTERRA_KILLS` (default 5); `elterra` runs as a process of its own and gets SIGKILL.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from elterra.product.store import open_store

KILLS = int(os.environ.get("ELTERRA_KILLS", "5"))

EXPERIMENT = """\
name: killed
site: ch-dav
data: {record: packaged, reader: packaged}
period: {start: 2016-01-01, end: 2016-12-31}
ensemble: {members: 8, seed: 2}
spinup: {method: native, years: 1}
calibration: {iterations: 1}
"""


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "elterra", *map(str, words)]


def finished_hash(run: Path) -> str:
    store = open_store(run / "store")
    assert store.complete
    return store.content_hash()


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_a_reanalysis_ends_in_the_same_bits(tmp_path):
    experiment = tmp_path / "killed.yaml"
    experiment.write_text(EXPERIMENT, encoding="utf-8")
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache")}
    quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}

    def run_to_the_end(words: list[str]) -> None:
        ended = subprocess.run(words, **quiet)
        assert ended.returncode == 0, ended.stderr.decode()

    run_to_the_end(command("run", experiment, "--run", tmp_path / "first"))
    begin = time.monotonic()
    run_to_the_end(command("run", experiment, "--run", tmp_path / "whole"))
    seconds = time.monotonic() - begin
    whole = finished_hash(tmp_path / "whole")
    assert finished_hash(tmp_path / "first") == whole

    draw, kills, runs = random.Random(1), 0, 0
    while kills < KILLS:
        run = tmp_path / f"run{runs}"
        runs += 1
        words = command("run", experiment, "--run", run)
        for _ in range(8):  # several kills a run, then it may end
            process = subprocess.Popen(words, **quiet)
            try:
                process.wait(timeout=draw.uniform(0.02, 0.6) * seconds)
                assert process.returncode == 0, process.stderr.read().decode()
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
            if (run / "experiment.json").exists():
                words = command("resume", run)
        else:
            run_to_the_end(words)
        assert finished_hash(run) == whole
    print(f"{kills} kills in {runs} runs: the same bits every time")
