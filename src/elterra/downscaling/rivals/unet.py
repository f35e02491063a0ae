"""A UNet on patches: mean and quantiles of the deviation from the bilinear field, from features, their differences to the
cell, and the coarse values around."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.rivals._deviation import from_deviation, scale_of, to_deviation
from elterra.downscaling.rivals._dressing import steepness
from elterra.downscaling.scene import LEVELS, Mask, Prediction, Scene
from elterra.errors import InputError

Array = NDArray[np.float64]

#: a class has a channel of its own from this share of the training pixels on
_RAREST_CLASS = 0.01
#: inputs and targets beyond this many standard deviations are cut
_CUT = 6.0
_LEAST_KNOWN = 0.1
_TRIES = 50


@dataclass(frozen=True)
class Channels:
    """How a scene becomes the input of the network: standardised channels ``[channel, y, x]``, unknown pixels 0."""

    codes: tuple[float, ...]
    centre: Array
    spread: Array

    @classmethod
    def learn(cls, scenes: list[Scene], where: list[Mask]) -> Channels:
        counts: dict[float, int] = {}
        for scene, mask in zip(scenes, where, strict=True):
            if scene.class_name is not None:
                values = scene.features.values[scene.class_name][mask & scene.known]
                for code, n in zip(*np.unique(values[np.isfinite(values)], return_counts=True), strict=True):
                    counts[float(code)] = counts.get(float(code), 0) + int(n)
        total = max(sum(counts.values()), 1)
        codes = tuple(sorted(c for c, n in counts.items() if n >= _RAREST_CLASS * total))
        seen = np.concatenate(
            [
                _raw(s, codes)[:, m & s.known]
                for s, m in zip(scenes, where, strict=True)
                if (m & s.known).any()
            ],
            axis=1,
        )
        centre, spread = np.nanmean(seen, axis=1), np.nanstd(seen, axis=1)
        return cls(codes, np.nan_to_num(centre), np.where(spread > 1e-9, spread, 1.0))

    def of(self, scene: Scene) -> NDArray[np.float32]:
        z = (_raw(scene, self.codes) - self.centre[:, None, None]) / self.spread[:, None, None]
        return np.nan_to_num(np.clip(z, -_CUT, _CUT)).astype(np.float32)


def _raw(scene: Scene, codes: tuple[float, ...]) -> Array:
    numeric = [v for n, v in scene.features.values.items() if n not in scene.features.classes]
    members = []
    if scene.class_name is not None:
        own = scene.features.values[scene.class_name]
        members = [(own == c).astype(float) for c in codes]
    level = [
        np.log(np.maximum(v, 1e-30)) if scene.law.kind == "positive" else v
        for v in (scene.own, scene.bilinear)
    ]
    rest = [*level, level[1] - level[0], steepness(scene), scene.known.astype(float)]
    return np.stack([*numeric, *scene.anomalies.values(), *members, *rest])


@dataclass(frozen=True)
class UNet:
    """`steps` of Adam on `batch` patches of `patch` pixels a side; `width` channels at the finest scale."""

    name: str = "unet"
    steps: int = 400
    batch: int = 6
    patch: int = 48
    width: int = 20
    rate: float = 2e-3
    seed: int = 0
    #: the fit on three quarters of the training blocks is kept: a second training would double the time
    refit: bool = False

    def fit(self, scenes: list[Scene], where: list[Mask]) -> FittedUNet:
        if importlib.util.find_spec("equinox") is None:
            raise InputError("unet: the library Equinox is not installed: pip install 'equinox>=0.13,<0.14'")
        channels = Channels.learn(scenes, where)
        inputs = [channels.of(s) for s in scenes]
        targets = [_targets(s, m) for s, m in zip(scenes, where, strict=True)]
        known = np.concatenate([t[:, np.isfinite(t[0])] for t in targets], axis=1)
        centre, spread = known.mean(axis=1), np.maximum(known.std(axis=1), 1e-9)
        scaled = [(t - centre[:, None, None]) / spread[:, None, None] for t in targets]
        return FittedUNet(channels, centre, spread, self._train(inputs, scaled))

    def _train(self, inputs: list[NDArray[np.float32]], targets: list[Array]) -> Any:
        from elterra.downscaling._jax import jax, jnp
        from elterra.downscaling.nets.unet import UNet as Network

        network = Network(inputs[0].shape[0], 1 + len(LEVELS), self.width, key=jax.random.key(self.seed))
        level = jnp.asarray(np.array(LEVELS, np.float32))[None, :, None, None]

        def loss(network: Any, x: Any, t: Any, known: Any, key: Any) -> Any:
            del key
            out = jax.vmap(network)(x)
            gap = t[:, 1:] - _ascending(out[:, 1:])
            pinball = jnp.maximum(level * gap, (level - 1) * gap).mean(axis=1)
            squared = 0.5 * (out[:, 0] - t[:, 0]) ** 2
            return jnp.sum(known * (squared + 2 * pinball)) / jnp.maximum(jnp.sum(known), 1.0)

        side = min(self.patch, *inputs[0].shape[1:])
        drawn = patches(inputs, targets, side, self.batch, self.steps, self.seed)
        return train(network, loss, drawn, self.steps, self.rate, self.seed)


@dataclass(frozen=True)
class FittedUNet:
    channels: Channels
    centre: Array
    spread: Array
    network: Any = field(repr=False)

    def predict(self, scene: Scene, where: Mask) -> Prediction:
        at = where & scene.known
        raw = self.raw(scene, at)
        steps = raw[1:, at] * self.spread[1] + self.centre[1]
        quantiles = np.full((len(LEVELS), *at.shape), np.nan)
        quantiles[:, at] = from_deviation(scene.law, steps, scene.bilinear[at])
        mean = np.full(at.shape, np.nan)
        low, high = scene.law.limits
        # the mean of a positive quantity is not below its lowest quantile
        least = np.maximum(low, quantiles[0][at]) if scene.law.kind == "positive" else low
        mean[at] = np.clip(self.physical(scene, raw)[at], least, high)
        return Prediction(mean, quantiles)

    def raw(self, scene: Scene, at: Mask | None = None) -> Array:
        """Output of the network ``[1 + level, y, x]`` in its own units, quantiles in order; NaN far from `at`."""
        import equinox as eqx

        from elterra.downscaling._jax import jnp
        from elterra.downscaling.nets.unet import window

        x = self.channels.of(scene)
        mask = scene.known if at is None else at
        rows, columns = window(mask)
        found = np.asarray(eqx.filter_jit(self.network)(jnp.asarray(x[:, rows, columns])), dtype=np.float64)
        out = np.full((len(found), *mask.shape), np.nan)
        out[0, rows, columns] = found[0]
        out[1:, rows, columns] = np.asarray(_ascending(found[None, 1:]))[0]
        return out

    def physical(self, scene: Scene, raw: Array) -> Array:
        """The mean ``[y, x]`` of `raw` in physical units, not yet within the law."""
        return scene.bilinear + (raw[0] * self.spread[0] + self.centre[0]) * scale_of(
            scene.law, scene.bilinear
        )


def train(network: Any, loss: Any, drawn: Any, steps: int, rate: float, seed: int) -> Any:
    """AdamW with warm-up and cosine decay on ``loss(network, x, t, known, key)`` over the patches `drawn`; gives the running
    mean of the weights (a fiftieth a step)."""
    import equinox as eqx
    import optax

    from elterra.downscaling._jax import jax

    pace = optax.warmup_cosine_decay_schedule(0.0, rate, max(steps // 20, 1), steps, rate * 0.02)
    rule = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(pace, weight_decay=1e-4))
    state = rule.init(eqx.filter(network, eqx.is_inexact_array))

    @eqx.filter_jit
    def step(network: Any, mean: Any, state: Any, x: Any, t: Any, known: Any, key: Any) -> Any:
        gradient = eqx.filter_grad(loss)(network, x, t, known, key)
        change, state = rule.update(gradient, state, eqx.filter(network, eqx.is_inexact_array))
        network = eqx.apply_updates(network, change)
        arrays = eqx.filter(network, eqx.is_inexact_array)
        return network, jax.tree.map(lambda m, a: 0.98 * m + 0.02 * a, mean, arrays), state

    mean = eqx.filter(network, eqx.is_inexact_array)
    key = jax.random.key(seed)
    for k, (x, t, known) in enumerate(drawn):
        network, mean, state = step(network, mean, state, x, t, known, jax.random.fold_in(key, k))
    return eqx.combine(mean, network)


def _targets(scene: Scene, mask: Mask) -> Array:
    """Scaled difference (for the mean) and deviation (for the quantiles) ``[2, y, x]``; NaN where not learned from."""
    assert scene.truth is not None
    at = mask & scene.known
    out = np.full((2, *at.shape), np.nan)
    truth, base = scene.truth[at], scene.bilinear[at]
    out[0, at] = (truth - base) / scale_of(scene.law, base)
    out[1, at] = to_deviation(scene.law, truth, base)
    return out


def _ascending(raw: Any) -> Any:
    """Quantiles that do not cross: the lowest, then steps upwards ``[..., level, y, x]``; near 0 a normal distribution."""
    from scipy.special import ndtri

    from elterra.downscaling._jax import jax, jnp

    z = ndtri(np.array(LEVELS)).astype(np.float32)
    usual = jnp.asarray(np.log(np.expm1(np.diff(z))))[:, None, None]
    steps = jax.nn.softplus(raw[:, 1:] + usual)
    lowest = raw[:, :1] + z[0]
    return jnp.concatenate([lowest, lowest + jnp.cumsum(steps, axis=1)], axis=1)


def patches(
    inputs: list[NDArray[np.float32]], targets: list[Array], side: int, batch: int, steps: int, seed: int
) -> Any:
    """Random patches that hold enough training pixels: inputs, targets (mean once, quantiles once), known."""
    rng = np.random.default_rng(seed)
    known = [np.isfinite(t[0]) for t in targets]
    usable = [k for k, m in enumerate(known) if m.any()]
    if not usable:
        raise InputError("unet: no training pixel in any scene")
    for _ in range(steps):
        picked: list[tuple[int, slice, slice]] = []
        while len(picked) < batch:
            for _ in range(_TRIES):
                k = usable[int(rng.integers(len(usable)))]
                i, j = (int(rng.integers(n - side + 1)) for n in known[k].shape)
                if known[k][i : i + side, j : j + side].mean() >= _LEAST_KNOWN:
                    break
            picked.append((k, slice(i, i + side), slice(j, j + side)))
        x = np.stack([inputs[k][:, r, c] for k, r, c in picked])
        t = np.stack([np.clip(np.nan_to_num(targets[k][:, r, c]), -_CUT, _CUT) for k, r, c in picked]).astype(
            np.float32
        )
        yield x, t, np.stack([known[k][r, c] for k, r, c in picked]).astype(np.float32)
