"""Fire switched off costs nothing: the traced step is that of a model which has never heard of it."""

from __future__ import annotations

import jax
import pytest
from run_case import CFG, NEUTRAL, forcing_of_a_step, parameters_and_state

from elterra.land import Config, Fields, step
from elterra.land.forcing import perturb_forcing
from elterra.land.outputs import FIRE
from elterra.land.params import FIRE_DRIVERS
from elterra.registry import parameters


def traced(p: Fields, s: Fields, f: Fields, cfg: Config):
    """The program of a step, and the names of its state and outputs."""
    shapes: dict[str, tuple[str, ...]] = {}

    def run(p, s, f):
        new, out = step(p, s, perturb_forcing(f, NEUTRAL), cfg)
        shapes.update(state=tuple(new), outputs=tuple(out))
        return new, out

    return jax.make_jaxpr(run)(p, s, f), shapes


def operations(jaxpr) -> list[str]:
    """Names of all operations in order, those of inner programs included."""
    found = []
    for equation in jaxpr.eqns:
        found.append(f"{equation.primitive.name} {[v.aval.str_short() for v in equation.outvars]}")
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    found += operations(inner)
    return found


@pytest.fixture(scope="module")
def case():
    p, s = parameters_and_state()
    return p, s, forcing_of_a_step()


def test_the_program_without_fire_reads_and_gives_nothing_of_fire(case):
    p, s, f = case
    of_fire = {n for n, item in parameters().items() if item.room == "fire"} | set(FIRE_DRIVERS)
    assert len(of_fire) > 25
    assert of_fire <= set(p)
    bare = Fields({n: x for n, x in p.items() if n not in of_fire})
    assert not {"prec60", "rh30", "burndate"} & set(s)
    with_parameters, names = traced(p, s, f, CFG)
    without, _ = traced(bare, s, f, CFG)
    assert operations(with_parameters.jaxpr) == operations(without.jaxpr)
    assert not set(FIRE) & set(names["outputs"])
    assert names["state"] == tuple(s)


def test_fire_adds_its_states_and_outputs_and_changes_no_other(case):
    p, s, f = case
    _, off = traced(p, s, f, CFG)
    burning = Config(nlevsno=CFG.nlevsno, fire="li")
    _, state = parameters_and_state(cfg=burning)
    program, on = traced(p, state, f, burning)
    assert set(on["state"]) - set(off["state"]) == {"prec60", "rh30", "burndate"}
    assert set(on["outputs"]) - set(off["outputs"]) == set(FIRE)
    assert set(off["outputs"]) <= set(on["outputs"])
    assert len(operations(program.jaxpr)) > len(operations(traced(p, s, f, CFG)[0].jaxpr))


def test_fire_needs_pools_that_burn():
    with pytest.raises(ValueError, match="mode 'bgc'"):
        Config(mode="sp", fire="li")
