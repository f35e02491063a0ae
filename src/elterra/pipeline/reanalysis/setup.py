"""Builds the ensemble of a station from what the earlier stages left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.assimilation import Relaxation
from elterra.calibration import Prior
from elterra.domain import Site
from elterra.errors import InputError
from elterra.experiment import Experiment
from elterra.land import Config, Fields, cold_start, prepare, read_restart, tile_state
from elterra.pipeline.reanalysis.analysis import WindowAnalysis, filter_of
from elterra.pipeline.reanalysis.budget import BUDGETS
from elterra.pipeline.reanalysis.cycle import CycleOptions
from elterra.pipeline.reanalysis.ensemble import SEASONAL_SD, Drift, ParameterEnsemble
from elterra.pipeline.reanalysis.inputs import (
    days_of_year,
    forcing_error,
    load_forcing,
    load_observations,
    read_site,
    surface_of,
    tower_series,
)
from elterra.pipeline.reanalysis.record import STEPS_PER_DAY, known_names, observed_is_there
from elterra.pipeline.reanalysis.sink import output_names
from elterra.pipeline.reanalysis.station import OPERATOR, ForcingError, StationModel
from elterra.pipeline.reanalysis.windows import TowerSeries
from elterra.registry import parameter
from elterra.spinup import STEADY_STATE_MEANS, disturb

Array = NDArray[np.float64]

#: parameters that are perturbed unless the experiment names others: those that NEE, LE or soil water react to
DEFAULT_PARAMETERS = (
    "vcmax25top",
    "medlynslope",
    "lmr_intercept_atkin",
    "acclim_weight",
    "acclim_tau",
    "acclim_x0",
    "acclim_smax",
    "br_mr",
    "q10_mr",
    "froot_leaf",
    "slatop",
    "k_decomp_scale",
    "q10_hr",
    "smpsc",
    "maximum_leaf_wetted_fraction",
    "dsl_max",
    "hksat_sf",
    "le_closure",
    "swc_offset",
    "swc_gain",
    "litter_c_scale",
    "soil_c_scale",
    "wood_c_scale",
)
#: those whose error comes back with the season, and that may drift
SEASONAL = ("vcmax25top", "medlynslope", "lmr_intercept_atkin", "k_decomp_scale", "le_closure", "swc_offset")
#: stationary sd of the drift, in prior units
DRIFT_SD = {
    "vcmax25top": 0.5,
    "medlynslope": 0.5,
    "lmr_intercept_atkin": 0.5,
    "k_decomp_scale": 0.5,
    "le_closure": 0.5,
    # A free run's soil water differs from the sensor's by 0.07 m3 m-3, without what can be learned of it from whole seasons
    # by 0.04 (prior sd 0.06), and for long (autocorrelation 0.7 after 10 days, 0.4 after 90): preferential flow, the
    # sensor's spot.
    "swc_offset": 0.65,
}
DRIFT_DAYS = 25.0
#: what stands in for a parameter that a choice of the land model leaves without effect
INSTEAD: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "phs": {"smpsc": ("kmax", "psi50")},
    "luna": {
        "vcmax25top": ("leafcn", "jmaxb1"),
        "acclim_weight": (),
        "acclim_tau": (),
        "acclim_x0": (),
        "acclim_smax": (),
    },
}
OWN_DRIFT_DAYS = {"swc_offset": 100.0}
#: outputs of a free run that a discrepancy is learned from, half-hourly and daily
FREE_SERIES = ("GPP", "ER", "LE", "H", "G", "RNET", "TRAN", "ESOIL", "ECAN", "SWE", "SWC_15")
FREE_DAILY = ("LAI", "TSOI")
INITIAL = ("litter_c_scale", "soil_c_scale", "wood_c_scale")


@dataclass(frozen=True)
class Station:
    """All inputs of a station's ensemble."""

    experiment: Experiment
    site: Site
    forcing: Mapping[str, Array]
    streams: xr.Dataset
    observations: xr.Dataset
    cfg: Config

    @classmethod
    def load(cls, experiment: Experiment, run_dir: Path) -> Station:
        known_names(experiment)
        site = read_site(run_dir / "domain" / "site.json")
        forcing, streams = load_forcing(run_dir / "forcing" / "forcing.nc", site)
        observations = load_observations(run_dir / "observations" / "observations.nc")
        observed_is_there(experiment, observations)
        land = experiment.land
        cfg = Config(
            nlevsno=land.snow_layers, stress=land.stress, capacity=land.capacity, nitrogen=land.nitrogen
        )
        return cls(experiment, site, forcing, streams, observations, cfg)

    @property
    def windows(self) -> int:
        return self.experiment.period.days

    def tower(self) -> TowerSeries:
        daylight = np.asarray(self.forcing["coszen"])[:, 0] > 0.02
        series = tower_series(self.observations, daylight, self.experiment.assimilation.observed)
        time = self.observations["time"].values
        for block in self.experiment.evaluation.withheld:
            first, last = np.datetime64(block.start), np.datetime64(block.end) + np.timedelta64(1, "D")
            series = series.withhold((time >= first) & (time < last), block.variables)
        return series

    def dominant_pft(self) -> int:
        return max(self.site.patches, key=lambda p: p.weight).pft

    def priors(self, names: Sequence[str] | None = None) -> list[Prior]:
        """Priors of the perturbed parameters, centred on the default of the dominant plant type."""
        chosen = names or self.experiment.ensemble.parameters or self.with_effect(DEFAULT_PARAMETERS)
        if idle := set(chosen) - set(self.with_effect(chosen)):
            raise InputError(
                f"ensemble.parameters: {', '.join(sorted(idle))} without effect, as `land` has stress "
                f"{self.cfg.stress} and capacity {self.cfg.capacity}; leave out, or choose another `land`"
            )
        priors = []
        for name in chosen:
            item = parameter(name)
            centre = item.default[self.dominant_pft()] if isinstance(item.default, tuple) else item.default
            if item.prior is None:
                raise ValueError(f"parameter {name} has no prior in the registry; it cannot be perturbed")
            priors.append(Prior.from_registry(name, float(centre), item.prior, item.range))
        return priors

    def with_effect(self, names: Sequence[str]) -> tuple[str, ...]:
        """``names`` with those that the chosen land model does not use replaced by what it uses instead."""
        idle = {**INSTEAD.get(self.cfg.stress, {}), **INSTEAD.get(self.cfg.capacity, {})}
        return tuple(new for name in names for new in idle.get(name, (name,)))

    def ensemble(self, members: int | None = None) -> ParameterEnsemble:
        """Prior ensemble of the experiment, of ``members`` (default: the experiment's)."""
        e = self.experiment.ensemble
        names = [p.name for p in self.priors()]
        return ParameterEnsemble.prior(
            self.priors(),
            [n for n in self.with_effect(SEASONAL) if n in names],
            members or e.members,
            e.seed,
            seasonal_sd=SEASONAL_SD,
        )

    @property
    def free_members(self) -> int:
        """Members of the runs without data."""
        return min(self.experiment.ensemble.free_members, self.experiment.ensemble.members)

    def drift(self) -> Drift:
        """The drift of the parameters that have one."""
        sd = {new: value for name, value in DRIFT_SD.items() for new in self.with_effect((name,))}
        return Drift(sd, DRIFT_DAYS, OWN_DRIFT_DAYS)

    def options(self) -> CycleOptions:
        a = self.experiment.assimilation
        return CycleOptions(
            seed=self.experiment.ensemble.seed,
            lag=a.lag_days,
            reject_beyond=a.outlier_sd,
            drift=self.drift(),
            adaptive_inflation=a.inflation == "adaptive",
            inflation=a.inflation_factor**2 if a.inflation == "fixed" else 1.0,
            analysis=WindowAnalysis(
                filter_of(a.filter, self.experiment.ensemble.seed),
                by_element=a.filter == "letkf",
                relaxation=Relaxation(a.relaxation, a.relaxation_factor if a.relaxation != "none" else 0.0),
                emulated=a.emulated_members,
            ),
        )

    def default_parameters(self, columns: int) -> Fields:
        return prepare(surface_of(self.site).tile(columns))

    def cold_start(self, p: Fields) -> Fields:
        mean = float(self.streams["TBOT"].mean())
        return cold_start(p, self.cfg, temperature=mean + 2.0)

    def day_of_first_window(self) -> int:
        """Day of the year of the first day of the period."""
        return int(days_of_year(self.streams)[0])

    def model(
        self,
        ensemble: ParameterEnsemble,
        spun_up: Fields,
        *,
        first_window: int = 0,
        free: bool = False,
        weather_errors: bool = True,
        shift: Mapping[str, Array] | None = None,
    ) -> StationModel:
        """The forecast model of an ensemble, started with its own disequilibrium from the spun-up state: one column for all,
        or a column a member (`start_of`).

        All ask for the outputs of the product, and those that run without data (``free``) for what the spin-up needs
        beside them: they share one compiled program for each number of members, and the outputs cost little beside the
        step. ``first_window`` of the period becomes window 0. Without ``weather_errors`` all members
        have the weather of the record. ``shift``: see `StationModel`.
        """
        values = ensemble.physical(1.0)
        land = {n: v for n, v in values.items() if n not in (*OPERATOR, *INITIAL)}
        p = prepare(surface_of(self.site).tile(ensemble.members), land)
        columns = int(spun_up.h2osoi_liq.shape[-1])
        if columns not in (1, ensemble.members):
            raise ValueError(
                f"start state of {columns} columns for {ensemble.members} members; expected one column, or one a member"
            )
        s = spun_up if columns == ensemble.members else tile_state(spun_up, ensemble.members)
        if self.experiment.spinup.disequilibrium:
            s = disequilibrium(p, s, values, self.site)
        series = tuple(dict.fromkeys((*output_names("halfhourly"), *FREE_SERIES, "NEE")))
        budget_fluxes = tuple({f for _, fluxes in BUDGETS.values() for f in fluxes})
        daily = {*output_names("daily"), *FREE_DAILY, *(STEADY_STATE_MEANS if free else ())}
        means = tuple(sorted({n for n in (*daily, *budget_fluxes) if n not in series or n in budget_fluxes}))
        return StationModel(
            p,
            s,
            self.forcing,
            self.cfg,
            seed=self.experiment.ensemble.seed,
            steps_per_window=STEPS_PER_DAY,
            days_of_year=days_of_year(self.streams)[first_window:],
            forcing_error=_from(forcing_error(self.streams), first_window)
            if weather_errors
            else ForcingError({}),
            series=series,
            daily=means,
            at_end=(),
            first_step=first_window * STEPS_PER_DAY,
            fixed=INITIAL,
            shift=shift,
        )


