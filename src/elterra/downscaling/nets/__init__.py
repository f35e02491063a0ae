"""Networks on arrays: they know no land. Diffusion (preconditioning, samplers, guidance, tiles) and a UNet."""

from elterra.downscaling.nets.guidance import observed, projected
from elterra.downscaling.nets.preconditioning import denoiser_of, noise_levels, training_loss
from elterra.downscaling.nets.samplers import dpm_solver_2s, heun, schedule
from elterra.downscaling.nets.tiles import seam_ratio, tiled

__all__ = [
    "denoiser_of",
    "dpm_solver_2s",
    "heun",
    "noise_levels",
    "observed",
    "projected",
    "schedule",
    "seam_ratio",
    "tiled",
    "training_loss",
]
