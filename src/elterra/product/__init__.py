"""The product: statistics, gap designs, baselines, scores, exports and the page.

Names are loaded on first use, so that importing the room is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "FLAGS": "statistics",
    "QUANTILES": "statistics",
    "daily_flags": "statistics",
    "daily_means": "statistics",
    "ensemble_statistics": "statistics",
    "flag_attributes": "statistics",
    "observation_flags": "statistics",
    "statistics_dataset": "statistics",
    "stored_name": "statistics",
    "time_bounds": "statistics",
    "GAP_COUNTS": "gaps",
    "GAP_DAYS": "gaps",
    "design_gaps": "gaps",
    "withhold": "gaps",
    "Evaluation": "evaluate",
    "evaluate": "evaluate",
    "plain_table": "evaluate",
    "rich_table": "evaluate",
    "cf_dataset": "export",
    "fluxnet_columns": "export",
    "write_fluxnet_csv": "export",
    "write_netcdf": "export",
    "Product": "load",
    "open_product": "load",
    "write_report": "report",
    "convert": "units",
    "convert_spread": "units",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"elterra.product.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'elterra.product' has no attribute {name!r}")
