"""The filters and relaxations that an experiment may choose, on the toy land of the cycle's tests."""

from dataclasses import replace

import numpy as np
import pytest
from toy_land import MEMBERS, OPTIONS, STEPS, WINDOWS, Toy, bits, run_cycle, toy_ensemble, toy_tower

from elterra.assimilation import ETKF, AnalysisError, ObservationBatch, Relaxation, group_taper
from elterra.pipeline.reanalysis.analysis import (
    CONTROL_GROUPS,
    FILTERS,
    LOCALISATION,
    SMOOTHED_GROUPS,
    WindowAnalysis,
    filter_of,
)
from elterra.pipeline.reanalysis.cycle import Cycle
from elterra.pipeline.reanalysis.windows import KINDS

rng = np.random.default_rng(2)
DRIFT = rng.standard_normal((3, MEMBERS))
OF_SENSOR = np.array([False, False, True])
KIND = np.array([0, 2, 3])
PREDICTED = np.stack([DRIFT[0], 0.5 * DRIFT[0] + DRIFT[1], DRIFT[2]]) + 0.1 * rng.standard_normal(
    (3, MEMBERS)
)
USED = ObservationBatch(np.array([0.5, -0.3, 1.0]), np.array([0.3, 0.4, 0.2]), KIND)


class Controls:
    """A model of which only the controls are asked for."""

    asked = 0

    def controls(self):
        self.asked += 1
        water = PREDICTED[2] + 0.2 * rng.standard_normal((2, MEMBERS))
        return {
            "weather": rng.standard_normal((2, MEMBERS)),
            "water": water,
            "carbon": rng.standard_normal((2, MEMBERS)),
        }


def test_the_default_is_the_etkf_of_every_group_and_looks_at_no_element():
    model = Controls()
    found = WindowAnalysis().analyse(0, PREDICTED, USED, DRIFT, OF_SENSOR, model)
    taper = group_taper(CONTROL_GROUPS, KINDS, KIND, LOCALISATION)
    direct = ETKF().analyse(PREDICTED, USED, taper).transform
    for name, transform in zip(CONTROL_GROUPS, direct, strict=True):
        np.testing.assert_array_equal(found.state[name], transform)
    np.testing.assert_array_equal(found.smoothed, direct[: len(SMOOTHED_GROUPS)])
    np.testing.assert_array_equal(
        found.drift, np.where(OF_SENSOR[:, None], DRIFT @ direct[1], DRIFT @ direct[0])
    )
    assert model.asked == 0


def test_each_element_of_the_letkf_has_a_transform_and_what_is_unrelated_hardly_moves():
    scheme = WindowAnalysis(by_element=True)
    found = scheme.analyse(0, PREDICTED, USED, DRIFT, OF_SENSOR, Controls())
    assert found.state["water"].shape == (2, MEMBERS, MEMBERS)
    assert found.state["weather"].shape == (2, MEMBERS, MEMBERS)
    np.testing.assert_allclose(found.state["carbon"].sum(axis=-2), 1.0, atol=1e-12)
    whole = WindowAnalysis().analyse(0, PREDICTED, USED, DRIFT, OF_SENSOR, Controls())
    # the first parameter is seen by the data as before; the sensor's own datum too
    np.testing.assert_allclose(found.drift[0].mean(), whole.drift[0].mean(), atol=0.1)
    np.testing.assert_allclose(found.drift[2].mean(), whole.drift[2].mean(), atol=0.05)
    identity = np.eye(MEMBERS)

    def moved(analysed):
        state = analysed.state["carbon"]
        return np.abs((state if state.ndim == 3 else state[None]) - identity).max()

    assert moved(found) < moved(whole)


@pytest.mark.parametrize("kind", ["spread", "perturbations"])
def test_relaxation_widens_what_is_carried_on_and_leaves_what_is_published(kind):
    plain = WindowAnalysis().analyse(0, PREDICTED, USED, DRIFT, OF_SENSOR, Controls())
    soft = WindowAnalysis(relaxation=Relaxation(kind, 0.5)).analyse(
        0, PREDICTED, USED, DRIFT, OF_SENSOR, Controls()
    )
    np.testing.assert_array_equal(soft.smoothed, plain.smoothed)
    np.testing.assert_allclose(soft.drift.mean(axis=1), plain.drift.mean(axis=1), atol=1e-12)
    assert (soft.drift.std(axis=1) >= plain.drift.std(axis=1) - 1e-12).all()
    assert soft.drift[0].std() > 1.1 * plain.drift[0].std()


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_pulls_the_toy_to_the_truth_and_repeats_its_bits_after_a_cut(name):
    scheme = WindowAnalysis(filter_of(name, 3), by_element=name == "letkf")
    options = replace(OPTIONS, analysis=scheme)
    whole, _ = run_cycle(Cycle(Toy(), toy_ensemble(), options, toy_tower()))
    free, _ = run_cycle(Cycle(Toy(), toy_ensemble(), options, None))
    truth = 2.0 * np.sin(np.arange(STEPS))

    def error(finals):
        means = np.stack([f.smoothed(f.forecast.series["NEE"]).mean(axis=1) for f in finals[10:]])
        return np.sqrt(((means - truth) ** 2).mean())

    assert error(whole) < 0.6 * error(free)
    first = Cycle(Toy(), toy_ensemble(), options, toy_tower())
    head, _ = run_cycle(first, 11)
    second = Cycle(Toy(), toy_ensemble(), options, toy_tower())
    second.restore(*first.checkpoint())
    tail, _ = run_cycle(second)
    assert len(head + tail) == WINDOWS
    assert bits(head + tail) == bits(whole)


def test_filters_that_draw_have_other_draws_in_other_windows():
    scheme = WindowAnalysis(filter_of("enkf", 3))
    a, b, again = (scheme.analyse(w, PREDICTED, USED, DRIFT, OF_SENSOR, Controls()).drift for w in (0, 1, 0))
    np.testing.assert_array_equal(a, again)
    assert np.abs(a - b).max() > 1e-3
    with pytest.raises(KeyError):
        filter_of("kalman", 1)


def test_predictions_that_are_not_finite_stop_the_analysis():
    broken = np.where(np.arange(MEMBERS) == 4, np.nan, PREDICTED)
    with pytest.raises(AnalysisError, match="members \\[4\\]"):
        WindowAnalysis().analyse(0, broken, USED, DRIFT, OF_SENSOR, Controls())
