"""Small maps whose equilibria differ from their prior by a smooth function of the inputs."""

from __future__ import annotations

import numpy as np

from elterra.spinup.surrogate import Layout, Sample

LAYOUT = Layout(
    ("warm", "wet"), ("clay", "depth"), ("co2",), ("woodc", "woodn"), ("litr1c", "soil1c", "litr1n", "soil1n")
)
THICKNESS = np.array([0.1, 0.3, 0.6])


def make(seed=0, lat=16, lon=16, co2=0.0, noise=0.0):
    """A map; the log-ratios are linear in ``warm``, ``clay`` and ``co2`` with a product between them."""
    rng = np.random.default_rng(seed)
    land = rng.random((lat, lon)) > 0.2
    valid = (np.arange(3)[:, None, None] < rng.integers(1, 4, (lat, lon))) & land
    surface = rng.standard_normal((lat, lon, 2))
    soil = np.stack(
        [rng.standard_normal((3, lat, lon)), np.broadcast_to(np.arange(3.0)[:, None, None], (3, lat, lon))],
        -1,
    )
    prior_surface = np.exp(rng.standard_normal((lat, lon, 1))) * [100.0, 1.0]
    prior_soil = np.exp(rng.standard_normal((3, lat, lon, 1))) * [50.0, 500.0, 1.0, 40.0]
    warm, clay = surface[..., 0], soil[..., 0]
    above = 0.4 * warm + 0.3 * co2
    below = 0.3 * clay - 0.3 * warm + 0.2 * warm * clay + 0.3 * co2
    above = above[..., None] + noise * rng.standard_normal((lat, lon, 2))
    below = below[..., None] + noise * rng.standard_normal((3, lat, lon, 4))
    return Sample(
        surface=surface,
        soil=soil,
        scalars=np.array([co2]),
        valid=valid,
        land=land,
        area=np.full((lat, lon), 2.0),
        thickness=THICKNESS,
        group=(surface[..., 1] > 0).astype(int),
        prior_surface=prior_surface,
        prior_soil=prior_soil,
        true_surface=prior_surface * np.exp(above),
        true_soil=prior_soil * np.exp(below),
    )