def disequilibrium(p: Fields, s: Fields, values: Mapping[str, Array], site: Site) -> Fields:
    """The equilibrium of the climate moved to where a real stand may be: wood, litter and soil of each member.

    Carbon and nitrogen are scaled alike. Measured wood carbon, else a known stand age, says how much of the
    equilibrium's wood is there; measured soil carbon (to 1 m) does so for slow and passive organic matter. The members'
    factors are the doubt that remains.
    """
    ones = np.ones(p.wt.shape[-1])

    def known(value: float | None) -> jnp.ndarray | None:
        return None if value is None else jnp.full(p.wt.shape[-1], value)

    s, _ = disturb(
        p,
        s,
        stand_age=known(site.stand_age_years),
        wood_biomass=known(site.wood_carbon_g_m2),
        soil_carbon=known(site.soil_carbon_g_m2),
        wood_factor=jnp.asarray(values.get("wood_c_scale", ones)),
        soil_factor=jnp.asarray(values.get("soil_c_scale", ones)),
    )
    scale = jnp.asarray(values.get("litter_c_scale", ones))
    new = {n: s[n].at[:4].multiply(scale) for n in ("decomp_cpools", "decomp_npools")}
    return s.replace(**new)


def load_spun_up(path: Path) -> Fields:
    """State of the `spinup` stage."""
    arrays, _ = read_restart(path)
    return Fields({n: jnp.asarray(v) for n, v in arrays.items()})


def _from(error: ForcingError, first: int) -> ForcingError:
    return ForcingError({n: v[first:] for n, v in error.sd.items()}, error.days)
