"""From cover of the ground and climate to CLM5's natural plant functional types and land units.

Which climate belongs to which type: Bonan, Levis, Kergoat and Oleson (2002), Landscapes as patches of plant
functional types, Global Biogeochemical Cycles 16(2), 1021, the rules behind CLM's surface data. What leaves trees
of unknown kind have is a choice of this package (`_leaves`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from elterra.domain.land_cover import KINDS
from elterra.errors import InputError

#: names of CLM5's natural plant functional types, by number
PFT_NAMES = (
    "bare_ground",
    "needleleaf_evergreen_temperate_tree",
    "needleleaf_evergreen_boreal_tree",
    "needleleaf_deciduous_boreal_tree",
    "broadleaf_evergreen_tropical_tree",
    "broadleaf_evergreen_temperate_tree",
    "broadleaf_deciduous_tropical_tree",
    "broadleaf_deciduous_temperate_tree",
    "broadleaf_deciduous_boreal_tree",
    "broadleaf_evergreen_shrub",
    "broadleaf_deciduous_temperate_shrub",
    "broadleaf_deciduous_boreal_shrub",
    "c3_arctic_grass",
    "c3_non_arctic_grass",
    "c4_grass",
)
LANDUNITS = ("natural", "crop", "urban", "lake", "glacier")

#: degC, of the coldest month
BOREAL_NEEDLELEAF, BOREAL_BROADLEAF, TROPICAL = -19.0, -15.0, 15.5
#: K day above 5 degC: below, trees and shrubs are boreal; grass arctic
BOREAL_GDD, ARCTIC_GDD = 1200.0, 1000.0
#: evergreen shrubs: more than 520 mm a year, more than two thirds of it in winter
SHRUB_PR, SHRUB_WINTER = 520.0, 2.0 / 3.0
#: C4 grass: months above 22 degC have more than 25 mm
C4_TEMPERATURE, C4_PR = 22.0, 25.0


@dataclass(frozen=True)
class Vegetation:
    """What grows on a grid.

    Attributes
    ----------
    pft : parts of the natural land unit ``[15, ...]``, sum 1 (NaN where there is no land)
    landunit : parts of the land ``[5, ...]``, order `LANDUNITS`, sum 1 (NaN where there is no land)
    land : part of the cell that is not sea ``[...]``, NaN where nothing is known
    """

    pft: np.ndarray
    landunit: np.ndarray
    land: np.ndarray


def vegetation(
    cover: np.ndarray,
    climate: Mapping[str, np.ndarray],
    sea: np.ndarray | None = None,
    crops: Literal["mask", "grass"] = "mask",
) -> Vegetation:
    """Land units and plant functional types.

    Parameters
    ----------
    cover : parts of the cell under each of `land_cover.KINDS` ``[cover, ...]``, sum 1 or all NaN
    climate : indices of `bioclimate` ``[...]``
    sea : part of the cell that is sea, for legends that do not tell sea from lake (`water`); the land is never
        more than the rest. Without it `water` counts as lake
    crops : ``mask``: crops are a land unit of their own; ``grass``: they are natural C3 grass
    """
    if crops not in ("mask", "grass"):
        raise InputError(f"crops: {crops!r}; expected 'mask' or 'grass'")
    part = dict(zip(KINDS, np.asarray(cover, float), strict=True))
    if sea is not None:
        as_sea = np.minimum(part["water"], np.maximum(np.nan_to_num(sea) - part["sea"], 0.0))
    else:
        as_sea = np.zeros_like(part["water"])
    part["lake"] = part["lake"] + part["water"] - as_sea
    part["sea"] = part["sea"] + as_sea
    if crops == "grass":
        part["grass"], part["crop"] = part["grass"] + part["crop"], np.zeros_like(part["crop"])
    types = _types(part, climate)
    natural = types.sum(axis=0)
    units = np.stack([natural, part["crop"], part["urban"], part["lake"], part["glacier"]])
    land = units.sum(axis=0)
    if sea is not None:  # a map may know the sea less well than the mask
        land = np.minimum(land, 1.0 - np.nan_to_num(sea))
    # below a thousandth of a cell, what the sums leave of land is round-off of the shares
    is_land = np.nan_to_num(land) > 1e-9
    total = units.sum(axis=0)
    landunit = np.where(is_land, units / np.where(is_land, total, 1.0), np.nan)
    bare = np.zeros_like(types)
    bare[0] = 1.0
    grown = np.nan_to_num(natural) > 1e-9
    pft = np.where(grown, types / np.where(grown, natural, 1.0), bare)
    return Vegetation(np.where(is_land, pft, np.nan), landunit, land)


def _leaves(part: dict[str, np.ndarray], climate: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Trees by leaf with the unknown ones told apart: boreal 70 % needleleaf evergreen and 30 % broadleaf
    deciduous; summer-dry (winter share above two thirds) half needleleaf, half broadleaf evergreen; else 40 % and
    60 %. Broadleaved trees of unknown habit are evergreen where it is summer-dry."""
    boreal = _boreal(climate, BOREAL_NEEDLELEAF)
    dry_summer = ~boreal & (climate["winter_share"] > SHRUB_WINTER)
    tree, broad = part["tree"], part["broadleaf"]
    needle = np.where(boreal, 0.7, np.where(dry_summer, 0.5, 0.4)) * tree
    broad = broad + tree - needle
    evergreen = np.where(dry_summer, broad, 0.0)
    return (
        part["needleleaf_evergreen"] + needle,
        part["needleleaf_deciduous"],
        part["broadleaf_evergreen"] + evergreen,
        part["broadleaf_deciduous"] + broad - evergreen,
    )


