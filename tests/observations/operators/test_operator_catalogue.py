"""The catalogue agrees with the registry, with the operators and with the documentation."""

import re
from pathlib import Path

import pytest

from elterra.observations.operators import FLAGS, Operator, OperatorError, entry, operators
from elterra.observations.operators._canopy import AbsorbedLight, Greenness
from elterra.observations.operators._respiration import SoilRespiration
from elterra.registry import variables

PAGE = Path(__file__).parents[3] / "docs" / "science" / "observation_operators.md"
ALL = sorted(operators())


def rows():
    """Rows of the table of the page by kind: kind | variables | units | linear | errors | readers."""
    out = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if len(cells) == 6 and re.fullmatch(r"`\w+`", cells[0]):
            out[cells[0].strip("`")] = cells[1:]
    return out


def test_the_page_lists_every_kind_and_no_other():
    assert sorted(rows()) == ALL


@pytest.mark.parametrize("kind", ALL)
def test_the_row_of_the_page_says_what_the_operator_is(kind):
    e, (needs, units, linear, errors, readers) = entry(kind), rows()[kind]
    assert re.findall(r"`(\w+)`", needs) == list(e.variables)
    assert units == e.errors.units
    assert linear == ("yes" if e.linear else "no")
    assert errors == e.errors.text()
    assert re.findall(r"`(\w+)`", readers) == [r.__name__ for r in e.readers]


@pytest.mark.parametrize("kind", ALL)
def test_every_operator_needs_known_variables_and_has_an_error_with_a_source_and_a_reader(kind):
    e = entry(kind)
    assert set(e.variables) <= set(variables())
    assert e.errors.source
    assert e.errors.representativeness != (0.0, 0.0)
    assert e.readers
    assert e.kind == kind


def test_operators_fulfil_the_contract_the_catalogue_states():
    import numpy as np

    light = AbsorbedLight(np.ones(1))
    for one in (light, Greenness(light), SoilRespiration(np.ones(1))):
        plain: Operator = one
        assert plain.variables == entry(plain.kind).variables
        assert plain.linear == entry(plain.kind).linear
        assert plain.errors == entry(plain.kind).errors


def test_an_unknown_kind_is_answered_with_the_known_ones():
    with pytest.raises(OperatorError, match="soil_water"):
        entry("weather")


def test_the_example_of_the_page_runs():
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)[1]
    names = {}
    exec(code, names)
    assert names["departure"].shape == (len(names["days"]), 3)
    assert len(names["days"]) > 5


def test_every_flag_is_explained_on_the_page():
    text = PAGE.read_text(encoding="utf-8") + PAGE.with_name("observations.md").read_text(encoding="utf-8")
    assert not [f for f in FLAGS if f"`{f}`" not in text]
