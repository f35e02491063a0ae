"""Slow temperature memory of the leaves: 10-day mean temperature and state of acclimation."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land import constants as c
from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.memory import running_mean

T10_PERIOD = 10.0 * c.SECSPDAY  #: averaging time of `t10`, s


def update_t10(p: Fields, s: Fields, t_ref2m: jax.Array, cfg: Config) -> Fields:
    """Advance ``t10`` and ``acclim_s`` by one step of 2-m air temperature.

    ``t10`` (K) is CLM's running mean over 10 days. ``acclim_s`` (K) is the
    state of acclimation, a first-order lag of temperature with time constant ``p.acclim_tau`` (days),
    integrated exactly (Mäkelä et al. 2004, Tree Physiology 24, 369; 2008, Global Change Biology 14, 92).
    Call it once a step after `surface_fluxes`. ``t_ref2m`` is `[patch, column]`, K.
    """
    t10 = running_mean(s, "t10", t_ref2m, T10_PERIOD / c.SECSPDAY, cfg.dt)
    gain = -jnp.expm1(-cfg.dt / (p.acclim_tau * c.SECSPDAY))
    return s.replace(t10=t10, acclim_s=s.acclim_s + (t_ref2m - s.acclim_s) * gain)


def seasonal_capacity(p: Fields, s: Fields) -> jax.Array:
    """Factor (0..1) on Vcmax25 and Jmax25 from the state of acclimation, `[patch, column]`.

    1 - w (1 - f), f = clip((S - X0) / Smax, 0, 1): the weight w = ``p.acclim_weight`` is 0 where plain
    CLM is wanted. X0 = ``p.acclim_x0`` (degC) and Smax = ``p.acclim_smax`` (K) as in Mäkelä et al. (2008).
    """
    f = jnp.clip((s.acclim_s - c.TFRZ - p.acclim_x0) / p.acclim_smax, 0.0, 1.0)
    return 1.0 - p.acclim_weight * (1.0 - f)
