"""One door to all readers."""

from pathlib import Path
from typing import Protocol

import xarray as xr

from elterra.observations._errors import TimeAxisError, UnknownFormatError
from elterra.observations._files import read_text
from elterra.observations._read_davos import read_davos
from elterra.observations._read_fluxnet import looks_like_fluxnet, read_fluxnet
from elterra.observations._read_table import ColumnMap, read_alma, read_table

READERS = ("fluxnet", "alma", "table", "davos")


class ClockLike(Protocol):
    """What a reader needs of a site."""

    @property
    def utc_offset_h(self) -> float: ...


def detect(path: Path, columns: ColumnMap | None = None) -> str:
    """Name of the reader for a file; UnknownFormatError with the choices if none fits."""
    if columns is not None:
        return "table"
    suffix = path.suffix.lower()
    if suffix in (".nc", ".nc4", ".cdf"):
        try:
            with xr.open_dataset(path, decode_times=False) as raw:
                return "davos" if "elterra_format" in raw.attrs else "alma"
        except (OSError, ValueError, RuntimeError):
            return "alma"  # whose own opening says what is wrong
    if suffix in (".csv", ".zip", ".txt"):
        text, _ = read_text(path)
        if looks_like_fluxnet(text.split("\n", 1)[0]):
            return "fluxnet"
    raise UnknownFormatError(
        path.name, "no reader recognises it", f"give a column map, or reader= one of {', '.join(READERS)}"
    )


def open_record(
    path: str | Path,
    reader: str | None = None,
    columns: ColumnMap | None = None,
    site: ClockLike | None = None,
    *,
    label: str | None = None,
    member: str | None = None,
) -> xr.Dataset:
    """Open a measured record in the normal form.

    Parameters
    ----------
    path : FLUXNET/ICOS CSV or zip, ALMA NetCDF, CSV or Parquet with `columns`, or the packaged extract
    reader : one of READERS; recognised if None
    site : gives the clock of local standard time (FLUXNET and ALMA need it)

    Returns a Dataset [time] in UTC (interval starts); `attrs['report']` counts what was refused. Raises
    RecordError and its kinds, all InputError.
    """
    path = Path(path)
    kind = reader or detect(path, columns)
    if kind == "davos":
        return read_davos(path)
    if kind == "table":
        if columns is None:
            raise UnknownFormatError(path.name, "a plain table says nothing of itself", "give a ColumnMap")
        return read_table(path, columns)
    if kind not in READERS:
        raise UnknownFormatError(path.name, f"no reader {kind!r}", f"use one of {', '.join(READERS)}")
    if site is None:
        raise TimeAxisError(
            path.name, "local standard time without a site", "give the site (its utc_offset_h)"
        )
    if kind == "alma":
        return read_alma(path, utc_offset_h=site.utc_offset_h)
    return read_fluxnet(path, utc_offset_h=site.utc_offset_h, member=member, label=label)
