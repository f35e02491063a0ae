"""Bench ``balance``: the balances of water, energy, carbon and nitrogen over ten years of CLM5 cases.

The largest residual of a step says whether a step is closed, the sum of all residuals whether the errors add up.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from elterra.bench.clm5 import chosen, kept, reference_folder
from elterra.errors import InputError

YEARS = 10
#: cases without ``--case``
CASES = "bgc_rur,bgc_davos"
QUICK_DAYS = 30
#: residuals that add up to a stock
STOCKS = ("errh2o", "errcb", "errnb")


def measure(
    *,
    quick: bool = False,
    case: str | None = None,
    mode: str | None = None,
    years: int | None = None,
    folder: Path | None = None,
) -> dict[str, float]:
    """Figures of the chosen cases over ``years`` (the weather is repeated); keys in ``benchmarks/README.md``."""
    count = YEARS if years is None else years
    if count < 1:
        raise InputError(f"--years {count}: at least one")
    days = QUICK_DAYS if quick else 365 * count
    root = folder or reference_folder()
    figures: dict[str, float] = {}
    for name in chosen(root, case or CASES, mode, quick=False):
        found = kept(root, name, lambda path: run_balance(path, days), f"balance {days}")
        figures |= {f"{name}.{key}": value for key, value in found.items()}
    return figures


def run_balance(path: Path, days: int) -> dict[str, float]:
    """Figures of one case: ``worst.<residual>`` of a step, ``drift.<residual>``, what the residuals of the worst
    column add up to, with their signs: water in kg m-2, carbon and nitrogen in g m-2; of energy the mean, W m-2.
    """
    from elterra.clm import COMMON_PATCHES, open_case
    from elterra.clm.integrate import integrate

    case = open_case(path, patches=COMMON_PATCHES)
    result = integrate(case, case.state(), days, step_0=True, keep_daily=False)
    figures = {f"worst.{name}": value for name, value in result.worst.items()}
    steps = days * case.steps_per_day
    for name, mean in result.drift.items():
        figures[f"drift.{name}"] = float(np.max(np.abs(mean))) * (steps if name in STOCKS else 1)
    return figures | {"days": days}
