"""Methods of downscaling on made-up land: they learn, obey the coarse field, know their error, see only what they may."""

from __future__ import annotations

import numpy as np
import pytest

from elterra.downscaling import LEVELS, METHODS, Fields, Grid, Law, Scene, evaluate, learn
from elterra.downscaling.regions import region_folds, to_pixels, train_cells
from elterra.downscaling.rivals import Trees
from elterra.downscaling.scene import interpolate_cells
from elterra.downscaling.scores import crps, point_scores, spectral_scores
from elterra.errors import InputError

SIDE, FACTOR = 120, 6
LAWS = {"signed": Law(), "positive": Law("positive"), "bounded": Law("bounded", 0.0, 1.0)}


def smooth(rng, sigma):
    from scipy.ndimage import gaussian_filter

    z = gaussian_filter(rng.normal(size=(SIDE, SIDE)), sigma)
    return (z - z.mean()) / z.std()


def made_up(law: Law, seed=0) -> Scene:
    """A smooth climate, heights that matter within cells, two covers, noise; a lake."""
    rng = np.random.default_rng(seed)
    height, cover = smooth(rng, 2.0), (smooth(rng, 3.0) > 0.3).astype(float)
    z = smooth(rng, 15.0) + 0.7 * height + 0.8 * cover + 0.15 * rng.normal(size=(SIDE, SIDE))
    truth = {"signed": z, "positive": np.exp(z), "bounded": 1 / (1 + np.exp(-z))}[law.kind]
    truth[20:30, 50:70] = np.nan
    grid = Grid(np.arange(SIDE) * 100.0, np.arange(SIDE) * 100.0, "EPSG:3035", False)
    features = Fields(grid, {"height": height, "cover": cover}, frozenset({"cover"}))
    return Scene.of_truth(features, truth, law, FACTOR)


@pytest.mark.parametrize("kind", list(LAWS))
def test_every_method_obeys_the_coarse_field_and_the_law_on_held_out_regions(kind):
    scene = made_up(LAWS[kind])
    low, high = LAWS[kind].limits
    small = {n: METHODS[n] for n in ("bilinear", "tiling", "kriging")}
    small |= {"trees": Trees(rounds=40, quantile_rounds=20, rows=6000)}
    cards = {n: evaluate(m, [scene], block=5, folds=2) for n, m in small.items()}
    for card in cards.values():
        assert card.scores["aggregate_error"] < 1e-12
        assert 0.8 < card.scores["coverage90"] < 0.97
        found = card.predictions[0]
        at = np.isfinite(found.mean)
        assert (at == scene.known).all()
        assert found.mean[at].min() >= low
        assert found.mean[at].max() <= high
        assert (np.diff(found.quantiles[:, at], axis=0) >= 0).all()
    score = {n: c.scores["crps"] for n, c in cards.items()}
    assert score["tiling"] < score["bilinear"]
    assert score["kriging"] < 0.8 * score["bilinear"]
    assert score["trees"] < 0.8 * score["bilinear"]


def test_the_truth_of_held_out_regions_does_not_reach_the_prediction():
    scene = made_up(LAWS["signed"])
    fold = region_folds(scene.coarse.shape, 5, 2)
    cells = train_cells(fold, 0)
    hidden = to_pixels(~cells, FACTOR, scene.land.shape)
    other = Scene(
        scene.features, scene.coarse, scene.law, FACTOR, scene.land, np.where(hidden, 99.0, scene.truth)
    )
    mask = to_pixels(fold == 0, FACTOR, scene.land.shape)
    quick = Trees(rounds=10, quantile_rounds=5, rows=3000)
    for method in (METHODS["bilinear"], METHODS["tiling"], METHODS["kriging"], quick):
        one, two = (learn(method, [s], [cells], 5).downscale(s, mask).prediction for s in (scene, other))
        np.testing.assert_array_equal(one.mean, two.mean)
        np.testing.assert_array_equal(one.quantiles, two.quantiles)


def test_folds_share_the_land_and_keep_their_distance():
    land = np.ones((20, 20), dtype=bool)
    land[:5, :5] = False
    fold = region_folds((20, 20), 5, 3, has_land=land)
    assert (fold[:5, :5] == -1).all()
    assert [(fold == k).sum() for k in range(3)] == [125, 125, 125]
    cells = train_cells(fold, 1)
    held = np.argwhere(fold == 1)
    gap = np.abs(np.argwhere(cells)[:, None] - held[None]).max(axis=-1).min()
    assert gap == 2
    with pytest.raises(InputError, match="fewer folds"):
        region_folds((4, 4), 4, 2)


def test_interpolated_cells_are_exact_for_planes_and_go_around_gaps():
    plane = np.arange(5.0)[:, None] + 10 * np.arange(6.0)[None]
    fine = interpolate_cells(plane, 4, (20, 24))
    y, x = (np.arange(n) + 0.5 for n in (20, 24))
    expected = (y / 4 - 0.5)[:, None] + 10 * (x / 4 - 0.5)[None]
    np.testing.assert_allclose(fine[2:-2, 2:-2], expected[2:-2, 2:-2])
    plane[2, 3] = np.nan
    assert np.isfinite(interpolate_cells(plane, 4, (20, 24))).all()


def test_the_crps_of_one_number_is_its_error_and_that_of_a_normal_is_known():
    truth = np.array([1.0, 3.0])
    np.testing.assert_allclose(crps(truth, np.full((10, 2), 2.0)), [1.0, 1.0])
    from scipy.special import ndtri

    draw = np.random.default_rng(0).normal(size=40_000)
    quantiles = np.broadcast_to(ndtri(np.array(LEVELS))[:, None], (10, draw.size))
    assert crps(draw, quantiles).mean() == pytest.approx(1 / np.sqrt(np.pi), rel=0.02)
    assert point_scores(draw, np.zeros(draw.size), quantiles)["coverage90"] == pytest.approx(0.9, abs=0.01)


def test_spectra_tell_a_smooth_field_from_a_rough_one():
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(40, 40)), rng.normal(size=(40, 40))) for _ in range(30)]
    same = spectral_scores(pairs)
    assert same["log_spectral_distance"] < 0.6
    assert same["regions"] == 30
    half = spectral_scores([(a, 0.5 * a) for a, _ in pairs])
    assert half["log_spectral_distance"] == pytest.approx(10 * np.log10(4), rel=1e-6)
    assert half["spectrum_error"] == pytest.approx(0.75)
    assert spectral_scores([(np.ones((40, 40)), np.ones((40, 40)))]) == {}


def test_scenes_that_do_not_fit_are_refused():
    scene = made_up(LAWS["signed"])
    with pytest.raises(InputError, match="pixels a side"):
        Scene(scene.features, scene.coarse, scene.law, 7, scene.land)
    with pytest.raises(InputError, match="without truth"):
        evaluate(METHODS["bilinear"], [Scene(scene.features, scene.coarse, scene.law, FACTOR, scene.land)], 5)
