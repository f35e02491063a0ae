import numpy as np
import pytest

from elterra.calibration import CalibrationError, match_moments, prior_design, spread_subset


@pytest.mark.parametrize("kind", ["sobol", "lhs", "random"])
def test_a_design_has_the_spread_of_the_prior_or_more_on_purpose(kind):
    z = prior_design(4, 512, 0, kind=kind)
    assert z.shape == (512, 4)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.15)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.1)
    np.testing.assert_array_equal(prior_design(4, 512, 0, kind=kind, widen=2.0), 2.0 * z)
    assert not np.array_equal(z, prior_design(4, 512, 1, kind=kind))


def test_matched_moments_are_exact():
    z = match_moments(prior_design(3, 20, 0, kind="lhs"))
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(np.cov(z.T), np.eye(3), atol=1e-13)
    with pytest.raises(CalibrationError, match="needs more than 4"):
        match_moments(np.zeros((4, 3)))


def test_a_spread_subset_leaves_no_cluster():
    z = np.concatenate([np.zeros((50, 2)) + 1e-3 * np.arange(50)[:, None], [[5.0, 0.0], [0.0, 5.0]]])
    assert set(spread_subset(z, 3)) == {0, 50, 51}
