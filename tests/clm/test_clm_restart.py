"""Restart files become states: columns, patches, snow, and pools of an accelerated spin-up."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from clm_files import restart, surface

from elterra.clm.restart import clm_cold_start, latitude_term, read_restart_state
from elterra.clm.surface import read_surface
from elterra.errors import InputError
from elterra.land import Config, Fields, cold_start, prepare
from elterra.land.constants import DENH2O

CFG = Config(nlevsno=12)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clm")
    data = read_surface(surface(folder / "s.nc"), 10.0)
    p = prepare(data.surface)
    start = clm_cold_start(p, CFG)
    state, report = read_restart_state(restart(folder / "r.nc"), data, start, CFG)
    return data, p, start, state, report


def test_patches_are_found_by_type_and_columns_by_land_unit(read):
    _, _, start, s, _ = read
    np.testing.assert_allclose(
        s.t_veg, [[281.0, 283.0, 284.0], [282.0, np.asarray(start.t_veg)[1, 1], 285.0]]
    )
    np.testing.assert_allclose(s.leafc[:, 0], [10.0, 20.0])
    np.testing.assert_allclose(s.prec10, 2.0e-5)
    np.testing.assert_allclose(s.memory_steps, 17520.0)  # the file does not say when its means began


def test_memories_of_fire_are_read_where_there_is_fire(read, tmp_path):
    data, p, start, s, _ = read
    assert "rh30" not in s
    burning = Config(nlevsno=12, fire="li")
    full = Fields({**start, **{n: x for n, x in cold_start(p, burning).items() if n not in start}})
    got, report = read_restart_state(restart(tmp_path / "r.nc"), data, full, burning)
    np.testing.assert_allclose(got.prec60, 3.0e-5)
    np.testing.assert_allclose(got.rh30, 71.0)
    assert got.burndate[0, 1] == 4.0  # the crop has burned
    assert got.burndate[0, 0] == 10000.0
    assert not {"prec60", "rh30", "burndate"} & set(report.missing)


def test_snow_that_does_not_exist_holds_nothing(read):
    _, _, _, s, _ = read
    np.testing.assert_array_equal(s.snl, [1, 0, 0])
    assert (np.asarray(s.h2osoi_ice)[:11] == 0.0).all()
    assert np.asarray(s.h2osoi_ice)[11, 0] == 3.0
    assert np.isfinite(np.asarray(s.h2osoi_liq)).all()
    np.testing.assert_allclose(s.h2osno_no_layers, [0.0, 0.5, 0.0])
    np.testing.assert_allclose(s.t_soisno[:11, 0], s.t_soisno[11, 0])
    np.testing.assert_allclose(s.t_soisno[:12, 1], s.t_soisno[12, 1])


def test_an_accelerated_restart_is_brought_to_normal_units(read):
    data, _, _, s, report = read
    term = latitude_term(data.surface.lat)
    np.testing.assert_allclose(term[0], 1.0 + 50.0 / (1.0 + np.exp(1.5)))
    pools = np.asarray(s.decomp_cpools)[:, 0]
    np.testing.assert_allclose(pools[0], 1.0)
    np.testing.assert_allclose(pools[3], 4.0 * 10.0 / 6.0 * term)
    np.testing.assert_allclose(pools[5], 6.0 * 5.0 * term)
    np.testing.assert_allclose(s.deadstemc[:, 0], [10.0, 20.0])
    assert "spinup_state" in report.used


def test_states_that_the_file_does_not_have_are_listed(read):
    *_, report = read
    assert "frootc" in report.missing
    assert "leafc" not in report.missing


def test_a_restart_of_another_grid_is_refused(read, tmp_path):
    _, _, start, _, _ = read
    nat = np.zeros((15, 1, 2))
    nat[7] = 100.0
    data = read_surface(surface(tmp_path / "s.nc", PCT_NAT_PFT=nat), 10.0)
    with pytest.raises(InputError, match="patches of type 7"):
        read_restart_state(restart(tmp_path / "r.nc"), data, start, CFG)


def test_the_cold_start_is_clms(read):
    _, p, start, _, _ = read
    active = np.arange(25)[:, None] < np.asarray(p.nbedrock)
    volume = np.asarray(start.h2osoi_liq)[12:] / (np.asarray(p.dzsoi) * DENH2O)
    np.testing.assert_allclose(volume, np.where(active, 0.15, 0.0))
    assert float(jax.numpy.sum(start.h2osoi_ice)) == 0.0
    np.testing.assert_array_equal(np.asarray(start.t_soisno)[12:], 274.0)
