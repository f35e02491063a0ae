"""Snow: layers, cover, fresh density, grains, settling."""

import jax.numpy as jnp
import numpy as np
import pytest

from elterra.land.config import Config
from elterra.land.constants import CPICE, CPLIQ, HFUS, TFRZ
from elterra.land.fields import Fields
from elterra.land.snow import (
    SPECIES,
    depleted_cover,
    fresh_snow_density,
    initial_layers,
    snowfall,
    thickness_limits,
)
from elterra.land.snow._aerosols import SCAVENGED, wash_down
from elterra.land.snow._compaction import compact
from elterra.land.snow._cover import add_new_snow
from elterra.land.snow._grains import RADIUS_MIN, dry_growth_rate, fresh_radius, tabled_growth_rate
from elterra.land.snow._layers import Pack, drop_iceless_layers, merge_thin_layers, split_thick_layers
from elterra.land.snow._water import percolate


def random_pack(n, columns, seed, thin=0.0):
    """Layers of every kind; of a share ``thin`` the ice is nearly gone."""
    rng = np.random.default_rng(seed)
    snl = rng.integers(1, n + 1, columns)
    active = np.arange(n)[:, None] >= n - snl
    dz = np.where(active, 10.0 ** rng.uniform(-3, 0.5, (n, columns)), 0.0)
    ice = dz * rng.uniform(30, 500, (n, columns))
    ice = np.where(rng.uniform(size=ice.shape) < thin, np.minimum(ice, 0.005), ice)
    liq = dz * rng.uniform(0, 60, (n, columns))
    t = rng.uniform(240, TFRZ, (n, columns))
    radius = rng.uniform(60, 1400, (n, columns))
    frac = jnp.asarray(rng.uniform(0.3, 1.0, columns))
    return Pack(*map(jnp.asarray, (dz, liq, ice, t, radius))), jnp.asarray(active), frac


def heat(pack):
    return (CPICE * pack.ice + CPLIQ * pack.liq) * (pack.t - TFRZ) + HFUS * pack.liq


def total(x, active):
    return np.asarray(jnp.sum(jnp.where(active, x, 0.0), axis=0))


def one_layer(a, b):
    """Two layers ``[dz, liq, ice, t, radius]`` as one."""
    mass, capacity = ([w * x[1] + v * x[2] for x in (a, b)] for w, v in ((1, 1), (CPLIQ, CPICE)))
    t = sum(c * (x[3] - TFRZ) for c, x in zip(capacity, (a, b), strict=True)) / sum(capacity) + TFRZ
    radius = sum(m * x[4] for m, x in zip(mass, (a, b), strict=True)) / sum(mass)
    return [a[0] + b[0], a[1] + b[1], a[2] + b[2], t, radius]


def merged(layers, frac, least):
    """One column, layer by layer with a list that shrinks: what the vectors must give."""
    layers, i = [list(x) for x in layers], 0
    while i < len(layers) > 1:
        depth = frac * layers[i][0]
        if depth >= least[i] and layers[i][1] + layers[i][2] >= 50.0 * depth:
            i += 1
            continue
        last = i == len(layers) - 1
        if i > 0 and (last or layers[i - 1][0] < layers[i + 1][0]):
            layers[i - 1 : i + 1] = [one_layer(layers[i], layers[i - 1])]
        else:
            layers[i : i + 2] = [one_layer(layers[i + 1], layers[i])]
    return layers


def divided(layers, frac, n, last, inner):
    """The same for splitting."""
    layers, i = [list(x) for x in layers], 0
    while i < min(len(layers), n - 1):
        one = layers[i]
        if i == len(layers) - 1 and frac * one[0] > last[i]:
            one[:3] = [0.5 * x for x in one[:3]]
            layers.append(list(one))
            if i > 0:
                slope = (layers[i - 1][3] - one[3]) / (0.5 * layers[i - 1][0] + one[0])
                if one[3] - 0.5 * slope * one[0] < TFRZ:
                    layers[i + 1][3] = one[3] - 0.5 * slope * one[0]
                    one[3] += 0.5 * slope * one[0]
        if i < len(layers) - 1 and frac * one[0] > inner[i]:
            share = 1.0 - inner[i] / (frac * one[0])
            layers[i + 1] = one_layer(layers[i + 1], [share * x for x in one[:3]] + one[3:])
            one[:3] = [(1.0 - share) * x for x in one[:3]]
        i += 1
    return layers


