import numpy as np
import pytest

from elterra.calibration import CalibrationError, informed_subspace, prior_design, reduce_outputs


def test_components_below_the_noise_are_left_out_and_counted():
    z = prior_design(3, 256, 0)
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(20, 3)))[0]
    white = 5.0 + z * [10.0, 1.0, 0.03] @ basis.T
    found = reduce_outputs(white)
    assert found.basis.shape == (20, 2)
    assert found.lost == pytest.approx(9e-4, rel=0.2)
    np.testing.assert_allclose(found.basis.T @ found.basis, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(found.expand(found.reduce(white)), white, atol=0.15)
    assert reduce_outputs(white, at_most=1).basis.shape == (20, 1)


def test_data_that_see_nothing_are_refused():
    with pytest.raises(CalibrationError, match="cannot constrain any parameter"):
        reduce_outputs(1.0 + 0.01 * np.random.default_rng(0).normal(size=(50, 4)))


def test_the_informed_subspace_of_a_linear_map_is_that_of_its_hessian():
    slope = np.array([[3.0, 3.0, 0.0], [0.0, 0.0, 0.1]])
    z = prior_design(3, 64, 0)
    found = informed_subspace(z, z @ slope.T)
    assert found.informed == 1
    np.testing.assert_allclose(found.information, [18.0, 0.01, 0.0], atol=1e-10)
    assert abs(found.directions[:, 0] @ [1, 1, 0]) == pytest.approx(np.sqrt(2))
