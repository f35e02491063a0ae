"""LETKF: an ETKF of its own for every point, from the observations near it (Hunt et al. 2007).

Localisation by distance (Gaspari-Cohn weights multiply R^-1), by depth and by variable. Points are worked through in
blocks and the neighbours come from a k-d tree, so that time grows linearly with points and memory not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from elterra.assimilation import _jax  # noqa: F401  (double precision first)

# isort: split
import jax
import jax.numpy as jnp
from jax import lax

from elterra.assimilation.ensemble_space import inflated_square_root, spectrum
from elterra.assimilation.filter import AnalysisError, Array, ObservationBatch, check_predicted
from elterra.assimilation.localisation import gaspari_cohn

#: weights below this are no observation
NEGLIGIBLE = 1e-3
#: adaptive localisation searches this many observations for each that is wanted: in two dimensions the mean
#: Gaspari-Cohn weight within the support is 0.15
_SEARCHED = 7
#: bytes of the gathered anomalies of a block
_BLOCK_BYTES = 48 * 2**20
_BISECTIONS = 24


@dataclass(frozen=True)
class Places:
    """Where observations and state are.

    points ``[point, axis]``, observed ``[observation, axis]``: coordinates in one unit (`on_sphere` makes them of latitude
    and longitude). period: length of the axes if they are periodic. depth ``[layer]``, observed_depth ``[observation]``
    (NaN: the datum has no depth), in one unit. layer_weight ``[layer, kind]`` in [0, 1]: localisation by variable.
    """

    points: Array
    observed: Array
    period: Array | None = None
    depth: Array | None = None
    observed_depth: Array | None = None
    layer_weight: Array | None = None


@dataclass(frozen=True)
class LocalAnalysis:
    """``x [layer, point, member]`` and diagnostics: per point ``[point]``, and of all."""

    x: Array
    half_support: Array
    used: NDArray[np.int64]
    diagnostics: dict[str, float]


@dataclass(frozen=True)
class LocalFilter:
    """LETKF.

    half_support: of the Gaspari-Cohn weights, unit of the coordinates. None, the default, chooses it for every point: the
    weights of the observations sum to ``effective`` (the number of members), the choice found best by Kirchgessner et al.
    (2014), but at most ``largest``.
    depth_half_support: the same by depth; None is no localisation by depth.
    inflation: factor of the prior anomalies of the whole ensemble (1: none).
    """

    half_support: float | None = None
    effective: float | None = None
    largest: float = np.inf
    depth_half_support: float | None = None
    inflation: float = 1.0

    def analyse(
        self, x: Array, predicted: Array, observations: ObservationBatch, places: Places
    ) -> LocalAnalysis:
        """``x [layer, point, member]``; ``predicted [observation, member]``. Points without observations keep their bits."""
        check_predicted(predicted, observations)
        self._check(x, predicted, observations, places)
        points, n, m = x.shape[1], len(observations), x.shape[2]
        out = x.copy()
        half = np.zeros(points)
        used = np.zeros(points, dtype=np.int64)
        dfs = 0.0
        if n:
            tree = cKDTree(places.observed, boxsize=places.period)
            device_s, device_d = self._whitened(predicted, observations)
            rows, of_layer = self._layer_weights(x.shape[0], observations, places)
            for start, stop, near, distance in self._blocks(tree, places.points, n, m):
                here = slice(start, stop)
                half_here, weights = (np.asarray(a) for a in self._weights(distance, m))
                half[here], used[here] = half_here[: stop - start], (weights > 0).sum(axis=1)[: stop - start]
                for row, weight in enumerate(rows):
                    total = weights * weight[near]
                    busy = (total[: stop - start] > 0).any(axis=1)
                    if not busy.any():
                        continue
                    transforms, freedom = (
                        np.asarray(a) for a in transforms_of(device_s, device_d, near, total)
                    )
                    layers = np.nonzero(of_layer == row)[0]
                    dfs += float(freedom[: stop - start].sum()) * len(layers) / x.shape[0]
                    for layer in layers:
                        moved = self._apply(x[layer, here], transforms[: stop - start])
                        # a point without observations keeps its bits
                        out[layer, here] = np.where(busy[:, None], moved, x[layer, here])
        return LocalAnalysis(
            out,
            half,
            used,
            {
                "observations": float(n),
                "points_without": float((used == 0).sum()),
                "mean_used": float(used.mean()) if points else 0.0,
                "mean_dfs": dfs / max(points, 1),
            },
        )

    def _whitened(self, predicted: Array, observations: ObservationBatch) -> tuple[jax.Array, jax.Array]:
        """Inflated anomalies ``[n + 1, m]`` and innovations ``[n + 1]`` in units of the errors; the last row is the
        observation that is not there."""
        n, m = predicted.shape
        mean = predicted.mean(axis=1)
        s, d = np.zeros((n + 1, m)), np.zeros(n + 1)
        s[:n] = self.inflation * (predicted - mean[:, None]) / observations.sd[:, None]
        d[:n] = (observations.value - mean) / observations.sd
        return jnp.asarray(s), jnp.asarray(d)

    def _apply(self, x: Array, transforms: Array) -> Array:
        """``x [point, member]`` by the transform of its point."""
        mean = x.mean(axis=-1, keepdims=True)
        anomalies = self.inflation * (x - mean)
        return mean + np.matmul(anomalies[:, None, :], transforms)[:, 0, :]

    def _blocks(
        self, tree: cKDTree, points: Array, n: int, m: int
    ) -> Iterator[tuple[int, int, NDArray[np.int64], Array]]:
        """``(start, stop, near [block, k], distance [block, k])``; a row that is full up with n at infinity.

        All blocks have one shape, so that one program serves them: the last is filled up with points that
        have no neighbours."""
        if self.half_support is None:
            reach, k = np.inf, min(n, int(np.ceil(_SEARCHED * (self.effective or m))))
        else:
            reach = 2.0 * self.half_support
            most = int(tree.query_ball_point(points, reach, return_length=True).max(initial=1))
            k = min(n, 1 << max(most - 1, 0).bit_length())
        largest = max(1, min(len(points), _BLOCK_BYTES // (8 * m * k)))
        count = -(-len(points) // largest)
        size = -(-len(points) // max(count, 1))
        for start in range(0, len(points), size):
            stop = min(len(points), start + size)
            near = np.full((size, k), n, dtype=np.int64)
            distance = np.full((size, k), np.inf)
            d, i = tree.query(points[start:stop], k=k, distance_upper_bound=reach)
            distance[: stop - start], near[: stop - start] = d.reshape(-1, k), i.reshape(-1, k)
            yield start, stop, near, distance

    def _weights(self, distance: Array, members: int) -> tuple[Array, Array]:
        if self.half_support is not None:
            weights = gaspari_cohn(np.minimum(distance, 2.0 * self.half_support), self.half_support)
            weights[weights < NEGLIGIBLE] = 0.0
            return np.full(len(distance), self.half_support), weights
        return _adaptive(jnp.asarray(distance), self.effective or float(members), self.largest)

    def _layer_weights(
        self, layers: int, observations: ObservationBatch, places: Places
    ) -> tuple[Array, NDArray[np.int64]]:
        """Distinct weights by depth and variable ``[row, observation + 1]``, and the row of each layer."""
        n = len(observations)
        weights = np.ones((layers, n + 1))
        weights[:, n] = 0.0
        if places.layer_weight is not None:
            weights[:, :n] *= places.layer_weight[:, observations.group]
        if self.depth_half_support is not None:
            if places.depth is None or places.observed_depth is None:
                raise AnalysisError(
                    "localisation by depth needs depth [layer] and observed_depth [observation]"
                )
            apart = np.abs(places.depth[:, None] - places.observed_depth[None, :])
            weights[:, :n] *= np.where(
                np.isfinite(apart), gaspari_cohn(np.nan_to_num(apart), self.depth_half_support), 1.0
            )
        rows, of_layer = np.unique(weights, axis=0, return_inverse=True)
        return rows, of_layer.reshape(-1)

    def _check(self, x: Array, predicted: Array, observations: ObservationBatch, places: Places) -> None:
        n = len(observations)
        if x.ndim != 3 or x.shape[2] != predicted.shape[1] or x.shape[1] != len(places.points):
            raise AnalysisError(
                f"x must be [layer, {len(places.points)} points, {predicted.shape[1]} members]; got {x.shape}"
            )
        if len(places.observed) != n:
            raise AnalysisError(f"{n} observations and {len(places.observed)} places of observations")
        if not np.isfinite(x).all():
            bad = np.unique(np.nonzero(~np.isfinite(x))[2])
            raise AnalysisError(f"members {bad.tolist()} have a state that is not finite")


def on_sphere(latitude: Array, longitude: Array, radius: float) -> Array:
    """``[point, 3]`` in the unit of ``radius`` from degrees; straight distances, for the k-d tree, are chords."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    return radius * np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


