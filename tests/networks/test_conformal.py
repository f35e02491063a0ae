"""Conformal intervals: the finite-sample quantile and its promise."""

import numpy as np
import pytest
from scipy.stats import beta

from elterra.errors import InputError
from elterra.networks import Conformal, calibrate, finite_sample_quantile


def test_the_quantile_is_the_kth_smallest():
    scores = np.arange(1.0, 20.0)  # 19: 20 * 0.9 = 18th
    assert finite_sample_quantile(scores, 0.9) == 18.0
    assert finite_sample_quantile(scores, 0.95) == 19.0
    assert finite_sample_quantile(scores, 0.96) == np.inf
    with pytest.raises(InputError, match="NaN"):
        finite_sample_quantile([1.0, np.nan], 0.5)
    with pytest.raises(InputError, match=r"within \(0, 1\)"):
        finite_sample_quantile(scores, 1.0)


def test_coverage_of_exchangeable_data_is_that_of_theory():
    """Mean k/(n+1) and a Beta distribution over calibrations, whatever the distribution of errors."""
    rng = np.random.default_rng(0)
    n, covered = 99, []
    for _ in range(400):
        sd = rng.lognormal(size=n)
        error = sd * rng.standard_t(2, size=n)  # heavy tails, wrong scale
        told = calibrate(np.zeros(n), sd, error, levels=(0.9,))
        new = np.exp(rng.normal(size=500))
        low, high = told.interval(np.zeros(500), new, np.zeros(500, int), 0.9)
        truth = new * rng.standard_t(2, size=500)
        covered.append(np.mean((truth >= low) & (truth <= high)))
    assert abs(np.mean(covered) - 0.9) < 0.006
    law = beta(90, 10)
    assert abs(np.quantile(covered, 0.05) - law.ppf(0.05)) < 0.03
    assert abs(np.quantile(covered, 0.95) - law.ppf(0.95)) < 0.03


def test_each_group_has_its_own_coverage():
    rng = np.random.default_rng(1)
    group = np.repeat([2, 5], 2000)
    truth = rng.standard_normal(4000) * np.where(group == 2, 1.0, 4.0)
    told = calibrate(np.zeros(4000), np.ones(4000), truth, group)
    assert told.groups == (2, 5)
    new = rng.standard_normal(4000) * np.where(group == 2, 1.0, 4.0)
    for level in (0.5, 0.9):
        low, high = told.interval(np.zeros(4000), np.ones(4000), group, level)
        inside = (new >= low) & (new <= high)
        assert all(abs(inside[group == g].mean() - level) < 0.03 for g in (2, 5))


def test_small_groups_take_the_factor_of_all_and_unknown_ones_the_largest():
    rng = np.random.default_rng(2)
    group = np.array([0] * 500 + [1] * 10)
    told = calibrate(np.zeros(510), np.ones(510), rng.standard_normal(510), group)
    assert told.pooled.tolist() == [False, True]
    assert told.counts.tolist() == [500, 10]
    assert told.factor([7], 0.9)[0] == told.factors[:, 1].max()
    with pytest.raises(InputError, match="was not calibrated"):
        told.factor([0], 0.8)


def test_it_comes_back_from_its_arrays():
    rng = np.random.default_rng(3)
    told = calibrate(np.zeros(200), np.ones(200), rng.standard_normal(200), rng.integers(0, 2, 200))
    back = Conformal.from_arrays(told.arrays())
    np.testing.assert_array_equal(back.factor([0, 1], 0.9), told.factor([0, 1], 0.9))
    assert back.levels == told.levels


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sd": np.zeros(60)}, "above 0"),
        ({"truth": np.zeros(3)}, "differ in size"),
        ({"group": [1]}, "group has 1"),
    ],
)
def test_faults_are_told(change, words):
    good = {"mean": np.zeros(60), "sd": np.ones(60), "truth": np.zeros(60), "group": np.zeros(60, int)}
    with pytest.raises(InputError, match=words):
        calibrate(**(good | change))
    with pytest.raises(InputError, match="too few"):
        calibrate([0.0], [1.0], [0.0])
