"""The ensemble filters as `Filter`: predicted observations and observations in, transforms out.

All share what is around the kernel of `ensemble_space`: whitening, weights of control groups, padding to a size for which a
program is compiled already, draws that depend on seed and window only, rotation.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np

from elterra.assimilation import _jax  # noqa: F401  (double precision first)

# isort: split
import jax
import jax.numpy as jnp

from elterra.assimilation import ensemble_space, finite_size
from elterra.assimilation.filter import (
    Analysis,
    AnalysisError,
    Array,
    Filter,
    ObservationBatch,
    check_predicted,
)

#: purposes of draws: words of the key of the generator
_NOISE, _ORDER, _ROTATION = 1, 2, 3


def generator(seed: int, purpose: int, window: int) -> np.random.Generator:
    """Random numbers that depend on seed, purpose and window only, so that a resumed run needs no state of a generator."""
    return np.random.Generator(np.random.Philox(key=[seed, purpose], counter=[0, 0, 0, window]))


@dataclass(frozen=True)
class EnsembleFilter(Filter):
    """What the filters of this module share.

    rotate: multiply the transform by a random rotation that keeps the mean (for square-root filters with small ensembles).
    seed, window: all draws follow from them; `at` gives the filter of another window.
    """

    rotate: bool = False
    seed: int = 0
    window: int = 0

    def at(self, window: int) -> Self:
        """The same filter with the draws of this window."""
        return replace(self, window=window)

    @abstractmethod
    def _transforms(
        self, s: jax.Array, d: jax.Array, roots: jax.Array, members: int, count: int
    ) -> tuple[jax.Array, dict[str, float]]:
        """``[group, member, member]`` from s, d, square roots of the weights ``[group, observation]``, all padded."""

    def analyse(
        self, predicted: Array, observations: ObservationBatch, taper: Array | None = None
    ) -> Analysis:
        check_predicted(predicted, observations)
        n, m = predicted.shape
        weights = np.ones((1, n)) if taper is None else np.asarray(taper, dtype=np.float64)
        if weights.ndim != 2 or weights.shape[1] != n or (weights < 0).any() or (weights > 1).any():
            raise AnalysisError(
                f"taper must be [group, {n}] with weights in [0, 1]; got shape {weights.shape}"
            )
        if n == 0:
            return Analysis(np.broadcast_to(np.eye(m), (len(weights), m, m)).copy())
        mean = predicted.mean(axis=1)
        s = (predicted - mean[:, None]) / observations.sd[:, None]
        d = (observations.value - mean) / observations.sd
        size = 1 << (n - 1).bit_length()
        pad = ((0, size - n),)
        found, more = self._transforms(
            jnp.asarray(np.pad(s, (*pad, (0, 0)))),
            jnp.asarray(np.pad(d, pad)),
            jnp.asarray(np.pad(np.sqrt(weights), ((0, 0), *pad))),
            m,
            n,
        )
        transform = np.asarray(found)
        if self.rotate:
            draws = generator(self.seed, _ROTATION, self.window).integers(0, 2**32, 2)
            key = jax.random.wrap_key_data(jnp.asarray(draws, dtype=jnp.uint32))
            transform = transform @ np.asarray(_rotation(key, m))
        return Analysis(transform, {**_figures(s, d), **more})


def _figures(s: Array, d: Array) -> dict[str, float]:
    m = s.shape[1]
    sigma2 = np.linalg.svd(s, compute_uv=False) ** 2
    return {
        "observations": float(len(d)),
        "chi2": float((d**2).sum()),
        "prior_variance_ratio": float(sigma2.sum() / (m - 1)),
        "dfs": float((sigma2 / (m - 1 + sigma2)).sum()),
    }


_rotation = jax.jit(ensemble_space.random_rotation, static_argnums=1)


@partial(jax.jit, static_argnums=0)
def _by_group(kernel, s, d, roots, *draws):
    return jax.vmap(lambda root: kernel(s * root[:, None], d * root, *draws))(roots)


@dataclass(frozen=True)
class SquareRootFilter(EnsembleFilter):
    """ETKF with the symmetric square root, as `ETKF`, with rotation (Hunt et al. 2007; Sakov and Oke 2008b)."""

    def _transforms(self, s, d, roots, members, count):
        return _by_group(ensemble_space.square_root_transform, s, d, roots), {}


@dataclass(frozen=True)
class DeterministicFilter(EnsembleFilter):
    """DEnKF: half the gain for the anomalies (Sakov and Oke 2008a). Not exact: too wide by the square of the
    gain over four."""

    def _transforms(self, s, d, roots, members, count):
        return _by_group(ensemble_space.half_gain_transform, s, d, roots), {}


@dataclass(frozen=True)
class PerturbedFilter(EnsembleFilter):
    """EnKF with perturbed observations (Burgers et al. 1998). The same draws serve all control groups."""

    def _transforms(self, s, d, roots, members, count):
        noise = _noise(self, s.shape[0], members, count)
        return _by_group(ensemble_space.perturbed_transform, s, d, roots, noise), {}


@dataclass(frozen=True)
class SerialFilter(EnsembleFilter):
    """Observations one after the other, in random order: square root, or with ``perturbed`` observations."""

    perturbed: bool = False

    def _transforms(self, s, d, roots, members, count):
        order = np.arange(s.shape[0])
        order[:count] = generator(self.seed, _ORDER, self.window).permutation(count)
        if not self.perturbed:
            return _by_group(ensemble_space.serial_transform, s, d, roots, jnp.asarray(order)), {}
        noise = _noise(self, s.shape[0], members, count)
        return _by_group(
            ensemble_space.serial_perturbed_transform, s, d, roots, jnp.asarray(order), noise
        ), {}


@dataclass(frozen=True)
class FiniteSizeFilter(EnsembleFilter):
    """EnKF-N, dual form (Bocquet 2011; Bocquet et al. 2015): no inflation to tune.

    certainty: more than one trusts the ensemble more than a random sample; 2 suits nearly deterministic models.
    """

    certainty: float = 1.0

    def _transforms(self, s, d, roots, members, count):
        transforms, factors = _by_group(_FiniteSize(self.certainty), s, d, roots)
        return transforms, {"inflation": float(np.asarray(factors).mean())}


@dataclass(frozen=True)
class _FiniteSize:
    """Hashable, so that a program is compiled once a certainty."""

    certainty: float

    def __call__(self, s: jax.Array, d: jax.Array) -> tuple[jax.Array, jax.Array]:
        return finite_size.finite_size_transform(s, d, self.certainty)


def _noise(filter_: EnsembleFilter, rows: int, members: int, count: int) -> jax.Array:
    draws = np.zeros((rows, members))
    draws[:count] = generator(filter_.seed, _NOISE, filter_.window).standard_normal((count, members))
    return jnp.asarray(draws)
