"""A U-shaped transformer with shifted windows over soil layers and a surface slice, latitude, longitude.

Tokens are patches of cells. The first slice in depth is the surface (climate, vegetation), the others are soil layers (the
arrangement of Bi et al. 2023). Fine detail does not have to pass through the tokens: a second way leads from the inputs of
each cell to the head.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from elterra.networks._layers import F32, AdaptiveNorm, LayerNorm, Linear, Mlp
from elterra.networks.block import SwinBlock
from elterra.networks.heads import GaussianHead, Head
from elterra.networks.resample import (
    Convolution,
    Merge,
    Split,
    SubPixel,
    any_valid,
    gather_patches,
    pad_to,
)
from elterra.networks.weights import fill, named_leaves
from elterra.networks.windows import Box


class Fields3D(NamedTuple):
    """One sample: ``surface [lat, lon, input]``, ``soil [layer, lat, lon, input]``, ``scalars [scalar]``, all float32, and
    ``valid [layer, lat, lon]``, False in rock, and ``land [lat, lon]``, False in the sea. What stands in invalid cells
    has no effect."""

    surface: Any
    soil: Any
    scalars: Any
    valid: Any
    land: Any


@dataclass(frozen=True)
class SwinShape:
    """Sizes of the network.

    ``surface_inputs``, ``soil_inputs``, ``scalars``, ``surface_outputs``, ``soil_outputs``: channels. ``channels`` of a
    token at the finest level, doubled at each coarser one. ``depths``: blocks of each level; the last is the coarsest and
    is passed once, the others twice (way down, way up). ``heads`` at the finest level, doubled likewise. ``window`` in
    tokens (depth, latitude, longitude); more than the tokens of an axis means full attention along it. ``patch``: cells of
    a token. ``reference``: the window in whose units the position bias is, that of training (by default ``window``).
    ``condition``: width of the condition made from the scalars. ``cell``: channels of the way at full resolution.
    ``remat`` recomputes the blocks in the backward pass instead of keeping what they need.
    """

    surface_inputs: int
    soil_inputs: int
    scalars: int
    surface_outputs: int
    soil_outputs: int
    channels: int = 48
    depths: tuple[int, ...] = (2, 2)
    heads: int = 3
    window: Box = (64, 4, 4)
    patch: Box = (1, 2, 2)
    condition: int = 32
    cell: int = 32
    ratio: float = 4.0
    drop_path: float = 0.0
    remat: bool = False
    reference: Box | None = None
    head: Head = GaussianHead()  # noqa: RUF009  (frozen, without state)

    def __post_init__(self) -> None:
        for name in ("surface_inputs", "soil_inputs", "surface_outputs", "soil_outputs", "channels", "cell"):
            if getattr(self, name) < 1:
                raise ValueError(f"SwinShape: {name} must be at least 1; got {getattr(self, name)}")
        if not self.depths or any(d < 0 for d in self.depths):
            raise ValueError(
                f"SwinShape: depths must name the blocks of at least one level; got {self.depths}"
            )

    @property
    def coarsest(self) -> int:
        """Tokens of the finest level along a side of one of the coarsest."""
        return int(2 ** (len(self.depths) - 1))


class Level(eqx.Module):
    """The blocks of one level, in turn unshifted and shifted."""

    blocks: tuple[SwinBlock, ...]

    def __init__(
        self, shape: SwinShape, level: int, first: int, total: int, depth: int, key: jax.Array
    ) -> None:
        keys = jax.random.split(key, max(depth, 1))
        self.blocks = tuple(
            SwinBlock(
                shape.channels * 2**level,
                shape.heads * 2**level,
                shape.window,
                shape.condition,
                keys[i],
                reference=shape.reference,
                shifted=bool(i % 2),
                ratio=shape.ratio,
                drop=shape.drop_path * (first + i) / max(total - 1, 1),  # rises linearly along the way
            )
            for i in range(depth)
        )

    def __call__(
        self, x: jax.Array, valid: jax.Array, c: jax.Array, key: jax.Array | None, remat: bool
    ) -> jax.Array:
        for i, block in enumerate(self.blocks):
            one = None if key is None else jax.random.fold_in(key, i)
            apply: Any = eqx.filter_checkpoint(block) if remat else block
            x = apply(x, valid, c, one)
        return x


class CellHead(eqx.Module):
    """From what the tokens say of a cell and the cell's own inputs to the outputs, at full resolution."""

    mix: Convolution
    norm: AdaptiveNorm
    mlp: Mlp
    last: LayerNorm
    out: Mlp

    def __init__(self, cell: int, condition: int, outputs: int, key: jax.Array) -> None:
        one, two, three = jax.random.split(key, 3)
        self.mix = Convolution(cell, cell, one)
        self.norm = AdaptiveNorm(cell, condition)
        self.mlp = Mlp(cell, 4 * cell, cell, two)
        self.last = LayerNorm(cell)
        # zeros: the network starts with the answer 0, for a log-ratio to a prior the prior itself
        self.out = Mlp(cell, 2 * cell, outputs, three, zero=True)

    def __call__(self, tokens: jax.Array, own: jax.Array, valid: jax.Array, c: jax.Array) -> jax.Array:
        """``tokens``, ``own`` ``[z, h, w, cell]`` to ``[z, h, w, outputs]``."""
        x = self.mix(jnp.where(valid[..., None], tokens, F32(0.0))) + own
        x = x + self.norm(self.mlp(x), c)
        return self.out(self.last(x))


