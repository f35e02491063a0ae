"""Held-out regions: blocks of coarse cells, dealt to folds, with a ring around them that no method learns from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from elterra.errors import InputError

Mask = NDArray[np.bool_]


def region_folds(
    coarse: tuple[int, int],
    block: int | tuple[int, int],
    folds: int,
    *,
    has_land: Mask | None = None,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Fold of each coarse cell ``[Y, X]``: blocks of `block` cells a side in random order, so that folds have as many
    blocks with land (`has_land` ``[Y, X]``) each; -1 for blocks without."""
    by, bx = (block, block) if isinstance(block, int) else block
    rows, columns = -(-coarse[0] // by), -(-coarse[1] // bx)
    index = (np.arange(coarse[0]) // by)[:, None] * columns + (np.arange(coarse[1]) // bx)[None, :]
    land = np.ones(coarse, dtype=bool) if has_land is None else has_land
    full = np.flatnonzero(np.bincount(index[land], minlength=rows * columns))
    if len(full) < folds:
        raise InputError(
            f"regions: {len(full)} blocks of {by} x {bx} coarse cells hold land, but there are {folds} folds; "
            "take smaller blocks or fewer folds"
        )
    fold = np.full(rows * columns, -1)
    fold[np.random.default_rng(seed).permutation(full)] = np.arange(len(full)) % folds
    return fold[index]


def train_cells(fold: NDArray[np.int64], held: int, ring: int = 1) -> Mask:
    """Cells ``[Y, X]`` a method may learn from while fold `held` is withheld: not in it, nor within `ring` cells of it."""
    out = fold == held
    near = binary_dilation(out, np.ones((3, 3)), iterations=ring) if ring else out
    return ~near & (fold >= 0)


def to_pixels(cells: Mask, factor: int, shape: tuple[int, int]) -> Mask:
    """A mask of coarse cells at the pixels ``[y, x]``."""
    return np.repeat(np.repeat(cells, factor, axis=0), factor, axis=1)[: shape[0], : shape[1]]


def boxes(fold: NDArray[np.int64], held: int, block: int | tuple[int, int]) -> list[tuple[slice, slice]]:
    """The blocks of a fold as slices of coarse cells; blocks cut off at the border are left out."""
    by, bx = (block, block) if isinstance(block, int) else block
    return [
        (slice(i, i + by), slice(j, j + bx))
        for i in range(0, fold.shape[0] - by + 1, by)
        for j in range(0, fold.shape[1] - bx + 1, bx)
        if (fold[i : i + by, j : j + bx] == held).all()
    ]
