"""State of every step of a CLM5 reference run as columns of one call."""

from __future__ import annotations

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import elterra.registry as registry
from elterra.land.canopy.interception import wet_fractions
from elterra.land.fields import Fields

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[3] / ".." / "shared"))
DAVOS = SHARED / "reference" / "clm5" / "sp_davos_step"
PFTS = np.array([1, 13])
N = 12


def load():
    """(dataset, p, s, f, veg): each end of a step of the run is a column."""
    import xarray as xr

    d = xr.open_dataset(DAVOS / "steps.nc", decode_times=False).isel(column=0)
    soil = xr.open_dataset(DAVOS / "soil_constants.nc")
    steps = d.sizes["time"]
    one = np.ones((1, steps))

    def layers(name):
        x = np.nan_to_num(d[name].values)
        return np.where(np.abs(x) > 1e30, 0.0, x).T

    ice, liq = layers("SNO_ICE"), layers("SNO_LIQH2O")
    snl = (ice + liq > 0).sum(axis=0)

    def on_ground(x):  # history files fill the snow layers from the top
        out = np.zeros_like(x)
        for t in range(steps):
            out[N - snl[t] :, t] = x[: snl[t], t]
        return out

    def column(snow, ground):
        below = np.zeros((25, steps))
        below[: ground.shape[1]] = ground.T
        return np.concatenate([snow, below])

    p = {
        name: np.asarray(item.default)[PFTS][:, None] * one if item.per_pft else item.default
        for name, item in registry.parameters().items()
        if item.room in ("radiation", "canopy", "surface") or name == "xl"
    }
    p |= {n: soil[n.upper()].values.reshape(-1)[:, None] * one for n in ("dzsoi", "watsat", "sucsat", "bsw")}
    p |= {"soil_color": np.full(steps, 18), "wt": d.pfts1d_wtcol.values[:, None] * one}
    canopy_water, frozen = d.H2OCAN.values.T, d.TBOT.values < 273.15
    swe = d.H2OSNO.values
    s = Fields(
        t_soisno=column(on_ground(layers("SNO_T")), d.TSOI.values),
        h2osoi_liq=column(on_ground(liq), d.SOILLIQ.values),
        h2osoi_ice=column(on_ground(ice), d.SOILICE.values),
        snw_rds=on_ground(layers("SNO_GS")),
        snl=snl,
        frac_sno=d.FSNO.values,
        h2osno_no_layers=np.where(snl == 0, swe, 0.0),
        frac_h2osfc=d.FH2OSFC.values,
        t_h2osfc=d.TSOI.values[:, 0],
    )
    f = Fields(
        coszen=d.COSZEN.values,
        forc_solad=np.stack([d.FSDSVD.values[:, 0], d.FSDSND.values[:, 0]]),
        forc_solai=np.stack([d.FSDSVI.values[:, 0], d.FSDSNI.values[:, 0]]),
        forc_t=d.TBOT.values,
        forc_q=d.QBOT.values,
        forc_pbot=d.PBOT.values,
    )
    elai, esai = d.ELAI.values.T, d.ESAI.values.T
    veg = Fields(elai=elai, esai=esai, frac_veg_nosno=(elai + esai > 0) * 1.0)
    store = Fields(  # the file has the sum of liquid and snow only
        liqcan=jnp.asarray(np.where(frozen, 0.0, canopy_water)),
        snocan=jnp.asarray(np.where(frozen, canopy_water, 0.0)),
    )
    s = s.add(fcansno=wet_fractions(Fields(p), store, jax.tree.map(jnp.asarray, veg))[2])
    return d, *jax.tree.map(jnp.asarray, (Fields(p), s, f, veg))
