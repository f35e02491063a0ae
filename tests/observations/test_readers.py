"""Each reader on small faithful files; each bad input on its own (tests 16-19 of the exact tests)."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from elterra.errors import InputError
from elterra.observations import (
    AmbiguousLabelError,
    ArchiveRefusedError,
    CalendarError,
    ColumnError,
    ColumnMap,
    DaylightSavingError,
    DuplicateTimeError,
    FileDamagedError,
    MixedPrecisionError,
    TimeAxisError,
    UnitError,
    UnknownFormatError,
    open_record,
)


@dataclass
class Clock:
    utc_offset_h: float = 1.0


SITE = Clock()
HH = "FLX_DE-Xyz_FLUXNET2015_FULLSET_HH_2014-2014_1-4.csv"


def weather(days=20, start="2014-07-01", freq="30min"):
    t = pd.date_range(start, periods=int(days * 86400 / pd.Timedelta(freq).total_seconds()), freq=freq)
    hour = t.hour + t.minute / 60
    rng = np.random.default_rng(3)
    sun = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0).to_numpy()
    return t, {
        "TA_F_MDS": 15 + 8 * sun + rng.normal(0, 1, t.size),
        "SW_IN_F_MDS": 800 * sun,
        "VPD_F_MDS": 3 + 10 * sun,
        "PA_F": np.full(t.size, 98.0) + rng.normal(0, 0.2, t.size),
        "P_F": np.where(rng.random(t.size) < 0.05, 0.6, 0.0),
        "NEE_VUT_REF": 4 - 20 * sun + rng.normal(0, 1, t.size),
        "LE_F_MDS": 250 * sun + rng.normal(0, 8, t.size),
        "SWC_F_MDS_1": 30 + rng.normal(0, 0.1, t.size),
    }


def hh_frame(days=20, **kw):
    t, cols = weather(days, **kw)
    frame = pd.DataFrame(cols).round(4)
    frame.insert(0, "TIMESTAMP_END", (t + pd.Timedelta("30min")).strftime("%Y%m%d%H%M"))
    frame.insert(0, "TIMESTAMP_START", t.strftime("%Y%m%d%H%M"))
    frame["NEE_VUT_REF_QC"] = np.arange(t.size) % 4
    return frame


def write(frame, path):
    frame.to_csv(path, index=False)
    return path


def test_fluxnet_half_hourly_units_clock_and_fill(tmp_path):
    frame = hh_frame()
    frame.loc[5, "NEE_VUT_REF"] = -9999
    r = open_record(write(frame, tmp_path / HH), site=SITE)
    assert str(r.time.values[0])[:16] == "2014-06-30T23:00"
    np.testing.assert_allclose(r.TA.values, frame.TA_F_MDS + 273.15)
    np.testing.assert_allclose(r.VPD.values, frame.VPD_F_MDS * 100)
    np.testing.assert_allclose(r.PA.values, frame.PA_F * 1000)
    np.testing.assert_allclose(r.P.values * 1800, frame.P_F)
    np.testing.assert_allclose(r.SWC_1.values, frame.SWC_F_MDS_1 / 100)
    assert np.isnan(r.NEE.values[5])
    report = r.attrs["report"]
    assert report.rejected["NEE"] == {"fill value -9999": 1}
    assert report.read["NEE"] == len(frame) - 1
    assert r.attrs["site"] == "DE-Xyz"
    np.testing.assert_array_equal(np.diff(r.time_bnds.values, axis=1).ravel(), np.timedelta64(30, "m"))


def test_zip_and_icos_name_give_the_same_values(tmp_path):
    plain = write(hh_frame(), tmp_path / HH)
    archive = tmp_path / "ICOSETC_DE-Xyz_FLUXNET_FLUXMET_HH_2018-2025_v1.3_r1.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        z.write(plain, "ICOSETC_DE-Xyz_FLUXNET_FLUXMET_HH_2018-2025_v1.3_r1.csv")
        z.writestr("ICOSETC_DE-Xyz_BIF_1.csv", "a,b\n1,2\n")
    a, b = open_record(plain, site=SITE), open_record(archive, site=SITE)
    np.testing.assert_array_equal(a.NEE.values, b.NEE.values)


def test_fluxnet_daily_units(tmp_path):
    t = pd.date_range("2014-01-01", periods=300)
    f = pd.DataFrame({"TIMESTAMP": t.strftime("%Y%m%d"), "TA_F": 8 + 12 * np.sin(np.arange(300) / 58.0)})
    f["GPP_NT_VUT_REF"] = 5.0
    f["P_F"] = 2.0
    f["NEE_VUT_REF"] = -1.0 + 3 * np.sin(np.arange(300))
    f["NEE_VUT_REF_QC"] = 0.5
    r = open_record(write(f, tmp_path / "FLX_DE-Xyz_FLUXNET2015_FULLSET_DD_2014-2014_1-4.csv"), site=SITE)
    np.testing.assert_allclose(r.GPP_NT.values, 5 / 12.011e-6 / 86400)
    np.testing.assert_allclose(r.P.values * 86400, 2.0)
    assert r.attrs["qc_is_fraction"] == 1


def test_alone_end_label_moves_back_and_single_stamp_is_ambiguous(tmp_path):
    f = hh_frame()
    full = open_record(write(f, tmp_path / HH), site=SITE)
    end = open_record(write(f.drop(columns="TIMESTAMP_START"), tmp_path / "end.csv"), site=SITE)
    np.testing.assert_array_equal(full.time.values, end.time.values)
    one = f.drop(columns="TIMESTAMP_END").rename(columns={"TIMESTAMP_START": "TIMESTAMP"})
    path = write(one, tmp_path / "one.csv")
    with pytest.raises(AmbiguousLabelError, match="label"):
        open_record(path, site=SITE)
    np.testing.assert_array_equal(open_record(path, site=SITE, label="start").time.values, full.time.values)


def alma(tmp_path, calendar="standard", units="K", **changes):
    t, c = weather()
    data = {"Tair": (c["TA_F_MDS"] + 273.15, units), "SWdown": (c["SW_IN_F_MDS"], "W/m2")}
    data |= {
        "Precip": (c["P_F"] / 1800, "kg/m2/s"),
        "Qle": (c["LE_F_MDS"], "W/m2"),
        "NEE": (c["NEE_VUT_REF"], "umol/m2/s"),
    }
    data |= changes
    ds = xr.Dataset(
        {k: (("time", "y", "x"), v[:, None, None], {"units": u} if u else {}) for k, (v, u) in data.items()}
    )
    seconds = np.arange(t.size) * 1800.0
    ds["time"] = ("time", seconds, {"units": "seconds since 2014-07-01 00:00:00", "calendar": calendar})
    path = tmp_path / "DE-Xyz_2014_FLUXNET2015_Met.nc"
    ds.to_netcdf(path)
    return path, c


def test_alma(tmp_path):
    path, c = alma(tmp_path)
    r = open_record(path, site=SITE)
    np.testing.assert_allclose(r.TA.values, c["TA_F_MDS"] + 273.15)
    np.testing.assert_allclose(r.P.values * 1800, c["P_F"])
    assert str(r.time.values[0])[:16] == "2014-06-30T23:00"


def test_alma_refuses_360_day_calendar_missing_and_wrong_units(tmp_path):
    with pytest.raises(CalendarError, match="360"):
        open_record(alma(tmp_path, "360_day")[0], site=SITE)
    path, _ = alma(tmp_path, units="K", Tair=(weather()[1]["TA_F_MDS"], "K"))
    with pytest.raises(UnitError, match="degc"):
        open_record(path, site=SITE)
    with pytest.raises(UnitError, match="no unit"):
        open_record(alma(tmp_path, Tair=(weather()[1]["TA_F_MDS"], None))[0], site=SITE)


MAP = ColumnMap({"TA": ("temp", "degC"), "NEE": ("fc", "umol m-2 s-1")}, "when", "start", utc_offset_h=1.0)


def plain(days=20, **kw):
    t, c = weather(days, **kw)
    return pd.DataFrame({"when": t.strftime("%Y-%m-%d %H:%M"), "temp": c["TA_F_MDS"], "fc": c["NEE_VUT_REF"]})


def test_table_labels_agree(tmp_path):
    f = plain()
    a = open_record(write(f, tmp_path / "a.csv"), columns=MAP)
    shifted = f.assign(when=(pd.to_datetime(f.when) + pd.Timedelta("30min")).dt.strftime("%Y-%m-%d %H:%M"))
    b = open_record(
        write(shifted, tmp_path / "b.csv"), columns=ColumnMap(MAP.columns, "when", "end", utc_offset_h=1.0)
    )
    np.testing.assert_array_equal(a.time.values, b.time.values)
    with pytest.raises(AmbiguousLabelError):
        open_record(tmp_path / "a.csv", columns=ColumnMap(MAP.columns, "when", None, utc_offset_h=1.0))
    with pytest.raises(TimeAxisError, match="utc_offset_h or time_zone"):
        open_record(tmp_path / "a.csv", columns=ColumnMap(MAP.columns, "when", "start"))
    with pytest.raises(ColumnError, match="choose of: when, temp, fc"):
        open_record(
            tmp_path / "a.csv", columns=ColumnMap({"TA": ("t", "K")}, "when", "start", utc_offset_h=1.0)
        )


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    plain().to_parquet(tmp_path / "a.parquet")
    write(plain(), tmp_path / "a.csv")
    a, b = (open_record(tmp_path / n, columns=MAP) for n in ("a.parquet", "a.csv"))
    np.testing.assert_allclose(a.NEE.values, b.NEE.values)


def test_non_finite_and_fill_values_are_counted_not_kept(tmp_path):
    f = plain()
    f.loc[3, "temp"] = np.inf
    f.loc[4, "temp"] = 1e20
    f.loc[5, "temp"] = -9999
    f.loc[6, "temp"] = np.nan
    f.loc[7, "temp"] = 90.0
    r = open_record(write(f, tmp_path / "a.csv"), columns=MAP)
    rejected = r.attrs["report"].rejected["TA"]
    assert sorted(rejected.values()) == [1] * 5
    assert {"infinite", "fill value 1e20", "fill value -9999", "not a number"} < set(rejected)
    assert np.isnan(r.TA.values[3:8]).all()
    assert np.isfinite(np.delete(r.TA.values, range(3, 8))).all()
    assert np.isfinite(r.NEE.values).all()  # neighbours are not touched


def test_missing_day_is_a_counted_gap(tmp_path):
    f = plain()
    r = open_record(write(f.drop(index=range(96, 144)), tmp_path / "a.csv"), columns=MAP)
    assert r.sizes["time"] == len(f)
    assert np.isnan(r.TA.values[96:144]).all()
    assert r.attrs["report"].treated == {"missing steps inserted as gaps": 48}


def test_duplicates(tmp_path):
    f = plain()
    same = pd.concat([f.iloc[:10], f.iloc[9:]])
    r = open_record(write(same, tmp_path / "a.csv"), columns=MAP)
    assert r.attrs["report"].treated == {"identical duplicate rows dropped": 1}
    same = same.reset_index(drop=True)
    same.loc[10, "temp"] += 1
    with pytest.raises(DuplicateTimeError, match=r"a\.csv, TA, at 2014-07-01T04:30"):
        open_record(write(same, tmp_path / "a.csv"), columns=MAP)


def test_unsorted_is_sorted_and_counted(tmp_path):
    f = plain()
    a = open_record(write(f, tmp_path / "a.csv"), columns=MAP)
    b = open_record(write(f.iloc[::-1], tmp_path / "b.csv"), columns=MAP)
    np.testing.assert_array_equal(a.TA.values, b.TA.values)
    assert b.attrs["report"].treated


def test_daylight_saving_is_refused_or_resolved_by_zone(tmp_path):
    utc = pd.date_range("2014-03-20", "2014-11-05", freq="30min", tz="UTC", inclusive="left")
    local = utc.tz_convert("Europe/Berlin")
    rng = np.random.default_rng(0)
    f = pd.DataFrame({"when": local.strftime("%Y-%m-%d %H:%M"), "temp": 10 + rng.normal(0, 5, utc.size)})
    columns = {"TA": ("temp", "degC")}
    path = write(f, tmp_path / "dst.csv")
    with pytest.raises(DaylightSavingError, match="Europe/Berlin"):
        open_record(path, columns=ColumnMap(columns, "when", "start", utc_offset_h=1.0))
    r = open_record(path, columns=ColumnMap(columns, "when", "start", time_zone="Europe/Berlin"))
    np.testing.assert_array_equal(r.time.values, utc.tz_localize(None).to_numpy("datetime64[ns]"))
    assert not r.attrs["report"].treated


def test_leap_day_missing_is_named(tmp_path):
    f = plain(days=40, start="2016-02-10")
    f = f[~f.when.str.startswith("2016-02-29")]
    r = open_record(write(f, tmp_path / "a.csv"), columns=MAP)
    assert r.attrs["report"].treated == {"29 February missing (noleap calendar?), inserted as gaps": 48}


def test_impossible_date_and_mixed_precision(tmp_path):
    f = plain()
    bad = f.copy()
    bad.loc[4, "when"] = "2014-02-30 00:00"
    with pytest.raises(CalendarError, match="2014-02-30"):
        open_record(write(bad, tmp_path / "a.csv"), columns=MAP)
    bad.loc[4, "when"] = "2016-03"
    with pytest.raises(MixedPrecisionError, match="'2016-03'"):
        open_record(write(bad, tmp_path / "a.csv"), columns=MAP)


@pytest.mark.parametrize(
    ("name", "declared", "values", "hint"),
    [
        ("TA", "degC", lambda c: c["TA_F_MDS"] + 273.15, "'k'"),
        ("TA", "K", lambda c: c["TA_F_MDS"], "'degc'"),
        ("PA", "hPa", lambda c: c["PA_F"], "'kpa'"),
        ("PA", "kPa", lambda c: c["PA_F"] * 10, "'hpa'"),
        ("P", "kg m-2 s-1", lambda c: c["P_F"], "'mm'"),
        ("SWC", "m3 m-3", lambda c: c["SWC_F_MDS_1"], "'%'"),
        ("SW_IN", "W m-2", lambda c: c["SW_IN_F_MDS"] * 1800, "'j m-2'"),
    ],
)
def test_wrong_unit_is_refused_with_a_proposal(tmp_path, name, declared, values, hint):
    t, c = weather()
    f = pd.DataFrame({"when": t.strftime("%Y-%m-%d %H:%M"), "x": values(c)})
    path = write(f, tmp_path / "a.csv")
    with pytest.raises(UnitError) as error:
        open_record(path, columns=ColumnMap({name: ("x", declared)}, "when", "start", utc_offset_h=0.0))
    assert hint in str(error.value)
    assert "a.csv" in str(error.value)


def test_wrong_dimension_and_no_unit(tmp_path):
    path = write(plain(), tmp_path / "a.csv")
    for unit, text in (("W m-2", "dimension"), (None, "no unit"), ("furlong", "declare one of")):
        with pytest.raises(UnitError, match=text):
            open_record(path, columns=ColumnMap({"TA": ("temp", unit)}, "when", "start", utc_offset_h=0.0))


def test_text_in_numbers_names_the_row(tmp_path):
    f = plain().astype(object)
    f.loc[2, "temp"] = "12,5"
    with pytest.raises(ColumnError, match=r"row 4: '12,5'"):
        open_record(write(f, tmp_path / "a.csv"), columns=MAP)


def test_damaged_files(tmp_path):
    path = write(hh_frame(), tmp_path / HH)
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    with pytest.raises(FileDamagedError, match="truncated"):
        open_record(path, site=SITE)
    nc, _ = alma(tmp_path)
    data = nc.read_bytes()
    nc.write_bytes(data[: len(data) // 2])
    with pytest.raises(FileDamagedError, match=r"DE-Xyz_2014"):
        open_record(nc, site=SITE)
    with pytest.raises(FileDamagedError, match="no such file"):
        open_record(tmp_path / "none.csv", site=SITE)


def test_every_flipped_bit_in_a_zip_is_detected(tmp_path):
    csv = write(hh_frame(2), tmp_path / HH)
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        z.write(csv, HH)
    data = archive.read_bytes()
    body = range(30 + len(HH), len(data) - 200)
    for at in np.random.default_rng(1).choice(body, 25, replace=False):
        bad = bytearray(data)
        bad[at] ^= 1 << int(at % 8)
        archive.write_bytes(bytes(bad))
        with pytest.raises(FileDamagedError):
            open_record(archive, site=SITE)


def test_bombs_and_paths_are_refused(tmp_path):
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(HH, b"0" * 20_000_000)
    with pytest.raises(ArchiveRefusedError, match="would unpack"):
        open_record(bomb, site=SITE)
    evil = tmp_path / "evil.zip"
    with zipfile.ZipFile(evil, "w") as z:
        z.writestr("../../evil.csv", "a,b\n1,2\n")
    with pytest.raises(ArchiveRefusedError, match="outside"):
        open_record(evil, site=SITE)


def test_unknown_format_and_all_errors_are_input_errors(tmp_path):
    Path(tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(UnknownFormatError, match="column map"):
        open_record(tmp_path / "a.csv", site=SITE)
    assert issubclass(UnknownFormatError, InputError)
    with pytest.raises(TimeAxisError, match="without a site"):
        open_record(write(hh_frame(2), tmp_path / HH))
