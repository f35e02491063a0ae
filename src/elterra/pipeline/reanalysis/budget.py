"""Terms of the budgets of water, carbon and nitrogen: their names in the store, units, meaning, and how they sum.

Of each budget and day: ``end - end of the day before = fluxes + increment - smoothing - discrepancy + residual``, ensemble
means; a flux is positive where it adds to the storage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import xarray as xr

from elterra.registry import variable, variables

#: fluxes of the budgets: (storage, {flux: sign}); supply positive
BUDGETS: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "water": ("TOTWATER", {"PRECIP": 1.0, "EVAP": -1.0, "RUNOFF": -1.0}),
    "carbon": ("TOTECOSYSC", {"NEE": -1.0}),
    "nitrogen": (
        "TOTECOSYSN",
        {
            "NDEP_TO_SMINN": 1.0,
            "NFIX_TO_SMINN": 1.0,
            "SMIN_NO3_LEACHED": -1.0,
            "F_DENIT": -1.0,
            "F_N2O_NIT": -1.0,
        },
    ),
}
#: balance residuals of the land model, the largest of a window
RESIDUALS = ("errh2o", "errsol", "errseb", "errsoi", "errcb", "errnb")


def budget_attributes(bounded: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """Attributes of every variable of the group ``budget``, in the order of the store: ``units``, ``long_name``, and for
    terms of a budget ``budget`` and ``role`` (flux, start, storage, residual, increment, smoothing, discrepancy).
    ``bounded``: variables of which clipping is booked."""
    out: dict[str, dict[str, str]] = {}
    for kind, (storage, fluxes) in BUDGETS.items():
        units, of = variable(storage).units, {"budget": kind}
        for flux in fluxes:
            name = variable(flux).long_name.removesuffix(", positive to the atmosphere")
            out[f"{kind}_{flux}"] = {"units": units, "long_name": name, **of, "role": "flux"}
        for name, role, text in (
            (f"{kind}_start", "start", f"{variable(storage).long_name} at the start of the day"),
            (f"{kind}_end", "storage", f"{variable(storage).long_name} at the end of the day"),
            (f"{kind}_residual", "residual", "residual of the model's balance"),
            (
                f"increment_{kind}",
                "increment",
                "increment by the analyses",
            ),
            (f"smoothing_{kind}", "smoothing", "smoothing of the fluxes"),
            (
                f"discrepancy_{kind}",
                "discrepancy",
                "learned discrepancy in the fluxes",
            ),
        ):
            out[name] = {"units": units, "long_name": text, **of, "role": role}
    for name in RESIDUALS:
        text = f"largest {variable(name).long_name} of the day's half-hours and members"
        out[f"worst_{name}"] = {"units": variable(name).units, "long_name": text}
    for name in bounded:
        text = f"what taking max(x, 0) of the members added to the mean of {variable(name).long_name}"
        out[f"clipped_{name}"] = {"units": variable(name).units, "long_name": text}
    return out


def described(budget: xr.Dataset) -> xr.Dataset:
    """The group ``budget`` of a store with its attributes; stores of before have none."""
    clipped = [str(n).removeprefix("clipped_") for n in budget.data_vars if str(n).startswith("clipped_")]
    attributes = budget_attributes([n for n in clipped if n in variables()])
    return budget.assign({n: budget[n].assign_attrs(a) for n, a in attributes.items() if n in budget})
