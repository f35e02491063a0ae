"""How the variables of one window are packed into one record of the store.

While a run goes on, every finished window is one small record: one chunk, one commit. A record holds a header
and then, group by group and variable by variable, the bytes of the window. Fifty variables in fifty chunk
files a window would cost fifty times the file operations, and a manifest that grows by fifty entries a day.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from elterra.errors import InputError

#: bytes before the data of a record: window number (int64) and the first 8 bytes of the layout's hash
HEADER = 16


@dataclass(frozen=True, slots=True)
class FieldLayout:
    """One variable in a record: ``shape`` is that of one full window, steps first."""

    name: str
    dims: tuple[str, ...]
    dtype: str
    shape: tuple[int, ...]
    offset: int
    nbytes: int
    attrs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GroupLayout:
    """One group: ``total`` rows along ``along``, ``steps`` of them in each window (fewer in the last)."""

    name: str
    along: str
    steps: int
    total: int
    fields: tuple[FieldLayout, ...]

    def rows(self, window: int) -> slice:
        """Rows of the group that `window` fills."""
        return slice(window * self.steps, min((window + 1) * self.steps, self.total))


@dataclass(frozen=True)
class Layout:
    """The record of a store."""

    windows: int
    nbytes: int
    groups: tuple[GroupLayout, ...]

    def group(self, name: str) -> GroupLayout:
        for item in self.groups:
            if item.name == name:
                return item
        raise InputError(f"the store has no group {name!r}; it has {[g.name for g in self.groups]}")

    @cached_property
    def digest(self) -> bytes:
        """First 8 bytes of the sha256 of the layout; stands in every record."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).digest()[:8]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Layout:
        groups = []
        for g in plain["groups"]:
            fields = tuple(
                FieldLayout(
                    f["name"],
                    tuple(f["dims"]),
                    f["dtype"],
                    tuple(f["shape"]),
                    f["offset"],
                    f["nbytes"],
                    f["attrs"],
                )
                for f in g["fields"]
            )
            groups.append(GroupLayout(g["name"], g["along"], g["steps"], g["total"], fields))
        return cls(plain["windows"], plain["nbytes"], tuple(groups))

    @classmethod
    def from_templates(
        cls, templates: Mapping[str, xr.Dataset], windows: int, steps: Mapping[str, int]
    ) -> Layout:
        """Reads names, dimensions, types and attributes of the data variables, not their values."""
        if set(steps) != set(templates):
            raise InputError(
                f"steps must name each group once: groups {sorted(templates)}, steps {sorted(steps)}"
            )
        offset = HEADER
        groups = []
        for name, ds in templates.items():
            along = "time" if "time" in ds.sizes else "window"
            if along not in ds.sizes:
                raise InputError(f"template {name!r} has neither a dimension 'time' nor 'window'")
            total, n = ds.sizes[along], steps[name]
            if not (windows - 1) * n < total <= windows * n:
                raise InputError(
                    f"template {name!r} has {total} rows along {along!r}; {windows} windows of {n} steps "
                    f"need {(windows - 1) * n + 1} to {windows * n}"
                )
            fields = []
            for key, var in ds.data_vars.items():
                if along not in var.dims:
                    continue  # constant in time: written when the store is made
                if var.dims[0] != along:
                    raise InputError(f"template {name!r}: {key!r} must have {along!r} as its first dimension")
                if var.dtype.kind not in "fiub":
                    raise InputError(
                        f"template {name!r}: {key!r} has type {var.dtype}; numbers only in windows"
                    )
                shape = (n, *var.shape[1:])
                nbytes = int(np.prod(shape)) * var.dtype.itemsize
                fields.append(
                    FieldLayout(
                        str(key),
                        tuple(str(d) for d in var.dims),
                        var.dtype.str,
                        shape,
                        offset,
                        nbytes,
                        plain_attrs(var.attrs),
                    )
                )
                offset += -(-nbytes // 8) * 8  # each variable begins at a multiple of 8 bytes
            groups.append(GroupLayout(name, along, n, total, tuple(fields)))
        return cls(windows, offset, tuple(groups))

    def pack(self, window: int, data: Mapping[str, Mapping[str, np.ndarray]]) -> np.ndarray:
        """The record of `window`. Raises `InputError` on a missing, unknown or ill-shaped variable."""
        known = {g.name for g in self.groups if g.fields}
        if set(data) != known:
            raise InputError(f"window {window}: groups given {sorted(data)}, expected {sorted(known)}")
        record = np.zeros(self.nbytes, np.uint8)
        record[:8] = np.frombuffer(np.int64(window).tobytes(), np.uint8)
        record[8:HEADER] = np.frombuffer(self.digest, np.uint8)
        for group in self.groups:
            if not group.fields:
                continue
            given = data[group.name]
            names = {f.name for f in group.fields}
            if set(given) != names:
                missing, extra = sorted(names - set(given)), sorted(set(given) - names)
                raise InputError(f"window {window}, group {group.name!r}: missing {missing}, unknown {extra}")
            rows = group.rows(window)
            n = rows.stop - rows.start
            for field in group.fields:
                values = np.asarray(given[field.name])
                if values.shape != (n, *field.shape[1:]):
                    raise InputError(
                        f"window {window}, {group.name}/{field.name}: shape {values.shape}, "
                        f"expected {(n, *field.shape[1:])}"
                    )
                if not np.can_cast(values.dtype, field.dtype, casting="same_kind"):
                    raise InputError(
                        f"window {window}, {group.name}/{field.name}: type {values.dtype} does not fit "
                        f"into {np.dtype(field.dtype)}"
                    )
                raw = np.ascontiguousarray(values, dtype=field.dtype).reshape(-1).view(np.uint8)
                record[field.offset : field.offset + raw.size] = raw
        return record

    def check_header(self, window: int, record: np.ndarray) -> bool:
        """Whether `record` (uint8) is that of `window` of this layout."""
        head = record[:HEADER].tobytes()
        return head == np.int64(window).tobytes() + self.digest


def unpack(field: FieldLayout, records: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """The variable of `records` (uint8 ``[window][byte]``) as ``[window * step, ...]``."""
    raw = np.stack([r[field.offset : field.offset + field.nbytes] for r in records])
    return raw.view(field.dtype).reshape(len(records) * field.shape[0], *field.shape[1:])


def plain_attrs(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes as JSON can hold them (numpy scalars and arrays become numbers and lists)."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray | np.generic):
            return value.tolist()
        if isinstance(value, Mapping):
            return {str(k): plain(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [plain(v) for v in value]
        return value

    return {str(k): plain(v) for k, v in attrs.items()}
