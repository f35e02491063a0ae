import numpy as np
import pytest

from elterra.calibration import CalibrationError, bulk_ess, split_rhat, tail_ess


def test_independent_draws_are_worth_their_number():
    x = np.random.default_rng(0).standard_normal((4, 1000, 3))
    assert (split_rhat(x) < 1.01).all()
    np.testing.assert_allclose(bulk_ess(x), 4000, rtol=0.15)
    np.testing.assert_allclose(tail_ess(x), 4000, rtol=0.2)


def test_an_autoregressive_chain_is_worth_what_theory_says():
    rng, phi = np.random.default_rng(1), 0.8
    x = np.zeros((4, 20_000, 1))
    for t in range(1, x.shape[1]):
        x[:, t] = phi * x[:, t - 1] + np.sqrt(1 - phi**2) * rng.standard_normal((4, 1))
    np.testing.assert_allclose(bulk_ess(x), 80_000 * (1 - phi) / (1 + phi), rtol=0.1)


def test_chains_apart_in_place_or_in_width_have_not_converged():
    x = np.random.default_rng(2).standard_normal((4, 500, 2))
    x[0, :, 0] += 2.0
    x[0, :, 1] *= 5.0
    assert (split_rhat(x) > 1.05).all()
    assert bulk_ess(x)[0] < 50


def test_a_drifting_chain_is_caught_by_its_halves():
    x = np.random.default_rng(3).standard_normal((1, 500, 1)) + np.linspace(0, 3, 500)[None, :, None]
    assert split_rhat(x)[0] > 1.3


def test_heavy_tails_do_no_harm():
    x = np.random.default_rng(4).standard_cauchy((4, 1000, 1))
    assert split_rhat(x)[0] < 1.02


def test_too_short_chains_are_refused():
    with pytest.raises(CalibrationError, match="8 draws or more"):
        split_rhat(np.zeros((4, 5, 1)))
