"""Maps for bench ``networks``: inputs, prior and truth of `networks_columns` over the region of `networks_climate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from elterra.bench.networks_climate import TYPES, Case, Region, climate, make_region
from elterra.bench.networks_columns import Weather, solve
from elterra.land import Surface, prepare
from elterra.land.config import NLEVGRND, NLEVSOI, POOLS
from elterra.registry import parameters
from elterra.spinup.surrogate import Layout, Sample

#: parameters of the registry that differ between maps, and how far (logarithm)
VARIED = {"q10_hr": 0.25, "tau_s2": 0.4, "tau_s3": 0.4, "som_diffus": 0.6, "r_mort": 0.4}
TISSUES = ("leafc", "frootc", "woodc", "leafn", "frootn", "woodn")
LAYOUT = Layout(
    surface_inputs=(
        "sin_lat",
        "elevation",
        "bedrock",
        "sd_t",
        "sd_p",
        "log_deposition",
        *(f"type_{t}" for t in TYPES),
        *(f"t_{m}" for m in range(1, 13)),
        *(f"log_p_{m}" for m in range(1, 13)),
        "log_prior_production",
        *(f"log_prior_{t}" for t in TISSUES[:3]),
    ),
    soil_inputs=(
        "sand",
        "clay",
        "log_depth",
        "above_bedrock",
        "log_prior_scalar",
        *(f"log_prior_{n}c" for n in POOLS),
    ),
    scalars=("log_co2", *(f"log_{n}" for n in VARIED)),
    surface_pools=TISSUES,
    soil_pools=(*(f"{n}c" for n in POOLS), *(f"{n}n" for n in POOLS)),
)


@dataclass(frozen=True)
class World:
    """Maps for training (truth known in the training blocks), calibration (same maps, other blocks), and the three tests."""

    train: list[Sample]
    calibrate: list[Sample]
    unseen_blocks: list[Sample]
    unseen_scenario: list[Sample]
    unseen_parameters: list[Sample]


def make_world(lat: int, lon: int, maps: int, *, seed: int = 0) -> World:
    """A quarter of the blocks is withheld from training, an eighth calibrates. The training climates go from 0.8 K below to
    3 K above the present, the unseen scenario is 4.5 K above it."""
    region = make_region(lat, lon, seed)
    draws = qmc.Sobol(len(VARIED), seed=seed).random_base2((maps + 3).bit_length())  # at least maps + 4
    spread = np.array(list(VARIED.values()))
    factors = [dict(zip(VARIED, np.exp(spread * (2 * d - 1)), strict=True)) for d in draws]
    warming = (-0.8, 0.0, 1.0, 2.0, 3.0)
    co2 = (285.0, 370.0, 450.0, 520.0, 590.0)
    deposition = (0.4, 1.0, 1.2, 0.9, 0.8)
    cases = [
        Case(warming[i % 5], (1.0, 1.02, 1.04)[i % 3], co2[i % 5], deposition[i % 5], factors[i])
        for i in range(maps)
    ]
    whole = [make_map(region, c) for c in cases]
    block = blocks_of(lat, lon)
    # of every four blocks in a diagonal pattern one is withheld, of every eight one calibrates
    rows, columns = block // 100, block % 100
    held = (rows + 2 * columns) % 4 == 0
    calibrates = ((rows + 2 * columns) % 4 == 2) & (columns % 2 == 1)
    future = [Case(4.5, 1.02, 700.0, 0.8, f) for f in ({}, factors[maps])]
    other = [
        Case(0.0, 1.02, 370.0, 1.0, factors[maps + 1]),
        Case(1.5, 1.02, 480.0, 1.1, factors[maps + 2]),
    ]
    return World(
        train=[m.only(~held & ~calibrates) for m in whole],
        calibrate=[m.only(calibrates) for m in whole],
        unseen_blocks=[m.only(held) for m in whole],
        unseen_scenario=[make_map(region, c) for c in future],
        unseen_parameters=[make_map(region, c) for c in other],
    )


def blocks_of(lat: int, lon: int, size: int = 6) -> NDArray[np.int64]:
    """Number of the block of each cell: row of blocks * 100 + column."""
    i, j = np.indices((lat, lon)) // size
    return np.asarray(i * 100 + j, np.int64)


def make_map(region: Region, case: Case) -> Sample:
    """Prior and truth of all land cells of a case."""
    land = region.land
    temperature, rain = climate(region, case)
    deposition = region.deposition * case.deposition
    columns = int(land.sum())
    p = prepare(_surface(region, columns), _overrides(case, columns))
    weather = Weather(
        temperature[:, land],
        rain[:, land],
        region.sd_t[land],
        region.sd_p[land],
        deposition[land],
        np.full(columns, case.co2),
    )
    prior, truth = solve(p, weather, False), solve(p, weather, True)
    layers = NLEVSOI
    valid = np.zeros((layers, *land.shape), bool)
    valid[:, land] = np.arange(layers)[:, None] < np.asarray(p.nbedrock)

    def spread(values: Any, lead: tuple[int, ...] = ()) -> NDArray[np.float32]:
        """``[..., column]`` to ``[*lead, lat, lon, channel]``; ``values [channel, *lead, column]``."""
        whole = np.zeros((*lead, *land.shape, len(values)), np.float32)
        whole[..., land, :] = np.moveaxis(values, 0, -1)
        return whole

    depth, thick = np.asarray(p.zsoi)[:layers], np.asarray(p.dzsoi)[:layers, 0]
    surface = np.stack(
        [
            np.sin(np.radians(region.lat[land])),
            region.elevation[land],
            region.bedrock[land],
            region.sd_t[land],
            region.sd_p[land],
            np.log(deposition[land]),
            *region.weights[:, land],
            *temperature[:, land],
            *np.log(rain[:, land]),
            np.log(prior.production),
            *np.log(prior.tissues[:3] + 1e-3),
        ]
    )
    soil = np.stack(
        [
            np.asarray(p.sand)[:layers],
            np.asarray(p.clay)[:layers],
            np.log(depth),
            region.bedrock[land] - depth,
            np.log(prior.scalar + 1e-3),
            *np.log(prior.carbon + 1e-3),
        ]
    )
    return Sample(
        surface=spread(surface),
        soil=spread(soil, (layers,)),
        scalars=np.array([np.log(case.co2 / 370.0), *(np.log(case.factors.get(n, 1.0)) for n in VARIED)]),
        valid=valid,
        land=land,
        area=region.area,
        thickness=thick,
        group=np.asarray(TYPES)[region.weights.argmax(axis=0)],
        prior_surface=spread(prior.tissues),
        prior_soil=spread(np.concatenate([prior.carbon, prior.nitrogen]), (layers,)),
        true_surface=spread(truth.tissues),
        true_soil=spread(np.concatenate([truth.carbon, truth.nitrogen]), (layers,)),
    )


def _surface(region: Region, columns: int) -> Surface:
    land = region.land

    def profile(values: NDArray) -> NDArray:
        share = np.linspace(0.0, 1.0, NLEVGRND)[:, None]
        return np.asarray(values[0][land] * (1 - share) + values[1][land] * share)

    sand, clay = profile(region.sand), profile(region.clay)
    one = np.ones(columns)
    weights = region.weights[:, land]
    return Surface(
        lat=region.lat[land],
        lon=region.lon[land],
        elevation=region.elevation[land],
        forc_hgt=30.0 * one,
        topo_slope=one,
        fmax=0.4 * one,
        zbedrock=region.bedrock[land],
        soil_color=10 * one,
        sand=sand,
        clay=np.minimum(clay, 99.0 - sand),
        organic=np.zeros_like(sand),
        pft=np.broadcast_to(np.array(TYPES)[:, None], weights.shape),
        wt=weights / weights.sum(axis=0),
    )


def _overrides(case: Case, columns: int) -> dict[str, NDArray]:
    known = parameters()
    return {
        n: np.full(columns, f * float(known[n].default))  # type: ignore[arg-type]
        for n, f in case.factors.items()
    }
