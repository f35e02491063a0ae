"""`Fields`: a named set of arrays that is a JAX pytree.

State, parameters, forcing and fluxes of the land model are `Fields`. Names come from the registry,
so that restart, output and documentation follow from one list; a wrong name fails when a function
is traced, not later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax


@jax.tree_util.register_pytree_with_keys_class
class Fields(Mapping[str, Any]):
    """An immutable mapping name -> array with attribute access: ``s.t_soisno``.

    Leaves are ordered by name, so that two sets with the same names have the same structure.
    """

    __slots__ = ("_data",)

    def __init__(self, data: Mapping[str, Any] | None = None, /, **named: Any) -> None:
        merged = {**(data or {}), **named}
        object.__setattr__(self, "_data", dict(sorted(merged.items())))

    def __getattr__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self, "_data")[name]
        except KeyError:
            raise AttributeError(f"no field {name!r}; there are: {', '.join(self._data)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"Fields are immutable; use .replace({name}=...)")

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        inner = ", ".join(f"{k}{getattr(v, 'shape', '')}" for k, v in self._data.items())
        return f"Fields({inner})"

    def replace(self, **named: Any) -> Fields:
        """The same set with some arrays replaced. Raises KeyError for an unknown name."""
        unknown = set(named) - set(self._data)
        if unknown:
            raise KeyError(f"no field {sorted(unknown)}; there are: {', '.join(self._data)}")
        return Fields(self._data, **named)

    def add(self, **named: Any) -> Fields:
        """The same set with new arrays. Raises KeyError if a name is already taken."""
        taken = set(named) & set(self._data)
        if taken:
            raise KeyError(f"field {sorted(taken)} is already there")
        return Fields(self._data, **named)

    def tree_flatten_with_keys(self) -> tuple[list[tuple[Any, Any]], tuple[str, ...]]:
        names = tuple(self._data)
        return [(jax.tree_util.GetAttrKey(n), self._data[n]) for n in names], names

    def tree_flatten(self) -> tuple[list[Any], tuple[str, ...]]:
        return list(self._data.values()), tuple(self._data)

    @classmethod
    def tree_unflatten(cls, names: tuple[str, ...], leaves: Any) -> Fields:
        new = object.__new__(cls)
        object.__setattr__(new, "_data", dict(zip(names, leaves, strict=True)))
        return new
