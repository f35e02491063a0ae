"""A run directory as the page, exports and scores read it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from elterra.domain import ch_dav
from elterra.pipeline.reanalysis.budget import BUDGETS, RESIDUALS, budget_attributes, described
from elterra.pipeline.reanalysis.groups import scored_observations
from elterra.product._report_data import budget_terms
from elterra.product.gaps import design_gaps


def test_a_variable_without_any_measurement_is_not_scored_and_no_gap_waits_for_it():
    time = np.datetime64("2013-01-01", "ns") + np.arange(48 * 800) * np.timedelta64(30, "m")
    ds = xr.Dataset(coords={"time": time})
    for name, flag in (("NEE", 1), ("LE", 0), ("SWC", 1)):
        ds[name] = ("time", np.where(flag, np.ones(time.size), np.nan))
        ds[f"{name}_sd_random"] = ("time", np.full(time.size, 0.1))
        ds[f"{name}_flag"] = ("time", np.full(time.size, flag, np.int8))
    found = scored_observations(ds, ch_dav())
    assert set(found.data_vars) == {"NEE", "NEE_sd", "SWC", "SWC_sd"}
    assert (design_gaps(found, counts={10: 2})["gap_class"] == 10).sum() == 2 * 10 * 48


def test_every_term_of_a_budget_says_its_units_name_budget_and_role():
    attributes = budget_attributes(("SWE",))
    assert all(a["units"] and a["long_name"] for a in attributes.values())
    assert {f"worst_{n}" for n in RESIDUALS} | {"clipped_SWE"} < set(attributes)
    bare = xr.Dataset({n: ("time", np.zeros(3)) for n in attributes})
    placed = budget_terms(described(bare))
    assert set(placed) == set(BUDGETS)
    for kind, (_, fluxes) in BUDGETS.items():
        roles = [role for role, _, _ in placed[kind]]
        assert roles == [
            "storage",
            *["flux"] * len(fluxes),
            "increment",
            "smoothing",
            "discrepancy",
            "residual",
        ]
    assert ("flux", "water_EVAP", "evapotranspiration") in placed["water"]
