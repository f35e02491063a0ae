"""The whole recipe: exact where the answer is known, resumable, honest about what it cannot do."""

import json

import numpy as np
import pytest

from elterra.calibration import (
    CalibrateEmulateSample,
    Data,
    InverseProblem,
    ModelDiscrepancy,
    OutsideHull,
    Prior,
    Settings,
    WithoutEffect,
    joint_binomial_test,
    predictive_coverage,
    within,
)
from elterra.calibration.refinement import choose_runs, emulator_doubt

from .problems import COVARIANCE, MEAN, STANDARD, VARIANCE, Y, in_units, linear, linear_problem

SMALL = Settings(
    design=32, members=20, wide=32, rounds=1, refine=8, doubt=1e-9, draws=600, warm_up=150, restarts=1, fit_rounds=25,
    refit_rounds=10, screen=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def calibrated():
    recipe = CalibrateEmulateSample(linear_problem(), SMALL)
    return recipe, recipe.run()


def test_a_linear_problem_has_its_exact_posterior(calibrated):
    _, found = calibrated
    mean, covariance = in_units(found.standard.mean(axis=0), np.cov(found.standard.T))
    sd = np.sqrt(np.diag(COVARIANCE))
    assert (np.abs(mean - MEAN) < 4 * sd / np.sqrt(found.bulk_ess)).all()
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), sd, rtol=0.1)
    assert found.converged
    assert found.outside < 0.05


def test_the_result_says_what_it_cost_and_why_to_trust_it(calibrated):
    recipe, found = calibrated
    told = json.loads(json.dumps(found.to_dict()))
    assert told["model_runs"] == recipe.problem.runs <= 300
    assert told["emulator"]["held_out"][0]["count"] == 8
    assert told["emulator"]["held_out"][0]["r2_worst"] > 0.99
    assert told["informed"] == 2
    assert len(told["doubt"]) == 2
    assert set(told["coverage"]) == {"50", "90"}
    assert "a   " in found.to_text()
    assert f"{recipe.problem.runs} model runs" in found.to_text()


@pytest.mark.slow
def test_a_wrong_model_with_a_discrepancy_term_does_not_become_overconfident():
    # the data have a trend that no parameter can make
    trend = np.linspace(-1.0, 1.0, 12)[:, None]
    rng = np.random.default_rng(3)
    slope = np.stack([np.ones(12), np.linspace(-1.0, 1.0, 12) ** 2], axis=1)
    observed = slope @ [0.5, -0.4] + 1.5 * trend[:, 0] + 0.1 * rng.standard_normal(12)
    problem = InverseProblem(lambda x: x @ slope.T, STANDARD, Data(observed, np.full(12, 0.01)))
    plain = CalibrateEmulateSample(problem, Settings(**{**SMALL.__dict__, "rounds": 0})).run()
    aware = CalibrateEmulateSample(
        problem, Settings(**{**SMALL.__dict__, "rounds": 0}), discrepancy=ModelDiscrepancy(trend, 0.5)
    ).run()
    assert plain.coverage[0.9] < 0.5
    assert aware.coverage[0.9] > 0.8
    assert aware.z.shape[2] == 3
    # the trend is 1.5: its amplitude has moved up from its median 0.5
    assert aware.z[..., 2].mean() > 0.3
    np.testing.assert_allclose(aware.samples.mean(axis=0), [0.5, -0.4], atol=0.15)


def test_new_runs_go_where_the_emulator_doubts(calibrated):
    recipe, found = calibrated
    samples = np.concatenate([found.standard[:400], found.standard[:400] + 4.0])
    chosen = choose_runs(recipe.emulator, samples, 10, 0)
    doubt = emulator_doubt(recipe.emulator, chosen)
    assert doubt.mean() > emulator_doubt(recipe.emulator, samples).mean()
    assert len(np.unique(chosen, axis=0)) == 10


def test_killed_and_resumed_it_repeats_no_run_and_gives_the_same_bits(tmp_path):
    class Killed(Exception):
        pass

    batches = []

    def dying(x):
        if len(batches) == 3:
            raise Killed
        batches.append(len(x))
        return linear(x)

    settings = Settings(**{**SMALL.__dict__, "rounds": 0})

    def problem(forward, folder=None):
        return InverseProblem(forward, STANDARD, Data(Y, VARIANCE), folder=folder)

    with pytest.raises(Killed):
        CalibrateEmulateSample(problem(dying, tmp_path), settings).run()
    counted = []

    def counting(x):
        counted.append(len(x))
        return linear(x)

    whole = CalibrateEmulateSample(problem(linear), settings).run()
    resumed = CalibrateEmulateSample(problem(counting, tmp_path), settings).run()
    np.testing.assert_array_equal(resumed.z, whole.z)
    assert sum(counted) + sum(batches) == whole.model_runs == resumed.model_runs


def test_a_parameter_without_effect_is_refused_by_name():
    problem = InverseProblem(
        lambda x: linear(x[:, :2]), [*STANDARD, Prior("idle", "normal", 0.0, 1.0)], Data(Y, VARIANCE)
    )
    with pytest.raises(WithoutEffect, match="idle"):
        CalibrateEmulateSample(problem, Settings(**{**SMALL.__dict__, "screen": True, "rounds": 0})).run()


def test_it_will_not_sample_where_it_has_no_runs():
    # weak data, and an emulator that has been trained on a third of the width of the posterior
    problem = InverseProblem(lambda x: x.copy(), STANDARD, Data(np.zeros(2), np.ones(2)))
    narrow = Settings(**{**SMALL.__dict__, "rounds": 0, "widen": 0.3, "training": 32})
    with pytest.raises(OutsideHull, match="outside the training runs"):
        CalibrateEmulateSample(problem, narrow).run()


def test_intervals_of_the_truth_itself_pass_the_joint_test_and_narrow_ones_do_not():
    rng = np.random.default_rng(0)
    hits = {1.0: np.zeros((3, 2), int), 0.5: np.zeros((3, 2), int)}
    for _ in range(200):
        truth, y = rng.standard_normal(3), rng.standard_normal(3)
        y = truth + y
        for width, count in hits.items():
            samples = 0.5 * y + width * np.sqrt(0.5) * rng.standard_normal((400, 3))
            for k, level in enumerate((0.5, 0.9)):
                count[:, k] += within(samples, truth, level)
    for width, count in hits.items():
        told = joint_binomial_test([(count[i, k], 200, (0.5, 0.9)[k]) for i in range(3) for k in range(2)])
        assert told.passed() == (width == 1.0)


def test_predictions_with_their_noise_cover_the_data():
    rng = np.random.default_rng(1)
    predicted = 0.1 * rng.standard_normal((500, 400))
    observed = rng.standard_normal(400)
    told = predictive_coverage(predicted, np.ones(400), observed)
    assert told[0.9] == pytest.approx(0.9, abs=0.05)
    assert predictive_coverage(predicted, np.full(400, 0.01), observed)[0.9] < 0.3
