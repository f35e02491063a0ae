"""`elterra downscale`: features of fine pixels, maps from coarse fields, scores on held-out regions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from elterra.cli._options import Help, Json
from elterra.cli._output import emit

app = typer.Typer(
    no_args_is_help=True, add_help_option=False, help="Coarse fields to fine pixels, with exact coarse means."
)

Crs = Annotated[
    str | None, typer.Option("--crs", help="Reference system, where a file does not tell it: EPSG:3035.")
]
FeatureFiles = Annotated[
    list[Path], typer.Option("--features", help="File of fields on the fine grid; repeat for more.")
]
Truth = Annotated[str, typer.Option("--truth", help="Fine truth to learn from: FILE:VARIABLE.")]
Classes = Annotated[
    list[str] | None,
    typer.Option("--class", help="A feature that holds codes (land cover); repeat for more."),
]
LawName = Annotated[str, typer.Option("--law", help="signed, positive, or LOWER:UPPER for bounds.")]
Block = Annotated[int, typer.Option("--block", help="Side of a held-out region in coarse cells.", min=1)]


@app.callback()
def _downscale(asked: Help = False) -> None:
    """Coarse fields to fine pixels, with exact coarse means."""
    del asked


@app.command("features")
def features(
    dem: Annotated[str, typer.Argument(help="Height model: FILE:VARIABLE.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The NetCDF file to write.")],
    latitude: Annotated[
        float | None, typer.Option("--latitude", help="Degrees; needed where the grid is a projection.")
    ] = None,
    crs: Crs = None,
    json_: Json = False,
) -> None:
    """Slope, aspect, wetness, position, light and channels from a height model."""
    from elterra.downscaling.files import make_features

    told = make_features(_source(dem, crs), out, latitude)
    if json_:
        emit(told)
    else:
        typer.echo(f"{out}: {', '.join(told['fields'])}")


@app.command("run")
def run(
    coarse: Annotated[str, typer.Argument(help="Coarse field: FILE:VARIABLE.", show_default=False)],
    feature_files: FeatureFiles,
    truth: Truth,
    out: Annotated[Path, typer.Option("--out", help="The NetCDF file to write.")],
    method: Annotated[str, typer.Option("--method", help="bilinear, tiling, kriging or trees.")] = "trees",
    law: LawName = "signed",
    classes: Classes = None,
    block: Block = 4,
    land: Annotated[
        str | None,
        typer.Option("--land", help="Fraction of land of each pixel, FILE:VARIABLE; all is land without."),
    ] = None,
    crs: Crs = None,
    json_: Json = False,
) -> None:
    """Learn from a fine truth and give a coarse field at fine pixels: mean, quantiles, exact coarse means."""
    from elterra.downscaling.files import map_files, read_features

    fields = read_features(feature_files, crs, tuple(classes or ()))
    share = _source(land, crs) if land else None
    told = map_files(fields, _source(truth, crs), _source(coarse, crs), _law(law), block, method, out, share)
    if json_:
        emit(told)
        return
    typer.echo(f"map                {out}")
    typer.echo(f"pixels             {told['pixels']:.0f}, {told['factor']:.0f} a side in a cell")
    typer.echo(f"error of means     {told['error']:.1e} of the largest cell")
    typer.echo(f"changed by the law {told['rms']:.2%} (rms), {told['largest']:.2%} (largest cell)")
    typer.echo(f"intervals          times {told['widen']:.2f}")


@app.command("evaluate")
def evaluate(
    truth: Annotated[str, typer.Argument(help="Fine truth: FILE:VARIABLE.", show_default=False)],
    feature_files: FeatureFiles,
    factor: Annotated[int, typer.Option("--factor", help="Pixels a side in a coarse cell.", min=2)],
    law: LawName = "signed",
    classes: Classes = None,
    block: Block = 4,
    folds: Annotated[int, typer.Option("--folds", help="Parts that the regions are dealt to.", min=2)] = 4,
    methods: Annotated[
        list[str] | None, typer.Option("--method", help="Only this method; repeat for more.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the score card here as JSON, too.")] = None,
    crs: Crs = None,
    json_: Json = False,
) -> None:
    """Score card of the methods on regions they have not seen; the truth is made coarse by --factor."""
    from elterra.downscaling import METHODS
    from elterra.downscaling.files import read_features, score_files

    fields = read_features(feature_files, crs, tuple(classes or ()))
    names = methods or list(METHODS)
    told = score_files(fields, _source(truth, crs), _law(law), factor, block, folds, names, out)
    if json_:
        emit(told)
        return
    show_scores(told["scores"])


def show_scores(scores: dict[str, dict[str, float]]) -> None:
    """A table of the score cards by method."""
    keys = (
        "rmse",
        "crps",
        "coverage90",
        "spread_skill",
        "log_spectral_distance",
        "histogram_distance",
        "aggregate_error",
    )
    shown = [k for k in keys if any(k in s for s in scores.values())]
    typer.echo(f"{'method':<18}" + "".join(f"{k:>24}" for k in shown))
    for name, found in scores.items():
        typer.echo(
            f"{name:<18}" + "".join(f"{found[k]:>24.4g}" if k in found else f"{'':>24}" for k in shown)
        )


def _source(text: str, crs: str | None) -> Any:
    from elterra.downscaling.files import Source
    from elterra.errors import InputError

    path, colon, name = text.rpartition(":")
    if not colon or not path or not name:
        raise InputError(f"{text}: expected FILE:VARIABLE")
    return Source(Path(path), name, crs)


def _law(text: str) -> Any:
    from elterra.downscaling import Law
    from elterra.errors import InputError

    if text == "signed":
        return Law("signed")
    if text == "positive":
        return Law("positive")
    low, colon, high = text.partition(":")
    try:
        if colon:
            return Law("bounded", float(low), float(high))
    except ValueError:
        pass
    raise InputError(
        f"--law {text}: expected signed, positive, or two numbers LOWER:UPPER with LOWER below UPPER"
    )
