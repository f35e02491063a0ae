"""The surrogate of the network: an ensemble of `networks.SwinUNet`, their scaling and calibration, in one file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from elterra.errors import InputError
from elterra.networks import (
    Conformal,
    Fields3D,
    SwinShape,
    SwinUNet,
    Trained,
    Training,
    alignment,
    batch_indices,
    crop,
    fill,
    generator,
    in_tiles,
    named_leaves,
    read_tensors,
    train,
    write_tensors,
)
from elterra.networks.batches import CROPS
from elterra.spinup.surrogate._loss import Batch, LossWeights, bounds_of, loss_of, weights_of
from elterra.spinup.surrogate._prediction import Intervals, Prediction, calibrate_intervals
from elterra.spinup.surrogate._sample import Layout, Sample, check
from elterra.spinup.surrogate._scaling import Scaling, scaling_of

_SIZES = (
    "channels",
    "depths",
    "heads",
    "window",
    "patch",
    "condition",
    "cell",
    "ratio",
    "drop_path",
    "remat",
    "reference",
)


@dataclass(frozen=True)
class SwinFit:
    """How a surrogate is trained. ``sizes``: of `networks.SwinShape`, what the layout does not say. ``crop`` cells
    (latitude, longitude) of a map make a training sample, ``batch`` of them a step. ``members`` networks, each its seed."""

    training: Training
    sizes: dict[str, Any] = field(default_factory=dict)
    weights: LossWeights = field(default_factory=LossWeights)
    crop: tuple[int, int] = (16, 16)
    batch: int = 4
    members: int = 1


@dataclass(frozen=True)
class SwinSurrogate:
    """Networks of one shape with what they need; see `fit_swin`, `load_swin`."""

    layout: Layout
    scaling: Scaling
    members: tuple[SwinUNet, ...]
    intervals: Intervals | None = None

    def predict(
        self, sample: Sample, *, core: tuple[int, int] | None = None, halo: tuple[int, int] | None = None
    ) -> Prediction:
        """Log-ratios of a map. With ``core`` (cells) in tiles of that size with a ``halo`` (by default one window of the
        coarsest level; `networks.exact_halo` gives what the whole map gives), memory bounded by a tile."""
        check(sample, self.layout, "surrogate")
        fields = _fields(sample, self.scaling)
        shape = self.members[0].shape
        if core is None:
            found = self._compute(fields)
        else:
            step = alignment(shape)
            axes = ((0, 1), (1, 2), None, (1, 2), (0, 1))

            def one(tile: Any) -> dict[str, NDArray]:
                parts = [crop(a, tile, x) if x else a for a, x in zip(fields, axes, strict=True)]
                return self._compute(Fields3D(*parts))

            across = {k: (0, 1) if k.startswith("surface") else (1, 2) for k in _PARTS}
            found = in_tiles(one, sample.size, core=core, halo=halo or step, axes=across, aligned=step)
        scale = self.scaling
        return Prediction(
            found["surface"] * scale.surface_target,
            found["surface_sd"] * scale.surface_target,
            found["soil"] * scale.soil_target,
            found["soil_sd"] * scale.soil_target,
        )

    def _compute(self, fields: Any) -> dict[str, NDArray]:
        """Mean and standard deviation of the mixture of all members, in scaled units."""
        each = [_forward(m, fields) for m in self.members]
        found: dict[str, NDArray] = {}
        for k, name in enumerate(("surface", "soil")):
            mean = np.stack([np.asarray(e[k].mean, np.float64) for e in each])
            variance = np.stack([np.exp(np.asarray(e[k].log_variance, np.float64)) for e in each])
            found[name] = mean.mean(axis=0)
            found[f"{name}_sd"] = np.sqrt(variance.mean(axis=0) + mean.var(axis=0))
        return found

    def calibrated(self, samples: Sequence[Sample]) -> SwinSurrogate:
        """The same with intervals from maps or blocks that it has not been trained on."""
        return dataclasses.replace(self, intervals=calibrate_intervals(self, samples))

    def save(self, path: Path) -> None:
        """One safetensors file: weights of all members, scaling, calibration, names."""
        arrays: dict[str, NDArray] = {f"scaling.{n}": v for n, v in self.scaling.arrays().items()}
        for i, member in enumerate(self.members):
            arrays |= {f"member.{i}.{n}": v for n, v in named_leaves(member).items()}
        for name, one in (self.intervals.by_name if self.intervals else {}).items():
            arrays |= {f"intervals.{name}.{n}": v for n, v in one.arrays().items()}
        shape = self.members[0].shape
        header = {
            "kind": "swin-surrogate",
            "layout": dataclasses.asdict(self.layout),
            "sizes": {n: getattr(shape, n) for n in _SIZES},
            "members": len(self.members),
            "intervals": sorted(self.intervals.by_name) if self.intervals else [],
        }
        write_tensors(path, arrays, header)


_PARTS = ("surface", "surface_sd", "soil", "soil_sd")


def load_swin(path: Path) -> SwinSurrogate:
    """Reads what `SwinSurrogate.save` wrote. Raises InputError for a damaged file or one of another kind."""
    arrays, header = read_tensors(path)
    if header.get("kind") != "swin-surrogate":
        raise InputError(f"{path}: holds {header.get('kind')!r}, not the weights of a surrogate of spin-up")
    layout = Layout(**{k: tuple(v) for k, v in header["layout"].items()})
    sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in header["sizes"].items()}
    empty = SwinUNet(SwinShape(**layout.counts, **sizes), jax.random.key(0))

    def part(prefix: str) -> dict[str, NDArray]:
        return {n.removeprefix(prefix): v for n, v in arrays.items() if n.startswith(prefix)}

    members = tuple(fill(empty, part(f"member.{i}."), str(path)) for i in range(header["members"]))
    known = {n: Conformal.from_arrays(part(f"intervals.{n}.")) for n in header["intervals"]}
    return SwinSurrogate(layout, Scaling(**part("scaling.")), members, Intervals(known) if known else None)


def fit_swin(
    samples: Sequence[Sample],
    layout: Layout,
    fit: SwinFit,
    folder: Path | None = None,
    *,
    stop: Callable[[], bool] | None = None,
) -> tuple[SwinSurrogate, list[Trained]]:
    """Trains on the usable cells of maps of one size. With a ``folder`` each member has its checkpoints in a folder of its
    own there and an interrupted call goes on where it was."""
    if not samples:
        raise InputError("fit_swin: no samples")
    for i, sample in enumerate(samples):
        check(sample, layout, f"sample {i}")
        if sample.valid.shape != samples[0].valid.shape:
            raise InputError(
                f"fit_swin: sample {i} has size {list(sample.valid.shape)}, sample 0 {list(samples[0].valid.shape)}; cut "
                "them to one size"
            )
    scaling = scaling_of(samples)
    shape = SwinShape(**layout.counts, **fit.sizes)
    crops = _Crops(samples, layout, scaling, fit)
    known = [np.asarray(s.true_surface)[s.usable] for s in samples]
    layers = [np.asarray(s.true_soil)[s.valid & s.usable] for s in samples]
    bounds = (
        bounds_of(known, layout.pairs(layout.surface_pools)),
        bounds_of(layers, layout.pairs(layout.soil_pools)),
    )
    loss = loss_of(layout, scaling, samples[0].thickness, bounds, fit.weights)
    done = []
    for i in range(fit.members):
        training = dataclasses.replace(fit.training, seed=fit.training.seed + 1000 * i)
        place = None if folder is None else folder / f"member-{i}"
        start = SwinUNet(shape, jax.random.key(training.seed))
        done.append(train(start, loss, partial(crops.at, seed=training.seed), training, place, stop=stop))
    return SwinSurrogate(layout, scaling, tuple(t.model for t in done)), done


def _fields(sample: Sample, scaling: Scaling) -> Fields3D:
    return Fields3D(
        scaling.surface(sample), scaling.soil(sample), scaling.scalars(sample), sample.valid, sample.land
    )


@eqx.filter_jit
def _forward(model: SwinUNet, fields: Any) -> Any:
    return model(Fields3D(*(jnp.asarray(x) for x in fields)))


class _Crops:
    """Training data in memory, scaled once; `at` cuts the batch of a step."""

    def __init__(self, samples: Sequence[Sample], layout: Layout, scaling: Scaling, fit: SwinFit) -> None:
        lat, lon = samples[0].size
        self.size = min(fit.crop[0], lat), min(fit.crop[1], lon)
        self.room = lat - self.size[0] + 1, lon - self.size[1] + 1
        self.batch, self.samples = fit.batch, len(samples)
        fields = [_fields(s, scaling) for s in samples]
        ratios = [scaling.log_ratios(s) for s in samples]
        weights = weights_of(samples, layout, fit.weights.equal)
        balance = fit.weights.balance > 0.0
        if balance and any(s.operator is None or s.inputs is None for s in samples):
            raise InputError("fit_swin: the loss of the balance needs operator and inputs of every sample")

        def stack(arrays: Sequence[NDArray]) -> NDArray:
            return np.stack([np.asarray(a, np.float32) for a in arrays])

        self.fields = [np.stack([np.asarray(f[k]) for f in fields]) for k in range(5)]
        # name -> (values, axis of latitude)
        self.parts: list[tuple[NDArray | None, int]] = [
            (stack([r[0] / scaling.surface_target for r in ratios]), 1),
            (stack([r[1] / scaling.soil_target for r in ratios]), 2),
            (stack([w[0] for w in weights]), 1),
            (stack([w[1] for w in weights]), 2),
            (stack([np.where(s.land[..., None], s.prior_surface, 0.0) for s in samples]), 1),
            (stack([np.where((s.valid & s.land)[..., None], s.prior_soil, 0.0) for s in samples]), 2),
            (stack([np.where(s.usable, s.area / s.area[s.usable].mean(), 0.0) for s in samples]), 1),
            (stack([s.operator for s in samples]) if balance else None, 1),  # type: ignore[misc]
            (stack([s.inputs for s in samples]) if balance else None, 1),  # type: ignore[misc]
        ]

    def at(self, step: int, seed: int) -> Batch:
        """Maps in turn, each cut at a place drawn for this step."""
        which = batch_indices(step, self.samples, self.batch, seed)
        drawn = generator(seed, CROPS, step)
        row = drawn.integers(0, self.room[0], self.batch)
        column = drawn.integers(0, self.room[1], self.batch)

        def cut(values: NDArray, axis: int) -> NDArray:
            pieces = []
            for i, r, c in zip(which, row, column, strict=True):
                index: list[Any] = [slice(None)] * (values.ndim - 1)
                index[axis - 1] = slice(r, r + self.size[0])
                index[axis] = slice(c, c + self.size[1])
                pieces.append(values[i][tuple(index)])
            return np.stack(pieces)

        fields = [
            values[which] if axis is None else cut(values, axis)
            for values, axis in zip(self.fields, (1, 2, None, 2, 1), strict=True)
        ]
        rest = [None if values is None else cut(values, axis) for values, axis in self.parts]
        return Batch(Fields3D(*fields), *rest)
