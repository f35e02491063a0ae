import numpy as np
import pytest

from elterra.calibration import CalibrationError, Data


@pytest.mark.parametrize("correlated", [False, True])
def test_whitened_errors_are_independent_with_variance_one(correlated):
    raw = np.random.default_rng(0).normal(size=(4, 4))
    covariance = raw @ raw.T + np.eye(4) if correlated else np.array([1.0, 4.0, 0.25, 9.0])
    data = Data(np.arange(4.0), covariance)
    full = covariance if correlated else np.diag(covariance)
    root = data.whiten(np.eye(4))  # rows: images of the unit vectors
    np.testing.assert_allclose(root.T @ full @ root, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(data.colour(data.white), data.values, atol=1e-12)
    misfit = np.ones(4) - data.values
    assert data.chi2(np.ones((1, 4)))[0] == pytest.approx(misfit @ np.linalg.solve(full, misfit) / 4)


def test_a_failed_member_stays_recognisable():
    data = Data(np.zeros(3), np.eye(3) + 0.1)
    white = data.whiten(np.array([[1.0, 2.0, 3.0], [np.nan] * 3]))
    assert np.isfinite(white[0]).all()
    assert np.isnan(white[1]).all()


@pytest.mark.parametrize(
    ("values", "noise", "says"),
    [
        ([1.0, 2.0], [1.0], "do not fit"),
        ([1.0, np.nan], [1.0, 1.0], "leave a missing datum out"),
        ([1.0, 2.0], [1.0, 0.0], "variance > 0"),
        ([1.0, 2.0], [[1.0, 2.0], [2.0, 1.0]], "not positive definite"),
    ],
)
def test_unusable_data_are_refused(values, noise, says):
    with pytest.raises(CalibrationError, match=says):
        Data(np.array(values), np.array(noise))
