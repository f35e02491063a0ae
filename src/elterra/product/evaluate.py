"""Runs withheld variants, scores them beside the baselines, and gives the figures of the contract."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.product import scores
from elterra.product._time import Float, Time, as_time, day_number
from elterra.product.baselines import (
    Climatology,
    Interpolation,
    MarginalDistributionSampling,
    Persistence,
    Prediction,
    Trees,
    driver_features,
)
from elterra.product.gaps import (
    ASSIMILATED,
    FORECAST,
    GAP_COUNTS,
    GAP_DAYS,
    class_name,
    design_gaps,
    withhold,
)
from elterra.product.scores import MIN_DAILY, MIN_PART, DailyMean, Sample, pool, summarise

#: scored against the partitioned estimate, daily
PARTITIONED = ("GPP", "ER")
METHODS = ("reanalysis", "openloop", "climatology", "mds", "trees")
#: radiation (W m-2) that divides day from night
DAYLIGHT = 10.0

#: What the pipeline gives: the withheld mask in, the ensembles out. Keys "reanalysis" and "openloop"; each a
#: Dataset of NEE, LE, SWC, GPP, ER on (time, member) in the units of the observations.
RunVariant = Callable[[xr.Dataset], Mapping[str, xr.Dataset]]

_Key = tuple[str, str, str, str, str]  # variable, scale, gap, method, part


@dataclass
class Evaluation:
    """`figures`: the contract's keys. `table`: one row per combination, day and night too, with counts."""

    figures: dict[str, float]
    table: list[dict[str, Any]]
    designs: list[dict[str, Any]] = field(default_factory=list)
    baselines: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """A JSON object without NaN (absent scores are null)."""
        return {
            "figures": self.figures,
            "table": [{k: _finite(v) for k, v in row.items()} for row in self.table],
            "designs": self.designs,
            "baselines": self.baselines,
        }


def evaluate(
    observations: xr.Dataset,
    drivers: xr.Dataset,
    run_variant: RunVariant,
    *,
    variants: Sequence[int] = (0, 1, 2),
    seed: int = 0,
    counts: Mapping[int, int] = GAP_COUNTS,
    methods: Sequence[str] = METHODS,
    forecast_days: int | None = None,
    tree_options: Mapping[str, Any] | None = None,
    threads: int = 1,
    say: Callable[[str], None] = lambda text: None,
) -> Evaluation:
    """Scores of reanalysis, open loop and baselines on withheld measurements.

    `observations`: NEE, LE, SWC and their `_sd` on `time` (UTC interval starts; NaN = no usable measurement),
    GPP and ER (partitioned estimates) on `time` or daily on `day`; `attrs` latitude, longitude (degrees) and
    utc_offset (hours). `drivers`: TA (degC), SW_IN (W m-2), VPD (hPa), and where known LW_IN, P (mm per
    interval), PA, WS on the same `time`. Baselines see `observations` with the withheld part taken out and
    nothing else; so does `run_variant`, which gets the mask.
    """
    time = as_time(observations["time"].values)
    if not np.array_equal(time, as_time(drivers["time"].values)):
        raise ValueError("observations and drivers stand on different time axes")
    place = _place(observations)
    collected: dict[_Key, list[Sample]] = {}
    features: NDArray[np.float32] | None = None
    if "trees" in methods:
        features, _ = driver_features(drivers, *place)

    def one(variant: int) -> tuple[dict[str, Any], dict[str, Any], dict[_Key, list[Sample]]]:
        mask = design_gaps(observations, seed, variant, counts=counts, forecast_days=forecast_days)
        say(f"variant {variant}: {float(mask['withheld'].mean()):.0%} of the record withheld")
        job = _Variant(observations, drivers, mask, place, features, variant, dict(tree_options or {}))
        own: dict[_Key, list[Sample]] = {}
        notes = {"variant": variant} | job.score(run_variant(mask), methods, own, say)
        return {k: _plain(v) for k, v in mask.attrs.items()}, notes, own

    with ThreadPoolExecutor(max_workers=threads) as pool:
        results = list(pool.map(one, variants))
    for _, _, own in results:  # in the order of the variants, whichever was ready first
        for key, samples in own.items():
            collected.setdefault(key, []).extend(samples)
    return _assemble(collected, [r[0] for r in results], [r[1] for r in results])


