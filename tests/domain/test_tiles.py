"""Tiles with halos."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elterra.domain.named_grids import cordex
from elterra.domain.tiles import Tiling, tiling_for
from elterra.errors import InputError

tilings = st.builds(
    Tiling,
    shape=st.tuples(st.integers(1, 23), st.integers(1, 19)),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    halo=st.integers(0, 4),
)


@given(tilings)
@settings(max_examples=60, deadline=None)
def test_tiles_put_the_field_together_again(tiling):
    field = np.arange(2.0 * np.prod(tiling.shape)).reshape(2, *tiling.shape)
    out = np.full_like(field, np.nan)
    count = np.zeros(tiling.shape, int)
    for tile in tiling:
        block = tiling.read(field, tile)
        assert block.shape == (2, *tiling.block)
        tiling.write(out, tile, block)
        count[tile.rows, tile.columns] += 1
    np.testing.assert_array_equal(out, field)
    assert (count == 1).all()


@given(tilings)
@settings(max_examples=40, deadline=None)
def test_the_halo_holds_the_neighbours_and_the_fill_beyond_the_edge(tiling):
    field = np.arange(1.0, np.prod(tiling.shape) + 1).reshape(tiling.shape)
    h = tiling.halo
    around = np.pad(field, h + max(tiling.size), constant_values=-1.0)
    for tile in tiling:
        start = [s.start + max(tiling.size) for s in (tile.rows, tile.columns)]
        expected = around[start[0] : start[0] + tiling.block[0], start[1] : start[1] + tiling.block[1]]
        np.testing.assert_array_equal(tiling.read(field, tile, fill=-1.0), expected)


@given(tilings)
@settings(max_examples=30, deadline=None)
def test_a_stencil_no_wider_than_the_halo_is_the_same_in_tiles(tiling):
    field = np.random.default_rng(0).normal(size=tiling.shape)

    def smooth(block, h=tiling.halo):
        padded = np.pad(block, h, constant_values=0.0)
        n, m = block.shape
        return sum(padded[i : i + n, j : j + m] for i in range(2 * h + 1) for j in range(2 * h + 1))

    out = np.zeros_like(field)
    tiling.map(smooth, field, out, fill=0.0)
    np.testing.assert_allclose(out, smooth(field), rtol=0, atol=1e-12)


def test_neighbours_know_each_other():
    tiling = Tiling((10, 10), (4, 5), 1)
    assert tiling.counts == (3, 2)
    corner, middle = tiling.tile(0, 0), tiling.tile(1, 0)
    assert set(tiling.neighbours(corner)) == {(0, 1), (1, 0), (1, 1)}
    assert tiling.neighbours(middle)[1, 0].number == (2, 0)
    for offset, other in tiling.neighbours(middle).items():
        assert tiling.neighbours(other)[-offset[0], -offset[1]].number == middle.number


def test_tiles_of_a_grid_have_about_the_cells_asked_for():
    grid = cordex("EUR-44")
    tiling = tiling_for(grid, 1000, halo=4)
    assert all((t.rows.stop - t.rows.start) * (t.columns.stop - t.columns.start) <= 1100 for t in tiling)
    areas = [grid.window(t.rows, t.columns).area.sum() for t in tiling]
    assert sum(areas) == pytest.approx(grid.area.sum(), rel=1e-13)


def test_impossible_tiles_are_refused():
    with pytest.raises(InputError, match="sizes >= 1"):
        Tiling((5, 5), (0, 2))
    with pytest.raises(InputError, match="does not exist"):
        Tiling((5, 5), (2, 2)).tile(3, 0)
