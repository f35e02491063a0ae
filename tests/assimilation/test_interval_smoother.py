"""Fixed-interval smoothers against a Rauch-Tung-Striebel smoother written here."""

import numpy as np
import pytest
from linear_problem import exact_ensemble

from elterra.assimilation import (
    ETKF,
    AnalysisError,
    FixedLagSmoother,
    ObservationBatch,
    interval_transforms,
    rts_smoother,
)

STEPS, A = 30, 0.95


def _run(data):
    """A scalar autoregression whose first state and noise are one exact ensemble: no sampling error anywhere."""
    draws = exact_ensemble(np.zeros(STEPS + 1), np.eye(STEPS + 1), STEPS + 10)
    x, forecasts, analyses, transforms = draws[:1], [], [], []
    for k in range(STEPS):
        forecasts.append(A * x + draws[k + 1 : k + 2])
        t = ETKF().analyse(
            forecasts[-1], ObservationBatch(data[k : k + 1], np.ones(1), np.zeros(1, dtype=int))
        )
        transforms.append(t.transform[0])
        x = t.apply(forecasts[-1])
        analyses.append(x)
    return forecasts, analyses, transforms


def _exact(data):
    """Kalman filter and Rauch-Tung-Striebel smoother: means and variances of every time."""
    m, p, filtered, predicted = 0.0, 1.0, [], []
    for y in data:
        m, p = A * m, A**2 * p + 1.0
        predicted.append((m, p))
        m, p = m + p / (p + 1) * (y - m), p / (p + 1)
        filtered.append((m, p))
    smoothed = [filtered[-1]]
    for (m, p), (mf, pf) in zip(filtered[-2::-1], predicted[:0:-1], strict=True):
        gain = p * A / pf
        ms, ps = smoothed[-1]
        smoothed.append((m + gain * (ms - mf), p + gain**2 * (ps - pf)))
    return np.array(smoothed[::-1])


@pytest.mark.parametrize("how", ["transforms", "backwards"])
def test_every_time_has_the_exact_mean_and_variance(how):
    data = np.random.default_rng(0).normal(size=STEPS) * 2
    forecasts, analyses, transforms = _run(data)
    if how == "transforms":
        smoothed = [f @ t for f, t in zip(forecasts, interval_transforms(transforms), strict=True)]
    else:
        smoothed = rts_smoother(forecasts, analyses)
    found = np.array([(s.mean(), s.var(ddof=1)) for s in smoothed])
    np.testing.assert_allclose(found, _exact(data), atol=1e-8)


def test_the_middle_of_a_long_interval_has_the_steady_variance():
    forecasts, _, transforms = _run(np.zeros(STEPS))
    middle = forecasts[15] @ interval_transforms(transforms)[15]
    assert middle.var(ddof=1) == pytest.approx(0.4557473191, abs=1e-6)


@pytest.mark.parametrize("damping", [1.0, 0.7])
def test_the_interval_is_the_fixed_lag_smoother_with_an_endless_lag(damping):
    _, _, transforms = _run(np.ones(STEPS))
    smoother = FixedLagSmoother(STEPS, STEPS + 10, damping)
    for k, t in enumerate(transforms):
        smoother.push(k, t)
    for (_, total), other in zip(smoother.flush(), interval_transforms(transforms, damping), strict=True):
        np.testing.assert_allclose(other, total, atol=1e-12)


def test_nothing_gives_nothing_and_what_does_not_fit_is_told():
    assert interval_transforms([]) == []
    assert rts_smoother([], []) == []
    with pytest.raises(AnalysisError, match="damping"):
        interval_transforms([np.eye(2)], 0.0)
    with pytest.raises(AnalysisError, match="2 forecasts"):
        rts_smoother([np.eye(2)] * 2, [np.eye(2)])
