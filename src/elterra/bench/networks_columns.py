"""Equilibria of columns for bench ``networks``: CENTURY's matrix in 20 layers under textbook climate and plants.

Twice for each column: a cheap climatological estimate (the prior: mean year, no snow, no limit of nitrogen, fixed C:N), and
the "truth", which has years that differ, snow that keeps the soil warm, little oxygen in wet layers, production and decay
held back by nitrogen, tissue that gets poorer in it, and mortality by drought and frost. Both use the land model's own
rates, scalars, cascade and mixing (`elterra.spinup.soil_equilibrium`), so the shape of the problem is that of the real one;
the truth is that of this matrix model and not of the land model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from elterra.land import Fields
from elterra.land import decomposition as dec
from elterra.land.config import NLEVSOI
from elterra.spinup import soil_equilibrium

YEAR = 365.0 * 86400.0
#: normal quadrature over years: nodes and weights
NODES, SHARES = (0.0, 1.7320508, -1.7320508), (2.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0)
#: MPa in a millimetre of water
MPA_PER_MM = 9.80665e-6


class Weather(NamedTuple):
    """Climate of columns: ``temperature`` degC and ``rain`` mm a month ``[month, column]``; the rest ``[column]``."""

    temperature: Any
    rain: Any
    sd_t: Any
    sd_p: Any
    deposition: Any
    co2: Any


class Answer(NamedTuple):
    """Tissues ``leafc, frootc, woodc, leafn, frootn, woodn`` g m-2 ``[6, column]``; litter and soil carbon and nitrogen
    g m-3 ``[pool, layer, column]``; production gC m-2 yr-1; rates year-1 ``[layer, column]`` of the scalars' product."""

    tissues: Any
    carbon: Any
    nitrogen: Any
    production: Any
    scalar: Any


class Year(NamedTuple):
    """Of one kind of year: scalar of decay ``[layer, column]``, potential production by type ``[patch, column]``, runoff mm,
    dryness 0 to 1, frost degC below zero."""

    scalar: jax.Array
    production: jax.Array
    runoff: jax.Array
    dry: jax.Array
    frost: jax.Array


def equilibrium(p: Fields, w: Weather, full: bool) -> Answer:
    """Equilibrium of columns; ``full`` the truth, else the prior."""
    nodes, shares = (NODES, SHARES) if full else ((0.0,), (1.0,))
    years = [_year(p, w, u, full) for u in nodes]
    mean = jax.tree.map(lambda *x: sum(s * v for s, v in zip(shares, x, strict=True)), *years)
    potential = mean.production
    if full:
        held = _nitrogen(potential, p.wt, mean, w.deposition)
        death = p.r_mort * (1.0 + 1.2 * mean.dry + 0.02 * mean.frost)
    else:
        held, death = jnp.full_like(p.wt[0], 0.8), p.r_mort
    produced = potential * held
    poorer = 1.0 - held if full else jnp.zeros_like(held)
    # shares of leaf, fine root and wood; wood takes more where production is high
    stem = jnp.where(p.woody > 0, 2.7 / (1.0 + jnp.exp(-0.004 * (produced - 300.0))) - 0.4, 0.0)
    parts = jnp.stack([jnp.ones_like(stem), p.froot_leaf, 1.3 * stem])
    flux = parts / parts.sum(axis=0) * produced  # [tissue, patch, column], gC m-2 yr-1
    life = jnp.stack([p.leaf_long, p.leaf_long, jnp.broadcast_to(1.0 / death, p.wt.shape)])
    wood_cn = jnp.where(p.woody > 0, p.deadwdcn, 500.0)
    cn = jnp.stack(
        [p.leafcn * (1 + 0.35 * poorer), p.frootcn * (1 + 0.2 * poorer), wood_cn * (1 + 0.2 * poorer)]
    )
    stock = flux * life * p.wt
    tissues = jnp.concatenate([stock.sum(axis=1), (stock / cn).sum(axis=1)])
    litter_cn = cn.at[0].set(p.lflitcn * (1 + 0.25 * poorer))
    litter_c, litter_n = _litter(p, flux * p.wt, flux * p.wt / litter_cn)
    slow = jnp.where(jnp.arange(7)[:, None] < 4, 1.0 - 0.4 * poorer, 1.0)
    rates = (dec.base_rates(p) * slow)[:, None] * (mean.scalar * dec.depth_scalar(p))[None]
    carbon, nitrogen = soil_equilibrium(p, rates, litter_c, litter_n)
    return Answer(tissues, carbon, nitrogen, (produced * p.wt).sum(axis=0), mean.scalar)