@pytest.mark.parametrize("n", [5, 12])
def test_layers_merge_and_split_as_one_column_does_step_by_step(n):
    pack, active, frac = random_pack(n, 300, 1)
    least, last, inner = thickness_limits(n)
    few, kept = merge_thin_layers(pack, active, frac)
    new, snl = split_thick_layers(few, kept, frac)
    changed = np.zeros(2, int)
    for c in range(300):
        layers = [[float(x[i, c]) for x in pack[:5]] for i in range(n) if active[i, c]]
        want = merged(layers, float(frac[c]), least)
        got = [[float(x[i, c]) for x in few[:5]] for i in range(n) if kept[i, c]]
        np.testing.assert_allclose(got, want, rtol=1e-12)
        want_split = divided(want, float(frac[c]), n, last, inner)
        assert int(snl[c]) == len(want_split)
        np.testing.assert_allclose(
            [[float(x[i, c]) for x in new[:5]] for i in range(n - len(want_split), n)], want_split, rtol=1e-11
        )
        changed += (len(want) < len(layers), len(want_split) > len(want))
    assert (changed > 30).all()


@pytest.mark.parametrize("n", [5, 12])
def test_layers_conserve_mass_enthalpy_depth(n):
    pack, active, frac = random_pack(n, 200, 3)
    few, kept = merge_thin_layers(pack, active, frac)
    new, snl = split_thick_layers(few, kept, frac)
    place = np.arange(n)[:, None] >= n - np.asarray(snl)
    for then, some in ((few, kept), (new, place)):
        for x, y in zip((*then[:3], heat(then)), (*pack[:3], heat(pack)), strict=True):
            np.testing.assert_allclose(total(x, some), total(y, active), rtol=1e-11, atol=1e-6)
    # active layers, and only they, have mass
    np.testing.assert_array_equal(np.asarray(new.ice) > 0, place)


def test_layers_without_ice_give_their_water_to_the_next_and_the_lowest_to_the_soil():
    pack, active, _ = random_pack(12, 300, 4, thin=0.4)
    new, kept, liq, ice = drop_iceless_layers(pack, active)
    np.testing.assert_allclose(total(new.liq, kept) + liq, total(pack.liq, active), rtol=1e-13)
    np.testing.assert_allclose(total(new.ice, kept) + ice, total(pack.ice, active), rtol=1e-13)
    assert float(jnp.min(jnp.where(kept, new.ice, 1.0))) > 0.01
    lost_bottom = np.asarray(active[-1] & ~kept[-1])
    assert 20 < lost_bottom.sum() < 280
    np.testing.assert_array_equal(np.asarray(liq > 0), lost_bottom)
    np.testing.assert_array_equal(np.asarray(new.t), np.asarray(pack.t))


def test_aerosols_move_with_the_snow_of_their_layer():
    pack, active, frac = random_pack(12, 200, 5)
    # one species is a constant share of the snow, the other lies in the top layer
    top = np.asarray(active) & (np.cumsum(active, axis=0) == 1)
    pack = pack._replace(aerosols=(1e-7 * (pack.liq + pack.ice), jnp.where(top, 1e-6, 0.0)))
    few, kept = merge_thin_layers(pack, active, frac)
    new, snl = split_thick_layers(few, kept, frac)
    np.testing.assert_allclose(new.aerosols[0], 1e-7 * (new.liq + new.ice), rtol=1e-10)
    place = np.arange(12)[:, None] >= 12 - np.asarray(snl)
    np.testing.assert_allclose(total(new.aerosols[1], place), 1e-6, rtol=1e-12)


def test_melt_water_washes_aerosols_down_as_layer_by_layer():
    rng = np.random.default_rng(6)
    mass = rng.uniform(0.0, 1e-5, (len(SPECIES), 3, 50))
    leaving = np.where(rng.uniform(size=(3, 50)) < 0.5, rng.uniform(0.0, 30.0, (3, 50)), 0.0)
    left = rng.uniform(1.0, 20.0, (3, 50))
    got = np.asarray(wash_down(jnp.asarray(mass), jnp.asarray(leaving), jnp.asarray(left)))
    falling = np.zeros((len(SPECIES), 50))
    for i in range(3):
        here = mass[:, i] + falling
        falling = np.minimum(here, leaving[i] * SCAVENGED[:, None] * here / left[i])
        np.testing.assert_allclose(got[:, i], here - falling, rtol=1e-12, atol=1e-25)
    assert np.all(got >= 0.0)


