"""Settling of the snow pack."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.constants import DENH2O, DENICE, TFRZ
from elterra.land.snow._cover import depleted_cover


def compact(
    dz: jax.Array,
    *,
    dt: float,
    liq: jax.Array,
    ice: jax.Array,
    t: jax.Array,
    mass_before: jax.Array,
    melting: jax.Array,
    active: jax.Array,
    frac_sno: jax.Array,
    int_snow: jax.Array,
    int_snow_max: jax.Array,
    n_melt: jax.Array,
    forc_wind: jax.Array,
    upplim: jax.Array,
    eta0: jax.Array,
    tau_ref: jax.Array,
) -> jax.Array:
    """Layer thickness (m, of the snow-covered part) after settling (CLM5 ``SnowCompaction``; tech note
    2.8.6).

    Destructive metamorphism (Anderson 1976, liquid water doubles it), overburden and wind drift (Vionnet et
    al. 2012), melt (loss of mass less the loss of covered area). ``mass_before`` (kg m-2) is the layer before
    this step, ``melting`` marks layers that melt. Layers are ``[snow_layer, column]``, top first.
    """
    frac = jnp.maximum(frac_sno, 1.0e-6)
    thick = jnp.where(active, dz, 1.0)
    wx = jnp.where(active, ice + liq, 1.0)
    solid = (ice / DENICE + liq / DENH2O) / frac
    loose = active & (1.0 - solid / thick > 0.001) & (ice > 0.1)
    bi = jnp.where(loose, ice / (frac * thick), 100.0)
    td = TFRZ - t
    destructive = -2.777e-6 * jnp.exp(-0.04 * td - 0.046 * jnp.maximum(bi - upplim, 0.0))
    destructive = jnp.where(liq > 0.01 * dz * frac, 2.0 * destructive, destructive)

    # Melt: the cover that the depletion curve will give for the remaining mass.
    total = jnp.sum(jnp.where(active, wx, 0.0), axis=0)
    lost = mass_before - wx
    rate = jnp.clip(lost / jnp.maximum(wx, 1.0e-12), 0.0, 1.0)
    frac_melt = depleted_cover(total, int_snow, int_snow_max, n_melt)
    spread = jnp.maximum(0.0, (frac_melt - frac) / frac)
    melt = jnp.where(melting, -(rate - jnp.where(lost > 0.0, spread, 0.0)) / dt, 0.0)

    # Overburden and wind drift need sums over the layers above.
    f_rho = 1.25 - 0.0042 * (jnp.maximum(50.0, bi) - 50.0)
    mobility = 0.34 * (-0.583 * 0.35e-3 - 0.833 + 0.833) + 0.66 * f_rho
    drift = jnp.minimum(-2.868 * jnp.exp(-0.085 * forc_wind) + 1.0 + mobility, 3.25)
    reach = dz * (3.25 - drift)
    burden_run = jnp.zeros_like(dz[0])
    pseudo_run = jnp.zeros_like(dz[0])
    mobile_run = jnp.ones_like(active[0])
    burden, pseudo, mobile = [], [], []
    for i in range(dz.shape[0]):
        burden.append(burden_run)
        burden_run = burden_run + jnp.where(active[i], wx[i], 0.0)
        # a layer that cannot drift shelters those below it
        mobile_run = mobile_run & (~active[i] | (loose[i] & (drift[i] > 0.0)))
        pseudo.append(pseudo_run)
        pseudo_run = pseudo_run + jnp.where(active[i], reach[i], 0.0)
        mobile.append(mobile_run)
    f1 = 1.0 / (1.0 + 60.0 * liq / (DENH2O * thick))
    eta = f1 * 4.0 * (bi / 450.0) * jnp.exp(0.1 * td + 0.023 * bi) * eta0
    overburden = -(jnp.stack(burden) + 0.5 * wx) / eta
    depth = jnp.minimum(jnp.stack(pseudo) + 0.5 * reach, 50.0)
    wind = -jnp.maximum(0.0, 350.0 - bi) * jnp.maximum(drift, 0.0) * jnp.exp(-depth / 0.1) / tau_ref
    wind = jnp.where(jnp.stack(mobile), wind, 0.0)

    settled = jnp.maximum(dz * (1.0 + dt * (destructive + overburden + melt + wind)), solid)
    return jnp.where(loose, settled, dz)
