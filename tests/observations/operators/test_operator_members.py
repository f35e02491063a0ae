"""What holds for every operator: members do not see each other, whatever their order, number or failure."""

import numpy as np
import pytest
from operator_cases import SOIL_LAYERS, observe, series

from elterra.observations.operators import (
    AboveGroundBiomass,
    AbsorbedLight,
    CatchmentRunoff,
    Greenness,
    LeafArea,
    NeutronCount,
    SnowDepth,
    SnowWater,
    SoilCarbon,
    SoilRespiration,
    SoilTemperature,
    SoilWater,
    TowerFlux,
    average,
    operators,
)
from elterra.registry import variable

WEIGHT = np.array([0.7, 0.3])
LIGHT = AbsorbedLight(WEIGHT)
SIZE = {"soil_layer": 20, "patch": 2, "band": 2, "pool": 7}
CASES = [
    *(TowerFlux(n) for n in ("NEE", "GPP", "ER", "LE", "H")),
    SoilWater(SOIL_LAYERS),
    SoilTemperature(SOIL_LAYERS),
    NeutronCount(SOIL_LAYERS, (1.3,) * 20, (0.01,) * 20, (0.02,) * 20, 2000.0),
    SnowDepth(),
    SnowWater(),
    LeafArea(),
    LIGHT,
    Greenness(LIGHT),
    AboveGroundBiomass(WEIGHT),
    SoilCarbon(SOIL_LAYERS),
    SoilRespiration(WEIGHT),
    CatchmentRunoff(residence=0.25),
]


def output(operator, members=5, steps=240):
    rng = np.random.default_rng(3)
    shape = {n: [SIZE[d] for d in variable(n).dims[:-1]] for n in operator.variables}
    return {n: rng.uniform(0.05, 0.5, (steps, *shape[n], members)) for n in operator.variables}


def data(operator):
    depth = (0.05, 0.2) if operator.kind.startswith("soil_") else None
    o = observe(operator.kind, operator.errors.units, 48.0 + np.arange(72), 1.0, depth=depth)
    return average(o, "day", 0.5)


def test_every_kind_of_the_catalogue_is_tried():
    assert {c.kind for c in CASES} == set(operators())


@pytest.mark.parametrize("operator", CASES, ids=lambda c: c.kind)
def test_a_failed_member_stays_alone_and_the_order_does_not_matter(operator):
    values, o = output(operator), data(operator)
    whole = operator.predict(series(values), o)
    assert whole.shape == (3, 5)
    assert np.isfinite(whole).all()
    order = np.array([3, 0, 4, 1, 2])
    shuffled = operator.predict(series({n: v[..., order] for n, v in values.items()}), o)
    np.testing.assert_allclose(shuffled, whole[:, order], rtol=1e-12)
    broken = {n: v.copy() for n, v in values.items()}
    for v in broken.values():
        v[..., 2] = np.nan
    got = operator.predict(series(broken), o)
    assert np.isnan(got[:, 2]).all()
    keep = [0, 1, 3, 4]
    np.testing.assert_allclose(got[:, keep], whole[:, keep], rtol=1e-12)


@pytest.mark.parametrize("operator", CASES, ids=lambda c: c.kind)
def test_the_prediction_depends_on_every_variable_it_asks_for(operator):
    values, o = output(operator), data(operator)
    whole = operator.predict(series(values), o)
    for name in values:
        other = values | {name: values[name] * 1.1}
        assert (operator.predict(series(other), o) != whole).any(), name


def test_parameters_of_the_measurement_can_differ_among_the_members():
    gain, offset = np.array([1.0, 0.8, 1.2, 1.0, 0.9]), np.array([0.0, 0.1, 0.0, -0.1, 0.0])
    plain, o = SoilWater(SOIL_LAYERS), data(CASES[5])
    s = series(output(plain))
    got = SoilWater(SOIL_LAYERS, offset=offset, gain=gain).predict(s, o)
    np.testing.assert_allclose(got, offset + gain * plain.predict(s, o))
    s, o = series(output(CASES[7])), data(CASES[7])
    n0 = 2000.0 * gain
    own = NeutronCount(SOIL_LAYERS, (1.3,) * 20, (0.01,) * 20, (0.02,) * 20, n0)
    np.testing.assert_allclose(own.predict(s, o), gain * CASES[7].predict(s, o))
    s, o = series(output(CASES[3])), data(CASES[3])
    np.testing.assert_allclose(TowerFlux("LE", closure=gain).predict(s, o), gain * CASES[3].predict(s, o))
