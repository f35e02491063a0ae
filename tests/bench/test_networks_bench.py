"""Bench ``networks``: its made-up world, and that a short run gives the figures."""

import jax
import numpy as np
import pytest

from elterra.bench import networks as bench
from elterra.bench.networks_climate import Case, climate, make_region
from elterra.bench.networks_columns import _soil_temperature
from elterra.bench.networks_data import LAYOUT, blocks_of, make_map, make_world
from elterra.spinup.surrogate._sample import check


@pytest.fixture(scope="module")
def one():
    return make_map(make_region(12, 12, 0), Case())


def test_a_map_is_a_sample_with_pools_of_a_plausible_size(one):
    check(one, LAYOUT, "map")
    truth = one.totals(LAYOUT, one.true_surface, one.true_soil)
    for name, low, high in (
        ("vegetation_c", 500.0, 40e3),
        ("soil_c", 2e3, 60e3),
        ("ecosystem_n", 200.0, 8e3),
    ):
        middle = float(np.median(truth[name][one.land]))
        assert low < middle < high, (name, middle)
    prior = one.totals(LAYOUT, one.prior_surface, one.prior_soil)
    ratio = np.log(truth["ecosystem_c"] / np.where(one.land, prior["ecosystem_c"], 1.0))[one.land]
    assert 0.05 < np.std(ratio) < 1.0, "the prior is neither the truth nor nothing like it"


def test_warming_makes_soil_carbon_turn_over_faster():
    region = make_region(12, 12, 0)
    production = LAYOUT.surface_inputs.index("log_prior_production")
    years = []
    for case in (Case(), Case(warming=4.0)):
        m = make_map(region, case)
        years.append(
            m.totals(LAYOUT, m.prior_surface, m.prior_soil)["soil_c"] / np.exp(m.surface[..., production])
        )
    assert np.median((years[1] / np.where(region.land, years[0], 1.0))[region.land]) < 0.95
    assert (climate(region, Case(warming=4.0))[0].mean(0) > climate(region, Case())[0].mean(0) + 2.0).all()


def test_waves_of_temperature_are_damped_and_late():
    air = 10.0 + 8.0 * np.cos(2 * np.pi * (np.arange(12)[:, None] - 6.5) / 12)
    deep = np.asarray(
        _soil_temperature(air, np.full((12, 1), 50.0), np.array([[0.01], [1.0], [3.0]]), snow=False)
    )
    np.testing.assert_allclose(deep.mean(0), 10.0, atol=1e-6)
    swing = np.ptp(deep, axis=0)[:, 0]
    np.testing.assert_allclose(
        swing[1] / swing[0], np.exp(-0.99 * np.sqrt(2 * np.pi / (365 * 86400) / 1.2e-6)), rtol=0.05
    )
    assert deep[:, 2, 0].argmax() > deep[:, 0, 0].argmax()


def test_withheld_blocks_are_withheld():
    world = make_world(12, 16, 2)
    for parts in zip(world.train, world.calibrate, world.unseen_blocks, strict=True):
        seen = np.stack([p.usable for p in parts])
        assert (seen.sum(0) == parts[0].land).all(), "each land cell is of exactly one kind"
        blocks = [set(blocks_of(12, 16)[p.usable].tolist()) for p in parts]
        assert not (blocks[0] & blocks[1] | blocks[0] & blocks[2] | blocks[1] & blocks[2])
    assert len(world.unseen_scenario) == len(world.unseen_parameters) == 2
    seen = {tuple(s.scalars[1:].round(6)) for s in world.train}
    assert not seen & {tuple(s.scalars[1:].round(6)) for s in world.unseen_parameters}
    assert max(s.scalars[0] for s in world.train) < min(s.scalars[0] for s in world.unseen_scenario)


@pytest.mark.slow
def test_the_time_of_a_step_is_measured():
    figures = bench.time_steps("small")
    assert figures["step.small.core_seconds"] > 0
    assert figures["step.small.tokens"] == 4 * 11 * 8 * 8


@pytest.mark.slow
def test_a_quick_run_gives_its_figures():
    figures = bench.measure(quick=True)
    for test in bench.TESTS:
        for rival in ("swin", "trees", "prior"):
            assert figures[f"{test}.{rival}.ecosystem_c.r2"] < 1.0
            assert 0.0 <= figures[f"{test}.{rival}.soil_n.coverage90"] <= 1.0
    assert (
        figures["unseen_blocks.trees.soil_layers.rmse_log"]
        < figures["unseen_blocks.prior.soil_layers.rmse_log"]
    )
    assert jax.config.jax_enable_x64, "the matrix model is solved in double precision"
