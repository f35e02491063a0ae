"""Conservation, limits, masks and gradients of `ground_energy` on random snow, soil and surface water."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soil_heat_cases import CFG, case

from elterra.land.constants import HFUS, TFRZ
from elterra.land.fields import Fields
from elterra.land.soil_heat import ground_energy

N = CFG.nlevsno
step = jax.jit(partial(ground_energy, cfg=CFG))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_energy_is_conserved(seed):
    """Ground: flux in = storage + phase change. Surface: net radiation = sensible + latent + ground heat."""
    _, out = step(*case(seed))
    assert float(jnp.max(jnp.abs(out.errsoi))) < 1e-7
    assert float(jnp.max(jnp.abs(out.errseb))) < 1e-9


def test_cases_reach_every_branch():
    """The random states above contain what they are meant to test."""
    seen = dict.fromkeys(("melt", "refreeze", "thin", "water_part", "water_all", "soil_freeze", "short"), 0)
    for seed in range(12):
        args = case(seed)
        s, new = args[1], step(*args)
        s2, out = new
        frozen = out.qflx_h2osfc_to_ice > 0
        seen["melt"] += int(jnp.sum(out.qflx_snomelt_lyr > 0))
        seen["refreeze"] += int(jnp.sum(out.qflx_snofrz > 0))
        seen["thin"] += int(jnp.sum(out.qflx_snomelt_thin > 0))
        seen["water_all"] += int(jnp.sum(frozen & (s2.h2osfc == 0)))
        seen["water_part"] += int(jnp.sum(frozen & (s2.h2osfc > 0)))
        seen["soil_freeze"] += int(jnp.sum(s2.h2osoi_ice[N:] > s.h2osoi_ice[N:]))
        seen["short"] += int(jnp.sum(out.eflx_evap_excess > 0))
    assert min(seen.values()) > 0, seen


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_water_only_changes_phase_and_place(seed):
    args = case(seed)
    s = args[1]
    s2, out = step(*args)

    def total(x):
        return jnp.sum(x.h2osoi_liq + x.h2osoi_ice, axis=0) + x.h2osfc + x.h2osno_no_layers

    np.testing.assert_allclose(total(s2) + CFG.dt * out.qflx_snomelt_thin, total(s), rtol=1e-14)
    for name in ("h2osoi_liq", "h2osoi_ice", "h2osfc", "h2osno_no_layers", "snow_depth"):
        assert float(jnp.min(s2[name])) >= 0.0, name
    ice = jnp.sum(s.h2osoi_ice, axis=0) + s.h2osno_no_layers
    ice2 = jnp.sum(s2.h2osoi_ice, axis=0) + s2.h2osno_no_layers
    np.testing.assert_allclose(HFUS / CFG.dt * (ice - ice2), out.xmf + out.xmf_h2osfc, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_phases_fit_the_temperature(seed):
    """Ice and liquid water together only at the freezing point; in soil, liquid water up to supercooling."""
    args = case(seed)
    s2, out = step(*args)
    fresh = out.qflx_h2osfc_to_ice > 0  # ice of standing water comes after the top soil layer was solved
    t, liq, ice = s2.t_soisno, s2.h2osoi_liq, s2.h2osoi_ice
    active = jnp.arange(N)[:, None] >= N - s2.snl
    both = active & (liq[:N] > 1e-9) & (ice[:N] > 1e-9)
    np.testing.assert_allclose(jnp.where(both, t[:N], TFRZ), TFRZ, atol=1e-9)
    assert bool(jnp.all(~(ice > 1e-9) | (t < TFRZ + 1e-9)))
    assert bool(jnp.all((s2.h2osno_no_layers == 0) | fresh | (s2.snl > 0) | (t[N] < TFRZ + 1e-9)))


@pytest.mark.parametrize("noise", [1.0, 77.0])
def test_inactive_snow_layers_do_not_matter(noise):
    clean, dirty = case(3), case(3, noise=noise)
    inactive = jnp.arange(N + 1)[:, None, None] < N - dirty[1].snl
    rad = dirty[4]
    rad = rad.replace(sabg_lyr=jnp.where(inactive, noise, rad.sabg_lyr))
    s1, o1 = step(*clean)
    s2, o2 = step(*dirty[:4], rad, *dirty[5:])
    for name in o1:
        np.testing.assert_array_equal(o1[name], o2[name], err_msg=name)
    keep = jnp.arange(N + 25)[:, None] >= N - s1.snl
    for name in s1:
        pick = keep if s1[name].shape == keep.shape else keep[:N] if s1[name].ndim == 2 else True
        np.testing.assert_array_equal(
            jnp.where(pick, s1[name], 0), jnp.where(pick, s2[name], 0), err_msg=name
        )
    np.testing.assert_array_equal(s1.t_soisno, s2.t_soisno)  # inactive layers follow the top active one
    np.testing.assert_array_equal(s2.h2osoi_ice[:N][~keep[:N]], noise)


def test_columns_do_not_depend_on_their_neighbours():
    args = case(5)
    order = jnp.array([3, 0, 7, 1, 6, 2, 5, 4])
    turned = [jax.tree.map(lambda x: x[..., order] if jnp.ndim(x) else x, a) for a in args]
    a, b = step(*args), step(*turned)
    for one, two in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(one[..., order], two)


def _real(args):
    return [Fields({k: v for k, v in a.items() if jnp.issubdtype(v.dtype, jnp.floating)}) for a in args]


def _loss(floats, args):
    full = [Fields(dict(a), **x) for a, x in zip(args, floats, strict=True)]
    s, out = ground_energy(*full, CFG)
    parts = [s.t_soisno, s.h2osoi_ice, s.snow_depth, s.t_h2osfc, out.eflx_soil_grnd, out.eflx_lh_tot]
    return sum(jnp.sum(x * jnp.linspace(0.5, 1.5, x.size).reshape(x.shape)) for x in parts)


_value, _gradient = jax.jit(_loss), jax.grad(_loss)  # the gradient is faster to run once than to compile


@pytest.fixture(scope="module")
def slopes():
    """Inputs and gradients of a few cases with snow, thin snow, water, frost and thaw."""
    return [(args, _gradient(_real(args), args)) for args in (case(0), case(6))]


def test_gradients_are_finite(slopes):
    for _, gradient in slopes:
        for part in gradient:
            for name, g in part.items():
                assert bool(jnp.all(jnp.isfinite(g))), name


@pytest.mark.parametrize(
    ("where", "name"),
    [(0, "tk_snow_linear"), (0, "csol"), (0, "capr"), (0, "sucsat"), (2, "forc_lwrad"), (6, "cgrnds")],
)
def test_gradient_agrees_with_differences(slopes, where, name):
    args, gradient = slopes[0]
    floats = _real(args)
    x, h = floats[where][name], 1e-6

    def shifted(scale):
        moved = list(floats)
        moved[where] = floats[where].replace(**{name: x * scale})
        return float(_value(moved, args))

    numeric = (shifted(1 + h) - shifted(1 - h)) / (2 * h)
    assert float(jnp.sum(gradient[where][name] * x)) == pytest.approx(numeric, rel=1e-4, abs=1e-4)


def test_no_flux_no_change():
    """Uniform temperature in radiative balance with the sky stays as it is."""
    p, s, f, veg, rad, grnd, flx = case(2)
    t0 = 280.0
    s = s.replace(
        t_soisno=jnp.full_like(s.t_soisno, t0), t_h2osfc=jnp.full_like(s.t_h2osfc, t0), snl=s.snl * 0,
        h2osoi_ice=s.h2osoi_ice * 0, h2osno_no_layers=s.h2osno_no_layers * 0,
    )  # fmt: skip
    flx = Fields({k: v * 0 if k not in ("cgrnds", "cgrndl") else v for k, v in flx.items()})
    veg = veg.replace(frac_veg_nosno=veg.frac_veg_nosno * 0)
    rad = Fields({k: v * 0 for k, v in rad.items()})
    f = f.replace(forc_lwrad=jnp.full_like(f.forc_lwrad, 5.67e-8 * t0**4))
    s2, out = step(p, s, f, veg, rad, grnd, flx)
    np.testing.assert_allclose(s2.t_soisno, t0, atol=1e-9)
    np.testing.assert_allclose(out.eflx_soil_grnd, 0.0, atol=1e-7)


def test_more_radiation_warms_the_ground():
    """Thawed ground without snow, where the response is linear (an M-matrix)."""
    args = list(case(4))
    s = args[1]
    args[1] = s.replace(
        t_soisno=s.t_soisno + 30.0, t_h2osfc=s.t_h2osfc + 30.0, snl=s.snl * 0, h2osoi_ice=s.h2osoi_ice * 0,
        h2osno_no_layers=s.h2osno_no_layers * 0,
    )  # fmt: skip
    args[3] = args[3].replace(frac_veg_nosno=args[3].frac_veg_nosno * 0)
    s1, o1 = step(*args)
    args[2] = args[2].replace(forc_lwrad=args[2].forc_lwrad + 20.0)
    s2, o2 = step(*args)
    assert bool(jnp.all(o2.t_grnd > o1.t_grnd))
    change = (s2.t_soisno - s1.t_soisno)[N:]
    assert bool(jnp.all(change > -1e-12))
    assert bool(jnp.all(jnp.diff(change, axis=0) < 1e-12))
    extra = jnp.sum(args[0].wt * (o2.eflx_soil_grnd - o1.eflx_soil_grnd), axis=0)
    assert bool(jnp.all((extra > 0) & (extra < 20.0)))


def test_evaporation_stops_at_the_water_of_the_top_layer():
    """The excess is sensible heat: the sum of both fluxes and the ground heat flux do not change."""
    args = list(case(7))
    wet = args[6]
    dry = wet.replace(qflx_evap_soi=wet.qflx_evap_soi + 1.0, qflx_ev_snow=wet.qflx_ev_snow + 1.0,
                      qflx_ev_soil=wet.qflx_ev_soil + 1.0, qflx_ev_h2osfc=wet.qflx_ev_h2osfc + 1.0,
                      eflx_sh_grnd=wet.eflx_sh_grnd - args[5].htvp,
                      eflx_sh_snow=wet.eflx_sh_snow - args[5].htvp,
                      eflx_sh_soil=wet.eflx_sh_soil - args[5].htvp,
                      eflx_sh_h2osfc=wet.eflx_sh_h2osfc - args[5].htvp)  # fmt: skip
    s2, out = step(*args[:6], dry)
    top = jnp.arange(N + 1)[:, None] == N - s2.snl
    water = jnp.sum(jnp.where(top, (s2.h2osoi_liq + s2.h2osoi_ice)[: N + 1], 0), axis=0)
    np.testing.assert_allclose(CFG.dt * out.qflx_evap_soi_col, water, rtol=1e-10)
    assert bool(jnp.all(jnp.abs(out.errsoi) < 1e-6))
    split = out.qflx_evap_grnd + out.qflx_sub_snow - out.qflx_dew_snow - out.qflx_dew_grnd
    top_evaporation = jnp.where(s2.snl > 0, out.qflx_ev_snow, out.qflx_ev_soil)
    np.testing.assert_allclose(split, top_evaporation, atol=1e-15)