def _year(p: Fields, w: Weather, u: float, full: bool) -> Year:
    """A year that is ``u`` standard deviations warmer than the mean, and drier for it."""
    air = w.temperature + u * w.sd_t
    rain = w.rain * jnp.exp(-0.6 * u * w.sd_p - 0.18 * w.sd_p**2)
    pet = _evaporation(air, p.lat)
    store, runoff, dry = _bucket(air, rain, pet)
    soil = _soil_temperature(air, rain, p.zsoi[:NLEVSOI], snow=full)
    wet = store.mean(axis=0) + (store - store.mean(axis=0))[:, None] * jnp.exp(-p.zsoi[:NLEVSOI] / 0.8)
    wet = jnp.clip(0.35 + 0.62 * wet, 0.05, 1.0)
    psi = -p.sucsat[:NLEVSOI] * jnp.exp(-p.bsw[:NLEVSOI] * jnp.log(wet)) * MPA_PER_MM
    scalar = dec.temperature_scalar(p, soil + 273.15) * dec.water_scalar(p, psi)
    if full:
        scalar = scalar * (1.0 - 0.6 * jax.nn.sigmoid((wet - 0.9) / 0.03))
    warm, total = air.mean(axis=0), rain.sum(axis=0)
    by_warmth = 3000.0 / (1.0 + jnp.exp(1.315 - 0.119 * warm))  # Lieth (1975), dry matter
    by_rain = 3000.0 * (1.0 - jnp.exp(-0.000664 * total))
    least = (by_warmth**-4.0 + by_rain**-4.0) ** -0.25
    kind = jnp.stack(
        [1.0 - 0.012 * jnp.maximum(warm - 8.0, 0.0), 1.0 + 0.008 * (warm - 8.0), 0.85 + 0.0 * warm]
    )
    fed = 1.0 + 0.45 * jnp.log(w.co2 / 370.0)
    return Year(
        scalar.mean(axis=0), 0.45 * least * kind * fed, runoff, dry, jnp.maximum(-air, 0.0).mean(axis=0)
    )


def _evaporation(air: jax.Array, lat: jax.Array) -> jax.Array:
    """Potential evaporation, mm a month (Hamon 1961): length of the day and humidity of saturated air."""
    tilt = 0.409 * jnp.cos(2.0 * jnp.pi * (jnp.arange(12)[:, None] - 5.7) / 12.0)
    angle = jnp.arccos(jnp.clip(-jnp.tan(jnp.radians(lat)) * jnp.tan(tilt), -0.999, 0.999))
    saturated = 0.6108 * jnp.exp(17.27 * air / (air + 237.3))
    return 30.4 * 29.8 * (24.0 / jnp.pi * angle) * saturated / (air + 273.2)


