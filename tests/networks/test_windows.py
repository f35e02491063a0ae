"""Windows: cutting and joining, and who may see whom."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elterra.networks.windows import cut, join, may_attend, region_ids, windows_of

BOX = st.tuples(*[st.integers(1, 9)] * 3)


@settings(max_examples=12, deadline=None)
@given(shape=BOX, window=st.tuples(*[st.integers(1, 5)] * 3), shifted=st.booleans())
def test_joining_undoes_cutting_and_regions_are_boxes_without_wrap(shape, window, shifted):
    win = windows_of(shape, window, shifted=shifted)
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    pieces = cut(jnp.asarray(x + 1.0), win)
    assert pieces.shape == (win.number, win.tokens)
    np.testing.assert_array_equal(join(pieces, win), x + 1.0)
    ids = region_ids(win)
    assert ((np.asarray(pieces) == 0.0) == (ids == -1)).all(), "padding and only padding has its own id"
    allowed = np.asarray(may_attend(win, jnp.ones(shape, bool)))
    place = [np.asarray(cut(jnp.asarray(g), win)) for g in np.indices(shape)]
    for axis, size in enumerate(win.size):
        apart = np.abs(place[axis][:, :, None] - place[axis][:, None, :])
        assert apart[allowed & (ids != -1)[:, :, None]].max(initial=0) < size, (
            "nobody sees across a rolled seam"
        )
    inside = ids != -1
    assert allowed[inside[:, :, None] & np.eye(win.tokens, dtype=bool)].all(), "every token sees itself"


def test_neighbours_of_a_shifted_window_see_each_other():
    win = windows_of((1, 8, 8), (1, 4, 4), shifted=True)
    allowed = np.asarray(may_attend(win, jnp.ones((1, 8, 8), bool)))
    h, w = (np.asarray(cut(jnp.asarray(g), win)) for g in np.indices((1, 8, 8))[1:])
    a, b = (h == 3) & (w == 3), (h == 4) & (w == 4)  # on both sides of an unshifted border
    assert allowed[a[:, :, None] & b[:, None, :]].all()


def test_an_axis_that_fits_into_a_window_is_not_shifted():
    win = windows_of((5, 8, 3), (9, 4, 4), shifted=True)
    assert win.size == (5, 4, 3)
    assert win.shift == (0, 2, 0)


def test_invalid_tokens_are_nobodys_key():
    valid = np.ones((2, 4, 4), bool)
    valid[1, 2] = False
    win = windows_of((2, 4, 4), (2, 4, 4), shifted=False)
    allowed = np.asarray(may_attend(win, jnp.asarray(valid)))[0]
    np.testing.assert_array_equal(allowed, np.broadcast_to(valid.ravel(), allowed.shape))


def test_an_empty_box_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        windows_of((0, 4, 4), (2, 2, 2), shifted=False)
