"""Values used more than once are computed once: a pass over a traced function, for XLA on a CPU.

XLA fuses chains of cheap operations into one loop and computes a value again for every loop that uses it. In a step
of this model, where a value is used by many others and each of these again by many, that multiplies the work by ten
or more, and loops of hundreds of operations are no longer vectorised. ``optimization_barrier`` does not help: XLA's
CPU compiler drops barriers before it fuses. What it never repeats is a division, so a value worth keeping is divided
by a 1 that is not known when the program is compiled. Dividing by 1 is exact: no bit of a result depends on it.

Sums over layers, pools or patches are written out as additions of slices, which XLA vectorises over the columns (a
reduction along the first axis it does not). Logarithms become those of `logarithm`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend import core

from elterra.land.numerics.logarithm import log

#: a value with several uses is kept from this many operations since the last kept one on (other values not tried yet)
WORTH = 4
#: operations that only move numbers: a use of their result is a use of their operand
_MOVES = frozenset(
    ("broadcast_in_dim", "reshape", "slice", "squeeze", "expand_dims", "convert_element_type", "copy", "rev")
)
# fmt: off
_CHEAP = frozenset((
    "add", "sub", "mul", "neg", "max", "min", "select_n", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "xor",
    "abs", "sign", "clamp", "is_finite", "square", "integer_pow", "floor", "ceil", "round", "add_any",
))
#: what XLA itself computes only once
_DEAR = frozenset((
    "div", "rem", "sqrt", "rsqrt", "cbrt", "exp", "exp2", "expm1", "log1p", "pow", "tanh", "sin", "cos", "tan",
    "asin", "acos", "atan", "atan2", "erf", "erfc", "erf_inv", "logistic", "sinh", "cosh",
))
# fmt: on
_CALLS = frozenset(("pjit", "jit", "closed_call", "core_call"))
_REDUCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "reduce_sum": jnp.add,
    "reduce_max": jnp.maximum,
    "reduce_min": jnp.minimum,
    "reduce_or": jnp.logical_or,
    "reduce_and": jnp.logical_and,
}
#: operations of a logarithm of `logarithm`
_OF_A_LOGARITHM = 25.0
#: longest sum that is written out
_LONGEST = 64


def unknown_one(number: jax.Array) -> jax.Array:
    """A scalar 1.0 that the compiler cannot know, from any ``number`` >= -1e30 (also from NaN)."""
    return lax.stop_gradient(jnp.where(number < -1.0e30, 2.0, 1.0))


def compute_once(function: Callable[..., Any], one: jax.Array) -> Callable[..., Any]:
    """``function`` of pytrees of arrays with its shared values kept; ``one`` is `unknown_one`.

    Same results: what differs is the order of additions in sums over layers (round-off). Loops (``scan``), branches
    (``cond``) inside are treated too. Derivatives pass through.
    """

    def wrapped(*args: Any) -> Any:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*args)
        outs = _run(closed.jaxpr, closed.consts, jax.tree.leaves(args), one)
        return jax.tree.unflatten(jax.tree.structure(shape), outs)

    return wrapped


class _Value:
    """A value of the traced program: uses, operations since the last kept value, and what it is when run."""

    __slots__ = ("cost", "now", "size", "uses")

    def __init__(self, size: int, now: Any = None) -> None:
        self.size, self.now, self.uses, self.cost = size, now, 0.0, 0.0


class _Operation:
    __slots__ = ("equation", "inputs", "name", "outputs")

    def __init__(self, equation: Any, inputs: list[_Value]) -> None:
        self.equation, self.inputs, self.name = equation, inputs, equation.primitive.name
        self.outputs = [_Value(math.prod(v.aval.shape)) for v in equation.outvars]


def _flatten(
    jaxpr: Any, consts: Sequence[Any], inputs: list[_Value]
) -> tuple[list[_Operation], list[_Value]]:
    """Operations in order, calls opened, and the results."""
    known: dict[Any, _Value] = dict(zip(jaxpr.invars, inputs, strict=True))
    known |= {v: _Value(math.prod(v.aval.shape), c) for v, c in zip(jaxpr.constvars, consts, strict=True)}

    def read(atom: Any) -> _Value:
        return _Value(1, atom.val) if isinstance(atom, core.Literal) else known[atom]

    operations: list[_Operation] = []
    for equation in jaxpr.eqns:
        given = [read(a) for a in equation.invars]
        if equation.primitive.name in _CALLS:
            inner = equation.params["jaxpr" if "jaxpr" in equation.params else "call_jaxpr"]
            opened, results = _flatten(inner.jaxpr, inner.consts, given)
            operations += opened
        else:
            operations.append(_Operation(equation, given))
            results = operations[-1].outputs
        known |= dict(zip(equation.outvars, results, strict=True))
    return operations, [read(a) for a in jaxpr.outvars]


def _count_uses(operations: list[_Operation], results: list[_Value]) -> list[_Operation]:
    """Sets ``uses`` and returns the operations whose results are used."""
    for value in results:
        value.uses += 1.0
    needed = []
    for operation in reversed(operations):
        if not any(v.uses for v in operation.outputs) and not operation.equation.effects:
            continue
        needed.append(operation)
        for value in {id(v): v for v in operation.inputs}.values():
            if (
                operation.name in _MOVES
            ):  # a slice needs part of its operand, a broadcast all of it many times
                out = operation.outputs[0]
                value.uses += out.uses * out.size / max(value.size, 1)
            elif operation.name in _REDUCTIONS and _written_out(operation):
                value.uses += 1.0 + 1.0e-6  # 20 slices of one value: keep it, whoever else uses it
            else:
                value.uses += 1.0
    return needed[::-1]


def _run(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any], one: jax.Array) -> list[Any]:
    inputs = [_Value(math.prod(v.aval.shape), a) for v, a in zip(jaxpr.invars, args, strict=True)]
    operations, results = _flatten(jaxpr, consts, inputs)
    for operation in _count_uses(operations, results):
        cost = sum({id(v): v.cost for v in operation.inputs}.values())
        values = [v.now for v in operation.inputs]
        if operation.name in _REDUCTIONS and _written_out(operation) and cost > 0.0:
            values, cost = [_keep(values[0], one)], 0.0
        for value, now in zip(operation.outputs, _apply(operation, values, one), strict=True):
            value.now = now
            shared = value.uses > 1.0
            if operation.name in _MOVES:
                value.cost = cost
            elif operation.name in _CHEAP or operation.name == "concatenate":
                value.cost = cost + 1.0
                if shared and (value.cost >= WORTH or operation.name == "concatenate"):
                    value.now, value.cost = _keep(now, one), 0.0
            elif operation.name == "log":
                value.cost = cost + _OF_A_LOGARITHM
                if shared:  # to XLA it is a chain of cheap operations, not the dear one it was
                    value.now, value.cost = _keep(now, one), 0.0
            elif operation.name in _DEAR:
                value.cost = 0.0 if shared else cost + 10.0
            elif operation.name in _REDUCTIONS:
                value.now = _keep(now, one)
    return [v.now for v in results]


def _keep(value: jax.Array, one: jax.Array) -> jax.Array:
    return value / one if value.dtype == one.dtype else value


def _written_out(operation: _Operation) -> bool:
    axes, given = operation.equation.params["axes"], operation.equation.invars[0].aval.shape
    return bool(given) and len(given) - 1 not in axes and math.prod(given[a] for a in axes) <= _LONGEST


def _write_out(name: str, x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    for axis in sorted(axes, reverse=True):
        parts = [lax.index_in_dim(x, i, axis, keepdims=False) for i in range(x.shape[axis])]
        x = reduce(_REDUCTIONS[name], parts)
    return x


def _sum(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """Sum written out, whose derivative is that of a sum (not of twenty slices)."""
    written = jax.custom_jvp(lambda y: _write_out("reduce_sum", y, axes))
    written.defjvp(lambda at, along: (written(*at), jnp.sum(along[0], axis=axes)))
    return written(x)


def _apply(operation: _Operation, values: list[Any], one: jax.Array) -> list[Any]:
    equation, name = operation.equation, operation.name
    params = equation.params
    if name in _REDUCTIONS and _written_out(operation):
        if name == "reduce_sum":
            return [_sum(values[0], params["axes"])]
        return [_write_out(name, values[0], params["axes"])]
    if name == "log" and values[0].dtype == jnp.float64:
        return [log(values[0])]
    if name == "scan":
        return _scan(params, values, one)
    if name == "cond":
        opened = [partial(_body, branch, one) for branch in params["branches"]]
        return list(lax.switch(values[0], opened, *values[1:]))
    if name.startswith("custom_"):  # its parameters are not those of its bind: let JAX evaluate it
        at = {v: x for v, x in zip(equation.invars, values, strict=True) if not isinstance(v, core.Literal)}
        alone = core.Jaxpr((), tuple(at), equation.outvars, [equation], equation.effects)
        return jax.core.eval_jaxpr(alone, (), *at.values())
    results = equation.primitive.bind(*values, **params)
    return results if equation.primitive.multiple_results else [results]


def _body(closed: Any, one: jax.Array, *values: Any) -> list[Any]:
    return _run(closed.jaxpr, closed.consts, values, one)


def _scan(params: dict[str, Any], values: list[Any], one: jax.Array) -> list[Any]:
    """The same scan with its body treated."""
    fixed, carried = params["num_consts"], params["num_consts"] + params["num_carry"]

    def body(carry: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        out = _body(params["jaxpr"], one, *values[:fixed], *carry, *x)
        return out[: params["num_carry"]], out[params["num_carry"] :]

    last, stacked = lax.scan(
        body,
        values[fixed:carried],
        values[carried:],
        length=params["length"],
        reverse=params["reverse"],
        unroll=params["unroll"],
    )
    return [*last, *stacked]
