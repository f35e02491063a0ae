"""Radiation: energy, limits, monotonicity, gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elterra.registry as registry
from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.radiation import absorbed_by_ground, radiative_transfer
from elterra.land.radiation._canopy import canopy_transfer
from elterra.land.radiation._impurities import aerosols, soot
from elterra.land.radiation._snow import fitted_optics, snow_transfer
from elterra.land.radiation._soil import soil_albedo

CFG = Config()
N, PATCHES, COLUMNS = CFG.nlevsno, 3, 6
PFTS = np.array([1, 7, 13])
RUN = jax.jit(radiative_transfer, static_argnames="cfg")
SNOW = jax.jit(
    lambda mass, radius, share, coszen, ground: snow_transfer(mass, radius, soot(share), coszen, ground)
)


def parameters() -> dict[str, jax.Array]:
    values = {}
    for name, item in registry.parameters().items():
        if item.room in ("radiation", "canopy", "surface") or name == "xl":
            default = np.asarray(item.default)
            values[name] = jnp.asarray(
                default[PFTS][:, None] * np.ones((1, COLUMNS)) if item.per_pft else np.full(COLUMNS, default)
            )
    return values


def case(seed: int = 0, coszen: float | None = None) -> tuple[Fields, Fields, Fields, Fields]:
    rng = np.random.default_rng(seed)
    snl = rng.integers(0, N + 1, COLUMNS)
    active = np.arange(N)[:, None] >= N - snl
    water = rng.uniform(0.5, 40.0, (CFG.nlevtot, COLUMNS))
    water[:N] = np.where(active, water[:N], 0.0)
    p = Fields(
        parameters(),
        soil_color=jnp.asarray(rng.integers(1, 21, COLUMNS)),
        dzsoi=jnp.full((25, COLUMNS), 0.02),
    )
    s = Fields(
        h2osoi_liq=jnp.asarray(water * 0.1),
        h2osoi_ice=jnp.asarray(water * 0.9) * (np.arange(CFG.nlevtot) < N)[:, None],
        snw_rds=jnp.asarray(np.where(active, rng.uniform(54.0, 1400.0, (N, COLUMNS)), 0.0)),
        snl=jnp.asarray(snl),
        frac_sno=jnp.asarray(np.where(snl > 0, rng.uniform(0.05, 1.0, COLUMNS), 0.3)),
        h2osno_no_layers=jnp.asarray(np.where(snl > 0, 0.0, rng.uniform(0.0, 3.0, COLUMNS))),
        fcansno=jnp.asarray(
            rng.uniform(0.0, 1.0, (PATCHES, COLUMNS)) * rng.integers(0, 2, (PATCHES, COLUMNS))
        ),
    )
    mu = rng.uniform(-0.3, 1.0, COLUMNS) if coszen is None else np.full(COLUMNS, coszen)
    f = Fields(
        coszen=jnp.asarray(mu),
        forc_solad=jnp.asarray(rng.uniform(0.0, 500.0, (2, COLUMNS))),
        forc_solai=jnp.asarray(rng.uniform(0.0, 300.0, (2, COLUMNS))),
    )
    elai = rng.uniform(0.0, 7.0, (PATCHES, COLUMNS)) * rng.integers(0, 2, (PATCHES, COLUMNS))
    esai = rng.uniform(0.0, 2.0, (PATCHES, COLUMNS)) * (elai > 0)
    veg = Fields(elai=jnp.asarray(elai), esai=jnp.asarray(esai), frac_veg_nosno=jnp.asarray((elai > 0) * 1.0))
    return p, s, f, veg


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_energy_is_conserved_in_every_patch_and_layer(seed: int) -> None:
    p, s, f, veg = case(seed)
    r = RUN(p, s, f, veg, cfg=CFG)
    incident = jnp.sum(f.forc_solad + f.forc_solai, axis=0)
    np.testing.assert_allclose(r.sabv + r.sabg + r.fsr, incident + 0 * r.fsr, rtol=0, atol=1e-10)
    np.testing.assert_allclose(jnp.sum(r.sabg_lyr, axis=0), r.sabg, rtol=0, atol=1e-10)
    np.testing.assert_allclose(r.fsa, r.sabv + r.sabg, rtol=0, atol=1e-12)
    layered = np.asarray(s.snl) > 0
    blend = s.frac_sno * r.sabg_snow + (1.0 - s.frac_sno) * r.sabg_bare
    np.testing.assert_allclose(blend[:, layered], r.sabg[:, layered], rtol=0, atol=1e-10)
    for name in (
        "sabv",
        "sabg",
        "fsr",
        "sabg_lyr",
        "parsun",
        "parsha",
        "fabd",
        "fabi",
        "ftdd",
        "ftid",
        "ftii",
    ):
        assert np.isfinite(r[name]).all(), name
        assert (np.asarray(r[name]) >= -1e-9).all(), name
    for name in ("albd", "albi", "albgrd", "albgri", "fsun"):
        assert (np.asarray(r[name]) <= 1.0 + 1e-12).all(), name
    np.testing.assert_array_equal(np.asarray(r.sabg_lyr)[:-1][:, :, ~layered], 0.0)


def test_snow_that_falls_after_the_albedo_moves_light_but_adds_none() -> None:
    p, s, f, veg = case(5, coszen=0.6)
    before = RUN(p, s, f, veg, cfg=CFG)
    thin = np.asarray(s.snl) == 0
    assert thin.any()
    assert not thin.all()
    later = s.replace(snl=jnp.maximum(s.snl, 1), frac_sno=jnp.minimum(s.frac_sno + 0.3, 1.0))
    after = absorbed_by_ground(p, before, later, CFG)
    np.testing.assert_allclose(jnp.sum(after.sabg_lyr, axis=0), before.sabg, rtol=0, atol=1e-10)
    snow_light = [np.asarray(r.sabg_lyr)[:N].sum(axis=0) for r in (before, after)]
    assert (snow_light[1] > snow_light[0]).all()
    assert (np.asarray(after.sabg_lyr)[N] >= 0.0).all()
    # as CLM5 what the new cover does not absorb is lost, and booked
    np.testing.assert_array_equal(after.sabg_lost, 0.0)
    lossy = absorbed_by_ground(p.replace(snow_light_kept=0.0 * p.snow_light_kept), before, later, CFG)
    np.testing.assert_allclose(
        jnp.sum(lossy.sabg_lyr, axis=0), before.sabg - lossy.sabg_lost, rtol=0, atol=1e-10
    )
    by_cover = later.frac_sno * before.sabg_lyr_snow.sum(axis=0) + (1.0 - later.frac_sno) * before.sabg_soil
    np.testing.assert_allclose(jnp.sum(lossy.sabg_lyr, axis=0), by_cover, rtol=0, atol=1e-10)


def test_sunlit_and_shaded_visible_light_sum_to_the_canopys() -> None:
    p, s, f, veg = case(3, coszen=0.5)
    r = RUN(p, s, f, veg, cfg=CFG)
    area = veg.elai + veg.esai
    total = r.parsun * r.fsun * area + r.parsha * (1.0 - r.fsun) * area
    expected = f.forc_solad[0] * r.fabd[0] + f.forc_solai[0] * r.fabi[0]
    np.testing.assert_allclose(total, expected, rtol=1e-12, atol=1e-10)
    leafy = np.asarray(area) > 0
    assert (np.asarray(r.parsun - r.parsha)[leafy] > 0).all()


def test_bare_twigs_under_snow_have_no_negative_light() -> None:
    """A few hundredths of stem area, wholly under snow: the sunlit part alone exceeds what all twigs absorb."""
    p, s, f, veg = case(3, coszen=0.45)
    one = jnp.ones_like(veg.elai)
    s = s.replace(fcansno=one, frac_sno=jnp.ones(COLUMNS))
    veg = veg.replace(elai=0.0 * one, esai=0.05 * one, frac_veg_nosno=one)
    r = RUN(p, s, f, veg, cfg=CFG)
    assert (np.asarray(r.parsha) >= 0.0).all()
    assert (np.asarray(r.parsun) >= 0.0).all()


def test_snow_on_the_canopy_brightens_it() -> None:
    p, s, f, veg = case(3, coszen=0.5)
    snowy = RUN(p, s.replace(fcansno=jnp.ones_like(s.fcansno)), f, veg, cfg=CFG)
    clear = RUN(p, s.replace(fcansno=jnp.zeros_like(s.fcansno)), f, veg, cfg=CFG)
    leafy = np.asarray(veg.elai) > 0.5
    assert (np.asarray(snowy.albi[0] > clear.albi[0])[leafy]).all()


@pytest.mark.parametrize("coszen", [-0.4, 0.0])
def test_night_absorbs_nothing(coszen: float) -> None:
    p, s, f, veg = case(1, coszen=coszen)
    r = RUN(p, s, f, veg, cfg=CFG)
    for name in (
        "sabv",
        "sabg",
        "sabg_lyr",
        "parsun",
        "parsha",
        "laisun",
        "fsun",
        "vcmaxcintsun",
    ):
        np.testing.assert_array_equal(r[name], 0.0)


@pytest.mark.parametrize("coszen", [-0.4, 0.0])
def test_all_leaves_are_shaded_at_night_with_the_mean_of_the_nitrogen_profile(coszen: float) -> None:
    p, s, f, veg = case(1, coszen=coszen)
    r = RUN(p, s, f, veg, cfg=CFG)
    leafy = np.asarray(veg.elai) > 0
    depth = np.asarray(p.extkn * veg.elai)[leafy]
    np.testing.assert_array_equal(r.laisha, veg.elai)
    np.testing.assert_allclose(np.asarray(r.vcmaxcintsha)[leafy], (1 - np.exp(-depth)) / depth, rtol=1e-12)
    np.testing.assert_array_equal(np.asarray(r.vcmaxcintsha)[~leafy], 0.0)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "coszen", [-0.4, 1e-6, 0.5, *(pytest.param(x, marks=SLOW) for x in (0.0, 0.02, 1.0))]
)
def test_gradients_are_finite(coszen: float) -> None:
    p, s, f, veg = case(2, coszen=coszen)
    fixed = {n: s[n] for n in s if n == "snl"}

    def loss(state: dict, forcing: Fields, leaves: Fields, par: dict) -> jax.Array:
        r = radiative_transfer(p.replace(**par), Fields(state, **fixed), forcing, leaves, CFG)
        return sum(
            jnp.sum(r[n]) for n in ("sabv", "sabg", "parsun", "parsha", "vcmaxcintsun", "vcmaxcintsha")
        )

    free = {n: s[n] for n in s if n != "snl"}
    par = {n: p[n] for n in ("xl", "rholvis", "taulnir", "snow_soot", "extkn")}
    grads = jax.grad(loss, argnums=(0, 1, 2, 3))(free, f, veg, par)
    for leaf in jax.tree.leaves(grads):
        assert np.isfinite(leaf).all()


def test_dense_canopy_of_black_ground_absorbs_by_beers_law_without_scattering() -> None:
    """Leaves that scatter next to nothing: the beam is all that is transmitted, exp(-K LAI)."""
    p, _, _, veg = case(0)
    tiny = {n: jnp.full_like(p[n], 1e-9) for n in p if n[:4] in ("rhol", "rhos", "taul", "taus")}
    p = p.replace(**tiny, xl=jnp.full_like(p.xl, 0.25))
    veg = veg.replace(elai=jnp.full_like(veg.elai, 2.0), esai=jnp.zeros_like(veg.esai))
    mu, ground = jnp.full(COLUMNS, 0.6), jnp.full((2, COLUMNS), 1e-6)
    r = canopy_transfer(p, veg, jnp.zeros_like(veg.elai), mu, ground, ground)
    phi1 = 0.5 - 0.633 * 0.25 - 0.33 * 0.25**2
    k = (phi1 + 0.877 * (1 - 2 * phi1) * 0.6) / 0.6
    np.testing.assert_allclose(r.ftdd, np.exp(-2.0 * k), rtol=1e-12)
    np.testing.assert_allclose(r.fabd, 1.0 - np.exp(-2.0 * k), rtol=1e-4)
    np.testing.assert_allclose(r.fabd_sun, r.fabd, rtol=1e-4)
    np.testing.assert_allclose(r.fsun, (1.0 - np.exp(-2.0 * k)) / (2.0 * k), rtol=1e-12)
    np.testing.assert_allclose(
        r.vcmaxcintsun * r.fsun + r.vcmaxcintsha * (1 - r.fsun), (1 - np.exp(-0.6)) / 0.6, rtol=1e-12
    )


def test_canopy_solves_its_differential_equations() -> None:
    """Transmission through a stack of two half canopies, joined by adding, is that of the whole one."""
    p, _, _, veg = case(0)
    mu = jnp.full(COLUMNS, 0.45)
    none = jnp.zeros_like(veg.elai)

    def of(lai: float, albedo: jax.Array) -> Fields:
        leaves = veg.replace(elai=none + lai, esai=none)
        return canopy_transfer(p, leaves, none, mu, albedo, albedo)

    black = jnp.full((2, COLUMNS), 1e-12)
    half, whole = of(1.3, black), of(2.6, black)
    bounce = 1.0 / (1.0 - half.albi**2)
    down = half.ftid * half.ftdd + half.ftii * (half.ftid + half.albi * half.ftdd * half.albd) * bounce
    np.testing.assert_allclose(whole.ftid, down, rtol=1e-8)
    up = half.albd + half.ftii * (half.ftdd * half.albd + half.ftid * half.albi) * bounce
    np.testing.assert_allclose(whole.albd, up, rtol=1e-8)


def snow(mass: float, radius: float, mu: float, soot: float = 0.0) -> np.ndarray:
    layers = jnp.zeros((4, 1)).at[-1].set(mass)
    out = SNOW(
        layers, jnp.full((4, 1), radius), jnp.full((4, 1), soot), jnp.array([mu]), jnp.array([[0.1], [0.2]])
    )
    return np.concatenate([np.ravel(out[0]), np.ravel(out[1])])


def test_snow_albedo_has_the_known_dependences() -> None:
    fresh, old = snow(200.0, 60.0, 0.5), snow(200.0, 1000.0, 0.5)
    assert 0.97 < fresh[0] < 0.995  # clean new snow, visible (Wiscombe & Warren 1980)
    assert 0.65 < fresh[1] < 0.80
    assert (old < fresh).all()
    assert snow(200.0, 1000.0, 0.5)[1] < 0.55
    assert (snow(200.0, 200.0, 0.2)[:2] > snow(200.0, 200.0, 0.9)[:2]).all()  # low sun, brighter
    assert (snow(200.0, 200.0, 0.2)[2:] == snow(200.0, 200.0, 0.9)[2:]).all()
    depths = np.array([snow(m, 150.0, 0.5) for m in (0.0, 0.5, 2.0, 10.0, 100.0)])
    np.testing.assert_allclose(depths[0], [0.1, 0.2, 0.1, 0.2], atol=1e-14)
    assert (np.diff(depths, axis=0) > 0).all()
    dirty = snow(200.0, 200.0, 0.5, 1e-7)
    assert 0.01 < snow(200.0, 200.0, 0.5)[0] - dirty[0] < 0.1


def test_snow_layers_are_only_a_subdivision() -> None:
    """Four equal layers reflect and absorb like one of the same mass, and light falls off downward."""
    one = snow(20.0, 150.0, 0.5)
    out = SNOW(
        jnp.full((4, 1), 5.0),
        jnp.full((4, 1), 150.0),
        jnp.zeros((4, 1)),
        jnp.array([0.5]),
        jnp.array([[0.1], [0.2]]),
    )
    np.testing.assert_allclose(np.concatenate([np.ravel(out[0]), np.ravel(out[1])]), one, rtol=1e-12)
    absorbed = np.asarray(out[2])[1, :4, 0]
    assert (np.diff(absorbed) < 0).all()
    np.testing.assert_allclose(np.asarray(out[2]).sum(axis=1) + out[0], 1.0, atol=1e-13)


def test_soil_darkens_with_water_between_its_dry_and_saturated_albedo() -> None:
    color = jnp.array([1, 10, 20])
    dry, wet = soil_albedo(color, jnp.zeros(3)), soil_albedo(color, jnp.full(3, 0.5))
    np.testing.assert_allclose(wet, [[0.25, 0.14, 0.04], [0.50, 0.28, 0.08]], atol=1e-12)
    np.testing.assert_allclose(dry, [[0.36, 0.25, 0.08], [0.61, 0.39, 0.16]], atol=1e-12)


def test_columns_do_not_know_their_neighbours() -> None:
    p, s, f, veg = case(5, coszen=0.4)
    whole = RUN(p, s, f, veg, cfg=CFG)
    part = jax.tree.map(lambda x: x[..., 2:5], (p, s, f, veg))
    few = RUN(*part, cfg=CFG)
    for name in whole:
        np.testing.assert_allclose(few[name], whole[name][..., 2:5], rtol=1e-12, atol=1e-12)


def test_hydrophilic_black_carbon_is_soot_and_dust_darkens_the_visible_most():
    snow, active = jnp.full((2, 3), 20.0), jnp.ones((2, 3), bool)
    mass = jnp.zeros((6, 2, 3)).at[0].set(20.0 * jnp.asarray([0.0, 1e-7, 1e-6]))
    for one, other in zip(aerosols(mass, snow, active), soot(mass[0] / snow), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    radius, ground = jnp.full((2, 3), 200.0), jnp.full((2, 3), 0.2)

    def albedo(species: int, share: float) -> np.ndarray:
        dirt = aerosols(jnp.zeros((6, 2, 3)).at[species].set(20.0 * share), snow, active)
        return np.asarray(snow_transfer(snow, radius, dirt, jnp.full(3, 0.5), ground)[0])[:, 0]

    clean = albedo(2, 0.0)
    for species in range(6):
        darker = clean - albedo(species, 1e-5)
        assert darker[0] > darker[1] > 0.0


def test_tables_of_the_fitted_optics_give_the_fitted_albedo() -> None:
    optics = fitted_optics(jnp.arange(30.0, 1501.0)[None])
    one = jnp.stack([x[:, 0] for x in optics])[..., None]
    mass, radius = jnp.full((2, 3), 15.0), jnp.asarray([[60.0, 200.0, 900.0]] * 2)
    dirt, coszen, ground = soot(jnp.full((2, 3), 1e-7)), jnp.asarray([0.1, 0.5, 0.9]), jnp.full((2, 3), 0.2)
    fitted = snow_transfer(mass, radius, dirt, coszen, ground)
    tabled = snow_transfer(mass, radius, dirt, coszen, ground, jnp.stack([one, one]))
    for a, b in zip(fitted, tabled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    # direct and diffuse light have their own
    darker = snow_transfer(
        mass,
        radius,
        dirt,
        coszen,
        ground,
        jnp.stack([one, one * jnp.asarray([1.2, 1.0, 1.0])[:, None, None, None]]),
    )
    np.testing.assert_allclose(darker[0], fitted[0], rtol=1e-12)
    assert (np.asarray(darker[1]) < np.asarray(fitted[1])).all()