def test_a_halved_layer_keeps_the_gradient_of_the_pack_unless_it_would_melt():
    def split(t_top, t):
        rows = (
            [0.0] * 3 + [0.015, 0.08],
            [0.0] * 5,
            [0.0] * 3 + [3.0, 20.0],
            [0.0] * 3 + [t_top, t],
            [100.0] * 5,
        )
        pack = Pack(*(jnp.asarray(x)[:, None] for x in rows))
        new, snl = split_thick_layers(pack, jnp.arange(5)[:, None] >= 3, jnp.ones(1))
        assert int(snl[0]) == 3
        return np.asarray(new.t[2:, 0])

    # nodes 0.0275 m (0.0475 to the old one) below that of the top layer, then 0.04 m
    slope = (260.0 - 268.0) / (0.0075 + 0.04)
    np.testing.assert_allclose(
        split(260.0, 268.0), [260.0, 268.0 + slope * 0.02, 268.0 - slope * 0.02], rtol=1e-12
    )
    np.testing.assert_allclose(split(260.0, 272.0), [260.0, 272.0, 272.0])


@pytest.mark.parametrize("n", [5, 12])
def test_repeated_layering_reaches_the_limits(n):
    pack, active, frac = random_pack(n, 100, 2)
    pack = pack._replace(ice=pack.dz * 300.0)
    for _ in range(n):
        pack, snl = split_thick_layers(*merge_thin_layers(pack, active, frac), frac)
        active = jnp.arange(n)[:, None] >= n - snl
    least, _, inner = thickness_limits(n)
    place = np.arange(n)[:, None] - (n - np.asarray(snl))
    column_dz = np.asarray(frac * pack.dz)
    several = np.asarray(snl) >= 2
    for layer in range(n):
        use = (place[layer] >= 0) & several
        assert np.all(column_dz[layer][use] >= least[place[layer][use]] - 1e-12)
        if layer < n - 1:
            assert np.all(column_dz[layer][use] <= inner[place[layer][use]] + 1e-12)


@pytest.mark.parametrize("n", [5, 12])
def test_initial_layers(n):
    depth = jnp.asarray([0.0, 0.005, 0.02, 0.05, 0.1, 0.5, 2.0, 5.0, 40.0])
    snl, dz = initial_layers(depth, n)
    np.testing.assert_allclose(jnp.sum(dz, axis=0)[2:], depth[2:], rtol=1e-14)
    np.testing.assert_array_equal(snl[:4], [0, 0, 1, 2])
    assert int(snl[-1]) == min(n, 12) or n == 12
    np.testing.assert_array_equal(jnp.sum(dz > 0, axis=0), snl)


def test_wrong_layer_number():
    with pytest.raises(ValueError, match="nlevsno"):
        thickness_limits(13)


def test_fresh_density():
    calm = jnp.zeros(5)
    t = TFRZ + jnp.asarray([5.0, 0.0, -15.0, -30.0, -80.0])
    rho = fresh_snow_density(t, calm)
    np.testing.assert_allclose(rho[0], 50 + 1.7 * 17**1.5, rtol=1e-12)
    np.testing.assert_allclose(rho[1], 50 + 1.7 * 15**1.5, rtol=1e-12)
    assert float(rho[2]) == pytest.approx(50.0, abs=0.01)
    # Slater: denser when very cold, constant below -57.55 degC
    assert float(rho[3]) > float(rho[2])
    np.testing.assert_allclose(rho[4], fresh_snow_density(jnp.asarray(TFRZ - 57.55), jnp.asarray(0.0)))
    wind = fresh_snow_density(jnp.full(4, 263.0), jnp.asarray([0.0, 2.0, 6.0, 15.0]))
    assert bool(jnp.all(jnp.diff(wind) > 0))
    assert float(wind[-1] - wind[0]) == pytest.approx(266.861, rel=0.05)


def test_cover_grows_with_snow_and_closes_on_the_depletion_curve():
    n = jnp.asarray(20.0)
    one = {"density": jnp.asarray(100.0), "accum_factor": jnp.asarray(0.1), "n_melt": n}
    zero = jnp.asarray(0.0)
    new = add_new_snow(new_snow=jnp.asarray(5.0), h2osno=zero, frac_sno=zero, int_snow=zero, **one)
    assert float(new.frac_sno) == pytest.approx(np.tanh(0.5))
    assert float(new.depth) == pytest.approx(0.05 / np.tanh(0.5))
    # the integrated snowfall before the last fall is added puts the curve through the cover
    curve = depleted_cover(jnp.asarray(5.0), new.int_snow - 5.0, jnp.asarray(1e9), n)
    assert float(curve) == pytest.approx(float(new.frac_sno), rel=1e-9)
    swe = jnp.linspace(0.0, 100.0, 50)
    cover = depleted_cover(swe, jnp.asarray(100.0), jnp.asarray(2000.0), n)
    assert bool(jnp.all(jnp.diff(cover) >= 0))
    assert float(cover[0]) < 1e-3
    assert float(cover[-1]) == 1.0


