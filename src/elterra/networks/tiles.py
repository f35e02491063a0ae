"""A map in tiles of bounded memory: each tile is computed with a halo that is thrown away afterwards.

With a halo as wide as the receptive field, and tiles that begin where windows begin at every level, the tiles give what the
whole map gives, to round-off. A narrower halo is an approximation whose error can be measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.networks.swin import SwinShape

Span = tuple[int, int]


@dataclass(frozen=True)
class Tile:
    """``core``: rows and columns of the map that are kept; ``whole``: those that are computed, which may lie outside of the
    map (there nothing is valid)."""

    core: tuple[Span, Span]
    whole: tuple[Span, Span]


def alignment(shape: SwinShape) -> tuple[int, int]:
    """Cells (latitude, longitude) of which the start of a tile must be a multiple, so that windows of all levels start
    where they start in the whole map."""
    h, w = (p * shape.coarsest * n for p, n in zip(shape.patch[1:], shape.window[1:], strict=True))
    return h, w


def reach(shape: SwinShape, core: Span, axis: int) -> Span:
    """Cells along an axis (1 latitude, 2 longitude) on which the outputs of the cells ``core`` (from, to) depend."""
    patch, window = shape.patch[axis], shape.window[axis]
    low, high = core[0] - 1, core[1] + 1  # the convolution at the end
    low, high = low // patch, -(-high // patch)
    levels = len(shape.depths) - 1
    span = (low, high)
    for i in range(levels):  # from the last level on the way up to the bottom
        span = _blocks(span, window, shape.depths[i])
        span = (span[0] // 2, -(-span[1] // 2))  # covers what the skip of this level needs
    span = _blocks(span, window, shape.depths[-1])
    for i in reversed(range(levels)):
        span = _blocks((2 * span[0], 2 * span[1]), window, shape.depths[i])
    return span[0] * patch, span[1] * patch


def _blocks(span: Span, window: int, depth: int) -> Span:
    """What the input of a level's blocks must hold so that ``span`` of their output is known."""
    low, high = span
    for i in reversed(range(depth)):
        shift = window // 2 if i % 2 else 0
        low = (low - shift) // window * window + shift
        high = -(-(high - shift) // window) * window + shift
    return low, high


def exact_halo(shape: SwinShape) -> tuple[int, int]:
    """Halo (latitude, longitude) in cells, a multiple of `alignment`, with which tiles equal the whole."""
    found = []
    for axis, step in zip((1, 2), alignment(shape), strict=True):
        low, high = reach(shape, (0, step), axis)
        found.append(-(-max(-low, high - step) // step) * step)
    return found[0], found[1]


def tiles_of(size: tuple[int, int], core: tuple[int, int], halo: tuple[int, int]) -> Iterator[Tile]:
    """Tiles that cover a map of ``size`` (latitude, longitude), all of the same shape, so that one program serves all."""
    for i in range(0, size[0], core[0]):
        for j in range(0, size[1], core[1]):
            inner = ((i, min(i + core[0], size[0])), (j, min(j + core[1], size[1])))
            outer = ((i - halo[0], i + core[0] + halo[0]), (j - halo[1], j + core[1] + halo[1]))
            yield Tile(inner, outer)


def crop(x: NDArray, tile: Tile, axes: tuple[int, int]) -> NDArray:
    """The computed part of a map; zeros (False) where it lies outside of the map. ``axes``: of latitude, longitude."""
    index: list[slice] = [slice(None)] * x.ndim
    pads = [(0, 0)] * x.ndim
    for axis, (low, high) in zip(axes, tile.whole, strict=True):
        inside = max(low, 0), min(high, x.shape[axis])
        index[axis] = slice(*inside)
        pads[axis] = inside[0] - low, high - inside[1]
    part = x[tuple(index)]
    return np.pad(part, pads) if any(p != (0, 0) for p in pads) else part


def in_tiles(
    compute: Callable[[Tile], dict[str, NDArray]],
    size: tuple[int, int],
    *,
    core: tuple[int, int],
    halo: tuple[int, int],
    axes: dict[str, tuple[int, int]],
    aligned: tuple[int, int] = (1, 1),
) -> dict[str, NDArray]:
    """Runs ``compute`` on every tile and puts the cores together.

    ``compute`` gives named arrays of the whole tile; ``axes`` says which axes of each are latitude and longitude.
    ``aligned``: `alignment` of the network; core and halo must be multiples of it.
    """
    for name, given in (("core", core), ("halo", halo)):
        if any(n % a for n, a in zip(given, aligned, strict=True)):
            raise ValueError(
                f"tiles: {name} {given} must be multiples of {aligned} cells, so that windows lie as in the whole map"
            )
    if min(core) < 1:
        raise ValueError(f"tiles: core must have cells; got {core}")
    result: dict[str, NDArray] = {}
    for tile in tiles_of(size, core, halo):
        for name, values in compute(tile).items():
            across = axes[name]
            if name not in result:
                shape = list(values.shape)
                for axis, n in zip(across, size, strict=True):
                    shape[axis] = n
                result[name] = np.empty(shape, values.dtype)
            source: list[slice] = [slice(None)] * values.ndim
            target: list[slice] = [slice(None)] * values.ndim
            for axis, (low, high), (start, _) in zip(across, tile.core, tile.whole, strict=True):
                source[axis] = slice(low - start, high - start)
                target[axis] = slice(low, high)
            result[name][tuple(target)] = values[tuple(source)]
    return result
