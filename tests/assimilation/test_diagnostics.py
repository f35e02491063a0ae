"""Diagnostics against their definitions and on ensembles of known faults."""

import json

import numpy as np
import pytest
from linear_problem import COVARIANCE, LOG_EVIDENCE, SD, A, batch, prior

from elterra.assimilation import (
    ETKF,
    InnovationStatistics,
    as_text,
    degrees_of_freedom,
    effective_rank,
    increment_budget,
    log_evidence,
    rank_histogram,
    spread_skill,
)


def test_the_log_evidence_is_exact():
    assert log_evidence(A @ prior(), batch()) == pytest.approx(LOG_EVIDENCE, abs=1e-8)


def test_degrees_of_freedom_are_the_trace_of_the_influence_matrix_by_group():
    gain = COVARIANCE @ A.T @ np.linalg.inv(A @ COVARIANCE @ A.T + np.diag(SD**2))
    influence = np.diag(A @ gain)
    found = degrees_of_freedom(A @ prior(), batch(group=[0, 1, 0]))
    np.testing.assert_allclose(found, [influence[0] + influence[2], influence[1]], atol=1e-9)
    assert len(degrees_of_freedom(np.zeros((0, 4)), batch([], 1.0))) == 0


def test_the_effective_rank_counts_directions():
    one = np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 0.0, 0.0])
    assert effective_rank(one) == pytest.approx(1.0)
    assert effective_rank(np.zeros((3, 4))) == 0.0
    square = np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])
    assert effective_rank(square) == pytest.approx(2.0)


def test_the_rank_histogram_is_flat_for_a_reliable_ensemble_and_a_bowl_for_a_narrow_one():
    rng = np.random.default_rng(0)
    truth, sd = np.zeros(20_000), np.full(20_000, 0.3)
    members = rng.normal(size=(20_000, 9))
    data = truth + rng.normal(size=20_000) + 0.3 * rng.normal(size=20_000)
    flat = rank_histogram(data, members, sd)
    assert flat.sum() == 20_000
    np.testing.assert_allclose(flat / 2000, 1.0, atol=0.1)
    bowl = rank_histogram(data, 0.3 * members, sd)
    assert bowl[0] + bowl[-1] > 2.5 * (flat[0] + flat[-1])


def test_innovations_tell_errors_that_were_given_wrong():
    """Data with error 0.5 that are given as 1.0: chi2 falls below one and the consistent error is the true one."""
    rng = np.random.default_rng(0)
    statistics = InnovationStatistics(["a", "b"])
    for _ in range(4000):
        x = 0.7 * rng.normal() + rng.normal(size=(1, 60)) * 0.7
        data = batch([0.5 * rng.normal()], [0.5], [0])
        statistics.add(x, ETKF().analyse(x, data).apply(x), data)
    right = statistics.figures()["a"]
    assert right["chi2"] == pytest.approx(1.0, abs=0.1)
    assert right["spread_skill"] == pytest.approx(1.0, abs=0.05)
    assert right["consistent_sd"] == pytest.approx(0.5, abs=0.04)
    assert right["consistent_prior_sd"] == pytest.approx(0.7, abs=0.04)
    assert abs(right["bias"]) < 0.05
    assert right["rmse_analysis"] < right["rmse_forecast"]
    assert "b" not in statistics.figures()
    assert json.loads(json.dumps(statistics.figures())) == statistics.figures()
    text = as_text(statistics.figures())
    assert "chi2" in text
    assert len(text.splitlines()) == 2


def test_spread_and_error_are_paired_by_bins_of_equal_count():
    rng = np.random.default_rng(0)
    spread = 0.5 + rng.random(10_000)
    found = spread_skill(spread, spread * rng.normal(size=10_000), 5)
    np.testing.assert_allclose(found["error"], found["spread"], rtol=0.06)
    assert found["count"] == [2000.0] * 5


def test_increments_are_summed_by_variable():
    before = {"water": np.array([[1.0, 3.0], [0.0, 0.0]])}
    after = {"water": np.array([[2.0, 3.0], [1.0, 1.0]])}
    found = increment_budget(before, after)["water"]
    assert found["total"] == 1.5
    assert found["rms"] == pytest.approx(np.sqrt((0.25 + 1.0) / 2))
    assert found["spread_after"] < found["spread_before"]
