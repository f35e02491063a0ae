import numpy as np
import pytest

from elterra.calibration import OutsideHull, prior_design, training_hull
from elterra.calibration.validation import validate


def test_samples_of_the_training_distribution_are_inside_and_far_ones_outside():
    hull = training_hull(prior_design(4, 400, 0))
    assert hull.outside(prior_design(4, 400, 1)).mean() < 0.05
    assert hull.outside(prior_design(4, 50, 1) + 6.0).all()


def test_a_hole_inside_of_the_box_is_outside():
    ring = prior_design(2, 300, 0)
    ring *= 3.0 / np.linalg.norm(ring, axis=1, keepdims=True)
    hull = training_hull(ring)
    assert hull.outside(np.zeros((1, 2))).all()
    assert not hull.outside(ring).any()


def test_too_many_samples_outside_are_refused_with_the_parameter():
    hull = training_hull(prior_design(3, 100, 0))
    z = 0.5 * prior_design(3, 100, 1)
    assert hull.refuse(z, ("a", "b", "c")) < 0.05
    z[:20, 1] = 9.0
    with pytest.raises(OutsideHull, match=r"20.0% of the samples .*b 20.0%"):
        hull.refuse(z, ("a", "b", "c"))


def test_validation_tells_overconfidence():
    rng = np.random.default_rng(0)
    truth = 10 * rng.standard_normal((4000, 2))
    predicted = truth + rng.standard_normal((4000, 2)) * [1.0, 3.0]
    scores = validate(truth, predicted, np.ones((4000, 2)))
    np.testing.assert_allclose(scores.chi2, [1.0, 9.0], rtol=0.1)
    np.testing.assert_allclose(scores.coverage90, [0.9, 0.417], atol=0.02)
    np.testing.assert_allclose(scores.r2, [0.99, 0.91], atol=0.01)
