"""From final windows to what is stored: statistics, members of the scored variables, budgets, data fates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.pipeline.reanalysis.budget import BUDGETS, RESIDUALS, budget_attributes
from elterra.pipeline.reanalysis.corrections import land_corrections, part_corrections
from elterra.pipeline.reanalysis.cycle import FinalWindow, Innovation
from elterra.product.statistics import STATISTICS, ensemble_statistics, stored_name
from elterra.registry import variable

Array = NDArray[np.float64]

#: tower equivalents of which every member is kept
MEMBER_VARIABLES = ("NEE", "LE", "SWC", "GPP", "ER")
SECONDS_PER_DAY = 86400.0


def output_names(frequency: str) -> tuple[str, ...]:
    """Product variables of a frequency ("halfhourly", "daily"), from the registry."""
    from elterra.registry import variables

    return tuple(n for n, v in variables().items() if frequency in v.output)


def smoothed_kind(name: str) -> bool:
    """Whether later data may change an output: fluxes yes, stocks and other states no.

    The chance correlations of a small ensemble are large beside what a day's data know about a stock of decades, and a
    linear combination of snow packs can be negative. States are what the filter made of them.
    """
    return variable(name).kind == "flux"


def non_negative(name: str) -> bool:
    """Whether the registry bounds a variable below at zero."""
    bounds = variable(name).bounds
    return bounds is not None and bounds[0] >= 0.0


class TowerMembers(Protocol):
    """Members of the tower's quantities as they are published."""

    def __call__(self, final: FinalWindow) -> tuple[dict[str, Array], dict[str, Array]]:
        """Tower equivalents ``[step, member]``, and what the discrepancy has added to them."""


def without_discrepancy(final: FinalWindow) -> tuple[dict[str, Array], dict[str, Array]]:
    """Members as the model and its operator give them."""
    tower = final.tower()
    return {n: tower[n] for n in MEMBER_VARIABLES}, {}


