"""Tiles of a domain that nobody can see afterwards."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from elterra.downscaling.nets import dpm_solver_2s, schedule, seam_ratio, tiled
from elterra.downscaling.nets.tiles import starts
from elterra.errors import InputError

KERNEL = jnp.asarray(np.outer([1, 2, 1], [1, 2, 1]) / 16.0)


def local(x, sigma, place=None):
    """A denoiser that sees 3 x 3 pixels and takes what lies outside for zero, as a convolution does."""
    smooth = jax.scipy.signal.convolve2d(x, KERNEL, mode="same")
    return (0.5 * x + 0.5 * smooth) / (1 + sigma**2)


def test_tiles_of_a_local_denoiser_are_the_whole():
    x = jax.random.normal(jax.random.key(0), (50, 70))
    for tile, overlap in ((24, 8), (32, 12), (64, 16)):
        denoise = tiled(local, (50, 70), tile, overlap)
        np.testing.assert_allclose(denoise(x, 0.5), local(x, 0.5), atol=1e-14)


def test_samples_from_tiles_have_no_seams_even_where_tiles_disagree():
    """Each tile is given a bias of its own, as a network would have."""

    def biased(x, sigma, place):
        return local(x, sigma) + 0.05 * np.sin(7.0 * place[0].start + 3.0 * place[1].start)

    shape, tile, overlap = (96, 96), 40, 12
    denoise = tiled(biased, shape, tile, overlap)
    noise = jax.random.normal(jax.random.key(1), (16, *shape))
    found = np.asarray(jax.vmap(lambda z: dpm_solver_2s(denoise, z, schedule()))(noise))
    inner = [s + k for s in starts(96, tile, overlap)[1:] for k in (1, 2, 3)]
    assert seam_ratio(found, inner, axis=-1) < 1.02
    assert seam_ratio(found, inner, axis=-2) < 1.02


def test_hard_edges_are_found_by_the_measure():
    field = np.random.default_rng(0).normal(size=(40, 40))
    field[:, 20:] += 5.0
    assert seam_ratio(field, [20]) > 2.0


@pytest.mark.parametrize(
    ("length", "tile", "overlap"), [(100, 32, 8), (33, 32, 8), (10, 32, 8), (64, 32, 31)]
)
def test_tiles_cover_the_domain_and_overlap_enough(length, tile, overlap):
    found = starts(length, tile, overlap)
    assert found[0] == 0
    assert found[-1] + tile >= length
    assert all(b - a <= tile - overlap for a, b in itertools.pairwise(found))


def test_tiles_that_cannot_fade_are_refused():
    with pytest.raises(InputError, match="at least 5"):
        tiled(local, (50, 50), 20, 4)
    with pytest.raises(InputError, match="cannot overlap"):
        starts(100, 20, 20)
