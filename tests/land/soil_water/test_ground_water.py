"""Water of snow and soil together: conservation, limits, gradients."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from water_cases import make_fluxes, make_p, make_s

from elterra.land.config import Config
from elterra.land.snow import snowfall
from elterra.land.soil_water import ground_water, share_area, total_water

COLUMNS = 4


@functools.partial(jax.jit, static_argnames=("cfg",))
def advance(p, s, f, wet, flx, en, cfg):
    """One step, and the residual of its water balance in kg m-2. Compiled once a number of snow layers."""
    before = total_water(p, s, cfg)
    s, fall = snowfall(p, s, f, wet, cfg)
    s, out = ground_water(p, share_area(p, s, cfg), f, wet, fall, flx, en, cfg)
    tran = jnp.sum(p.wt * flx.qflx_tran_veg, axis=0)
    gain = wet.qflx_liq_grnd + wet.qflx_snow_grnd - out.qflx_evap_soi - tran - out.qflx_runoff
    change = total_water(p, s, cfg) - before
    return s, change - (gain + out.qflx_evap_deficit) * cfg.dt, out


def run(p, s, f, wet, flx, en, cfg, steps=6):
    """``steps`` steps: the state, and the residuals and outputs of all steps ``[step, ...]``."""
    residuals, outs = [], []
    for _ in range(steps):
        s, residual, out = advance(p, s, f, wet, flx, en, cfg)
        residuals.append(residual)
        outs.append(out)
    return s, np.stack(residuals), jax.tree.map(lambda *x: np.stack(x), *outs)


def columns(low, high):
    return st.lists(st.floats(low, high), min_size=COLUMNS, max_size=COLUMNS).map(np.array)


@settings(max_examples=20, deadline=None)
@given(
    sand=columns(5, 90),
    wetness=columns(0.05, 1.0),
    ice=columns(0.0, 0.9),
    t_soil=columns(255.0, 290.0),
    swe=columns(0.0, 1500.0),
    h2osfc=columns(0.0, 60.0),
    rain=columns(0.0, 1e-2),
    snow=columns(0.0, 3e-3),
    ev=columns(-1e-4, 2e-4),
    tran=columns(0.0, 1e-4),
    bedrock=st.lists(st.integers(3, 20), min_size=COLUMNS, max_size=COLUMNS).map(np.array),
    slope=columns(0.0, 20.0),
    nlevsno=st.just(12),
)
def test_water_is_conserved(
    sand, wetness, ice, t_soil, swe, h2osfc, rain, snow, ev, tran, bedrock, slope, nlevsno
):
    cfg = Config(nlevsno=nlevsno)
    p = make_p(COLUMNS, sand=sand, bedrock=bedrock, slope=slope)
    s = make_s(p, cfg, wetness=wetness, ice=ice, t_soil=t_soil, swe=swe, h2osfc=h2osfc)
    fluxes = make_fluxes(p, rain=rain, snow=snow, ev_snow=ev, ev_soil=ev, ev_h2osfc=ev, tran=tran, t=270.0)
    s, residual, out = run(p, s, *fluxes, cfg)
    assert float(jnp.max(jnp.abs(residual))) < 1e-9
    for name, value in s.items():
        assert bool(jnp.all(jnp.isfinite(value))), name
    assert float(jnp.min(s.h2osoi_liq)) >= 0.0
    assert float(jnp.min(s.h2osoi_ice)) >= 0.0
    assert float(jnp.min(out.qflx_evap_deficit)) >= 0.0
    assert float(jnp.min(out.qflx_runoff)) >= 0.0
    assert bool(jnp.all((s.snl >= 0) & (s.snl <= nlevsno)))
    assert bool(jnp.all((s.frac_sno >= 0) & (s.frac_sno + s.frac_h2osfc <= 1 + 1e-12)))


def single(cfg=None, steps=6, p_args=None, s_args=None, **fluxes):
    cfg = cfg or Config()
    p = make_p(COLUMNS, **(p_args or {}))
    s = make_s(p, cfg, **(s_args or {}))
    return (p, *run(p, s, *make_fluxes(p, **fluxes), cfg, steps=steps))


def test_heavy_rain_on_frozen_soil_stays_on_top():
    _, s, residual, out = single(rain=1e-2, s_args={"wetness": 0.9, "ice": 0.8, "t_soil": 268.0})
    assert float(jnp.max(jnp.abs(residual))) < 1e-9
    rain = 1e-2
    assert float(out.qflx_infl[0, 0]) < 0.05 * rain
    assert float(s.h2osfc[0] + jnp.sum(out.qflx_runoff[:, 0]) * 1800.0) > 0.8 * rain * 6 * 1800.0


def test_snow_on_standing_water_does_not_stop_its_outflow():
    """The connected part of the store counts the water as if there were no snow (CLM5)."""
    p = make_p(COLUMNS, slope=5.0)
    cfg = Config(nlevsno=5)
    outflow = {}
    for name, swe in (("bare", 0.0), ("snow", 30.0)):
        s = make_s(p, cfg, wetness=0.9, ice=0.8, t_soil=265.0, swe=swe, h2osfc=60.0)
        _, _, out = advance(p, s, *make_fluxes(p, t=265.0), cfg)
        outflow[name] = np.asarray(out.qflx_h2osfc_surf)
    assert (outflow["bare"] > 0.0).all()
    np.testing.assert_allclose(outflow["snow"], outflow["bare"], rtol=1e-12)


def test_melt_takes_cover_of_thin_snow_also_while_snow_falls():
    """Thin snow melts; a flake that falls then must not give the lost cover back."""
    p, cfg = make_p(COLUMNS), Config(nlevsno=5)
    s = make_s(p, cfg, wetness=0.5, swe=0.0)
    s = s.replace(
        h2osno_no_layers=jnp.full(COLUMNS, 0.5),
        snow_depth=jnp.full(COLUMNS, 0.005),
        int_snow=jnp.full(COLUMNS, 100.0),  # most of what fell has melted
        frac_sno=jnp.full(COLUMNS, 0.9),
    )
    after = {}
    for name, snow in (("dry", 0.0), ("flake", 1.0e-6 / cfg.dt)):
        melted, _, _ = advance(p, s, *make_fluxes(p, snomelt=0.5 / cfg.dt), cfg)
        assert (np.asarray(melted.frac_sno) == 0.9).all()  # CLM5 takes it at the start of the next step
        new, _, _ = advance(p, melted, *make_fluxes(p, snow=snow), cfg)
        after[name] = np.asarray(new.frac_sno)
    assert (after["dry"] < 0.7).all()
    np.testing.assert_allclose(after["flake"], after["dry"], atol=1e-4)


def one_layer(p, cfg, *, depth, liq, ice, cover):
    """A single snow layer on unfrozen soil."""
    s, n = make_s(p, cfg, wetness=0.5), cfg.nlevsno
    return s.replace(
        h2osoi_liq=s.h2osoi_liq.at[n - 1].set(liq),
        h2osoi_ice=s.h2osoi_ice.at[n - 1].set(ice),
        t_soisno=s.t_soisno.at[n - 1].set(273.15),
        dz_snow=s.dz_snow.at[n - 1].set(depth),
        snow_depth=jnp.full(COLUMNS, depth),
        snl=jnp.ones(COLUMNS, jnp.int32),
        int_snow=jnp.full(COLUMNS, 5.0),
        frac_sno=jnp.full(COLUMNS, cover),
    )


@pytest.mark.parametrize(("ice", "layers_end_with"), [(1.0, "depth"), (0.005, "ice")])
def test_water_of_a_snow_pack_that_ends_goes_to_the_top_soil_layer(ice, layers_end_with):
    p, cfg = make_p(COLUMNS), Config(nlevsno=5)
    depth = 0.008 if layers_end_with == "depth" else 0.03
    held = 0.2 if layers_end_with == "depth" else 0.5  # less than the pores hold
    s = one_layer(p, cfg, depth=depth, liq=held, ice=ice, cover=1.0)
    bare = s.replace(
        snl=jnp.zeros(COLUMNS, jnp.int32), frac_sno=jnp.zeros(COLUMNS), int_snow=jnp.zeros(COLUMNS)
    )
    bare = bare.replace(snow_depth=jnp.zeros(COLUMNS), dz_snow=0.0 * s.dz_snow)
    fluxes = make_fluxes(p, t=275.0)
    new, residual, out = advance(p, s, *fluxes, cfg)
    without, _, _ = advance(p, bare, *fluxes, cfg)
    assert float(jnp.max(jnp.abs(residual))) < 1e-9
    np.testing.assert_array_equal(new.snl, 0)
    n = cfg.nlevsno
    gain = (new.h2osoi_liq - without.h2osoi_liq)[n:]
    np.testing.assert_allclose(gain[0], held, rtol=1e-9)
    np.testing.assert_allclose(gain[1:], 0.0, atol=1e-9)
    assert float(jnp.max(jnp.abs(out.qflx_rain_plus_snomelt))) == 0.0
    thin, soil_ice = (ice, 0.0) if layers_end_with == "depth" else (0.0, ice)
    np.testing.assert_allclose(new.h2osno_no_layers, thin, rtol=1e-12)
    np.testing.assert_allclose(new.h2osoi_ice[n], soil_ice, rtol=1e-12)


def test_snow_gives_ice_and_liquid_and_the_soil_beside_it_liquid_only():
    p, cfg = make_p(COLUMNS), Config(nlevsno=5)
    s = one_layer(p, cfg, depth=0.03, liq=0.3, ice=5.0, cover=0.75)
    n = cfg.nlevsno
    s = s.replace(h2osoi_ice=s.h2osoi_ice.at[n].set(1.0))
    fluxes = make_fluxes(p, ev_snow=4e-5, ev_soil=4e-5, ice_share=0.9, t=275.0)
    new, residual, _ = advance(p, s, *fluxes, cfg)
    assert float(jnp.max(jnp.abs(residual))) < 1e-9
    np.testing.assert_allclose(
        s.h2osoi_ice[n - 1] - new.h2osoi_ice[n - 1], 0.75 * 0.9 * 4e-5 * cfg.dt, rtol=1e-9
    )
    np.testing.assert_allclose(
        s.h2osoi_liq[n - 1] - new.h2osoi_liq[n - 1], 0.75 * 0.1 * 4e-5 * cfg.dt, rtol=1e-9
    )
    np.testing.assert_array_equal(new.h2osoi_ice[n:], s.h2osoi_ice[n:])
    # without snow layers the soil loses ice, frost comes back as ice
    bare = make_s(p, cfg, wetness=0.5, ice=0.5, t_soil=270.0)
    for rate in (4e-5, -4e-5):
        fluxes = make_fluxes(p, ev_snow=rate, ev_soil=rate, ice_share=0.9, t=275.0)
        new, _, _ = advance(p, bare, *fluxes, cfg)
        lost = (bare.h2osoi_ice - new.h2osoi_ice)[n]
        np.testing.assert_allclose(lost, 0.9 * rate * cfg.dt, rtol=1e-9)


def test_dry_soil_under_evaporation_books_the_deficit():
    # 216 kg m-2 are asked for, about 180 are there
    _, s, residual, out = single(ev_soil=3e-3, tran=3e-3, steps=20, s_args={"wetness": 0.05})
    assert float(jnp.max(jnp.abs(residual))) < 1e-9
    assert float(jnp.max(out.qflx_evap_deficit)) > 0.0
    assert float(jnp.min(s.h2osoi_liq[12:32])) >= 0.01 - 1e-12


def test_no_deficit_in_moist_soil():
    _, _, _, out = single(ev_soil=5e-5, tran=5e-5, steps=40)
    assert float(jnp.max(out.qflx_evap_deficit)) == 0.0


def test_saturated_soil_drains_and_runs_off():
    _, s, _, out = single(rain=1e-3, s_args={"wetness": 1.0})
    assert float(out.qflx_drain[-1, 0]) > 0.0
    assert float(out.qflx_surf[-1, 0]) > 0.0
    assert float(s.zwt[0]) < 1.0
    np.testing.assert_allclose(
        jnp.sum(out.qflx_drain_lyr, axis=1), out.qflx_drain + out.qflx_drain_perched, rtol=1e-12
    )


def test_saturated_fraction_and_drainage_grow_with_wetness():
    wet = {"wetness": np.array([0.5, 0.95, 0.97, 1.0])}
    _, s, _, out = single(rain=1e-4, s_args=wet, steps=2)
    assert bool(jnp.all(jnp.diff(s.zwt) <= 1e-12))
    assert bool(jnp.all(jnp.diff(out.fsat[-1]) >= -1e-12))


@pytest.mark.parametrize("nlevsno", [5, 12])
def test_five_metres_of_snow_and_melt_out(nlevsno):
    cfg = Config(nlevsno=nlevsno)
    p, s, residual, _ = single(cfg, s_args={"swe": 1500.0, "density": 300.0})
    assert float(jnp.max(jnp.abs(residual))) < 1e-9
    assert int(s.snl[0]) > 3
    # melt from the top until nothing is left: turn ice into water as the heat solve would
    f, wet, flx, en = make_fluxes(p, rain=0.0, snomelt=1e-2, t=280.0)
    total = total_water(p, s, cfg)
    runoff = 0.0
    n = nlevsno
    for _ in range(60):
        left = jnp.full(COLUMNS, 60.0)
        rows = []
        for i in range(n):
            take = jnp.minimum(left, s.h2osoi_ice[i])
            left = left - take
            rows.append(take)
        taken = jnp.stack(rows)
        thin = jnp.where(s.snl == 0, jnp.minimum(60.0, s.h2osno_no_layers), 0.0)
        s = s.replace(
            h2osoi_ice=s.h2osoi_ice.at[:n].add(-taken),
            h2osoi_liq=s.h2osoi_liq.at[:n].add(taken),
            t_soisno=s.t_soisno.at[:n].set(273.15),
            h2osno_no_layers=s.h2osno_no_layers - thin,
        )
        en = en.replace(qflx_snomelt=(jnp.sum(taken, axis=0) + thin) / cfg.dt)
        s, _, out = advance(p, s, f, wet, flx, en, cfg)
        runoff = runoff + out.qflx_runoff * cfg.dt
    np.testing.assert_allclose(out.h2osno, 0.0, atol=1e-12)
    np.testing.assert_array_equal(s.snl, 0)
    np.testing.assert_array_equal(s.frac_sno, 0.0)
    np.testing.assert_allclose(total_water(p, s, cfg) + runoff, total, atol=1e-8)


def test_columns_do_not_touch_each_other():
    args = {"swe": np.array([0.0, 5.0, 100.0, 800.0])}
    _, s, _, _ = single(rain=1e-4, snow=1e-4, s_args=args)
    _, other, _, _ = single(rain=1e-4, snow=1e-4, s_args={"swe": np.array([0.0, 5.0, 700.0, 1.0])})
    np.testing.assert_array_equal(s.h2osoi_liq[:, :2], other.h2osoi_liq[:, :2])


@pytest.mark.slow
def test_gradients_are_finite():
    cfg = Config()
    p = make_p(COLUMNS)
    swe = np.array([0.0, 3.0, 60.0, 600.0])
    s = make_s(
        p,
        cfg,
        swe=swe,
        wetness=np.array([0.3, 1.0, 0.8, 0.6]),
        ice=0.1,
        t_soil=np.array([280.0, 272, 272, 280]),
    )
    f, wet, flx, en = make_fluxes(p, rain=1e-4, snow=1e-4, ev_snow=1e-5, ev_soil=1e-5, tran=1e-5, t=270.0)

    @jax.jit
    @jax.grad
    def slope(x):
        q = p.replace(hksat=p.hksat * x[0], e_ice=p.e_ice * x[1], baseflow_scalar=p.baseflow_scalar * x[2])
        q = q.replace(
            snow_accum_factor=p.snow_accum_factor * x[3], ssi=p.ssi * x[4], snow_eta0=p.snow_eta0 * x[5]
        )

        def body(state, _):
            state, fall = snowfall(q, state, f, wet, cfg)
            return ground_water(q, share_area(q, state, cfg), f, wet, fall, flx, en, cfg)

        end, out = jax.lax.scan(body, s, None, length=2)
        return (
            jnp.sum(end.h2osoi_liq**2)
            + jnp.sum(out.qflx_runoff)
            + jnp.sum(end.frac_sno)
            + jnp.sum(end.snow_depth)
        )

    value = slope(jnp.ones(6))
    assert bool(jnp.all(jnp.isfinite(value)))
    assert bool(jnp.all(value != 0.0))
