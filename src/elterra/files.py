"""Files that are either whole or absent: write new, then rename; one holder at a time."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from elterra.errors import ElterraError


class Locked(ElterraError):
    """Another process holds the lock."""


def write_atomically(path: Path, data: bytes | str) -> None:
    """Writes beside `path`, flushes to disk, renames. A reader sees the old file or the new one."""
    raw = data.encode() if isinstance(data, str) else data
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True) if aside.parent.is_dir() else None
        raise ElterraError(f"{path}: cannot write {len(raw)} bytes: {error.strerror or error}") from error
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself
    finally:
        os.close(folder)


def write_json(path: Path, value: Any) -> None:
    """`value` as JSON, atomically. NaN is refused: JSON has none."""
    write_atomically(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The JSON in `path`, or None if there is no such file. A damaged file is an error that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ElterraError(f"{path}: unreadable ({error}). Remove it to have it made again.") from error


def sha256_of(path: Path) -> str:
    """sha256 of a file, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """sha256 of a JSON-able value in canonical form."""
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(plain.encode()).hexdigest()


@contextmanager
def exclusive(path: Path, what: str, timeout: float = 2.0) -> Iterator[None]:
    """Holds the lock file beside `path` (``<name>.lock``); `Locked` after `timeout` seconds of waiting."""
    lock = acquire(path, what, timeout)
    try:
        yield
    finally:
        lock.release()


def acquire(path: Path, what: str, timeout: float = 2.0) -> filelock.FileLock:
    """Takes the lock file of `path`. The lock goes away with the process, even one that is killed."""
    holder = path.with_name(path.name + ".lock-holder")
    lock = filelock.FileLock(str(path.with_name(path.name + ".lock")))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=timeout)
    except filelock.Timeout:
        who = holder.read_text(encoding="utf-8").strip() if holder.exists() else "unknown"
        raise Locked(
            f"{path}: another process is {what} ({who}). Wait for it or stop it; the lock goes away with it."
        ) from None
    except OSError as error:
        raise ElterraError(f"{path}: cannot write here: {error}") from error
    try:
        holder.write_text(f"process {os.getpid()} on {os.uname().nodename}\n", encoding="utf-8")
    except OSError as error:
        lock.release()
        raise ElterraError(f"{path}: cannot write here: {error}") from error
    return lock
