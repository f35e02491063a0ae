"""Albedo of the ground: soil by colour and wetness, snow by grain size and sun.

Tech note, Surface_Albedos 3.2. SNICAR is replaced by a fit (see docs/science/radiation.md).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import DENH2O, TFRZ
from elterra.land.fields import Fields

# Albedo of dry and saturated soil by colour class (Lawrence and Chase 2007), visible and near infrared.
_SATURATED = (
    (0.25, 0.23, 0.21, 0.20, 0.19, 0.18, 0.17, 0.16, 0.15, 0.14, 0.13, 0.12, 0.11, 0.10, 0.09, 0.08, 0.07, 0.06, 0.05, 0.04),
    (0.50, 0.46, 0.42, 0.40, 0.38, 0.36, 0.34, 0.32, 0.30, 0.28, 0.26, 0.24, 0.22, 0.20, 0.18, 0.16, 0.14, 0.12, 0.10, 0.08),
)
_DRY = (
    (0.36, 0.34, 0.32, 0.31, 0.30, 0.29, 0.28, 0.27, 0.26, 0.25, 0.24, 0.23, 0.22, 0.20, 0.18, 0.16, 0.14, 0.12, 0.10, 0.08),
    (0.61, 0.57, 0.53, 0.51, 0.49, 0.48, 0.45, 0.43, 0.41, 0.39, 0.37, 0.35, 0.33, 0.31, 0.29, 0.27, 0.25, 0.23, 0.21, 0.16),
)
_WATER_DIFFUSE = 0.10

# Semi-infinite clean snow, diffuse light, visible and near infrared: 1 - a (r / 100 um)^b.
_SNOW_A = (0.0145, 0.286)
_SNOW_B = (0.47, 0.285)
# A lower sun shortens the way to the surface: like a grain smaller by (1 - k (0.65 - mu))^2.
_SUN_K = (0.55, 0.55)
#: mass extinction that fades a thin pack out to its ground, m2 kg-1 of a 100 um grain, by band
_EXTINCTION = (0.35, 4.5)


def soil_albedo(p: Fields, s: Fields, f: Fields, cfg: Config) -> tuple[jax.Array, jax.Array]:
    """Direct and diffuse albedo ``[band, column]`` of soil and standing water (not snow).

    Standing water covers ``frac_h2osfc`` of the ground; frozen water reflects like dry light soil.
    """
    top = cfg.nlevsno
    volume = s.h2osoi_liq[top] / (DENH2O * p.dzsoi[0]) + s.h2osoi_ice[top] / (917.0 * p.dzsoi[0])
    dryness = jnp.maximum(0.11 - 0.40 * volume, 0.0)
    colour = jnp.clip(p.soil_color - 1, 0, 19)
    saturated = jnp.asarray(_SATURATED)[:, colour]
    dry = jnp.asarray(_DRY)[:, colour]
    soil = jnp.minimum(saturated + dryness, dry)
    water_direct = 0.05 / (jnp.maximum(0.001, f.coszen) + 0.15)
    frozen = s.t_h2osfc < TFRZ
    water_direct = jnp.where(frozen, 0.4, jnp.minimum(water_direct, 0.33))
    water_diffuse = jnp.where(frozen, 0.4, _WATER_DIFFUSE)
    w = s.frac_h2osfc
    return (1.0 - w) * soil + w * water_direct, (1.0 - w) * soil + w * water_diffuse


def snow_albedo(
    radius: jax.Array, mass: jax.Array, coszen: jax.Array, under: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    """Direct and diffuse albedo ``[band, column]`` of clean snow.

    radius: optical grain radius of the surface (um); mass: snow per covered area (kg m-2); coszen: cosine of the
    zenith angle; under: direct and diffuse albedo of what lies below.
    """
    size = jnp.clip(radius, 30.0, 1500.0) / 100.0
    mu = jnp.clip(coszen, 0.05, 1.0)
    direct, diffuse = [], []
    for band in range(2):
        log_size = jnp.log(size)
        thick = 1.0 - _SNOW_A[band] * jnp.exp(_SNOW_B[band] * log_size)
        shrink = 2.0 * jnp.log(1.0 - _SUN_K[band] * (0.65 - mu))
        thick_direct = 1.0 - _SNOW_A[band] * jnp.exp(_SNOW_B[band] * (log_size + shrink))
        seen = jnp.exp(-_EXTINCTION[band] * mass / jnp.sqrt(size))
        diffuse.append(thick + (under[1][band] - thick) * seen)
        direct.append(thick_direct + (under[0][band] - thick_direct) * seen)
    return jnp.stack(direct), jnp.stack(diffuse)
