"""Optics of what makes snow dirty: soot, and CLM5's black carbon and dust."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

# Mass extinction (m2 kg-1), single scattering albedo and asymmetry of SNICAR's tables in its five bands, one row a species
# in the order of `elterra.land.snow.SPECIES` (CLM5 `snicar_optics_5bnd`). Beyond 1.2 um SNICAR leaves impurities out.
_EXTINCTION = np.array(
    [
        (25368.61, 12520.38, 7738.643, 0.0, 0.0),
        (11398.454, 5922.761, 4039.889, 0.0, 0.0),
        (2686.9033, 2419.9814, 1627.5169, 0.0, 0.0),
        (841.08943, 987.4062, 1183.5228, 0.0, 0.0),
        (387.85424, 419.10972, 399.55945, 0.0, 0.0),
        (196.63806, 202.8774, 208.30443, 0.0, 0.0),
    ]
)
_ALBEDO = np.array(
    [
        (0.51594531, 0.43431363, 0.34610377, 0.0, 0.0),
        (0.28768532, 0.18657728, 0.12315224, 0.0, 0.0),
        (0.97891106, 0.99417592, 0.99335758, 0.0, 0.0),
        (0.94375225, 0.98419167, 0.98930906, 0.0, 0.0),
        (0.90404453, 0.96465163, 0.96827581, 0.0, 0.0),
        (0.8498182, 0.94046033, 0.94831631, 0.0, 0.0),
    ]
)
_ASYMMETRY = np.array(
    [
        (0.52151772, 0.3445719, 0.24404816, 0.0, 0.0),
        (0.35023188, 0.21192424, 0.14618868, 0.0, 0.0),
        (0.69090811, 0.71775907, 0.67151125, 0.0, 0.0),
        (0.69947868, 0.65199239, 0.69573844, 0.0, 0.0),
        (0.78563628, 0.74979674, 0.68330118, 0.0, 0.0),
        # the albedo of the largest dust again: so it stands in CLM's file
        (0.8498182, 0.94046033, 0.94831631, 0.0, 0.0),
    ]
)


class Impurities(NamedTuple):
    """What impurities add to the optics of a unit mass of snow, each ``[5, snow_layer, column]``."""

    extinction: jax.Array  #: m2 kg-1
    absorption: jax.Array  #: m2 kg-1
    forward: jax.Array  #: scattering times asymmetry, m2 kg-1


def _of(species: int, share: jax.Array) -> Impurities:
    def band(x: np.ndarray) -> jax.Array:
        return share * x[:, None, None]

    extinction, albedo = _EXTINCTION[species], _ALBEDO[species]
    return Impurities(
        band(extinction), band(extinction * (1.0 - albedo)), band(extinction * albedo * _ASYMMETRY[species])
    )


def soot(share: jax.Array) -> Impurities:
    """A mass fraction ``[snow_layer, column]`` of soot coated with sulphate."""
    return _of(0, share)


def aerosols(mass: jax.Array, snow: jax.Array, active: jax.Array) -> Impurities:
    """Black carbon and dust ``mass`` ``[aerosol, snow_layer, column]`` in ``snow`` ``[snow_layer, column]`` (kg m-2)."""
    weight = jnp.where(active & (snow > 0.0), 1.0 / jnp.where(snow > 0.0, snow, 1.0), 0.0)
    parts = [_of(i, mass[i] * weight) for i in range(len(_EXTINCTION))]
    total = parts[0]
    for part in parts[1:]:
        total = Impurities(*(a + b for a, b in zip(total, part, strict=True)))
    return total
