"""What a step reports, under the names of the product."""

from __future__ import annotations

import jax.numpy as jnp

from elterra.land.config import NLEVSOI, Config
from elterra.land.constants import DENH2O
from elterra.land.fields import Fields
from elterra.land.soil_heat import ZISOI
from elterra.land.surface.ground_state import ground_temperature

#: depth of the soil water sensor that `SWC_15` stands for, m
SENSOR_DEPTH = 0.15
#: results of `carbon_nitrogen` that are passed on under their own names
CARBON_NITROGEN = (
    "mr",
    "gr",
    "ar",
    "litterfall",
    "gross_nmin",
    "net_nmin",
    "plant_ndemand",
    "sminn_to_plant",
)
#: the same, with `Config.nitrogen` "fun": nitrogen by way of uptake and the carbon it costs
FUN = (
    "npp_nuptake",
    "npp_nactive",
    "npp_nfix",
    "npp_nretrans",
    "npp_burnedoff",
    "nactive",
    "nfix",
    "nretrans",
)
#: the same, with `Config.fire` "li"
FIRE = (
    "COL_FIRE_CLOSS",
    "COL_FIRE_NLOSS",
    "FAREA_BURNED",
    "NFIRE",
    "BAF_CROP",
    "BAF_PEATF",
    "SOMC_FIRE",
    "FUELC",
)


def collect(
    p: Fields,
    s: Fields,
    f: Fields,
    veg: Fields,
    rad: Fields,
    flx: Fields,
    en: Fields,
    wat: Fields,
    bgc: Fields,
    cfg: Config,
) -> dict[str, jnp.ndarray]:
    """Column values by product name. Fluxes are means over the step, states those at its end.

    Heat in W m-2 (positive upward, ``G`` and ``RNET`` positive downward), water in kg m-2 s-1, carbon in
    gC m-2 s-1, nitrogen in gN m-2 s-1, stocks in g m-2 or kg m-2; layered ``[soil_layer, column]``, ``VEGWP`` (mm, mean
    over the planted part) ``[segment, column]``.
    """

    def mean(x: jnp.ndarray) -> jnp.ndarray:
        return (p.wt * x).sum(axis=0)

    soil = slice(cfg.nlevsno, cfg.nlevsno + NLEVSOI)
    dz = p.dzsoi[:NLEVSOI]
    liquid_volume = s.h2osoi_liq[soil] / (DENH2O * dz)
    incident = mean(rad.fsa + rad.fsr)
    out = {
        "LE": mean(en.eflx_lh_tot),
        "H": mean(en.eflx_sh_tot),
        "G": mean(en.eflx_soil_grnd),
        "RNET": mean(rad.sabv + rad.sabg - en.eflx_lwrad_net),
        "TRAN": mean(flx.qflx_tran_veg),
        "ECAN": mean(flx.qflx_evap_can),
        "ESOIL": mean(en.qflx_evap_soi),
        "RUNOFF": wat.qflx_runoff,
        "PRECIP": f.forc_rain + f.forc_snow,
        "EVAP": mean(en.qflx_evap_tot) - wat.qflx_evap_deficit,
        "qflx_evap_deficit": wat.qflx_evap_deficit,  # evaporation that no store could give
        "ALBEDO": jnp.where(
            incident > 1.0, mean(rad.fsr) / jnp.where(incident > 1.0, incident, 1.0), jnp.nan
        ),
        "LAI": mean(veg.tlai),
        "SWE": wat.h2osno,
        "SNOWDP": wat.snowdp,
        "SWC_15": _at_sensor(liquid_volume),
        "H2OSOI": wat.h2osoi_vol,
        "SOILLIQ": s.h2osoi_liq[soil],
        "SOILICE": s.h2osoi_ice[soil],
        "TSOI": s.t_soisno[soil],
        "TOTWATER": wat.total_water,
        "FSA": mean(rad.fsa),
        "FSR": mean(rad.fsr),
        "sabg_lost": mean(rad.sabg_lost),  # light that a new cover of snow loses, as CLM5
        "FIRA": mean(en.eflx_lwrad_net),
        "FCTR": mean(en.eflx_lh_vegt),
        "FCEV": mean(en.eflx_lh_vege),
        "FGEV": mean(en.eflx_lh_grnd),
        "QOVER": wat.qflx_surf,
        "QH2OSFC": wat.qflx_h2osfc_surf,
        "QDRAI": wat.qflx_drain,
        "QINFL": wat.qflx_infl,
        "QSNOMELT": en.qflx_snomelt,
        "H2OCAN": mean(s.liqcan + s.snocan),
        "H2OSFC": s.h2osfc,
        "FSNO": s.frac_sno,
        "ZWT": s.zwt,
        "TG": ground_temperature(s, cfg),  # with the snow layers that the step left, as CLM5
        "TV": mean(s.t_veg),
        "TSA": mean(flx.t_ref2m),
        "ELAI": mean(veg.elai),
        "TSAI": mean(veg.tsai),
    }
    if cfg.mode == "bgc":
        out |= {
            "NEE": bgc.nee,
            "GPP": bgc.gpp,
            "ER": bgc.er,
            "NPP": bgc.npp,
            "HR": bgc.hr,
            "TOTVEGC": bgc.totvegc,
            "TOTLITC": bgc.totlitc,
            "CWDC": bgc.totcwdc,
            "TOTSOMC": bgc.totsomc,
            "TOTECOSYSC": bgc.totecosysc,
            "TOTVEGN": bgc.totvegn,
            "TOTLITN": bgc.totlitn + bgc.totcwdn,
            "TOTSOMN": bgc.totsomn,
            "TOTECOSYSN": bgc.totecosysn,
            "SMINN": bgc.sminn,
            "SMIN_NO3_LEACHED": bgc.smin_no3_leached,
            "F_N2O_NIT": bgc.f_n2o_nit,
            "F_N2O_DENIT": bgc.f_n2o_denit,
            "F_DENIT": bgc.f_denit,
            "F_NIT": bgc.f_nit,
            "NDEP_TO_SMINN": bgc.ndep_to_sminn,
            "NFIX_TO_SMINN": bgc.nfix_to_sminn,
        }
        out |= {n: bgc[n] for n in (*CARBON_NITROGEN, *(FUN if cfg.nitrogen == "fun" else ()))}
        if cfg.fire == "li":
            out |= {n: bgc[n] for n in FIRE}
    else:
        out["GPP"] = mean(flx.gpp_c)
    if cfg.stress == "phs":
        planted = p.wt * (p.pft > 0)
        share = planted.sum(axis=0)
        some = share > 0.0
        out["VEGWP"] = jnp.where(some, (planted * s.vegwp).sum(axis=1) / jnp.where(some, share, 1.0), jnp.nan)
    return out


def _at_sensor(volume: jnp.ndarray) -> jnp.ndarray:
    """Liquid water (m3 m-3) at the sensor's depth: linear between the nodes above and below it."""
    nodes = 0.5 * (ZISOI[:-1] + ZISOI[1:])
    below = int((nodes < SENSOR_DEPTH).sum())
    weight = (SENSOR_DEPTH - nodes[below - 1]) / (nodes[below] - nodes[below - 1])
    return (1.0 - weight) * volume[below - 1] + weight * volume[below]
