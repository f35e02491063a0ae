"""A monthly carbon balance of a forest: the cheap, differentiable twin of the calibration bench.

Pools and fluxes in the manner of DALEC (Williams et al. 2005; Bloom and Williams 2015): foliage, wood, fine roots, litter,
soil organic matter; production from absorbed light with saturation, frost and vapour-pressure response; first-order
turnover with a Q10. Driven by monthly means of the packaged weather of CH-Dav, 2013-2019. It stands in for the land model
where hundreds of calibrations are needed; it is not the land model and no part of the product depends on it.
"""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import jax
import numpy as np
from jax import numpy as jnp
from numpy.typing import NDArray

from elterra.calibration import ConstraintMap, Prior

jax.config.update("jax_enable_x64", True)

Array = NDArray[np.float64]

#: priors; medians and widths within the ranges of Bloom and Williams (2015, table 2) for an evergreen needle-leaf forest
PRIORS = (
    Prior("light_use", "lognormal", 1.6, 0.35),  # gC per MJ of absorbed PAR in weak light
    Prior(
        "half_light", "lognormal", 250.0, 0.35
    ),  # W m-2 of short-wave at which production is half saturated
    Prior("t_half", "normal", 4.0, 2.0),  # degC at which frost halves production
    Prior("carbon_use", "logit", 0.47, 0.4, (0.2, 0.7)),  # net over gross production
    Prior("to_foliage", "logit", 0.25, 0.4, (0.05, 0.6)),  # share of net production
    Prior("foliage_life", "lognormal", 5.0, 0.35),  # years
    Prior("lai_start", "lognormal", 3.5, 0.25),  # m2 m-2
    Prior("litter_time", "lognormal", 2.0, 0.4),  # years at 10 degC
    Prior("soil_time", "lognormal", 45.0, 0.4),  # years at 10 degC
    Prior("q10", "lognormal", 2.0, 0.25),
)

#: gC m-2 of foliage per unit of leaf area (spruce: Bloom and Williams 2015, range 5-200)
LEAF_MASS = 110.0
#: light extinction (Monsi and Saeki 1953; spherical leaves) and PAR share of short-wave energy (Meek et al. 1984)
EXTINCTION, PAR_SHARE = 0.5, 0.45
#: K over which frost acts; hPa of vapour-pressure deficit that halves production
FROST_WIDTH, VPD_HALF = 2.5, 15.0
#: fine roots: share of what does not go to foliage, life in years; wood: life in years; share of litter that becomes soil
TO_ROOTS, ROOT_LIFE, WOOD_LIFE, HUMIFIED = 0.3, 2.0, 150.0, 0.25
#: gC m-2 at the start: wood, fine roots, litter, soil (a subalpine spruce forest)
WOOD_START, ROOT_START, LITTER_START, SOIL_START = 12000.0, 220.0, 900.0, 9000.0
#: sd of errors: NEE and soil respiration of a month (gC m-2), leaf area, litter fall of a year and stocks (share)
NEE_SD, RESPIRATION_SD, LAI_SD, FALL_SD, STOCK_SD = 12.0, 10.0, 0.4, 0.2, 0.05
#: gC m-2: litter fall whose share is its error, so that the error is known before the truth is
FALL_TYPICAL = 120.0
MONTHS_OF_LAI, MONTHS_OF_CHAMBERS = (5, 8), (5, 6, 7, 8, 9)  # June and September; June to October


class Weather(NamedTuple):
    """Monthly means ``[month]``: short-wave W m-2, temperature degC, vapour-pressure deficit hPa, days; number of the
    month in its year from 0."""

    light: Array
    temperature: Array
    vpd: Array
    days: Array
    month: NDArray[np.int64]


def davos_weather() -> Weather:
    """Means of the measured half-hours of each month of 2013-2019; a month without measurements takes the mean of its
    namesakes."""
    import pandas as pd
    import xarray as xr

    with xr.open_dataset(str(files("elterra.data") / "ch_dav_2013_2019.nc")) as data:
        table = data[["Rg_f", "Tair_f", "VPD_f"]].to_dataframe()
    monthly = table[(table.index >= "2013-01-01") & (table.index < "2020-01-01")].resample("MS").mean()
    index = pd.DatetimeIndex(monthly.index)
    monthly = monthly.fillna(monthly.groupby(index.month).transform("mean"))
    return Weather(
        monthly["Rg_f"].to_numpy(float),
        monthly["Tair_f"].to_numpy(float),
        monthly["VPD_f"].to_numpy(float),
        index.days_in_month.to_numpy(float),
        index.month.to_numpy() - 1,
    )


