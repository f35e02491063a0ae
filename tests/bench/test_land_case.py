"""The bench of the land model on reference cases with many cells."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from elterra.bench import land_case
from elterra.errors import ElterraError, InputError
from elterra.land import Fields


def test_blocks_are_even_in_number_and_nearly_full():
    for columns in (80, 129, 1000, 2000, 2080):
        block = land_case._block(columns)
        blocks = -(-columns // block)
        assert block <= land_case.BLOCK
        assert blocks == 1 or blocks % 2 == 0
        assert blocks * block - columns < blocks
    assert land_case._block(80) == 80


def test_forcing_is_cut_by_columns_and_what_all_share_is_whole():
    steps, columns, block = 48, 48, 12  # as many columns as steps: the axes must not be taken for each other
    whole = Fields(
        forc_t=np.arange(steps * columns, dtype=float).reshape(steps, columns),
        ndep=np.ones((steps, 1)),
        dayofyear=np.arange(steps),
    )
    run = object.__new__(land_case._Run)
    run.case = SimpleNamespace(steps_per_day=steps, forcing=lambda first, count: whole)
    run.block, run.p, run.forcing_seconds, run.forcing_days = block, [None] * 4, 0.0, 0
    parts = run.forcing(0)
    assert len(parts) == 4
    np.testing.assert_array_equal(np.concatenate([p.forc_t for p in parts], axis=-1), whole.forc_t)
    for part in parts:
        assert part.dayofyear.shape == (steps,)
        assert part.ndep.shape == (steps, 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not bind threads to cores")
def test_threads_get_their_cores_back():
    before = os.sched_getaffinity(0)
    with land_case._OnCores(sorted(before)[:1]):
        assert os.sched_getaffinity(0) == set(sorted(before)[:1])
    assert os.sched_getaffinity(0) == before


def test_only_whole_days_are_measured(monkeypatch):
    case = SimpleNamespace(steps_per_day=48)
    monkeypatch.setattr(land_case, "_open", lambda name, cells, folder: (case, None))
    for steps in (0, 24, 50):
        with pytest.raises(InputError, match="whole days of 48"):
            land_case.measure_case("sp40", steps=steps)


def test_a_case_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="no such reference case"):
        land_case.measure_case("sp41", folder=tmp_path)


def test_steps_without_a_case_are_refused():
    from elterra.cli.bench import bench

    with pytest.raises(InputError, match="--steps"):
        bench("land", steps=48)


@pytest.mark.slow
def test_a_day_of_the_sp_grid_has_all_figures():
    from elterra.bench.clm5 import reference_folder

    try:
        root: Path = reference_folder()
    except ElterraError as error:
        pytest.skip(str(error))
    found = land_case.measure_case("sp40", steps=48, cells=1, folder=root)
    assert found["cells"] == 40
    assert found["core_seconds_per_cell_year"] > 0.0
    assert found["gradient_over_forward"] > 1.0
    assert found["worst.errh2o"] < 1e-5
