"""Bench ``spinup``: its figures from made-up runs, and the methods on a real case."""

import os
from pathlib import Path

import numpy as np
import pytest

from elterra.bench import contract
from elterra.bench.spinup import _Runs, figures_of, measure

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[3] / "shared")) / "reference" / "clm5"
NAMES = ["native", "ad", "analytic", "anderson", "brute_low", "brute_high"]


def made_up():
    """Five cycles: the brute force ends at 98 and 102, Anderson is within 1 % from the third cycle on, native never."""
    slow = [[50, 50, 50, 50, 80, 120], [55, 70, 80, 90, 90, 110], [57, 90, 95, 100.5, 95, 105],
            [58, 97, 98, 100.2, 97, 103], [59, 99, 100.4, 100.1, 98, 102]]  # fmt: skip
    history = [{"soil2c": np.array(x, float), "litr1c": np.full(6, 0.1)} for x in slow]
    totals = [{"totecosysc": 10.0 * np.array(x, float)} for x in slow]
    return _Runs(NAMES, history, totals, [[1000.0] * 6] * 5, [1.0, 2.0, 3.0, 4.0, 5.0])


def test_figures_count_years_from_the_last_time_outside_one_percent():
    found = figures_of(made_up(), {"soil2c": 125.0, "litr1c": 0.1}, 3.0)
    assert found["anderson.model_years"] == 9.0
    assert found["analytic.model_years"] == 15.0
    assert "native.model_years" not in found
    np.testing.assert_allclose(found["native.worst_reldiff"], 0.41)
    np.testing.assert_allclose(found["anderson.soil2c.reldiff"], 0.001, rtol=1e-9)
    np.testing.assert_allclose(found["brute.spread"], 0.04)
    np.testing.assert_allclose(found["brute.soil2c.clm_reldiff"], -0.2)
    np.testing.assert_allclose(found["ad.drift_gC_m2_yr"], 20.0 / 3.0)
    assert not any("litr1c" in key for key in found)  # too small to compare
    contract("spinup", found, 1.0)


@pytest.mark.slow
@pytest.mark.skipif(
    not (SHARED / "bgc_davos").is_dir(), reason="no reference runs of CLM5 beside the checkout"
)
def test_anderson_arrives_from_both_sides_where_the_model_alone_stays():
    """CH-Dav from soil and wood 20 % below and above CLM's: the two sides meet within 1 % in every pool."""
    from elterra.bench.spinup import _displaced, _side_by_side, run_side_by_side
    from elterra.clm import open_case
    from elterra.clm.case import Change
    from elterra.pipeline.spinup_cycle import case_years, cycle_of
    from elterra.spinup import SideBySide, method_of

    names = ["low", "high", "native_low", "native_high"]
    case = open_case(SHARED / "bgc_davos", tuple(Change(n, {}, {}) for n in names))
    warm = case.state()
    low, high = _displaced(warm, 0.8), _displaced(warm, 1.2)
    cycles = 18
    methods = [method_of("anderson" if i < 2 else "native", cycles=cycles) for i in range(4)]
    together = SideBySide([(m, i, i + 1) for i, m in enumerate(methods)])
    cycle = cycle_of(case_years(case, 1), case.cfg, 4)
    runs = run_side_by_side(together, case.p, _side_by_side([low, high, low, high]), cycle, cycles, names)
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
    for method in NAMES[:4]:
        assert np.isfinite(found[f"bgc_davos.{method}.worst_reldiff"])
    assert found["bgc_davos.brute.spread"] > 0.0
