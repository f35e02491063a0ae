"""Fine fields that obey the carbon, nitrogen and water budgets."""

from __future__ import annotations

import numpy as np
import pytest

from elterra.downscaling import (
    Aggregation,
    InfeasibleTarget,
    budget_residual,
    close_stock,
    constrained_fluxes,
    net_flux,
    nitrogen_of_carbon,
)
from elterra.errors import InputError

RNG = np.random.default_rng(0)
SHAPE = (12, 16)
LAND = np.where(RNG.random(SHAPE) < 0.2, 0.0, RNG.random(SHAPE))
AGGREGATION = Aggregation.of_factor(SHAPE, 4, land_fraction=LAND)
ON_LAND = LAND > 0


def positive(*lead):
    return np.exp(RNG.normal(size=(*lead, *SHAPE)))


def test_net_fluxes_of_constrained_gross_fluxes_have_the_coarse_net():
    truth = dict(zip(("gpp", "ar", "hr", "fire", "harvest"), positive(5), strict=True))
    coarse = {n: AGGREGATION.mean(v) for n, v in truth.items()}
    guess = dict(zip(truth, positive(5), strict=True))
    found = constrained_fluxes(guess, coarse, AGGREGATION, ("nee", "npp", "er", "nbp"))
    for name in found.net:
        np.testing.assert_allclose(AGGREGATION.mean(found.net[name]), net_flux(name, coarse), atol=1e-12)
    np.testing.assert_allclose(found.net["nee"], found.net["er"] - found.gross["gpp"], atol=1e-12)
    assert all((v[ON_LAND] >= 0).all() for v in found.gross.values())
    assert found.report["gpp"]["error"] < 1e-12


def test_a_net_flux_without_its_gross_parts_is_refused():
    with pytest.raises(InputError, match="nee needs the gross flux hr"):
        constrained_fluxes({"ar": positive(), "gpp": positive()}, {}, AGGREGATION, ("nee",))


def test_nitrogen_has_its_coarse_mean_and_cn_within_bounds():
    carbon = positive()
    nitrogen = carbon / RNG.uniform(10.0, 30.0, SHAPE)
    target = AGGREGATION.mean(nitrogen)
    found = nitrogen_of_carbon(carbon, np.full(SHAPE, 15.0), target, AGGREGATION, (8.0, 40.0))
    np.testing.assert_allclose(AGGREGATION.mean(found), target, rtol=0, atol=1e-12)
    ratio = (carbon / found)[ON_LAND]
    assert ratio.min() >= 8.0 * (1 - 1e-12)
    assert ratio.max() <= 40.0 * (1 + 1e-12)


def test_a_cell_without_carbon_has_no_nitrogen():
    carbon = positive()
    carbon[:4, :4] = 0.0
    target = AGGREGATION.mean(carbon / 20.0)
    found = nitrogen_of_carbon(carbon, np.full(SHAPE, 15.0), target, AGGREGATION, (8.0, 40.0))
    assert (found[:4, :4][ON_LAND[:4, :4]] == 0).all()
    np.testing.assert_allclose(AGGREGATION.mean(found), target, rtol=0, atol=1e-12)


def test_more_nitrogen_than_the_carbon_can_hold_is_refused_with_its_cell():
    carbon = positive()
    target = AGGREGATION.mean(carbon / 20.0)
    target[2, 1] *= 10
    with pytest.raises(InfeasibleTarget, match=r"nitrogen .* of coarse cell \(2, 1\)"):
        nitrogen_of_carbon(carbon, np.full(SHAPE, 15.0), target, AGGREGATION, (8.0, 40.0))


def test_a_closed_stock_closes_and_no_pixel_loses_more_than_it_has():
    start, inflow = positive(2)
    loss = (start + inflow) * RNG.random(SHAPE)
    coarse = [AGGREGATION.mean(v) for v in (start + inflow - loss, loss)]
    found = close_stock(start, inflow, 3.0 * positive(), *coarse, AGGREGATION)
    residual = budget_residual(start, found.end, [inflow], [found.outflow])
    assert np.abs(residual[ON_LAND]).max() < 1e-12
    np.testing.assert_allclose(AGGREGATION.mean(found.outflow), coarse[1], atol=1e-12)
    np.testing.assert_allclose(AGGREGATION.mean(found.end), coarse[0], atol=1e-12)
    assert found.end[ON_LAND].min() >= 0


def test_the_residual_of_a_coarse_budget_is_handed_on_and_not_more():
    start, inflow = positive(2)
    loss = 0.4 * (start + inflow)
    gap = 0.01 * AGGREGATION.mean(start)
    end, out = AGGREGATION.mean(start + inflow - loss) + gap, AGGREGATION.mean(loss)
    found = close_stock(start, inflow, loss, end, out, AGGREGATION)
    np.testing.assert_allclose(AGGREGATION.mean(found.residual), gap, atol=1e-12)
    np.testing.assert_allclose(
        budget_residual(start, found.end, [inflow], [found.outflow])[ON_LAND],
        found.residual[ON_LAND],
        atol=1e-12,
    )


def test_a_loss_beyond_what_there_is_is_refused():
    start, inflow = positive(2)
    out = 1.5 * AGGREGATION.mean(start + inflow)
    with pytest.raises(InfeasibleTarget, match="start \\+ inflow"):
        close_stock(start, inflow, start, AGGREGATION.mean(start), out, AGGREGATION)
