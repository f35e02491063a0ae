"""Anderson acceleration on maps whose fixed points are known."""

import numpy as np
import pytest

from elterra.spinup import Anderson


def iterate(step, x, count, depth=5):
    mixer = Anderson(depth)
    for _ in range(count):
        x = mixer.next(x, step(x), np.ones_like(x))
    return x, mixer


def linear():
    """dx = J x + b with six slow modes, two columns; plain iteration needs a thousand steps."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(6, 6))
    slow = np.diag([0.99, 0.97, 0.9, 0.6, 0.3, 0.0])
    j = vectors @ slow @ np.linalg.inv(vectors)
    b = rng.normal(size=(6, 2))
    return lambda x: j @ x + b - x, np.linalg.solve(np.eye(6) - j, b)


def test_a_linear_map_of_six_modes_is_solved_in_seven_steps():
    step, solution = linear()
    x, _ = iterate(step, np.zeros((6, 2)), 9, depth=7)
    np.testing.assert_allclose(x, solution, rtol=1e-3, atol=1e-2)
    plain = np.zeros((6, 2))
    for _ in range(9):
        plain = plain + step(plain)
    assert np.max(np.abs(plain - solution)) > 100.0 * np.max(np.abs(x - solution))


def test_columns_do_not_see_each_other():
    step, _ = linear()
    both, _ = iterate(step, np.zeros((6, 2)), 5)
    for i in range(2):
        alone, _ = iterate(lambda x, i=i: step(np.repeat(x, 2, axis=1))[:, i : i + 1], np.zeros((6, 1)), 5)
        np.testing.assert_allclose(alone[:, 0], both[:, i], rtol=1e-6, atol=1e-9)


def test_a_nonlinear_map_arrives_where_plain_steps_do():
    """x = cos(x) in many places at once, slowed down."""
    step = lambda x: 0.05 * (np.cos(x) - x)  # noqa: E731
    x, _ = iterate(step, np.linspace(0.0, 3.0, 8)[:, None], 20)
    np.testing.assert_allclose(x, 0.7390851332151607, rtol=1e-8)


def test_a_residual_that_grows_throws_the_history_away():
    mixer = Anderson(5)
    x = np.zeros((3, 2))
    small, big = np.full((3, 2), 1.0), np.full((3, 2), 1.0)
    big[:, 1] = 50.0
    mixer.next(x, small, np.ones_like(x))
    new = mixer.next(x + 1.0, big, np.ones_like(x))
    assert mixer.restarts == 1
    np.testing.assert_allclose(new[:, 1], 51.0)  # the plain step


def test_residuals_that_do_not_change_give_the_plain_step():
    x, f = np.zeros((3, 1)), np.ones((3, 1))
    mixer = Anderson(4)
    for _ in range(4):
        new = mixer.next(x, f, np.ones_like(x))
        assert np.all(np.isfinite(new))
        x = new
    np.testing.assert_allclose(x[:, 0], 4.0, rtol=1e-6)
    with pytest.raises(ValueError, match="depth"):
        Anderson(0)
