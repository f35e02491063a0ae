"""Seasons: one onset and one offset a year, at a plausible time; leaves unfold and fall completely."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgc_setup import drivers, make_p, make_s
from elterra.land.config import Config
from elterra.land.phenology import PHENOLOGY_STATE, phenology

CFG = Config(dt=3600.0)
DAY = 24
# boreal and temperate seasonal deciduous trees, stress deciduous grass, evergreen
P = make_p(((3, 7, 13, 1),))


def seasons(years, **kw):
    """Run phenology and the pools it moves; leaf, storage and transfer carbon, flags per step."""
    s = make_s(P)

    def body(s, i):
        f, drv = drivers(P, 1.0 + i / DAY, **kw)
        state, moved = phenology(P, s, f, drv, CFG)
        store, xfer, leaf = s.leafc_storage, s.leafc_xfer, s.leafc
        out, unfold, fall = moved.storage_leaf * store, moved.xfer * xfer, moved.litter * leaf
        # what falls is fed back to storage so that every year is alike
        pools = {
            "leafc_storage": store - out + fall,
            "leafc_xfer": xfer + out - unfold,
            "leafc": leaf + unfold - fall,
        }
        keep = {k: state[k] for k in ("onset_flag", "offset_flag", "dormant_flag")} | {
            "leafc": pools["leafc"],
            "fractions": jnp.stack([moved[k] for k in moved]),
        }
        return s.replace(**state, **pools), keep

    return jax.jit(lambda s: jax.lax.scan(body, s, jnp.arange(years * 365 * DAY)))(s)


@pytest.fixture(scope="module")
def three_years():
    return seasons(3)


def starts(flag):
    """Day of the year at which a flag rises, [event]."""
    flag = np.asarray(flag)
    return (np.nonzero(np.diff(flag) > 0)[0] / DAY) % 365


def test_deciduous_trees_have_one_spring_and_one_autumn_a_year(three_years):
    _, out = three_years
    for column in (0, 1):
        onset = starts(out["onset_flag"][:, 0, column])
        offset = starts(out["offset_flag"][:, 0, column])
        assert len(onset) == 3
        assert len(offset) == 3
        assert np.all((onset > 75) & (onset < 170)), onset
        # day length falls below 39300 s in the second half of September at 47 deg N
        assert np.all((offset > 260) & (offset < 285)), offset


def test_leaves_are_all_out_in_summer_and_all_gone_in_winter(three_years):
    _, out = three_years
    leaf = np.asarray(out["leafc"])[-365 * DAY :, 0]
    for column in (0, 1):
        assert leaf[200 * DAY, column] > 40.0
        np.testing.assert_allclose(leaf[330 * DAY, column], 0.0, atol=1e-9)


def test_fractions_stay_within_zero_and_one(three_years):
    _, out = three_years
    fractions = np.asarray(out["fractions"])[:, :5]  # the order of Fields: lgsf, litter, storage_*
    assert fractions.min() >= 0.0
    assert fractions.max() <= 1.0


def test_offset_lasts_as_long_as_it_should_and_falls_linearly(three_years):
    _, out = three_years
    flag = np.asarray(out["offset_flag"])[: 365 * DAY, 0, 1]
    assert flag.sum() == 15 * DAY
    leaf = np.asarray(out["leafc"])[: 365 * DAY, 0, 1]
    during = leaf[flag > 0]
    fall = -np.diff(during)
    # the rate grows linearly with time
    np.testing.assert_allclose(fall[200] / fall[100], (2 * 201 + 1) / (2 * 101 + 1), rtol=0.01)
    assert during[-1] == pytest.approx(0.0, abs=1e-9)


def test_evergreen_turnover_is_the_inverse_of_leaf_longevity(three_years):
    s, _ = three_years
    f, drv = drivers(P, 150.0)
    _, moved = phenology(P, s, f, drv, CFG)
    rate = float(moved.litter[0, 3]) / CFG.dt * 365 * 86400
    assert rate == pytest.approx(1 / 3.3091666666, rel=1e-9)
    for name in PHENOLOGY_STATE:
        if name != "prec10":
            assert float(s[name][0, 3]) == 0.0


def test_stress_deciduous_plants_never_start_in_dry_soil():
    _, out = seasons(1, psi=-2.0)
    assert float(np.max(out["onset_flag"][:, 0, 2])) == 0.0