class SwinUNet(eqx.Module):
    """The network; call it with a `Fields3D`, batch it with ``jax.vmap``."""

    surface_patch: Linear
    soil_patch: Linear
    surface_cell: Mlp
    soil_cell: Mlp
    surface_in_soil: Linear
    condition: Mlp
    down: tuple[Level, ...]
    merges: tuple[Merge, ...]
    bottom: Level
    splits: tuple[Split, ...]
    up: tuple[Level, ...]
    join: Linear | None
    surface_recover: SubPixel
    soil_recover: SubPixel
    surface_head: CellHead
    soil_head: CellHead
    shape: SwinShape = eqx.field(static=True)

    def __init__(self, shape: SwinShape, key: jax.Array) -> None:
        s, levels = shape, len(shape.depths)
        keys = iter(jax.random.split(key, 12 + 4 * levels))
        pz, ph, pw = s.patch
        self.surface_patch = Linear(ph * pw * (s.surface_inputs + 1), s.channels, next(keys))
        self.soil_patch = Linear(pz * ph * pw * (s.soil_inputs + 1), s.channels, next(keys))
        self.surface_cell = Mlp(s.surface_inputs, 2 * s.cell, s.cell, next(keys))
        self.soil_cell = Mlp(s.soil_inputs, 2 * s.cell, s.cell, next(keys))
        self.surface_in_soil = Linear(s.surface_inputs, s.cell, next(keys), bias=False)
        self.condition = Mlp(max(s.scalars, 1), s.condition, s.condition, next(keys))
        total = sum(s.depths) + sum(s.depths[:-1])
        way_down = [sum(s.depths[:i]) for i in range(levels)]
        self.down = tuple(Level(s, i, way_down[i], total, s.depths[i], next(keys)) for i in range(levels - 1))
        self.merges = tuple(Merge(s.channels * 2**i, next(keys)) for i in range(levels - 1))
        self.bottom = Level(s, levels - 1, way_down[-1], total, s.depths[-1], next(keys))
        self.splits = tuple(Split(s.channels * 2 ** (i + 1), next(keys)) for i in range(levels - 1))
        # on the way up level i comes after the bottom and all levels between
        self.up = tuple(
            Level(s, i, total - sum(s.depths[: i + 1]), total, s.depths[i], next(keys))
            for i in range(levels - 1)
        )
        self.join = Linear(2 * s.channels, s.channels, next(keys)) if levels > 1 else None
        self.surface_recover = SubPixel(s.channels, s.cell, (1, ph, pw), next(keys), bias=True)
        self.soil_recover = SubPixel(s.channels, s.cell, s.patch, next(keys), bias=True)
        numbers = s.head.numbers
        self.surface_head = CellHead(s.cell, s.condition, s.surface_outputs * numbers, next(keys))
        self.soil_head = CellHead(s.cell, s.condition, s.soil_outputs * numbers, next(keys))
        self.shape = shape

    def __call__(self, x: Fields3D, key: jax.Array | None = None) -> tuple[Any, Any]:
        """Outputs of the surface ``[lat, lon, output]`` and of the soil ``[layer, lat, lon, output]`` as the head gives
        them (`Gaussian`, or quantiles with a last axis). ``key`` while training (dropped paths)."""
        s = self.shape
        layers, lat, lon = x.valid.shape
        self._check(x)
        valid = x.valid & x.land
        surface = jnp.where(x.land[..., None], x.surface, F32(0.0))
        soil = jnp.where(valid[..., None], x.soil, F32(0.0))
        side = s.patch[1] * s.coarsest, s.patch[2] * s.coarsest
        surface, soil = pad_to(surface[None], (1, *side)), pad_to(soil, (s.patch[0], *side))
        land, valid = pad_to(x.land[None], (1, *side)), pad_to(valid, (s.patch[0], *side))
        c = self.condition(x.scalars if s.scalars else jnp.zeros(1, F32))

        tokens, seen = self._embed(surface, soil, land, valid)
        tokens = self._attend(tokens, seen, c, key)

        own = self.surface_cell(surface)
        raw = self.surface_head(self.surface_recover(tokens[:1]), own, land, c)
        below = self.soil_cell(soil) + self.surface_in_soil(surface)
        raw_soil = self.soil_head(self.soil_recover(tokens[1:]), below, valid, c)
        return s.head(raw[0, :lat, :lon]), s.head(raw_soil[:layers, :lat, :lon])

    def _embed(
        self, surface: jax.Array, soil: jax.Array, land: jax.Array, valid: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Tokens ``[slice, h, w, channel]`` and which of them hold anything."""
        flat = (1, *self.shape.patch[1:])
        top = jnp.concatenate([surface, land[..., None].astype(F32)], axis=-1)
        column = jnp.concatenate([soil, valid[..., None].astype(F32)], axis=-1)
        tokens = jnp.concatenate(
            [
                self.surface_patch(gather_patches(top, flat)),
                self.soil_patch(gather_patches(column, self.shape.patch)),
            ]
        )
        seen = jnp.concatenate([any_valid(land, flat), any_valid(valid, self.shape.patch)])
        return jnp.where(seen[..., None], tokens, F32(0.0)), seen

    def _attend(self, x: jax.Array, seen: jax.Array, c: jax.Array, key: jax.Array | None) -> jax.Array:
        """Down and up through the levels."""
        remat, levels = self.shape.remat, len(self.merges)
        keys = [None] * (2 * levels + 1) if key is None else list(jax.random.split(key, 2 * levels + 1))
        kept: list[tuple[jax.Array, jax.Array]] = []
        for i in range(levels):
            x = self.down[i](x, seen, c, keys[i], remat)
            kept.append((x, seen))
            x, seen = self.merges[i](x), any_valid(seen, (1, 2, 2))
        x = self.bottom(x, seen, c, keys[levels], remat)
        for i in reversed(range(levels)):
            finer = self.splits[i](x)
            before, seen = kept[i]
            if i == 0 and self.join is not None:
                x = self.join(jnp.concatenate([before, finer], axis=-1))
            else:
                x = before + finer
            x = self.up[i](jnp.where(seen[..., None], x, F32(0.0)), seen, c, keys[levels + 1 + i], remat)
        return x

    def _check(self, x: Fields3D) -> None:
        s, box = self.shape, x.valid.shape
        expected = {
            "surface": (*box[1:], s.surface_inputs),
            "soil": (*box, s.soil_inputs),
            "scalars": (s.scalars,),
            "land": box[1:],
        }
        for name, want in expected.items():
            got = getattr(x, name).shape
            if got != want:
                raise ValueError(
                    f"SwinUNet: {name} must be {list(want)} for valid {list(box)}; got {list(got)}"
                )


def with_window(model: SwinUNet, window: Box) -> SwinUNet:
    """The same weights with another window; the bias of an offset stays what it was."""
    old = model.shape
    shape = replace(old, window=window, reference=old.reference or old.window)
    return fill(SwinUNet(shape, jax.random.key(0)), named_leaves(model))
