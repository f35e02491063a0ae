"""Parameters of many sites: common to a group (a plant type), with effects of the site.

    mu_g ~ N(0, I),   tau_i = scale exp(w_i / 2),   w_i ~ N(0, 1),   z_s = mu_g(s) + tau * eta_s,   eta_s ~ N(0, I)

The non-centred form (Papaspiliopoulos, Roberts and Skoeld 2007; Betancourt and Girolami 2015): unknowns ``q = (mu, w,
eta)`` are independent standard normal before the data, so that no funnel is sampled. Parameters that do not vary by
site have no w and no eta.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elterra.calibration._jax import jax, jnp
from elterra.calibration.transform_inversion import CalibrationError

#: sd of the logarithm of tau
TAU_SPREAD = 0.5
#: likelihood(z [p], target of the site) -> log p(y of the site | z)
SiteLikelihood = Callable[[jax.Array, Any], jax.Array]


@dataclass(frozen=True)
class Hierarchy:
    """``group [site]``: number of the group of each site from 0. ``varies [p]``: which parameters have site effects.
    ``scale``: median of their sd, in units of the prior."""

    group: tuple[int, ...]
    varies: tuple[bool, ...]
    scale: float = 0.3

    def __post_init__(self) -> None:
        if set(self.group) != set(range(self.groups)) or self.scale <= 0:
            raise CalibrationError(f"groups must be numbered 0, 1, ... and scale > 0; got {self}")

    @property
    def groups(self) -> int:
        """Number of groups."""
        return max(self.group, default=-1) + 1

    @property
    def unknowns(self) -> int:
        """Length of ``q``."""
        varied = sum(self.varies)
        return self.groups * len(self.varies) + varied + len(self.group) * varied

    def unpack(self, q: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """``q [..., unknowns]`` to ``mu [..., group, p]``, ``tau [..., p]`` (0: does not vary), ``z [..., site, p]``."""
        p, varied, sites = len(self.varies), sum(self.varies), len(self.group)
        where = np.nonzero(np.array(self.varies))[0]
        lead = q.shape[:-1]
        end = self.groups * p
        mu = q[..., :end].reshape(*lead, self.groups, p)
        some = self.scale * jnp.exp(TAU_SPREAD * q[..., end : end + varied])
        tau = jnp.zeros((*lead, p)).at[..., where].set(some)
        eta = (
            jnp.zeros((*lead, sites, p))
            .at[..., where]
            .set(q[..., end + varied :].reshape(*lead, sites, varied))
        )
        return mu, tau, mu[..., np.array(self.group), :] + tau[..., None, :] * eta

    def posterior(self, likelihood: SiteLikelihood) -> Callable[[jax.Array, Sequence[Any]], jax.Array]:
        """The log density ``f(q, targets)`` of all sites together, for `sample_hamiltonian` with
        ``arguments=(targets,)``; ``targets`` has one entry a site."""

        def density(q: jax.Array, targets: Sequence[Any]) -> jax.Array:
            z = self.unpack(q)[2]
            total = -0.5 * q @ q
            for site, target in enumerate(targets):
                total = total + likelihood(z[site], target)
            return total

        return density