@jax.jit
def transforms_of(s, d, near, weights):
    """Transforms ``[point, member, member]`` from near, weights ``[point, k]``, and degrees of freedom ``[point]``."""
    root = jnp.sqrt(weights)

    def one(index, w):
        local = s[index] * w[:, None]
        values, vectors = spectrum(local)
        transform = inflated_square_root(values, vectors, local.T @ (d[index] * w), 1.0)
        return transform, (values / (local.shape[1] - 1 + values)).sum()

    return jax.vmap(one)(near, root)


@jax.jit
def _adaptive(distance, effective, largest):
    """Half support ``[point]`` at which the weights ``[point, k]`` sum to ``effective``, by bisection in its logarithm.

    The support never reaches beyond the observations that were searched, lest distant ones be cut off.
    """
    there = jnp.isfinite(distance)
    distance = jnp.where(there, distance, 1.0)  # rows that only fill the block up
    far = distance[:, -1]
    enough = distance.shape[1] > effective
    high = jnp.where(enough, 0.5 * far, jnp.inf)
    high = jnp.minimum(jnp.minimum(high, largest), 1e12 * jnp.maximum(far, 1.0))
    low = jnp.minimum(1e-6 * jnp.maximum(far, 1e-12), high)

    def taper(half):
        z = distance / half[:, None]
        inner = (((-0.25 * z + 0.5) * z + 0.625) * z - 5.0 / 3.0) * z * z + 1.0
        safe = jnp.maximum(z, 1.0)
        outer = ((((safe / 12 - 0.5) * safe + 0.625) * safe + 5.0 / 3.0) * safe - 5.0) * safe + 4.0
        outer = outer - 2.0 / (3.0 * safe)
        return jnp.where(
            there, jnp.clip(jnp.where(z <= 1, inner, jnp.where(z < 2, outer, 0.0)), 0.0, 1.0), 0.0
        )

    def halve(_, carry):
        low, high = carry
        middle = jnp.sqrt(low * high)
        less = taper(middle).sum(axis=1) < effective
        return jnp.where(less, middle, low), jnp.where(less, high, middle)

    top_reaches = taper(high).sum(axis=1) > effective
    a, b = lax.fori_loop(0, _BISECTIONS, halve, (low, high))
    half = jnp.where(top_reaches, jnp.sqrt(a * b), high)
    weights = taper(half)
    return half, jnp.where(weights < NEGLIGIBLE, 0.0, weights)