class _Variant:
    """Scores of one variant."""

    def __init__(
        self,
        observations: xr.Dataset,
        drivers: xr.Dataset,
        mask: xr.Dataset,
        place: tuple[float, float, float],
        features: NDArray[np.float32] | None,
        variant: int,
        tree_options: dict[str, Any],
    ) -> None:
        self.tree_options = tree_options
        self.time: Time = as_time(observations["time"].values)
        self.observations, self.drivers, self.place, self.features = observations, drivers, place, features
        self.training = withhold(observations, mask)
        self.withheld = mask["withheld"].values
        self.gap = mask["gap_class"].values.astype(int)
        self.scored = self.gap != 0
        block = mask["gap_id"].values.astype(np.int64)
        months = (day_number(self.time) - day_number(self.time)[0]) // 30
        self.block = np.where(self.gap == FORECAST, 1000 + months, block)
        self.day = day_number(self.time)
        self.light = drivers["SW_IN"].values > DAYLIGHT
        self.rng = np.random.default_rng([variant, 77])

    def score(
        self,
        ensembles: Mapping[str, xr.Dataset],
        methods: Sequence[str],
        collected: dict[_Key, list[Sample]],
        say: Callable[[str], None],
    ) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for name in ASSIMILATED:
            if name not in self.observations:
                continue
            for method in methods:
                if method in ("reanalysis", "openloop"):
                    if method in ensembles and name in ensembles[method]:
                        self._ensemble(name, method, ensembles[method][name], collected)
                    continue
                say(f"{name}: {method}")
                prediction, notes = self._baseline(name, method)
                record[f"{name}.{method}"] = notes
                self._prediction(name, method, prediction, collected)
            self._prediction(name, "persistence", self._baseline(name, "persistence")[0], collected)
        for name in PARTITIONED:
            if name in self.observations and "NEE" in self.observations:
                self._partitioned(name, ensembles, methods, collected)
        return record

    def _baseline(self, name: str, method: str) -> tuple[Prediction, dict[str, Any]]:
        target = self.training[name].values.astype(float)
        offset = self.place[2]
        if method == "climatology":
            make: Any = Climatology(offset, diurnal=0 if name == "SWC" else 3)
        elif method == "persistence":
            make = Persistence()
        elif method == "mds":
            d = self.drivers
            make = (
                Interpolation()
                if name == "SWC"
                else MarginalDistributionSampling(d["SW_IN"].values, d["TA"].values, d["VPD"].values)
            )
        elif method == "trees":
            assert self.features is not None
            # a soil remembers for months: blocks as long as that keep the cross-validation honest
            make = Trees(self.features, **({"block_days": 60 if name == "SWC" else 20} | self.tree_options))
        else:
            raise ValueError(f"unknown method {method!r}; known: {METHODS}")
        prediction = make(self.time, target, self.scored)
        return prediction, dict(getattr(make, "chosen", {}), correlation=round(prediction.correlation, 4))

    def _parts(self) -> list[tuple[str, NDArray[np.bool_], int]]:
        everything = np.ones_like(self.light)
        return [
            ("all", everything, MIN_DAILY),
            ("day", self.light, MIN_PART),
            ("night", ~self.light, MIN_PART),
        ]

    def _classes(self, method: str) -> list[int]:
        present = [g for g in (*GAP_DAYS, FORECAST) if (self.gap == g).any()]
        extra = sorted(set(self.gap[self.gap > 0]) - set(present))
        present = extra + present
        if method == "mds":
            present = [g for g in present if g != FORECAST]
        if method == "persistence":
            present = [g for g in present if g == FORECAST]
        return present

    def _ensemble(
        self, name: str, method: str, array: xr.DataArray, collected: dict[_Key, list[Sample]]
    ) -> None:
        members = _aligned(array, self.time, self.scored)
        truth = self.observations[name].values[self.scored].astype(float)
        sd = self.observations[f"{name}_sd"].values[self.scored].astype(float)
        gap, block, day = self.gap[self.scored], self.block[self.scored], self.day[self.scored]
        usable = np.isfinite(truth) & np.isfinite(members).all(axis=1) & np.isfinite(sd)
        for part, where_all, least in self._parts():
            where = where_all[self.scored]
            for g in self._classes(method):
                use = where & (gap == g) & usable
                key = (name, "halfhourly", class_name(g), method, part)
                sample = scores.ensemble_sample(truth[use], members[use], sd[use], block[use], self.rng)
                collected.setdefault(key, []).append(sample)
                mean = DailyMean(day, use, least)
                daily = scores.ensemble_sample(
                    mean.mean(truth), mean.mean(members), mean.error_sd(sd), mean.first(block), self.rng
                )
                collected.setdefault((name, "daily", class_name(g), method, part), []).append(daily)

    def _prediction(
        self, name: str, method: str, prediction: Prediction, collected: dict[_Key, list[Sample]]
    ) -> None:
        truth = self.observations[name].values[self.scored].astype(float)
        gap, block, day = self.gap[self.scored], self.block[self.scored], self.day[self.scored]
        # the same half-hours for every method: a datum without an error is no observation
        sd = self.observations[f"{name}_sd"].values[self.scored]
        usable = np.isfinite(truth) & np.isfinite(prediction.mean) & np.isfinite(sd)
        for part, where_all, least in self._parts():
            where = where_all[self.scored]
            for g in self._classes(method):
                use = where & (gap == g) & usable
                picked = Prediction(
                    prediction.mean[use],
                    prediction.sd[use],
                    prediction.quantiles[:, use],
                    prediction.correlation,
                )
                key = (name, "halfhourly", class_name(g), method, part)
                collected.setdefault(key, []).append(scores.prediction_sample(truth[use], picked, block[use]))
                mean = DailyMean(day, use, least)
                daily = scores.daily_prediction_sample(mean.mean(truth), prediction, mean, mean.first(block))
                collected.setdefault((name, "daily", class_name(g), method, part), []).append(daily)

    def _partitioned(
        self,
        name: str,
        ensembles: Mapping[str, xr.Dataset],
        methods: Sequence[str],
        collected: dict[_Key, list[Sample]],
    ) -> None:
        """GPP or ER: daily means of the partitioned estimate, on days whose NEE was measured well enough."""
        days, truth = _daily_reference(self.observations[name])
        sd = (
            _daily_reference(self.observations[f"{name}_sd"])[1]
            if f"{name}_sd" in self.observations
            else None
        )
        whole = DailyMean(self.day, np.ones(self.time.size, bool), 1)
        gap = _on_days(whole.days, whole.first(self.gap.astype(np.int64)), days, 0)
        block = _on_days(whole.days, whole.first(self.block), days, -1)
        hidden = _on_days(whole.days, whole.first(self.withheld.astype(np.int64)), days, 0)
        measured = DailyMean(self.day, np.isfinite(self.observations["NEE"].values), MIN_DAILY)
        judged = np.isin(days, measured.days) & (gap != 0) & np.isfinite(truth)
        day_time = days.astype("datetime64[D]").astype("datetime64[ns]")
        # a day whose NEE is withheld has a partitioned value made from it: no method may see that either
        target = np.where(hidden == 1, np.nan, truth)
        error = sd if sd is not None else np.zeros(days.size)
        judged &= np.isfinite(error)
        if not judged.any():
            return
        for method in methods:
            if method == "mds":
                continue  # the partitioned estimate is itself made by marginal distribution sampling
            if method in ("reanalysis", "openloop"):
                if method not in ensembles or name not in ensembles[method]:
                    continue
                members = _daily_members(ensembles[method][name], days[judged])
                sample = scores.ensemble_sample(
                    truth[judged], members, error[judged], block[judged], self.rng
                )
            else:
                predicted = self._daily_baseline(method, day_time, target, judged, whole, days)
                sample = scores.gaussian_sample(truth[judged], predicted.mean, predicted.sd, block[judged])
            # all judged days have truth, members and errors: samples keep their order and number
            for g in self._classes(method):
                piece = sample.take(gap[judged] == g)
                collected.setdefault((name, "daily", class_name(g), method, "all"), []).append(piece)

    def _daily_baseline(
        self,
        method: str,
        day_time: Time,
        target: Float,
        use: NDArray[np.bool_],
        whole: DailyMean,
        days: NDArray[np.int64],
    ) -> Prediction:
        if method == "climatology":
            return Climatology(self.place[2], diurnal=0)(day_time, target, use)
        assert self.features is not None
        daily: NDArray[np.float32] = np.full((days.size, self.features.shape[1]), np.nan, np.float32)
        daily[np.isin(days, whole.days)] = whole.mean(self.features)[np.isin(whole.days, days)]
        return Trees(daily, **self.tree_options)(day_time, target, use)