def test_percolation_keeps_the_holding_capacity():
    dz, ice = jnp.full((3, 1), 0.1), jnp.full((3, 1), 30.0)
    pores = 1.0 - 30.0 / (0.1 * 917.0)
    held = 0.033 * pores * 100.0
    liq = jnp.asarray([[held * 0.9], [held + 2.0], [0.0]])
    out = percolate(liq, ice, dz, jnp.ones((3, 1), bool), jnp.ones(1), jnp.asarray(0.033), jnp.asarray(0.05))
    np.testing.assert_allclose(out[:, 0], [0.0, 2.0, 0.0], atol=1e-12)
    # no flow into an ice layer
    tight = percolate(
        liq,
        ice.at[2].set(91.0),
        dz,
        jnp.ones((3, 1), bool),
        jnp.ones(1),
        jnp.asarray(0.033),
        jnp.asarray(0.05),
    )
    assert float(tight[1, 0]) == 0.0


def test_settling_is_faster_under_load_wind_and_warmth():
    def one(t=263.0, wind=0.0, above=0.0):
        col = jnp.ones(1)
        layers = jnp.asarray([[above], [20.0]])
        dz = jnp.asarray([[max(above, 1.0) / 200.0], [0.2]])
        new = compact(
            dz,
            dt=1800.0,
            liq=jnp.zeros((2, 1)),
            ice=layers,
            t=jnp.full((2, 1), t),
            mass_before=layers,
            melting=jnp.zeros((2, 1), bool),
            active=layers > 0,
            frac_sno=col,
            int_snow=100.0 * col,
            int_snow_max=2000.0 * col,
            n_melt=20.0 * col,
            forc_wind=wind * col,
            upplim=175.0 * col,
            eta0=7.62237e6 * col,
            tau_ref=172800.0 * col,
        )
        return float(new[1, 0])

    base = one()
    assert base < 0.2
    assert one(above=100.0) < base
    assert one(wind=15.0) < base
    assert one(t=272.0) < base


def test_grain_growth():
    assert float(fresh_radius(jnp.asarray(TFRZ), jnp.asarray(204.526))) == pytest.approx(204.526)
    assert float(fresh_radius(jnp.asarray(230.0), jnp.asarray(204.526))) == pytest.approx(RADIUS_MIN)
    # growth over 10 days in isothermal and steep-gradient snow of 200 kg m-3 (Flanner and Zender 2006 table)
    for t, gradient, days, want in (
        (273.15, 100.0, 10, 246.5),
        (253.15, 100.0, 10, 112.4),
        (273.15, 0.0, 10, 53.7),
    ):
        radius = jnp.asarray(RADIUS_MIN)
        for _ in range(days * 8):
            radius = radius + 3.0 * dry_growth_rate(
                jnp.asarray(t), jnp.asarray(gradient), jnp.asarray(200.0), radius
            )
        assert float(radius) - RADIUS_MIN == pytest.approx(want, rel=0.35)


@pytest.mark.parametrize("trace", [1e-3, 1e-16, 1e-25, 1e-300, 5e-324])
def test_a_trace_of_new_snow_has_a_finite_depth(trace):
    zero = jnp.zeros(1)
    new = add_new_snow(
        new_snow=jnp.full(1, trace),
        h2osno=zero,
        frac_sno=zero,
        int_snow=zero,
        density=jnp.full(1, 100.0),
        accum_factor=jnp.full(1, 0.1),
        n_melt=jnp.full(1, 20.0),
    )
    assert all(np.isfinite(np.asarray(x)).all() for x in new)
    # on bare ground the covered part is as deep as if the flakes lay on tanh(k P) of the ground
    assert 0.0 <= float(new.depth[0]) <= 1.0 / (100.0 * 0.1) * (1.0 + 1e-6)


