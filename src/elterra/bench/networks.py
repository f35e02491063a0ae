"""Bench ``networks``: the transformer beside boosted trees and the prior alone on equilibria of a matrix model; its cost.

The equilibria are those of `networks_columns`, a matrix model with the land model's rates, not of the land model itself.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

TESTS = ("unseen_blocks", "unseen_scenario", "unseen_parameters")


@dataclass(frozen=True)
class Plan:
    """Sizes of a run: of the map, how many maps, training of the network and the trees."""

    lat: int
    lon: int
    maps: int
    steps: int
    rounds: int
    rows: int
    step_sizes: tuple[str, ...]


FULL = Plan(24, 32, 24, 500, 300, 40_000, ("small", "large"))
QUICK = Plan(18, 24, 6, 60, 60, 8_000, ("small",))
#: of the network that is trained
SIZES: dict[str, Any] = {
    "channels": 48,
    "heads": 3,
    "depths": (2, 2),
    "window": (11, 4, 4),
    "patch": (2, 2, 2),
    "cell": 32,
}
#: name -> (batch, layers, cells along a side, sizes) of the steps that are timed
STEPS: dict[str, tuple[int, int, int, dict[str, Any]]] = {
    "small": (4, 20, 16, SIZES),
    "large": (1, 20, 64, {**SIZES, "channels": 96, "heads": 6, "window": (21, 4, 4), "patch": (1, 2, 2)}),
}


def measure(*, quick: bool = False, folder: str | Path | None = None) -> dict[str, float]:
    """All parts. With a ``folder``, checkpoints of the network's training are kept there."""
    from elterra.bench.networks_data import LAYOUT, make_world
    from elterra.networks import Training
    from elterra.spinup.surrogate import (
        PriorAlone,
        SwinFit,
        TreesFit,
        calibrate_intervals,
        fit_swin,
        fit_trees,
        scaling_of,
        score,
    )

    plan = QUICK if quick else FULL
    figures: dict[str, float] = {}
    for name in plan.step_sizes:
        figures |= time_steps(name)
    tell("steps")
    world, cost = timed(lambda: make_world(plan.lat, plan.lon, plan.maps))
    figures |= {"cost.data.core_seconds": cost, "data.maps": len(world.train)}
    figures["data.training_columns"] = sum(int(s.usable.sum()) for s in world.train)
    tell("data")
    trees, cost = timed(
        lambda: fit_trees(world.train, LAYOUT, TreesFit(rounds=plan.rounds, rows=plan.rows, threads=2))
    )
    figures["cost.trees.core_seconds"] = cost
    tell("trees")
    training = Training(steps=plan.steps, rate=2e-3, ema=0.99, decay=1e-3, log_every=50, checkpoint_every=200)
    fit = SwinFit(training, SIZES)
    (swin, done), cost = timed(
        lambda: fit_swin(world.train, LAYOUT, fit, None if folder is None else Path(folder))
    )
    figures |= {"cost.swin.core_seconds": cost, "swin.steps": done[0].steps}
    tell("swin")
    rivals = {"swin": swin, "trees": trees, "prior": PriorAlone(LAYOUT, scaling_of(world.train))}
    for name, rival in rivals.items():
        intervals = calibrate_intervals(rival, world.calibrate)
        for test in TESTS:
            told = score(rival, getattr(world, test), intervals)
            pools = [told.pop(k) for k in list(told) if k.count(".") == 1 and _is_pool(k, LAYOUT)]
            figures |= {f"{test}.{name}.{k}": v for k, v in told.items()}
            figures[f"{test}.{name}.worst_pool_r2"] = min(pools)
    for test in TESTS:
        for rival in ("trees", "prior"):
            figures[f"{test}.swin_over_{rival}"] = _ratio(figures, test, rival)
    _, cost = timed(lambda: swin.predict(world.unseen_scenario[0]))
    figures["inference.core_seconds_per_cell"] = cost / world.unseen_scenario[0].land.sum()
    return figures


def _is_pool(key: str, layout: Any) -> bool:
    return key.removesuffix(".r2") in (*layout.surface_pools, *layout.soil_pools)


def _ratio(figures: dict[str, float], test: str, rival: str) -> float:
    """Mean over the eight totals of the network's root mean square error over that of the rival, as a geometric mean."""
    from elterra.spinup.surrogate import TOTALS

    pairs = [(figures[f"{test}.{n}.{t}.nrmse"] for n in ("swin", rival)) for t in TOTALS]
    return float(np.exp(np.mean([np.log(a / b) for a, b in pairs])))


def time_steps(name: str) -> dict[str, float]:
    """Processor seconds of a training step (value, gradient, update) of one of `STEPS`, best of five, compiled."""
    import jax
    import jax.numpy as jnp

    from elterra.bench.networks_data import LAYOUT
    from elterra.networks import Fields3D, SwinShape, SwinUNet, Training, train

    batch, layers, side, sizes = STEPS[name]
    shape = SwinShape(**LAYOUT.counts, **sizes)
    rng = np.random.default_rng(0)

    def draw(*size: int) -> Any:
        return rng.standard_normal((batch, *size)).astype(np.float32)

    land = rng.random((batch, side, side)) > 0.3
    valid = np.broadcast_to(land[:, None], (batch, layers, side, side))
    fields = Fields3D(
        draw(side, side, shape.surface_inputs),
        draw(layers, side, side, shape.soil_inputs),
        draw(shape.scalars),
        valid,
        land,
    )

    def loss(model: Any, x: Any, key: Any) -> Any:
        surface, soil = jax.vmap(model)(x)
        return jnp.mean((surface.mean - 1.0) ** 2) + jnp.mean((soil.mean - 1.0) ** 2), {}

    model = SwinUNet(shape, jax.random.key(0))
    marks: list[float] = []

    def batches(step: int) -> Any:
        marks.append(time.process_time())
        return fields

    # a line of the log a step: it waits for the step
    train(model, loss, batches, Training(steps=7, log_every=1))
    leaves = jax.tree.leaves(model)
    return {
        f"step.{name}.core_seconds": float(np.diff(marks[1:]).min()),
        f"step.{name}.tokens": batch * _tokens(shape, layers, side),
        f"step.{name}.cells": batch * layers * side * side,
        f"step.{name}.parameters": sum(x.size for x in leaves if hasattr(x, "size")),
    }


def _tokens(shape: Any, layers: int, side: int) -> int:
    a, b, c = shape.patch
    return int((1 + -(-layers // a)) * (side // b) * (side // c))


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Result and processor seconds of all threads."""
    start = time.process_time()
    return work(), time.process_time() - start


def tell(part: str) -> None:
    """Progress on stderr."""
    print(f"networks: {part}, {time.process_time():.0f} core-seconds so far", file=sys.stderr, flush=True)
