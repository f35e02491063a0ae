"""Which measurements are withheld to score the methods: artificial gaps and a forecast year.

A gap withholds *all* assimilated tower variables of its period. Gaps of 1, 10, 30 and 90 days are
spread over the four seasons of all years but the last; the last year is withheld as a forecast. The
design depends on the seed, the variant and on where measurements exist, never on their values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.product._time import as_time, day_number

#: gap classes of the figure keys, in days
GAP_DAYS: tuple[int, ...] = (1, 10, 30, 90)
#: gaps of each length in one variant; multiples of four give every season its share
GAP_COUNTS: Mapping[int, int] = {1: 16, 10: 8, 30: 4, 90: 4}
#: value of `gap_class` in the forecast period
FORECAST = -1
SEASONS = ("DJF", "MAM", "JJA", "SON")
ASSIMILATED = ("NEE", "LE", "SWC")


@dataclass(frozen=True, slots=True)
class Gap:
    """One withheld period. `first` and `last` are UTC days, both withheld."""

    first: str
    last: str
    days: int
    season: str


def gap_count(days: int) -> int:
    """Gaps of a length in one variant: those of the standard classes, else about 120 days in all, every season in turn."""
    return GAP_COUNTS.get(days, 4 * max(1, min(4, round(30 / days))))


def class_name(value: int) -> str:
    """The figure-key name of a gap class: ``gap30``, ``forecast``."""
    return "forecast" if value == FORECAST else f"gap{value}"


def design_gaps(
    observations: xr.Dataset,
    seed: int = 0,
    variant: int = 0,
    *,
    counts: Mapping[int, int] = GAP_COUNTS,
    buffer_days: int = 4,
    lead_in_days: int = 20,
    required: Sequence[str] = ("NEE", "LE"),
    min_halfhours: int = 12,
    forecast_days: int | None = None,
) -> xr.Dataset:
    """The withheld periods of one variant.

    `observations`: variables on `time` (UTC interval starts, regular), NaN where nothing usable was measured.
    A candidate gap must hold a fair share of days with at least `min_halfhours` measured half-hours of each
    `required` variable (80 % of what its season usually has, and at least one day).

    Returns a Dataset on `time`: `withheld` (bool), `gap_class` (int16: days, -1 forecast, 0 none) and
    `gap_id`
    (int16, -1 none). The last year is withheld in every variant (nobody ever trains on it) and scored in
    variant 0 only; `attrs["score_end"]` is the first instant no longer scored, where a run may stop.
    `attrs["sha256"]` is the content hash, `attrs["gaps"]` the list as JSON. Variants share no gap days of a
    class as long as there is room. ``forecast_days`` replaces the last year by so many days (0: none).
    """
    required = [name for name in required if name in observations]
    if not required:
        raise ValueError("a gap design needs at least one of the required variables in the observations")
    time = as_time(observations["time"].values)
    days = day_number(time)
    first_day, last_day = int(days[0]), int(days[-1])
    n_days = last_day - first_day + 1
    forecast_day = (
        _forecast_start(first_day, last_day) if forecast_days is None else last_day + 1 - forecast_days
    )
    usable = _usable_days(observations, required, days - first_day, n_days, min_halfhours)

    taken: dict[int, NDArray[np.bool_]] = {length: np.zeros(n_days, bool) for length in counts}
    chosen: list[tuple[int, int]] = []
    for v in range(variant + 1):
        rng = np.random.default_rng([seed, v, 20_451])
        chosen = _place(counts, usable, taken, first_day, forecast_day, buffer_days, lead_in_days, rng)
        for start, length in chosen:
            taken[length][start : start + length] = True

    gap_class = np.zeros(n_days, np.int16)
    gap_id = np.full(n_days, -1, np.int16)
    gaps: list[Gap] = []
    for number, (start, length) in enumerate(sorted(chosen)):
        gap_class[start : start + length] = length
        gap_id[start : start + length] = number
        gaps.append(
            Gap(
                _iso(first_day + start),
                _iso(first_day + start + length - 1),
                length,
                _season(first_day + start, length),
            )
        )
    withheld = gap_class > 0
    tail = forecast_day - first_day
    withheld[tail:] = True
    if variant == 0:
        gap_class[tail:] = FORECAST
        gap_id[tail:] = len(gaps)
    score_end = last_day + 1 if variant == 0 else forecast_day

    index = days - first_day
    mask = xr.Dataset(
        {
            "withheld": ("time", withheld[index], {"long_name": "measurement withheld from all methods"}),
            "gap_class": (
                "time",
                gap_class[index],
                {"long_name": "gap length in days, -1 forecast, 0 not scored"},
            ),
            "gap_id": ("time", gap_id[index], {"long_name": "number of the gap, -1 none"}),
        },
        coords={"time": time},
    )
    listing = json.dumps([asdict(g) for g in gaps], sort_keys=True)
    digest = hashlib.sha256()
    for part in (listing.encode(), _iso(forecast_day).encode(), time.tobytes(), gap_class[index].tobytes()):
        digest.update(part)
    mask.attrs = {
        "seed": seed,
        "variant": variant,
        "gaps": listing,
        "forecast_start": _iso(forecast_day),
        "score_end": _iso(score_end),
        "not_placed": sum(counts.values()) - len(gaps),
        "sha256": digest.hexdigest(),
    }
    return mask


def withhold(observations: xr.Dataset, mask: xr.Dataset, names: Sequence[str] | None = None) -> xr.Dataset:
    """`observations` with every withheld value (and its error) set to NaN.

    All variables on `time` are masked unless `names` limits them: a method that trains on the result
    cannot see
    a withheld value of any kind. Raises `ValueError` if the axes differ.
    """
    if not np.array_equal(as_time(observations["time"].values), as_time(mask["time"].values)):
        raise ValueError("observations and gap design stand on different time axes")
    keep = ~mask["withheld"]
    out = observations.copy()
    for name in names if names is not None else list(observations.data_vars):
        array = observations[name]
        if "time" in array.dims and array.dtype.kind == "f":
            out[name] = array.where(keep)
    return out


def _forecast_start(first_day: int, last_day: int) -> int:
    """First day of the last calendar year; of the last fifth where the record is shorter than two years."""
    if last_day - first_day < 2 * 365 - 1:
        return last_day + 1 - max(1, (last_day - first_day + 1) // 5)
    # a few half-hours of the next year (time zones) do not make a year
    year = np.datetime64(last_day - 15, "D").astype("datetime64[Y]")
    return int(year.astype("datetime64[D]").astype(np.int64))


def _usable_days(
    observations: xr.Dataset, required: Sequence[str], index: NDArray[np.int64], n_days: int, least: int
) -> NDArray[np.bool_]:
    usable = np.ones((len(required), n_days), bool)
    for row, name in enumerate(required):
        measured = np.isfinite(observations[name].values)
        usable[row] = np.bincount(index[measured], minlength=n_days) >= least
    return usable


def _place(
    counts: Mapping[int, int],
    usable: NDArray[np.bool_],
    taken: Mapping[int, NDArray[np.bool_]],
    first_day: int,
    forecast_day: int,
    buffer_days: int,
    lead_in_days: int,
    rng: np.random.Generator,
) -> list[tuple[int, int]]:
    """(start, length) of the gaps of one variant, longest first, seasons in turn."""
    n_days = usable.shape[1]
    end = forecast_day - first_day - buffer_days
    blocked = np.zeros(n_days, bool)
    blocked[:lead_in_days] = True
    blocked[end:] = True
    cumulative = np.concatenate([np.zeros((usable.shape[0], 1), int), np.cumsum(usable, axis=1)], axis=1)
    chosen: list[tuple[int, int]] = []
    for length in sorted(counts, reverse=True):
        starts = np.arange(max(0, n_days - length + 1))
        seasons = np.array([_season(first_day + int(s), length) for s in starts])
        held = cumulative[:, starts + length] - cumulative[:, starts]
        order = list(rng.permutation(len(SEASONS)))
        for turn in range(counts[length]):
            season = SEASONS[order[turn % len(SEASONS)]]
            free = _windows_free(blocked, starts, length)
            here = free & (seasons == season)
            fresh = here & _windows_free(taken[length], starts, length)
            # what the season usually has, as a share of days
            usual = (
                held[:, seasons == season].mean(axis=1, keepdims=True) if (seasons == season).any() else 0.0
            )
            enough = (held >= np.maximum(1.0, 0.8 * usual)).all(axis=0)
            for candidates in (fresh & enough, here & enough, here & (held >= 1).all(axis=0)):
                if candidates.any():
                    start = int(rng.choice(starts[candidates]))
                    chosen.append((start, length))
                    blocked[max(0, start - buffer_days) : start + length + buffer_days] = True
                    break
    return chosen


def _windows_free(blocked: NDArray[np.bool_], starts: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    total = np.concatenate([[0], np.cumsum(blocked)])
    return (total[starts + length] - total[starts]) == 0


def _season(start_day: int, length: int) -> str:
    month = int(str(np.datetime64(start_day + length // 2, "D"))[5:7])
    return SEASONS[(month % 12) // 3]


def _iso(day: int) -> str:
    return str(np.datetime64(day, "D"))
