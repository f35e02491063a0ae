"""The embedded land model as the forecast model of a station: all members are columns of one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from elterra.assimilation import apply_transform
from elterra.land import Config, Fields, give_back_memory, override, run_chunk
from elterra.land.config import NLEVSOI
from elterra.land.constants import DENH2O, DENICE
from elterra.land.forcing import NEUTRAL
from elterra.land.run import forcing_chunk
from elterra.land.soil_water import total_water
from elterra.land.vegetation import ecosystem_totals
from elterra.pipeline.reanalysis.cycle import Forecast, under
from elterra.pipeline.reanalysis.ensemble import Drift, rng

Array = NDArray[np.float64]

#: g of carbon in a micromole of carbon dioxide
GRAM_C_PER_UMOL = 12.011e-6
#: storages whose change is booked
TOTALS = ("TOTWATER", "TOTECOSYSC", "TOTECOSYSN")
#: parameters of the observation operator, not of the land
OPERATOR = ("le_closure", "swc_offset", "swc_gain")
#: pools (index in the cascade) that the carbon control scales together
CARBON_GROUPS = {"litter": slice(0, 4), "soil": slice(4, 7)}
#: soil layers whose liquid water is analysed (down to 1.14 m)
WATER_LAYERS = 9


@dataclass(frozen=True)
class ForcingError:
    """Errors of the forcing of each member: autocorrelated from day to day.

    ``sd [window]`` by factor name: relative (lognormal) for what multiplies, absolute for what is added.
    """

    sd: Mapping[str, Array]
    days: float = 5.0

    def start(self, members: int, seed: int) -> Array:
        return self._draw(members, seed, 0)

    def step(self, state: Array, seed: int, window: int) -> Array:
        keep = np.exp(-1.0 / self.days)
        return keep * state + np.sqrt(1.0 - keep**2) * self._draw(state.shape[1], seed, window)

    def factors(self, state: Array, window: int) -> dict[str, Array]:
        out = {}
        for k, (name, neutral) in enumerate(NEUTRAL.items()):
            sd = float(self.sd[name][window]) if name in self.sd else 0.0
            if neutral == 0.0:
                out[name] = sd * state[k]
            else:  # mean one, so that an ensemble of rain does not rain more than the gauge says
                log_sd = np.sqrt(np.log1p(sd**2))
                out[name] = np.exp(log_sd * state[k] - 0.5 * log_sd**2)
        return out

    def relative(self, state: Array, window: int) -> Array:
        """The errors ``[factor, member]`` of a window in units of their root mean square over all windows."""
        rows = []
        for name in NEUTRAL:
            sd = np.asarray(self.sd[name]) if name in self.sd else np.zeros(1)
            typical = float(np.sqrt((sd**2).mean()))
            rows.append(float(sd[window]) / typical if typical > 0 else 0.0)
        return np.array(rows)[:, None] * state

    @staticmethod
    def _draw(members: int, seed: int, window: int) -> Array:
        draw = rng(seed, "forcing", window).standard_normal((len(NEUTRAL), members))
        return draw - draw.mean(axis=1, keepdims=True)


class StationModel:
    """Forecasts windows of a station for all members. Implements the cycle's `ForecastModel`."""

    def __init__(
        self,
        p: Fields,
        s: Fields,
        forcing: Mapping[str, Array],
        cfg: Config,
        *,
        seed: int,
        steps_per_window: int,
        days_of_year: Array,
        forcing_error: ForcingError,
        series: tuple[str, ...],
        daily: tuple[str, ...],
        at_end: tuple[str, ...],
        first_step: int = 0,
        fixed: tuple[str, ...] = (),
        shift: Mapping[str, Array] | None = None,
    ) -> None:
        """``forcing`` arrays ``[time, ..., 1]``; ``series`` half-hourly outputs, ``daily`` means, ``at_end`` end values.

        ``first_step`` of the forcing belongs to window 0. Parameters named in ``fixed`` acted on the initial state.
        ``shift [time]`` by tower variable is the learned discrepancy of the operator.
        """
        self.p, self.s, self.cfg = p, s, cfg
        self._forcing, self._first = forcing, first_step
        self._steps, self._days_of_year = steps_per_window, days_of_year
        self._error, self._seed = forcing_error, seed
        self._aside = frozenset((*OPERATOR, *fixed))
        self.members = int(p.wt.shape[-1])
        self._series, self._daily = series, daily
        self._shift = shift or {}
        self._ends = tuple(dict.fromkeys((*at_end, *TOTALS)))
        self._perturbation = forcing_error.start(self.members, seed)
        self._totals = self._storages()

    def _storages(self) -> dict[str, Array]:
        plants = ecosystem_totals(self.p, self.s)
        return {
            "TOTWATER": np.asarray(total_water(self.p, self.s, self.cfg)),
            "TOTECOSYSC": np.asarray(plants.totecosysc),
            "TOTECOSYSN": np.asarray(plants.totecosysn),
        }

    @property
    def weather_errors(self) -> ForcingError:
        """Dynamics of the errors of the weather."""
        return self._error

    def window_bounds(self, window: int) -> tuple[int, int]:
        start = self._first + window * self._steps
        return start, start + self._steps

    def day_of_year(self, window: int) -> float:
        return float(self._days_of_year[window])

    def forecast(self, window: int, parameters: Mapping[str, Array]) -> Forecast:
        if window > 0:
            self._perturbation = self._error.step(self._perturbation, self._seed, window)
        factors = self._error.factors(self._perturbation, window)
        windows = np.full(self.members, window)
        s, series, means, ends, worst = run_chunk(*self._arguments(windows, parameters, factors))
        self.s = s
        host = jax.device_get((series, means, ends, worst))
        series_np, means_np, ends_np, worst_np = ({k: np.asarray(v) for k, v in x.items()} for x in host)
        totals = {n: ends_np[n] for n in TOTALS}
        begin, self._totals = self._totals, totals
        _stop_on_failure(window, series_np, worst_np)
        return Forecast(
            series=series_np,
            daily={**means_np, **{n: v for n, v in ends_np.items() if n not in TOTALS or n in self._ends}},
            equivalents=self._equivalents(window, series_np, parameters),
            start_totals=begin,
            end_totals=totals,
            worst={n: float(v.max()) for n, v in worst_np.items()},
        )

    def undisturbed(
        self, windows: NDArray[np.int_], parameters: Mapping[str, Array], names: Sequence[str]
    ) -> dict[str, Array]:
        """Means of the outputs ``names`` with the weather as it was recorded; the state moves on. For spin-up.

        Each column has its own of the ``windows [column]``; the calendar (ends of years) is that of the first.
        """
        neutral = {name: np.full(self.members, value) for name, value in NEUTRAL.items()}
        self.s, series, means, _, worst = run_chunk(*self._arguments(windows, parameters, neutral))
        series, means, worst = jax.device_get((series, means, worst))
        _stop_on_failure(int(windows[0]), series, worst)
        return {n: np.asarray(means[n]) if n in means else series[n].mean(axis=0) for n in names}

    def _equivalents(
        self, window: int, series: Mapping[str, Array], parameters: Mapping[str, Array]
    ) -> dict[str, Array]:
        out = tower_equivalents(series, parameters)
        start, stop = self.window_bounds(window)
        for name, shift in self._shift.items():
            out[name] = out[name] + shift[start:stop, None]
        return out

    def _weather(self, windows: NDArray[np.int_]) -> Fields:
        """The forcing of a window for each column: one of the ``windows [column]`` of the record.

        Always ``[step, ..., column]``, also where all columns share a window: one shape is one program.
        """
        chunks = {w: forcing_chunk(self._forcing, *self.window_bounds(w)) for w in set(windows.tolist())}
        first = chunks[int(windows[0])]
        if len(chunks) == 1:
            return jax.tree.map(lambda x: np.repeat(x, windows.size, axis=-1) if x.ndim > 1 else x, first)
        stacked = {
            name: x if x.ndim == 1 else np.concatenate([chunks[int(w)][name] for w in windows], axis=-1)
            for name, x in first.items()
        }
        return Fields(stacked)

    def _arguments(
        self, windows: NDArray[np.int_], parameters: Mapping[str, Array], factors: Mapping[str, Array]
    ) -> tuple[Any, ...]:
        land = {n: v for n, v in parameters.items() if n not in self._aside}
        return (
            override(self.p, land),
            self.s,
            self._weather(windows),
            Fields(factors),
            self.cfg,
            self._series,
            self._daily,
            self._ends,
        )

    def compile(self, parameters: Mapping[str, Array]) -> None:
        """Compile the program of a window without running it.

        Threads that meet an uncompiled program each compile it; done once beforehand, all of them find it in JAX's
        cache on disk.
        """
        first = np.zeros(self.members, dtype=int)
        run_chunk.lower(
            *self._arguments(first, parameters, self._error.factors(self._perturbation, 0))
        ).compile()
        give_back_memory()

    def analyse(self, transforms: Mapping[str, Array]) -> dict[str, Array]:
        """Update soil water and carbon pools; forcing errors move with the parameters. See `ForecastModel`."""
        self._perturbation = apply_transform(
            self._perturbation, transforms.get("weather", transforms["parameters"])
        )
        increments = {
            "water": np.zeros(self.members),
            "carbon": np.zeros(self.members),
            "nitrogen": np.zeros(self.members),
        }
        increments["water"] = self._analyse_water(transforms["water"])
        increments["carbon"], increments["nitrogen"] = self._analyse_carbon(transforms["carbon"])
        self._totals = {
            "TOTWATER": self._totals["TOTWATER"] + increments["water"],
            "TOTECOSYSC": self._totals["TOTECOSYSC"] + increments["carbon"],
            "TOTECOSYSN": self._totals["TOTECOSYSN"] + increments["nitrogen"],
        }
        return increments

    def controls(self) -> dict[str, Array]:
        """Weather errors, liquid water of the uppermost layers (kg m-2), logarithms of the pool totals; see
        `ForecastModel`."""
        n = self.cfg.nlevsno
        carbon = np.asarray(self.s.decomp_cpools) * np.asarray(self.p.dzsoi[:NLEVSOI])
        return {
            "weather": self._perturbation,
            "water": np.asarray(self.s.h2osoi_liq)[n : n + WATER_LAYERS],
            "carbon": np.log(np.stack([carbon[g].sum(axis=(0, 1)) for g in CARBON_GROUPS.values()])),
        }

    def _analyse_water(self, transform: Array) -> Array:
        n = self.cfg.nlevsno
        rows = slice(n, n + WATER_LAYERS)
        liquid, ice = np.asarray(self.s.h2osoi_liq), np.asarray(self.s.h2osoi_ice)
        dz = np.asarray(self.p.dzsoi[:WATER_LAYERS])
        room = np.asarray(self.p.watsat[:WATER_LAYERS]) * dz - ice[rows] / DENICE
        upper = np.maximum(room * DENH2O, liquid[rows])
        lower = np.minimum(0.02 * dz * DENH2O, liquid[rows])
        # Projection: an analysis beyond the pore space or below the residual water stops there. What is booked is
        # the water that really was added.
        analysed = np.clip(apply_transform(liquid[rows], transform), lower, upper)
        increment = (analysed - liquid[rows]).sum(axis=0)
        self.s = self.s.replace(h2osoi_liq=self.s.h2osoi_liq.at[rows].set(jnp.asarray(analysed)))
        return increment

    def _analyse_carbon(self, transform: Array) -> tuple[Array, Array]:
        c, n = np.asarray(self.s.decomp_cpools), np.asarray(self.s.decomp_npools)
        dz = np.asarray(self.p.dzsoi[:NLEVSOI])
        new_c, new_n = np.array(c), np.array(n)
        for element, group in enumerate(CARBON_GROUPS.values()):
            total = (c[group] * dz).sum(axis=(0, 1))
            own = transform if transform.ndim == 2 else transform[element]
            ratio = np.exp(np.log(total) @ own - np.log(total))
            ratio = np.clip(ratio, 0.8, 1.25)  # a day's data cannot move a pool of decades further
            new_c[group], new_n[group] = c[group] * ratio, n[group] * ratio
        self.s = self.s.replace(decomp_cpools=jnp.asarray(new_c), decomp_npools=jnp.asarray(new_n))
        return ((new_c - c) * dz).sum(axis=(0, 1)), ((new_n - n) * dz).sum(axis=(0, 1))

    def state(self) -> dict[str, Array]:
        arrays = {f"s/{n}": np.asarray(v) for n, v in self.s.items()}
        arrays["perturbation"] = self._perturbation
        return arrays | {f"totals/{n}": v for n, v in self._totals.items()}

    def restore(self, state: Mapping[str, Array]) -> None:
        self.s = Fields({n: jnp.asarray(v) for n, v in under(state, "s/").items()})
        self._perturbation = np.array(state["perturbation"])
        self._totals = {n: np.array(v) for n, v in under(state, "totals/").items()}


