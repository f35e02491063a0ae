"""Albedo, absorbed radiation and ground state against every step of a real CLM5 run (Davos, needleleaf and grass).

CLM5 computes the albedo of a step at the end of the step before, from the state the file holds there.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest
from clm5_steps import DAVOS, load

from elterra.land.config import Config
from elterra.land.radiation import radiative_transfer
from elterra.land.surface.ground_state import ground_state

pytest.importorskip("xarray")
pytestmark = pytest.mark.skipif(not (DAVOS / "steps.nc").exists(), reason="CLM5 reference runs are not here")
CFG = Config()


@pytest.fixture(scope="module")
def run():
    d, p, s, f, veg = load()
    r = jax.jit(radiative_transfer, static_argnames="cfg")(p, s, f, veg, cfg=CFG)
    g = ground_state(p, s, f, veg, CFG)
    sun = d.COSZEN.values > 0.02
    swe, canopy = d.H2OSNO.values, d.H2OCAN.values.max(axis=1)
    dry = (canopy <= 0) & (np.roll(canopy, 1) <= 0)
    cases = {
        "bare": sun & (swe <= 0),
        "bare_dry": sun & (swe <= 0) & dry,
        "thin": sun & (swe > 0) & (np.asarray(s.snl) == 0),
        "snow": sun & (np.asarray(s.snl) > 0),
    }
    return d, f, r, g, cases


def errors(d, r, name: str, clm: str, chosen: np.ndarray) -> np.ndarray:
    reference = np.moveaxis(d[clm].values, 0, -1)
    return (np.asarray(r[name]) - reference)[..., chosen]


@pytest.mark.parametrize("name", ["albgrd", "albgri"])
def test_ground_albedo(run, name: str) -> None:
    d, _, r, _, cases = run
    bare = errors(d, r, name, name.upper(), cases["bare"])
    thin = errors(d, r, name, name.upper(), cases["thin"])
    snow = errors(d, r, name, name.upper(), cases["snow"])
    for label, e in (("bare", bare), ("thin", thin), ("snow", snow)):
        print(name, label, e.shape[-1], "bias", e.mean(-1).round(5), "max", np.abs(e).max(-1).round(5))
    assert np.abs(bare).max() < 2e-5
    assert np.abs(thin).max() < 0.01
    assert np.abs(snow.mean(axis=-1)).max() < 0.03
    assert np.abs(snow).max() < 0.08


@pytest.mark.parametrize("name", ["albd", "albi"])
def test_canopy_albedo_without_snow(run, name: str) -> None:
    d, _, r, _, cases = run
    e = np.abs(errors(d, r, name, name.upper(), cases["bare_dry"]))
    print(name, "bare_dry", e.shape[-1], "median", np.median(e), "p90", np.quantile(e, 0.9), "max", e.max())
    assert np.median(e) < 1e-5
    for label in ("bare", "snow"):
        x = errors(d, r, name, name.upper(), cases[label])
        print(name, label, "bias", x.mean(-1).round(4).tolist(), "median", np.median(np.abs(x)).round(5))


def test_sunlit_leaf_area(run) -> None:
    d, _, r, _, _ = run
    now, sun = d.time.values, d.COSZEN.values > 0
    follows = np.isclose(np.diff(now), 1 / 48, atol=1e-6) & sun[:-1]
    for name, clm in (("laisun", "LAISUN"), ("laisha", "LAISHA")):
        e = np.asarray(r[name])[:, :-1][:, follows] - d[clm].values.T[:, 1:][:, follows]
        assert np.abs(e).max() < 2e-3, name


def test_absorbed_radiation(run) -> None:
    """The fractions of a state times the incident light of the next step."""
    d, f, r, _, cases = run
    follows = np.isclose(np.diff(d.time.values), 1 / 48, atol=1e-6)
    solad, solai = np.asarray(f.forc_solad)[:, None, 1:], np.asarray(f.forc_solai)[:, None, 1:]
    x = {n: np.asarray(r[n])[..., :-1] for n in ("fabd", "fabi", "ftdd", "ftid", "ftii", "albgrd", "albgri")}
    sabv = (solad * x["fabd"] + solai * x["fabi"]).sum(axis=0)
    sky = solad * x["ftid"] + solai * x["ftii"]
    sabg = (solad * x["ftdd"] * (1 - x["albgrd"][:, None]) + sky * (1 - x["albgri"][:, None])).sum(axis=0)
    for label in ("bare_dry", "bare", "snow"):
        chosen = cases[label][:-1] & follows
        for name, mine in (("SABV", sabv), ("SABG", sabg), ("FSA", sabv + sabg)):
            theirs = d[name].values.T[:, 1:][:, chosen]
            e = mine[:, chosen] - theirs
            rmse = np.sqrt((e**2).mean(1))
            print(
                label,
                name,
                "n",
                chosen.sum(),
                "mean",
                theirs.mean(1).round(2),
                "bias",
                e.mean(1).round(3),
                rmse.round(3),
            )
            if label == "bare_dry":
                assert np.median(np.abs(e)) < 0.02
            assert (np.abs(e.mean(axis=1)) < 5.0).all()


def test_dry_surface_layer(run) -> None:
    """CLM5 computes the resistance of a step from the state at its beginning."""
    d, _, _, g, _ = run
    follows = np.isclose(np.diff(d.time.values), 1 / 48, atol=1e-6) & (np.asarray(g.dsl)[:-1] > 0)
    for name, clm, tolerance in (("soilresis", "SOILRESIS", 1e-3), ("dsl", "DSL", 1e-3)):
        e = np.abs(np.asarray(g[name])[:-1] / d[clm].values[1:] - 1.0)[follows]
        print(name, "median", np.median(e), "p99", np.quantile(e, 0.99))
        assert np.median(e) < tolerance
