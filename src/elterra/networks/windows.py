"""Windows of a box of tokens ``[depth, latitude, longitude]``: their size, shift, cutting, and who may see whom.

Liu et al. (2021, 2022: shifted windows and their second version; 2022: in three dimensions). The domain is regional: no
axis is periodic, so all three are cut at their edges.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int]

#: id of tokens that are padding: nobody's key
PADDING = -1


class Windows(NamedTuple):
    """How a box of tokens is cut: ``shape`` of the box, ``size`` of a window, ``shift`` of the grid of windows."""

    shape: Box
    size: Box
    shift: Box

    @property
    def padded(self) -> Box:
        """Shape after padding the far ends to whole windows."""
        z, h, w = (-(-n // s) * s for n, s in zip(self.shape, self.size, strict=True))
        return z, h, w

    @property
    def number(self) -> int:
        """Windows in the box."""
        return int(np.prod([n // s for n, s in zip(self.padded, self.size, strict=True)]))

    @property
    def tokens(self) -> int:
        """Tokens in a window."""
        return int(np.prod(self.size))


def windows_of(shape: Box, window: Box, *, shifted: bool) -> Windows:
    """Windows of a box: an axis that fits into one window is one window and is not shifted; others are shifted by half
    a window where ``shifted``."""
    if min(shape) < 1 or min(window) < 1:
        raise ValueError(f"windows: shapes must be at least 1 on each axis; got box {shape}, window {window}")
    size = tuple(min(n, w) for n, w in zip(shape, window, strict=True))
    shift = tuple(w // 2 if shifted and n > w else 0 for n, w in zip(shape, window, strict=True))
    return Windows(shape, size, shift)  # type: ignore[arg-type]


def cut(x: jax.Array, win: Windows) -> jax.Array:
    """``[z, h, w, ...]`` to ``[window, token, ...]``: pad with zeros at the far ends, roll back by the shift, cut."""
    rest = x.shape[3:]
    pads = [(0, p - n) for p, n in zip(win.padded, win.shape, strict=True)]
    if any(b for _, b in pads):
        x = jnp.pad(x, [*pads, *[(0, 0)] * len(rest)])
    if any(win.shift):
        x = jnp.roll(x, [-s for s in win.shift], (0, 1, 2))
    (a, b, c), (i, j, k) = win.size, (p // s for p, s in zip(win.padded, win.size, strict=True))
    x = x.reshape(i, a, j, b, k, c, *rest)
    x = jnp.transpose(x, (0, 2, 4, 1, 3, 5, *range(6, 6 + len(rest))))
    return x.reshape(win.number, win.tokens, *rest)


def join(x: jax.Array, win: Windows) -> jax.Array:
    """Undoes `cut`: ``[window, token, ...]`` to ``[z, h, w, ...]``, padding dropped."""
    rest = x.shape[2:]
    (a, b, c), (i, j, k) = win.size, (p // s for p, s in zip(win.padded, win.size, strict=True))
    x = x.reshape(i, j, k, a, b, c, *rest)
    x = jnp.transpose(x, (0, 3, 1, 4, 2, 5, *range(6, 6 + len(rest)))).reshape(*win.padded, *rest)
    if any(win.shift):
        x = jnp.roll(x, win.shift, (0, 1, 2))
    z, h, w = win.shape
    return x[:z, :h, :w]


@lru_cache(maxsize=256)
def region_ids(win: Windows) -> NDArray[np.int32]:
    """Number of the region of each token, ``[window, token]``; two tokens of a window may see each other when theirs
    agree. A window that holds the two ends of a rolled axis has a region for each of them. Padding is `PADDING`."""
    axes = []
    for n, size, shift in zip(win.padded, win.size, win.shift, strict=True):
        place = np.arange(n)
        axes.append((place >= n - size).astype(np.int32) + (place >= n - shift).astype(np.int32))
    ids = (axes[0][:, None, None] * 3 + axes[1][:, None]) * 3 + axes[2]
    inside = np.zeros(win.padded, bool)
    inside[: win.shape[0], : win.shape[1], : win.shape[2]] = True
    inside = np.roll(inside, [-s for s in win.shift], (0, 1, 2))
    ids = np.where(inside, ids, PADDING).astype(np.int32)
    (a, b, c), (i, j, k) = win.size, (p // s for p, s in zip(win.padded, win.size, strict=True))
    ids = ids.reshape(i, a, j, b, k, c).transpose(0, 2, 4, 1, 3, 5).reshape(win.number, win.tokens)
    ids.setflags(write=False)  # shared by all callers
    return ids


def may_attend(win: Windows, valid: jax.Array) -> jax.Array:
    """Whether a query (second axis) may use a key (third): ``[window, token, token]`` bool. ``valid [z, h, w]``: tokens
    that are no ocean and no rock; others are nobody's key."""
    ids = jnp.asarray(region_ids(win))
    key = jnp.where(cut(valid, win), ids, PADDING - 1)  # PADDING - 1 is no query's id
    key = jnp.where(ids == PADDING, PADDING - 1, key)
    return ids[:, :, None] == key[:, None, :]
