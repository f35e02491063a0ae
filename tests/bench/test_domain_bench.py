"""The bench ``domain`` gives the figures it promises."""

import pytest

from elterra.bench import domain as bench
from elterra.bench.domain_defaults import assumption_figures, shared
from elterra.domain import regular


def test_areas_and_regridding_are_exact_to_round_off():
    assert all(v < 1e-14 for v in bench._areas().values())
    found = bench._exactness(regular(1.0, (40, 60, 0, 20)), regular(0.4, (44, 56, 4, 16)))
    assert found["constant_error"] < 1e-12
    assert found["conservation_error"] < 1e-12
    assert found["coverage_error"] < 1e-12
    assert set(bench._pairs()) >= {"regular_rotated", "laea_rotated"}


def test_the_shipped_assumptions_are_the_fits():
    if not (shared() / "data" / "gridded").exists():
        pytest.skip("shared reference data not here")
    found = assumption_figures()
    for key, value in found.items():
        if key.endswith("drift"):
            assert value < 0.01, key
    assert found["elevation.rmse_unseen"] < 0.5 * found["elevation.rmse_constant"]
    for name in ("rsds", "hurs"):
        if f"{name}.rmse_unseen" in found:
            assert found[f"{name}.rmse_unseen"] < 0.75 * found[f"{name}.rmse_constant"]
