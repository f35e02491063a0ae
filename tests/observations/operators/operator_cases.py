"""Model output and observations that the tests of the operators share, and where the real records lie."""

import os
from pathlib import Path

import numpy as np
import pytest

from elterra.land.soil_heat import ZISOI
from elterra.observations.operators import ModelSeries, SoilLayers, make_observations_of

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[4] / "shared"))
#: the records that the operators were made for are not part of the repository
needs_records = pytest.mark.skipif(
    not (SHARED / "data").is_dir(), reason="the measured records are not beside the checkout (../shared/data)"
)
DATA = SHARED / "data"
SOIL_LAYERS = SoilLayers(tuple(ZISOI[:21]))  # the 20 hydrologic layers of the land model
T0 = np.datetime64("2020-01-01T00:00", "ns")


def edges(steps, minutes=30):
    return T0 + np.arange(steps + 1) * np.timedelta64(minutes, "m")


def series(values, minutes=30):
    """Model output from arrays by name, first axis time."""
    steps = next(iter(values.values())).shape[0]
    return ModelSeries(edges(steps, minutes), values)


def observe(kind, units, start_hours, length_hours, value=None, depth=None, covariates=None, station="X"):
    """Observations from hours after T0."""
    start_hours = np.asarray(start_hours, float)
    start = T0 + (start_hours * 3600).astype("timedelta64[s]")
    value = np.zeros(start_hours.size) if value is None else np.asarray(value, float)
    return make_observations_of(
        kind,
        units,
        value,
        np.full(value.size, 0.1),
        np.full(value.size, 0.2),
        start,
        start + (np.broadcast_to(length_hours, start.shape) * 3600).astype("timedelta64[s]"),
        limits=(-np.inf, np.inf),
        file="made",
        source="made",
        station=station,
        depth=depth,
        covariates=covariates,
    )


def assert_linear(operator, one, two, observations, **more):
    """H(a x + b y) = a H(x) + b H(y), member by member, for two outputs of the same variables."""
    mixed = ModelSeries(one.edges, {n: 0.3 * one.values[n] - 1.7 * two.values[n] for n in one.values})
    left = operator.predict(mixed, observations, **more)
    right = 0.3 * operator.predict(one, observations, **more) - 1.7 * operator.predict(
        two, observations, **more
    )
    np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-10 * np.abs(right).max())
