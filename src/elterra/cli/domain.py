"""`elterra domain`: grid, land cover, climate, soil and terrain of a region."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elterra.cli._options import Help, Json
from elterra.cli._output import emit

app = typer.Typer(
    no_args_is_help=True,
    add_help_option=False,
    help="Make, inspect and draw the domain of a region: grid, vegetation, climate, soil.",
)

RegionFile = Annotated[Path, typer.Argument(help="File of a region (YAML).", show_default=False)]
DomainFile = Annotated[
    Path, typer.Argument(help="Domain file, as `domain make` writes it.", show_default=False)
]


@app.callback()
def _domain(asked: Help = False) -> None:
    """Make, inspect and draw the domain of a region: grid, vegetation, climate, soil."""
    del asked


@app.command()
def make(
    region: RegionFile,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; NAME.domain.nc by default.")
    ] = None,
    tile_cells: Annotated[
        int | None, typer.Option("--tile-cells", help="Cells worked on at once; bounds memory.", min=1)
    ] = None,
    json_: Json = False,
) -> None:
    """Make the domain file of a region."""
    import sys
    import time

    from elterra.domain.summary import open_domain, summarise
    from elterra.pipeline.domain_make import make_domain

    begun = time.perf_counter()

    def told(done: int, total: int) -> None:
        if total > 1:
            print(f"domain: tile {done} of {total}", file=sys.stderr, flush=True)

    path = make_domain(region, out, tile_cells, told)
    with open_domain(path) as data:
        figures = summarise(data)
    figures |= {"file": str(path), "bytes": path.stat().st_size, "seconds": time.perf_counter() - begun}
    if json_:
        emit(figures)
        return
    _tell(figures)
    typer.echo(f"written      {path} ({figures['bytes'] / 1e6:.1f} MB, {figures['seconds']:.1f} s)")


@app.command()
def show(domain: DomainFile, json_: Json = False) -> None:
    """Figures of a domain file: cells, areas by land unit and type, ranges, what is assumed."""
    from elterra.domain.summary import open_domain, summarise

    with open_domain(domain) as data:
        figures = summarise(data)
    if json_:
        emit(figures)
    else:
        _tell(figures)


@app.command()
def plot(
    domain: DomainFile,
    out: Annotated[
        Path | None, typer.Option("--out", help="SVG file to write; beside the domain by default.")
    ] = None,
    json_: Json = False,
) -> None:
    """Draw maps of a domain file (SVG)."""
    from elterra.domain.summary import open_domain
    from elterra.files import write_atomically
    from elterra.product.domain_maps import domain_figure

    with open_domain(domain) as data:
        text = domain_figure(data)
    path = out or domain.with_suffix(".svg")
    write_atomically(path, text)
    if json_:
        emit({"file": str(path), "bytes": len(text.encode())})
    else:
        typer.echo(f"written      {path}")


@app.command()
def schema() -> None:
    """JSON Schema of the file of a region, for editors."""
    import json

    from elterra.experiment import region_schema

    typer.echo(json.dumps(region_schema(), indent=1))


def _tell(figures: dict) -> None:
    ny, nx = figures["shape"]
    typer.echo(f"{figures['title']}")
    typer.echo(
        f"grid         {ny} x {nx} cells, {figures['mapping']}, {figures['area_km2'] / 1e6:.3f} million km2"
    )
    typer.echo(
        f"land         {figures['land_km2'] / 1e6:.3f} million km2; modelled {figures['modelled_cells']} cells"
    )
    if figures["land_cells_without_climate"]:
        typer.echo(
            f"outside      {figures['land_cells_without_climate']} land cells without climate are not modelled"
        )
    for group, what in (("landunit_km2", "land units"), ("pft_km2", "types of the natural unit")):
        total = sum(figures[group].values()) or 1.0
        typer.echo(f"{what}")
        for name, area in figures[group].items():
            if area > 0.0:
                typer.echo(f"  {name:<40}{area / 1e3:>12.1f} thousand km2 {100 * area / total:>6.1f} %")
    typer.echo(f"  {'variable':<16}{'least':>11}{'mean':>11}{'greatest':>11}  {'units':<12}origin")
    for name, v in figures["variables"].items():
        gaps = f", {v['filled_cells']} cells filled" if v["filled_cells"] else ""
        numbers = "".join(
            "          -" if v[k] is None else f"{v[k]:>11.4g}" for k in ("least", "mean", "greatest")
        )
        typer.echo(f"  {name:<16}{numbers}  {v['units']:<12}{v['origin']}{gaps}")
    typer.echo("default: a stated assumption, no data; `--json` tells each.")
