"""The state: shapes from the registry, and a cold start."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from elterra.land.config import NLEVGRND, NLEVSOI, NPOOLS, Config
from elterra.land.constants import DENH2O, DENICE, TFRZ
from elterra.land.fields import Fields
from elterra.land.photosynthesis import NSEGMENTS
from elterra.land.snow import SPECIES
from elterra.land.vegetation import cold_start_vegetation
from elterra.registry import variables


def dimension_sizes(cfg: Config, patches: int, columns: int) -> dict[str, int]:
    """Length of every dimension the registry knows."""
    return {
        "column": columns,
        "patch": patches,
        "snow_layer": cfg.nlevsno,
        "aerosol": len(SPECIES),
        "soil_layer": NLEVSOI,
        "ground_layer": NLEVGRND,
        "snow_ground_layer": cfg.nlevtot,
        "pool": NPOOLS,
        "band": 2,
        "segment": NSEGMENTS,
    }


def state_names(cfg: Config) -> tuple[str, ...]:
    """Names of the state variables of a configuration, from the registry: those of fire and aerosols only where there are
    any."""
    left_out = () if cfg.fire == "li" else ("fire",)
    left_out += () if cfg.aerosols == "deposition" else ("aerosols",)
    return tuple(sorted(n for n, v in variables().items() if v.kind == "state" and v.room not in left_out))


def cold_start(
    p: Fields, cfg: Config, wetness: float = 0.6, temperature: float | jax.Array = 278.0
) -> Fields:
    """A state to begin with: no snow, soil at ``wetness`` of pore space and one ``temperature`` (K), young vegetation.

    Everything else starts at the registry's ``initial``. Water of soil below freezing starts as ice.
    """
    patches, columns = p.wt.shape
    sizes = dimension_sizes(cfg, patches, columns)
    table = variables()
    start = {}
    for name in state_names(cfg):
        item = table[name]
        shape = tuple(sizes[d] for d in item.dims)
        if item.initial is None:
            raise ValueError(f"registry/variables.toml [{name}]: a state variable needs `initial`")
        kind = jnp.int32 if name == "snl" else jnp.float64
        start[name] = jnp.full(shape, item.initial, dtype=kind)
    temperature = jnp.broadcast_to(jnp.asarray(temperature, dtype=jnp.float64), (columns,))
    ground = jnp.arange(cfg.nlevtot)[:, None] >= cfg.nlevsno
    start["t_soisno"] = jnp.broadcast_to(temperature, (cfg.nlevtot, columns)) + 0.0
    hydrologic = (jnp.arange(NLEVGRND)[:, None] < p.nbedrock) & (jnp.arange(NLEVGRND)[:, None] < NLEVSOI)
    volume = jnp.where(hydrologic, wetness * p.watsat, 0.0) * p.dzsoi
    water = jnp.concatenate([jnp.zeros((cfg.nlevsno, columns)), volume * DENH2O])
    frozen = start["t_soisno"] < TFRZ
    start["h2osoi_liq"] = jnp.where(ground & ~frozen, water, 0.0)
    start["h2osoi_ice"] = jnp.where(ground & frozen, water * (DENICE / DENH2O), 0.0)
    start["t_veg"] = jnp.broadcast_to(temperature, (patches, columns)) + 0.0
    start["t_h2osfc"] = temperature + 0.0
    start.update(cold_start_vegetation(p))
    # Weakly typed arrays would make the second call of a compiled function another program than the first.
    return Fields({name: lax.convert_element_type(x, x.dtype) for name, x in start.items()})


def tile_state(s: Fields, columns: int) -> Fields:
    """One column's state (the first) for all ``columns``."""
    return jax.tree.map(lambda x: jnp.repeat(x[..., :1], columns, axis=-1), s)
