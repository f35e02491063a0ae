"""Weights as safetensors: every leaf of a pytree under its name, a JSON header, a checksum over all of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from elterra.errors import InputError
from elterra.files import write_atomically

Tree = TypeVar("Tree")
FORMAT = "elterra-weights-1"


def name_of(path: tuple[Any, ...]) -> str:
    """A path of JAX as a dotted name: ``down.0.blocks.1.attention.project.weight``."""
    parts = (getattr(k, "name", None) or str(getattr(k, "idx", getattr(k, "key", k))) for k in path)
    return ".".join(str(p).lstrip(".") for p in parts)


def named_leaves(tree: Any) -> dict[str, NDArray]:
    """Arrays of a pytree by name, on the host. What is no array (functions, sizes) is left out."""
    leaves = jax.tree_util.tree_flatten_with_path(eqx.filter(tree, eqx.is_array))[0]
    named = {name_of(path): np.asarray(leaf) for path, leaf in leaves}
    if len(named) != len(leaves):
        raise ValueError("weights: two leaves of the tree have the same name")
    return named


def fill(tree: Tree, arrays: Mapping[str, NDArray], where: str = "weights") -> Tree:
    """``tree`` with its arrays replaced by those of the same names. Names, shapes and types must all agree."""
    expected = named_leaves(tree)
    missing, surplus = sorted(expected.keys() - arrays.keys()), sorted(arrays.keys() - expected.keys())
    if missing or surplus:
        raise InputError(
            f"{where}: not the weights of this network; missing {missing[:3]} ({len(missing)}), "
            f"not known {surplus[:3]} ({len(surplus)}). Build the network with the sizes the weights were made with."
        )
    for name, value in expected.items():
        got = arrays[name]
        if got.shape != value.shape or got.dtype != value.dtype:
            raise InputError(
                f"{where}: {name} must be {value.dtype}{list(value.shape)}; got {got.dtype}{list(got.shape)}"
            )
    dynamic, static = eqx.partition(tree, eqx.is_array)
    flat, structure = jax.tree_util.tree_flatten_with_path(dynamic)
    new = [jax.numpy.asarray(arrays[name_of(path)]) for path, _ in flat]
    result: Tree = eqx.combine(jax.tree_util.tree_unflatten(structure, new), static)
    return result


def write_tensors(path: Path, arrays: Mapping[str, NDArray], header: Mapping[str, Any] | None = None) -> None:
    """Writes named arrays and a JSON header, new then renamed."""
    plain = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    words = json.dumps(dict(header or {}), sort_keys=True, allow_nan=False)
    metadata = {"format": FORMAT, "header": words, "sha256": _digest(plain, words)}
    write_atomically(path, _in_order(save(plain, metadata)))


def _in_order(raw: bytes) -> bytes:
    """The same file with the entries of its index sorted: the library writes them in an order that differs from call to
    call."""
    size = int.from_bytes(raw[:8], "little")
    index = json.dumps(json.loads(raw[8 : 8 + size]), sort_keys=True, separators=(",", ":")).encode()
    index += b" " * (-len(index) % 8)
    return len(index).to_bytes(8, "little") + index + raw[8 + size :]


def read_tensors(path: Path) -> tuple[dict[str, NDArray], dict[str, Any]]:
    """Arrays and header of `write_tensors`. A file with a wrong bit is an error."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        size = int.from_bytes(raw[:8], "little")
        metadata = json.loads(raw[8 : 8 + size])["__metadata__"]
        words, expected, form = metadata["header"], metadata["sha256"], metadata["format"]
        arrays: dict[str, NDArray] = load(raw)
    except Exception as error:
        raise InputError(
            f"{path}: no weights of elterra, or damaged ({error}). Get or make the file again."
        ) from error
    if form != FORMAT:
        raise InputError(f"{path}: format {form!r}; this version reads {FORMAT!r}")
    if _digest(arrays, words) != expected:
        raise InputError(f"{path}: checksum does not match; the file is damaged. Get or make it again.")
    return arrays, json.loads(words)


def _digest(arrays: Mapping[str, NDArray], words: str) -> str:
    """sha256 over names, types, shapes and bits of all arrays and the header."""
    total = hashlib.sha256(words.encode())
    for name in sorted(arrays):
        value = arrays[name]
        total.update(f"\0{name}\0{value.dtype.str}\0{value.shape}\0".encode())
        total.update(value.tobytes())
    return total.hexdigest()
