"""Domains of any size by overlapping tiles whose denoised fields are blended at every step, so that no seam shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling._jax import jnp
from elterra.downscaling.nets.preconditioning import Denoiser
from elterra.errors import InputError


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """First pixels of tiles that cover `length`; the last one ends at the border."""
    if tile >= length:
        return [0]
    if not 0 <= overlap < tile:
        raise InputError(f"tiles of {tile} pixels cannot overlap by {overlap}; expected 0 to {tile - 1}")
    count = -(-(length - overlap) // (tile - overlap))
    return sorted({min(k * (tile - overlap), length - tile) for k in range(count)})


def tiled(
    denoise_tile: Callable[[Any, Any, tuple[slice, slice]], Any],
    shape: tuple[int, int],
    tile: int,
    overlap: int,
    crop: int = 2,
) -> Denoiser:
    """A denoiser of the whole domain ``[..., y, x]`` from one of tiles: ``denoise_tile(x, sigma, place)``.

    `crop` pixels at the inner borders of a tile are not used; over the rest of the overlap the tiles fade into each other.
    The noise is that of the domain, so that tiles agree on it.
    """
    if overlap < 2 * crop + 1:
        raise InputError(
            f"tiles: overlap {overlap} with crop {crop}; expected an overlap of at least {2 * crop + 1}"
        )
    ys, xs = (starts(n, tile, overlap) for n in shape)
    down, across = (_fades(n, at, tile, overlap, crop) for n, at in zip(shape, (ys, xs), strict=True))
    windows = [np.multiply.outer(wy, wx) for wy in down for wx in across]
    places = [(slice(y, min(y + tile, shape[0])), slice(x, min(x + tile, shape[1]))) for y in ys for x in xs]

    def denoise(x: Any, sigma: Any) -> Any:
        out = jnp.zeros_like(x)
        for place, window in zip(places, windows, strict=True):
            part = denoise_tile(x[(..., *place)], sigma, place)
            out = out.at[(..., *place)].add(part * window)
        return out

    return denoise


def _fades(length: int, begins: list[int], tile: int, overlap: int, crop: int) -> list[NDArray[np.float64]]:
    """Weights of the tiles along one axis; they sum to one at every pixel."""
    raw = []
    for start in begins:
        size = min(tile, length - start)
        position = np.arange(size) + 0.5
        ramp = max(overlap - 2 * crop, 1)
        up = np.ones(size) if start == 0 else np.clip((position - crop) / ramp, 0.0, 1.0)
        down = np.ones(size) if start + size == length else np.clip((size - position - crop) / ramp, 0.0, 1.0)
        raw.append(np.minimum(up, down))
    total = np.zeros(length)
    for start, w in zip(begins, raw, strict=True):
        total[start : start + len(w)] += w
    return [w / total[start : start + len(w)] for start, w in zip(begins, raw, strict=True)]


def seam_ratio(field: NDArray[np.float64], seams: Iterable[int], axis: int = -1) -> float:
    """Mean absolute step across the seams (before the pixels `seams`) over that across all other borders of pixels."""
    step = np.abs(np.diff(field, axis=axis))
    at = np.zeros(step.shape[axis], dtype=bool)
    at[np.asarray(list(seams)) - 1] = True
    return float(np.compress(at, step, axis=axis).mean() / np.compress(~at, step, axis=axis).mean())
