"""What fires see of weather and soil, beside what CLM5 itself wrote of it (its runs have no fire, but these it computes)."""

from __future__ import annotations

import os
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from elterra.clm import open_case
from elterra.clm._files import ClmFile
from elterra.clm.restart import find
from elterra.land import Fields
from elterra.land.fire import fuel_climate, relative_humidity

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[2] / ".." / "shared"))
ROOT = SHARED / "reference" / "clm5"
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="no CLM5 reference runs beside the checkout")


@pytest.mark.parametrize("name", ["sp_amplero", "bgc_amplero"])
def test_the_wetness_of_the_root_zone_is_clms(name):
    """From daily means of soil water, of dry grassland; the rest is the curvature of the water potential within days."""
    case = open_case(ROOT / name)
    with ClmFile(case.path / "daily.nc") as file:
        days = file["BTRAN2"].size
        water = file["H2OSOI"].reshape(days, -1)[:, :20].T
        theirs = file["BTRAN2"].ravel()
    drv = Fields(t_soil=jnp.full(water.shape, 280.0), h2osoi_vol=jnp.asarray(water))
    ours = np.asarray(fuel_climate(case.p, drv).btran2)
    error = ours - theirs
    assert theirs.min() < 0.1  # it was dry
    assert abs(error.mean()) < 0.005
    assert np.sqrt(np.mean(error**2)) < 0.02
    assert np.mean(error**2) < 0.005 * theirs.var()


def test_the_memories_of_rain_and_humidity_are_clms():
    """Three months of weather between two restart files."""
    case = open_case(ROOT / "bgc_rur_step")
    values = {}
    for date in ("04-01", "07-01"):
        with ClmFile(case.path / f"restart_{date}.nc") as file:
            patch = find(file, case.data).patch[0, 0]
            values[date] = float(file["PREC60_VALUE"][patch]), float(file["RH30_VALUE"][patch])
    f = case.forcing(90 * 48 + 1, 91 * 48)
    rain = np.asarray(f.forc_rain + f.forc_snow)[:, 0]
    humidity = np.asarray(relative_humidity(f))[:, 0]
    prec60, rh30 = values["04-01"]
    for now, moist in zip(rain, humidity, strict=True):
        prec60 += (now - prec60) / (60 * 48)
        rh30 += (moist - rh30) / (30 * 48)
    assert prec60 == pytest.approx(values["07-01"][0], rel=1e-3)
    assert rh30 == pytest.approx(values["07-01"][1], rel=1e-3)
    assert abs(values["04-01"][1] - values["07-01"][1]) > 1.0
