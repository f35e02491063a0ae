"""The store of a run: an Icechunk repository of Zarr v3 arrays with checksummed chunks.

Written window after window by one committer under a file lock, one commit a window; read lazily at any time.
A run that is killed shows its last complete window and nothing half-written. While the run goes on, a window
is one record (`_store_layout`); `StoreWriter.consolidate` rewrites the records into arrays that are chunked
for reading, in one commit. Readers see the same datasets before and after.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
import icechunk
import numpy as np
import xarray as xr
import zarr
from xarray.backends import BackendArray
from xarray.core import indexing
from zarr.codecs import BloscCodec, Crc32cCodec

from elterra.errors import ElterraError
from elterra.files import Locked, acquire
from elterra.product._store_layout import GroupLayout, Layout, plain_attrs, unpack

#: Version of the layout on disk. A change of it needs an entry in `_MIGRATIONS`.
FORMAT = 1

#: from version -> function that brings the root group of a writable session to the next version
_MIGRATIONS: dict[int, Callable[[zarr.Group], None]] = {}

_RECORDS = "records"
#: memory that consolidation may use for one block of windows
_BLOCK_BYTES = 256 * 2**20
#: memory that a reader may use to keep records it has read (a record holds all variables of a window)
_CACHE_BYTES = 512 * 2**20


class StoreError(ElterraError):
    """The store cannot be used as asked; the text names path and remedy."""


class StoreLocked(StoreError):
    """Another process is writing to the store."""


class StoreDamaged(StoreError):
    """Bytes on disk are not those that were written."""


class StoreWriteError(StoreError):
    """Writing failed (disk full, read-only, ...); what was committed before is intact."""


def _compressors(itemsize: int) -> list[Any]:
    # The checksum is the outermost codec, so that every byte on disk is covered by it.
    return [BloscCodec(cname="zstd", clevel=3, shuffle="shuffle", typesize=itemsize), Crc32cCodec()]


def _storage(path: Path) -> icechunk.Storage:
    # Its warning on concurrent commits does not apply: commits happen under the file lock.
    icechunk.set_logs_filter("error")
    return icechunk.local_filesystem_storage(str(path))


def _config() -> icechunk.RepositoryConfig:
    config = icechunk.RepositoryConfig.default()
    config.inline_chunk_threshold_bytes = (
        0  # inline chunks would bypass the per-chunk files that tests damage
    )
    # Manifests are split so that a commit rewrites at most 64 entries, not those of all windows before.
    every = icechunk.ManifestSplitCondition.AnyArray()
    first = icechunk.ManifestSplitDimCondition.Any()
    config.manifest = icechunk.ManifestConfig(
        splitting=icechunk.ManifestSplittingConfig.from_dict({every: {first: 64}})
    )
    return config


@contextmanager
def _reading(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except ElterraError:
        raise
    except Exception as error:  # codecs raise ValueError, RuntimeError, zarr's and icechunk's own classes
        raise StoreDamaged(
            f"{path}: {what} cannot be read: its bytes are damaged or missing ({_first_line(error)}). "
            "Go back to a sound window with StoreWriter.rewind, or restore the folder from a copy."
        ) from error


def _first_line(error: BaseException) -> str:
    lines = [x.strip(" |") for x in str(error).splitlines() if x.strip(" |")]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


class _Lazy(BackendArray):
    """An array of the store that is read when values are asked for."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, read: Callable[[slice], np.ndarray]) -> None:
        self.shape, self.dtype, self._read = shape, np.dtype(dtype), read

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._basic
        )

    def _basic(self, key: tuple[Any, ...]) -> np.ndarray:
        first = key[0]
        if isinstance(first, slice):
            rows = range(*first.indices(self.shape[0]))
            if not rows:
                return np.empty(self.shape, self.dtype)[key]
            low, high = min(rows[0], rows[-1]), max(rows[0], rows[-1]) + 1
            block = self._read(slice(low, high))[:: abs(rows.step)] if rows.step > 0 else None
            if block is None:
                block = self._read(slice(low, high))[::-1][:: abs(rows.step)]
            return block[(slice(None), *key[1:])]
        row = int(first) % self.shape[0]
        return self._read(slice(row, row + 1))[(0, *key[1:])]


