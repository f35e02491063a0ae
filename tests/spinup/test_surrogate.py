"""Surrogates of the spin-up: names, scaling, training, intervals, files, tiles, rivals."""

import dataclasses

import jax
import numpy as np
import pytest
import surrogate_maps as maps

from elterra.errors import InputError
from elterra.networks import Gaussian, Training, alignment, exact_halo, write_tensors
from elterra.spinup.surrogate import (
    TOTALS,
    LossWeights,
    Prediction,
    PriorAlone,
    SwinFit,
    TreesFit,
    calibrate_intervals,
    fit_swin,
    fit_trees,
    load_swin,
    scaling_of,
    score,
    totals_with_spread,
)
from elterra.spinup.surrogate._loss import bounds_of, loss_of, weights_of
from elterra.spinup.surrogate._swin import _Crops

SIZES = {
    "channels": 8,
    "heads": 2,
    "depths": (1,),
    "window": (4, 2, 2),
    "patch": (1, 2, 2),
    "cell": 12,
    "condition": 8,
}
TRAIN = [maps.make(i, co2=c, noise=0.05) for i, c in enumerate((-1.0, -0.5, 0.0, 0.5, 1.0, 0.2))]
HELD = [maps.make(100 + i, co2=c, noise=0.05) for i, c in enumerate((-0.8, 0.3, 0.7))]


@pytest.fixture(scope="module")
def swin():
    training = Training(steps=400, rate=6e-3, ema=0.98, decay=0.0, seed=2)
    return fit_swin(TRAIN, maps.LAYOUT, SwinFit(training, SIZES, crop=(8, 8), batch=4))[0]


@pytest.fixture(scope="module")
def trees():
    return fit_trees(
        TRAIN, maps.LAYOUT, TreesFit(rounds=60, quantile_rounds=30, rows=4000, depth=4, learning_rate=0.2)
    )


def test_totals_are_sums_of_their_pools():
    one = maps.make(3)
    found = one.totals(maps.LAYOUT, one.true_surface, one.true_soil)
    assert tuple(found) == TOTALS
    i, j = np.argwhere(one.land)[5]
    layers = one.valid[:, i, j]
    soil = (one.true_soil[:, i, j] * maps.THICKNESS[:, None])[layers].sum(0)
    np.testing.assert_allclose(found["litter_c"][i, j], soil[0])
    np.testing.assert_allclose(found["soil_n"][i, j], soil[3])
    np.testing.assert_allclose(found["vegetation_n"][i, j], one.true_surface[i, j, 1])
    for e in "cn":
        parts = sum(found[f"{k}_{e}"] for k in ("soil", "litter", "vegetation"))
        np.testing.assert_allclose(found[f"ecosystem_{e}"], parts)
    assert maps.LAYOUT.pairs(maps.LAYOUT.soil_pools) == [(0, 2), (1, 3)]


def test_log_ratios_come_back_as_pools():
    scaling = scaling_of(TRAIN)
    one = TRAIN[0]
    surface, soil = scaling.log_ratios(one)
    back = Prediction(surface, surface, soil, soil).pools(one, scaling)
    np.testing.assert_allclose(back[0][one.land], one.true_surface[one.land], rtol=1e-10)
    np.testing.assert_allclose(back[1][one.valid], one.true_soil[one.valid], rtol=1e-10)
    assert float(np.abs(back[0][~one.land]).max()) == 0.0
    x = scaling.soil(one)[one.valid]
    assert x.dtype == np.float32
    assert abs(x.mean()) < 0.1
    assert abs(np.concatenate([scaling.surface(s)[s.usable] for s in TRAIN]).std() - 1) < 0.01


def test_the_network_beats_trees_and_both_the_prior(swin, trees):
    prior = PriorAlone(maps.LAYOUT, swin.scaling)
    found = {
        n: score(s, HELD)["soil_layers.rmse_log"]
        for n, s in (("swin", swin), ("trees", trees), ("prior", prior))
    }
    assert found["swin"] < 0.16
    assert found["swin"] < found["trees"] < found["prior"]
    assert score(swin, HELD)["ecosystem_c.r2"] > 0.97


