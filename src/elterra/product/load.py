"""The one module of the room that knows where in a run directory the groups of a product lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

#: opens one group of a run; the pipeline passes its own for a store under version control
OpenGroup = Callable[[str], xr.Dataset]


@dataclass(frozen=True)
class Product:
    """Groups of one run, opened when asked for."""

    open_group: OpenGroup
    name: str = ""

    def __getitem__(self, group: str) -> xr.Dataset:
        data = self.get(group)
        if data is None:
            raise KeyError(f"the run {self.name} has no group {group!r}; did that stage run?")
        return data

    def get(self, group: str) -> xr.Dataset | None:
        """The group, or None where the run does not hold it."""
        try:
            return self.open_group(group)
        except (KeyError, FileNotFoundError):
            return None


def open_product(run: Path | str | Product | OpenGroup) -> Product:
    """A product from a run directory (`product.zarr` in it, or the directory itself), a callable, or as
    it is."""
    if isinstance(run, Product):
        return run
    if callable(run):
        return Product(run)
    root = Path(run)
    inner = root / "product.zarr"
    root = inner if inner.exists() else root
    if not root.exists():
        raise FileNotFoundError(f"no product at {root}")

    def open_group(group: str) -> xr.Dataset:
        return xr.open_zarr(root, group=group, consolidated=False, chunks=None)

    return Product(open_group, str(root))
