"""A network as a denoiser of any noise level, and its training loss (Karras et al. 2022, EDM)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from elterra.downscaling._jax import jax, jnp

#: ``D(x, sigma)``: the mean of clean data, given data plus noise of that standard deviation
Denoiser = Callable[[Any, Any], Any]
#: ``F(scaled x, condition, log noise)``
Network = Callable[[Any, Any, Any], Any]


def denoiser_of(network: Network, condition: Any, data_sd: float = 1.0) -> Denoiser:
    """The denoiser of a network: skip, output and input scaled so that all have unit variance at all noise levels.

    The condition is *not* scaled with the noise. `sigma` is a number, or broadcasts against x.
    """

    def denoise(x: Any, sigma: Any) -> Any:
        total = sigma**2 + data_sd**2
        inner = network(x / jnp.sqrt(total), condition, jnp.log(sigma) / 4.0)
        return data_sd**2 / total * x + sigma * data_sd / jnp.sqrt(total) * inner

    return denoise


def noise_levels(key: Any, count: int, mean: float = 0.0, sd: float = 1.2) -> Any:
    """Training noise ``[count]``: log normal; the defaults suit residuals of a mean (CorrDiff)."""
    return jnp.exp(mean + sd * jax.random.normal(key, (count,)))


def training_loss(
    network: Network, clean: Any, condition: Any, sigma: Any, key: Any, data_sd: float = 1.0
) -> Any:
    """Weighted squared error of one denoised sample; the weight makes all noise levels count alike."""
    noisy = clean + sigma * jax.random.normal(key, clean.shape, clean.dtype)
    weight = (sigma**2 + data_sd**2) / (sigma * data_sd) ** 2
    return weight * jnp.mean((denoiser_of(network, condition, data_sd)(noisy, sigma) - clean) ** 2)