def plain_table(evaluation: Evaluation, scale: str = "daily", score: str = "rmse") -> str:
    """One score as text: a line per variable and gap class, a column per method, the best marked with
    ``*``."""
    rows = [r for r in evaluation.table if r["scale"] == scale and r["part"] == "all"]
    methods = [m for m in METHODS if any(r["method"] == m for r in rows)]
    lines = [f"{score}, {scale}".ljust(20) + "".join(m.rjust(14) for m in methods) + "n".rjust(8)]
    merit: dict[str, Callable[[float], float]] = {
        "bias": abs,
        "r": lambda v: -v,
        "coverage90": lambda v: abs(v - 0.9),
        "spread_skill": lambda v: abs(math.log(v)) if v > 0 else math.inf,
    }
    for variable, gap in dict.fromkeys((r["variable"], r["gap"]) for r in rows):
        here = {r["method"]: r for r in rows if r["variable"] == variable and r["gap"] == gap}
        values = {m: here[m][score] for m in methods if m in here and math.isfinite(here[m][score])}
        best = min(values, key=lambda m: merit.get(score, float)(values[m])) if values else ""
        cells = [f"{values[m]:.4g}{'*' if m == best else ' '}" if m in values else "- " for m in methods]
        count = max(r["n"] for r in here.values())
        lines.append(
            f"{variable} {gap}".ljust(20) + "".join(c.rjust(14) for c in cells) + str(count).rjust(8)
        )
    return "\n".join(lines)


