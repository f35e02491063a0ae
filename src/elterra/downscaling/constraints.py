"""Hard constraint layers in JAX: the mean of the pixels of a coarse cell equals the value of the cell, exactly.

Each layer moves all pixels of a cell by one number in the space of a link: the identity (`additive`), the logarithm
(`multiplicative`, `softmax`) or the logit between bounds (`bounded`). Order within a cell is kept and gradients flow
through. After Harder et al. (2023, JMLR 24) and, for the weights and the bounded layer, docs/science/downscaling.md.

Fields are ``[..., *fine]``, cells ``[..., *coarse]``, in units per area of land. Pixels without land are given back as they
came. Nothing is checked here: call `laws.check_targets` before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from elterra.downscaling._jax import jax, jnp
from elterra.downscaling.aggregation import Aggregation

#: of the search for the shift of `bounded`: Newton with a bracket that is halved where Newton leaves it
_ITERATIONS = 80


class _Pixels:
    """The pixels on land of a nested aggregation, flat."""

    def __init__(self, aggregation: Aggregation) -> None:
        aggregation.cell_of_pixel  # noqa: B018  (refuses grids that do not nest)
        self.on_land, self.cell = aggregation.pixel, aggregation.cell
        self.weight, self.cells = jnp.asarray(aggregation.weight), aggregation.cells
        self.fine, self.coarse = aggregation.fine, aggregation.coarse
        self.empty = jnp.asarray(~aggregation.has_land.ravel())

    def take(self, field: Any) -> Any:
        """``[..., *fine]`` to ``[..., land pixel]``."""
        field = jnp.asarray(field, dtype=jnp.float64)
        return field.reshape(*field.shape[: field.ndim - len(self.fine)], -1)[..., self.on_land]

    def bound(self, value: Any) -> Any:
        """A bound that is a number or a field, at the land pixels."""
        value = jnp.asarray(value, dtype=jnp.float64)
        return self.take(value) if value.ndim else value

    def flat(self, cells: Any) -> Any:
        cells = jnp.asarray(cells, dtype=jnp.float64)
        out = cells.reshape(*cells.shape[: cells.ndim - len(self.coarse)], -1)
        return jnp.where(self.empty, 0.0, out)

    def sum(self, values: Any, weight: Any = None) -> Any:
        """Weighted sum over each cell: ``[..., land pixel]`` to ``[..., cell]``."""
        terms = values * (self.weight if weight is None else weight)
        return jnp.zeros((*terms.shape[:-1], self.cells)).at[..., self.cell].add(terms)

    def extreme(self, values: Any, *, largest: bool) -> Any:
        start = jnp.full((*values.shape[:-1], self.cells), -jnp.inf if largest else jnp.inf)
        at = start.at[..., self.cell]
        return at.max(values) if largest else at.min(values)

    def put(self, field: Any, values: Any) -> Any:
        """`values` in place of the land pixels of `field`."""
        field = jnp.asarray(field, dtype=jnp.float64)
        lead = jnp.broadcast_shapes(field.shape[: field.ndim - len(self.fine)], values.shape[:-1])
        flat = jnp.broadcast_to(
            field.reshape(*field.shape[: field.ndim - len(self.fine)], -1), (*lead, int(np.prod(self.fine)))
        )
        return flat.at[..., self.on_land].set(values).reshape(*lead, *self.fine)


def additive(field: Any, coarse: Any, aggregation: Aggregation) -> Any:
    """``y + (Y - sum w y)``: the nearest field (in the norm of w) with the right means; may become negative.

    Takes grids that do not nest as well: the correction of a pixel is then the mean of those of its cells.
    """
    if not aggregation.nested:
        return _project(field, coarse, aggregation)
    p = _Pixels(aggregation)
    y = p.take(field)
    gap = p.flat(coarse) - p.sum(y)
    return p.put(field, y + gap[..., p.cell])


def multiplicative(field: Any, coarse: Any, aggregation: Aggregation) -> Any:
    """``y Y / sum w y`` for y >= 0 and Y >= 0. Where all pixels of a cell are 0 they all get Y."""
    p = _Pixels(aggregation)
    y, target = p.take(field), p.flat(coarse)
    mean = p.sum(y)
    safe = jnp.where(mean > 0, mean, 1.0)
    out = jnp.where((mean > 0)[..., p.cell], y * (target / safe)[..., p.cell], target[..., p.cell])
    return p.put(field, out)


def softmax(logits: Any, coarse: Any, aggregation: Aggregation) -> Any:
    """``Y exp(z) / sum w exp(z)`` for Y >= 0: never negative, whatever the logits."""
    p = _Pixels(aggregation)
    z = p.take(logits)
    top = jax.lax.stop_gradient(p.extreme(z, largest=True))
    e = jnp.exp(z - top[..., p.cell])
    return p.put(logits, e * (p.flat(coarse) / _positive(p.sum(e)))[..., p.cell])


def bounded(
    logits: Any, coarse: Any, aggregation: Aggregation, lower: Any = 0.0, upper: Any = 1.0, weight: Any = None
) -> Any:
    """``L + (U - L) sigmoid(z + shift of the cell)`` with L <= y <= U; bounds are numbers or fields.

    The shift solves a monotone equation in one unknown; its gradient is that of the implicit function (one Newton step
    from the solution). `weight` ``[..., *fine]`` multiplies the weights of the aggregation, so that means are over
    something else than land: N:C over carbon, say; it must not vanish over a whole cell.
    """
    p = _Pixels(aggregation)
    z, target = p.take(logits), p.flat(coarse)
    lo, hi = (jnp.broadcast_to(p.bound(b), z.shape) for b in (lower, upper))
    w = p.weight
    if weight is not None:
        w = w * p.take(weight)
        w = w / _positive(p.sum(jnp.ones_like(w), w))[..., p.cell]
    width = hi - lo
    least, most = p.sum(lo, w), p.sum(hi, w)
    share = (target - least) / _positive(most - least)
    inside = jnp.clip(share, 1e-300, 1.0 - 1e-16)

    def gap(shift: Any) -> tuple[Any, Any]:
        s = jax.nn.sigmoid(z + shift[..., p.cell])
        return p.sum(lo + width * s, w) - target, p.sum(
            width * s * jax.nn.sigmoid(-(z + shift[..., p.cell])), w
        )

    middle = jnp.log(inside) - jnp.log1p(-inside)
    # sigmoid is monotone: with these two shifts all pixels lie below (above) the share
    start = (middle - p.extreme(z, largest=True), middle - p.extreme(z, largest=False))
    start = tuple(jnp.where(p.empty, 0.0, s) for s in start)

    def narrow(_: int, state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        low, high, shift = state
        f, slope = gap(shift)
        low, high = jnp.where(f <= 0, shift, low), jnp.where(f >= 0, shift, high)
        step = shift - f / _positive(slope)
        halved = 0.5 * (low + high)
        return low, high, jnp.where((step > low) & (step < high), step, halved)

    first = 0.5 * (start[0] + start[1])
    shift = jax.lax.stop_gradient(jax.lax.fori_loop(0, _ITERATIONS, narrow, (*start, first))[2])
    f, slope = gap(shift)
    shift = shift - jnp.where(slope > 0, f / _positive(jax.lax.stop_gradient(slope)), 0.0)
    y = lo + width * jax.nn.sigmoid(z + shift[..., p.cell])
    # a cell at its limit has all its pixels there
    y = jnp.where((share <= 0)[..., p.cell], lo, jnp.where((share >= 1)[..., p.cell], hi, y))
    return p.put(logits, y)


def _project(field: Any, coarse: Any, aggregation: Aggregation) -> Any:
    """Least change (in the norm of the land of a pixel) that gives overlapping cells their means; dense solve."""
    a = np.zeros((aggregation.cells, aggregation.pixels))
    a[aggregation.cell, aggregation.pixel] = aggregation.weight
    land = np.where(aggregation.pixel_land > 0, aggregation.pixel_land, 1.0).ravel()
    # without weights of the norm, slivers on a coast would take the whole correction
    back = (a / land).T
    solve = back @ np.linalg.pinv(a @ back)
    field = jnp.asarray(field, dtype=jnp.float64)
    keep = jnp.asarray((aggregation.pixel_land > 0).ravel())
    flat = field.reshape(*field.shape[: field.ndim - len(aggregation.fine)], -1)
    y = jnp.where(keep, flat, 0.0)
    cells = jnp.asarray(coarse, dtype=jnp.float64)
    target = cells.reshape(*cells.shape[: cells.ndim - len(aggregation.coarse)], -1)
    gap = jnp.where(jnp.asarray(aggregation.has_land.ravel()), target, 0.0) - y @ a.T
    return jnp.where(keep, y + gap @ solve.T, flat).reshape(field.shape)


def _positive(x: Any) -> Any:
    return jnp.where(x > 0, x, 1.0)
