"""Transformations of bounded and skewed variables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elterra.assimilation import AnalysisError, GaussianAnamorphosis, Log, Logit, normal_scores

SAMPLE = np.random.default_rng(0).gamma(0.7, size=500)
MAPS = [Log(-1.0), Logit(-1.0, 40.0), GaussianAnamorphosis.of_sample(SAMPLE, 0.0, 40.0)]


@pytest.mark.parametrize("which", MAPS, ids=lambda m: type(m).__name__)
@settings(max_examples=20, deadline=None)
@given(x=st.floats(0.001, 20.0))
def test_there_and_back_is_where_one_was(which, x):
    np.testing.assert_allclose(which.backward(which.forward(np.array([x]))), [x], rtol=1e-7)


@pytest.mark.parametrize("which", MAPS, ids=lambda m: type(m).__name__)
def test_maps_are_monotonic_and_never_leave_the_domain(which):
    z = np.linspace(-30.0, 30.0, 500)
    x = which.backward(z)
    assert (np.diff(x) >= 0).all()
    assert (x >= (0.0 if isinstance(which, GaussianAnamorphosis) else -1.0)).all()
    assert (np.diff(which.forward(np.linspace(0.01, 20.0, 300))) > 0).all()


def test_the_anamorphosis_makes_its_own_sample_normal():
    z = MAPS[2].forward(SAMPLE)
    assert abs(z.mean()) < 0.02
    assert z.std() == pytest.approx(1.0, abs=0.02)
    assert abs((z**3).mean()) < 0.05


def test_ties_at_a_bound_share_a_score():
    sample = np.r_[np.zeros(30), np.linspace(0.1, 1.0, 70)]
    map_ = GaussianAnamorphosis.of_sample(sample, 0.0, 2.0)
    from scipy.special import ndtri

    np.testing.assert_allclose(map_.forward(np.zeros(2)), ndtri(0.15))
    assert map_.backward(np.array([-50.0]))[0] == 0.0


@pytest.mark.parametrize("which", MAPS[:2], ids=lambda m: type(m).__name__)
def test_the_slope_is_the_derivative(which):
    x = np.array([0.3, 2.0])
    np.testing.assert_allclose(
        which.slope(x), (which.forward(x + 1e-6) - which.forward(x - 1e-6)) / 2e-6, rtol=1e-6
    )


def test_values_outside_of_the_domain_are_told_not_clipped():
    for which, x in ((Log(), 0.0), (Logit(), 1.0), (MAPS[2], -0.1), (Log(), np.nan)):
        with pytest.raises(AnalysisError, match="1 of 1 do not"):
            which.forward(np.array([x]))
    with pytest.raises(AnalysisError, match="3 different"):
        GaussianAnamorphosis.of_sample(np.array([1.0, 1.0, 2.0]))
    with pytest.raises(AnalysisError, match="bounds"):
        GaussianAnamorphosis.of_sample(np.array([-1.0, 1.0, 2.0]), lower=0.0)


def test_normal_scores_keep_the_order_of_the_members():
    x = np.array([[3.0, -1.0, 100.0]])
    scores = normal_scores(x)
    np.testing.assert_array_equal(np.argsort(scores), np.argsort(x))
    assert scores.sum() == pytest.approx(0.0, abs=1e-12)