def rich_table(evaluation: Evaluation, scale: str = "daily", score: str = "rmse") -> Any:
    """The same as a `rich.table.Table`."""
    from rich.table import Table

    text = [line.split() for line in plain_table(evaluation, scale, score).splitlines()]
    table = Table(title=f"{score}, {scale}, on withheld measurements")
    for column in ("variable", "gap", *text[0][2:]):
        table.add_column(column, justify="left" if column in ("variable", "gap") else "right")
    for row in text[1:]:
        table.add_row(*(f"[bold green]{c[:-1]}[/]" if c.endswith("*") else c for c in row))
    return table


def _assemble(
    collected: Mapping[_Key, list[Sample]], designs: list[dict[str, Any]], chosen: list[dict[str, Any]]
) -> Evaluation:
    figures: dict[str, float] = {}
    table: list[dict[str, Any]] = []
    for key in sorted(collected, key=_order):
        variable, scale, gap, method, part = key
        summary = summarise(pool(collected[key]))
        if summary is None:
            continue
        table.append(
            {"variable": variable, "scale": scale, "gap": gap, "method": method, "part": part}
            | asdict(summary)
        )
        if part == "all" and method in METHODS and gap in _GAP_KEYS:
            for score in scores.SCORES:
                value = getattr(summary, score)
                if math.isfinite(value):
                    figures[f"{variable}.{scale}.{gap}.{method}.{score}"] = value
    return Evaluation(figures, table, designs, chosen)


_GAP_KEYS = tuple(class_name(g) for g in (*GAP_DAYS, FORECAST))


def _order(key: _Key) -> tuple[int, ...]:
    variable, scale, gap, method, part = key
    names = (*ASSIMILATED, *PARTITIONED)
    rank = 10_000 if gap == "forecast" else int(gap.removeprefix("gap"))
    way = (*METHODS, "persistence")
    return (
        names.index(variable),
        ("daily", "halfhourly").index(scale),
        ("all", "day", "night").index(part),
        rank,
        way.index(method),
    )


def _place(observations: xr.Dataset) -> tuple[float, float, float]:
    try:
        return tuple(float(observations.attrs[k]) for k in ("latitude", "longitude", "utc_offset"))  # type: ignore[return-value]
    except KeyError as error:
        raise ValueError(
            f"observations need the attribute {error} (latitude, longitude, utc_offset)"
        ) from None


def _aligned(array: xr.DataArray, time: Time, scored: NDArray[np.bool_]) -> Float:
    """Members `[scored interval, member]`. Raises `ValueError` if an interval to score is missing."""
    own = as_time(array["time"].values)
    ask = time[scored]
    index = np.searchsorted(own, ask)
    index = np.minimum(index, own.size - 1)
    if (own[index] != ask).any():
        lost = ask[own[index] != ask]
        raise ValueError(f"{array.name}: members lack {lost.size} intervals to be scored, first {lost[0]}")
    return array.transpose("time", "member").values[index]


def _daily_reference(array: xr.DataArray) -> tuple[NDArray[np.int64], Float]:
    """Days and daily means of a partitioned flux given on `day` or on `time`."""
    if "day" in array.dims:
        return day_number(array["day"].values), array.values.astype(float)
    values = array.values.astype(float)
    mean = DailyMean(day_number(array["time"].values), np.isfinite(values), 1)
    return mean.days, mean.mean(values)


def _daily_members(array: xr.DataArray, days: NDArray[np.int64]) -> Float:
    own = day_number(array["time"].values)
    use = np.isin(own, days)
    if np.unique(own[use]).size != days.size:
        raise ValueError(f"{array.name}: members lack days to be scored")
    return DailyMean(own, use, 1).mean(array.transpose("time", "member").values)


def _on_days(
    own: NDArray[np.int64], values: NDArray[np.int64], days: NDArray[np.int64], default: int
) -> NDArray[np.int64]:
    out = np.full(days.size, default, np.int64)
    index = np.clip(np.searchsorted(own, days), 0, own.size - 1)
    match = own[index] == days
    out[match] = values[index[match]]
    return out


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
