"""Simulation-based calibration of the land twin: its data, and a replicate through a known emulator."""

import numpy as np
import pytest

from elterra.bench import calibration_sbc_land as land
from elterra.calibration import reduce_outputs, train
from elterra.calibration.problem import Runs


def test_a_datum_is_the_mean_of_the_half_hours_it_stands_for():
    steps = land.DAYS * 48
    day = (np.arange(steps) % 48 > 12) & (np.arange(steps) % 48 < 36)
    series = np.stack([np.arange(steps, dtype=float), np.where(day, 1.0, -1.0)], axis=1)
    found = land._means(series, day)
    assert found.shape == (land.DAYS // land.DAYS_OF_DATUM, 2)
    np.testing.assert_allclose(found[:, 1], 1.0)
    first = np.arange(land.DAYS_OF_DATUM * 48)[day[: land.DAYS_OF_DATUM * 48]]
    assert found[0, 0] == pytest.approx(first.mean())


@pytest.mark.slow
def test_posteriors_of_replicates_hold_the_truths_of_a_linear_map(monkeypatch):
    monkeypatch.setattr(land, "NAMES", ("a", "b"))
    rng = np.random.default_rng(0)
    h = rng.standard_normal((6, 2))
    good = np.ones(40, dtype=bool)
    z, truth = rng.standard_normal((2, 40, 2))
    design = Runs(z, z @ h.T, good)
    emulator = train(
        design, restarts=1, rounds=30, reduction=reduce_outputs(design.white, least=-1.0, at_most=2)
    )
    found = [land.replicate(emulator, Runs(truth, truth @ h.T, good), k) for k in range(12)]
    inside = np.mean([one["hits"]["0.9"] for one in found])
    assert inside > 0.7
    exact = np.sqrt(np.diag(np.linalg.inv(np.eye(2) + h.T @ h)))
    np.testing.assert_allclose(np.mean([one["sd"] for one in found], axis=0), exact, rtol=0.25)
