"""Stage `forcing`: gap-free weather with flags and error sd."""

from __future__ import annotations

import numpy as np

from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.reanalysis.inputs import read_site, save_dataset
from elterra.pipeline.reanalysis.record import forcing_of, read_record


def run(context: Context) -> StageResult:
    """Writes ``forcing/forcing.nc``; figures: share of each variable that is not measured."""
    site = read_site(context.folder_of("domain") / "site.json")
    record = read_record(context.experiment, site)
    streams = forcing_of(context.experiment, site, record)
    save_dataset(streams, context.folder / "forcing.nc")
    filled = {
        f"filled.{name}": float(np.mean(streams[f"{name}_flag"].values != 0))
        for name in ("TBOT", "QBOT", "PSRF", "WIND", "FSDS", "FLDS", "PRECTmms")
    }
    return StageResult(outputs=("forcing/forcing.nc",), figures=filled)
