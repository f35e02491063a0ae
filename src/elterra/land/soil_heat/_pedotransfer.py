"""Soil hydraulic and thermal properties from texture and organic matter.

Source: CLM5 tech note, Hydrology 2.7.3.1 (hydraulic properties) and Soil_Snow_Temperatures 2.6.3
(thermal properties); Clapp & Hornberger (1978), Cosby et al. (1984) table 5, Lawrence & Slater (2008),
Letts et al. (2000), Farouki (1981).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVGRND, NLEVSOI
from elterra.land.constants import SECSPDAY
from elterra.land.fields import Fields
from elterra.land.soil_heat._geometry import ZSOI

_LN10 = 2.302585092994046
PARTICLE_DENSITY = 2.7e3  # of soil minerals, kg m-3
SUCTION_DRY = 316230.0  # suction at which soil evaporation and transpiration stop, mm (-3.1 MPa)
SUCTION_OPT = 158490.0  # suction of optimal water content, mm
FIELD_CAPACITY_FLUX = 0.1  # drainage that defines field capacity, mm day-1


def soil_properties(sand: jax.Array, clay: jax.Array, organic: jax.Array, par: Fields) -> Fields:
    """Hydraulic and thermal properties of the ground layers.

    ``sand``, ``clay`` in % (``[25, column]``, sum > 0), ``organic`` in kg m-3 (``[25, column]``, used in
    the upper 20 layers). ``par`` has the parameters of the registry, room "soil_heat", as numbers or
    ``[column]``: ``organic_max pcalpha pcbeta zsapric om_tkm om_csol om_tkd om_frac_sf watsat_sf bsw_sf
    sucsat_sf hksat_sf``.

    Returns, all ``[25, column]``: ``watsat`` (m3 m-3), ``bsw`` (1), ``sucsat`` (mm, > 0), ``hksat``
    (mm s-1), ``tkmg``, ``tkdry`` (W m-1 K-1), ``csol`` (J m-3 K-1 of solids), ``bd`` (bulk density of
    the minerals, kg m-3), ``watdry``, ``watopt``, ``watfc`` (m3 m-3). Layers below ``p.nbedrock`` get
    the thermal properties of rock in `elterra.land.soil_heat.ground_energy`.

    Porosity is capped at 0.93, the porosity of fibric peat; the cap acts on perturbed
    parameters only. Organic fraction is limited to 0...1.
    """
    depth = jnp.asarray(ZSOI)[:, None]
    is_soil = (jnp.arange(NLEVGRND) < NLEVSOI)[:, None]
    om = jnp.clip(organic / par.organic_max * par.om_frac_sf, 0.0, 1.0) * is_soil
    mineral = 1.0 - om

    # Minerals: Cosby et al. (1984), table 5
    watsat_min = 0.489 - 0.00126 * sand
    bsw_min = 2.91 + 0.159 * clay
    sucsat_min = 10.0 * jnp.exp(_LN10 * (1.88 - 0.0131 * sand))
    hksat_min = 0.0070556 * jnp.exp(_LN10 * (-0.884 + 0.0153 * sand))

    # Peat: from fibric at the surface to sapric at the depth zsapric
    peat = depth / par.zsapric
    watsat_om = jnp.maximum(0.93 - 0.1 * peat, 0.83)
    bsw_om = jnp.minimum(2.7 + 9.3 * peat, 12.0)
    sucsat_om = jnp.minimum(10.3 - 0.2 * peat, 10.1)
    hksat_om = jnp.maximum(0.28 - 0.2799 * peat, hksat_min)

    watsat = jnp.minimum((mineral * watsat_min + om * watsat_om) * par.watsat_sf, 0.93)
    bsw = (mineral * bsw_min + om * bsw_om) * par.bsw_sf
    sucsat = (mineral * sucsat_min + om * sucsat_om) * par.sucsat_sf

    # Above the threshold pcalpha part of the organic matter forms connected paths (percolation theory);
    # the rest conducts in series with the minerals.
    excess = om - par.pcalpha
    connected = excess > 0.0
    perc = jnp.where(
        connected,
        jnp.exp(par.pcbeta * jnp.log(jnp.where(connected, excess, 1.0) / (1.0 - par.pcalpha))),
        0.0,
    )
    series = mineral + (1.0 - perc) * om
    resistance = mineral / hksat_min + (1.0 - perc) * om / hksat_om
    flow = resistance > 0.0  # zero only in pure, fully connected peat
    hksat = jnp.where(flow, series**2 / jnp.where(flow, resistance, 1.0), 0.0)
    hksat = (hksat + perc * om * hksat_om) * par.hksat_sf

    texture = sand + clay
    tkm = mineral * (8.80 * sand + 2.92 * clay) / texture + par.om_tkm * om
    tkmg = jnp.exp((1.0 - watsat) * jnp.log(tkm))
    bulk = (1.0 - watsat_min) * PARTICLE_DENSITY
    tkdry = mineral * (0.135 * bulk + 64.7) / (PARTICLE_DENSITY - 0.947 * bulk) + par.om_tkd * om
    csol = (mineral * (2.128 * sand + 2.385 * clay) / texture + par.om_csol * om) * 1.0e6

    def content(suction: float) -> jax.Array:
        return watsat * jnp.exp(-jnp.log(suction / sucsat) / bsw)

    watfc = watsat * jnp.exp(jnp.log(FIELD_CAPACITY_FLUX / (SECSPDAY * hksat)) / (2.0 * bsw + 3.0))
    return Fields(
        watsat=watsat, bsw=bsw, sucsat=sucsat, hksat=hksat, tkmg=tkmg, tkdry=tkdry, csol=csol,
        bd=jnp.broadcast_to(bulk, watsat.shape),
        watdry=content(SUCTION_DRY), watopt=content(SUCTION_OPT), watfc=watfc,
    )  # fmt: skip
