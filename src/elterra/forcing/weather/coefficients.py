"""The fitted numbers of the generator, and the regressions on climate among them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.errors import InputError
from elterra.forcing.weather.climate import MonthlyClimate, monthly_sun

Array = NDArray[np.float64]
#: latent fields, in the order of the Cholesky factor
FIELDS = ("rain", "temperature", "clear", "range", "humid", "wind", "pressure")
#: irradiance (W m-2) at which the tables of correlations stand: polar night, winter, equinox, summer
SEASON_NODES = (0.0, 120.0, 240.0, 480.0)
#: fields of `Coefficients` that are arrays
ARRAYS = ("memory", "slow", "length_km", "smoothness", "correlation")
RESOURCE = "weather_coefficients.json"


@dataclass(frozen=True)
class Regression:
    """``link^-1(sum of coefficients x terms)`` kept within ``low..high``; terms are named in `terms`."""

    terms: tuple[str, ...]
    coefficients: tuple[float, ...]
    link: str
    low: float
    high: float

    def __call__(self, values: Mapping[str, Array]) -> Array:
        """The estimate for terms of any common shape."""
        total: Array = np.asarray(0.0)
        for term, coefficient in zip(self.terms, self.coefficients, strict=True):
            total = total + coefficient * values[term]
        if self.link == "log":
            total = np.exp(np.clip(total, -30.0, 30.0))
        elif self.link == "logit":
            total = expit(total)
        return np.clip(total, self.low, self.high)


@dataclass(frozen=True)
class Coefficients:
    """Everything that was fitted on towers (docs/science/weather_generator.md lists what each number is).

    memory, slow, length_km, smoothness : by field of `FIELDS`
    correlation : ``[node of SEASON_NODES, field, field]``
    regressions : by name; numbers : single numbers by name
    """

    memory: Array
    slow: Array
    length_km: Array
    smoothness: Array
    correlation: Array
    regressions: Mapping[str, Regression]
    numbers: Mapping[str, float]
    fitted_on: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in np.asarray(self.correlation):
            if np.linalg.eigvalsh(node).min() <= 0.0:
                raise InputError("weather coefficients: a correlation matrix is not positive definite")

    @property
    def wet_limit(self) -> float:
        """Least precipitation of a wet day, mm."""
        return self.numbers["wet_limit"]

    def estimate(self, name: str, terms: Mapping[str, Array]) -> Array:
        """The regression ``name`` for terms of `terms`."""
        return self.regressions[name](terms)

    def mixing(self, sun: Array) -> Array:
        """Lower triangular factors ``[field, field, ...]`` of the correlations for irradiances ``sun`` (W m-2).

        Correlations are linear between nodes: a convex combination of positive definite matrices is one.
        """
        sun = np.asarray(sun, float)
        grid = np.linspace(SEASON_NODES[0], SEASON_NODES[-1], 97)
        flat = self.correlation.reshape(len(SEASON_NODES), -1)
        table = np.stack([np.interp(grid, SEASON_NODES, column) for column in flat.T], axis=1)
        size = len(FIELDS)
        lower = np.linalg.cholesky(table.reshape(-1, size, size)).reshape(len(grid), -1)
        at = np.stack([np.interp(sun, grid, column) for column in lower.T]).reshape(size, size, *sun.shape)
        # between two tabulated factors the rows are a little short: unit length, unit variance
        return at / np.sqrt((at**2).sum(axis=1, keepdims=True))

    def to_json(self) -> str:
        """The file that `load` reads."""
        plain = {
            "fields": list(FIELDS),
            "season_nodes": list(SEASON_NODES),
            **{n: np.round(getattr(self, n), 5).tolist() for n in ARRAYS},
            "regressions": {
                n: {"terms": list(r.terms), "coefficients": [round(c, 6) for c in r.coefficients], "link": r.link,
                    "low": r.low, "high": r.high}
                for n, r in sorted(self.regressions.items())
            },
            "numbers": {n: round(v, 6) for n, v in sorted(self.numbers.items())},
            "fitted_on": dict(self.fitted_on),
        }  # fmt: skip
        return json.dumps(plain, indent=1, sort_keys=True) + "\n"


def load(path: Path | None = None) -> Coefficients:
    """Coefficients of a file; those of the package without one."""
    return _packaged() if path is None else _parse(path.read_text(encoding="utf-8"), str(path))


@cache
def _packaged() -> Coefficients:
    where = files("elterra.data").joinpath(RESOURCE)
    return _parse(where.read_text(encoding="utf-8"), RESOURCE)


def _parse(text: str, where: str) -> Coefficients:
    plain = json.loads(text)
    if plain.get("fields") != list(FIELDS) or plain.get("season_nodes") != list(SEASON_NODES):
        raise InputError(
            f"{where}: fields {plain.get('fields')}, expected {list(FIELDS)}. Fit again: elterra forcing fit"
        )
    regressions = {
        n: Regression(tuple(r["terms"]), tuple(r["coefficients"]), r["link"], r["low"], r["high"])
        for n, r in plain["regressions"].items()
    }
    arrays = {n: np.asarray(plain[n], float) for n in ARRAYS}
    return Coefficients(
        **arrays, regressions=regressions, numbers=plain["numbers"], fitted_on=plain["fitted_on"]
    )


def terms(climate: MonthlyClimate, clearness: Array | None = None) -> dict[str, Array]:
    """What regressions know of a climate, ``[12, cell]``: scaled to the order of one.

    t, t2 (temperature over 10 K from freezing, its square), tm (annual mean of t), a (annual range over 20 K), ta (t a),
    lnp (log of precipitation), s, sa, st (irradiance over 400 W m-2, times a and t), z (elevation, km), noon (sine of the
    noon elevation), air (one over that, at most 8), and with a clearness: u, u2, lnsw (log of the irradiance at the ground
    over 100 W m-2).
    """
    sun, noon = monthly_sun(climate.latitude)
    t = (climate.temperature - 273.15) / 10.0
    a = (climate.temperature.max(axis=0) - climate.temperature.min(axis=0)) / 20.0 + 0.0 * t
    z = climate.elevation / 1000.0 + 0.0 * t
    s = sun / 400.0
    out = {
        "one": np.ones_like(t), "t": t, "t2": t**2, "a": a, "ta": t * a, "tm": t.mean(axis=0) + 0.0 * t,
        "s": s, "sa": s * a, "st": s * t, "z": z,
        "lnp": np.log(climate.precipitation + 0.1), "noon": noon, "air": 1.0 / np.maximum(noon, 0.125),
    }  # fmt: skip
    if clearness is not None:
        out |= {"u": clearness, "u2": clearness**2, "lnsw": np.log(np.maximum(clearness * sun, 1.0) / 100.0)}
    return out


def expit(x: Array) -> Array:
    """1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def logit(p: Array) -> Array:
    """The inverse of `expit`."""
    return np.log(p) - np.log1p(-p)


def regress(
    name_terms: Sequence[str],
    values: Mapping[str, Array],
    target: Array,
    *,
    link: str = "none",
    low: float,
    high: float,
    weight: Array | None = None,
    ridge: float = 0.001,
) -> Regression:
    """Least squares of ``target`` (already on the scale of the link) on named terms, with a little ridge on scaled terms."""
    design = np.stack([np.ravel(values[t]) for t in name_terms], axis=1)
    y = np.ravel(target)
    w = np.ones_like(y) if weight is None else np.ravel(weight)
    good = np.isfinite(y) & np.isfinite(design).all(axis=1) & (w > 0)
    design, y, w = design[good], y[good], w[good] / w[good].sum()
    scale = np.maximum(design.std(axis=0), 1e-3)
    scale[[t == "one" for t in name_terms]] = 1.0
    scaled = design / scale
    penalty = np.diag([0.0 if t == "one" else ridge for t in name_terms])
    solved = np.linalg.solve(scaled.T @ (w[:, None] * scaled) + penalty, scaled.T @ (w * y))
    return Regression(tuple(name_terms), tuple(float(c) for c in solved / scale), link, low, high)
