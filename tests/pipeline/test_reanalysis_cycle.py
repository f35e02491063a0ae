"""The cycle on a toy land: what holds for any forecast model."""

from dataclasses import replace

import numpy as np
import pytest
from toy_land import OPTIONS, STEPS, WINDOWS, Toy, bits, run_cycle, toy_ensemble, toy_tower

from elterra.calibration import Prior
from elterra.pipeline.reanalysis.cycle import Cycle
from elterra.pipeline.reanalysis.ensemble import Drift, ParameterEnsemble
from elterra.pipeline.reanalysis.sink import WindowProduct
from elterra.pipeline.reanalysis.windows import KINDS, as_batch, predict, window_blocks


def test_withholding_everything_equals_the_free_run_to_the_bit():
    tower = toy_tower()
    nothing = tower.withhold(np.ones(STEPS * WINDOWS, dtype=bool))
    free, _ = run_cycle(Cycle(Toy(), toy_ensemble(), OPTIONS, None))
    blind, fates = run_cycle(Cycle(Toy(), toy_ensemble(), OPTIONS, nothing))
    assert fates == []
    assert bits(blind) == bits(free)


def test_the_same_run_twice_is_the_same_bits():
    runs = [bits(run_cycle(Cycle(Toy(), toy_ensemble(), OPTIONS, toy_tower()))[0]) for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("cut", [1, 7, 29])
def test_a_run_that_was_cut_and_restored_ends_with_the_same_bits(cut):
    whole, _ = run_cycle(Cycle(Toy(), toy_ensemble(), OPTIONS, toy_tower()))
    first = Cycle(Toy(), toy_ensemble(), OPTIONS, toy_tower())
    head, _ = run_cycle(first, cut)
    arrays, header = first.checkpoint()
    second = Cycle(Toy(), toy_ensemble(), OPTIONS, toy_tower())
    second.restore(arrays, header)
    tail, _ = run_cycle(second)
    assert [f.window for f in head + tail] == list(range(WINDOWS))
    assert bits(head + tail) == bits(whole)


def test_data_pull_the_ensemble_to_the_truth_and_narrow_it():
    free, _ = run_cycle(Cycle(Toy(), toy_ensemble(), OPTIONS, None))
    seen, fates = run_cycle(Cycle(Toy(), toy_ensemble(), OPTIONS, toy_tower()))
    truth = 2.0 * np.sin(np.arange(STEPS))

    def error(finals):
        means = np.stack([f.smoothed(f.forecast.series["NEE"]).mean(axis=1) for f in finals[10:]])
        return np.sqrt(((means - truth) ** 2).mean())

    assert error(seen) < 0.5 * error(free)
    assert sum(f.used for f in fates) > 50


def test_a_smoothed_window_knows_of_later_data():
    tower = toy_tower()
    mask = np.zeros(STEPS * WINDOWS, dtype=bool)
    mask[10 * STEPS : 12 * STEPS] = True
    gap = tower.withhold(mask)
    filtered, _ = run_cycle(Cycle(Toy(), toy_ensemble(), replace(OPTIONS, lag=0), gap))
    smoothed, _ = run_cycle(Cycle(Toy(), toy_ensemble(), OPTIONS, gap))

    def spread(finals):
        return finals[11].smoothed(finals[11].forecast.series["NEE"]).std(axis=1).mean()

    assert spread(smoothed) < spread(filtered)


def test_blocks_average_measured_steps_and_their_errors():
    tower = toy_tower(1.0)
    blocks = window_blocks(tower, 0, STEPS, hours=2.0)
    kinds = {b.kind for b in blocks}
    assert kinds == set(KINDS)
    block = next(b for b in blocks if b.kind == "LE")
    assert block.sd == pytest.approx(np.hypot(0.1 / np.sqrt(4), 0.02))
    assert block.value == pytest.approx(tower.values["LE"][:4].mean())
    night = next(b for b in blocks if b.kind == "NEE_night")
    assert (night.steps >= 4).all()
    assert predict(blocks, {v: np.ones((STEPS, 3)) for v in ("NEE", "LE", "SWC")}).shape == (len(blocks), 3)
    assert len(as_batch(blocks)) == len(blocks)


def test_one_measured_step_is_no_block():
    tower = toy_tower(1.0)
    mask = np.ones(STEPS * WINDOWS, dtype=bool)
    mask[0] = False
    assert window_blocks(tower.withhold(mask), 0, STEPS, hours=2.0) == []


def test_seasonal_part_comes_back_after_a_year_and_the_vector_round_trips():
    ensemble = toy_ensemble()
    np.testing.assert_allclose(ensemble.physical(10.0)["a"], ensemble.physical(10.0 + 365.25)["a"])
    assert np.abs(ensemble.physical(10.0)["a"] - ensemble.physical(190.0)["a"]).max() > 0.1
    vector, labels = ensemble.vector()
    assert labels == ["a", "b", "a.cos", "a.sin"]
    again = ensemble.with_vector(vector)
    np.testing.assert_array_equal(again.seasonal, ensemble.seasonal)
    np.testing.assert_array_equal(again.z, ensemble.z)


def test_drift_keeps_its_stationary_spread():
    drift = Drift({"a": 0.7}, 8.0)
    delta = drift.start(["a", "b"], 400, seed=2)
    for w in range(1, 60):
        delta = drift.step(delta, ["a", "b"], seed=2, window=w, inflation=1.0)
    assert delta[0].std() == pytest.approx(0.7, rel=0.15)
    assert (delta[1] == 0.0).all()


def test_statistics_of_a_stock_book_what_clipping_adds():
    product = WindowProduct(["SWE"], [], STEPS)
    clipped: dict[str, float] = {}
    values = np.array([[-1.0, 3.0], [2.0, 2.0]])
    bounded = product._bounded("SWE", values, clipped)
    assert bounded.min() == 0.0
    assert clipped["SWE"] == pytest.approx(0.25)
    assert product._bounded("NEE", values, clipped) is values


def test_condensed_ensemble_has_the_same_mean_and_the_leading_covariance():
    priors = [Prior(n, "normal", 1.0, 0.5) for n in "abcd"]
    whole = ParameterEnsemble.prior(priors, ["a"], 64, seed=2, seasonal_sd=0.3)  # six unknowns
    few, fewer = whole.condensed(8), whole.condensed(4)
    assert few.members == 8
    unknowns = [e.vector()[0] for e in (whole, few, fewer)]
    np.testing.assert_allclose(unknowns[1].mean(axis=1), unknowns[0].mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(np.cov(unknowns[1]), np.cov(unknowns[0]), atol=1e-12)
    total, kept = np.linalg.eigvalsh(np.cov(unknowns[0])), np.linalg.eigvalsh(np.cov(unknowns[2]))
    np.testing.assert_allclose(kept[-3:], total[-3:], rtol=1e-10)  # three modes are what four members carry
    assert whole.condensed(64) is whole
