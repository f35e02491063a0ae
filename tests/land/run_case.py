"""Eight different columns and forty days of made-up spring weather, for the tests of the whole land model."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from elterra.forcing.to_land import calendar_fields, weather_fields
from elterra.land import Config, Fields, Surface, cold_start, ground_profile, prepare
from elterra.land.forcing import neutral_factors
from elterra.land.run import forcing_chunk

CFG = Config(nlevsno=5)
COLUMNS = 8
CHUNK = 24  # steps of one call: the tests cut runs between calls, also inside a day
DAY = 48
SERIES = ("NEE", "LE")
MEANS = ("GPP", "SWE", "TRAN", "ECAN", "ESOIL", "RUNOFF", "NEE", "qflx_evap_deficit")
LASTS = ("TOTWATER", "TOTECOSYSC", "TOTECOSYSN")


def weather(days: int = 40, first_day: str = "2014-03-05") -> dict[str, np.ndarray]:
    """Half-hourly forcing of one site: frost and snow at first, then thaw, rain and sunny days."""
    hours = np.arange(days * DAY) * 0.5 + 0.25
    day = hours / 24.0
    daily = np.sin(2.0 * np.pi * (hours - 9.0) / 24.0)
    t = 267.0 + 0.42 * day + 3.0 * np.sin(2.0 * np.pi * day / 7.0) + 5.0 * daily
    dull = 0.5 + 0.5 * np.sin(2.0 * np.pi * day / 5.0 + 1.0)
    start = np.datetime64(first_day, "m") + (np.arange(days * DAY) * 30).astype("timedelta64[m]")
    sky = calendar_fields(start, 1800.0, 46.8, 9.9)
    esat = 611.0 * np.exp(17.27 * (t - 273.15) / (t - 35.85))
    values = {
        "TBOT": t,
        "QBOT": 0.622 * esat * (0.55 + 0.35 * dull) / 84000.0,
        "PSRF": np.full_like(t, 84000.0),
        "WIND": 2.0 + np.sin(2.0 * np.pi * day / 3.0) + 0.5 * daily,
        "FSDS": 950.0 * sky["coszen"][:, 0] * (1.0 - 0.7 * dull),
        "FLDS": 5.67e-8 * t**4 * (0.7 + 0.25 * dull),
        "PRECTmms": np.where(dull > 0.9, 2.5e-4 * (1.0 + daily), 0.0),
        "CO2": np.full_like(t, 400.0),
    }
    return weather_fields(values) | sky | {"ndep": np.full((t.size, 1), 1.5 / (365.0 * 86400.0))}


def surface() -> Surface:
    """Conifers, broadleaved trees, grass and bare ground in wide mixtures, from sand to clay."""

    def spread(low: float, high: float) -> np.ndarray:
        return np.linspace(low, high, COLUMNS)

    share = np.array([0.8, 1.0, 0.6, 0.9, 0.5, 0.3, 1.0, 0.7])
    return Surface(
        lat=np.full(COLUMNS, 46.8),
        lon=np.full(COLUMNS, 9.9),
        elevation=np.full(COLUMNS, 1600.0),
        forc_hgt=spread(5.0, 35.0),
        topo_slope=spread(0.5, 12.0),
        fmax=spread(0.1, 0.6),
        zbedrock=spread(0.8, 8.0),
        soil_color=np.array([1, 4, 7, 10, 13, 15, 18, 20]),
        sand=ground_profile(50.0, COLUMNS) * spread(0.3, 1.7),
        clay=ground_profile(14.0, COLUMNS) * spread(2.5, 0.3),
        organic=ground_profile(np.linspace(60.0, 0.0, 25), COLUMNS) * spread(0.0, 1.5),
        pft=np.array([[1, 2, 7, 1, 8, 3, 13, 2], [13, 13, 12, 0, 13, 7, 1, 10]]),
        wt=np.stack([share, 1.0 - share]),
    )


def parameters_and_state(seed: int = 3, cfg: Config = CFG) -> tuple[Fields, Fields]:
    """Parameters with a wide spread, and grown plants on living soil; soils start frozen to warm."""
    rng = np.random.default_rng(seed)
    p = prepare(surface())
    spread = {
        name: np.asarray(p[name])[..., :] * np.exp(0.3 * rng.standard_normal(COLUMNS))
        for name in ("vcmax25top", "medlynslope", "slatop", "hksat", "q10_hr", "snow_accum_factor")
        if name in p
    }
    p = p.replace(**{name: jnp.asarray(value) for name, value in spread.items()})
    s = cold_start(p, cfg, wetness=0.7, temperature=jnp.asarray(np.linspace(270.0, 283.0, COLUMNS)))
    grown = jnp.where(p.pft > 0, 1.0, 0.0)
    cn = jnp.where(p.leafcn > 0.0, p.leafcn, 30.0)
    tree = grown * (p.woody > 0.5)
    s = s.replace(
        leafc=250.0 * grown,
        leafn=250.0 * grown / cn,
        frootc=200.0 * grown,
        frootn=200.0 * grown / 42.0,
        deadstemc=6000.0 * tree,
        deadstemn=6000.0 * tree / 500.0,
        livestemc=80.0 * tree,
        livestemn=80.0 * tree / 50.0,
    )
    profile = jnp.exp(-p.zsoi[:20] / 0.5)
    ratio = jnp.asarray([40.0, 60.0, 60.0, 300.0, 12.0, 14.0, 10.0])[:, None, None]
    amount = jnp.asarray([60.0, 200.0, 150.0, 1500.0, 100.0, 3000.0, 6000.0])[:, None, None]
    carbon = amount * profile
    s = s.replace(decomp_cpools=carbon, decomp_npools=carbon / ratio)
    return p, s


def chunks(forcing: dict[str, np.ndarray], first: int, last: int):
    """Forcing of the calls ``first`` to ``last - 1``."""
    for i in range(first, last):
        yield forcing_chunk(forcing, i * CHUNK, (i + 1) * CHUNK)


def forcing_of_a_step() -> Fields:
    """The forcing of one step, without its axis of time."""
    return jax.tree.map(lambda x: x[0], forcing_chunk(weather(days=1), 0, 1))


def differing(a, b) -> int:
    """Number of bytes in which two pytrees differ (NaN equals NaN of the same bits)."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return sum(
        int(np.sum(np.asarray(x).reshape(-1).view(np.uint8) != np.asarray(y).reshape(-1).view(np.uint8)))
        for x, y in pairs
    )


def take(tree, columns):
    """The given columns of every array with a column axis."""
    index = np.asarray(columns)
    return jax.tree.map(
        lambda x: x[..., index] if getattr(x, "ndim", 0) and x.shape[-1] == COLUMNS else x, tree
    )


NEUTRAL = neutral_factors(COLUMNS)