class Store:
    """A finished or growing store, opened for reading at one commit (later commits are not seen)."""

    def __init__(self, path: str | Path, *, tag: str | None = None) -> None:
        self.path = Path(path)
        if not (self.path / "refs").is_dir():
            raise StoreError(f"{self.path}: no store here. Start a run first, or give the folder of one.")
        with _reading(self.path, "the index of the store"):
            self._repo = icechunk.Repository.open(_storage(self.path))
            if tag is not None and tag not in self._repo.list_tags():
                raise StoreError(
                    f"{self.path}: no tag {tag!r}; there are {sorted(self._repo.list_tags()) or 'none'}"
                )
            if tag is not None:
                self._session = self._repo.readonly_session(tag=tag)
            else:
                self._session = self._repo.readonly_session("main")
            self._root = zarr.open_group(self._session.store, mode="r")
            self.attrs: dict[str, Any] = dict(self._root.attrs)
            _check_format(self.path, self.attrs)
            self.layout = Layout.from_json(self.attrs.pop("elterra_layout"))
            self.consolidated = bool(self.attrs.pop("elterra_consolidated"))
            self.attrs.pop("elterra_format")
            self.snapshot: str = self._session.snapshot_id
            self._last = _window_of(self._repo, self.snapshot)
        self._cache: dict[int, np.ndarray] = {}

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(g.name for g in self.layout.groups)

    @property
    def complete(self) -> bool:
        return self._last == self.layout.windows - 1

    def last_window(self) -> int:
        """Number of the last complete window; -1 if there is none."""
        return self._last

    def tags(self) -> tuple[str, ...]:
        return tuple(sorted(self._repo.list_tags()))

    def dataset(self, group: str) -> xr.Dataset:
        """The rows of `group` that are complete, lazily. Reading damaged bytes raises `StoreDamaged`."""
        layout = self.layout.group(group)
        done = layout.rows(self._last).stop if self._last >= 0 else 0
        with _reading(self.path, f"group {group}"):
            held = xr.open_zarr(self._session.store, group=group, consolidated=False, chunks=None)
            names = {f.name for f in layout.fields}
            fixed = held.drop_vars([n for n in held.data_vars if n in names]).load()
        fixed = fixed.isel({layout.along: slice(0, done)}, missing_dims="ignore")
        for field in layout.fields:
            read = self._reader(layout, field.name)
            lazy = indexing.LazilyIndexedArray(_Lazy((done, *field.shape[1:]), field.dtype, read))
            fixed[field.name] = xr.Variable(field.dims, lazy, dict(field.attrs))
        fixed.attrs = {**self.attrs, **fixed.attrs}
        return fixed

    def _reader(self, layout: GroupLayout, name: str) -> Callable[[slice], np.ndarray]:
        where = f"{layout.name}/{name}"

        def consolidated(rows: slice) -> np.ndarray:
            with _reading(self.path, f"{where}, rows {rows.start}-{rows.stop - 1}"):
                return np.asarray(self._root[where][rows])  # type: ignore[index]

        def staged(rows: slice) -> np.ndarray:
            field = next(f for f in layout.fields if f.name == name)
            first, last = rows.start // layout.steps, (rows.stop - 1) // layout.steps
            with _reading(self.path, f"{where}, windows {first}-{last}"):
                missing = [w for w in range(first, last + 1) if w not in self._cache]
                fresh: dict[int, np.ndarray] = {}
                if missing:
                    low, high = missing[0], missing[-1] + 1
                    fresh = dict(enumerate(_records(self._root, self.layout, low, high), start=low))
            records = [fresh[w] if w in fresh else self._cache[w] for w in range(first, last + 1)]
            if (len(self._cache) + len(fresh)) * self.layout.nbytes > _CACHE_BYTES:
                self._cache.clear()
            if len(fresh) * self.layout.nbytes <= _CACHE_BYTES:
                self._cache |= fresh
            values = unpack(field, records)
            return values[rows.start - first * layout.steps : rows.stop - first * layout.steps]

        return consolidated if self.consolidated else staged

    def verify(self) -> dict[str, int]:
        """Reads everything. Returns values by group; raises `StoreDamaged` at the first damage."""
        return {g: sum(int(v.load().size) for v in self.dataset(g).variables.values()) for g in self.groups}

    def content_hash(self) -> str:
        """sha256 of decoded arrays, coordinates, dimensions and attributes: the same for the same results,
        whatever the names of objects on disk, whether consolidated or not."""
        digest = hashlib.sha256(json.dumps(plain_attrs(self.attrs), sort_keys=True, default=str).encode())
        for group in sorted(self.groups):
            ds = self.dataset(group)
            for name in sorted(map(str, ds.variables)):
                var = ds.variables[name]
                head = [group, name, list(var.dims), list(var.shape), str(var.dtype), plain_attrs(var.attrs)]
                digest.update(json.dumps(head, sort_keys=True, default=str).encode())
                rows = var.shape[0] if var.ndim else 0
                if rows == 0 or var.dtype.kind in "OTU":
                    digest.update(_plain_bytes(var.values))
                    continue
                for low in range(0, rows, 65536):
                    digest.update(np.ascontiguousarray(var[low : low + 65536].values).tobytes())
        return digest.hexdigest()