def on_the_ground(fall, *, no_layers=0.0, depth=0.0, cover=0.0, drain=0.0, total=None, t=263.15):
    """State and result of `snowfall` of ``fall`` kg m-2 in a step, one column, five snow layers."""
    cfg = Config(nlevsno=5)
    one, n = jnp.ones(1), cfg.nlevsno
    ground = jnp.zeros((cfg.nlevtot, 1))
    s = Fields(
        h2osoi_liq=ground,
        h2osoi_ice=ground,
        t_soisno=ground + 274.0,
        dz_snow=ground[:n],
        snw_rds=ground[:n] + 200.0,
        snl=jnp.zeros(1, jnp.int32),
        h2osno_no_layers=no_layers * one,
        snow_depth=depth * one,
        int_snow=(no_layers if total is None else total) * one,
        frac_sno=cover * one,
        qflx_snow_drain=drain * one,
    )
    p = Fields(topo_std=10.0 * one, int_snow_max=2000.0 * one, snow_accum_factor=0.1 * one)
    f = Fields(forc_t=t * one, forc_wind=0.0 * one)
    new, fallen = snowfall(p, s, f, Fields(qflx_snow_grnd=fall / cfg.dt * one), cfg)
    return s, new, fallen, n


@pytest.mark.parametrize(("trace", "depth"), [(1e-9, 0.1), (1e-18, 0.0)])
def test_what_falls_on_less_than_the_rounding_of_the_cover_has_no_depth(trace, depth):
    # as CLM5, where the cover is 1 - (1 - new) (1 - old): leaves are buried by the depth alone there
    _, new, _, _ = on_the_ground(trace, no_layers=trace, depth=depth or 0.1, cover=0.1 * trace)
    covered = float(new.frac_sno[0]) > 0.0
    assert covered == (trace > 1e-16)
    assert (float(new.snow_depth[0]) >= depth) if covered else (float(new.snow_depth[0]) == 0.0)
    assert float(new.h2osno_no_layers[0]) == 2.0 * trace


def test_deep_snowfall_has_a_layer_at_air_temperature_in_the_step_it_falls():
    _, new, fallen, n = on_the_ground(3.0, no_layers=1.0, depth=0.01, cover=0.1)
    assert int(new.snl[0]) == 1
    assert float(new.h2osoi_ice[n - 1, 0]) == pytest.approx(4.0)
    assert float(new.h2osno_no_layers[0]) == 0.0
    np.testing.assert_array_equal(new.t_soisno[:n], 263.15)
    np.testing.assert_array_equal(new.t_soisno[n:], 274.0)
    assert float(new.dz_snow[n - 1, 0]) == float(new.snow_depth[0])
    np.testing.assert_array_equal(fallen.swe_old, 0.0)  # the layer is new: it has lost nothing


def test_thin_snowfall_has_no_layer():
    _, new, _, n = on_the_ground(0.2)
    assert int(new.snl[0]) == 0
    assert float(new.h2osno_no_layers[0]) == pytest.approx(0.2)
    assert float(new.frac_sno[0]) == pytest.approx(np.tanh(0.02))
    np.testing.assert_array_equal(new.h2osoi_ice[:n], 0.0)


def test_cover_shrinks_by_the_melt_of_the_step_before():
    thin = {"no_layers": 1.0, "depth": 0.01, "cover": 0.9, "total": 10.0}
    _, kept, _, _ = on_the_ground(0.0, **thin)
    _, melted, _, _ = on_the_ground(0.0, drain=1.0e-4, **thin)
    curve = depleted_cover(jnp.asarray(1.0), jnp.asarray(10.0), jnp.asarray(2000.0), jnp.asarray(20.0))
    assert float(kept.frac_sno[0]) == 0.9
    assert float(melted.frac_sno[0]) == pytest.approx(float(curve), rel=1e-12)


def test_growth_from_a_table_takes_the_nearest_entry():
    # time constant 10 h, exponent 1, first rate numbered by the entry
    number = np.arange(11 * 31 * 8.0)
    table = jnp.asarray(np.stack([np.full_like(number, 10.0), np.ones_like(number), number])[..., None])
    t = jnp.asarray([[200.0, 225.4, 225.6, 273.15]])
    gradient = jnp.asarray([[0.0, 14.9, 15.1, 900.0]])
    density = jnp.asarray([[20.0, 74.0, 76.0, 917.0]])
    fresh = tabled_growth_rate(table, t, gradient, density, jnp.full((1, 4), RADIUS_MIN))
    want = [0, (0 * 31 + 1) * 8 + 0, (1 * 31 + 2) * 8 + 1, 11 * 31 * 8 - 1]
    np.testing.assert_allclose(fresh[0], want, rtol=1e-12)
    # grown by the time constant the rate is halved
    old = tabled_growth_rate(table, t, gradient, density, jnp.full((1, 4), RADIUS_MIN + 10.0))
    np.testing.assert_allclose(old, 0.5 * fresh, rtol=1e-12)
