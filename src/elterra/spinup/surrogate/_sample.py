"""What a surrogate sees and answers: one map of columns with its analytic prior, in named channels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.errors import InputError

Array = NDArray[np.floating]
#: totals of a column by name: which pools, by the end of their names, surface and soil
TOTALS = (
    "soil_c",
    "litter_c",
    "vegetation_c",
    "ecosystem_c",
    "soil_n",
    "litter_n",
    "vegetation_n",
    "ecosystem_n",
)


@dataclass(frozen=True)
class Layout:
    """Names of the channels. Pools end in ``c`` or ``n`` (g m-2 at the surface, g m-3 in soil layers); those of soil whose
    name begins with ``soil`` are soil organic matter, the others litter."""

    surface_inputs: tuple[str, ...]
    soil_inputs: tuple[str, ...]
    scalars: tuple[str, ...]
    surface_pools: tuple[str, ...]
    soil_pools: tuple[str, ...]

    def __post_init__(self) -> None:
        wrong = [n for n in (*self.surface_pools, *self.soil_pools) if n[-1:] not in ("c", "n")]
        if wrong:
            raise InputError(f"Layout: names of pools end in c or n (carbon, nitrogen); got {wrong}")

    @property
    def counts(self) -> dict[str, Any]:
        """Numbers of channels as `networks.SwinShape` takes them."""
        return {
            "surface_inputs": len(self.surface_inputs),
            "soil_inputs": len(self.soil_inputs),
            "scalars": len(self.scalars),
            "surface_outputs": len(self.surface_pools),
            "soil_outputs": len(self.soil_pools),
        }

    def members(self, total: str) -> tuple[list[int], list[int]]:
        """Indices of the surface and the soil pools that a total of `TOTALS` sums."""
        kind, _, element = total.rpartition("_")
        surface = [i for i, n in enumerate(self.surface_pools) if n.endswith(element)]
        soil = [i for i, n in enumerate(self.soil_pools) if n.endswith(element)]
        organic = {i for i in soil if self.soil_pools[i].startswith("soil")}
        if kind == "vegetation":
            return surface, []
        if kind == "soil":
            return [], sorted(organic)
        if kind == "litter":
            return [], [i for i in soil if i not in organic]
        return surface, soil

    def pairs(self, pools: tuple[str, ...]) -> list[tuple[int, int]]:
        """Indices of the carbon and the nitrogen of each tissue or matter."""
        place = {n: i for i, n in enumerate(pools)}
        return [
            (i, place[n[:-1] + "n"]) for n, i in place.items() if n.endswith("c") and n[:-1] + "n" in place
        ]


@dataclass(frozen=True)
class Sample:
    """One map. ``surface [lat, lon, input]``, ``soil [layer, lat, lon, input]``, ``scalars [scalar]``; ``valid [layer, lat,
    lon]`` soil above bedrock, ``land [lat, lon]``; ``area [lat, lon]`` (any unit), ``thickness [layer]`` m, ``group [lat,
    lon]`` whole numbers (a plant type) for calibration.

    ``prior_surface [lat, lon, pool]`` g m-2, ``prior_soil [layer, lat, lon, pool]`` g m-3: the analytic steady state.
    ``true_*``: the equilibrium, where it is known; ``known [lat, lon]`` where it may be used.
    ``operator [lat, lon, n, n]`` and ``inputs [lat, lon, n]``, if given: the balance ``operator x = inputs`` of soil carbon
    (g m-3, year-1; pools outermost, then layers), for the loss.
    """

    surface: Array
    soil: Array
    scalars: Array
    valid: NDArray[np.bool_]
    land: NDArray[np.bool_]
    area: Array
    thickness: Array
    group: NDArray[np.integer]
    prior_surface: Array
    prior_soil: Array
    true_surface: Array | None = None
    true_soil: Array | None = None
    known: NDArray[np.bool_] | None = None
    operator: Array | None = None
    inputs: Array | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Cells along latitude and longitude."""
        lat, lon = self.land.shape
        return lat, lon

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Land cells whose truth may be used, ``[lat, lon]``."""
        if self.true_surface is None or self.true_soil is None:
            raise InputError("Sample: no true pools; give true_surface and true_soil")
        return self.land if self.known is None else self.land & self.known

    def only(self, where: NDArray[np.bool_]) -> Sample:
        """The same map, its truth known in these cells only."""
        return replace(self, known=self.usable & where)

    def totals(self, layout: Layout, surface: Array, soil: Array) -> dict[str, Array]:
        """Column totals (g m-2, ``[lat, lon]``) of pools given as `prior_surface` and `prior_soil` are."""
        depth = np.where(self.valid, self.thickness[:, None, None], 0.0)
        column = np.einsum("zij,zijp->ijp", depth, np.where(self.valid[..., None], soil, 0.0))
        found = {}
        for name in TOTALS:
            above, below = layout.members(name)
            found[name] = surface[..., above].sum(axis=-1) + column[..., below].sum(axis=-1)
        return found


def check(sample: Sample, layout: Layout, where: str) -> None:
    """Raises InputError where shapes and names do not agree or a valid cell holds no number."""
    lat, lon = sample.size
    layers = len(sample.thickness)
    shapes = {
        "surface": (lat, lon, len(layout.surface_inputs)),
        "soil": (layers, lat, lon, len(layout.soil_inputs)),
        "scalars": (len(layout.scalars),),
        "valid": (layers, lat, lon),
        "area": (lat, lon),
        "group": (lat, lon),
        "prior_surface": (lat, lon, len(layout.surface_pools)),
        "prior_soil": (layers, lat, lon, len(layout.soil_pools)),
    }
    if sample.true_surface is not None:
        shapes |= {"true_surface": shapes["prior_surface"], "true_soil": shapes["prior_soil"]}
    usable = sample.land if sample.true_surface is None else sample.usable
    for name, shape in shapes.items():
        value = np.asarray(getattr(sample, name))
        if value.shape != shape:
            raise InputError(f"{where}: {name} must be {list(shape)}; got {list(value.shape)}")
        cells = usable if name.startswith("true") else sample.land
        inside = (sample.valid & cells) if value.ndim == 4 else cells
        if value.ndim >= 3 and name not in ("valid", "group") and not np.isfinite(value[inside]).all():
            raise InputError(
                f"{where}: {name} is not finite in some valid cell; mark the cell as no land, or mend it"
            )
        if name.startswith(("prior", "true")) and (value[inside] < 0.0).any():
            raise InputError(f"{where}: {name} holds negative pools; the least is {value[inside].min():.3g}")
