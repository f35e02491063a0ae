"""Multi-fidelity analysis against the exact Kalman filter, and the emulator that learns as it goes."""

import numpy as np
import pytest

from elterra.assimilation import (
    ETKF,
    AnalysisError,
    Ensembles,
    ObservationBatch,
    ResponseEmulator,
    moments,
    multifidelity_analysis,
    transform_through,
)

P, N, FEW, MANY = 3, 4, 16, 3000
H = np.random.default_rng(0).standard_normal((N, P))
SD = np.array([0.5, 0.7, 0.4, 1.0])
VALUE = np.array([1.0, -0.5, 0.3, 2.0])


def exact_sample(rng, rows, members):
    """Draws with sample mean zero and unit sample covariance, exactly."""
    x = rng.standard_normal((rows, members))
    x -= x.mean(axis=1, keepdims=True)
    return np.linalg.solve(np.linalg.cholesky(np.cov(x)), x)


def kalman():
    s = H @ H.T + np.diag(SD**2)
    gain = H.T @ np.linalg.inv(s)
    return gain @ VALUE, np.eye(P) - gain @ H


def test_a_perfect_cheap_model_of_many_members_gives_the_kalman_filter_from_any_few_true_ones():
    rng = np.random.default_rng(1)
    x, many = rng.standard_normal((P, FEW)) + 0.3, exact_sample(rng, P, MANY)
    found = multifidelity_analysis(Ensembles(x, H @ x, H @ x, many, H @ many), VALUE, SD, rng)
    mean, covariance = kalman()
    np.testing.assert_allclose(found.moments.gain, 1.0, atol=1e-12)
    np.testing.assert_allclose(found.control.mean(axis=1), mean, atol=1e-10)
    np.testing.assert_allclose(found.many.mean(axis=1), mean, atol=1e-10)
    np.testing.assert_allclose(np.cov(found.many), covariance, atol=1e-10)


def test_exact_samples_of_true_members_have_the_posterior_covariance_too():
    rng = np.random.default_rng(2)
    x, many = exact_sample(rng, P, FEW), exact_sample(rng, P, MANY)
    found = multifidelity_analysis(Ensembles(x, H @ x, H @ x, many, H @ many), VALUE, SD, rng)
    np.testing.assert_allclose(np.cov(found.control), kalman()[1], atol=1e-10)


def test_a_useless_cheap_model_is_left_aside():
    rng = np.random.default_rng(3)
    x, many = exact_sample(rng, P, FEW), exact_sample(rng, P, MANY)
    none = np.zeros((N, FEW)), np.zeros((N, MANY))
    found = multifidelity_analysis(
        Ensembles(x, H @ x, none[0], many, none[1]), VALUE, SD, rng, localise=False
    )
    mean, covariance = kalman()
    assert (found.moments.gain == 0).all()
    np.testing.assert_allclose(found.control.mean(axis=1), mean, atol=1e-10)
    np.testing.assert_allclose(np.cov(found.control), covariance, atol=1e-10)
    # cheap members carry the residuals of true ones, so that their spread is not too small
    assert np.trace(np.cov(found.many)) > 0.9 * np.trace(covariance)


@pytest.mark.parametrize("amplitude", [1.0, 0.6])
def test_an_imperfect_cheap_model_brings_few_members_nearer_to_the_kalman_filter(amplitude):
    """Predictions of the true model have a part that the cheap one does not know, and another amplitude."""
    mean, _ = kalman()
    own = np.random.default_rng(9).standard_normal((N, 2)) * 0.3
    s = H @ H.T + own @ own.T + np.diag(SD**2)
    mean = H.T @ np.linalg.solve(s, VALUE)
    errors = {"few": 0.0, "multi": 0.0}
    for seed in range(40):
        rng = np.random.default_rng(100 + seed)
        x, hidden, many = (rng.standard_normal(shape) for shape in ((P, FEW), (2, FEW), (P, MANY)))
        x, hidden, many = (a - a.mean(axis=1, keepdims=True) for a in (x, hidden, many))
        y = H @ x + own @ hidden
        found = multifidelity_analysis(
            Ensembles(x, y, amplitude * H @ x, many, amplitude * H @ many), VALUE, SD, rng
        )
        batch = ObservationBatch(VALUE, SD, np.zeros(N, dtype=np.int64))
        alone = x @ ETKF().analyse(y, batch).transform[0]
        errors["multi"] += ((found.control.mean(axis=1) - mean) ** 2).sum()
        errors["few"] += ((alone.mean(axis=1) - mean) ** 2).sum()
    assert errors["multi"] < 0.25 * errors["few"]


