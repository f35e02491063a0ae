import jax.numpy as jnp
import numpy as np
import scipy.optimize

from elterra.calibration.lbfgs import minimise


def _rosenbrock(x, scale):
    return (scale * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def test_each_problem_finds_its_own_minimum():
    start = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (5, 4)))
    scale = jnp.asarray([1.0, 3.0, 10.0, 30.0, 100.0])
    x, value = minimise(_rosenbrock, start, (scale,), 200)
    np.testing.assert_allclose(np.asarray(x), 1.0, atol=1e-4)
    assert np.asarray(value).max() < 1e-8


def test_it_is_as_good_as_the_one_of_scipy():
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(6, 6))
    h = jnp.asarray(raw @ raw.T + 0.1 * np.eye(6))

    def function(x, shift):
        y = x - shift
        return 0.5 * y @ h @ y + 0.1 * (y**4).sum()

    shift = rng.normal(size=(3, 6))
    found = np.asarray(minimise(function, jnp.zeros((3, 6)), (jnp.asarray(shift),), 80)[1])
    for i in range(3):
        best = scipy.optimize.minimize(
            lambda x, i=i: float(function(jnp.asarray(x), jnp.asarray(shift[i]))),
            np.zeros(6),
            method="L-BFGS-B",
        )
        assert found[i] <= best.fun + 1e-6


def test_what_is_not_finite_is_not_taken():
    def function(x, _):
        return jnp.where(x[0] > 0.5, jnp.nan, (x[0] - 0.6) ** 2 + x[1] ** 2)

    x, value = minimise(function, jnp.asarray([[0.0, 2.0]]), (jnp.zeros(1),), 40)
    assert np.isfinite(np.asarray(value)).all()
    assert float(x[0, 0]) <= 0.5
    assert float(value[0]) < 0.36
