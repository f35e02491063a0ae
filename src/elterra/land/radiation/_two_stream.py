"""Two-stream transfer through one canopy layer (Dickinson 1983, Sellers 1985; tech note 3.1)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Canopy(NamedTuple):
    """Optics of a canopy, ``[patch, column]`` or ``[band, patch, column]``."""

    area: jax.Array  #: leaf and stem area, > 0
    gdir: jax.Array  #: projection of leaves towards the sun
    twostext: jax.Array  #: extinction of the direct beam
    avmu: jax.Array  #: mean inverse optical depth of diffuse light
    omega: jax.Array  #: scattering coefficient
    betad: jax.Array  #: upscatter of direct light
    betai: jax.Array  #: upscatter of diffuse light


class Fluxes(NamedTuple):
    """For unit incident radiation ``[band, patch, column]``."""

    albedo: jax.Array
    absorbed: jax.Array
    absorbed_sun: jax.Array
    transmitted_direct: jax.Array
    transmitted_diffuse: jax.Array


def leaf_geometry(xl: jax.Array, mu: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """``gdir``, ``twostext``, ``avmu`` and the single-scattering albedo factor for leaf angle index ``xl``."""
    chil = jnp.clip(xl, -0.4, 0.6)
    chil = jnp.where(jnp.abs(chil) <= 0.01, 0.01, chil)
    phi1 = 0.5 - 0.633 * chil - 0.330 * chil * chil
    phi2 = 0.877 * (1.0 - 2.0 * phi1)
    gdir = phi1 + phi2 * mu
    avmu = (1.0 - phi1 / phi2 * jnp.log((phi1 + phi2) / phi1)) / phi2
    temp0 = jnp.maximum(gdir + phi2 * mu, 1e-6)
    temp1 = phi1 * mu
    temp2 = 1.0 - temp1 / temp0 * jnp.log((temp1 + temp0) / temp1)
    return gdir, gdir / mu, avmu, 0.5 * gdir / temp0 * temp2


def two_stream(c: Canopy, ground_direct: jax.Array, ground_diffuse: jax.Array) -> tuple[Fluxes, Fluxes]:
    """Fluxes for direct and for diffuse incident light over a ground of given albedo ``[band, 1, column]``."""
    omega, betad, betai, avmu, k = c.omega, c.betad, c.betai, c.avmu, c.twostext
    b = 1.0 - omega + omega * betai
    c1 = omega * betai
    tmp0 = avmu * k
    d = tmp0 * omega * betad
    f = tmp0 * omega * (1.0 - betad)
    h = jnp.sqrt(jnp.maximum(b * b - c1 * c1, 1e-12)) / avmu
    sigma = tmp0 * tmp0 + c1 * c1 - b * b
    # The solution is singular where the beam and the diffuse field decay alike; step off that point.
    sigma = jnp.where(jnp.abs(sigma) < 1e-5, jnp.where(sigma < 0, -1e-5, 1e-5), sigma)
    p1, p2 = b + avmu * h, b - avmu * h
    p3, p4 = b + tmp0, b - tmp0
    s1 = jnp.exp(-jnp.minimum(h * c.area, 40.0))
    s2 = jnp.exp(-jnp.minimum(k * c.area, 40.0))

    def absorbed_along_beam(a: jax.Array, up: jax.Array, down: jax.Array) -> jax.Array:
        """Integral of a diffuse stream over sunlit leaves: coefficients of exp(-kx), exp(-hx), exp(hx)."""
        gap = k - h
        gap = jnp.where(jnp.abs(gap) < 1e-6, 1e-6, gap)
        return a * (1.0 - s2 * s2) / (2.0 * k) + up * (1.0 - s2 * s1) / (k + h) + down * (1.0 - s2 / s1) / gap

    # direct
    u1, u2, u3 = b - c1 / ground_direct, b - c1 * ground_direct, f + c1 * ground_direct
    tmp2, tmp3 = u1 - avmu * h, u1 + avmu * h
    d1 = p1 * tmp2 / s1 - p2 * tmp3 * s1
    tmp4, tmp5 = u2 + avmu * h, u2 - avmu * h
    d2 = tmp4 / s1 - tmp5 * s1
    h1 = -d * p4 - c1 * f
    tmp6 = d - h1 * p3 / sigma
    tmp7 = (d - c1 - h1 / sigma * (u1 + tmp0)) * s2
    h2 = (tmp6 * tmp2 / s1 - p2 * tmp7) / d1
    h3 = -(tmp6 * tmp3 * s1 - p1 * tmp7) / d1
    h4 = -f * p3 - c1 * d
    tmp8 = h4 / sigma
    tmp9 = (u3 - tmp8 * (u2 - tmp0)) * s2
    h5 = -(tmp8 * tmp4 / s1 + tmp9) / d2
    h6 = (tmp8 * tmp5 * s1 + tmp9) / d2
    albedo = h1 / sigma + h2 + h3
    through = h4 * s2 / sigma + h5 * s1 + h6 / s1
    streams = absorbed_along_beam(h1 / sigma, h2, h3) + absorbed_along_beam(h4 / sigma, h5, h6)
    sun = (1.0 - omega) * (1.0 - s2 + streams / avmu)
    absorbed = 1.0 - albedo - (1.0 - ground_direct) * s2 - (1.0 - ground_diffuse) * through
    direct = Fluxes(albedo, absorbed, sun, s2 + 0.0 * albedo, through)

    # diffuse
    u1, u2 = b - c1 / ground_diffuse, b - c1 * ground_diffuse
    tmp2, tmp3 = u1 - avmu * h, u1 + avmu * h
    d1 = p1 * tmp2 / s1 - p2 * tmp3 * s1
    tmp4, tmp5 = u2 + avmu * h, u2 - avmu * h
    d2 = tmp4 / s1 - tmp5 * s1
    h7, h8 = c1 * tmp2 / (d1 * s1), -c1 * tmp3 * s1 / d1
    h9, h10 = tmp4 / (d2 * s1), -tmp5 * s1 / d2
    albedo = h7 + h8
    through = h9 * s1 + h10 / s1
    zero = jnp.zeros_like(albedo)
    streams = absorbed_along_beam(zero, h7, h8) + absorbed_along_beam(zero, h9, h10)
    sun = (1.0 - omega) * streams / avmu
    absorbed = 1.0 - albedo - (1.0 - ground_diffuse) * through
    return direct, Fluxes(albedo, absorbed, sun, zero, through)