def open_store(path: str | Path, *, tag: str | None = None) -> Store:
    """Opens the store in folder `path` for reading, at its newest commit or at `tag`."""
    return Store(path, tag=tag)


def _plain_bytes(values: np.ndarray) -> bytes:
    if values.dtype.kind in "OTU":  # the bytes of an object array are addresses
        return json.dumps(values.tolist()).encode()
    return values.tobytes()


def _records(root: zarr.Group, layout: Layout, first: int, stop: int) -> np.ndarray:
    block = np.asarray(root[_RECORDS][first:stop])  # type: ignore[index]
    for i, record in enumerate(block):
        if not layout.check_header(first + i, record):
            raise ValueError(f"record {first + i} is not that of its window")
    return block


def _check_format(path: Path, attrs: Mapping[str, Any]) -> None:
    found = attrs.get("elterra_format")
    if not isinstance(found, int):
        raise StoreError(f"{path}: not a store of elterra (no format version)")
    if found > FORMAT:
        raise StoreError(
            f"{path}: format {found} was written by a newer elterra; this one reads up to {FORMAT}. Upgrade."
        )
    if found < FORMAT:
        raise StoreError(
            f"{path}: format {found} is older than {FORMAT}; run StoreWriter.migrate on it once."
        )


def _window_of(repo: icechunk.Repository, snapshot: str) -> int:
    for info in repo.ancestry(snapshot_id=snapshot):
        if "window" in info.metadata:
            return int(info.metadata["window"])
    return -1


