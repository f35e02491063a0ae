"""Ways to the equilibrium of a repeated forcing cycle: native, accelerated decomposition, semi-analytic, Anderson.

A method decides what happens between two cycles; the model, and what a cycle is, come from outside (`Cycle`). Columns
are independent, so that methods can run side by side as columns of one program (`SideBySide`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from elterra.land.config import NLEVSOI, Config
from elterra.land.fields import Fields
from elterra.spinup.accelerated import accelerate, to_accelerated, to_normal, without_season
from elterra.spinup.anderson import Anderson
from elterra.spinup.semi_analytic import Pools, added, aims, moved, pools_of, remaining, with_half_leaves

METHODS = ("native", "ad", "analytic", "anderson")


@dataclass(frozen=True)
class Cycle:
    """One pass of the forcing: ``run(p, s)`` gives the state at its end and the means over it of (at least)
    `elterra.spinup.semi_analytic.MEANS`; ``years`` is its length."""

    run: Callable[[Fields, Fields], tuple[Fields, Fields]]
    years: float
    cfg: Config


@dataclass(frozen=True)
class Passed:
    """A cycle that was run: its two ends, and its means."""

    start: Fields
    end: Fields
    means: Mapping[str, Any]


class Method(Protocol):
    """What happens around the cycles. ``number`` counts from 0; parameters may change between cycles. Each call
    gives parameters, state and what was added to the state (``increment_*`` ``[column]``)."""

    def begin(self, p: Fields, s: Fields) -> tuple[Fields, Fields]: ...

    def after(
        self, number: int, p: Fields, passed: Passed, cycle: Cycle
    ) -> tuple[Fields, Fields, Fields]: ...


def _nothing(p: Fields) -> Fields:
    zero = jnp.zeros(p.wt.shape[1])
    return Fields(increment_totecosysc=zero, increment_totecosysn=zero)


class Native:
    """Run the model, nothing else."""

    def begin(self, p: Fields, s: Fields) -> tuple[Fields, Fields]:
        return p, s

    def after(self, number: int, p: Fields, passed: Passed, cycle: Cycle) -> tuple[Fields, Fields, Fields]:
        return p, passed.end, _nothing(p)


@dataclass
class Accelerated:
    """``cycles`` cycles of accelerated decomposition, then normal ones. Leaving it books what the units change."""

    cycles: int
    _normal: Fields | None = None

    def begin(self, p: Fields, s: Fields) -> tuple[Fields, Fields]:
        if self.cycles < 1:
            return p, s
        self._normal = p
        fast = accelerate(p)
        return fast, to_accelerated(fast, s)

    def after(self, number: int, p: Fields, passed: Passed, cycle: Cycle) -> tuple[Fields, Fields, Fields]:
        if self._normal is None or number + 1 != self.cycles:
            return p, passed.end, _nothing(p)
        s = without_season(p, passed.end, passed.means)
        return self._normal, s, added(p, passed.end, s)


@dataclass
class SemiAnalytic:
    """The semi-analytic step after each of ``cycles`` cycles (not after the first ``wait``), then normal ones.

    With ``depth`` the steps are mixed by Anderson acceleration: the fixed point is that of the cycle map, G(x) = x,
    the steps are preconditioned by the matrix. Without the matrix (``plain``) the residual is G(x) - x itself.
    """

    cycles: int
    wait: int = 1
    depth: int = 0
    plain: bool = False
    _mixer: Anderson | None = field(default=None, repr=False)

    def begin(self, p: Fields, s: Fields) -> tuple[Fields, Fields]:
        self._mixer = Anderson(self.depth) if self.depth else None
        return p, s

    def after(self, number: int, p: Fields, passed: Passed, cycle: Cycle) -> tuple[Fields, Fields, Fields]:
        if not self.wait <= number < self.cycles:
            return p, passed.end, _nothing(p)
        if self.plain:
            step = difference(passed.start, passed.end)
        else:
            step = remaining(p, passed.start, passed.end, passed.means, cycle.years, cycle.cfg)
            step = with_half_leaves(p, step)
        goal = aims(passed.start, step)
        if self._mixer is not None:
            start = {e: pools_of(passed.start, e) for e in "cn"}
            x, f = join(start), join(step)
            goal = split(self._mixer.next(x, f, weights(p, start)), start)
        s, booked = moved(p, passed.end, goal)
        return p, s, booked


class SideBySide:
    """Several methods, each on its own columns ``[start, stop)`` of one program."""

    def __init__(self, parts: Sequence[tuple[Method, int, int]]) -> None:
        self.parts = list(parts)

    def begin(self, p: Fields, s: Fields) -> tuple[Fields, Fields]:
        columns = p.wt.shape[1]
        results = [m.begin(*_cut((p, s), a, b, columns)) for m, a, b in self.parts]
        return _joined([r[0] for r in results], p), _joined([r[1] for r in results], s)

    def after(self, number: int, p: Fields, passed: Passed, cycle: Cycle) -> tuple[Fields, Fields, Fields]:
        columns = p.wt.shape[1]
        results = []
        for method, a, b in self.parts:
            own_p, start, end, means = _cut(
                (p, passed.start, passed.end, Fields(passed.means)), a, b, columns
            )
            results.append(method.after(number, own_p, Passed(start, end, means), cycle))
        first = results[0][2]
        booked = Fields({n: jnp.concatenate([r[2][n] for r in results]) for n in first})
        return _joined([r[0] for r in results], p), _joined([r[1] for r in results], passed.end), booked


def _cut(tree: Any, start: int, stop: int, columns: int) -> Any:
    return jax.tree.map(lambda x: x[..., start:stop] if x.ndim and x.shape[-1] == columns else x, tree)


def _joined(parts: list[Fields], like: Fields) -> Fields:
    columns = sum(part.wt.shape[-1] if "wt" in part else part.snl.shape[-1] for part in parts)
    out = {}
    for name in like:
        whole = like[name].ndim and like[name].shape[-1] == columns
        out[name] = jnp.concatenate([part[name] for part in parts], axis=-1) if whole else like[name]
    return Fields(out)


def method_of(
    name: str, *, cycles: int, accelerated: int = 0, wait: int = 1, settle: int = 2, depth: int = 5
) -> Method:
    """A method by name for a spin-up of ``cycles`` cycles, of which the last ``settle`` are native.

    ``accelerated`` cycles of method "ad" (0: two thirds of all). "analytic" and "anderson" wait ``wait`` cycles
    before the first step.
    """
    if name == "native":
        return Native()
    if name == "ad":
        return Accelerated(accelerated or max(1, 2 * cycles // 3))
    if name in ("analytic", "anderson"):
        return SemiAnalytic(max(cycles - settle, 0), wait=wait, depth=depth if name == "anderson" else 0)
    raise ValueError(f"no spin-up method {name!r}; there are {', '.join(METHODS)}")


def spin_up(
    method: Method,
    p: Fields,
    s: Fields,
    cycle: Cycle,
    cycles: int,
    *,
    told: Callable[[int, Fields, Passed, Fields], bool | None] | None = None,
) -> Fields:
    """The state after ``cycles`` cycles. ``told(number, p, passed, booked)`` hears of each one and, by returning
    True, ends the spin-up there (with what the model left, not with a step that no cycle has seen)."""
    p, s = method.begin(p, s)
    for number in range(cycles):
        end, means = cycle.run(p, s)
        passed = Passed(s, end, means)
        used = p
        p, s, booked = method.after(number, p, passed, cycle)
        if told is not None and told(number, used, passed, booked):
            return to_normal(used, end)
    return s


def difference(start: Fields, end: Fields) -> dict[str, Pools]:
    """What a cycle changed."""
    out = {}
    for element in ("c", "n"):
        a, b = pools_of(start, element), pools_of(end, element)
        out[element] = Pools(*(np.asarray(y) - np.asarray(x) for x, y in zip(a, b, strict=True)))
    return out


def join(pools: Mapping[str, Pools]) -> np.ndarray:
    """Pools of both elements as ``[n, column]``."""
    columns = pools["c"].soil.shape[-1]
    return np.concatenate([np.asarray(x).reshape(-1, columns) for e in ("c", "n") for x in pools[e]])


def split(x: np.ndarray, like: Mapping[str, Pools]) -> dict[str, Pools]:
    """Inverse of `join`."""
    out, at = {}, 0
    for element in ("c", "n"):
        parts = []
        for part in like[element]:
            size = int(np.prod(part.shape[:-1]))
            parts.append(x[at : at + size].reshape(part.shape))
            at += size
        out[element] = Pools(*parts)
    return out


def weights(p: Fields, pools: Mapping[str, Pools]) -> np.ndarray:
    """Weights of the norm in which residuals are compared: each pool counts by its share of the pool's stock in the
    column, so that a gram of passive carbon at depth weighs what it weighs in the balance."""
    out = []
    dz, wt = np.asarray(p.dzsoi)[:NLEVSOI], np.asarray(p.wt)
    for element in ("c", "n"):
        for part, size in zip(pools[element], (dz, wt), strict=True):
            stock = (np.asarray(part) * size).sum(axis=1)
            share = size / np.where(stock > 0.0, stock, 1.0)[:, None]
            out.append(share.reshape(-1, share.shape[-1]))
    return np.concatenate(out)