def _bucket(air: jax.Array, rain: jax.Array, pet: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Store of the root zone as a share of its capacity ``[month, column]``, runoff mm a year, unmet part of the demand."""
    capacity = 180.0

    def month(carry: tuple, row: tuple) -> tuple:
        store, snow = carry
        t, r, e = row
        cold = jax.nn.sigmoid(-t / 1.0)
        melt = snow * (1.0 - cold)
        snow = snow - melt + cold * r
        taken = e * jnp.minimum(1.0, store / (0.6 * capacity))
        filled = store + (1.0 - cold) * r + melt - taken
        left = jnp.clip(filled, 0.0, capacity)
        return (left, snow), (left / capacity, jnp.maximum(filled - capacity, 0.0), taken)

    rows = tuple(jnp.tile(x, (4, 1)) for x in (air, rain, pet))
    start = (jnp.full_like(air[0], 90.0), jnp.zeros_like(air[0]))
    store: jax.Array
    over: jax.Array
    taken: jax.Array
    store, over, taken = jax.lax.scan(month, start, rows)[1]
    dry = 1.0 - taken[-12:].sum(axis=0) / pet.sum(axis=0)
    return store[-12:], over[-12:].sum(axis=0), dry


def _soil_temperature(air: jax.Array, rain: jax.Array, depth: jax.Array, *, snow: bool) -> jax.Array:
    """Monthly temperature of layers, degC ``[month, layer, column]``: waves of the surface, damped and late with depth."""
    surface = air
    if snow:
        cover = 1.0 - jnp.exp(-jnp.where(air < 0.0, rain, 0.0).sum(axis=0) / 120.0)
        surface = jnp.where(air < 0.0, air * (1.0 - 0.75 * cover), air)
    month, k = jnp.arange(12), jnp.arange(7)
    angle = 2.0 * jnp.pi * k[:, None] * month / 12.0  # [wave, month]
    share = jnp.where((k == 0) | (k == 6), 1.0, 2.0)[:, None] / 12.0
    cosine, sine = (jnp.einsum("km,mc->kc", share * f(angle), surface) for f in (jnp.cos, jnp.sin))
    damping = jnp.sqrt(k * 2.0 * jnp.pi / YEAR / (2.0 * 6.0e-7))  # m-1, diffusivity 6e-7 m2 s-1
    late = damping[:, None, None] * depth  # [wave, layer, column], radians
    phase = angle[:, :, None, None] - late[:, None]
    waves = cosine[:, None, None] * jnp.cos(phase) + sine[:, None, None] * jnp.sin(phase)
    return (jnp.exp(-late)[:, None] * waves).sum(axis=0)


def _nitrogen(potential: jax.Array, wt: jax.Array, year: Year, deposition: jax.Array) -> jax.Array:
    """Share of the potential production that mineral nitrogen allows: what comes in (deposition, fixation) leaves by
    leaching and denitrification, and production takes part in fixation."""
    loss = 0.25 + 0.6 * year.runoff / (year.runoff + 400.0) + 0.25 * (1.0 - year.dry)
    whole = (potential * wt).sum(axis=0)

    def again(_: int, held: jax.Array) -> jax.Array:
        fixed = 0.9 * (1.0 - jnp.exp(-0.003 * whole * held))
        mineral = (deposition + fixed) / loss
        return 0.5 * held + 0.5 * mineral / (mineral + 0.35 + 0.0006 * whole)

    return jax.lax.fori_loop(0, 30, again, jnp.full_like(loss, 0.7))


def _litter(p: Fields, carbon: jax.Array, nitrogen: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Litterfall by pool and layer, g m-3 s-1 ``[pool, layer, column]``, from tissues ``[tissue, patch, column]``."""
    dz = p.dzsoi[:NLEVSOI]
    inside = jnp.arange(NLEVSOI)[:, None] < p.nbedrock
    top = jnp.where(inside, jnp.exp(-p.zsoi[:NLEVSOI] / 0.1), 0.0) * dz
    top = top / top.sum(axis=0)
    found = []
    for flux in (carbon, nitrogen):
        leaf = jnp.einsum("lc,pc->lc", top, flux[0])
        root = jnp.einsum("lpc,pc->lc", p.crootfr, flux[1])
        wood = 0.75 * jnp.einsum("lc,pc->lc", top, flux[2]) + 0.25 * jnp.einsum(
            "lpc,pc->lc", p.crootfr, flux[2]
        )
        none = jnp.zeros_like(leaf)
        rows = [0.25 * (leaf + root), 0.5 * (leaf + root), 0.25 * (leaf + root), wood, none, none, none]
        found.append(jnp.stack(rows) / dz / YEAR)
    return found[0], found[1]


def solve(p: Fields, w: Weather, full: bool, block: int = 128) -> Answer:
    """`equilibrium` of any number of columns in blocks of one compiled program, on the host."""
    columns = w.co2.shape[-1]
    parts = []
    for start in range(0, columns, block):
        index = np.minimum(np.arange(start, start + block), columns - 1)
        one = jax.tree.map(lambda x, i=index: jnp.asarray(np.asarray(x)[..., i]), (p, w))
        answer = _compiled(*one, full)
        keep = min(block, columns - start)
        parts.append(jax.tree.map(lambda x, k=keep: np.asarray(x)[..., :k], answer))
    return Answer(*(np.concatenate(x, axis=-1) for x in zip(*parts, strict=True)))


_compiled = jax.jit(equilibrium, static_argnums=2)
