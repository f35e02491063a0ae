"""Against time steps of real CLM5: its own states, radiation and stomatal resistance are fed in.

The reference run has plant hydraulics and LUNA, hence its stomatal resistances replace ours; all else
(stability, conductances, leaf temperature, wet leaves, ground fluxes) is compared step by step.
"""

from __future__ import annotations

import os
from pathlib import Path

import canopy_case as case
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elterra.land import constants as c
from elterra.land.canopy import _canopy, surface_fluxes
from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.numerics.humidity import saturation
from elterra.land.photosynthesis import GasExchange

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[4] / "shared"))
CASE = SHARED / "reference" / "clm5" / "sp_rur_step"
CFG = Config(mode="sp", stress="btran", capacity="prescribed")
DT = 1800.0
REFERENCE_HEIGHT = 10.0  # m, ZBOT of the case
HEIGHTS = {1: 25.5, 7: 26.10016441, 13: 0.5}  # m, its surface data in July
JULY = slice(961, 1153)  # four snow-free days in summer, as indices of steps.nc


@pytest.fixture(scope="module")
def clm():
    """Names -> arrays with columns = time steps: values of the step and (``before``) of the step before."""
    xr = pytest.importorskip("xarray")
    path = CASE / "steps.nc"
    if not path.exists():
        pytest.skip(f"reference run not found: {path}")
    with xr.open_dataset(path, decode_times=False) as data:
        now, before = data.isel(time=JULY), data.isel(time=slice(JULY.start - 1, JULY.stop - 1))
        assert np.allclose(now.time.values - before.time.values, 1 / 48, atol=1e-3)

        def get(name, source=now):
            values = np.asarray(source[name].values, dtype=float)
            return jnp.asarray(
                values.T if "pft" in source[name].dims else values.reshape(values.shape[0], -1).T
            )

        pft = data.pfts1d_itype_veg.values.astype(int).ravel()
        names = [
            "TBOT",
            "QBOT",
            "PBOT",
            "WIND",
            "FLDS",
            "PCO2",
            "SoilAlpha",
            "SOILRESIS",
            "ELAI",
            "ESAI",
            "SABV",
            "LAISUN",
            "LAISHA",
            "H2OCAN",
        ]
        names += [
            "QVEGE",
            "RSSUN",
            "RSSHA",
            "TV",
            "FSH",
            "FSH_V",
            "EFLX_LH_TOT",
            "FCTR",
            "FCEV",
            "FGEV",
            "TSA",
            "TG",
        ]
        old = {f"{name}_before": get(name, before) for name in ("TG", "TSOI", "FH2OSFC", "TV", "FSNO_EFF")}
        return {name: get(name) for name in names} | old | {"pft": pft}


def test_fluxes_of_clm5_are_reproduced_step_by_step(clm, monkeypatch):
    pft, n = clm["pft"], clm["TBOT"].shape[-1]
    assert clm["FSNO_EFF_before"].max() == 0.0
    one = {k: v[0] for k, v in clm.items() if k != "pft" and v.shape[0] == 1}
    p = case.prepared(pft, n, forc_hgt=jnp.full(n, REFERENCE_HEIGHT))
    soil = clm["TSOI_before"]
    water = jnp.maximum(clm["H2OCAN"] + clm["QVEGE"] * DT, 0.0)
    s = case.state(CFG, len(pft), n).replace(
        t_soisno=jnp.concatenate([jnp.tile(soil[:1], (CFG.nlevsno, 1)), soil]),
        t_veg=clm["TV_before"],
        t_h2osfc=one["TG_before"],
        liqcan=water,
    )
    f = case.forcing(n).replace(
        forc_t=one["TBOT"], forc_q=one["QBOT"], forc_pbot=one["PBOT"], forc_wind=one["WIND"],
        forc_lwrad=one["FLDS"], forc_pco2=one["PCO2"],
    )  # fmt: skip
    htop = jnp.tile(jnp.array([HEIGHTS[int(k)] for k in pft])[:, None], (1, n))
    v = Fields(elai=clm["ELAI"], esai=clm["ESAI"], htop=htop, frac_veg_nosno=jnp.ones((len(pft), n)))
    nothing = jnp.zeros((len(pft), n))
    r = Fields(
        sabv=clm["SABV"], laisun=clm["LAISUN"], laisha=clm["LAISHA"],
        parsun=nothing, parsha=nothing, vcmaxcintsun=nothing, vcmaxcintsha=nothing,
    )  # fmt: skip
    area = v.elai + v.esai
    fwet = jnp.minimum((water / (0.1 * area)) ** 0.666, 0.05)
    w = Fields(fwet=fwet, fdry=(1.0 - fwet) * v.elai / area)
    q_soil, dq_soil, q_water, dq_water = (
        *saturation(soil[0], f.forc_pbot)[2:],
        *saturation(one["TG_before"], f.forc_pbot)[2:],
    )
    wet, alpha = one["FH2OSFC_before"], jnp.minimum(one["SoilAlpha"], 1.0)
    air_between = (q_soil > f.forc_q) & (f.forc_q > alpha * q_soil)
    qg_soil = jnp.where(air_between, f.forc_q, alpha * q_soil)
    g = case.ground(s, f).replace(
        t_grnd=one["TG_before"], qg=(1 - wet) * qg_soil + wet * q_water, qg_soil=qg_soil, qg_h2osfc=q_water,
        dqgdT=(1 - wet) * alpha * dq_soil + wet * dq_water, soilresis=one["SOILRESIS"], frac_h2osfc=wet,
        z0hg=jnp.full(n, 0.01),
    )  # fmt: skip

    thm = f.forc_t + 0.0098 * (REFERENCE_HEIGHT + (p.z0mr + p.displar) * htop)
    rs = jnp.stack([clm["RSSUN"], clm["RSSHA"]])
    gs = f.forc_pbot / (c.RGAS * 1e-3 * thm) * 1e6 / jnp.where(rs > 0, rs, 2.0e4)
    none = jnp.zeros_like(gs)
    monkeypatch.setattr(
        _canopy,
        "gas_exchange",
        lambda *_, **__: GasExchange(gross=none, net=none, gs=gs, ci=none, ci_next=none),
    )
    new, out = jax.jit(lambda *a: surface_fluxes(*a, CFG))(p, s, f, v, r, g, w)

    step = one["TG"] - one["TG_before"]  # the ground fluxes are corrected for the new ground temperature
    soil_evaporation = c.HVAP * (out.qflx_evap_soi + out.cgrndl * step)
    ours = {
        "TV": new.t_veg,
        "TSA": out.t_ref2m,
        "FSH_V": out.eflx_sh_veg,
        "FSH": out.eflx_sh_veg + out.eflx_sh_grnd + out.cgrnds * step,
        "FCTR": c.HVAP * out.qflx_tran_veg,
        "FCEV": c.HVAP * out.qflx_evap_can,
        "FGEV": soil_evaporation,
        "EFLX_LH_TOT": c.HVAP * out.qflx_evap_veg + soil_evaporation,
    }
    for name, value in ours.items():
        off = np.asarray(value - clm[name])
        rmse = np.sqrt((off**2).mean(axis=1))
        limit = 0.1 if name in ("TV", "TSA") else 1.5
        assert (rmse < limit).all(), (name, rmse)
        assert (np.abs(off.mean(axis=1)) < limit / 3).all(), (name, off.mean(axis=1))
    assert np.asarray(clm["EFLX_LH_TOT"]).std() > 50.0  # days and nights are in