def run_twin(parameters: jax.Array, weather: Weather) -> dict[str, jax.Array]:
    """One member, ``parameters [p]`` in the order of `PRIORS`: fluxes and pools ``[month]`` in gC m-2 (a month).

    ``residual``: change of all pools plus what left less what came, zero to round-off.
    """
    use, half, t_half, cue, to_foliage, leaf_life, lai, litter_time, soil_time, q10 = parameters
    start = jnp.array([lai * LEAF_MASS, WOOD_START, ROOT_START, LITTER_START, SOIL_START])

    def lost(stock: jax.Array, years: jax.Array | float, rate: jax.Array | float = 1.0) -> jax.Array:
        return stock * -jnp.expm1(-rate / (12.0 * years))

    def month(pools: jax.Array, w: tuple[jax.Array, ...]) -> tuple[jax.Array, dict[str, jax.Array]]:
        light, temperature, vpd, days = w
        foliage, wood, roots, litter, soil = pools
        absorbed = light * PAR_SHARE * -jnp.expm1(-EXTINCTION * foliage / LEAF_MASS) * days * 0.0864
        frost = jax.nn.sigmoid((temperature - t_half) / FROST_WIDTH)
        gpp = use * absorbed / (1.0 + light / half) * frost / (1.0 + vpd / VPD_HALF)
        npp = cue * gpp
        grown = npp * jnp.array([to_foliage, (1 - to_foliage) * (1 - TO_ROOTS), (1 - to_foliage) * TO_ROOTS])
        fall = jnp.array([lost(foliage, leaf_life), lost(wood, WOOD_LIFE), lost(roots, ROOT_LIFE)])
        warm = q10 ** ((temperature - 10.0) / 10.0)
        decayed, respired = lost(litter, litter_time, warm), lost(soil, soil_time, warm)
        heterotrophic = (1.0 - HUMIFIED) * decayed + respired
        after = jnp.concatenate(
            [
                pools[:3] + grown - fall,
                jnp.array([litter + fall.sum() - decayed, soil + HUMIFIED * decayed - respired]),
            ]
        )
        nee = heterotrophic + (1.0 - cue) * gpp - gpp
        return after, {
            "nee": nee,
            "gpp": gpp,
            "respiration": heterotrophic,
            "lai": after[0] / LEAF_MASS,
            "fall": fall[0],
            "soil": after[4],
            "wood": after[1],
            "residual": after.sum() - pools.sum() + nee,
        }

    drivers = (weather.light, weather.temperature, weather.vpd, weather.days)
    return jax.lax.scan(month, start, tuple(jnp.asarray(d) for d in drivers))[1]


class CarbonTwin:
    """The forward map ``parameters [member, 10] -> [member, n]`` with its errors.

    Data: NEE of every month, soil respiration from June to October, leaf area in June and September, litter fall of
    every year, soil and wood at the end.
    """

    def __init__(self) -> None:
        self.weather = davos_weather()
        self.maps = ConstraintMap(PRIORS)
        self._summer = np.nonzero(np.isin(self.weather.month, MONTHS_OF_CHAMBERS))[0]
        self._leaves = np.nonzero(np.isin(self.weather.month, MONTHS_OF_LAI))[0]
        months = len(self.weather.light)
        years = months // 12
        self.sd = np.concatenate(
            [
                np.full(months, NEE_SD),
                np.full(len(self._summer), RESPIRATION_SD),
                np.full(len(self._leaves), LAI_SD),
                np.full(years, FALL_SD * FALL_TYPICAL),
                [STOCK_SD * SOIL_START, STOCK_SD * WOOD_START],
            ]
        )
        self._many = jax.jit(jax.vmap(self.observe))

    def observe(self, parameters: jax.Array) -> jax.Array:
        """Predictions ``[n]`` of one member, traceable."""
        out = run_twin(parameters, self.weather)
        years = len(self.weather.light) // 12
        return jnp.concatenate(
            [
                out["nee"],
                out["respiration"][self._summer],
                out["lai"][self._leaves],
                out["fall"].reshape(years, 12).sum(axis=1),
                out["soil"][-1:],
                out["wood"][-1:],
            ]
        )

    def __call__(self, parameters: Array) -> Array:
        """Predictions ``[member, n]``; batches are filled up to a power of two, so that few programs serve all sizes."""
        members = len(parameters)
        size = max(16, 2 ** int(np.ceil(np.log2(members))))
        padded = np.concatenate([parameters, np.repeat(parameters[:1], size - members, axis=0)])
        return np.asarray(self._many(jnp.asarray(padded)))[:members]

    def log_posterior(self, z: jax.Array, observed: jax.Array) -> jax.Array:
        """Of ``z [p]`` given data ``[n]``: the twin itself, for direct MCMC."""
        misfit = (self.observe(self.maps.physical(z)) - observed) / self.sd
        return -0.5 * (z @ z + misfit @ misfit)

    def data_of(self, seed: int) -> tuple[Array, Array]:
        """A truth from the prior ``z [p]`` and its data ``[n]`` with errors."""
        rng = np.random.default_rng([seed, 4])
        z = rng.standard_normal(len(PRIORS))
        clean = self(self.maps.to_physical(z[None]))[0]
        return z, clean + self.sd * rng.standard_normal(len(clean))
