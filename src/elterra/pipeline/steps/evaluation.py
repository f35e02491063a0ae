"""Stage `evaluation`: how the run fits the data it was given, and the scores on withheld data where they are made.

The honest scores come from variants with data withheld (`elterra evaluate`); they cost as much as the run itself and
are kept in ``scores/``. This stage says what the innovations of the run say.
"""

from __future__ import annotations

import numpy as np

from elterra.files import write_json
from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.reanalysis.groups import RunGroups


def run(context: Context) -> StageResult:
    """Writes ``evaluation/innovations.json``: by kind of datum count, rejected, bias, spread and chi-square."""
    data = RunGroups(context.run_dir)("innovations")
    figures: dict[str, float] = {}
    kinds = (
        np.asarray(data["variable"].values, dtype=str)
        if data.sizes.get("datum", 0)
        else np.zeros(0, dtype=str)
    )
    for kind in np.unique(kinds):
        here = data.isel(datum=kinds == kind)
        used = here["used"].values.astype(bool)
        d = (here["value"] - here["prior_mean"]).values[used]
        analysed = (here["value"] - here["posterior_mean"]).values[used]
        total = np.sqrt(here["prior_sd"].values[used] ** 2 + here["error_sd"].values[used] ** 2)
        figures |= {
            f"{kind}.count": float(used.size),
            f"{kind}.rejected": float((~used).sum()),
            f"{kind}.bias": float(d.mean()),
            f"{kind}.rmse_forecast": float(np.sqrt((d**2).mean())),
            f"{kind}.rmse_analysis": float(np.sqrt((analysed**2).mean())),
            f"{kind}.chi2": float(((d / total) ** 2).mean()),
        }
    write_json(context.folder / "innovations.json", figures)
    return StageResult(outputs=("evaluation/innovations.json",), figures=figures)
