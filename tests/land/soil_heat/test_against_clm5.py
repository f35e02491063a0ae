"""Soil constants and single steps of the real CLM5 (Davos, every 1800 s).

A step starts from CLM5's own state at the end of the step before and is driven with CLM5's ground
heat flux of the step; the new temperatures and ice are compared with CLM5's. Values are stored as
float32 (1.5e-5 K), so agreement cannot be better than about 1e-4 K.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from soil_heat_cases import PARAMETERS, ROCK

from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.soil_heat import (
    bedrock_layer,
    from_surface_data,
    ground_energy,
    layer_geometry,
    soil_properties,
)
from elterra.land.soil_heat._thermal import snow_conductivity

xr = pytest.importorskip("xarray")
SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[3] / ".." / "shared"))
CASE = SHARED / "reference" / "clm5" / "sp_davos_step"
pytestmark = pytest.mark.skipif(not CASE.is_dir(), reason="no CLM5 reference runs beside the checkout")
ORGANIC = [40.0, 35.0, 25.0, 15.0, 10.0, 5.0, 2.0, 0.0, 0.0, 0.0]
CFG = Config(nlevsno=12)
_energy = jax.jit(partial(ground_energy, cfg=CFG))


def _soil(ncol: int) -> Fields:
    one = np.ones((25, ncol))
    organic = from_surface_data(np.array(ORGANIC))[:, None] * one
    return soil_properties(jnp.asarray(50.0 * one), jnp.asarray(12.0 * one), jnp.asarray(organic), PARAMETERS)


@pytest.mark.parametrize("name", ["WATSAT", "SUCSAT", "BSW", "HKSAT"])
def test_soil_constants(name):
    with xr.open_dataset(CASE / "soil_constants.nc") as data:
        expected = data[name].values[:, 0]
    np.testing.assert_allclose(_soil(1)[name.lower()][:, 0], expected, rtol=2e-6)


def test_layer_depths():
    with xr.open_dataset(CASE / "soil_constants.nc") as data:
        np.testing.assert_allclose(layer_geometry().zsoi, data.ZSOI.values, rtol=1e-6)
        np.testing.assert_allclose(layer_geometry().dzsoi, data.DZSOI.values, rtol=1e-6)


@pytest.fixture(scope="module")
def steps():
    with xr.open_dataset(CASE / "steps.nc", decode_times=False) as data:
        loaded = {k: np.asarray(v.values, float) for k, v in data.items() if v.dims and v.dims[0] == "time"}
        loaded["wt"] = data["pfts1d_wtcol"].values
        loaded["time"] = data["time"].values
    return loaded


def _one_step(d, k):
    """CLM5's state before the steps ``k`` advanced with CLM5's ground heat flux: (s0, s1, out)."""
    n, ncol = CFG.nlevsno, len(k)
    before = k - 1

    def rows(name, at):
        return d[name][at][..., 0].T

    dz = np.nan_to_num(rows("SNO_Z", before))[::-1]
    active = dz > 0
    snl = active.sum(0)

    # history counts snow layers from the surface, the model from the ground
    def snow(name, fill):
        x = np.where(active, np.nan_to_num(rows(name, before))[::-1], fill)
        return x

    ground = d["FGR"][k] @ d["wt"]
    f_sno = d["FSNO_EFF"][k][:, 0]
    tsoi = rows("TSOI", before)
    pad = np.zeros((5, ncol))
    # what snow there was when CLM5 came to the soil temperatures (canopy snow may fall in the step)
    h2osno = d["H2OSNO"][k][:, 0] + CFG.dt * d["QSNOMELT"][k][:, 0]
    s = Fields(
        t_soisno=np.concatenate([snow("SNO_T", 270.0), tsoi]),
        h2osoi_liq=np.concatenate([snow("SNO_LIQH2O", 0.0), rows("SOILLIQ", before), pad]),
        h2osoi_ice=np.concatenate([snow("SNO_ICE", 0.0), rows("SOILICE", before), pad]),
        dz_snow=dz, snl=snl.astype(np.int32), h2osno_no_layers=np.where(snl > 0, 0.0, h2osno),
        snow_depth=d["SNOW_DEPTH"][before][:, 0], int_snow=h2osno, frac_sno=f_sno,
        frac_h2osfc=np.zeros(ncol), h2osfc=np.zeros(ncol), t_h2osfc=tsoi[0],
    )  # fmt: skip
    zero = np.zeros((1, ncol))
    lyr = np.where(np.arange(n + 1)[:, None, None] == n - snl, ground, 0.0)
    rad = Fields(sabg_lyr=lyr, sabg=ground[None], sabg_lost=zero, sabg_bare=ground[None], sabv=zero)
    names = ["eflx_sh_grnd", "eflx_sh_snow", "eflx_sh_soil", "eflx_sh_h2osfc", "eflx_sh_veg", "qflx_evap_soi"]
    names += ["qflx_evap_veg", "qflx_tran_veg", "qflx_ev_snow", "qflx_ev_soil", "qflx_ev_h2osfc", "cgrnds"]
    flx = Fields(dict.fromkeys([*names, "cgrndl", "dlrad", "ulrad"], zero))
    grnd = Fields(emg=zero[0], htvp=zero[0], frac_sno_eff=f_sno)
    p = layer_geometry(ncol).add(
        **_soil(ncol), **ROCK, wt=np.ones((1, ncol)), nbedrock=jnp.full(ncol, bedrock_layer(8.0))
    )
    args = [p, s, Fields(forc_lwrad=zero[0]), Fields(frac_veg_nosno=zero), rad, grnd, flx]
    args = jax.tree.map(jnp.asarray, args)
    s1, out = _energy(*args)
    assert float(jnp.max(jnp.abs(out.errsoi))) < 1e-6
    return args[1], s1, out


def _snow_free(d):
    """Steps whose predecessor is in the file, without snow and without standing water."""
    k = np.flatnonzero(np.diff(d["time"]) < 1.5 / 48) + 1
    dry = (d["H2OSNO"][k, 0] == 0) & (d["H2OSNO"][k - 1, 0] == 0) & (d["FH2OSFC"][k, 0] == 0)
    return k[dry]


def test_temperatures_of_snow_free_steps(steps):
    """Every layer to the rounding of the file (3e-5 K); surface layers change by 0.5 K per step (rms)."""
    k = _snow_free(steps)
    k = k[steps["QSNOMELT"][k, 0] == 0]
    k = k[:: len(k) // 128][:128]
    assert len(k) == 128
    _, new, _ = _one_step(steps, k)
    expected = steps["TSOI"][k][..., 0].T
    assert np.std(expected[0] - steps["TSOI"][k - 1][:, 0, 0]) > 0.3
    np.testing.assert_allclose(new.t_soisno[CFG.nlevsno :], expected, atol=4e-5)


def test_melt_of_snow_without_layers(steps):
    """Canopy snow that falls on thawed ground melts at once; CLM5 melts the same amount.

    The temperature of the top layer agrees less well than without melt: the file does not hold the
    derivative of the surface flux, which takes part in the melt energy.
    """
    k = _snow_free(steps)
    k = k[steps["QSNOMELT"][k, 0] > 1e-6]
    k = k[:128]
    assert len(k) == 128
    _, new, out = _one_step(steps, k)
    np.testing.assert_allclose(out.qflx_snomelt, steps["QSNOMELT"][k, 0], rtol=1e-6)
    error = np.abs(np.asarray(new.t_soisno[CFG.nlevsno :]) - steps["TSOI"][k][..., 0].T)
    assert error.max() < 0.6
    assert error[5:].max() < 4e-5


def test_snow_conductivity(steps):
    bulk, expected = steps["SNO_BW"], steps["SNO_TK"]
    some = np.isfinite(bulk) & (bulk > 0) & np.isfinite(expected)
    assert some.sum() > 1000
    got = snow_conductivity(bulk[some], ROCK["tk_snow_linear"], ROCK["tk_snow_quadratic"])
    np.testing.assert_allclose(got, expected[some], rtol=1e-5)
