"""From the file of a region to its domain file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from elterra.domain.build import Builder
from elterra.domain.write import write_domain
from elterra.experiment import load_region
from elterra.pipeline.domain_clm import clm_source


def make_domain(
    region: str | Path,
    out: Path | None = None,
    tile_cells: int | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes the domain of a region file; returns the path (`out`, or NAME.domain.nc in the working
    directory)."""
    checked = load_region(region)
    builder = Builder(checked, clm=clm_source)
    return write_domain(builder, out or Path(f"{checked.name}.domain.nc"), tile_cells, told)
