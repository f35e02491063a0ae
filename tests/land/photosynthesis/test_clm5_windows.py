"""Photosynthesis, plant hydraulics and LUNA against time steps and restart files of real CLM5.

CLM's state before a step, its radiation, ground and leaf area are fed in; columns are steps and patches.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from clm5_windows import RUNS, Restart, Window

from elterra.land import constants as c
from elterra.land.canopy import surface_fluxes
from elterra.land.canopy.interception import wet_fractions
from elterra.land.fields import Fields
from elterra.land.photosynthesis import allocate_nitrogen
from elterra.land.photosynthesis._luna import Climate
from elterra.land.radiation import radiative_transfer
from elterra.land.surface.ground_state import ground_state
from elterra.registry import parameter, variables

pytest.importorskip("xarray")
pytestmark = pytest.mark.skipif(
    not (RUNS / "sp_allpft_rur" / "steps.nc").exists(), reason=f"CLM5 reference runs not found: {RUNS}"
)
DAY = slice(480, 529)  # 1 July 2005 (day 547 of the run), all plant types of sp_allpft_rur


@pytest.fixture(scope="module")
def july():
    """Window, state after and fluxes of one day; capacity is that of CLM's restart file of the same day."""
    w = Window("sp_allpft_rur", "sp", DAY)
    p, s, f, v = w.parameters(), w.state(), w.forcing(), w.vegetation()
    restart = Restart("sp_allpft_rur", "restart_07-01.nc", w.pft)
    water = np.maximum(w.get("H2OCAN") + w.get("QVEGE") * 1800.0, 0.0)  # before the evaporation of the step
    start = {n: i.initial for n, i in variables().items() if n.startswith("luna_")}
    s = s.add(
        **{n: jnp.full((1, w.columns), x) for n, x in start.items()},
        pco2_10=jnp.full(w.columns, -1.0),
        memory_steps=jnp.full(w.columns, 17520.0),
        pbot_10=jnp.full(w.columns, -1.0),
    ).replace(
        liqcan=jnp.asarray(water)[None],
        vcmx25=jnp.asarray(w.tiled(restart["vcmx25_z"]))[None],
        jmx25=jnp.asarray(w.tiled(restart["jmx25_z"]))[None],
        t10=jnp.asarray(w.tiled(restart["T10_VALUE"]))[None],
    )
    clm = {n: jnp.asarray(w.get(n)) for n in ("SOILRESIS", "SABV", "LAISUN", "LAISHA")}
    clm["TG"] = jnp.asarray(w.get("TG", 1))

    @jax.jit
    def run(p, s, f, v, clm):
        grnd = ground_state(p, s, f, v, w.cfg).replace(t_grnd=clm["TG"], soilresis=clm["SOILRESIS"])
        rad = radiative_transfer(p, s, f, v, w.cfg).replace(
            sabv=clm["SABV"][None], laisun=clm["LAISUN"][None], laisha=clm["LAISHA"][None]
        )
        fwet, fdry, _ = wet_fractions(p, s, v)
        return *surface_fluxes(p, s, f, v, rad, grnd, Fields(fwet=fwet, fdry=fdry), w.cfg), rad

    new, out, rad = run(p, s, f, v, clm)
    return w, new, out, rad


def skill(w, ours, clm):
    """R2 and relative bias of every plant type over the day."""
    x, y = w.shaped(ours), w.shaped(clm)
    r2 = 1.0 - ((x - y) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    return r2, x.mean(axis=0) / y.mean(axis=0) - 1.0


def test_photosynthesis_of_every_plant_type(july):
    w, _, out, rad = july
    gpp = (out.psnsun * rad.laisun + out.psnsha * rad.laisha)[0]
    r2, bias = skill(w, gpp, w.get("FPSN"))
    assert w.pft.size == 14
    assert (r2 > 0.998).all(), r2
    assert (np.abs(bias) < 0.02).all(), bias


def test_transpiration_of_every_plant_type(july):
    w, _, out, _ = july
    r2, bias = skill(w, c.HVAP * out.qflx_tran_veg[0], w.get("FCTR"))
    assert (r2 > 0.998).all(), r2
    assert (np.abs(bias) < 0.02).all(), bias


def test_water_potentials_of_every_segment_and_plant_type(july):
    w, new, _, _ = july
    for segment in range(4):
        r2, bias = skill(w, new.vegwp[segment, 0], w.get("VEGWP")[segment])
        assert (r2 > 0.995).all(), (segment, r2)
        assert (np.abs(bias) < 0.02).all(), (segment, bias)


def test_stomatal_resistance_by_day(july):
    w, _, out, _ = july
    light = w.get("RSSUN") > 0
    light &= w.get("RSSUN") < 1.9e4
    off = np.log(np.asarray(out.rssun[0])[light] / w.get("RSSUN")[light])
    assert np.sqrt((off**2).mean()) < 0.04
    assert abs(off.mean()) < 0.02


@pytest.mark.parametrize(("name", "day"), [("restart_01-01.nc", 365), ("restart_07-01.nc", 181)])
def test_luna_allocates_the_nitrogen_as_clm_did(name, day):
    """The restart file holds the ten-day climate of the last allocation and its result."""
    pft = np.array([1, 2, 4, 5, 6, 9, 10, 12, 13])  # plants with leaves in both seasons
    r = Restart("sp_allpft_rur", name, pft)
    leaf_n = r["lnca"]
    slatop, rho, tau = (np.array(parameter(n).default)[pft] for n in ("slatop", "rholvis", "taulvis"))
    to_light = 4.6 / (1.0 - rho - tau)
    declination = np.deg2rad(23.44) * np.sin(2 * np.pi * (day - 80.5) / 365)
    hours = 24.0 / np.pi * np.arccos(-np.tan(np.deg2rad(50.9)) * np.tan(declination))
    # leaf temperature by day and by night is not in the file: the mean of both, and some degrees around it
    mean = r["T_VEG240_VALUE"] - c.TFRZ
    swing = 3.0 if day == 181 else 1.0
    best = jax.jit(allocate_nitrogen)(
        jnp.asarray(leaf_n - 0.004 / slatop),
        jnp.asarray(r["pnlc_z"]),
        Climate(
            pbot=jnp.asarray(r["pbot240"]),
            rh=jnp.asarray(r["rh10"]),
            co2=jnp.asarray(r["pco2_240"]),
            o2=jnp.asarray(r["po2_240"]),
            par=jnp.asarray(r["par240d"] * to_light),
            par_max=jnp.asarray(r["par240x"] * to_light),
            rb=jnp.asarray(r["rb10"]),
            hours=jnp.asarray(hours),
            t_growth=jnp.asarray(r["T10_VALUE"] - c.TFRZ),
            t_day=jnp.asarray(mean + swing),
            t_night=jnp.asarray(mean - swing),
        ),
        jnp.asarray(0.093563),
    )
    assert np.abs(np.asarray(best.light_capture) - r["pnlc_z"]).max() < 0.05
    # CLM's capacity is on its way to the best one
    assert np.abs(np.asarray(best.vcmax25) / r["vcmx25_z"] - 1.0).max() < 0.12
    assert np.abs(np.asarray(best.jmax25) / r["jmx25_z"] - 1.0).max() < 0.12
