"""Two-stream radiative transfer through the canopy, sunlit and shaded leaves.

Source: CLM5.0 technical note, chapter Surface Albedos, section Canopy Radiative Transfer (Sellers 1985,
Dickinson 1983), sunlit and shaded absorption after Bonan et al. (2011).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.fields import Fields

_MU_MIN = 0.001  # lowest cosine of the zenith angle used while the sun is up
_SNOW_UPSCATTER = 0.5  # upscatter of intercepted snow, direct and diffuse
_RESONANCE = 1.0e-5  # nearest approach of beam extinction and diffuse attenuation
_DEEPEST = 40.0  # largest optical depth, keeps exp(+depth) finite


def _stack(p: Fields, name: str) -> jax.Array:
    return jnp.stack([p[f"{name}vis"], p[f"{name}nir"]])


def canopy_transfer(
    p: Fields, veg: Fields, fcansno: jax.Array, coszen: jax.Array, albgrd: jax.Array, albgri: jax.Array
) -> Fields:
    """Fluxes through a canopy over ground of albedo ``albgrd``, ``albgri`` per unit incident flux.

    Args:
        p: leaf angle ``xl`` and ``rhol``, ``rhos``, ``taul``, ``taus`` + ``vis``, ``nir`` `[patch, column]`;
            ``omegas_vis``, ``omegas_nir`` (scattering of intercepted snow), ``extkn`` (leaf nitrogen profile).
        veg: ``elai``, ``esai`` `[patch, column]`.
        fcansno: canopy fraction covered by snow `[patch, column]`.
        coszen: `[column]`; values below 0.001 are raised to it, the caller masks the night.
        albgrd, albgri: ground albedo, direct and diffuse `[band, column]`, > 0.

    Returns:
        `[band, patch, column]`: ``albd``, ``albi``, ``fabd``, ``fabi``, ``fabd_sun``, ``fabi_sun``, ``ftdd``,
        ``ftid``, ``ftii``; `[patch, column]`: ``fsun``, ``vcmaxcintsun``, ``vcmaxcintsha``. Without leaves and
        stems: the ground's albedo, full transmission, fsun 0.
    """
    area = veg.elai + veg.esai
    leafy = area > 0.0
    lai = jnp.where(leafy, area, 1.0)
    leaf_share = jnp.where(leafy, veg.elai / lai, 0.5)
    mu = jnp.maximum(coszen, _MU_MIN)

    # Leaf angles: projection G, beam extinction K, mean diffuse optical depth per area.
    chi = jnp.clip(p.xl, -0.4, 0.6)
    chi = jnp.where(jnp.abs(chi) <= 0.01, 0.01, chi)
    phi1 = 0.5 - 0.633 * chi - 0.33 * chi * chi
    phi2 = 0.877 * (1.0 - 2.0 * phi1)
    g_dir = phi1 + phi2 * mu
    beam = g_dir / mu
    mu_bar = (1.0 - phi1 / phi2 * jnp.log((phi1 + phi2) / phi1)) / phi2
    slant = jnp.maximum(g_dir + phi2 * mu, 1.0e-6)
    shape = 1.0 - phi1 * mu / slant * jnp.log((phi1 * mu + slant) / (phi1 * mu))

    # Scattering of the mixture of leaves and stems, then of it and intercepted snow.
    rho = jnp.maximum(_stack(p, "rhol") * leaf_share + _stack(p, "rhos") * (1.0 - leaf_share), 1.0e-6)
    tau = jnp.maximum(_stack(p, "taul") * leaf_share + _stack(p, "taus") * (1.0 - leaf_share), 1.0e-6)
    bare_leaf = rho + tau
    single = 0.5 * bare_leaf * g_dir / slant * shape
    up_beam = (1.0 + mu_bar * beam) / (mu_bar * beam) * single  # omega times beta of the beam
    up_diffuse = 0.5 * (bare_leaf + (rho - tau) * (0.5 * (1.0 + chi)) ** 2)
    snow = jnp.stack([p.omegas_vis + jnp.zeros_like(fcansno), p.omegas_nir + jnp.zeros_like(fcansno)])
    omega = (1.0 - fcansno) * bare_leaf + fcansno * snow
    up_beam = (1.0 - fcansno) * up_beam + fcansno * snow * _SNOW_UPSCATTER
    up_diffuse = (1.0 - fcansno) * up_diffuse + fcansno * snow * _SNOW_UPSCATTER

    b = 1.0 - omega + up_diffuse
    c = up_diffuse
    m = jnp.sqrt(b * b - c * c)  # diffuse attenuation, in units of 1 / mu_bar
    k = mu_bar * beam + jnp.zeros_like(m)
    # The particular solution has a pole where the beam is attenuated like diffuse light: step aside.
    k = jnp.where(jnp.abs(k - m) < _RESONANCE, m + _RESONANCE, k)
    d = k * up_beam
    e = k * (omega - up_beam)
    sigma = k * k - m * m
    p1, p2, p3, p4 = b + m, b - m, b + k, b - k
    s1 = jnp.exp(-jnp.minimum(m / mu_bar * lai, _DEEPEST))
    s2 = jnp.exp(-jnp.minimum(k / mu_bar * lai, _DEEPEST))

    def boundary(alb: jax.Array) -> tuple[jax.Array, ...]:
        """Determinants of the lower boundary condition; all multiplied by the albedo where CLM divides."""
        u1, u2 = b * alb - c, b - c * alb
        lower, upper = u1 - m * alb, u1 + m * alb
        plus, minus = u2 + m, u2 - m
        return lower, upper, plus, minus, p1 * lower / s1 - p2 * upper * s1, plus / s1 - minus * s1

    alb = albgrd[:, None]
    lower, upper, plus, minus, d1, d2 = boundary(alb)
    h1 = (-d * p4 - c * e) / sigma
    h4 = (-e * p3 - c * d) / sigma
    t6 = d - h1 * p3
    t7 = (alb * (d - c) - h1 * (b * alb - c + k * alb)) * s2
    h2 = (t6 * lower / s1 - p2 * t7) / d1
    h3 = -(t6 * upper * s1 - p1 * t7) / d1
    t9 = (e + c * alb - h4 * (b - c * alb - k)) * s2
    h5 = -(h4 * plus / s1 + t9) / d2
    h6 = (h4 * minus * s1 + t9) / d2
    albd = h1 + h2 + h3
    ftdd = s2
    ftid = h4 * s2 + h5 * s1 + h6 / s1

    # Integrals over depth of sunlit fraction times diffuse flux.
    both = (1.0 - s2 * s2) * mu_bar / (2.0 * k)
    down = (1.0 - s2 * s1) * mu_bar / (k + m)
    rise = (1.0 - s2 / s1) * mu_bar / (k - m)
    fabd_sun = (1.0 - omega) * (1.0 - s2 + ((h1 + h4) * both + (h2 + h5) * down + (h3 + h6) * rise) / mu_bar)

    lower, upper, plus, minus, d1, d2 = boundary(albgri[:, None])
    h7, h8 = c * lower / (d1 * s1), -c * upper * s1 / d1
    h9, h10 = plus / (d2 * s1), -minus * s1 / d2
    albi = h7 + h8
    ftii = h9 * s1 + h10 / s1
    fabi_sun = (1.0 - omega) / mu_bar * ((h7 + h9) * down + (h8 + h10) * rise)

    # Without a canopy the ground shows. What is neither reflected nor absorbed below is absorbed by the canopy.
    albd, albi = jnp.where(leafy, albd, alb), jnp.where(leafy, albi, albgri[:, None])
    ftdd, ftid, ftii = jnp.where(leafy, ftdd, 1.0), jnp.where(leafy, ftid, 0.0), jnp.where(leafy, ftii, 1.0)
    fabd = 1.0 - albd - (1.0 - alb) * ftdd - (1.0 - albgri[:, None]) * ftid
    fabi = 1.0 - albi - (1.0 - albgri[:, None]) * ftii

    depth = jnp.minimum(beam * lai, _DEEPEST)
    fsun = -jnp.expm1(-depth) / depth
    # Vcmax of sunlit and shaded leaves relative to the top leaf: nitrogen falls with exp(-extkn LAI).
    green = leafy & (veg.elai > 0.0)
    elai = jnp.where(green, veg.elai, 1.0)
    sunlit = -jnp.expm1(-(p.extkn + beam) * elai) / (p.extkn + beam)
    shaded = -jnp.expm1(-p.extkn * elai) / p.extkn - sunlit
    zero = jnp.zeros_like(fabd)
    return Fields(
        albd=albd,
        albi=albi,
        fabd=jnp.where(leafy, fabd, zero),
        fabi=jnp.where(leafy, fabi, zero),
        fabd_sun=jnp.where(leafy, fabd_sun, zero),
        fabi_sun=jnp.where(leafy, fabi_sun, zero),
        ftdd=ftdd,
        ftid=ftid,
        ftii=ftii,
        fsun=jnp.where(leafy, fsun, 0.0),
        vcmaxcintsun=jnp.where(green, sunlit / (fsun * elai), 0.0),
        vcmaxcintsha=jnp.where(green, shaded / ((1.0 - fsun) * elai), 0.0),
    )
