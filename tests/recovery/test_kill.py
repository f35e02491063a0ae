"""Killed at any moment and resumed, a run ends in the same bits; no reader ever sees half a window."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing import forkserver
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from elterra.pipeline import status
from elterra.product.store import StoreError, StoreWriteError, StoreWriter, open_store

from . import toy

# A server that has imported everything forks the runs: a kill test is then about the run, not about imports.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([toy.__name__, "elterra.cli"])


@pytest.fixture(scope="module", autouse=True)
def _server():
    # The server ignores a preload that it cannot import, and does not know the paths that pytest added.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
        forkserver.ensure_running()


def start(function, *words) -> multiprocessing.process.BaseProcess:
    process = _PROCESSES.Process(target=function, args=words)
    process.start()
    return process


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[str, str, float]:
    """Content hash, summary and seconds of a run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    warm = start(toy.run, folder / "first")  # starts the server
    warm.join()
    begin = time.monotonic()
    process = start(toy.run, folder / "run")
    process.join()
    assert process.exitcode == 0
    store = open_store(folder / "run" / "store")
    np.testing.assert_array_equal(store.dataset("series").x.values, toy.expected())
    summary = (folder / "run" / "summary" / "mean.json").read_text()
    return store.content_hash(), summary, time.monotonic() - begin


def look(path: Path, truth: np.ndarray) -> int:
    """What a reader sees now: whole windows with the right values. Returns their number."""
    try:
        store = open_store(path)
    except StoreError as error:
        if "no store here" in str(error):
            return 0
        raise
    x = store.dataset("series").x.values
    assert len(x) == (store.last_window() + 1) * toy.STEPS
    np.testing.assert_array_equal(x, truth[: len(x)])
    return store.last_window() + 1


def kill_and_resume(folder: Path, undisturbed, kills: int, seed: int) -> tuple[int, int]:
    """Kills runs at random moments until `kills` are done; each is resumed to its end. Kills and runs."""
    whole, summary, seconds = undisturbed
    truth = toy.expected()
    rng = random.Random(seed)
    done, runs, looks = 0, 0, 0
    while done < kills:
        run_dir = folder / f"run{runs}"
        runs += 1
        while True:
            process = start(toy.run, run_dir)
            if done < kills:
                moment = time.monotonic() + rng.uniform(0.0, seconds)
                while process.is_alive() and time.monotonic() < moment:
                    looks += look(run_dir / "store", truth) > 0
                    time.sleep(0.002)
                if process.is_alive():
                    os.kill(process.pid, signal.SIGKILL)
            process.join()
            look(run_dir / "store", truth)
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL
            done += 1
        store = open_store(run_dir / "store")
        assert store.complete
        assert store.content_hash() == whole
        assert (run_dir / "summary" / "mean.json").read_text() == summary
        assert [s.state for s in status(run_dir, stages=toy.stages())] == ["done", "done"]
        shutil.rmtree(run_dir)
    assert looks > 0, "no reader looked while a run was going on"
    return done, runs


def test_a_run_killed_at_random_moments_ends_in_the_same_bits(tmp_path, undisturbed):
    done, _ = kill_and_resume(tmp_path, undisturbed, kills=8, seed=1)
    assert done == 8


@pytest.mark.slow
def test_fifty_random_kills(tmp_path, undisturbed):
    done, runs = kill_and_resume(tmp_path, undisturbed, kills=50, seed=2)
    print(f"{done} kills in {runs} runs, all to the same bits")
    assert done == 50


def test_sigterm_leaves_a_checkpoint_and_says_so_with_its_exit_code(tmp_path, undisturbed):
    run_dir = tmp_path / "run"
    process = start(toy.run_by_command, run_dir)
    deadline = time.monotonic() + 60
    while look(run_dir / "store", toy.expected()) < 3:
        assert process.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGTERM)
    process.join(30)
    assert process.exitcode == 75
    seen = look(run_dir / "store", toy.expected())
    assert 3 <= seen < toy.WINDOWS
    saved = json.loads((run_dir / "assimilation" / "checkpoint.json").read_text())
    assert saved["window"] == seen - 1, "the checkpoint is of the moment of the stop"
    assert status(run_dir, stages=toy.stages())[0].state == "partial"
    again = start(toy.run_by_command, run_dir)
    again.join(60)
    assert again.exitcode == 0
    assert open_store(run_dir / "store").content_hash() == undisturbed[0]


