"""The whole network: masks, sizes, tiles, gradients, heads."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elterra.networks import (
    Fields3D,
    GaussianHead,
    QuantileHead,
    SwinShape,
    SwinUNet,
    alignment,
    crop,
    exact_halo,
    in_tiles,
    reach,
    with_window,
)

#: two levels, for what depends on them, and one level, quicker to compile
DEEP = SwinShape(
    3, 4, 2, 2, 5, channels=8, heads=2, depths=(2, 2), window=(8, 2, 2), patch=(1, 2, 2), condition=6, cell=6
)
SHAPE = dataclasses.replace(DEEP, depths=(2,))
RNG = np.random.default_rng(1)
#: compiled once for all tests of a shape
run = eqx.filter_jit(lambda model, x: model(x))


def awake(shape, seed=0):
    """A network whose zeros are no longer zero, as after training."""
    model = SwinUNet(shape, jax.random.key(seed))
    rng = np.random.default_rng(seed)
    dynamic, static = eqx.partition(model, eqx.is_inexact_array)
    moved = jax.tree.map(
        lambda x: x + jnp.asarray(0.3 * rng.standard_normal(x.shape) / np.sqrt(max(x.shape[0], 1)), x.dtype),
        dynamic,
    )
    return eqx.combine(moved, static)


def sample(layers=3, lat=16, lon=16, shape=SHAPE, sea=0.3):
    land = RNG.random((lat, lon)) > sea
    valid = (np.arange(layers)[:, None, None] < RNG.integers(1, layers + 1, (lat, lon))) & land
    f = lambda *s: jnp.asarray(RNG.standard_normal(s), jnp.float32)  # noqa: E731
    return Fields3D(
        f(lat, lon, shape.surface_inputs),
        f(layers, lat, lon, shape.soil_inputs),
        f(shape.scalars),
        jnp.asarray(valid),
        jnp.asarray(land),
    )


def test_shapes_under_jit_and_a_batch():
    model = awake(DEEP)
    one = sample(5, 10, 7)  # sizes that are no multiples of anything
    surface, soil = run(model, one)
    assert surface.mean.shape == surface.log_variance.shape == (10, 7, 2)
    assert soil.mean.shape == (5, 10, 7, 5)
    assert soil.mean.dtype == jnp.float32
    two = jax.tree.map(lambda x: jnp.stack([x, x]), one)
    both = eqx.filter_jit(jax.vmap(model))(two)
    np.testing.assert_allclose(both[1].mean[1], soil.mean, atol=1e-5)


def test_it_starts_with_zero_whatever_comes_in():
    surface, soil = run(SwinUNet(SHAPE, jax.random.key(3)), sample())
    assert float(jnp.abs(surface.mean).max()) == float(jnp.abs(soil.mean).max()) == 0.0


def test_the_sea_and_the_rock_have_no_effect_on_land():
    model, x = awake(SHAPE), sample()
    land, valid = np.asarray(x.land), np.asarray(x.valid & x.land)
    flooded = x._replace(
        surface=jnp.where(x.land[..., None], x.surface, jnp.nan),
        soil=jnp.where((x.valid & x.land)[..., None], x.soil, jnp.nan),
    )
    a, b = run(model, x), run(model, flooded)
    np.testing.assert_array_equal(a[0].mean[land], b[0].mean[land])
    np.testing.assert_array_equal(a[1].mean[valid], b[1].mean[valid])


def test_padding_changes_nothing():
    """A map with a frame of sea of whole windows to the south and east is the map."""
    model, x = awake(SHAPE), sample()
    step = alignment(SHAPE)

    def framed(a, axes, where=0):
        pads = [(0, 0)] * a.ndim
        for axis, n in zip(axes, step, strict=True):
            pads[axis] = (0, n)
        return jnp.pad(a, pads, constant_values=where)

    wide = Fields3D(
        framed(x.surface, (0, 1), 9.0),
        framed(x.soil, (1, 2), 9.0),
        x.scalars,
        framed(x.valid, (1, 2)),
        framed(x.land, (0, 1)),
    )
    a, b = run(model, x), run(model, wide)
    np.testing.assert_allclose(b[1].mean[:, :16, :16], a[1].mean, atol=2e-5)
    np.testing.assert_allclose(b[0].mean[:16, :16], a[0].mean, atol=2e-5)


def test_another_window_runs_with_the_same_weights():
    model, x = awake(SHAPE), sample()
    wider = with_window(model, (8, 4, 4))
    assert wider.shape.reference == (8, 2, 2)
    bias = [m.bottom.blocks[0].attention.position((3, 2, 2)) for m in (model, wider)]
    np.testing.assert_array_equal(*bias)
    out = run(wider, x)[1].mean
    assert bool(jnp.isfinite(out).all())
    assert float(jnp.abs(out - run(model, x)[1].mean).max()) > 0.0
    same = with_window(model, (8, 2, 2))
    np.testing.assert_array_equal(run(same, x)[1].mean, run(model, x)[1].mean)


def test_gradients_are_finite_with_sea_rock_and_dropped_paths():
    shape = dataclasses.replace(SHAPE, drop_path=0.2, remat=True)
    model, x = awake(shape), sample(sea=0.6)

    def total(model, x, key):
        surface, soil = model(x, key)
        return sum(jnp.sum(y.mean**2 + y.log_variance**2) for y in (surface, soil))

    slope = eqx.filter_jit(eqx.filter_grad(total))
    for fields in (x, x._replace(land=jnp.zeros_like(x.land))):
        grads = slope(model, fields, jax.random.key(0))
        assert all(bool(jnp.isfinite(g).all()) for g in jax.tree.leaves(grads))


@pytest.mark.slow
def test_recomputing_blocks_changes_no_gradient():
    x, grads = sample(), []
    slope = eqx.filter_jit(eqx.filter_grad(lambda m, x: jnp.sum(m(x)[1].mean ** 2)))
    for remat in (False, True):
        grads.append(slope(awake(dataclasses.replace(SHAPE, remat=remat)), x))
    for a, b in zip(*(jax.tree.leaves(g) for g in grads), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * float(jnp.abs(a).max() + 1e-9))


def test_scalars_change_the_answer():
    model, x = awake(SHAPE), sample()
    other = run(model, x._replace(scalars=x.scalars + 1.0))[1].mean
    assert float(jnp.abs(other - run(model, x)[1].mean).max()) > 1e-3


def tiled(model, x, core, halo):
    def one(tile):
        part = Fields3D(
            *(
                jnp.asarray(crop(np.asarray(a), tile, axes)) if axes else a
                for a, axes in zip(x, ((0, 1), (1, 2), None, (1, 2), (0, 1)), strict=True)
            )
        )
        surface, soil = run(model, part)
        return {"surface": np.asarray(surface.mean), "soil": np.asarray(soil.mean)}

    return in_tiles(
        one,
        x.land.shape,
        core=core,
        halo=halo,
        axes={"surface": (0, 1), "soil": (1, 2)},
        aligned=alignment(model.shape),
    )


@pytest.mark.parametrize("depths", [(2,), pytest.param((2, 2), marks=pytest.mark.slow)])
def test_tiles_with_the_exact_halo_are_the_whole_map(depths):
    shape = dataclasses.replace(DEEP, depths=depths)
    model, x = awake(shape), sample(3, 40, 36)
    step, halo = alignment(shape), exact_halo(shape)
    whole = run(model, x)
    found = tiled(model, x, step, halo)
    land, valid = np.asarray(x.land), np.asarray(x.valid & x.land)
    np.testing.assert_allclose(found["surface"][land], whole[0].mean[land], atol=3e-5)
    np.testing.assert_allclose(found["soil"][valid], whole[1].mean[valid], atol=3e-5)


@pytest.mark.slow
def test_what_lies_beyond_the_reach_has_no_effect_and_what_lies_within_has():
    model = awake(DEEP)
    x = sample(2, 64, 4, sea=0.0)
    x = x._replace(valid=jnp.ones_like(x.valid))
    core = (32, 40)
    low, high = reach(DEEP, core, 1)
    assert 0 < low < high < 64
    base = run(model, x)[1].mean[:, core[0] : core[1]]

    def moved(rows):
        out = run(model, x._replace(soil=x.soil.at[:, rows].add(1.0)))[1].mean[:, core[0] : core[1]]
        return float(jnp.abs(out - base).max())

    assert moved(slice(0, low)) < 1e-6
    assert moved(slice(high, 64)) < 1e-6
    assert moved(slice(low, low + 2)) > 1e-6


def test_a_narrow_halo_is_near_and_misaligned_tiles_are_refused():
    model, x = awake(SHAPE), sample(3, 40, 36, sea=0.0)
    step = alignment(SHAPE)
    whole = np.asarray(run(model, x)[1].mean)
    error = [np.abs(tiled(model, x, step, halo)["soil"] - whole).max() for halo in ((0, 0), step)]
    assert error[1] < 0.5 * error[0]
    with pytest.raises(ValueError, match="multiples of"):
        tiled(model, x, (5, 5), (0, 0))


def test_quantiles_never_cross_and_gaussians_stay_bounded():
    levels = (0.05, 0.5, 0.95)
    head = QuantileHead(levels)
    raw = jnp.asarray(5.0 * RNG.standard_normal((4, 6)), jnp.float32)
    q = head(raw)
    assert q.shape == (4, 2, 3)
    assert bool((jnp.diff(q, axis=-1) > 0).all())
    np.testing.assert_allclose(q[..., 1], raw.reshape(4, 2, 3)[..., 0], rtol=1e-5)
    assert float(jnp.abs(GaussianHead()(1e4 * raw).log_variance).max()) <= 12.0
    shape = dataclasses.replace(SHAPE, head=head)
    assert run(awake(shape), sample())[1].shape == (3, 16, 16, 5, 3)
    with pytest.raises(ValueError, match="ascend"):
        QuantileHead((0.5, 0.1))


def test_wrong_shapes_are_told():
    x = sample()
    with pytest.raises(ValueError, match=r"SwinUNet: surface must be \[16, 16, 3\]"):
        SwinUNet(SHAPE, jax.random.key(0))(x._replace(surface=x.surface[:5]))
    with pytest.raises(ValueError, match="channels must be at least 1"):
        dataclasses.replace(SHAPE, channels=0)
