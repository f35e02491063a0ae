"""Bench ``land``: speed, compilation, gradient and balances of the land model with CH-Dav weather."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from elterra.errors import InputError

DAY = 48
FIRST_DAY = "2014-05-01"
_MEANS = ("NEE", "GPP", "LE", "H", "SWE", "TRAN")


def measure(
    *, quick: bool = False, device: str | None = None, case: str | None = None, steps: int | None = None
) -> dict[str, float]:
    """Column-years per second of 1, 64 and 1024 columns, seconds of compilation, cost of a gradient, residuals.

    ``device`` is "cpu" or "gpu"; None takes what JAX finds. ``quick`` runs 64 columns for two days and nothing else.

    With ``case``, a reference case of CLM5 with many cells, the figures of `elterra.bench.land_case` instead, over
    ``steps`` steps (``quick``: one day of the cells of the case, no gradient).
    """
    _choose(device)
    if case is not None:
        from elterra.bench.land_case import CELLS, STEPS, measure_case

        return measure_case(
            case, steps=steps or (DAY if quick else STEPS), cells=1 if quick else CELLS, gradient=not quick
        )
    if steps is not None:
        raise InputError("bench land: steps belong to a case; name one (sp40, bgc40)")
    figures: dict[str, float] = {}
    for columns in (64,) if quick else (1, 64, 1024):
        figures |= _speed(columns, days=2 if quick else 3)
    if quick:
        return figures
    figures["gradient_over_forward"] = _gradient(64)
    with tempfile.TemporaryDirectory() as cache:
        figures["compile_seconds"] = _first_call(cache, device)
        figures["compile_cached_seconds"] = _first_call(cache, device)
    return figures


def _choose(device: str | None) -> None:
    """Sets the device before JAX looks for one, and double precision."""
    if device is not None:
        os.environ["JAX_PLATFORMS"] = {"cpu": "cpu", "gpu": "cuda"}[device]
    import jax

    jax.config.update("jax_enable_x64", True)


def _case(columns: int, days: int) -> tuple[Any, ...]:
    """Parameters, state, forcing (host arrays), neutral factors and configuration of the spruce forest CH-Dav.

    Snow layers as in a reanalysis, so that the figures are those of a run.
    """
    from elterra.domain import ch_dav
    from elterra.experiment import LandModel
    from elterra.forcing import build_forcing
    from elterra.forcing.to_land import land_forcing
    from elterra.land import Config, cold_start, prepare
    from elterra.land.forcing import neutral_factors
    from elterra.observations import davos_path, read_davos
    from elterra.pipeline.reanalysis.inputs import surface_of

    site = ch_dav()
    record = read_davos(davos_path()).sel(time=slice("2014-04-01", "2014-06-30"))
    forcing = build_forcing(record, site).sel(time=slice(FIRST_DAY, None)).isel(time=slice(0, days * DAY))
    cfg = Config(nlevsno=LandModel().snow_layers)
    p = prepare(surface_of(site).tile(columns))
    state = cold_start(p, cfg).replace(**_forest(p))
    return p, state, land_forcing(forcing, site), neutral_factors(columns), cfg


def _forest(p: Any) -> dict[str, Any]:
    """Pools of a grown conifer stand (g m-2), so that the canopy is not a seedling's."""
    import jax.numpy as jnp

    one = jnp.ones_like(p.wt)
    return {
        "leafc": 350.0 * one,
        "leafn": 6.0 * one,
        "frootc": 350.0 * one,
        "frootn": 8.0 * one,
        "deadstemc": 9000.0 * one,
        "deadstemn": 18.0 * one,
    }


def _speed(columns: int, days: int) -> dict[str, float]:
    """Best day of ``days`` after the first (which compiles), and the worst residuals of all of them."""
    import jax
    import numpy as np

    from elterra.land import run_chunk
    from elterra.land.run import forcing_chunk

    p, state, forcing, factors, cfg = _case(columns, days)
    best_wall = best_cpu = float("inf")
    worst: dict[str, float] = {}
    for day in range(days):
        f = forcing_chunk(forcing, day * DAY, (day + 1) * DAY)
        jax.block_until_ready(f)
        wall, cpu = time.perf_counter(), time.process_time()
        state, _, _, _, residuals = run_chunk(p, state, f, factors, cfg, (), _MEANS, ())
        jax.block_until_ready(state)
        if day > 0:
            best_wall = min(best_wall, time.perf_counter() - wall)
            best_cpu = min(best_cpu, time.process_time() - cpu)
        for name, value in residuals.items():
            worst[name] = max(worst.get(name, 0.0), float(np.max(value)))
    years = columns / 365.0
    figures = {f"columns_{columns}.column_years_per_second": years / best_wall}
    figures[f"columns_{columns}.ms_per_step"] = 1e3 * best_wall / DAY
    if jax.default_backend() == "cpu":
        figures[f"columns_{columns}.column_years_per_core_second"] = years / best_cpu
    if columns == 64:
        figures |= {f"worst.{name}": value for name, value in worst.items()}
    return figures


def _gradient(columns: int) -> float:
    """Seconds of value and gradient of a day's NEE with respect to state and parameters, over those of the value."""
    import jax
    from jax import lax

    from elterra.land import step
    from elterra.land.forcing import perturb_forcing
    from elterra.land.run import forcing_chunk

    p, state, forcing, factors, cfg = _case(columns, 1)
    day = forcing_chunk(forcing, 0, DAY)

    def nee(vcmax: Any, water: Any) -> Any:
        q = p.replace(vcmax25top=vcmax)
        start = state.replace(h2osoi_liq=water)

        @jax.checkpoint
        def body(s: Any, f: Any) -> tuple[Any, Any]:
            s, out = step(q, s, perturb_forcing(f, factors), cfg)
            return s, out["NEE"].sum()

        return lax.scan(body, start, day)[1].sum()

    forward, both = jax.jit(nee), jax.jit(jax.value_and_grad(nee, argnums=(0, 1)))
    return _best(both, p.vcmax25top, state.h2osoi_liq) / _best(forward, p.vcmax25top, state.h2osoi_liq)


def _best(function: Any, *arguments: Any, repeats: int = 5) -> float:
    import jax

    jax.block_until_ready(function(*arguments))
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _first_call(cache: str, device: str | None) -> float:
    """Seconds of the first call for 64 columns in a fresh process that keeps compiled programs in ``cache``."""
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }
    told = subprocess.run(
        [sys.executable, "-m", "elterra.bench.land", device or ""],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(told.stdout.split()[-1])


def _tell_first_call(device: str | None) -> None:
    _choose(device)
    import jax

    from elterra.land import run_chunk
    from elterra.land.run import forcing_chunk

    p, state, forcing, factors, cfg = _case(64, 1)
    f = forcing_chunk(forcing, 0, DAY)
    jax.block_until_ready((p, state, f, factors))
    start = time.perf_counter()
    jax.block_until_ready(run_chunk(p, state, f, factors, cfg, (), _MEANS, ()))
    print(time.perf_counter() - start)


if __name__ == "__main__":
    _tell_first_call(sys.argv[1] or None)
