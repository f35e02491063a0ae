"""NetCDF files of CLM as plain arrays: fill values become NaN, times stay numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from elterra.errors import InputError

#: CLM writes 1e36 where a value is missing, restart files also -9999 for integers
HUGE = 1.0e35


class ClmFile(Mapping[str, np.ndarray]):
    """Variables of one file, read when they are asked for.

    Numbers come as float64 (integers stay integers) without fill values: where CLM has none there is NaN.
    """

    def __init__(self, path: Path) -> None:
        import xarray as xr

        if not path.is_file():
            raise InputError(f"{path}: there is no such file; a CLM case needs it")
        self.path = path
        try:
            self._data = xr.open_dataset(path, decode_cf=False)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not a NetCDF file that can be read ({error})") from error

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._data.variables:
            raise KeyError(f"{self.path}: no variable {name!r}")
        item = self._data.variables[name]
        values = np.asarray(item.values)
        if values.dtype.kind != "f":
            return values
        values = values.astype(np.float64)
        missing = np.abs(values) > HUGE
        for key in ("_FillValue", "missing_value"):
            if key in item.attrs:
                missing |= values == float(np.asarray(item.attrs[key]).ravel()[0])
        return np.where(missing, np.nan, values)

    def need(self, name: str) -> np.ndarray:
        """As ``file[name]``, but a missing variable is the user's error."""
        if name not in self._data.variables:
            raise InputError(f"{self.path}: variable {name} is missing")
        return self[name]

    def dims(self, name: str) -> tuple[str, ...]:
        return tuple(str(d) for d in self._data.variables[name].dims)

    def units(self, name: str) -> str:
        return str(self._data.variables[name].attrs.get("units", ""))

    def __iter__(self) -> Iterator[str]:
        return iter(str(n) for n in self._data.variables)

    def __len__(self) -> int:
        return len(self._data.variables)

    def close(self) -> None:
        self._data.close()

    def __enter__(self) -> ClmFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
