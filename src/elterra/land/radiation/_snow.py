"""Albedo of a layered snow pack and where in it light is absorbed.

A SNICAR (Flanner & Zender 2006; Toon et al. 1989): five bands (0.3-0.7 visible; 0.7-1.0,
1.0-1.2, 1.2-1.5, 1.5-5.0 um near infrared), delta-scaled two-stream layers (Eddington in the visible, hemispheric
mean in the near infrared). The layers are joined by adding instead of a tridiagonal solve: the same solution, without
negative absorption and so without SNICAR's retries. Ice optics are fits, not a table.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from elterra.land.radiation._impurities import Impurities

# Polynomials in ln(radius / 200 um), one row a band: ln(1 - single scattering albedo), asymmetry, ln(mass
# extinction in m2 kg-1). Fitted over 50-1500 um to the mean of the direct and diffuse Mie tables of SNICAR; largest
# errors 0.7 % (1.5-5 um: see docs/science/radiation.md) of the co-albedo, 6e-4 of the asymmetry, 0.25 % of the extinction.
_CO_ALBEDO = (
    (-10.7151, 0.974491, 0.00651559, 0.00331391, -0.00217646),
    (-7.41155, 0.948724, -0.00607449, -0.00126253, -0.000235523),
    (-5.37448, 0.967102, 0.0022252, -0.00605858, 0.00108673),
    (-3.82454, 0.840502, 0.0455644, -0.00998559, -0.00278398),
    (-1.57834, 0.611228, -0.0762453, -0.0167564, -0.000515589),
)  # fmt: skip
_ASYMMETRY = (
    (0.890184, 0.00129916, -0.000610686, 0.000172986, -2.39686e-05),
    (0.892726, 0.00211233, -0.000890241, 0.000232039, -1.30269e-05),
    (0.894381, 0.00312334, -0.000794926, 0.000475257, -3.14927e-05),
    (0.901973, 0.00768757, -0.000336626, 0.000421724, 8.04092e-05),
    (0.938599, 0.0232387, -0.000666447, -0.00113295, -4.63919e-05),
)  # fmt: skip
_EXTINCTION = (
    (2.10747, -1.00403, 0.000998666),
    (2.10975, -1.00567, 0.00139181),
    (2.11132, -1.0069, 0.00174583),
    (2.1124, -1.00735, 0.00176967),
    (2.1155, -1.00956, 0.0023282),
)
_BANDS = 5
# Shares of the four near-infrared bands under direct and diffuse light (mid-latitude winter spectra of SNICAR).
_SHARE_DIRECT = np.array([0.49352158521175, 0.18099494230665, 0.12094898498813, 0.20453448749347])
_SHARE_DIFFUSE = np.array([0.58581507618433, 0.20156903770812, 0.10917889346386, 0.10343699264369])
_RADII = (30.0, 1500.0)  # um, range of the optics
_POLE = 1.0e-6


def _polynomial(table: tuple[tuple[float, ...], ...], x: jax.Array) -> jax.Array:
    coefficients = np.array(table).T  # [power, band]
    total = jnp.full((_BANDS, *x.shape), coefficients[-1][:, None, None])
    for row in coefficients[-2::-1]:
        total = row[:, None, None] + x * total
    return total


class Optics(NamedTuple):
    """Ice grains of the layers in the five bands, ``[band, snow_layer, column]``."""

    co_albedo: jax.Array  #: 1 - single scattering albedo
    asymmetry: jax.Array
    extinction: jax.Array  #: m2 kg-1


def fitted_optics(radius: jax.Array) -> Optics:
    """Optics of grains of effective ``radius`` (um, held to 30-1500) ``[snow_layer, column]``, by polynomials."""
    x = jnp.log(jnp.clip(radius, *_RADII) * (1.0 / 200.0))
    return Optics(
        jnp.exp(_polynomial(_CO_ALBEDO, x)), _polynomial(_ASYMMETRY, x), jnp.exp(_polynomial(_EXTINCTION, x))
    )


def tabled_optics(table: jax.Array, radius: jax.Array) -> Optics:
    """The same from CLM5's table ``[3, band, radius, 1]`` (in the order of `Optics`; 30 to 1500 um), nearest radius."""
    nearest = jnp.floor(jnp.clip(radius, *_RADII) - _RADII[0] + 0.5).astype(jnp.int32)
    return Optics(*jnp.take(table[..., 0], nearest, axis=2))


