"""Bench ``spinup``: its figures from made-up runs, and the methods on a real case."""

import os
from pathlib import Path

import numpy as np
import pytest

from elterra.bench import contract
from elterra.bench.spinup import Runs, brute_force, figures_of, measure

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[3] / "shared")) / "reference" / "clm5"
METHODS = ["native", "ad", "analytic", "anderson"]


def made_up():
    """Five cycles of the methods, Anderson within 1 % of 100 from the third on, native never; then three native cycles in
    which the pool of Anderson (98) moves by a tenth of what its displaced columns do: its equilibrium is 100."""
    slow = [[50, 50, 50, 50, 80, 120], [55, 70, 80, 90, 90, 110], [57, 90, 95, 100.5, 95, 105],
            [58, 97, 98, 100.2, 99.2, 103], [59, 99, 100.4, 100.1, 99.5, 100.5]]  # fmt: skip
    after = [[59, 99, 100, 98, 78, 118], [59, 99, 100, 98, 78, 118], [59.5, 99, 100, 98.02, 78.22, 117.82]]
    runs = [Runs([*METHODS, "anderson_low", "anderson_high"]), Runs([*METHODS, "below", "above"])]
    for run, values in zip(runs, (slow, after), strict=True):
        for x in values:
            run.history.append({"soil2c": np.array(x, float), "litr1c": np.full(6, 0.1)})
            run.totals.append({"totecosysc": 10.0 * np.array(x, float)})
            run.gpp.append([1000.0] * 6)
            run.seconds.append(1.0)
    return runs


def test_the_stock_of_the_brute_force_is_where_the_change_vanishes():
    found = brute_force(made_up()[1], 1.0)["soil2c"]
    np.testing.assert_allclose(found["stock"], 98.02 + 0.02 * 39.6 / 0.4)
    assert found["bracketed"] == 1.0
    np.testing.assert_allclose(
        [found["change_below"], found["change"], found["change_above"]], [0.22, 0.02, -0.18]
    )


def test_a_pool_that_does_not_come_back_is_taken_as_it_is():
    native = made_up()[1]
    native.history[-1]["soil2c"][4] = 77.0
    found = brute_force(native, 1.0)["soil2c"]
    assert found["bracketed"] == 0.0
    assert found["stock"] == 98.02


def test_figures_count_years_from_the_last_time_outside_one_percent():
    found = figures_of(*made_up(), {"soil2c": 125.0, "litr1c": 0.1}, 3.0)
    assert found["anderson.model_years"] == 9.0
    assert found["analytic.model_years"] == 15.0
    assert found["anderson_low.model_years"] == 12.0
    assert "native.model_years" not in found
    np.testing.assert_allclose(found["native.worst_reldiff"], 0.41, rtol=1e-12)
    np.testing.assert_allclose(found["anderson.soil2c.reldiff"], 0.001, rtol=1e-9)
    np.testing.assert_allclose(found["brute.soil2c.clm_reldiff"], -0.2)
    np.testing.assert_allclose(found["native.drift_gC_m2_yr"], 5.0 / 3.0)
    assert not any("litr1c" in key for key in found)  # too small to compare
    contract("spinup", found, 1.0)


@pytest.mark.slow
@pytest.mark.skipif(
    not (SHARED / "bgc_davos").is_dir(), reason="no reference runs of CLM5 beside the checkout"
)
def test_anderson_arrives_from_both_sides_where_the_model_alone_stays():
    """CH-Dav from soil and wood 20 % below and above CLM's: the two sides meet within 1 % in every pool."""
    from elterra.bench.spinup import displaced, run_columns, side_by_side
    from elterra.clm import open_case
    from elterra.clm.case import Change
    from elterra.pipeline.spinup_cycle import case_years, cycle_of
    from elterra.spinup import SideBySide, method_of

    names = ["low", "high", "native_low", "native_high"]
    case = open_case(SHARED / "bgc_davos", tuple(Change(n, {}, {}) for n in names))
    warm = case.state()
    low, high = displaced(warm, 0.8), displaced(warm, 1.2)
    cycles = 24
    methods = [method_of("anderson" if i < 2 else "native", cycles=cycles) for i in range(4)]
    together = SideBySide([(m, i, i + 1) for i, m in enumerate(methods)])
    cycle = cycle_of(case_years(case, 1), case.cfg, 4)
    runs = run_columns(together, case.p, side_by_side([low, high, low, high]), cycle, cycles, names)
    last = {n: v for n, v in runs.history[-1].items() if v.min() > 1.0}
    assert {"soil2c", "soil3c", "cwdc", "deadstemc", "soil3n", "deadstemn", "leafc"} <= set(last)
    for name, value in last.items():
        np.testing.assert_allclose(value[0], value[1], rtol=0.01, err_msg=name)
    assert last["soil3c"][3] > 1.3 * last["soil3c"][2]


@pytest.mark.slow
@pytest.mark.skipif(
    not (SHARED / "bgc_davos").is_dir(), reason="no reference runs of CLM5 beside the checkout"
)
def test_quick_gives_figures_of_every_method():
    found = measure(quick=True, folder=SHARED)
    for method in METHODS:
        assert np.isfinite(found[f"bgc_davos.{method}.worst_reldiff"])
    # CLM's state lies between the displaced ones, and four years do not let passive carbon cross
    low, high = (found[f"bgc_davos.anderson_{k}.soil3c.stock"] for k in ("low", "high"))
    assert low < high
    assert found["bgc_davos.native.soil3c.stock"] < low  # of a cold start
