"""Diffusion of what a cross-fitted UNet leaves: whole fields as members, each a possible truth.

Two UNets learn from one half of the training blocks each; a block's residual is that of the UNet that has not seen it
(residuals of seen blocks are too small, and members made of them too alike). The denoiser learns the residuals, given the
same channels and the mean (Mardani et al. 2025; preconditioning of Karras et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.regions import region_folds, to_pixels
from elterra.downscaling.rivals._deviation import scale_of
from elterra.downscaling.rivals.unet import FittedUNet, UNet, patches, train
from elterra.downscaling.scene import LEVELS, Mask, Prediction, Scene

Array = NDArray[np.float64]

#: side (coarse cells) of the blocks that are dealt to the two halves
_BLOCK = 4
#: tiles of sampling, pixels
_TILE, _OVERLAP = 192, 96


@dataclass(frozen=True)
class Diffusion:
    """`unet`: the two means; `steps`, `batch`, `patch`, `width` of the denoiser; `members` drawn, `levels` of noise."""

    name: str = "diffusion"
    unet: UNet = field(default_factory=UNet)
    steps: int = 600
    batch: int = 6
    patch: int = 48
    width: int = 20
    rate: float = 1.5e-3
    members: int = 10
    levels: int = 20
    seed: int = 0
    refit: bool = False

    def fit(self, scenes: list[Scene], where: list[Mask]) -> FittedDiffusion:
        halves = _halves(scenes, where, self.seed)
        means = tuple(self.unet.fit(scenes, half) for half in halves)
        inputs, residuals = [], []
        for k, scene in enumerate(scenes):
            left = np.full(scene.land.shape, np.nan)
            for mean, other in zip(means, reversed(halves), strict=True):
                at = other[k] & scene.known
                if at.any():
                    told = mean.predict(scene, other[k]).mean
                    left[at] = (scene.truth[at] - told[at]) / scale_of(scene.law, scene.bilinear[at])  # type: ignore[index]
            residuals.append(left[None])
            both = np.mean([m.raw(scene)[0] for m in means], axis=0)
            inputs.append(np.concatenate([means[0].channels.of(scene), both[None]]).astype(np.float32))
        spread = float(np.sqrt(np.mean(np.concatenate([r[np.isfinite(r)] for r in residuals]) ** 2))) or 1.0
        network = self._train(inputs, [r / spread for r in residuals])
        return FittedDiffusion(means, spread, network, self.members, self.levels, self.seed)

    def _train(self, inputs: list[NDArray[np.float32]], residuals: list[Array]) -> Any:
        from elterra.downscaling._jax import jax, jnp
        from elterra.downscaling.nets import denoiser_of, noise_levels
        from elterra.downscaling.nets.unet import UNet as Network

        network = Network(inputs[0].shape[0] + 1, 1, self.width, noisy=True, key=jax.random.key(self.seed))

        def one(network: Any, x: Any, t: Any, known: Any, key: Any) -> Any:
            a, b = jax.random.split(key)
            sigma = noise_levels(a, 1)[0].astype(jnp.float32)
            noisy = t + sigma * jax.random.normal(b, t.shape, jnp.float32)
            clean = denoiser_of(_call(network), x)(noisy, sigma)
            weight = (sigma**2 + 1) / sigma**2
            return weight * jnp.sum(known * (clean[0] - t[0]) ** 2) / jnp.maximum(jnp.sum(known), 1.0)

        def loss(network: Any, x: Any, t: Any, known: Any, key: Any) -> Any:
            return jnp.mean(
                jax.vmap(one, (None, 0, 0, 0, 0))(network, x, t, known, jax.random.split(key, len(x)))
            )

        side = min(self.patch, *inputs[0].shape[1:])
        return train(
            network,
            loss,
            patches(inputs, residuals, side, self.batch, self.steps, self.seed),
            self.steps,
            self.rate,
            self.seed,
        )


@dataclass(frozen=True)
class FittedDiffusion:
    means: tuple[FittedUNet, ...]
    spread: float
    network: Any = field(repr=False)
    members: int
    levels: int
    seed: int

    def predict(self, scene: Scene, where: Mask) -> Prediction:
        import equinox as eqx

        from elterra.downscaling._jax import jax, jnp
        from elterra.downscaling.nets import denoiser_of, dpm_solver_2s, schedule, tiled
        from elterra.downscaling.nets.unet import window

        at = where & scene.known
        rows, columns = window(at)
        both = np.mean([m.raw(scene)[0] for m in self.means], axis=0)
        x = jnp.asarray(
            np.concatenate([self.means[0].channels.of(scene), both[None]])[:, rows, columns], jnp.float32
        )
        shape = (x.shape[1], x.shape[2])
        network = _call(self.network)

        def tile(z: Any, sigma: Any, place: tuple[slice, slice]) -> Any:
            return denoiser_of(network, x[(slice(None), *place)])(z, sigma)

        @eqx.filter_jit
        def draw(noise: Any) -> Any:
            return dpm_solver_2s(tiled(tile, shape, _TILE, _OVERLAP), noise, schedule(self.levels))

        base = scene.bilinear
        mean = np.mean([m.physical(scene, m.raw(scene)) for m in self.means], axis=0)
        key = jax.random.key(self.seed)
        drawn = np.full((self.members, *at.shape), np.nan)
        low, high = scene.law.limits
        for k in range(self.members):
            # the noise of the whole scene, so that a window draws the same member as the whole
            noise = jax.random.normal(jax.random.fold_in(key, k), (1, *at.shape), jnp.float32)[
                :, rows, columns
            ]
            step = np.full(at.shape, np.nan)
            step[rows, columns] = np.asarray(draw(noise), dtype=np.float64)[0] * self.spread
            drawn[k, at] = np.clip(mean[at] + step[at] * scale_of(scene.law, base[at]), low, high)
        quantiles = np.full((len(LEVELS), *at.shape), np.nan)
        quantiles[:, at] = np.quantile(drawn[:, at], LEVELS, axis=0, method="hazen")
        return Prediction(np.where(at, np.clip(mean, low, high), np.nan), quantiles, drawn)


def _call(network: Any) -> Any:
    """The network as a function of noisy field, condition, log noise."""
    from elterra.downscaling._jax import jnp

    return lambda z, condition, noise: network(jnp.concatenate([z.astype(jnp.float32), condition]), noise)


def _halves(scenes: list[Scene], where: list[Mask], seed: int) -> tuple[list[Mask], list[Mask]]:
    """The training pixels in two parts of whole blocks; the same blocks in all scenes."""
    parts: tuple[list[Mask], list[Mask]] = ([], [])
    land = np.any([_cells(s, m) for s, m in zip(scenes, where, strict=True)], axis=0)
    fold = region_folds(land.shape, _BLOCK, 2, has_land=land, seed=seed)
    for scene, mask in zip(scenes, where, strict=True):
        for k, part in enumerate(parts):
            part.append(mask & to_pixels(fold == k, scene.factor, mask.shape))
    return parts


def _cells(scene: Scene, mask: Mask) -> Mask:
    out = np.zeros(scene.coarse.shape, dtype=bool)
    out.ravel()[np.unique(scene.aggregation.cell_of_pixel[mask & scene.known])] = True
    return out