class StoreWriter:
    """The one committer of a store. Holds the file lock until `close` (or the end of a ``with`` block)."""

    def __init__(self, path: Path, lock: filelock.FileLock) -> None:
        """Not for callers: use `create` or `open`."""
        self.path, self._lock = path, lock
        try:
            self._repo = icechunk.Repository.open(_storage(path))
            store = Store(path)
        except BaseException:
            lock.release()
            raise
        self.layout, self.consolidated = store.layout, store.consolidated
        self._last = store.last_window()

    @classmethod
    def create(
        cls,
        path: str | Path,
        templates: Mapping[str, xr.Dataset],
        *,
        windows: int,
        steps: Mapping[str, int],
        attrs: Mapping[str, Any] | None = None,
    ) -> StoreWriter:
        """Makes an empty store.

        `templates`: group name -> dataset with the whole leading dimension (``time``, else ``window``).
        Coordinates, and data variables without the leading dimension, are written now with their values; data
        variables with it give name, type, shape and attributes only (use ``np.broadcast_to`` to save memory).
        `steps`: rows of each group that one window fills. `attrs`: provenance, kept with every dataset.
        Raises `StoreError` if there is a store already, `StoreLocked` if someone is writing.
        """
        path = Path(path)
        layout = Layout.from_templates(templates, windows, steps)
        lock = _acquire(path)
        try:
            if (path / "refs").is_dir():
                raise StoreError(
                    f"{path}: there is a store already; open it with StoreWriter.open or remove it"
                )
            with _writing(path, "the new store", 0, -1):
                # Made aside and renamed: a run killed here leaves no half-made store.
                aside = path.with_name(path.name + ".new")
                shutil.rmtree(aside, ignore_errors=True)
                aside.mkdir(parents=True)
                repo = icechunk.Repository.create(_storage(aside), config=_config())
                repo.save_config()
                session = repo.writable_session("main")
                root = zarr.open_group(session.store, mode="w")
                root.attrs.update(
                    {
                        **plain_attrs(attrs or {}),
                        "elterra_format": FORMAT,
                        "elterra_layout": layout.to_json(),
                        "elterra_consolidated": False,
                    }
                )
                for group in layout.groups:
                    _write_fixed(session.store, group, templates[group.name])
                root.create_array(
                    _RECORDS,
                    shape=(windows, layout.nbytes),
                    chunks=(1, layout.nbytes),
                    dtype="uint8",
                    fill_value=0,
                    compressors=_compressors(4),
                )
                session.commit("layout", metadata={"window": -1})
                if path.exists():
                    path.rmdir()  # an empty folder only
                os.replace(aside, path)
        except BaseException:
            lock.release()
            raise
        return cls(path, lock)

    @classmethod
    def open(cls, path: str | Path) -> StoreWriter:
        """Opens a store to go on with it. Raises `StoreLocked` within seconds if someone else is writing."""
        path = Path(path)
        if not (path / "refs").is_dir():
            raise StoreError(f"{path}: no store here")
        return cls(path, _acquire(path))

    def last_window(self) -> int:
        """Number of the last committed window; -1 if there is none."""
        return self._last

    def commit(self, window: int, data: Mapping[str, Mapping[str, np.ndarray]]) -> str:
        """Writes `window` (``{group: {variable: [step, ...]}}``) as one commit and returns its id.

        Windows come in order. On an error nothing of the window is visible and the call can be repeated.
        """
        if self.consolidated:
            raise StoreError(f"{self.path}: the store is complete and consolidated; rewind it to write again")
        if window != self._last + 1 or window >= self.layout.windows:
            raise StoreError(
                f"{self.path}: window {window} is not the next one; the store holds {self._last + 1} of "
                f"{self.layout.windows} windows. Rewind it, or go on with window {self._last + 1}."
            )
        record = self.layout.pack(window, data)
        with _writing(self.path, f"window {window}", record.nbytes, self._last):
            session = self._repo.writable_session("main")
            zarr.open_array(session.store, path=_RECORDS, mode="r+")[window] = record
            snapshot = session.commit(f"window {window}", metadata={"window": window})
        self._last = window
        return snapshot

    def rewind(self, window: int) -> None:
        """Makes `window` the last one again (-1: none). Later windows are gone from the main branch."""
        if window > self._last:
            raise StoreError(f"{self.path}: cannot rewind to window {window}: the last one is {self._last}")
        with _writing(self.path, f"the rewind to window {window}", 0, self._last):
            for info in self._repo.ancestry(branch="main"):
                found = info.metadata.get("window")
                if found is not None and int(found) == window and not info.metadata.get("consolidated"):
                    self._repo.reset_branch("main", info.id)
                    self._last, self.consolidated = window, False
                    return
        raise StoreError(
            f"{self.path}: window {window} is not in the history any more (the store was compacted)"
        )

    def consolidate(self, windows_per_chunk: int = 366) -> str:
        """Rewrites the records into one array a variable, chunked by `windows_per_chunk` windows; one commit.

        A store that is consolidated already is left alone.
        """
        if self.consolidated:
            return str(self._repo.lookup_branch("main"))
        if self._last != self.layout.windows - 1:
            raise StoreError(
                f"{self.path}: {self._last + 1} of {self.layout.windows} windows are there; "
                "consolidate when all are"
            )
        k = max(1, min(windows_per_chunk, self.layout.windows, _BLOCK_BYTES // self.layout.nbytes))
        size = self.layout.windows * self.layout.nbytes
        with _writing(self.path, "the consolidated arrays", size, self._last):
            session = self._repo.writable_session("main")
            root = zarr.open_group(session.store, mode="r+")
            targets = []
            for group in self.layout.groups:
                parent = root[group.name]
                for f in group.fields:
                    array = parent.create_array(  # type: ignore[union-attr]
                        f.name,
                        shape=(group.total, *f.shape[1:]),
                        chunks=(min(k * group.steps, group.total), *f.shape[1:]),
                        dtype=f.dtype,
                        fill_value=np.nan if np.dtype(f.dtype).kind == "f" else 0,
                        compressors=_compressors(np.dtype(f.dtype).itemsize),
                        dimension_names=f.dims,
                        attributes=dict(f.attrs),
                    )
                    targets.append((group, f, array))
            for low in range(0, self.layout.windows, k):
                high = min(low + k, self.layout.windows)
                with _reading(self.path, f"windows {low}-{high - 1}"):
                    block = _records(root, self.layout, low, high)
                for group, f, array in targets:
                    rows = slice(group.rows(low).start, group.rows(high - 1).stop)
                    array[rows] = unpack(f, block)[: rows.stop - rows.start]
            del root[_RECORDS]
            root.attrs["elterra_consolidated"] = True
            meta = {"window": self._last, "consolidated": True}
            snapshot = session.commit("consolidated", metadata=meta)
        self.consolidated = True
        return snapshot

    def compact(self) -> int:
        """Forgets the commits of single windows and frees their space; returns the bytes freed.

        Afterwards the store cannot be rewound. Tagged versions stay readable.
        """
        now = datetime.now(UTC)
        with _writing(self.path, "the compacted store", 0, self._last):
            self._repo.expire_snapshots(older_than=now)
            return int(self._repo.garbage_collect(now).bytes_deleted)

    def tag(self, name: str) -> None:
        """Names the newest commit for good."""
        if name in self._repo.list_tags():
            raise StoreError(f"{self.path}: there is a tag {name!r} already; tags are not moved")
        with _writing(self.path, f"tag {name}", 0, self._last):
            self._repo.create_tag(name, snapshot_id=self._repo.lookup_branch("main"))

    @staticmethod
    def migrate(path: str | Path) -> int:
        """Brings an older store to the format of this version, step by step; returns the steps taken."""
        path = Path(path)
        lock = _acquire(path)
        try:
            repo = icechunk.Repository.open(_storage(path))
            done = 0
            while True:
                session = repo.writable_session("main")
                root = zarr.open_group(session.store, mode="r+")
                found = int(root.attrs["elterra_format"])  # type: ignore[arg-type]
                if found >= FORMAT:
                    return done
                if found not in _MIGRATIONS:
                    raise StoreError(f"{path}: no way is known from format {found} to {FORMAT}")
                _MIGRATIONS[found](root)
                root.attrs["elterra_format"] = found + 1
                window = _window_of(repo, session.snapshot_id)
                session.commit(f"format {found + 1}", metadata={"window": window})
                done += 1
        finally:
            lock.release()

    def close(self) -> None:
        self._lock.release()

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _write_fixed(store: Any, group: GroupLayout, template: xr.Dataset) -> None:
    fixed = template.drop_vars([f.name for f in group.fields]).load()
    # Zarr v3 has no agreed type for strings of fixed length; it has one for strings of any length.
    texts = {n: v.astype(object) for n, v in fixed.variables.items() if v.dtype.kind == "U"}
    fixed = fixed.assign_coords({n: v for n, v in texts.items() if n in fixed.coords})
    fixed = fixed.assign({n: v for n, v in texts.items() if n not in fixed.coords})
    encoding: dict[Any, dict[str, Any]] = {}
    for name, var in fixed.variables.items():
        encoding[name] = {"chunks": var.shape} if var.ndim and 0 not in var.shape else {}
        itemsize = 1 if var.dtype.kind in "OT" else var.dtype.itemsize
        encoding[name]["compressors"] = _compressors(itemsize)
        if var.dtype.kind == "M":
            encoding[name] |= {"units": "seconds since 1970-01-01 00:00:00", "dtype": "int64"}
    fixed.to_zarr(store, group=group.name, mode="a", consolidated=False, zarr_format=3, encoding=encoding)


def _acquire(path: Path) -> filelock.FileLock:
    try:
        return acquire(path, "writing to this store")
    except Locked as error:
        raise StoreLocked(str(error)) from None
    except ElterraError as error:
        raise StoreWriteError(str(error)) from error


@contextmanager
def _writing(path: Path, what: str, nbytes: int, last: int) -> Iterator[None]:
    try:
        yield
    except ElterraError:
        raise
    except Exception as error:
        try:
            free = f"{shutil.disk_usage(path if path.exists() else path.parent).free} bytes free"
        except OSError:
            free = "free space unknown"
        kept = f"windows 0-{last} are intact" if last >= 0 else "no window was written before"
        raise StoreWriteError(
            f"{path}: cannot write {what} ({nbytes} bytes; {free}): {_first_line(error)}. {kept}. "
            "Make space or choose another folder, then resume."
        ) from error