@pytest.mark.parametrize("which", ["swin", "trees", "prior"])
def test_intervals_cover_what_they_promise(which, swin, trees):
    one = {"swin": swin, "trees": trees, "prior": PriorAlone(maps.LAYOUT, swin.scaling)}[which]
    intervals = calibrate_intervals(one, HELD)
    fresh = [maps.make(200 + i, co2=0.1 * i, noise=0.05) for i in range(4)]
    told = score(one, fresh, intervals)
    for name in TOTALS:
        assert 0.82 < told[f"{name}.coverage90"] < 0.97, name
    sample = fresh[0]
    found = one.predict(sample)
    i = maps.LAYOUT.soil_pools.index("soil1c")
    low, high = intervals.of_pool(
        "soil1c",
        sample.prior_soil[..., i],
        one.scaling.soil_small[i],
        found.soil[..., i],
        found.soil_sd[..., i],
        sample.group,
        0.9,
    )
    inside = ((sample.true_soil[..., i] >= low) & (sample.true_soil[..., i] <= high))[sample.valid]
    assert 0.8 < inside.mean() < 0.98


def test_it_comes_back_from_its_file_with_scaling_and_intervals(tmp_path, swin):
    calibrated = swin.calibrated(HELD)
    calibrated.save(tmp_path / "s.safetensors")
    back = load_swin(tmp_path / "s.safetensors")
    one = maps.make(7)
    for a, b in zip(vars(back.predict(one)).values(), vars(calibrated.predict(one)).values(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert back.layout == maps.LAYOUT
    assert back.intervals.by_name.keys() == calibrated.intervals.by_name.keys()
    write_tensors(tmp_path / "other", {"a": np.zeros(1)}, {"kind": "cake"})
    with pytest.raises(InputError, match="'cake', not the weights of a surrogate"):
        load_swin(tmp_path / "other")


def test_tiles_give_what_the_whole_map_gives(swin):
    one = maps.make(8, 24, 20)
    shape = swin.members[0].shape
    whole = swin.predict(one)
    tiled = swin.predict(one, core=alignment(shape), halo=exact_halo(shape))
    np.testing.assert_allclose(tiled.soil[one.valid], whole.soil[one.valid], atol=1e-5)
    np.testing.assert_allclose(tiled.surface_sd[one.land], whole.surface_sd[one.land], rtol=1e-4)


@pytest.mark.slow
def test_members_widen_the_spread(swin):
    training = Training(steps=3, seed=1)
    pair, done = fit_swin(TRAIN[:2], maps.LAYOUT, SwinFit(training, SIZES, crop=(8, 8), batch=2, members=2))
    assert len(pair.members) == len(done) == 2
    mixed = dataclasses.replace(swin, members=(swin.members[0], pair.members[0]))
    one = maps.make(9)
    a, b, c = (x.predict(one) for x in (swin, dataclasses.replace(swin, members=(pair.members[0],)), mixed))
    np.testing.assert_allclose(c.soil, 0.5 * (a.soil + b.soil), atol=1e-5)
    np.testing.assert_allclose(
        c.soil_sd**2,
        0.5 * (a.soil_sd**2 + b.soil_sd**2) + 0.25 * (a.soil - b.soil) ** 2,
        rtol=1e-3,
        atol=1e-6,
    )


@pytest.mark.slow
def test_training_goes_on_in_its_folder(tmp_path):
    fit = SwinFit(Training(steps=6, checkpoint_every=2), SIZES, crop=(8, 8), batch=2)
    whole = fit_swin(TRAIN[:2], maps.LAYOUT, fit)[0]
    steps = iter(range(9))
    part, done = fit_swin(TRAIN[:2], maps.LAYOUT, fit, tmp_path, stop=lambda: next(steps) == 2)
    assert done[0].steps == 3
    back, _ = fit_swin(TRAIN[:2], maps.LAYOUT, fit, tmp_path)
    one = maps.make(7)
    np.testing.assert_array_equal(back.predict(one).soil, whole.predict(one).soil)
    assert (part.predict(one).soil != whole.predict(one).soil).any()


def test_cells_whose_truth_is_not_known_teach_nothing():
    """The crops of a map with spoilt truth outside of the known cells are the same but for weights of zero."""
    where = np.zeros((16, 16), bool)
    where[:, :8] = True
    clean = [s.only(where) for s in TRAIN[:2]]
    spoilt = [
        dataclasses.replace(
            s,
            true_surface=np.where(where[..., None], s.true_surface, np.nan),
            true_soil=np.where(where[..., None], s.true_soil, np.nan),
        )
        for s in clean
    ]
    fit = SwinFit(Training(steps=1), SIZES, crop=(16, 16), batch=2)
    a, b = (_Crops(s, maps.LAYOUT, scaling_of(s), fit).at(0, 1) for s in (clean, spoilt))
    for name in ("target_soil", "target_surface", "weight_soil", "weight_surface", "cells"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
        assert np.abs(getattr(a, name)[:, ..., 8:, :] if name != "cells" else a.cells[:, :, 8:]).max() == 0.0


def with_balance(samples):
    """The same maps with an operator whose equilibrium is the truth."""
    rates = np.eye(6) * [2.0, 1.0, 0.5, 0.1, 0.05, 0.02]
    found = []
    for s in samples:
        carbon = np.where(s.valid[..., None], s.true_soil, 0.0)[..., :2]
        x = np.moveaxis(carbon, (0, 3), (3, 2)).reshape(16, 16, 6)
        operator = np.broadcast_to(rates, (16, 16, 6, 6))
        found.append(
            dataclasses.replace(s, operator=operator, inputs=np.einsum("ijmn,ijn->ijm", operator, x))
        )
    return found


def test_the_truth_costs_nothing_in_totals_ratios_and_balance():
    samples, weights = with_balance(TRAIN[:2]), LossWeights(balance=1.0, beta=0.0)
    fit = SwinFit(Training(steps=2), SIZES, weights, crop=(8, 8), batch=1)
    scaling = scaling_of(samples)
    batch = _Crops(samples, maps.LAYOUT, scaling, fit).at(0, 0)
    bounds = (
        bounds_of([s.true_surface[s.land] for s in samples], maps.LAYOUT.pairs(maps.LAYOUT.surface_pools)),
        bounds_of([s.true_soil[s.valid] for s in samples], maps.LAYOUT.pairs(maps.LAYOUT.soil_pools)),
    )
    loss = loss_of(maps.LAYOUT, scaling, maps.THICKNESS, bounds, weights)

    def told(shift):
        def model(fields, key):
            return tuple(Gaussian(t[0] + shift, 0 * t[0]) for t in (batch.target_surface, batch.target_soil))

        return {k: float(v) for k, v in loss(model, batch, jax.random.key(0))[1].items()}

    exact, off = told(0.0), told(0.5)
    assert exact["balance"] < 1e-4
    assert exact["ratios"] < 1e-6
    assert exact["totals"] < 1e-6
    assert off["balance"] > 0.05
    assert off["totals"] > 0.01
    assert off["nll"] > exact["nll"]
    with pytest.raises(InputError, match="operator and inputs of every sample"):
        fit_swin(TRAIN[:2], maps.LAYOUT, fit)


@pytest.mark.slow
def test_the_balance_can_be_trained_on():
    fit = SwinFit(Training(steps=2), SIZES, LossWeights(balance=1.0), crop=(8, 8), batch=2)
    samples = with_balance(TRAIN[:2])
    assert np.isfinite(fit_swin(samples, maps.LAYOUT, fit)[0].predict(samples[0]).soil).all()


def test_weights_have_mean_one_and_leave_out_rock():
    weights = weights_of(TRAIN[:2], maps.LAYOUT, 0.5)
    for (above, below), s in zip(weights, TRAIN, strict=False):
        assert (below[~s.valid] == 0).all()
        assert (above[~s.land] == 0).all()
        assert (below[s.valid] > 0).all()
    every = np.concatenate([w[w > 0].ravel() for pair in weights for w in pair])
    assert every.mean() == pytest.approx(1.0, rel=1e-4)


def test_spread_of_a_total_is_the_mean_of_its_parts():
    scaling = scaling_of(TRAIN)
    one = TRAIN[0]
    flat = Prediction(
        np.zeros((16, 16, 2)),
        np.full((16, 16, 2), 0.3),
        np.zeros((3, 16, 16, 4)),
        np.full((3, 16, 16, 4), 0.3),
    )
    for value, sd in totals_with_spread(one, maps.LAYOUT, scaling, flat).values():
        np.testing.assert_allclose(sd[one.land], 0.3)
        assert (value[one.land] > 0).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surface": np.zeros((16, 16, 5))}, r"surface must be \[16, 16, 2\]; got \[16, 16, 5\]"),
        ({"prior_surface": np.full((16, 16, 2), np.nan)}, "prior_surface is not finite"),
        ({"prior_soil": np.full((3, 16, 16, 4), -1.0)}, "negative pools"),
        ({"true_surface": None}, "no true pools"),
    ],
)
def test_faults_of_a_sample_are_told(change, words):
    with pytest.raises(InputError, match=words):
        fit_swin([dataclasses.replace(TRAIN[0], **change)], maps.LAYOUT, SwinFit(Training(steps=1), SIZES))


def test_maps_of_two_sizes_are_refused():
    with pytest.raises(InputError, match="cut them to one size"):
        fit_swin([TRAIN[0], maps.make(1, 8, 8)], maps.LAYOUT, SwinFit(Training(steps=1), SIZES))
    with pytest.raises(InputError, match="end in c or n"):
        dataclasses.replace(maps.LAYOUT, surface_pools=("wood",))
