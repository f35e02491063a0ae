"""Stage `forcing`: gap-free weather with flags and error sd."""

from __future__ import annotations

import numpy as np

from elterra.forcing import build_forcing
from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.reanalysis.inputs import in_period, read_record, read_site, save_dataset


def run(context: Context) -> StageResult:
    """Writes ``forcing/forcing.nc``; figures: share of each variable that is not measured."""
    site = read_site(context.folder_of("domain") / "site.json")
    record = read_record(context.experiment, site)
    streams = in_period(build_forcing(record, site), context.experiment, "forcing")
    save_dataset(streams, context.folder / "forcing.nc")
    filled = {
        f"filled.{name}": float(np.mean(streams[f"{name}_flag"].values != 0))
        for name in ("TBOT", "QBOT", "PSRF", "WIND", "FSDS", "FLDS", "PRECTmms")
    }
    return StageResult(outputs=("forcing/forcing.nc",), figures=filled)
