"""Networks on arrays: a transformer with shifted windows in three dimensions, its training, calibration of what it says.

Knows no land. All in float32, on whatever device JAX has.
"""

from elterra.networks.attention import PositionBias, WindowAttention
from elterra.networks.batches import batch_indices, generator
from elterra.networks.block import SwinBlock
from elterra.networks.conformal import Conformal, calibrate, finite_sample_quantile
from elterra.networks.heads import Gaussian, GaussianHead, QuantileHead
from elterra.networks.losses import (
    gaussian_crps,
    gaussian_nll,
    huber,
    mass_weights,
    pinball,
    ratio_bounds,
    steady_state_residual,
    weighted_mean,
)
from elterra.networks.swin import Fields3D, SwinShape, SwinUNet, with_window
from elterra.networks.tiles import alignment, crop, exact_halo, in_tiles, reach
from elterra.networks.training import Trained, Training, train
from elterra.networks.weights import fill, named_leaves, read_tensors, write_tensors

__all__ = [
    "Conformal",
    "Fields3D",
    "Gaussian",
    "GaussianHead",
    "PositionBias",
    "QuantileHead",
    "SwinBlock",
    "SwinShape",
    "SwinUNet",
    "Trained",
    "Training",
    "WindowAttention",
    "alignment",
    "batch_indices",
    "calibrate",
    "crop",
    "exact_halo",
    "fill",
    "finite_sample_quantile",
    "gaussian_crps",
    "gaussian_nll",
    "generator",
    "huber",
    "in_tiles",
    "mass_weights",
    "named_leaves",
    "pinball",
    "ratio_bounds",
    "reach",
    "read_tensors",
    "steady_state_residual",
    "train",
    "weighted_mean",
    "with_window",
    "write_tensors",
]
