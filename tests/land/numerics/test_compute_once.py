import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elterra.land.numerics.compute_once import compute_once, unknown_one

ONE = jnp.asarray(1.0)
X = jnp.asarray(np.random.default_rng(1).random((6, 5)))


def model(x, wet):
    """All that the pass treats: shared values, sums over layers, a loop, a branch, masks, integers."""
    shared = (x * 2.0 + 1.0) * (x - 0.3) + x * x
    masked = jnp.where(shared > 0.5, shared, 0.0)
    total = (masked * x).sum(axis=0)

    def down(above, layer):
        kept = layer * above + above + layer
        return kept * 0.5, kept * kept + kept

    last, rows = lax.scan(down, total, masked)
    mixed = lax.cond(wet, lambda y: (y + 1.0) * y + y.sum(axis=0), lambda y: y, rows)
    return {
        "mixed": jnp.concatenate([mixed, shared[:1]]),
        "last": last,
        "deepest": jnp.max(jnp.where(masked > 0.0, jnp.arange(6)[:, None], -1), axis=0),
        "some": jnp.any(masked > 1.0, axis=0),
    }


def passed(x, wet, number=ONE):
    return compute_once(model, unknown_one(number))(x, wet)


@pytest.mark.parametrize("wet", [True, False])
def test_values_are_those_of_the_function(wet):
    found, expected = jax.jit(passed)(X, wet), jax.jit(model)(X, wet)
    assert {n: x.dtype for n, x in found.items()} == {n: x.dtype for n, x in expected.items()}
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-14, err_msg=name)


def test_gradients_are_those_of_the_function():
    def loss(f):
        return jax.jit(jax.grad(lambda x: f(x, True)["mixed"].sum()))

    np.testing.assert_allclose(loss(passed)(X), loss(model)(X), rtol=1e-12)


def test_forward_derivatives_are_those_of_the_function():
    def along(f):
        return jax.jvp(lambda x: f(x, True)["last"], (X,), (jnp.ones_like(X),))[1]

    np.testing.assert_allclose(along(passed), along(model), rtol=1e-13)


def test_a_column_that_is_not_a_number_leaves_the_others_alone():
    found = jax.jit(passed)(X.at[2, 3].set(jnp.nan), True)["mixed"]
    assert np.isnan(found).any(axis=0).tolist() == [False, False, False, True, False]


def test_a_shared_value_is_kept_by_a_division_and_an_unused_one_is_dropped():
    def two_uses(x):
        shared = (x + 1.0) * x + x * 3.0
        unused = jnp.exp(x)  # no result depends on it
        del unused
        return shared + jnp.sin(x), shared * jnp.cos(x)

    names = [e.primitive.name for e in jax.make_jaxpr(lambda x, n: compute_once(two_uses, n)(x))(X, ONE).eqns]
    assert names.count("div") == 1
    assert "exp" not in names


def test_sums_over_layers_are_written_out_and_sums_over_columns_are_not():
    names = [
        e.primitive.name
        for e in jax.make_jaxpr(lambda x, n: compute_once(lambda y: (y.sum(axis=0), y.sum(axis=1)), n)(x))(
            X, ONE
        ).eqns
    ]
    assert names.count("reduce_sum") == 1


def test_the_one_is_one_whatever_the_number():
    assert unknown_one(jnp.asarray(-5.0)) == 1.0
    assert unknown_one(jnp.asarray(365)) == 1.0
    assert unknown_one(jnp.asarray(jnp.nan)) == 1.0
