"""Stage `observations`: what was measured, with errors; every rejected value counted with its reason."""

from __future__ import annotations

import numpy as np

from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.reanalysis.inputs import read_site, save_dataset
from elterra.pipeline.reanalysis.record import ASSIMILATED, observations_of, read_record


def run(context: Context) -> StageResult:
    """Writes ``observations/observations.nc``; figures: counts by variable and flag."""
    site = read_site(context.folder_of("domain") / "site.json")
    record = read_record(context.experiment, site)
    observations = observations_of(context.experiment, site, record)
    save_dataset(observations, context.folder / "observations.nc")
    figures: dict[str, float] = {}
    for name in ASSIMILATED:
        flag = observations[f"{name}_flag"]
        meanings = str(flag.attrs.get("flag_meanings", "")).split()
        values = np.atleast_1d(flag.attrs.get("flag_values", np.arange(len(meanings))))
        for value, meaning in zip(values, meanings, strict=False):
            figures[f"{name}.{meaning}"] = float(np.sum(flag.values == value))
    return StageResult(outputs=("observations/observations.nc",), figures=figures)
