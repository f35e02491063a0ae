"""Stages of a region: its domain file, and its maps."""

from __future__ import annotations

from elterra.domain.build import Builder
from elterra.domain.summary import open_domain, summarise
from elterra.domain.write import write_domain
from elterra.files import write_atomically
from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.domain_clm import clm_source
from elterra.product.domain_maps import domain_figure


def domain(context: Context) -> StageResult:
    """Writes ``domain/domain.nc``. Stopped between tiles, it begins anew: a domain takes a minute."""

    def told(done: int, total: int) -> None:
        context.progress(done, total, "tiles")
        if done < total:
            context.check_stop()

    path = write_domain(Builder(context.region, clm=clm_source), context.folder / "domain.nc", told=told)
    with open_domain(path) as data:
        found = summarise(data)
    figures = {key: float(found[key]) for key in ("cells", "modelled_cells", "land_km2", "modelled_land_km2")}
    return StageResult(outputs=("domain/domain.nc",), figures=figures)


def maps(context: Context) -> StageResult:
    """Writes ``maps/domain.svg``."""
    with open_domain(context.folder_of("domain") / "domain.nc") as data:
        write_atomically(context.folder / "domain.svg", domain_figure(data))
    return StageResult(outputs=("maps/domain.svg",))
