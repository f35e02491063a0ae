"""The two tables: every entry says what it is, and states and cold start agree."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

import numpy as np
import pytest

from elterra.land.config import Config
from elterra.land.params import Surface, prepare
from elterra.land.state import cold_start, dimension_sizes, state_names
from elterra.registry import Parameter, RegistryError, Variable, parameter, parameters, variable, variables
from elterra.registry._reader import DIMS, KINDS

PFTS = 17


def wrong(entries: Iterator[tuple[str, bool]]) -> list[str]:
    """Names whose condition does not hold."""
    return [name for name, holds in entries if not holds]


def defaults(item: Parameter) -> tuple[float, ...]:
    return item.default if isinstance(item.default, tuple) else (item.default,)


@pytest.fixture(scope="module")
def started() -> dict[str, np.ndarray]:
    """A cold start of two columns with one and a half metres of soil."""
    columns = 2
    flat = np.ones(columns)
    surface = Surface(
        lat=46.8 * flat,
        lon=9.9 * flat,
        elevation=1600.0 * flat,
        forc_hgt=15.0 * flat,
        topo_slope=2.0 * flat,
        fmax=0.3 * flat,
        zbedrock=1.5 * flat,
        soil_color=15 * flat,
        sand=np.full((25, columns), 40.0),
        clay=np.full((25, columns), 20.0),
        organic=np.full((25, columns), 20.0),
        pft=np.array([[1, 1], [12, 0]]),
        wt=np.array([[0.7, 0.7], [0.3, 0.3]]),
    )
    s = cold_start(prepare(surface), Config(fire="li", aerosols="deposition"))
    return {name: np.asarray(s[name]) for name in s}


@pytest.mark.parametrize("key", ["description", "units", "room"])
@pytest.mark.parametrize("table", [variables, parameters])
def test_no_entry_leaves_out_what_it_is_its_unit_or_its_room(table, key):
    assert wrong((n, bool(getattr(item, key).strip())) for n, item in table().items()) == []


def test_standard_names_are_in_the_cf_table():
    text = resources.files("elterra.registry").joinpath("cf_standard_names.txt").read_text(encoding="utf-8")
    names = {line for line in text.splitlines() if line and not line.startswith("#")}
    assert len(names) > 4000
    assert (
        wrong((n, v.standard_name is None or v.standard_name in names) for n, v in variables().items()) == []
    )


def test_kinds_dimensions_and_cell_methods_are_known_ones():
    def holds(v: Variable) -> bool:
        return (
            v.kind in KINDS
            and set(v.dims) <= set(DIMS)
            and v.dims[-1] == "column"
            and v.cell_method in {"mean", "point", "sum"}
        )

    assert wrong((n, holds(v)) for n, v in variables().items()) == []
    assert set(dimension_sizes(Config(), 1, 1)) == set(DIMS)


def test_states_have_an_initial_value_inside_their_bounds():
    def holds(v: Variable) -> bool:
        if v.bounds is not None and not v.bounds[0] < v.bounds[1]:
            return False
        if v.initial is None:
            return v.kind != "state"
        return v.bounds is None or v.bounds[0] <= v.initial <= v.bounds[1]

    assert wrong((n, holds(v)) for n, v in variables().items()) == []


def test_parameters_have_a_source_and_defaults_inside_their_range():
    def holds(p: Parameter) -> bool:
        values = defaults(p)
        return (
            bool(p.source.strip())
            and len(values) == (PFTS if p.per_pft else 1)
            and p.range is not None
            and all(p.range[0] <= x <= p.range[1] for x in values)
        )

    assert wrong((n, holds(p)) for n, p in parameters().items()) == []


def test_priors_can_be_drawn_from_for_every_type_that_has_the_parameter():
    def holds(p: Parameter) -> bool:
        if p.prior is None:
            return True
        if set(p.prior) != {"distribution", "sd"} or not p.prior["sd"] > 0 or p.range is None:
            return False
        low, high = p.range
        used = [x for x in defaults(p) if x != 0.0 or not p.per_pft]  # a type without the property holds 0
        allowed = {
            "normal": bool(used),
            "lognormal": min(used) > 0.0,
            "logit": all(low < x < high for x in used),
        }
        return allowed.get(p.prior["distribution"], False)

    assert wrong((n, holds(p)) for n, p in parameters().items()) == []


def test_cold_start_gives_every_state_of_the_table_and_no_other(started):
    everything = {n for n, v in variables().items() if v.in_restart}
    assert set(started) == set(state_names(Config(fire="li", aerosols="deposition"))) == everything


def test_states_of_fire_and_aerosols_are_left_out_where_there_are_none(started):
    without = {"prec60", "rh30", "burndate"}
    assert set(state_names(Config(fire="off", aerosols="deposition"))) == set(started) - without
    assert set(state_names(Config())) == set(started) - without - {"snow_aerosols"}


def test_cold_start_has_the_shapes_of_the_table_and_finite_values(started):
    sizes = dimension_sizes(Config(), 2, 2)

    def holds(name: str) -> bool:
        shape = tuple(sizes[d] for d in variable(name).dims)
        return started[name].shape == shape and bool(np.isfinite(started[name]).all())

    assert wrong((n, holds(n)) for n in started) == []


def test_cold_start_lies_inside_the_bounds_of_the_table(started):
    def holds(name: str) -> bool:
        bounds = variable(name).bounds
        return bounds is None or bool(((started[name] >= bounds[0]) & (started[name] <= bounds[1])).all())

    assert wrong((n, holds(n)) for n in started) == []


def test_an_unknown_name_is_an_error_that_names_it():
    with pytest.raises(RegistryError, match="no variable 'nothing'"):
        variable("nothing")
    with pytest.raises(RegistryError, match="no parameter 'nothing'"):
        parameter("nothing")


def test_the_tables_cannot_be_changed():
    with pytest.raises(TypeError):
        variables()["new"] = variable("t_soisno")  # type: ignore[index]
    with pytest.raises(AttributeError):
        parameter("xl").default = 1.0  # type: ignore[misc]