def tower_equivalents(series: Mapping[str, Array], parameters: Mapping[str, Array]) -> dict[str, Array]:
    """What the tower would have measured, ``[step, member]``.

    NEE, GPP, ER in umol m-2 s-1. LE (W m-2) times the share of the turbulent energy that eddy covariance sees
    (``le_closure``: the energy-balance gap is part of the operator, not of the land). Soil water as the sensor
    reports it: ``swc_offset + swc_gain * liquid volume at 15 cm`` (a sensor stands in one spot of one soil).
    """

    def one(name: str, default: float) -> Any:
        return parameters.get(name, default)

    out = {name: series[name] / GRAM_C_PER_UMOL for name in ("NEE", "GPP", "ER")}
    out["LE"] = series["LE"] * one("le_closure", 1.0)
    out["SWC"] = one("swc_offset", 0.0) + series["SWC_15"] * one("swc_gain", 1.0)
    return out


class ForecastError(RuntimeError):
    """The model left its bounds; the text names window, variable and members, ``members`` numbers them."""

    def __init__(self, text: str, members: Sequence[int]) -> None:
        super().__init__(text)
        self.members = tuple(members)


def _stop_on_failure(window: int, series: Mapping[str, Array], worst: Mapping[str, Array]) -> None:
    for name, values in series.items():
        if name != "ALBEDO" and not np.isfinite(values).all():
            bad = np.unique(np.nonzero(~np.isfinite(values))[-1])
            raise ForecastError(
                f"window {window}: {name} is not finite in members {bad.tolist()}", bad.tolist()
            )
    for name, limit in STOP_LIMITS.items():
        if name in worst and not (worst[name] <= limit).all():
            bad = np.nonzero(~(worst[name] <= limit))[0]
            raise ForecastError(
                f"window {window}: balance {name} is off by {worst[name][bad].max():.3g} "
                f"(limit {limit:g}) in members {bad.tolist()}",
                bad.tolist(),
            )


#: a run stops when a balance residual of one step exceeds these (mm, W m-2, gC m-2, gN m-2)
STOP_LIMITS = {
    "errh2o": 1e-5,
    "errsol": 1e-5,
    "errseb": 1e-5,
    "errsoi": 1e-4,
    "errcb": 1e-7,
    "errnb": 1e-6,
}

__all__ = ["Drift", "ForcingError", "StationModel", "tower_equivalents"]
