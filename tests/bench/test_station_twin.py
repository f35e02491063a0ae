"""Parts of the twin of a station that need no land model."""

from types import SimpleNamespace

import numpy as np

from elterra.bench.calibration_multifidelity import Scores, figures_of
from elterra.bench.station_twin import BLOCK_HOURS, ReplicatedErrors, _Part, twin_tower
from elterra.pipeline.reanalysis.station import ForcingError
from elterra.pipeline.reanalysis.windows import TowerSeries, window_blocks


def test_ensembles_side_by_side_have_the_weather_errors_they_would_have_alone():
    sd = {"temperature": np.full(5, 0.5), "shortwave": np.full(5, 0.1)}
    together, alone = ReplicatedErrors(sd, 5.0, seeds=(3, 8)), ForcingError(sd, 5.0)
    state = together.start(8, seed=0)
    parts = [alone.start(4, seed=s) for s in (3, 8)]
    for window in (1, 2):
        state = together.step(state, 0, window)
        parts = [alone.step(x, s, window) for x, s in zip(parts, (3, 8), strict=True)]
    np.testing.assert_array_equal(state, np.concatenate(parts, axis=1))


def test_twin_data_have_the_gaps_and_the_block_errors_that_the_filter_assumes():
    steps, first = 400 * 48, 96
    n = first + steps
    used = np.ones(n, dtype=bool)
    used[:300] = False
    one = {"NEE": np.full(n, 2.0), "LE": np.full(n, 10.0), "SWC": np.full(n, 0.01)}
    real = TowerSeries(
        {k: np.zeros(n) for k in one}, one, {k: 0.5 * v for k, v in one.items()}, dict.fromkeys(one, used),
        np.ones(n, dtype=bool),
    )  # fmt: skip
    tower = twin_tower(real, {k: np.full(steps, 7.0) for k in one}, first, seed=1)
    assert not tower.used["NEE"][:300].any()
    assert tower.used["NEE"][300:].all()
    blocks = [
        b
        for w in range(8, 402)
        for b in window_blocks(tower, w * 48, (w + 1) * 48, BLOCK_HOURS)
        if b.kind == "LE"
    ]
    z = np.array([(b.value - 7.0) / b.sd for b in blocks])
    assert abs(z.mean()) < 0.1
    assert abs(z.std() - 1.0) < 0.05


def test_a_part_asks_for_its_columns_and_keeps_what_it_was_told():
    whole = SimpleNamespace(
        controls=lambda: {"water": np.arange(12.0).reshape(2, 6)}, day_of_year=lambda w: w + 1.0
    )
    part = _Part(whole, slice(3, 6), ForcingError({}))
    np.testing.assert_array_equal(part.controls()["water"], [[3, 4, 5], [9, 10, 11]])
    assert part.analyse({"water": np.eye(3)}) == {}
    assert "water" in part.asked


def test_ratios_of_error_and_cost_are_those_of_the_scores():
    names = ("NEE", "LE", "SWC", "parameters")
    one = Scores({n: np.array([1.0, 2.0]) for n in names}, 10.0, None)
    half = Scores({n: np.array([0.5, 1.0]) for n in names}, 3.0, np.array([0.9, 0.8, 0.7, np.nan]))
    found = figures_of({"few": one, "multifidelity": half, "many": one})
    assert found["multifidelity.error_ratio"] == 0.5
    assert found["multifidelity.few_error_ratio"] == 1.0
    assert found["multifidelity.cost_ratio"] == 0.3
    assert found["multifidelity.emulator.LE"] == 0.7
    assert "multifidelity.emulator.SWC" not in found
