"""Multi-fidelity ensemble Kalman filter: few members of the true model, thousands of a cheap one, tied by control variates.

Popov, Mou, Sandu and Iliescu (2021, https://doi.org/10.1137/20M1349965). The true members ``x_j, y_j`` (*principal*) are
followed by the cheap model at the same controls, ``c_j`` (*control variate*); thousands of other controls ``u_k`` with cheap
predictions ``c_k`` (*ancillary*) carry the statistics. With ``r = y - S c`` on the true members and an
diagonal ``S`` near the optimal ``cov(y, c) / var(c)`` the total variate ``r + S c_k`` has

    mean = mean_m(r) + S mean_M(c)          cov(y, y) = cov_m(r) + S cov_M(c) S
    cov(x, y) = cov_m(x, r) + S cov_M(u, c)

where ``m`` counts true and ``M`` cheap members. What the cheap model explains has the sampling error of thousands; the
rest, and only it, that of dozens. With a useless cheap model ``S`` is about zero: the filter is that of the true members.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elterra.assimilation.adaptive_localisation import correlation_taper
from elterra.assimilation.filter import AnalysisError, Array

#: how far the amplitude of a cheap model may be off before its members are looked at
AMPLITUDE_SD = 0.5


@dataclass(frozen=True)
class Ensembles:
    """True members: ``control [p, m]``, ``predicted [n, m]``, ``cheap [n, m]``;
    cheap ones: ``many [p, M]``, ``cheap_many [n, M]``.

    The cheap model's controls are those of the true one. Units are free; predictions have those of the observations.
    Raises `AnalysisError` for shapes that do not fit and values that are not finite.
    """

    control: Array
    predicted: Array
    cheap: Array
    many: Array
    cheap_many: Array

    def __post_init__(self) -> None:
        p, m = self.control.shape
        n, count = self.cheap_many.shape
        want = {"predicted": (n, m), "cheap": (n, m), "many": (p, count)}
        for name, shape in want.items():
            if getattr(self, name).shape != shape:
                raise AnalysisError(f"{name} must have shape {shape}; got {getattr(self, name).shape}")
        if m < 4 or count < m:
            raise AnalysisError(f"at least 4 true members and no fewer cheap ones; got {m} and {count}")
        for name in ("control", "predicted", "cheap", "many", "cheap_many"):
            if not np.isfinite(getattr(self, name)).all():
                raise AnalysisError(f"{name} has values that are not finite")


@dataclass(frozen=True)
class Moments:
    """Of the total variate: mean of the control ``[p]`` and of the predictions ``[n]``, ``control_predicted [p, n]``,
    ``predicted [n, n]``; ``residual [n, m]``: anomalies of what the cheap model does not explain; ``gain [n]``: S."""

    mean_control: Array
    mean_predicted: Array
    control_predicted: Array
    predicted: Array
    residual: Array
    gain: Array


@dataclass(frozen=True)
class MultifidelityAnalysis:
    """Analysed controls ``control [p, m]`` and ``many [p, M]``; `Moments` they were made of."""

    control: Array
    many: Array
    moments: Moments


def moments(e: Ensembles, localise: bool = True) -> Moments:
    """Moments of the total variate.

    localise: correlations between control and residual are chance for the most part: they are tapered (`correlation_taper`)
    and count as far as the cheap model leaves the spread of a prediction unexplained. What it explains needs no
    localisation.
    """
    x, y, c = (_anomalies(a) for a in (e.control, e.predicted, e.cheap))
    u, k = _anomalies(e.many), _anomalies(e.cheap_many)
    m, count = x.shape[1], u.shape[1]
    gain = _gain(y, c)
    r = y - gain[:, None] * c
    cross = x @ r.T / (m - 1)
    if localise:
        whole = (y**2).sum(axis=1)
        unknown = np.where(whole > 0, (r**2).sum(axis=1) / np.where(whole > 0, whole, 1.0), 0.0)
        cross = cross * correlation_taper(e.control, r) * np.minimum(unknown, 1.0)
    mean = e.predicted.mean(axis=1) + gain * (e.cheap_many.mean(axis=1) - e.cheap.mean(axis=1))
    return Moments(
        e.many.mean(axis=1),
        mean,
        cross + (u @ k.T) * gain / (count - 1),
        r @ r.T / (m - 1) + gain[:, None] * (k @ k.T) * gain / (count - 1),
        r,
        gain,
    )


def multifidelity_analysis(
    e: Ensembles,
    value: Array,
    sd: Array,
    rng: np.random.Generator,
    *,
    localise: bool = True,
) -> MultifidelityAnalysis:
    """Analyse the controls with observations ``value, sd [n]`` of independent errors.

    Means of both ensembles become the analysed mean of the total variate; anomalies follow by the square root
    ``x' - C_xy (A + A^(1/2))^-1 y'``, ``A = I + C_yy`` in units of the errors (Whitaker and Hamill 2002). Cheap members take
    the residual of a true member each, drawn by ``rng``, so that their spread knows what the cheap model does not.
    """
    f = moments(e, localise)
    values, vectors = np.linalg.eigh(np.eye(len(value)) + f.predicted / np.outer(sd, sd))
    cross = f.control_predicted / sd @ vectors
    mean = f.mean_control + cross / values @ (vectors.T @ ((value - f.mean_predicted) / sd))
    root = cross / (values + np.sqrt(values)) @ vectors.T / sd
    y, k = _anomalies(e.predicted), _anomalies(e.cheap_many)
    parent = rng.permutation(k.shape[1]) % y.shape[1]
    drawn = f.residual[:, parent]
    k = f.gain[:, None] * k + _anomalies(drawn)
    return MultifidelityAnalysis(
        mean[:, None] + _anomalies(e.control) - root @ y,
        mean[:, None] + _anomalies(e.many) - root @ k,
        f,
    )


def transform_through(control: Array, analysed: Array, base: Array) -> Array:
    """The transform nearest to ``base [m, m]`` that takes ``control [p, m]`` to ``analysed [p, m]``.

    ``T = base + X'^+ (analysed - control base)``: columns still sum to one. It is exact while the anomalies of the controls
    have full rank ``p < m``, else the nearest in least squares. Any linear function of the controls follows exactly.
    """
    return np.asarray(base + np.linalg.pinv(_anomalies(control), rcond=1e-8) @ (analysed - control @ base))


def _gain(y: Array, c: Array) -> Array:
    """S ``[n]``: regression of the true predictions on the cheap ones, drawn to one as far as few members leave it in doubt.

    The estimate has the variance ``v = var(r) / (m var(c))``; against the expectation that a cheap model has the right
    amplitude, give or take `AMPLITUDE_SD`, it counts ``1/v``. A cheap model without any spread has a gain of zero.
    """
    spread = (c**2).sum(axis=1)
    safe = np.where(spread > 0, spread, 1.0)
    raw = (y * c).sum(axis=1) / safe
    rest = ((y - raw[:, None] * c) ** 2).sum(axis=1) / max(y.shape[1] - 2, 1)
    doubt = rest / safe
    drawn = (raw * AMPLITUDE_SD**2 + doubt) / (AMPLITUDE_SD**2 + doubt)
    # The sign of a cheap model's answer is not in doubt; a negative gain is a chance of few members.
    return np.where(spread > 0, np.maximum(drawn, 0.0), 0.0)


def _anomalies(x: Array) -> Array:
    return np.asarray(x - x.mean(axis=-1, keepdims=True))
