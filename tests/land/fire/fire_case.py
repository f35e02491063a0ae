"""Six columns in a hot dry afternoon: conifers with grass, broadleaved trees with bare ground, crops, boreal peat with
conifers, tropical closed forest, and peat in the tropics with shrubs."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from bgc_setup import drivers
from elterra.land import Config, Fields, Surface, cold_start, ground_profile, prepare
from elterra.land.numerics.humidity import saturation
from elterra.land.vegetation._pools import OTHER_C, OTHER_N, TISSUES, pool_names

CFG = Config(fire="li", nlevsno=5)
COLUMNS = 6
TREES, BROAD, CROPS, BOREAL, TROPICAL, PEAT = range(COLUMNS)
PRESSURE = 9.0e4


def surface(**changed) -> Surface:
    one = np.ones(COLUMNS)
    facts = {
        "lat": np.array([47.0, 44.0, 47.0, 62.0, -3.0, 2.0]),
        "lon": 9.0 * one,
        "elevation": 500.0 * one,
        "forc_hgt": 30.0 * one,
        "topo_slope": 2.0 * one,
        "fmax": 0.4 * one,
        "zbedrock": 8.0 * one,
        "soil_color": 15 * np.ones(COLUMNS, int),
        "sand": ground_profile(50.0, COLUMNS),
        "clay": ground_profile(15.0, COLUMNS),
        "organic": ground_profile(20.0, COLUMNS),
        "pft": np.array([[1, 7, 15, 2, 4, 9], [13, 0, 16, 12, 6, 0]]),
        "wt": np.array([[0.7, 0.6, 0.8, 0.5, 0.5, 0.8], [0.3, 0.4, 0.2, 0.5, 0.5, 0.2]]),
        "gdp": np.array([5.0, 12.0, 30.0, 25.0, 2.0, 3.0]),
        "peatf": np.array([0.0, 0.0, 0.0, 0.3, 0.0, 0.5]),
        "abm": np.array([13.0, 13.0, 8.0, 13.0, 13.0, 13.0]),
        "hdm": np.array([10.0, 0.0, 100.0, 0.05, 1.0, 30.0]),
        "lnfm": 2.0e-3 * one,
    }
    return Surface(**{**facts, **changed})


def state(p: Fields) -> Fields:
    """Grown plants on living soil, after a dry month."""
    s = cold_start(p, CFG)
    planted = jnp.where(p.pft > 0, 1.0, 0.0)
    woody = planted * (p.woody > 0.5)
    amount = dict(zip(TISSUES, (250.0, 200.0, 80.0, 2500.0, 30.0, 900.0), strict=True))
    ratio = dict(zip(TISSUES, (30.0, 42.0, 50.0, 500.0, 50.0, 500.0), strict=True))
    new = {}
    for tissue in TISSUES:
        grows = woody if tissue[:4] in ("live", "dead") else planted
        for stage, part in (("", 1.0), ("_storage", 0.2), ("_xfer", 0.05)):
            new[f"{tissue}c{stage}"] = part * amount[tissue] * grows
            new[f"{tissue}n{stage}"] = part * amount[tissue] / ratio[tissue] * grows
    new |= {"gresp_storage": 20.0 * planted, "gresp_xfer": 4.0 * planted, "retransn": 2.0 * planted}
    profile = jnp.exp(-p.zsoi[:20] / 0.5)
    stock = jnp.asarray([60.0, 200.0, 150.0, 1500.0, 100.0, 3000.0, 6000.0])[:, None, None] * profile
    cn = jnp.asarray([40.0, 60.0, 60.0, 300.0, 12.0, 14.0, 10.0])[:, None, None]
    return s.replace(
        **new,
        decomp_cpools=stock,
        decomp_npools=stock / cn,
        rh30=0.0 * s.rh30 + 50.0,
        memory_steps=0.0 * s.memory_steps + 17520.0,
    )


def hot(p: Fields, *, celsius: float = 30.0, rh: float = 20.0, water: float = 0.06, day: int = 213):
    """Forcing and physics of a step in August: dry air and dry, warm soil, unless told otherwise."""
    f, drv = drivers(p, day + 0.6)
    one = jnp.ones(p.wt.shape[1])
    t = one * (273.15 + celsius)
    _, _, qs, _ = saturation(t, PRESSURE * one)
    f = Fields(
        {
            **f,
            "forc_pbot": PRESSURE * one,
            "forc_t": t,
            "forc_q": rh / 100.0 * qs,
            "forc_wind": 4.0 * one,
            "forc_rain": 0.0 * one,
            "dayofyear": jnp.asarray(day, jnp.int32),
            "end_of_year": jnp.asarray(False),
        }
    )
    drv = drv.replace(
        t_soil=jnp.full_like(drv.t_soil, 273.15 + celsius - 8.0),
        h2osoi_vol=jnp.full_like(drv.h2osoi_vol, water),
        h2osoi_liq=water * 1000.0 * p.dzsoi[:20],
    )
    return f, drv.add(fsat=0.1 * one)


def random_pools(p: Fields, s: Fields, seed: int) -> Fields:
    """Pools of wild sizes and N:C."""
    draw = np.random.default_rng(seed)
    names = (*pool_names("c"), *(n for n in OTHER_C if n != "xsmrpool"), *pool_names("n"), *OTHER_N)
    new = {name: 10.0 ** draw.uniform(-3, 3, s[name].shape) for name in names}
    new["decomp_cpools"] = 10.0 ** draw.uniform(-2, 4, s.decomp_cpools.shape)
    new["decomp_npools"] = new["decomp_cpools"] / draw.uniform(5, 150, s.decomp_cpools.shape)
    return s.replace(**{k: jnp.asarray(v) for k, v in new.items()})


P = prepare(surface())
S = state(P)
