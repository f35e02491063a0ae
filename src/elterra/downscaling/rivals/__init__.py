"""Methods of downscaling with one interface (`scene.Method`)."""

from elterra.downscaling.rivals.bilinear import Bilinear
from elterra.downscaling.rivals.diffusion import Diffusion
from elterra.downscaling.rivals.regression_kriging import RegressionKriging
from elterra.downscaling.rivals.tiling import Tiling
from elterra.downscaling.rivals.trees import Trees
from elterra.downscaling.rivals.unet import UNet
from elterra.downscaling.scene import Method

#: by the key of their figures; `Diffusion` joins them when its members have been scored
METHODS: dict[str, Method] = {m.name: m for m in (Bilinear(), Tiling(), RegressionKriging(), Trees(), UNet())}

__all__ = ["METHODS", "Bilinear", "Diffusion", "RegressionKriging", "Tiling", "Trees", "UNet"]
