"""Methods that a reanalysis must beat: climatology, persistence, marginal distribution sampling, trees."""

from elterra.product.baselines._base import Baseline, Prediction, local_clock
from elterra.product.baselines.climatology import Climatology
from elterra.product.baselines.drivers import driver_features
from elterra.product.baselines.interpolation import Interpolation
from elterra.product.baselines.mds import MarginalDistributionSampling
from elterra.product.baselines.persistence import Persistence
from elterra.product.baselines.trees import Trees

__all__ = [
    "Baseline",
    "Climatology",
    "Interpolation",
    "MarginalDistributionSampling",
    "Persistence",
    "Prediction",
    "Trees",
    "driver_features",
    "local_clock",
]
