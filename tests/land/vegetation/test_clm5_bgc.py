"""The carbon and nitrogen step beside CLM5, with CLM5's own photosynthesis, temperatures and water."""

import clm5_bgc
import numpy as np
import pytest
from clm5_bgc import CLM5, Case, daily, scan, scan_days

pytestmark = [
    pytest.mark.skipif(
        not (CLM5 / "bgc_rur_step" / "steps.nc").exists(),
        reason="the reference runs of CLM5 are not beside the checkout (../shared/reference/clm5)",
    ),
    pytest.mark.filterwarnings("ignore"),
]

FLUXES = {"GPP": "gpp_patch", "MR": "mr_patch", "GR": "gr_patch", "AR": "ar_patch", "NPP": "npp_patch"}
COLUMN = {"HR": "hr", "NEE": "nee"}
POOLS = {"LEAFC": "leafc", "FROOTC": "frootc"}
COLLECT = (*FLUXES.values(), *COLUMN.values(), *POOLS.values(), "errcb", "errnb")


def compare_window(case, window):
    drv, forcing, theirs, start, extra = case.steps(window)
    _, out = scan(case, case.state(start), drv, forcing, COLLECT)
    out = {k: np.asarray(v) for k, v in out.items()}
    assert np.abs(out["errcb"]).max() < 1e-9
    assert np.abs(out["errnb"]).max() < 1e-9
    planted = case.pft > 0
    for name, ours in {**FLUXES, **COLUMN, **POOLS}.items():
        x, ref = out[ours], theirs(name)
        ref = case.patch(ref) if x.ndim == 3 else ref
        x, ref = (v[1:] if extra else v for v in (x, ref))
        x, ref = (v[..., planted if x.ndim == 3 else planted.any(axis=0)] for v in (x, ref))
        mean, wanted = x.mean(axis=0), ref.mean(axis=0)
        size = 1e-8 if name not in POOLS else 1e-3  # what the files round away
        np.testing.assert_allclose(mean, wanted, rtol=1.5e-3, atol=size, err_msg=f"{name} window {window}")
        # step by step, in units of the largest value of the window
        worst = np.abs(x - ref).max(axis=0) / np.maximum(np.abs(ref).max(axis=0), size)
        assert worst.max() < 0.06, (name, window, worst)


def test_ten_days_of_july_step_by_step():
    compare_window(Case("bgc_rur_step"), 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "window"),
    [*(("bgc_rur_step", w) for w in (0, 1, 3)), *(("bgc_davos_step", w) for w in range(4))]
    + [("bgc_allpft_rur", w) for w in (0, 1)],
)
def test_windows_of_all_seasons_and_plant_types_step_by_step(name, window):
    compare_window(Case(name), window)


@pytest.mark.slow
def test_a_year_of_all_plant_types_from_daily_means():
    case = Case("bgc_allpft_rur")
    drv, forcing, d = daily(case)
    names = {
        "GPP": "gpp", "NPP": "npp", "AR": "ar", "HR": "hr", "LEAFC": "leafc", "FROOTC": "frootc",
        "LEAFN": "leafn", "SMINN": "sminn", "F_NIT": "f_nit", "F_DENIT": "f_denit", "GROSS_NMIN": "gross_nmin",
        "NPP_NUPTAKE": "npp_nuptake", "TOTVEGC": "totvegc", "TOTLITC": "totlitc", "TOTSOMC": "totsomc",
        "TOTVEGN": "totvegn", "TOTSOMN": "totsomn",
    }  # fmt: skip
    end, out = scan_days(case, case.state(), drv, forcing, (*names.values(), "errcb", "errnb"))
    planted = np.nonzero(case.pft[0] > 0)[0]
    for name, ours in names.items():
        ref = d[name].values.reshape(365, -1)[:, planted]
        x = np.asarray(out[ours]).reshape(365, -1)[:, planted]
        bias = np.abs(x.mean(axis=0) / ref.mean(axis=0) - 1.0)
        r2 = 1.0 - ((x - ref) ** 2).sum(axis=0) / ((ref - ref.mean(axis=0)) ** 2).sum(axis=0)
        assert bias.max() < 0.05, (name, bias)
        assert r2.min() > 0.95, (name, r2)
    # green-up and leaf fall: half of the largest leaf carbon of the year
    for i in planted:
        ours = np.asarray(out["leafc"]).reshape(365, -1)[:, i]
        theirs = d.LEAFC.values.reshape(365, -1)[:, i]
        first, last = ([f(x > 0.5 * x.max()) for x in (ours, theirs)] for f in (_first, _last))
        assert abs(first[0] - first[1]) <= 3, (i, first)
        assert abs(last[0] - last[1]) <= 3, (i, last)
    r = clm5_bgc.open_nc(case.folder / "restart_01-01.nc")
    dz = np.asarray(case.p.dzsoi[:20])
    for element in "cn":
        for k, pool in enumerate(clm5_bgc.POOLS):
            ref = (np.nan_to_num(r[f"{pool}{element}_vr"].values[:, :20].T) * dz).sum(axis=0)[planted]
            x = (np.asarray(end[f"decomp_{element}pools"])[k] * dz).sum(axis=0)[planted]
            np.testing.assert_allclose(x, ref, rtol=0.05, atol=0.05, err_msg=pool + element)
    for pool in (
        "leafc",
        "frootc",
        "livestemc",
        "deadstemc",
        "leafn",
        "frootn",
        "livestemn",
        "leafc_storage",
    ):
        ref = case.patch(r[pool].values)[0][planted]
        np.testing.assert_allclose(np.asarray(end[pool])[0][planted], ref, rtol=0.05, atol=0.05, err_msg=pool)


def _first(season):
    return int(np.argmax(season))


def _last(season):
    return int(season.size - 1 - np.argmax(season[::-1]))