def snow_transfer(
    mass: jax.Array,
    radius: jax.Array,
    dirt: Impurities,
    coszen: jax.Array,
    ground: jax.Array,
    tables: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Albedo of snow over ground of albedo ``ground`` and the absorption by layer.

    Args:
        mass: ice and liquid water of the layers (kg m-2) `[snow_layer, column]`, top first; 0 = no layer.
        radius: effective grain radius (um), same shape; held to 30-1500 um.
        dirt: optics of soot, black carbon and dust in a unit mass of snow.
        coszen: `[column]`, held to >= 0.001.
        ground: albedo under the snow `[2, column]`.
        tables: CLM5's optics of ice for direct and for diffuse light `[2, 3, band, radius, 1]` (see `tabled_optics`);
            without them one set of polynomials serves both.

    Returns:
        Albedo direct, diffuse `[2, column]` and absorbed fractions of direct and diffuse light
        `[2, snow_layer + 1, column]`, the last layer being the ground; 1 = albedo + sum of absorbed to round-off.
    """
    mu = jnp.maximum(coszen, 0.001)
    if tables is None:
        net_beam, net_sky = _net_fluxes(mass, fitted_optics(radius), dirt, mu, ground)
    else:
        net_beam, _ = _net_fluxes(mass, tabled_optics(tables[0], radius), dirt, mu, ground)
        _, net_sky = _net_fluxes(mass, tabled_optics(tables[1], radius), dirt, mu, ground)
    albedo_beam, absorbed_beam = _two_bands(net_beam, _SHARE_DIRECT)
    albedo_sky, absorbed_sky = _two_bands(net_sky, _SHARE_DIFFUSE)
    return albedo_beam, albedo_sky, absorbed_beam, absorbed_sky


def _two_bands(net: jax.Array, share: np.ndarray) -> tuple[jax.Array, jax.Array]:
    """Albedo and absorbed fractions, visible and near infrared, of the net fluxes of the five bands."""
    flux = jnp.moveaxis(net, 0, 1)  # [band, interface, column]
    infrared = jnp.sum(flux[1:] * (share / share.sum())[:, None, None], axis=0)
    flux = jnp.stack([flux[0], infrared])
    return 1.0 - flux[:, 0], jnp.concatenate([flux[:, :-1] - flux[:, 1:], flux[:, -1:]], axis=1)


def _net_fluxes(
    mass: jax.Array, grains: Optics, dirt: Impurities, mu: jax.Array, ground: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Net downward flux through each interface ``[interface, band, column]``, under unit beam and unit diffuse light."""
    # Per unit mass: ice and impurities, weighted by extinction and by scattering.
    ext = grains.extinction + dirt.extinction
    absorbs = grains.extinction * grains.co_albedo + dirt.absorption
    scatters = ext - absorbs
    g = grains.asymmetry
    g = g + (dirt.forward - g * (dirt.extinction - dirt.absorption)) / scatters
    omega = scatters / ext
    tau = mass * ext

    # Delta scaling takes the forward peak out of the scattered light.
    peak = omega * g * g
    tau = (1.0 - peak) * tau
    omega = (1.0 - g * g) * omega / (1.0 - peak)
    g = g / (1.0 + g)

    visible = (np.arange(_BANDS) == 0)[:, None, None]
    gamma1 = jnp.where(visible, 0.25 * (7.0 - omega * (4.0 + 3.0 * g)), 2.0 - omega * (1.0 + g))
    gamma2 = jnp.where(visible, -0.25 * (1.0 - omega * (4.0 - 3.0 * g)), omega * (1.0 - g))
    gamma3 = jnp.where(visible, 0.25 * (2.0 - 3.0 * g * mu), 0.5 * (1.0 - np.sqrt(3.0) * g * mu))
    gamma4 = 1.0 - gamma3
    lam = jnp.sqrt((gamma1 - gamma2) * (gamma1 + gamma2))
    ratio = gamma2 / (gamma1 + lam)

    # Each layer by itself: r, t for diffuse light; r_beam, t_beam (scattered) and pass_ (unscattered) for the beam.
    decay = jnp.exp(-lam * tau)
    scale = 1.0 / (1.0 - (ratio * decay) ** 2)
    r = ratio * (1.0 - decay * decay) * scale
    t = (1.0 - ratio * ratio) * decay * scale
    pass_ = jnp.exp(-tau / mu)
    pole = lam * lam - 1.0 / (mu * mu)
    pole = jnp.where(jnp.abs(pole) < _POLE, _POLE, pole)
    source = omega / (mu * pole)
    up = source * ((gamma1 - 1.0 / mu) * gamma3 + gamma4 * gamma2)
    down = source * ((gamma1 + 1.0 / mu) * gamma4 + gamma2 * gamma3)
    r_beam = up - r * down - t * up * pass_
    t_beam = down * pass_ - t * down - r * up * pass_

    # Adding from the ground up: reflection of everything below an interface, of beam and of diffuse light.
    below = jnp.concatenate([ground[:1], jnp.broadcast_to(ground[1], (_BANDS - 1, *mu.shape))])

    def add_above(under: tuple[jax.Array, jax.Array], layer: tuple[jax.Array, ...]) -> tuple[Any, Any]:
        rb, rd = under
        r_i, t_i, r_beam_i, t_beam_i, pass_i = layer
        m = 1.0 / (1.0 - r_i * rd)
        both = (r_beam_i + t_i * m * (pass_i * rb + t_beam_i * rd), r_i + t_i * t_i * m * rd)
        return both, (rb, rd, m)

    layers = tuple(jnp.moveaxis(x, 1, 0) for x in (r, t, r_beam, t_beam, pass_))
    (top_beam, top_sky), (rb, rd, bounce) = jax.lax.scan(add_above, (below, below), layers, reverse=True)

    # Down again: the net flux through each interface, under unit beam and under unit diffuse light.
    def go_down(field: tuple[jax.Array, ...], layer: tuple[jax.Array, ...]) -> tuple[Any, Any]:
        beam, from_beam, from_sky = field
        r_i, t_i, _, t_beam_i, pass_i, rb_i, rd_i, m = layer
        from_beam = (beam * t_beam_i + t_i * from_beam + r_i * beam * pass_i * rb_i) * m
        from_sky = t_i * from_sky * m
        beam = beam * pass_i
        net = (beam * (1.0 - rb_i) + from_beam * (1.0 - rd_i), from_sky * (1.0 - rd_i))
        return (beam, from_beam, from_sky), net

    start = (jnp.ones_like(below), jnp.zeros_like(below), jnp.ones_like(below))
    _, (lower_beam, lower_sky) = jax.lax.scan(go_down, start, (*layers, rb, rd, bounce))
    net_beam = jnp.concatenate([(1.0 - top_beam)[None], lower_beam])
    net_sky = jnp.concatenate([(1.0 - top_sky)[None], lower_sky])
    return net_beam, net_sky
