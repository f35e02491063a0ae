"""Relaxation as transforms."""

import numpy as np
import pytest

from elterra.assimilation import (
    ETKF,
    AnalysisError,
    ObservationBatch,
    Relaxation,
    apply_transform,
    relax_to_prior_spread,
    relaxed,
)

rng = np.random.default_rng(3)
X = rng.standard_normal((4, 10)) * np.array([[1.0], [2.0], [0.5], [0.0]])
BATCH = ObservationBatch(np.array([0.7, -0.2]), np.array([0.5, 0.8]), np.zeros(2, dtype=np.int64))
T = ETKF().analyse(X[:2] + 0.1 * rng.standard_normal((2, 10)), BATCH).transform[0]


@pytest.mark.parametrize("kind", ["spread", "perturbations"])
def test_relaxed_transforms_keep_the_mean_and_have_columns_that_sum_to_one(kind):
    soft = relaxed(T, Relaxation(kind, 0.4), X)
    np.testing.assert_allclose(apply_transform(X, soft).mean(axis=1), (X @ T).mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(soft.sum(axis=-2), 1.0, atol=1e-12)


def test_relaxation_to_prior_spread_is_that_of_arrays():
    soft = relaxed(T, Relaxation("spread", 0.6), X)
    np.testing.assert_allclose(apply_transform(X, soft), relax_to_prior_spread(X, X @ T, 0.6), atol=1e-12)
    whole = apply_transform(X, relaxed(T, Relaxation("spread", 1.0), X))
    np.testing.assert_allclose(whole.std(axis=1), X.std(axis=1), atol=1e-12)


def test_full_relaxation_to_prior_perturbations_moves_the_mean_only():
    moved = X @ relaxed(T, Relaxation("perturbations", 1.0))
    np.testing.assert_allclose(
        moved - moved.mean(axis=1, keepdims=True), X - X.mean(axis=1, keepdims=True), atol=1e-12
    )
    half = X @ relaxed(T, Relaxation("perturbations", 0.5))
    np.testing.assert_allclose(half, 0.5 * (moved + X @ T), atol=1e-12)


def test_no_relaxation_is_the_same_array_and_nonsense_is_refused():
    assert relaxed(T, Relaxation()) is T
    with pytest.raises(AnalysisError, match="none, spread or perturbations"):
        Relaxation("some")
    with pytest.raises(AnalysisError, match=r"in \[0, 1\]"):
        Relaxation("spread", 1.5)
    with pytest.raises(AnalysisError, match="needs the values"):
        relaxed(T, Relaxation("spread", 0.5))
