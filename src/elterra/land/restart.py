"""Restart files: all of a set of `Fields`, with names, units and checksum, written new-then-renamed."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = "elterra-restart-1"


class RestartError(ValueError):
    """A restart file cannot be used; the text names the file and the reason."""


def write_restart(path: Path, arrays: Mapping[str, Any], header: Mapping[str, Any]) -> None:
    """Write named arrays and a JSON header to ``path``, atomically.

    The old file, if any, stays whole until the new one is on disk. The header may hold anything JSON can say (the
    forcing clock, keys of random numbers, units).
    """
    buffer = io.BytesIO()
    plain: dict[str, Any] = {name: np.asarray(value) for name, value in arrays.items()}
    np.savez(buffer, **plain)
    body = buffer.getvalue()
    head = {"format": FORMAT, "sha256": hashlib.sha256(body).hexdigest(), "header": dict(header)}
    first_line = json.dumps(head, sort_keys=True).encode() + b"\n"
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with temporary.open("wb") as file:
            file.write(first_line + body)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RestartError(
            f"{path}: could not write {len(body)} bytes ({error.strerror}); the previous restart is intact"
        ) from error


def read_restart(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and header of a restart file. Raises `RestartError` if a bit is wrong or a byte is missing."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RestartError(f"{path}: cannot be read ({error.strerror})") from error
    line, _, body = content.partition(b"\n")
    try:
        head = json.loads(line)
        if head["format"] != FORMAT:
            raise RestartError(f"{path}: format {head['format']!r}, this version reads {FORMAT!r}")
        expected = head["sha256"]
        header = head["header"]
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, RestartError):
            raise
        raise RestartError(f"{path}: not an elterra restart file, or its header is damaged") from error
    if hashlib.sha256(body).hexdigest() != expected:
        raise RestartError(f"{path}: checksum does not match; the file is truncated or damaged")
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}, header
