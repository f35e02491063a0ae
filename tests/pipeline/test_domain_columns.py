"""Cells of a domain as columns of the land model."""

import numpy as np
import pytest

from elterra.domain import Builder, load_default_europe, regular
from elterra.errors import InputError
from elterra.experiment import Region
from elterra.land import prepare
from elterra.pipeline.domain_columns import domain_columns


@pytest.fixture(scope="module")
def europe():
    return load_default_europe(regular(2.0, (44.0, 56.0, 4.0, 20.0)))


def test_every_modelled_cell_is_a_column_with_its_largest_types(europe):
    columns = domain_columns(europe, patches=3)
    assert columns.cell.size == int(europe.land_mask.values.sum())
    np.testing.assert_allclose(columns.surface.wt.sum(axis=0), 1.0, rtol=1e-12)
    assert (np.diff(columns.surface.wt, axis=0) <= 1e-12).all()
    share = europe.pft_fraction.values.reshape(15, -1)[:, columns.cell]
    np.testing.assert_array_equal(columns.surface.pft[0], share.argmax(axis=0))
    np.testing.assert_allclose(columns.kept, np.sort(share, axis=0)[-3:].sum(axis=0), rtol=1e-12)
    whole = domain_columns(europe, patches=15)
    np.testing.assert_allclose(whole.kept, 1.0, rtol=1e-12)


def test_maps_come_back_from_columns(europe):
    columns = domain_columns(europe)
    back = columns.on_grid(columns.surface.elevation)
    mask = europe.land_mask.values > 0.5
    np.testing.assert_array_equal(back[mask], europe.elevation.values[mask])
    assert np.isnan(back[~mask]).all()
    two = columns.on_grid(np.stack([columns.surface.lat, columns.surface.lon]))
    np.testing.assert_allclose(two[0][mask], np.broadcast_to(europe.lat.values[:, None], mask.shape)[mask])


def test_the_land_model_takes_them(europe):
    columns = domain_columns(europe, patches=2, cells=domain_columns(europe).cell[:5])
    p = prepare(columns.surface)
    assert p.wt.shape == (2, 5)
    assert np.isfinite(np.asarray(p.watsat)).all()
    # the first ground layer lies in the first soil layer of the domain
    np.testing.assert_allclose(columns.surface.organic[0], europe.organic.values[0].ravel()[columns.cell])


def test_rotated_grids_give_their_own_positions():
    region = Region.from_plain(
        {"name": "t", "domain": {"grid": {"kind": "cordex", "name": "EUR-44", "box": [46, 49, 6, 12]}}}
    )
    builder = Builder(region)
    columns = domain_columns(builder.dataset())
    np.testing.assert_allclose(columns.surface.lat, builder.grid.lat.ravel()[columns.cell])
    np.testing.assert_allclose(columns.surface.lon, builder.grid.lon.ravel()[columns.cell])


def test_cells_that_are_not_modelled_are_refused(europe):
    sea = np.flatnonzero(europe.land_mask.values.ravel() < 0.5)
    if sea.size:
        with pytest.raises(InputError, match="not modelled"):
            domain_columns(europe, cells=sea[:1])
    with pytest.raises(InputError, match="not in the domain"):
        domain_columns(europe, cells=np.array([10_000_000]))
    with pytest.raises(InputError, match="1 to 15"):
        domain_columns(europe, patches=0)
