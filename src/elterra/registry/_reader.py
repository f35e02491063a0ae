"""Reads ``variables.toml`` and ``parameters.toml`` into frozen records."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal["state", "flux", "diagnostic", "forcing", "increment"]
KINDS: tuple[Kind, ...] = ("state", "flux", "diagnostic", "forcing", "increment")

#: Dimension names a registry entry may use. ``column`` is always last in memory.
DIMS = (
    "column",
    "patch",
    "snow_layer",  # nlevsno, top first; the layer on the ground is the last
    "aerosol",  # bcphi, bcpho, dst1 to dst4
    "soil_layer",  # nlevsoi = 20 hydrologic and biogeochemical layers
    "ground_layer",  # nlevgrnd = 25 thermal layers
    "snow_ground_layer",  # nlevsno + nlevgrnd
    "pool",  # 7 litter, coarse woody debris and soil organic matter pools
    "band",  # visible, near infrared
    "segment",  # water potentials of a plant: sunlit leaf, shaded leaf, stem, root
)


class RegistryError(ValueError):
    """An entry of a registry file is unusable; the text names file, entry and fix."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: what it is, in which unit, and where it appears."""

    name: str
    dims: tuple[str, ...]
    units: str
    kind: Kind
    description: str
    long_name: str = ""
    standard_name: str | None = None
    clm: str | None = None
    fluxnet: str | None = None
    bounds: tuple[float, float] | None = None
    initial: float | None = None
    room: str = ""
    #: members of the product: any of "halfhourly", "daily"
    output: tuple[str, ...] = ()
    #: for sums and budgets: "mean" (default), "point" or "sum" over an output interval
    cell_method: str = "mean"

    @property
    def in_restart(self) -> bool:
        return self.kind == "state"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One model parameter. ``default`` is one number, or one per PFT in CLM5 order (0 = bare)."""

    name: str
    units: str
    description: str
    source: str
    per_pft: bool
    default: float | tuple[float, ...]
    range: tuple[float, float] | None = None
    #: prior of the ensemble: {"distribution": "lognormal", "sd": 0.2} and the like; sd is relative
    #: for lognormal and absolute for normal
    prior: Mapping[str, Any] | None = None
    room: str = ""


def _load(filename: str, table: str) -> dict[str, dict[str, Any]]:
    text = resources.files("elterra.registry").joinpath(filename).read_text(encoding="utf-8")
    try:  # TOML itself refuses an entry that stands twice
        return dict(tomllib.loads(text)[table])
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise RegistryError(f"registry/{filename}: {error}") from error


def _build(cls: type, filename: str, name: str, entry: dict[str, Any]) -> Any:
    known = {f.name for f in fields(cls)}
    unknown = set(entry) - known
    if unknown:
        raise RegistryError(
            f"registry/{filename} [{name}]: unknown key {sorted(unknown)}; known: {sorted(known)}"
        )
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    try:
        return cls(name=name, **plain)
    except TypeError as error:
        raise RegistryError(f"registry/{filename} [{name}]: {error}") from error


@cache
def variables() -> Mapping[str, Variable]:
    """All variables by name."""
    table = _load("variables.toml", "variables")
    built = {n: _build(Variable, "variables.toml", n, e) for n, e in table.items()}
    for name, item in built.items():
        if item.kind not in KINDS or any(d not in DIMS for d in item.dims):
            raise RegistryError(
                f"registry/variables.toml [{name}]: kind must be one of {KINDS}, dims of {DIMS}; "
                f"got {item.kind}, {item.dims}"
            )
    return MappingProxyType(built)


@cache
def parameters() -> Mapping[str, Parameter]:
    """All parameters by name."""
    table = _load("parameters.toml", "parameters")
    return MappingProxyType({n: _build(Parameter, "parameters.toml", n, e) for n, e in table.items()})


def variable(name: str) -> Variable:
    """One variable. Raises `RegistryError` if it is not in the table."""
    try:
        return variables()[name]
    except KeyError:
        raise RegistryError(f"registry/variables.toml has no variable {name!r}") from None


def parameter(name: str) -> Parameter:
    """One parameter. Raises `RegistryError` if it is not in the table."""
    try:
        return parameters()[name]
    except KeyError:
        raise RegistryError(f"registry/parameters.toml has no parameter {name!r}") from None
