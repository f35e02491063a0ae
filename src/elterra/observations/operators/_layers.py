"""From soil layers to a depth: linear between nodes, or a mean over the soil that a sensor feels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.observations.operators._errors import OperatorError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SoilLayers:
    """Geometry of the model's soil layers.

    interfaces : ``[layer + 1]`` depths of the layer boundaries, m, the surface (0) first; nodes are the middles, as
        in CLM5 (technical note 2.2.2)
    """

    interfaces: tuple[float, ...]

    def __post_init__(self) -> None:
        z = np.asarray(self.interfaces, float)
        if z.ndim != 1 or z.size < 2 or z[0] != 0.0 or not (np.diff(z) > 0.0).all():
            raise OperatorError("interfaces of the soil layers must increase from 0 (m)")
        object.__setattr__(self, "interfaces", tuple(float(v) for v in z))

    @property
    def thickness(self) -> Array:
        return np.diff(self.interfaces)

    @property
    def nodes(self) -> Array:
        z = np.asarray(self.interfaces)
        return 0.5 * (z[:-1] + z[1:])

    def at(self, depth: float) -> Array:
        """Weights ``[layer]`` of the value at a depth: linear between the nodes, constant above the first and below
        the last."""
        nodes = self.nodes
        if not 0.0 <= depth <= self.interfaces[-1]:
            raise OperatorError(f"depth {depth:g} m is not within the soil of {self.interfaces[-1]:g} m")
        out = np.zeros(nodes.size)
        below = int(np.clip(np.searchsorted(nodes, depth), 1, nodes.size - 1)) if nodes.size > 1 else 0
        if below == 0:
            out[0] = 1.0
            return out
        share = np.clip((depth - nodes[below - 1]) / (nodes[below] - nodes[below - 1]), 0.0, 1.0)
        out[below - 1], out[below] = 1.0 - share, share
        return out

    def overlap(self, top: float, bottom: float) -> Array:
        """Thickness ``[layer]`` of each layer that lies between two depths, m; sum ``bottom - top``."""
        if not 0.0 <= top < bottom <= self.interfaces[-1]:
            raise OperatorError(
                f"depths {top:g} to {bottom:g} m are not within 0 to {self.interfaces[-1]:g} m"
            )
        z = np.asarray(self.interfaces)
        return np.maximum(np.minimum(z[1:], bottom) - np.maximum(z[:-1], top), 0.0)

    def mean(self, top: float, bottom: float) -> Array:
        """Weights ``[layer]`` of the mean between two depths (sum 1); at one depth where they are equal."""
        return self.at(top) if top == bottom else self.overlap(top, bottom) / (bottom - top)


def by_depth(layers: SoilLayers, depth: Array) -> tuple[Array, NDArray[np.int64]]:
    """Weights ``[depth, layer]`` of the distinct rows of `depth` ``[observation, 2]``, and which each observation has."""
    if not np.isfinite(depth).all():
        raise OperatorError("observations in the soil need a depth")
    distinct, which = np.unique(depth, axis=0, return_inverse=True)
    return np.stack([layers.mean(float(a), float(b)) for a, b in distinct]), np.ravel(which)
