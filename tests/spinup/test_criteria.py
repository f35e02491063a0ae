"""Criteria of equilibrium on stocks with known changes."""

import numpy as np
import pytest

from elterra.spinup import Stocks, ecosystem_check
from elterra.spinup.criteria import CTSM_MEAN


def series(change, pool_change=0.0, columns=1, count=2):
    """States that gain ``change`` (gC m-2 ``[column]``) of ecosystem carbon each; one pool changes by a factor."""
    change = np.broadcast_to(np.asarray(change, float), (columns,))
    out = []
    for i in range(count):
        carbon = 10000.0 + i * change
        totals = dict.fromkeys(("totecosysc", "totsomc", "totvegc"), carbon)
        pools = {
            "soil1c": np.full(columns, 200.0) * (1.0 + pool_change) ** i,
            "leafc": np.full(columns, 300.0),
        }
        out.append(Stocks(pools, totals))
    return out


def test_a_state_that_stays_is_steady():
    told = ecosystem_check(series(0.0), 4)
    assert told["steady"]
    assert told["ctsm"]["mean_met"]
    assert told["ctsm"]["area_in_disequilibrium"] == 0.0


@pytest.mark.parametrize(("change", "steady"), [(3.9, True), (4.1, False), (-4.1, False)])
def test_ctsm_counts_gram_a_year_not_a_cycle(change, steady):
    told = ecosystem_check(series(change), 4)
    assert told["ctsm"]["area_met"] is steady
    np.testing.assert_allclose(told["ctsm"]["mean_change_gC_m2_yr"]["totecosysc"], change / 4, rtol=1e-9)


def test_three_percent_of_the_area_may_still_change():
    change = np.zeros(10)
    change[0] = 50.0
    area = np.full(10, 1.0)
    area[0] = 0.02 * 9 / 0.98
    assert ecosystem_check(series(change, columns=10), 1, area)["ctsm"]["area_met"]
    told = ecosystem_check(series(change, columns=10), 1)  # equal areas: 10 %
    np.testing.assert_allclose(told["ctsm"]["area_in_disequilibrium"], 0.1)
    assert not told["ctsm"]["area_met"]
    assert not told["steady"]


def test_the_global_allowance_is_stricter_than_that_of_a_place():
    told = ecosystem_check(series(0.5), 1)
    assert told["ctsm"]["area_met"]
    assert not told["ctsm"]["mean_met"]
    assert 0.1 < CTSM_MEAN < 0.2


@pytest.mark.parametrize(("change", "met"), [(0.0099, True), (0.0101, False), (-0.0101, False)])
def test_orchidee_looks_at_every_pool(change, met):
    told = ecosystem_check(series(0.0, change), 1)
    assert told["orchidee"]["pools_met"] is met
    assert told["orchidee"]["worst_pool"] == "soil1c"
    np.testing.assert_allclose(told["orchidee"]["worst_relative_change"], change, rtol=1e-9)
    assert told["steady"] is met


def test_the_trend_is_that_of_all_states():
    states = series(0.8, count=4)
    told = ecosystem_check(states, [1.0, 1.0, 1.0])
    np.testing.assert_allclose(told["orchidee"]["trend_gC_m2_yr"], 0.8, rtol=1e-9)
    assert told["orchidee"]["trend_met"]
    assert not ecosystem_check(series(1.2, count=4), 1)["orchidee"]["trend_met"]


def test_empty_pools_do_not_count_and_single_states_are_refused():
    a, b = series(0.0)
    a.pools["leafc"], b.pools["leafc"] = np.zeros(1), np.full(1, 1e-9)
    told = ecosystem_check([a, b], 1)
    assert told["steady"]
    assert "leafc" not in told["orchidee"]["relative_change"]
    with pytest.raises(ValueError, match="two states"):
        ecosystem_check([a], 1)
    with pytest.raises(ValueError, match="positive"):
        ecosystem_check([a, b], 0.0)
