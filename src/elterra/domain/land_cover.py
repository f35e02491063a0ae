"""Land cover classes as cover of the ground: the table `land_cover.toml`, and class maps and class shares read with it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from elterra.domain.regrid import Regridder
from elterra.errors import InputError

#: kinds of cover, in the order of all arrays ``[cover, ...]``
KINDS = (
    "needleleaf_evergreen",
    "needleleaf_deciduous",
    "broadleaf_evergreen",
    "broadleaf_deciduous",
    "broadleaf",
    "tree",
    "shrub_evergreen",
    "shrub_deciduous",
    "shrub",
    "grass",
    "bare",
    "crop",
    "urban",
    "glacier",
    "lake",
    "sea",
    "water",
)


@dataclass(frozen=True)
class Scheme:
    """A land cover legend.

    Attributes
    ----------
    codes : class numbers, in the order of `cover`
    labels : their names
    cover : part of a class under each kind, 0..1 ``[class, cover]``
    """

    name: str
    title: str
    source: str
    codes: tuple[int, ...]
    labels: tuple[str, ...]
    cover: np.ndarray

    def code_of(self, label: str) -> int | None:
        """The number of a class by its name (case and spaces do not matter), None where it is not known."""
        key = _plain(label)
        return next(
            (c for c, known in zip(self.codes, self.labels, strict=True) if _plain(known) == key), None
        )


def _plain(label: str) -> str:
    return " ".join(label.lower().split())


@cache
def schemes() -> Mapping[str, Scheme]:
    """The legends of `land_cover.toml`: ``igbp``, ``esa_cci``, ``corine``."""
    table = tomllib.loads((files("elterra") / "domain" / "land_cover.toml").read_text(encoding="utf-8"))
    out = {}
    for name, entry in table.items():
        codes, labels, rows = [], [], []
        for code, row in entry["classes"].items():
            cover = {k: v for k, v in row.items() if k != "name"}
            unknown = set(cover) - set(KINDS)
            if unknown or abs(sum(cover.values()) - 100.0) > 1e-9:
                raise InputError(
                    f"land_cover.toml, {name} class {code}: kinds {sorted(unknown)} are unknown or the sum is not 100"
                )
            codes.append(int(code))
            labels.append(row["name"])
            rows.append([cover.get(kind, 0.0) / 100.0 for kind in KINDS])
        out[name] = Scheme(name, entry["title"], entry["source"], tuple(codes), tuple(labels), np.array(rows))
    return out


def scheme(name: str) -> Scheme:
    """The legend called `name`."""
    known = schemes()
    if name not in known:
        raise InputError(f"land cover legend {name!r} is not known; expected one of {', '.join(known)}")
    return known[name]


def cover_from_classes(
    classes: np.ndarray, legend: Scheme, regrid: Regridder
) -> tuple[np.ndarray, np.ndarray]:
    """Cover ``[cover, ty, tx]`` (sum 1, NaN where no class is known) of a map of classes ``[sy, sx]``, and the
    part of each cell that the map covers."""
    shares, part = regrid.share(classes, legend.codes)
    return np.tensordot(legend.cover.T, shares, axes=1), part


def cover_from_shares(
    shares: np.ndarray, labels: list[str], legend: Scheme, regrid: Regridder
) -> tuple[np.ndarray, np.ndarray]:
    """Cover ``[cover, ty, tx]`` of maps of class shares ``[class, sy, sx]`` (any unit; they are scaled to sum 1),
    and the part of each cell that they cover.

    Raises InputError where a label with a share is not in the legend.
    """
    total = np.nansum(shares, axis=0)
    has = total > 0.0
    rows = []
    for index, label in enumerate(labels):
        code = legend.code_of(label)
        if code is None and not (label.isdigit() and int(label) in legend.codes):
            if label.lower() in ("nan", "nodata", "no data"):
                has = has & ~(np.nan_to_num(shares[index]) > 0.5 * np.where(has, total, 1.0))
                rows.append(np.zeros(len(KINDS)))
                continue
            raise InputError(
                f"land cover class {label!r} is not in the legend {legend.name!r}. Rename it to one of: "
                f"{'; '.join(legend.labels[:5])}; ..."
            )
        rows.append(legend.cover[legend.codes.index(code if code is not None else int(label))])
    cover = np.tensordot(np.array(rows).T, np.nan_to_num(shares), axes=1)
    known = cover.sum(axis=0)
    cover = np.where(has & (known > 0.0), cover / np.where(known > 0.0, known, 1.0), np.nan)
    out, part = regrid.mean(cover)
    return out, part[0]
