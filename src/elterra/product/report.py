"""One self-contained HTML page about a run: no network, no libraries, light and dark."""

from __future__ import annotations

import base64
import gzip
import html
import json
import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from elterra.product import _report_data as collect
from elterra.product.load import OpenGroup, Product, open_product

_MOST_BYTES = 8_000_000


def write_report(
    run: Path | str | Product | OpenGroup,
    out: Path | str,
    *,
    metadata: Mapping[str, Any] | None = None,
    evaluation: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Path:
    """Writes the page of a run to `out` and returns its path.

    `run`: a run directory, a `Product`, or a callable that opens a group. Groups `halfhourly` and `daily` are
    needed; `openloop/daily`, `observations`, `innovations` and `budget` add their sections where present.
    `metadata`: title, site, latitude, longitude, elevation, utc_offset, licence ... (defaults:
    attributes of the
    daily group). `evaluation`: the object of `Evaluation.to_json` (default: `evaluation.json` in the run
    directory). `provenance`: anything to list at the end. Raises `ValueError` if the page would exceed 8 MB.
    """
    product = open_product(run)
    daily, halfhourly = product["daily"].load(), product["halfhourly"].load()
    about = {**daily.attrs, **(metadata or {})}
    offset = float(about.get("utc_offset", 0.0))
    if evaluation is None and isinstance(run, (str, Path)):
        beside = Path(run) / "evaluation.json"
        evaluation = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else None
    observations = _loaded(product, "observations")
    openloop = _loaded(product, "openloop/daily")
    payload: dict[str, Any] = {
        "about": _plain(about),
        "daily": collect.daily_series(daily, openloop, observations),
        "half": collect.halfhourly_series(halfhourly, observations),
        "cycles": collect.cycles(halfhourly, observations, offset),
        "budgets": collect.budgets(_loaded(product, "budget")),
        "soil": collect.soil_profiles(daily),
        "innovations": collect.innovations(_loaded(product, "innovations")),
        "scores": collect.score_rows(evaluation),
        "facts": collect.facts(daily, observations, evaluation),
        "provenance": _plain(dict(provenance or {})),
        "offset": offset,
    }
    text = render(payload, str(about.get("title", "Ecosystem reanalysis")))
    if len(text) > _MOST_BYTES:
        raise ValueError(
            f"the page would hold {len(text) / 1e6:.1f} MB; the limit is {_MOST_BYTES / 1e6:.0f} MB"
        )
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(out)
    return out


def render(payload: Mapping[str, Any], title: str) -> str:
    """The page as text. The payload travels compressed; the page unpacks it with `DecompressionStream`."""
    packed = gzip.compress(json.dumps(payload, allow_nan=False, separators=(",", ":")).encode(), 9, mtime=0)
    folder = resources.files("elterra.product").joinpath("templates")
    parts = {name: folder.joinpath(name).read_text(encoding="utf-8") for name in _TEMPLATES}
    page = parts["report.html"]
    script = parts["charts.js"] + "\n" + parts["report.js"]
    for mark, value in (
        ("{{title}}", html.escape(title)),
        ("{{style}}", parts["report.css"]),
        ("{{script}}", script),
        ("{{data}}", base64.b64encode(packed).decode()),
    ):
        page = page.replace(mark, value)
    return page


_TEMPLATES = ("report.html", "report.css", "charts.js", "report.js")


def _loaded(product: Product, group: str) -> xr.Dataset | None:
    data = product.get(group)
    return None if data is None else data.load()


def _plain(value: Any) -> Any:
    """JSON without NumPy types and without NaN."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