def test_moments_of_the_total_variate_are_those_of_the_true_model():
    rng = np.random.default_rng(5)
    x, many = exact_sample(rng, P, 400), exact_sample(rng, P, 20000)
    y = H @ x + 0.2 * rng.standard_normal((N, 400))
    f = moments(Ensembles(x, y, 0.5 * H @ x, many, 0.5 * H @ many), localise=False)
    np.testing.assert_allclose(f.control_predicted, np.cov(x, y)[:P, P:], atol=0.03)
    np.testing.assert_allclose(f.predicted, np.cov(y), atol=0.03)
    assert np.allclose(f.gain, 2.0, atol=0.1)


def test_a_transform_goes_through_the_analysed_controls_and_stays_near_its_base():
    rng = np.random.default_rng(6)
    x, target = rng.standard_normal((P, FEW)), rng.standard_normal((P, FEW))
    base = np.eye(FEW)
    t = transform_through(x, target, base)
    np.testing.assert_allclose(x @ t, target, atol=1e-10)
    np.testing.assert_allclose(t.sum(axis=0), 1.0, atol=1e-10)
    # what is a linear function of the controls follows; what is unrelated to them hardly moves
    np.testing.assert_allclose(H @ x @ t, H @ target, atol=1e-10)
    np.testing.assert_allclose(transform_through(x, x, base), base, atol=1e-10)


def test_shapes_and_members_are_checked():
    x, y = np.zeros((P, FEW)), np.zeros((N, FEW))
    with pytest.raises(AnalysisError, match="cheap must have shape"):
        Ensembles(x, y, np.zeros((N, 3)), np.zeros((P, MANY)), np.zeros((N, MANY)))
    with pytest.raises(AnalysisError, match="no fewer cheap ones"):
        Ensembles(x, y, y, x[:, :5], y[:, :5])
    with pytest.raises(AnalysisError, match="predicted has values"):
        Ensembles(x, y + np.nan, y, np.zeros((P, MANY)), np.zeros((N, MANY)))


def test_the_emulator_learns_responses_that_depend_on_features_and_scores_itself_ahead():
    rng = np.random.default_rng(7)
    kind = np.array([0, 0, 1])
    emulator = ResponseEmulator(kinds=3, features=2, inputs=4, memory=50.0)
    b = rng.standard_normal((2, 2, 4))
    for window in range(40):
        if window == 10:
            assert (
                emulator.predict(kind, np.ones((3, 2)), np.ones((4, 5))) == 0
            ).all()  # too early to say anything
        f = np.stack([np.ones(3), rng.uniform(0.0, 10.0, 3)], axis=1)
        x = rng.standard_normal((4, 12))
        y = 5.0 + np.einsum("nk,nkl,lm->nm", f, b[kind], x) + 0.1 * rng.standard_normal((3, 12))
        emulator.learn(kind, f, x, y)
    skill = emulator.skill()
    assert skill[:2].min() > 0.9
    assert np.isnan(skill[2])
    f = np.array([[1.0, 4.0]])
    x = rng.standard_normal((4, 5))
    x -= x.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(
        emulator.predict(np.array([1]), f, x)[0], np.einsum("k,kl,lm->m", f[0], b[1], x), atol=0.3
    )
    assert (emulator.predict(np.array([2]), f, x) == 0).all()
    again = ResponseEmulator(kinds=3, features=2, inputs=4, memory=50.0)
    again.restore(emulator.state())
    np.testing.assert_array_equal(again.predict(kind[:1], f, x), emulator.predict(kind[:1], f, x))