def _boreal(climate: Mapping[str, np.ndarray], coldest: float) -> np.ndarray:
    return (climate["coldest"] <= coldest) | (climate["gdd"] <= BOREAL_GDD)


def _types(part: dict[str, np.ndarray], climate: Mapping[str, np.ndarray]) -> np.ndarray:
    """Parts of the cell under each natural plant functional type ``[15, ...]``."""
    needle_evergreen, needle_deciduous, broad_evergreen, broad_deciduous = _leaves(part, climate)
    boreal = _boreal(climate, BOREAL_NEEDLELEAF)
    boreal_broad = _boreal(climate, BOREAL_BROADLEAF)
    tropical = climate["coldest"] > TROPICAL
    evergreen_shrubs = (climate["annual_pr"] > SHRUB_PR) & (climate["winter_share"] > SHRUB_WINTER)
    arctic = climate["gdd"] < ARCTIC_GDD
    warm_and_wet = (climate["warmest"] > C4_TEMPERATURE) & (climate["driest_warm_pr"] > C4_PR)
    all_c4 = (climate["coldest"] > C4_TEMPERATURE) & (climate["driest_pr"] > C4_PR)
    c4 = np.where(arctic | ~warm_and_wet, 0.0, np.where(all_c4, 1.0, 0.5))

    out = np.zeros((len(PFT_NAMES), *np.shape(part["grass"])))
    out[0] = part["bare"]
    out[1], out[2] = _split(needle_evergreen, ~boreal)
    out[3] = needle_deciduous
    out[4], out[5] = _split(broad_evergreen, tropical)
    out[6], rest = _split(broad_deciduous, tropical)
    out[8], out[7] = _split(rest, boreal_broad)
    out[11], evergreen = _split(part["shrub_evergreen"], boreal)
    boreal_shrub, deciduous = _split(part["shrub_deciduous"], boreal)
    out[11] += boreal_shrub
    boreal_shrub, unknown = _split(part["shrub"], boreal)
    out[11] += boreal_shrub
    more_evergreen, more_deciduous = _split(unknown, evergreen_shrubs)
    out[9], out[10] = evergreen + more_evergreen, deciduous + more_deciduous
    out[12], grass = _split(part["grass"], arctic)
    out[14] = c4 * grass
    out[13] = grass - out[14]
    return out


def _split(values: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`values` where `where` holds, and where it does not (0 elsewhere)."""
    return np.where(where, values, 0.0), np.where(where, 0.0, values)
