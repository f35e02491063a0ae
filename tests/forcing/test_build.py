"""Weather of Davos: gap-free, flagged; skill of the fills on measurements that were removed."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from elterra.domain import ch_dav
from elterra.forcing import METHODS, ForcingError, build_forcing, land_forcing
from elterra.observations import davos_path, make_observations, read_davos

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).resolve().parents[3] / "shared"))
NAMES = ("TBOT", "QBOT", "PSRF", "WIND", "FSDS", "FLDS", "PRECTmms", "CO2")


@pytest.fixture(scope="module")
def record():
    return read_davos(davos_path())


@pytest.fixture(scope="module")
def forcing(record):
    return build_forcing(record, ch_dav())


def test_gap_free_flagged_with_uncertainty(record, forcing):
    for name in NAMES:
        assert np.isfinite(forcing[name]).all()
        assert np.isfinite(forcing[f"{name}_sd"]).all()
        assert (forcing[f"{name}_sd"] >= 0).all()
        assert set(np.unique(forcing[f"{name}_flag"])) <= set(range(len(METHODS)))
    measured = forcing.FLDS_flag == METHODS.index("measured")
    np.testing.assert_array_equal(measured, np.isfinite(record.LW_IN))
    np.testing.assert_array_equal(forcing.FLDS.values[measured], record.LW_IN.values[measured])
    in_2015 = forcing.time.dt.year == 2015
    assert (forcing.FLDS_sd.values[in_2015][100:-100] > 10).all()
    assert (forcing.WIND_flag == METHODS.index("wind_climatology")).all()


def test_precipitation_homogenisation_is_flagged_and_optional(record, forcing):
    plain = build_forcing(record.isel(time=slice(0, 48 * 60)), ch_dav(), homogenise_precipitation=False)
    assert not (plain.PRECTmms_flag == METHODS.index("scaled_homogenised")).any()
    early = forcing.PRECTmms_flag == METHODS.index("scaled_homogenised")
    assert set(np.unique(forcing.time.dt.year.values[early])) <= {2012, 2013, 2014, 2015}
    factor = forcing.PRECTmms.values[early].sum() / np.nansum(record.P.values[early])
    assert 1.05 < factor < 1.4


def test_fill_skill_on_removed_measurements(record):
    part = record.sel(time=slice("2016-01-01", "2017-12-31"))
    holed = part.copy()
    gap = np.zeros(part.sizes["time"], bool)
    for begin in range(48 * 20, gap.size - 48 * 20, 48 * 60):
        gap[begin : begin + 48 * 15] = True
    for name in ("LW_IN", "PA"):
        holed[name] = part[name].where(~xr.DataArray(gap, dims="time"))
    out = build_forcing(holed, ch_dav())
    for forced, measured, limit, method in (
        ("FLDS", "LW_IN", 32.0, "emissivity_model"),
        ("PSRF", "PA", 800.0, "barometric"),
    ):
        at = gap & np.isfinite(part[measured].values)
        error = out[forced].values[at] - part[measured].values[at]
        rmse = float(np.sqrt(np.mean(error**2)))
        plain = float(np.std(part[measured].values[at]))
        assert rmse < limit
        # pressure hardly depends on temperature: its fill is about the mean
        assert rmse < (0.6 if forced == "FLDS" else 1.1) * plain
        assert (out[f"{forced}_flag"].values[at] == METHODS.index(method)).mean() > 0.9
        spread = float(np.sqrt(np.mean(out[f"{forced}_sd"].values[at] ** 2)))
        assert 0.7 < rmse / spread < 1.4  # the stated sd is honest
        print(f"{forced}: rmse {rmse:.1f}, stated {spread:.1f}, climatological {plain:.1f}")


def test_no_temperature_is_an_error(record):
    short = record.isel(time=slice(0, 48 * 30))
    with pytest.raises(ForcingError, match="TA"):
        build_forcing(short.assign(TA=short.TA * np.nan), ch_dav())


def test_land_forcing_contract(forcing):
    land = land_forcing(forcing, ch_dav())
    n = forcing.sizes["time"]
    assert land["forc_solad"].shape == (n, 2, 1)
    total = (land["forc_solad"] + land["forc_solai"]).sum(1)[:, 0]
    np.testing.assert_allclose(total, forcing.FSDS, rtol=1e-13)
    np.testing.assert_allclose((land["forc_rain"] + land["forc_snow"])[:, 0], forcing.PRECTmms, rtol=1e-14)
    assert land["end_of_year"].sum() == 7
    first = np.flatnonzero(land["end_of_day"])[0]
    assert str(forcing.time.values[first])[11:16] == "23:30"
    assert (land["dayl"] <= land["max_dayl"]).all()
    np.testing.assert_array_equal(land["prev_dayl"][2 + 48 :: 48][:300], land["dayl"][2::48][:300])
    # the clock: measured sun and computed sun agree best without a shift
    sw, sun = forcing.FSDS.values, land["coszen"][:, 0]
    r = {k: np.corrcoef(np.roll(sun, k), sw)[0, 1] for k in range(-3, 4)}
    assert max(r, key=r.get) == 0


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared reference data are not here")
def test_extract_equals_the_original():
    source = SHARED / "data" / "flux" / "ch_dav_halfhourly_2013_2019_full.nc"
    assert davos_path().stat().st_size <= 4_000_000
    with xr.open_dataset(source) as original, xr.open_dataset(davos_path()) as extract:
        for name in extract.data_vars:
            np.testing.assert_array_equal(extract[name].values, original[name].values)
        np.testing.assert_array_equal(extract.time.values, original.time.values - np.timedelta64(75, "m"))


def test_observations_have_errors_and_counts(record):
    out = make_observations(record)
    for name in ("NEE", "LE", "SWC"):
        used = out[f"{name}_flag"].values == 1
        np.testing.assert_array_equal(used, np.isfinite(out[name].values))
        assert (out[f"{name}_sd"].values[used] > 0).all()
        both = np.hypot(out[f"{name}_sd_random"], out[f"{name}_sd_repr"])
        np.testing.assert_allclose(both.values[used], out[f"{name}_sd"].values[used])
    assert out.NEE.attrs["error_pairs"] > 1000
    assert 39000 < (out.NEE_flag == 1).sum() < 40343  # fewer than all measured: spikes
    assert int((out.NEE_flag == 3).sum()) == out.attrs["report"].rejected["NEE"]["rejected_spike"]
