"""From the means of a run to the equilibrium state."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import SECSPDAY
from elterra.land.fields import Fields
from elterra.land.mortality import (
    litter_to_soil,
    mortality_fraction,
    root_profile,
    surface_profile,
    wood_turnover_fraction,
)
from elterra.spinup._matrix import soil_equilibrium

_YEAR = 365.0 * SECSPDAY


def _vegetation(p: Fields, s: Fields, means: Mapping[str, jax.Array], cfg: Config) -> dict[str, jax.Array]:
    """Displayed carbon (g m-2 ``[patch, column]``) at which mean input and turnover balance, in the step's
    own order: turnover, input, mortality."""
    m = mortality_fraction(p, cfg)
    turn = wood_turnover_fraction(p, cfg)
    woody = (p.woody > 0.5) & (p.pft > 0)
    evergreen = (p.evergreen > 0.5) & (p.pft > 0)
    new = {}

    def balance(gain: jax.Array, loss: jax.Array) -> jax.Array:
        return gain * (1.0 - m) / (1.0 - (1.0 - loss) * (1.0 - m))

    for organ in ("stem", "croot"):
        live = balance(means[f"sasu_input_live{organ}c"] * cfg.dt, turn)
        # of what is live at the start of a step, `turn` joins the dead wood
        dead = balance(means[f"sasu_input_dead{organ}c"] * cfg.dt + turn * live, jnp.zeros_like(turn))
        new[f"live{organ}c"] = jnp.where(woody, live, s[f"live{organ}c"])
        new[f"dead{organ}c"] = jnp.where(woody, dead, s[f"dead{organ}c"])
    fall = cfg.dt / (jnp.maximum(p.leaf_long, 1.0e-3) * _YEAR)
    for tissue in ("leaf", "froot"):
        steady = balance(means[f"sasu_input_{tissue}c"] * cfg.dt, fall)
        new[f"{tissue}c"] = jnp.where(evergreen, steady, s[f"{tissue}c"])
    return new


def steady_state(
    p: Fields, s: Fields, means: Mapping[str, jax.Array], cfg: Config, *, vegetation: bool = True
) -> Fields:
    """The state ``s`` with litter, woody debris, soil and plant pools at the equilibrium of the mean climate.

    ``means`` are time means over whole years of the outputs of `carbon_nitrogen` whose names start with
    ``sasu_`` (`Accumulation.means`). Rates of decomposition are weighted by the carbon they act on, mean
    loss over mean pool. Wood of all woody types and leaves and fine roots of evergreen ones are set to input over
    turnover, with the C:N they have (nominal where they are empty); the litter they shed is corrected for it
    before the soil is solved, once.
    Leaves and roots of deciduous types, storage, mineral nitrogen and the plants' debt keep their values and
    settle within few seasons.

    The fluxes depend on the pools (leaf area on leaves, nitrogen on soils), so repeat: run some years, call
    this, run again; three rounds bring the drift of soil carbon below one per mille per year. With
    ``vegetation=False`` only the soil is solved.
    """
    pool = means["sasu_pool_c"]
    there = pool > 1.0e-12
    rates = jnp.where(there, means["sasu_loss_c"] / jnp.where(there, pool, 1.0), means["sasu_decomp_k"])
    litter_c, litter_n = means["sasu_litter_c"], means["sasu_litter_n"]
    new: dict[str, jax.Array] = {}
    if vegetation:
        new = _vegetation(p, s, means, cfg)
        ratios = {
            "leaf": p.leafcn,
            "froot": p.frootcn,
            "livestem": p.livewdcn,
            "deadstem": p.deadwdcn,
            "livecroot": p.livewdcn,
            "deadcroot": p.deadwdcn,
        }
        for tissue, ratio in ratios.items():
            nominal = jnp.where(ratio > 0.0, 1.0 / jnp.where(ratio > 0.0, ratio, 1.0), 0.0)
            old_c, old_n = s[f"{tissue}c"], s[f"{tissue}n"]
            changed = new[f"{tissue}c"] != old_c
            known = (old_c > 0.0) & (old_n > 0.0)  # C:N floats: the run knows better than the table
            nc = jnp.where(known, old_n / jnp.where(known, old_c, 1.0), nominal)
            new[f"{tissue}n"] = jnp.where(changed & (ratio > 0.0), new[f"{tissue}c"] * nc, old_n)

        m = mortality_fraction(p, cfg) / cfg.dt
        fall = 1.0 / (jnp.maximum(p.leaf_long, 1.0e-3) * _YEAR)
        surface, roots = surface_profile(p), root_profile(p)

        def extra(element: str, leaf_share: jax.Array | float) -> jax.Array:
            more = {t: new[f"{t}{element}"] - s[f"{t}{element}"] for t in ratios}
            nothing = jnp.zeros_like(more["leaf"])
            return litter_to_soil(
                p,
                surface,
                roots,
                leaf=more["leaf"] * (m + fall * leaf_share),
                froot=more["froot"] * (m + fall),
                stem=(more["livestem"] + more["deadstem"]) * m,
                croot=(more["livecroot"] + more["deadcroot"]) * m,
                labile_above=nothing,
                labile_below=nothing,
            )

        kept = jnp.minimum(p.leafcn / p.lflitcn, 1.0)
        litter_c = jnp.maximum(litter_c.at[:4].add(extra("c", 1.0)), 0.0)
        litter_n = jnp.maximum(litter_n.at[:4].add(extra("n", kept)), 0.0)
    new["decomp_cpools"], new["decomp_npools"] = soil_equilibrium(p, rates, litter_c, litter_n)
    return s.replace(**new)
