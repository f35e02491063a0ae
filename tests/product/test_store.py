"""The store: what is written is read, in order, once, and damage is never silent."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from elterra.errors import InputError
from elterra.product import store as store_module
from elterra.product._store_async import AsyncCommitter
from elterra.product.store import (
    StoreDamaged,
    StoreError,
    StoreLocked,
    StoreWriteError,
    StoreWriter,
    open_store,
)

WINDOWS, STEPS = 5, 4


def templates(windows: int = WINDOWS) -> dict[str, xr.Dataset]:
    time_ = pd.date_range("2013-01-01", periods=windows * STEPS, freq="6h")
    nan = np.broadcast_to(np.float32(np.nan), (windows * STEPS, 3))
    fast = xr.Dataset(
        {
            "NEE": (("time", "statistic"), nan, {"units": "umol m-2 s-1"}),
            "flag": ("time", np.zeros(windows * STEPS, np.int32)),
            "depth": ("layer", np.array([0.1, 0.2])),
        },
        coords={
            "time": time_,
            "time_bnds": (("time", "nv"), np.stack([time_, time_ + pd.Timedelta("6h")], 1)),
            "statistic": ["mean", "sd", "q50"],
        },
    )
    slow = xr.Dataset({"increment": (("window", "kind"), np.zeros((windows, 2)))})
    return {"fast": fast, "windows": slow}


def values(window: int) -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(window)
    return {
        "fast": {
            "NEE": rng.standard_normal((STEPS, 3)).astype(np.float32),
            "flag": rng.integers(0, 9, STEPS, dtype=np.int32),
        },
        "windows": {"increment": rng.standard_normal((1, 2))},
    }


def create(path: Path, windows: int = WINDOWS) -> StoreWriter:
    return StoreWriter.create(
        path, templates(windows), windows=windows, steps={"fast": STEPS, "windows": 1}, attrs={"seed": 1}
    )


def filled(path: Path, windows: int = WINDOWS) -> None:
    with create(path, windows) as writer:
        for w in range(windows):
            writer.commit(w, values(w))


def test_what_is_committed_is_read_back_exactly_before_and_after_consolidation(tmp_path):
    filled(tmp_path / "s")
    expected = np.concatenate([values(w)["fast"]["NEE"] for w in range(WINDOWS)])
    before = open_store(tmp_path / "s")
    assert before.complete
    assert not before.consolidated
    np.testing.assert_array_equal(before.dataset("fast").NEE.values, expected)
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.consolidate(windows_per_chunk=2)
    after = open_store(tmp_path / "s")
    assert after.consolidated
    ds = after.dataset("fast")
    np.testing.assert_array_equal(ds.NEE.values, expected)
    np.testing.assert_array_equal(
        after.dataset("windows").increment.values[3], values(3)["windows"]["increment"][0]
    )
    assert ds.NEE.attrs["units"] == "umol m-2 s-1"
    assert ds.attrs["seed"] == 1
    np.testing.assert_array_equal(ds.time.values, templates()["fast"].time.values)
    np.testing.assert_array_equal(ds.time_bnds.values, templates()["fast"].time_bnds.values)
    assert list(ds.statistic.values) == ["mean", "sd", "q50"]
    np.testing.assert_array_equal(ds.depth.values, [0.1, 0.2])
    assert before.content_hash() == after.content_hash()


@pytest.mark.parametrize("consolidated", [False, True])
@pytest.mark.parametrize(
    "key", [slice(None), slice(3, 11), slice(None, None, 3), slice(15, 2, -4), 7, -1, [1, 9, 4], slice(4, 4)]
)
def test_lazy_reading_selects_like_numpy(tmp_path, consolidated, key):
    filled(tmp_path / "s")
    if consolidated:
        with StoreWriter.open(tmp_path / "s") as writer:
            writer.consolidate(2)
    expected = np.concatenate([values(w)["fast"]["NEE"] for w in range(WINDOWS)])
    got = open_store(tmp_path / "s").dataset("fast").NEE.isel(time=key, statistic=slice(1, 3)).values
    np.testing.assert_array_equal(got, expected[key][..., 1:3])


def test_an_unfinished_store_shows_complete_windows_only(tmp_path):
    with create(tmp_path / "s") as writer:
        assert open_store(tmp_path / "s").dataset("fast").sizes["time"] == 0
        writer.commit(0, values(0))
        writer.commit(1, values(1))
        seen = open_store(tmp_path / "s")
        writer.commit(2, values(2))
    assert seen.last_window() == 1
    assert seen.dataset("fast").sizes["time"] == 2 * STEPS, "a reader keeps the commit it opened"
    assert open_store(tmp_path / "s").dataset("fast").sizes["time"] == 3 * STEPS


def test_a_last_window_may_be_shorter(tmp_path):
    whole = {"fast": templates()["fast"].isel(time=slice(0, 18))}
    writer = StoreWriter.create(tmp_path / "s", whole, windows=WINDOWS, steps={"fast": STEPS})
    with writer:
        for w in range(WINDOWS):
            n = 2 if w == WINDOWS - 1 else STEPS
            writer.commit(w, {"fast": {k: v[:n] for k, v in values(w)["fast"].items()}})
        before = open_store(tmp_path / "s").content_hash()
        writer.consolidate(2)
    assert open_store(tmp_path / "s").dataset("fast").sizes["time"] == 18
    assert open_store(tmp_path / "s").content_hash() == before


def test_windows_come_in_order_and_only_once(tmp_path):
    with create(tmp_path / "s") as writer:
        writer.commit(0, values(0))
        for wrong in (0, 2, -1):
            with pytest.raises(StoreError, match="not the next one"):
                writer.commit(wrong, values(1))
        assert writer.last_window() == 0


def _without(name):
    data = values(0)
    del data["fast"][name]
    return data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (_without("NEE"), r"missing \['NEE'\]"),
        ({**values(0), "else": {}}, "groups given"),
        ({**values(0), "fast": {**values(0)["fast"], "NEE": np.zeros((STEPS, 2))}}, "shape"),
        ({**values(0), "fast": {**values(0)["fast"], "flag": np.zeros(STEPS)}}, "type float64"),
        ({**values(0), "fast": {**values(0)["fast"], "GPP": np.zeros(STEPS)}}, r"unknown \['GPP'\]"),
    ],
)
def test_a_window_that_does_not_fit_is_refused_and_leaves_nothing(tmp_path, data, text):
    with create(tmp_path / "s") as writer:
        with pytest.raises(InputError, match=text):
            writer.commit(0, data)
        assert writer.last_window() == -1
        writer.commit(0, values(0))


def test_rewind_brings_back_an_earlier_window_exactly(tmp_path):
    with create(tmp_path / "s") as writer:
        writer.commit(0, values(0))
        writer.commit(1, values(1))
        then = open_store(tmp_path / "s").content_hash()
        for w in (2, 3, 4):
            writer.commit(w, values(w))
        final = open_store(tmp_path / "s").content_hash()
        writer.consolidate(2)
        writer.rewind(1)
        assert open_store(tmp_path / "s").content_hash() == then
        assert writer.last_window() == 1
        for w in (2, 3, 4):
            writer.commit(w, values(w))
        assert open_store(tmp_path / "s").content_hash() == final
        writer.rewind(-1)
        assert open_store(tmp_path / "s").last_window() == -1
        with pytest.raises(StoreError, match="cannot rewind"):
            writer.rewind(3)


def test_compaction_frees_space_and_keeps_content_and_tags(tmp_path):
    filled(tmp_path / "s")
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.consolidate(2)
        writer.tag("v1")
        with pytest.raises(StoreError, match="already"):
            writer.tag("v1")
        before = open_store(tmp_path / "s").content_hash()
        files = sum(1 for _ in (tmp_path / "s").rglob("*"))
        assert writer.compact() > 0
        assert sum(1 for _ in (tmp_path / "s").rglob("*")) < files
        assert open_store(tmp_path / "s").content_hash() == before
        assert open_store(tmp_path / "s", tag="v1").content_hash() == before
        with pytest.raises(StoreError, match="compacted"):
            writer.rewind(1)
    with pytest.raises(StoreError, match="no tag"):
        open_store(tmp_path / "s", tag="v2")


def test_the_content_hash_depends_on_values_and_not_on_object_names(tmp_path):
    filled(tmp_path / "a")
    filled(tmp_path / "b")
    with create(tmp_path / "c") as writer:
        for w in range(WINDOWS):
            data = values(w)
            if w == 3:
                data["fast"]["NEE"][1, 1] = np.nextafter(data["fast"]["NEE"][1, 1], np.float32(9))
            writer.commit(w, data)
    a, b, c = (open_store(tmp_path / x).content_hash() for x in "abc")
    assert a == b
    assert a != c


def test_a_second_writer_is_refused_within_five_seconds(tmp_path):
    with create(tmp_path / "s"):
        start = time.monotonic()
        with pytest.raises(StoreLocked, match=r"process \d+"):
            StoreWriter.open(tmp_path / "s")
        assert time.monotonic() - start < 5
    StoreWriter.open(tmp_path / "s").close()


def test_a_store_is_not_made_over_another(tmp_path):
    filled(tmp_path / "s")
    with pytest.raises(StoreError, match="already"):
        create(tmp_path / "s")
    assert open_store(tmp_path / "s").complete


def test_no_store_is_an_error_that_names_the_folder(tmp_path):
    with pytest.raises(StoreError, match=str(tmp_path)):
        open_store(tmp_path / "nothing")
    with pytest.raises(StoreError, match="no store"):
        StoreWriter.open(tmp_path / "nothing")


@pytest.mark.parametrize("consolidated", [False, True])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_every_damaged_chunk_is_detected(tmp_path, consolidated, damage):
    path = tmp_path / "s"
    filled(path)
    if consolidated:
        with StoreWriter.open(path) as writer:
            writer.consolidate(2)
            writer.compact()
    chunks = sorted((path / "chunks").iterdir())
    assert len(chunks) >= WINDOWS
    rng = np.random.default_rng(5)
    for chunk in chunks:
        good = chunk.read_bytes()
        for _ in range(4 if damage == "flip" else 1):
            if damage == "flip":
                bad = bytearray(good)
                bad[rng.integers(len(bad))] ^= 1 << int(rng.integers(8))
                chunk.write_bytes(bad)
            elif damage == "truncate":
                chunk.write_bytes(good[: len(good) // 2])
            else:
                chunk.unlink()
            with pytest.raises(StoreDamaged, match="damaged or missing"):
                open_store(path).verify()
            chunk.write_bytes(good)
    open_store(path).verify()


def test_damage_of_the_index_is_never_silent(tmp_path):
    """Manifests, snapshots and references: either an error, or every value is still right."""
    path = tmp_path / "s"
    filled(path)
    whole = open_store(path).content_hash()
    rng = np.random.default_rng(6)
    files = [f for f in sorted(path.rglob("*")) if f.is_file() and "chunks" not in f.parts]
    errors = 0
    for file in files:
        good = file.read_bytes()
        bad = bytearray(good)
        bad[rng.integers(len(bad))] ^= 1 << int(rng.integers(8))
        file.write_bytes(bad)
        try:
            assert open_store(path).content_hash() == whole
        except StoreError:
            errors += 1
        file.write_bytes(good)
    assert errors > 0


def test_a_newer_format_is_refused_and_an_older_one_can_be_migrated(tmp_path, monkeypatch):
    filled(tmp_path / "s")
    before = open_store(tmp_path / "s").content_hash()
    monkeypatch.setattr(store_module, "FORMAT", store_module.FORMAT + 1)
    with pytest.raises(StoreError, match="older"):
        open_store(tmp_path / "s")
    with pytest.raises(StoreError, match="no way is known"):
        StoreWriter.migrate(tmp_path / "s")
    monkeypatch.setitem(store_module._MIGRATIONS, 1, lambda root: root.attrs.update({"seed": 2}))
    assert StoreWriter.migrate(tmp_path / "s") == 1
    assert open_store(tmp_path / "s").attrs["seed"] == 2
    assert open_store(tmp_path / "s").last_window() == WINDOWS - 1
    monkeypatch.setattr(store_module, "FORMAT", store_module.FORMAT - 1)
    with pytest.raises(StoreError, match="newer elterra"):
        open_store(tmp_path / "s")
    assert before


def test_the_background_committer_writes_the_same_store(tmp_path):
    filled(tmp_path / "a")
    with create(tmp_path / "b") as writer, AsyncCommitter(writer, depth=2) as background:
        for w in range(WINDOWS):
            background.commit(w, values(w))
        background.flush()
        assert writer.last_window() == WINDOWS - 1
    assert open_store(tmp_path / "a").content_hash() == open_store(tmp_path / "b").content_hash()


def test_an_error_in_the_background_reaches_the_caller_and_stops_later_windows(tmp_path):
    with create(tmp_path / "s") as writer:
        background = AsyncCommitter(writer, depth=2)
        background.commit(0, values(0))
        background.commit(2, values(2))
        with pytest.raises(StoreError, match="not the next one"):
            background.flush()
        with pytest.raises(StoreError, match="not the next one"):
            background.commit(1, values(1))
        with pytest.raises(StoreError):
            background.close()
        assert writer.last_window() == 0
        assert not any(t.name == "elterra-committer" for t in threading.enumerate())


def test_the_queue_is_bounded(tmp_path, monkeypatch):
    with create(tmp_path / "s") as writer:
        gate = threading.Event()
        real = writer.commit
        monkeypatch.setattr(writer, "commit", lambda *a: (gate.wait(10), real(*a))[1])
        background = AsyncCommitter(writer, depth=1)
        background.commit(0, values(0))
        background.commit(1, values(1))
        done = threading.Event()
        third = threading.Thread(target=lambda: (background.commit(2, values(2)), done.set()))
        third.start()
        assert not done.wait(0.2), "a full queue must make the caller wait"
        gate.set()
        third.join(10)
        background.close()
        assert writer.last_window() == 2


def test_a_write_that_fails_names_path_and_bytes_and_leaves_the_old_windows(tmp_path, monkeypatch):
    with create(tmp_path / "s") as writer:
        writer.commit(0, values(0))
        before = open_store(tmp_path / "s").content_hash()

        def full(*_args, **_kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(store_module.zarr, "open_array", full)
        with pytest.raises(
            StoreWriteError, match=r"window 1 \(\d+ bytes; \d+ bytes free\).*No space left"
        ) as caught:
            writer.commit(1, values(1))
        assert str(tmp_path / "s") in str(caught.value)
        monkeypatch.undo()
        assert open_store(tmp_path / "s").content_hash() == before
        writer.commit(1, values(1))


def test_a_place_that_cannot_be_written_is_a_named_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreWriteError, match="cannot write"):
        create(tmp_path / "file" / "s")
