"""Small inverse problems with known answers, for the tests of this folder."""

import numpy as np

from elterra.calibration import Data, InverseProblem, Prior

A = np.array([[1.0, 2.0], [3.0, 1.0], [0.5, -1.0]])
Y = np.array([3.0, 4.0, -0.5])
VARIANCE = np.array([0.1, 0.2, 0.05])
M0 = np.array([0.0, 1.0])
ROOT = np.linalg.cholesky([[1.0, 0.3], [0.3, 0.5]])
#: posterior of the linear problem, from the normal equations
MEAN = np.array([0.9717484927, 1.0210163652])
COVARIANCE = np.array([[0.0190525409, -0.0068561585], [-0.0068561585, 0.0172954350]])
STANDARD = [Prior("a", "normal", 0.0, 1.0), Prior("b", "normal", 0.0, 1.0)]


def linear(z):
    return (M0 + z @ ROOT.T) @ A.T


def linear_problem(**options):
    return InverseProblem(linear, STANDARD, Data(Y, VARIANCE), **options)


def in_units(mean, covariance):
    """Mean and covariance of z as those of the parameters of the problem."""
    return M0 + ROOT @ mean, ROOT @ covariance @ ROOT.T
