"""The UNet: shapes, identity at the start, and that it learns what trees cannot see."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from jax import numpy as jnp

pytest.importorskip("equinox", reason="networks need Equinox")

import equinox as eqx

from elterra.downscaling import LEVELS, evaluate
from elterra.downscaling.nets.unet import UNet as Network
from elterra.downscaling.nets.unet import window
from elterra.downscaling.rivals import Diffusion, UNet
from elterra.downscaling.rivals.unet import _ascending

from ..test_methods import LAWS, made_up


@pytest.mark.parametrize("shape", [(16, 16), (17, 22)])
@pytest.mark.parametrize("noisy", [False, True])
def test_any_side_fits_and_the_output_begins_at_nil(shape, noisy):
    network = Network(3, 2, width=8, noisy=noisy, key=jax.random.key(0))
    out = eqx.filter_jit(network)(jnp.ones((3, *shape)), 0.3 if noisy else None)
    assert out.shape == (2, *shape)
    assert out.dtype == jnp.float32
    np.testing.assert_array_equal(out, 0.0)


@pytest.mark.slow
def test_a_window_gives_what_the_whole_field_gives():
    network = Network(2, 1, width=4, noisy=True, key=jax.random.key(1))
    keys = iter(jax.random.split(jax.random.key(2), 100))
    network = jax.tree.map(
        lambda a: a + 0.1 * jax.random.normal(next(keys), a.shape, a.dtype) if eqx.is_inexact_array(a) else a,
        network,
    )
    x = jax.random.normal(jax.random.key(3), (2, 112, 120), jnp.float32)
    wanted = np.zeros((112, 120), dtype=bool)
    wanted[50:63, 51:70] = True
    rows, columns = window(wanted)
    assert (rows.stop - rows.start) < 100
    run = eqx.filter_jit(network)
    whole = np.asarray(run(x, 0.2))[0]
    part = np.full(whole.shape, np.nan)
    part[rows, columns] = np.asarray(run(x[:, rows, columns], 0.2))[0]
    assert whole.std() > 0.01
    np.testing.assert_allclose(part[wanted], whole[wanted], atol=1e-4 * whole.std())


def test_quantiles_begin_as_those_of_a_normal_distribution_and_never_cross():
    from scipy.special import ndtri

    start = _ascending(jnp.zeros((1, 10, 1, 1)))
    np.testing.assert_allclose(start[0, :, 0, 0], ndtri(np.array(LEVELS)), atol=1e-5)
    wild = _ascending(5 * jax.random.normal(jax.random.key(0), (4, 10, 3, 3)))
    assert (np.diff(wild, axis=1) >= 0).all()


@pytest.mark.slow
def test_it_beats_bilinear_on_made_up_land():
    from elterra.downscaling import METHODS

    scene = made_up(LAWS["signed"])
    net = evaluate(UNet(steps=150, width=12, patch=32), [scene], block=5, folds=2)
    assert net.scores["aggregate_error"] < 1e-12
    assert 0.8 < net.scores["coverage90"] < 0.97
    assert net.scores["crps"] < 0.8 * evaluate(METHODS["bilinear"], [scene], block=5, folds=2).scores["crps"]


@pytest.mark.slow
def test_members_of_the_diffusion_obey_the_coarse_field_each_and_have_the_texture_of_the_truth():
    scene = made_up(LAWS["positive"])
    method = Diffusion(unet=UNet(steps=150, width=12, patch=32), steps=300, width=12, patch=32, members=6)
    card = evaluate(method, [scene], block=5, folds=2)
    assert card.scores["aggregate_error"] < 1e-12
    assert 0.7 < card.scores["coverage90"] < 0.99
    mean = evaluate(UNet(steps=150, width=12, patch=32), [scene], block=5, folds=2)
    assert card.scores["log_spectral_distance"] < mean.scores["log_spectral_distance"]