class WindowProduct:
    """Turns one final window into arrays by group, ready for the store."""

    def __init__(
        self,
        halfhourly: Sequence[str],
        daily: Sequence[str],
        steps: int,
        tower_members: TowerMembers = without_discrepancy,
        closure: float = 1.0,
    ) -> None:
        """``closure``: share of the turbulent energy the tower sees (ensemble mean), to bring a discrepancy of the
        measured LE to the land's."""
        self.halfhourly, self.daily, self.steps = tuple(halfhourly), tuple(daily), steps
        self._tower_members, self._closure = tower_members, closure
        self._end_before: dict[str, float] = {}

    def arrays(self, final: FinalWindow) -> dict[str, dict[str, NDArray[np.float32]]]:
        """``{group: {name: [step, ...]}}`` of the groups halfhourly, daily, members and budget.

        A smoothed ensemble is a linear combination of members; weights can be negative, so that a flux near zero
        can come out slightly below it. Statistics are taken of ``max(x, 0)`` and what this adds to the mean is
        booked in ``budget`` as ``clipped_<name>``.
        """
        forecast = final.forecast
        members, added = self._tower_members(final)
        seen = {name: _seen(final, name, forecast.series[name]) for name in self.halfhourly}
        correction = land_corrections(added, self._closure)
        correction |= part_corrections(correction, seen)
        clipped: dict[str, float] = {}
        half: dict[str, NDArray[np.float32]] = {}
        day: dict[str, NDArray[np.float32]] = {}
        for name, values in seen.items():
            if name in correction:
                values = values + correction[name]
            values = self._bounded(name, values, clipped)
            for suffix, array in ensemble_statistics(values).items():
                half[stored_name(name, suffix)] = array
        for name in self.daily:
            source = forecast.daily[name] if name in forecast.daily else _nanmean(forecast.series[name])
            values = _seen(final, name, source)
            if name in correction:
                values = values + correction[name].mean(axis=0)
            values = self._bounded(name, values, clipped)
            for suffix, array in ensemble_statistics(values).items():
                day[stored_name(name, suffix)] = array[None]
        return {
            "halfhourly": half,
            "daily": day,
            "members": {n: v.astype(np.float32) for n, v in members.items()},
            "budget": self._budget(final, clipped, correction),
        }

    def _bounded(self, name: str, values: Array, clipped: dict[str, float]) -> Array:
        if not non_negative(name):
            return values
        low = np.minimum(values, 0.0)
        if low.any():
            clipped[name] = clipped.get(name, 0.0) - float(np.nanmean(low))
            values = values - low
        return values

    def _budget(
        self, final: FinalWindow, clipped: Mapping[str, float], correction: Mapping[str, Array]
    ) -> dict[str, NDArray[np.float32]]:
        """Storage at both ends, fluxes, residual of the model, and what data did to storage and fluxes; ensemble means.

        ``<kind>_residual``: end - start - fluxes of the forecast (round-off). ``increment_<kind>``: what the analyses
        before the window did to the storage. ``smoothing_<kind>``: fluxes as stored (smoothed) less those of the
        forecast. ``discrepancy_<kind>``: what the discrepancy of the operator adds to the stored fluxes (the storages of the
        model know nothing of it). So end - previous end = increment + stored fluxes - smoothing - discrepancy + residual.
        """
        forecast, row = final.forecast, {}
        for kind, (storage, fluxes) in BUDGETS.items():
            start = float(forecast.start_totals[storage].mean())
            end = float(forecast.end_totals[storage].mean())
            supply = stored = discrepancy = 0.0
            for name, sign in fluxes.items():
                amount = float(final.smoothed(forecast.daily[name]).mean()) * SECONDS_PER_DAY
                added = float(correction[name].mean()) * SECONDS_PER_DAY if name in correction else 0.0
                row[f"{kind}_{name}"] = sign * (amount + added)
                stored += sign * amount
                discrepancy += sign * added
                supply += sign * float(forecast.daily[name].mean()) * SECONDS_PER_DAY
            row[f"{kind}_start"], row[f"{kind}_end"] = start, end
            row[f"{kind}_residual"] = end - start - supply
            row[f"smoothing_{kind}"] = stored - supply
            row[f"discrepancy_{kind}"] = discrepancy
            row[f"increment_{kind}"] = start - self._end_before.get(kind, start)
            self._end_before[kind] = end
        for name in RESIDUALS:
            row[f"worst_{name}"] = forecast.worst[name]
        for name in dict.fromkeys((*self.halfhourly, *self.daily)):
            if non_negative(name):
                row[f"clipped_{name}"] = clipped.get(name, 0.0)
        return {name: np.array([value]) for name, value in row.items()}

    def budget_attributes(self) -> dict[str, dict[str, str]]:
        """Attributes of the budget group's variables by name."""
        both = dict.fromkeys((*self.halfhourly, *self.daily))
        return budget_attributes([n for n in both if non_negative(n)])

    def state(self) -> dict[str, float]:
        """What a restart needs."""
        return dict(self._end_before)

    def restore(self, state: Mapping[str, float]) -> None:
        self._end_before = dict(state)


def _seen(final: FinalWindow, name: str, values: Array) -> Array:
    return final.smoothed(values) if smoothed_kind(name) else values


def _nanmean(values: Array) -> Array:
    count = np.isfinite(values).sum(axis=0)
    total = np.where(np.isfinite(values), values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def innovation_table(fates: Sequence[Innovation], times: NDArray[np.datetime64]) -> xr.Dataset:
    """All data with their fates as a dataset on ``datum``; ``times [step]`` are starts of half-hours."""
    columns = {k: [asdict(f)[k] for f in fates] for k in Innovation.__dataclass_fields__}
    half_hour = np.timedelta64(30, "m")
    data = {
        "time_start": times[np.array(columns["first_step"], dtype=int)]
        if fates
        else np.zeros(0, "datetime64[ns]"),
        "time_end": times[np.array(columns["last_step"], dtype=int)] + half_hour
        if fates
        else np.zeros(0, "datetime64[ns]"),
        "variable": np.array(columns["kind"], dtype=object),
        "reason": np.array(columns["reason"], dtype=object),
    }
    for name in (
        "count",
        "value",
        "error_sd",
        "prior_mean",
        "prior_sd",
        "posterior_mean",
        "posterior_sd",
        "used",
    ):
        data[name] = np.array(columns[name])
    return xr.Dataset({k: ("datum", v) for k, v in data.items()})


__all__ = ["MEMBER_VARIABLES", "STATISTICS", "WindowProduct", "innovation_table", "output_names"]