def test_a_second_run_in_the_directory_ends_soon_with_its_own_exit_code(tmp_path, undisturbed):
    run_dir = tmp_path / "run"
    first = start(toy.run_by_command, run_dir)
    deadline = time.monotonic() + 60
    while look(run_dir / "store", toy.expected()) < 2 and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(first.pid, signal.SIGSTOP)  # holds the lock, does nothing
    begin = time.monotonic()
    second = start(toy.run_by_command, run_dir)
    second.join(20)
    assert second.exitcode == 4
    assert time.monotonic() - begin < 5
    os.kill(first.pid, signal.SIGCONT)
    first.join(60)
    assert first.exitcode == 0
    assert open_store(run_dir / "store").content_hash() == undisturbed[0]


def plain_store(path: Path, windows: int, steps: int = 1, width: int = 1) -> StoreWriter:
    ds = xr.Dataset(
        {"x": (("time", "member"), np.zeros((windows * steps, width)))},
        coords={"time": pd.date_range("2013-01-01", periods=windows * steps)},
    )
    return StoreWriter.create(path, {"series": ds}, windows=windows, steps={"series": steps})


def test_two_writers_lose_none_of_eighty_commits(tmp_path):
    plain_store(tmp_path / "s", 80).close()
    writers = [start(toy.commit_in_turns, tmp_path / "s", 80) for _ in range(2)]
    for writer in writers:
        writer.join(120)
        assert writer.exitcode == 0
    store = open_store(tmp_path / "s")
    assert store.complete
    np.testing.assert_array_equal(store.dataset("series").x.values[:, 0], np.arange(80.0))


def test_a_write_that_the_system_refuses_leaves_the_old_windows(tmp_path):
    path, report = tmp_path / "s", tmp_path / "report.txt"
    with plain_store(path, 2, steps=4, width=5000) as writer:
        writer.commit(0, {"series": {"x": np.ones((4, 5000))}})
    before = open_store(path).content_hash()
    process = start(toy.commit_with_small_files_only, path, report)
    process.join(60)
    text = report.read_text()
    assert text.startswith("StoreWriteError"), text
    assert str(path) in text
    assert "160016 bytes" in text
    assert "windows 0-0 are intact" in text
    assert open_store(path).content_hash() == before
    with StoreWriter.open(path) as writer:
        writer.commit(1, {"series": {"x": np.ones((4, 5000))}})
    assert open_store(path).complete


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    try:
        made = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if made.returncode != 0:
        pytest.skip(f"a small tmpfs cannot be mounted here: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_keeps_what_was_committed(small_disk):
    path = small_disk / "s"
    rng = np.random.default_rng(0)
    with plain_store(path, 40, steps=1, width=8000) as writer:

        def fill() -> None:
            for window in range(40):
                writer.commit(window, {"series": {"x": rng.random((1, 8000))}})

        with pytest.raises(StoreWriteError, match=r"64016 bytes; \d+ bytes free") as caught:
            fill()
        last = writer.last_window()
    assert last > 2
    assert str(path) in str(caught.value)
    store = open_store(path)
    assert store.last_window() == last
    store.verify()
    rng = np.random.default_rng(0)
    truth = np.concatenate([rng.random((1, 8000)) for _ in range(last + 1)])
    np.testing.assert_array_equal(store.dataset("series").x.values, truth)


def test_a_read_only_folder_is_read_and_not_written(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root writes into read-only folders")
    with plain_store(tmp_path / "in" / "s", 2) as writer:
        writer.commit(0, {"series": {"x": np.ones((1, 1))}})
    before = open_store(tmp_path / "in" / "s").content_hash()
    folders = [tmp_path / "in", *(p for p in (tmp_path / "in").rglob("*") if p.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert open_store(tmp_path / "in" / "s").content_hash() == before
        with pytest.raises(StoreError, match="cannot write"):
            StoreWriter.open(tmp_path / "in" / "s")
    finally:
        for folder in folders:
            folder.chmod(0o755)
