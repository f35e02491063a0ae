"""Emulated members beside the true ones of the toy land."""

from dataclasses import replace

import numpy as np
import pytest
from toy_land import OPTIONS, STEPS, WINDOWS, Toy, bits, run_cycle, toy_ensemble, toy_tower

from elterra.errors import InputError
from elterra.experiment import Experiment
from elterra.pipeline.reanalysis.analysis import WindowAnalysis
from elterra.pipeline.reanalysis.cycle import Cycle

EMULATED = replace(OPTIONS, analysis=WindowAnalysis(emulated=600))


def error(finals) -> float:
    truth = 2.0 * np.sin(np.arange(STEPS))
    means = np.stack([f.smoothed(f.forecast.series["NEE"]).mean(axis=1) for f in finals[10:]])
    return float(np.sqrt(((means - truth) ** 2).mean()))


def test_the_emulator_foresees_the_toy_and_the_members_follow_the_data():
    cycle = Cycle(Toy(), toy_ensemble(), EMULATED, toy_tower())
    finals, _ = run_cycle(cycle)
    free, _ = run_cycle(Cycle(Toy(), toy_ensemble(), OPTIONS, None))
    assert error(finals) < 0.5 * error(free)
    emulated = cycle.emulated
    assert emulated is not None
    assert emulated.count == 600  # a multiple of the true members
    assert emulated.emulator.skill()[2] > 0.9  # LE is a function of one parameter
    # both ensembles of the drift have the same mean after an analysis, and about the same spread
    np.testing.assert_allclose(emulated.delta.mean(axis=1), cycle.delta[:1].mean(axis=1), atol=1e-8)
    assert 0.5 < emulated.delta[0].std() / cycle.delta[0].std() < 2.0


def test_transforms_have_columns_that_sum_to_one_and_budgets_stay_linear():
    finals, _ = run_cycle(Cycle(Toy(), toy_ensemble(), EMULATED, toy_tower()))
    for final in finals:
        np.testing.assert_allclose(final.transform.sum(axis=-2), 1.0, atol=1e-8)


@pytest.mark.parametrize("cut", [1, 13])
def test_a_run_with_emulated_members_that_was_cut_ends_with_the_same_bits(cut):
    whole, _ = run_cycle(Cycle(Toy(), toy_ensemble(), EMULATED, toy_tower()))
    first = Cycle(Toy(), toy_ensemble(), EMULATED, toy_tower())
    head, _ = run_cycle(first, cut)
    second = Cycle(Toy(), toy_ensemble(), EMULATED, toy_tower())
    second.restore(*first.checkpoint())
    tail, _ = run_cycle(second)
    assert len(head + tail) == WINDOWS
    assert bits(head + tail) == bits(whole)


def test_a_run_without_data_has_no_emulated_members():
    assert Cycle(Toy(), toy_ensemble(), EMULATED, None).emulated is None


def plain(**assimilation) -> dict:
    return {
        "name": "x",
        "site": "ch-dav",
        "data": {"record": "packaged", "reader": "packaged"},
        "period": {"start": "2014-01-01", "end": "2015-12-31"},
        "ensemble": {"members": 24},
        "assimilation": assimilation,
    }


def test_one_line_of_the_experiment_asks_for_emulated_members():
    made = Experiment.from_plain(plain(emulated_members=2000))
    assert made.assimilation.emulated_members == 2000
    with pytest.raises(InputError, match="needs `filter: etkf`"):
        Experiment.from_plain(plain(emulated_members=2000, filter="letkf"))
    with pytest.raises(InputError, match=r"needs 16 or more true members.*ensemble\.members is 24"):
        Experiment.from_plain(plain(emulated_members=20))
