"""CLM5 surface data sets and domain files: columns, patches, soil, and the leaf area of twelve months."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elterra.clm._files import ClmFile
from elterra.errors import InputError
from elterra.land import Surface
from elterra.land.soil_heat import from_surface_data

#: days of the months of CLM's calendar
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
NATURAL = 15  #: natural types, bare ground included; crop types follow
#: variables of a surface file that are read here
READ = (
    "SOIL_COLOR", "PCT_SAND", "PCT_CLAY", "ORGANIC", "FMAX", "PCT_NATVEG", "PCT_CROP", "PCT_NAT_PFT", "PCT_CFT",
    "MONTHLY_LAI", "MONTHLY_SAI", "MONTHLY_HEIGHT_TOP", "MONTHLY_HEIGHT_BOT", "LONGXY", "LATIXY", "SLOPE",
    "STD_ELEV", "zbedrock", "PCT_LAKE", "PCT_WETLAND", "PCT_GLACIER", "PCT_URBAN", "abm", "gdp", "peatf",
)  # fmt: skip
_MONTHLY = {
    "tlai": "MONTHLY_LAI",
    "tsai": "MONTHLY_SAI",
    "htop": "MONTHLY_HEIGHT_TOP",
    "hbot": "MONTHLY_HEIGHT_BOT",
}


@dataclass(frozen=True)
class SurfaceData:
    """Vegetated columns of a grid, natural vegetation and generic crops apart, in CLM's order.

    ``cell`` is the grid cell of a column (0-based, longitude fastest), ``cell_weight`` the column's share of the
    vegetated part of its cell, ``crop`` tells crop columns, all ``[column]``; ``monthly`` holds ``tlai, tsai, htop,
    hbot`` ``[12, patch, column]``; ``topo_std`` (m) ``[column]``. ``masked`` is the share (0-1) of lake, wetland,
    glacier and urban land of the cells ``[cell]``, which is not modelled. A column with fewer patches than the
    widest is filled up with bare patches of weight 0.
    """

    surface: Surface
    cell: np.ndarray
    cell_weight: np.ndarray
    crop: np.ndarray
    monthly: dict[str, np.ndarray]
    topo_std: np.ndarray
    masked: np.ndarray
    shape: tuple[int, int]

    @property
    def cells(self) -> int:
        return int(self.shape[0] * self.shape[1])

    def cell_mean(self, values: np.ndarray) -> np.ndarray:
        """``[..., column]`` to the vegetated mean of the cells ``[..., cell]``."""
        out = np.zeros((*values.shape[:-1], self.cells))
        for column, (cell, weight) in enumerate(zip(self.cell, self.cell_weight, strict=True)):
            out[..., cell] += weight * values[..., column]
        return out


def read_surface(
    path: Path, forc_hgt: float | np.ndarray, elevation: float = 0.0, patches: int = 1
) -> SurfaceData:
    """Columns of a CLM5 surface file (``fsurdat``). ``forc_hgt`` (m) is that of the forcing, number or ``[cell]``;
    ``patches`` is the least number of patches a column is filled up to."""
    with ClmFile(path) as file:
        shape = file.need("PCT_NATVEG").shape
        natveg, crop = (file.need(n).ravel() for n in ("PCT_NATVEG", "PCT_CROP"))
        nat = _cells(file.need("PCT_NAT_PFT"))
        cft = _cells(file.need("PCT_CFT"))
        other = sum(_cells(file[n]).sum(axis=0) if file[n].ndim == 3 else file[n].ravel()
                    for n in ("PCT_LAKE", "PCT_WETLAND", "PCT_GLACIER", "PCT_URBAN") if n in file)  # fmt: skip
        if nat.shape[0] != NATURAL:
            raise InputError(f"{path}: PCT_NAT_PFT has {nat.shape[0]} types, CLM5 has {NATURAL}")
        _full(path, "PCT_NAT_PFT", nat, natveg)
        _full(path, "PCT_CFT", cft, crop)
        columns: list[tuple[int, float, bool, list[tuple[int, float]]]] = []
        for cell in range(natveg.size):
            total = natveg[cell] + crop[cell]
            if total <= 0.0:
                raise InputError(f"{path}: cell {cell} has neither natural vegetation nor crops to model")
            for is_crop, share, types, first in ((False, natveg, nat, 0), (True, crop, cft, NATURAL)):
                if share[cell] > 0.0:
                    here = [(first + i, w / 100.0) for i, w in enumerate(types[:, cell]) if w > 0.0]
                    columns.append((cell, share[cell] / total, is_crop, here))
        patches = max(patches, *(len(c[3]) for c in columns))
        pft, wt = np.zeros((patches, len(columns)), int), np.zeros((patches, len(columns)))
        for i, (_, _, _, here) in enumerate(columns):
            for j, (kind, weight) in enumerate(here):
                pft[j, i], wt[j, i] = kind, weight
        wt /= wt.sum(axis=0)
        at = np.array([c[0] for c in columns])

        def of(name: str, default: float | None = None) -> np.ndarray:
            if name not in file and default is not None:
                return np.full(at.size, default)
            return file.need(name).ravel().astype(float)[at]

        def profile(name: str) -> np.ndarray:
            return from_surface_data(_cells(file.need(name))[:, at])

        surface = Surface(
            lat=of("LATIXY"),
            lon=of("LONGXY"),
            elevation=np.full(at.size, elevation),
            forc_hgt=np.broadcast_to(np.asarray(forc_hgt, float), (natveg.size,))[at],
            topo_slope=np.maximum(of("SLOPE"), 0.2),  # CLM's least slope, degrees
            fmax=of("FMAX"),
            zbedrock=of("zbedrock"),
            soil_color=of("SOIL_COLOR").astype(int),
            sand=profile("PCT_SAND"),
            clay=profile("PCT_CLAY"),
            organic=profile("ORGANIC"),
            pft=pft,
            wt=wt,
            abm=of("abm", 13.0),
            gdp=of("gdp", 0.0),
            peatf=of("peatf", 0.0),
        )
        monthly = {}
        for ours, name in _MONTHLY.items():
            values = file.need(name)
            values = values.reshape(*values.shape[:2], -1)[:, :, at]
            monthly[ours] = np.take_along_axis(values, pft[None], axis=1) * (pft > 0)
    return SurfaceData(
        surface=surface,
        cell=at,
        cell_weight=np.array([c[1] for c in columns]),
        crop=np.array([c[2] for c in columns]),
        monthly=monthly,
        topo_std=_std(path, at),
        masked=np.asarray(other, float) / 100.0,
        shape=(int(shape[0]), int(shape[1])),
    )


def _std(path: Path, at: np.ndarray) -> np.ndarray:
    with ClmFile(path) as file:
        return file["STD_ELEV"].ravel()[at] if "STD_ELEV" in file else np.zeros(at.size)


def _cells(values: np.ndarray) -> np.ndarray:
    """``[layer, lat, lon]`` to ``[layer, cell]``."""
    return values.reshape(values.shape[0], -1).astype(float)


def _full(path: Path, name: str, types: np.ndarray, share: np.ndarray) -> None:
    total = types.sum(axis=0)
    if np.any((share > 0.0) & (np.abs(total - 100.0) > 1.0e-3)):
        raise InputError(f"{path}: {name} must sum to 100 in every cell; got {total.min()} to {total.max()}")


def monthly_at(monthly: dict[str, np.ndarray], month: int, day: int) -> dict[str, np.ndarray]:
    """Leaf and stem area and heights of a date (``month``, ``day`` from 1) ``[patch, column]``.

    Linear between the middles of months (CLM5 tech note, Ecosystem; ``interpMonthlyVeg``).
    """
    t = (day - 0.5) / MONTH_DAYS[month - 1]
    before = month - 1 if t < 0.5 else month
    weight = (0.5 - t) if t < 0.5 else (1.5 - t)
    first, second = (before - 1) % 12, before % 12
    return {n: weight * v[first] + (1.0 - weight) * v[second] for n, v in monthly.items()}


def read_domain(path: Path) -> dict[str, np.ndarray]:
    """Longitude, latitude (degrees), mask and land fraction of the cells of a domain file, each ``[cell]``."""
    with ClmFile(path) as file:
        return {n: file.need(n).ravel() for n in ("xc", "yc", "mask", "frac")}


def check_soil(path: Path, p: dict[str, np.ndarray], tolerance: float = 1.0e-4) -> dict[str, float]:
    """Largest relative difference between the soil constants CLM derived (``soil_constants.nc``) and ours.

    Keys WATSAT, SUCSAT, BSW, HKSAT, ZSOI, DZSOI; values above ``tolerance`` mean other pedotransfer functions.
    """
    with ClmFile(path) as file:
        out = {}
        for name, ours in (("WATSAT", "watsat"), ("SUCSAT", "sucsat"), ("BSW", "bsw"), ("HKSAT", "hksat"),
                           ("ZSOI", "zsoi"), ("DZSOI", "dzsoi")):  # fmt: skip
            if name not in file:
                continue
            theirs = file[name].reshape(file[name].shape[0], -1)
            mine = np.asarray(p[ours])
            if theirs.shape[1] not in (1, mine.shape[1]):
                continue
            deep = slice(0, 25 if name in ("ZSOI", "DZSOI") else 20)
            difference = np.abs(mine[deep] / theirs[deep] - 1.0)
            out[name] = float(np.nanmax(difference))
    return out
