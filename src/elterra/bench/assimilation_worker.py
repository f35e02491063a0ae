"""A part of the bench ``assimilation`` in a process of its own: one thread of linear algebra, its own peak of memory.

``python -m elterra.bench.assimilation_worker PART [NAME ...] [--quick]`` prints one JSON object a result.
PART is lines (of the table, by name), linear, or letkf (by number of state values)."""

from __future__ import annotations

import json
import sys

#: model steps in the mean and before it, seeds: of the table, and to see that it works
STEPS, BURN_IN, SEEDS = 5000, 400, 5
QUICK_STEPS, QUICK_BURN_IN, QUICK_SEEDS = 600, 200, 2


def main(words: list[str]) -> None:
    quick = "--quick" in words
    part, *names = [w for w in words if w != "--quick"]
    if part == "linear":
        from elterra.bench.assimilation_linear import figures

        _tell("linear_gaussian", figures())
    elif part == "letkf":
        from elterra.bench.assimilation_letkf import figures as measured

        for values in names:
            _tell(f"letkf.{values}", measured(int(values)))
    elif part == "lines":
        for name in names:
            _tell(f"l96.{name}", _line(name, quick))
    else:
        raise SystemExit(f"no part {part}")


def _line(name: str, quick: bool) -> dict[str, float]:
    """Scores of one line. Time is counted in model steps: where observations are rarer there are fewer analyses."""
    from elterra.bench.assimilation_lorenz import LOST, Length
    from elterra.bench.assimilation_table import LINES, UNPUBLISHED

    line = LINES.get(name)
    every = line.every if line else 1
    steps, burn_in, seeds = (QUICK_STEPS, QUICK_BURN_IN, QUICK_SEEDS) if quick else (STEPS, BURN_IN, SEEDS)
    length = Length(seeds, -(-burn_in // every), -(-steps // every))
    scores = (line.run if line else UNPUBLISHED[name])(length)
    rmse = float(scores.rmse.mean())
    out = {
        "rmse": rmse,
        "seed_sd": float(scores.rmse.std(ddof=1)),
        "spread": float(scores.spread.mean()),
        "microseconds": 1e6 * scores.seconds_per_analysis,
    }
    if line:
        out |= {"published": line.published, "abs_error": abs(rmse - line.published)}
        out["within"] = float(out["abs_error"] <= line.reach)
    if name != "climatology":
        # not (x < LOST): a score that is no number is lost too
        out["diverged"] = float((~(scores.rmse < LOST)).sum())
    return out


def _tell(prefix: str, figures: dict[str, float]) -> None:
    print(json.dumps({f"{prefix}.{key}": value for key, value in figures.items()}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
