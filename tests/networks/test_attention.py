"""Attention, blocks and resampling: masks, bias, gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elterra.networks._layers import AdaptiveNorm, LayerNorm, Linear, drop_path, normalise
from elterra.networks.attention import PositionBias, WindowAttention
from elterra.networks.block import SwinBlock
from elterra.networks.resample import (
    Convolution,
    Merge,
    Split,
    SubPixel,
    gather_patches,
    pad_to,
    spread_patches,
)
from elterra.networks.windows import windows_of

KEY = jax.random.key(0)
attend = eqx.filter_jit(lambda layer, x, valid, win: layer(x, valid, win))
RNG = np.random.default_rng(0)


def draw(*shape):
    return jnp.asarray(RNG.standard_normal(shape), jnp.float32)


def attention(window=(3, 4, 4)):
    return WindowAttention(12, 3, window, KEY)


def test_attention_is_a_plain_softmax_of_cosines():
    """One window, against the definition written out."""
    layer, x = attention((2, 2, 2)), draw(2, 2, 2, 12)
    win = windows_of((2, 2, 2), (2, 2, 2), shifted=False)
    flat = np.asarray(x, np.float64).reshape(8, 12)
    q, k, v = np.split(flat @ np.asarray(layer.project.weight, np.float64), 3, axis=1)
    bias = np.asarray(layer.position((2, 2, 2)), np.float64)
    out = np.zeros((8, 12))
    for head in range(3):
        part = slice(4 * head, 4 * head + 4)
        unit = [a[:, part] / np.linalg.norm(a[:, part], axis=1, keepdims=True) for a in (q, k)]
        score = np.exp(10.0 * unit[0] @ unit[1].T + bias[head])
        out[:, part] = score / score.sum(1, keepdims=True) @ v[:, part]
    expected = out @ np.asarray(layer.out.weight, np.float64)
    found = attend(layer, x, jnp.ones((2, 2, 2), bool), win).reshape(8, 12)
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("shifted", [False, True])
def test_what_invalid_tokens_hold_reaches_nobody(shifted):
    layer, x = attention((2, 4, 4)), draw(4, 8, 6, 12)
    valid = jnp.asarray(RNG.random((4, 8, 6)) > 0.4)
    win = windows_of((4, 8, 6), (2, 4, 4), shifted=shifted)
    other = jnp.where(valid[..., None], x, 1e3 * draw(4, 8, 6, 12))
    a, b = attend(layer, x, valid, win), attend(layer, other, valid, win)
    np.testing.assert_array_equal(a[np.asarray(valid)], b[np.asarray(valid)])


def test_the_two_ends_of_a_rolled_axis_do_not_meet():
    """A change on the western edge reaches no further than its window."""
    layer, x = attention((1, 1, 4)), draw(1, 1, 12, 12)
    win = windows_of((1, 1, 12), (1, 1, 4), shifted=True)
    valid = jnp.ones((1, 1, 12), bool)
    change = (
        np.abs(attend(layer, x.at[0, 0, 0].add(1.0), valid, win) - attend(layer, x, valid, win))[0, 0].max(1)
        > 0
    )
    assert change.tolist() == [True] * 2 + [False] * 10


def test_windows_without_any_key_give_numbers_and_finite_gradients():
    layer, x = attention((2, 2, 2)), jnp.zeros((2, 4, 4, 12), jnp.float32)
    valid = jnp.zeros((2, 4, 4), bool).at[0, 0, 0].set(True)
    win = windows_of((2, 4, 4), (2, 2, 2), shifted=True)

    def total(layer, x):
        return jnp.sum(layer(x, valid, win) ** 2)

    value, grads = eqx.filter_jit(eqx.filter_value_and_grad(lambda both: total(*both)))((layer, x))
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads))


def test_a_smaller_window_keeps_the_bias_of_the_same_offsets():
    layer = PositionBias(3, (4, 6, 6), KEY)
    bias = eqx.filter_jit(lambda size: layer(size))
    large = bias((4, 6, 6)).reshape(3, 4, 6, 6, 4, 6, 6)
    small = bias((2, 3, 5)).reshape(3, 2, 3, 5, 2, 3, 5)
    np.testing.assert_allclose(small, large[:, :2, :3, :5, :2, :3, :5], rtol=1e-5)
    np.testing.assert_allclose(large[:, 1, 2, 3, 2, 4, 5], large[:, 0, 0, 0, 1, 2, 2], rtol=1e-5)
    assert float(jnp.abs(large[:, 0, 0, 0, 1, 0, 0] - large[:, 1, 0, 0, 0, 0, 0]).max()) > 0, "up is not down"
    assert bias((8, 8, 8)).shape == (3, 512, 512), "and it goes on beyond the window it was made for"


def test_the_scale_of_the_cosines_is_bounded():
    layer = attention((1, 2, 2))
    steep = eqx.tree_at(lambda m: m.scale, layer, jnp.full(3, 50.0, jnp.float32))
    bound = eqx.tree_at(lambda m: m.scale, layer, jnp.full(3, np.log(100.0), jnp.float32))
    x, win = draw(1, 2, 2, 12), windows_of((1, 2, 2), (1, 2, 2), shifted=False)
    valid = jnp.ones((1, 2, 2), bool)
    np.testing.assert_array_equal(attend(steep, x, valid, win), attend(bound, x, valid, win))


def test_a_block_starts_as_the_identity_and_is_float32():
    block = SwinBlock(12, 3, (2, 4, 4), 5, KEY, shifted=True)
    x, valid = draw(3, 8, 8, 12), jnp.ones((3, 8, 8), bool).at[0, 0].set(False)
    out = eqx.filter_jit(block)(x, valid, draw(5))
    assert out.dtype == jnp.float32
    np.testing.assert_array_equal(out, jnp.where(valid[..., None], x, 0.0))


def test_normalisation_and_its_condition():
    x = 5.0 + 3.0 * draw(4, 16)
    np.testing.assert_allclose(normalise(x).mean(-1), 0.0, atol=1e-6)
    np.testing.assert_allclose(normalise(x).std(-1), 1.0, atol=1e-4)
    np.testing.assert_array_equal(normalise(jnp.full((1, 16), 7.0)), 0.0)
    np.testing.assert_array_equal(AdaptiveNorm(16, 3)(x, draw(3)), 0.0)
    np.testing.assert_allclose(LayerNorm(16)(x), normalise(x))
    assert Linear(3, 4, KEY)(draw(2, 3)).shape == (2, 4)


def test_a_dropped_path_keeps_its_mean():
    x = jnp.ones(1)
    kept = np.array([drop_path(x, 0.3, jax.random.key(i))[0] for i in range(400)])
    np.testing.assert_allclose(np.unique(kept), [0.0, 1.0 / 0.7], rtol=1e-6)
    assert abs(kept.mean() - 1.0) < 0.1
    assert drop_path(x, 0.3, None) is x


def test_patches_come_back_and_padding_is_zero():
    x = draw(4, 6, 8, 3)
    np.testing.assert_array_equal(spread_patches(gather_patches(x, (2, 3, 4)), (2, 3, 4)), x)
    padded = pad_to(draw(3, 5, 4, 2), (2, 4, 4))
    assert padded.shape == (4, 8, 4, 2)
    assert float(jnp.abs(padded[3]).max()) == 0.0


def test_recovery_starts_without_checkerboards():
    """All cells of a patch are equal at the start, after splitting too."""
    x = draw(2, 3, 4, 8)
    fine = SubPixel(8, 5, (2, 2, 2), KEY)(x)
    assert fine.shape == (4, 6, 8, 5)
    np.testing.assert_array_equal(
        fine, jnp.repeat(jnp.repeat(jnp.repeat(fine[::2, ::2, ::2], 2, 0), 2, 1), 2, 2)
    )
    split = Split(8, KEY)(x)
    assert split.shape == (2, 6, 8, 4)
    np.testing.assert_array_equal(split[:, ::2, ::2], split[:, 1::2, 1::2])
    assert Merge(4, KEY)(split).shape == (2, 3, 4, 8)


def test_the_convolution_sums_over_neighbours_with_zeros_outside():
    layer, x = Convolution(3, 4, KEY), draw(3, 4, 5, 3)
    layer = eqx.tree_at(lambda m: m.bias, layer, draw(4))
    wide, w = np.pad(np.asarray(x), ((1, 1), (1, 1), (1, 1), (0, 0))), np.asarray(layer.weight)
    expected = sum(wide[i : i + 3, j : j + 4, k : k + 5] @ w[i, j, k] for i, j, k in np.ndindex(3, 3, 3))
    np.testing.assert_allclose(layer(x), expected + layer.bias, atol=2e-5)
