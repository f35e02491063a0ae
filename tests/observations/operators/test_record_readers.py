"""Readers: bad input of every sort is refused or flagged, and counted."""

import gzip

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from elterra.observations import (
    ColumnError,
    DuplicateTimeError,
    FileDamagedError,
    RecordError,
    TimeAxisError,
    UnitError,
)
from elterra.observations.operators import (
    OperatorError,
    Reference,
    read_biomass,
    read_col_de_porte,
    read_cosore,
    read_discharge,
    read_forc_respiration,
    read_leaf_area_months,
    read_light,
    read_ndvi,
    read_neutrons_corrected,
    read_neutrons_raw,
    read_snow_depth,
    read_snow_survey,
    read_soil_carbon,
    read_soil_samples,
    read_soil_water,
    read_srdb,
    read_tower_days,
    read_tower_halfhours,
    read_tower_partitioned_days,
    read_tower_table,
)

WATER = "time,w\n" + "".join(f"2020-01-{d:02d},{0.2 + 0.01 * d:.2f}\n" for d in range(1, 11))


def put(folder, text, name="x.csv"):
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def water(path, units="m3 m-3"):
    return read_soil_water(path, "w", (0.1, 0.1), units, 1.0, station="X")


def test_a_sound_table_is_read_with_its_clock_depth_and_errors(tmp_path):
    o = water(put(tmp_path, WATER, "x.csv.gz"))
    assert o.used.all()
    assert str(o.start[0])[:13] == "2019-12-31T23"
    np.testing.assert_allclose(o.depth, 0.1)
    np.testing.assert_allclose(o.value, 0.21 + 0.01 * np.arange(10))
    assert (o.sd > 0.03).all()


def test_fill_values_empty_cells_and_infinities_are_missing_and_counted(tmp_path):
    text = WATER.replace(",0.22\n", ",-9999\n").replace(",0.23\n", ",\n").replace(",0.24\n", ",inf\n")
    o = water(put(tmp_path, text))
    assert o.counts() == {"missing": 3, "measured_used": 7}
    assert o.report.rejected["soil_water"] == {"fill value -9999": 1, "empty": 1, "infinite": 1, "missing": 3}


def test_percent_for_a_fraction_is_refused_with_the_median(tmp_path):
    text = "time,w\n" + "".join(f"2020-01-{d:02d},{20 + d}\n" for d in range(1, 11))
    with pytest.raises(UnitError, match=r"median 25\.5"):
        water(put(tmp_path, text))
    np.testing.assert_allclose(water(put(tmp_path, text), "%").value[0], 0.21)
    with pytest.raises(UnitError, match="declare one of"):
        water(put(tmp_path, text), "mm")


def test_identical_duplicates_are_dropped_and_different_ones_refused(tmp_path):
    same = water(put(tmp_path, WATER + "2020-01-10,0.30\n"))
    assert len(same) == 10
    assert same.report.treated == {"identical duplicate rows dropped": 1}
    with pytest.raises(DuplicateTimeError, match="2 rows share time"):
        water(put(tmp_path, WATER + "2020-01-10,0.31\n"))


def test_truncated_damaged_and_missing_files_are_refused(tmp_path):
    with pytest.raises(FileDamagedError, match="truncated"):
        water(put(tmp_path, WATER + "2020-01-1"))
    whole = put(tmp_path, WATER * 50, "y.csv.gz").read_bytes()
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileDamagedError, match="cannot be unpacked"):
        water(tmp_path / "cut.csv.gz")
    with pytest.raises(FileDamagedError, match="no such file"):
        water(tmp_path / "none.csv.gz")
    with pytest.raises(FileDamagedError, match="no such file"):
        water(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"time,w\n\0\0\0")
    with pytest.raises(FileDamagedError, match="no text"):
        water(tmp_path / "binary.csv")
    with pytest.raises(FileDamagedError, match="no rows"):
        water(put(tmp_path, "time,w\n"))
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(FileDamagedError):
        read_cosore(tmp_path / "x.parquet", "a", 0.0)


def test_missing_columns_words_for_numbers_and_nonsense_stamps_are_refused(tmp_path):
    with pytest.raises(ColumnError, match="no column 'w'"):
        water(put(tmp_path, "time,v\n2020-01-01,1\n"))
    with pytest.raises(ColumnError, match="'wet' in row 3"):
        water(put(tmp_path, WATER.replace("0.22", "wet")))
    with pytest.raises(TimeAxisError, match="'2020-02-30'"):
        water(put(tmp_path, WATER + "2020-02-30,0.3\n"))


def test_a_stuck_sensor_is_flagged(tmp_path):
    text = "time,w\n" + "".join(f"2020-01-{d:02d},{0.25 if d > 3 else 0.2 + d / 100}\n" for d in range(1, 12))
    assert water(put(tmp_path, text)).counts() == {"rejected_stuck_sensor": 8, "measured_used": 3}


def test_one_site_of_several_and_days_that_were_mostly_filled(tmp_path):
    text = "TIMESTAMP,siteid,SWC,QC\n2014-01-01,A,25,1\n2014-01-02,A,26,0.2\n2014-01-01,B,35,1\n"
    given = {"time": "TIMESTAMP", "rows": ("siteid", "A"), "quality": ("QC", 0.5), "station": "A"}
    o = read_soil_water(put(tmp_path, text), "SWC", (0.05, 0.05), "%", 1.0, **given)
    assert o.counts() == {"measured_used": 1, "gap_filled_by_source": 1}
    with pytest.raises(RecordError, match="no row with siteid 'C'"):
        read_soil_water(
            put(tmp_path, text), "SWC", (0.05, 0.05), "%", 1.0, **given | {"rows": ("siteid", "C")}
        )


def test_the_mark_of_bare_ground_becomes_no_snow(tmp_path):
    path = put(
        tmp_path, "time,snow\n2014-01-01,52\n2014-01-02,-0.5\n2014-01-03,-1\n2014-01-04,-7\n2014-01-05,\n"
    )
    o = read_snow_depth(path, "snow", "cm", 2.0, station="X", bare=-1.0)
    np.testing.assert_allclose(o.value[:3], [0.52, 0.0, 0.0])
    assert o.report.treated == {"bare ground, set to 0": 2}
    assert o.counts() == {"measured_used": 3, "rejected_range": 1, "missing": 1}
    with pytest.raises(UnitError):
        read_snow_depth(path, "snow", "mm", 2.0, station="X", bare=-1.0)


def porte(*rows):
    return "\n".join(f"2006 1 {k + 1} 0.8 1.0 {d} {w} -5.0 1.0" for k, (d, w) in enumerate(rows)) + "\n"


def test_col_de_porte(tmp_path):
    path = put(tmp_path, porte((0.5, 120.0), (-99.0, -99.0), (0.6, 150.0)), "x.txt")
    depth = read_col_de_porte(path, "snow_depth", 0.0)
    assert depth.counts() == {"missing": 1, "measured_used": 2}
    np.testing.assert_allclose(read_col_de_porte(path, "snow_water", 0.0).value[[0, 2]], [120.0, 150.0])
    with pytest.raises(FileDamagedError, match="row 2 has 3 fields"):
        read_col_de_porte(put(tmp_path, porte((0.5, 1.0)) + "2006 1 2\n", "x.txt"), "snow_depth", 0.0)
    centimetres = put(tmp_path, porte(*((50.0 + k, 100.0) for k in range(8))), "x.txt")
    with pytest.raises(UnitError, match="values in m"):
        read_col_de_porte(centimetres, "snow_depth", 0.0)
    with pytest.raises(ColumnError, match="choose of"):
        read_col_de_porte(path, "albedo", 0.0)


def test_a_snow_survey_in_part_or_without_spread_is_not_used(tmp_path):
    text = "# made\ndate;SWE;SWE_sd;quality\n2019-01-01;100;20;full\n2019-02-01;120;NA;full\n2019-03-01;90;10;partial\n"
    o = read_snow_survey(put(tmp_path, text), 2.0, "X")
    assert o.counts() == {"measured_used": 1, "rejected_no_error": 1, "rejected_incomplete": 1}
    assert o.representativeness_sd[0] == 20.0


RAW = (
    "DateTime_utc,NeutronCount_Epithermal_Cum1h,AirPressure,AirTemperature,AirHumidity_Relative,"
    "AirTemperature_Sensor2,AirHumidity_Relative_Sensor2\n"
    "2020-01-01 11:00:00+00:00,900,1000,,,20,50\n"
    "2020-01-01 12:00:00+00:00,,1010,10,80,20,50\n"
    "2020-01-01 13:00:00+00:00,900,1010,10,80,20,50\n"
)


def test_raw_neutrons_are_corrected_with_poisson_errors_and_the_weather_of_the_outer_sensor(tmp_path):
    o = read_neutrons_raw(put(tmp_path, RAW), Reference(1000.0), station="X")
    assert o.counts() == {"missing": 1, "measured_used": 2}
    assert o.report.treated == {"humidity of the inner sensor, the outer fails": 1}
    np.testing.assert_allclose(o.random_sd[2], 30.0 * o.covariates["correction"][2])
    assert str(o.start[0])[:13] == "2020-01-01T10"
    np.testing.assert_allclose(
        o.value[2] / 900.0, np.exp(10 / 131.6) * (1 + 0.0054 * o.covariates["humidity"][2])
    )
    plain = read_neutrons_raw(put(tmp_path, RAW), Reference(1000.0), station="X", humidity_corrected=False)
    np.testing.assert_allclose(plain.value[2], 900.0 * np.exp(10 / 131.6))
    with pytest.raises(OperatorError, match="intensity has shape"):
        read_neutrons_raw(put(tmp_path, RAW), Reference(1000.0), station="X", intensity=np.ones(2))


def test_corrected_neutrons_over_snow_or_extreme_are_flagged(tmp_path):
    head = "DateTime_utc,NeutronCount_Epithermal_Cum1h_corrected,NeutronCount_Epithermal_Cum1h_corrected_std,"
    head += "AirHumidity_gapfilled,SoilMoisture_volumetric_MovAvg24h,Flag_Extreme_Counts,Flag_Snow_ERA5\n"
    rows = [
        f"2020-01-01 {h}:00:00+00:00,1500,38,5,0.3,{e},{s}\n"
        for h, e, s in ((10, 0, 0), (11, 1, 0), (12, 0, 1))
    ]
    o = read_neutrons_corrected(put(tmp_path, head + "".join(rows)), station="X")
    assert o.counts() == {"measured_used": 1, "rejected_quality": 1, "rejected_snow": 1}


SAMPLES = (
    "DateTime_utc, Profile_ID, Distance_to_CRNS_m, Profile_Depth_cm, SoilMoisture_g_g, DryBulkDensity_g_cm3, "
    "SoilOrganicCarbon_g_g, LatticeWater_g_g\n"
    "2020-05-01 12:00, 1, 25, 2.5, 0.2, 1.2, 0.02, 0.01\n"
    "2020-05-01 12:00, 1, 25, 7.5, 0.2, , 0.02, 0.01\n"
    "2020-05-01 12:00, 1, 25, 12.5, 0.2, 9.0, 0.02, 0.01\n"
    "2020-09-01 12:00, 2, 75, 2.5, 0.3, 1.1, 0.02, 0.01\n"
)


def test_soil_samples_without_density_or_out_of_reason_are_left_out_and_counted(tmp_path):
    campaigns, report = read_soil_samples(put(tmp_path, SAMPLES))
    assert [c.water.size for c in campaigns] == [1, 1]
    assert report.rejected["samples"] == {"incomplete": 1, "outside physical limits": 1}
    with pytest.raises(OperatorError, match="lattice water"):
        read_soil_samples(put(tmp_path, SAMPLES.replace("1.2, 0.02, 0.01", "1.2, , 0.01")))


def test_of_eight_interpolated_days_one_is_used(tmp_path):
    t = pd.date_range("2014-01-01", periods=48 * 16, freq="30min")
    frame = pd.DataFrame({"time": t, "LAI": 2.0, "fapar": 0.6})
    path = tmp_path / "x.csv"
    frame.to_csv(path, index=False)
    assert read_light(path, "leaf_area", "X").counts() == {"measured_used": 2, "interpolated_by_source": 14}
    frame.assign(fapar=60.0).to_csv(path, index=False)
    with pytest.raises(UnitError):
        read_light(path, "fapar", "X")
    with pytest.raises(ColumnError):
        read_light(path, "ndvi", "X")


def test_months_of_leaf_area(tmp_path):
    path = put(tmp_path, "site,month,LAI_m2_m2\nA,2003-02,1.5\nA,2003-03,\nB,2003-02,3\n")
    o = read_leaf_area_months(path, "A")
    assert o.counts() == {"missing": 1, "measured_used": 1}
    assert (o.end - o.start)[0] == np.timedelta64(28, "D")
    with pytest.raises(RecordError, match="no site 'C'"):
        read_leaf_area_months(path, "C")


def test_ndvi_of_the_nearest_cell_and_no_place_outside(tmp_path):
    ds = xr.Dataset({"ndvi": (("time", "lat", "lon"), np.arange(8.0).reshape(2, 2, 2) / 10)})
    ds = ds.assign_coords(
        time=pd.to_datetime(["2000-01-08", "2000-01-23"]), lat=[47.0, 48.0], lon=[10.0, 11.0]
    )
    ds.to_netcdf(tmp_path / "x.nc")
    np.testing.assert_allclose(read_ndvi(tmp_path / "x.nc", 10.9, 47.9, "X").value, [0.3, 0.7])
    with pytest.raises(RecordError, match="outside the grid"):
        read_ndvi(tmp_path / "x.nc", 20.0, 47.0, "X")
    (tmp_path / "bad.nc").write_bytes(b"CDF no")
    with pytest.raises(FileDamagedError, match="NetCDF"):
        read_ndvi(tmp_path / "bad.nc", 10.0, 47.0, "X")


FOREST = "measurement.ID,sites.sitename,variable.name,date,start.date,end.date,mean,disturbed\n"


def test_biomass_in_tonnes_becomes_grams_and_disturbed_or_undated_plots_are_flagged(tmp_path):
    rows = "1,A,biomass_ag,2009.58,,,87.7,0\n2,B,biomass_ag,2001,,,50,1\n3,C,biomass_ag,NI,,,60,0\n4,C,GPP,2000,,,9,0\n"
    o = read_biomass(put(tmp_path, FOREST + rows))
    assert o.counts() == {"measured_used": 1, "rejected_manipulated": 1, "rejected_incomplete": 1}
    np.testing.assert_allclose(o.value[0], 8770.0)
    assert str(o.start[0])[:10] == "2009-01-01"
    with pytest.raises(RecordError, match="no record"):
        read_biomass(put(tmp_path, FOREST + rows), "nothing")


def test_yearly_respiration_of_forc(tmp_path):
    rows = "1,A,R_soil,,1999,2001,7.0,0\n2,A,R_soil,2003.5,,,8.0,0\n3,A,R_soil,,,,8.0,0\n"
    o = read_forc_respiration(put(tmp_path, FOREST + rows))
    np.testing.assert_allclose(o.value[:2], [700.0, 800.0])
    assert [str(t)[:4] for t in o.end[:2]] == ["2002", "2004"]
    assert o.counts() == {"measured_used": 2, "rejected_incomplete": 1}


def test_soil_carbon_needs_content_density_depth_and_date(tmp_path):
    head = "sample_date,sub-plot,bulk_density,%SOC,depth\n"
    rows = "1959-12-15,1,1.0,3.0,0-23\n1959-12-15,2,*,3.0,0-23\n*,3,1.0,3.0,0-23\n1959-12-15,4,1.0,3.0,*\n"
    o = read_soil_carbon(put(tmp_path, head + rows), depth_column="depth")
    assert o.counts() == {"missing": 2, "measured_used": 1, "rejected_incomplete": 1}
    np.testing.assert_allclose(o.value[0], 6900.0)
    np.testing.assert_allclose(o.depth[0], [0.0, 0.23])
    with pytest.raises(RecordError, match="not declared"):
        read_soil_carbon(put(tmp_path, head + rows))
    with pytest.raises(RecordError, match="is no depth"):
        read_soil_carbon(put(tmp_path, head + rows.replace("0-23", "23-0")), depth_column="depth")


def test_chambers_give_the_mean_of_the_day_and_their_spread(tmp_path):
    rows = "".join(
        f"D,{p},2014-01-0{d},{1.0 + 0.2 * p},{n}\n" for d, n in ((1, 48), (2, 10)) for p in (0, 1, 2)
    )
    path = put(tmp_path, "dataset,CSR_PORT,date,CSR_FLUX_CO2,n\n" + rows)
    o = read_cosore(path, "D", 1.0, fewest=24)
    assert o.counts() == {"missing": 1, "measured_used": 1}
    np.testing.assert_allclose(o.value[0], 1.2)
    np.testing.assert_allclose(o.representativeness_sd[0], np.hypot(0.2 / np.sqrt(3), 0.2))
    with pytest.raises(RecordError, match="no data set"):
        read_cosore(path, "E", 1.0)


def test_annual_respiration_of_srdb_with_its_error_time_and_treatments(tmp_path):
    head = "Record_number,Site_name,Study_midyear,YearsOfData,Manipulation,Duplicate_record,Rs_annual,Rs_annual_err\n"
    rows = "1,A,2000.5,1,,,560,22\n2,A,2000.5,1,Fertilized,,600,\n3,A,2000.5,1,None,7,600,\n"
    rows += "4,A,,1,,,600,\n5,A,2000,2,,,600,\n"
    o = read_srdb(put(tmp_path, head + rows))
    wanted = {
        "measured_used": 2,
        "rejected_manipulated": 1,
        "rejected_duplicate": 1,
        "rejected_incomplete": 1,
    }
    assert o.counts() == wanted
    assert o.random_sd[0] == 22.0
    assert o.random_sd[4] > 30.0
    np.testing.assert_allclose((o.end - o.start)[[0, 4]] / np.timedelta64(1, "D"), [365.25, 730.5], atol=0.01)


def test_discharge_needs_the_area_of_the_catchment(tmp_path):
    path = put(tmp_path, "date,Q\n1990-01-01,157.0\n1990-01-02,-9999\n")
    o = read_discharge(path, 1000.0, 1.0, station="X", date="date", column="Q")
    np.testing.assert_allclose(o.value[0], 157.0 * 86400 / 1e9 * 1000)
    assert o.counts() == {"missing": 1, "measured_used": 1}
    with pytest.raises(RecordError, match="area"):
        read_discharge(path, -1.0, 1.0, station="X", date="date", column="Q")


def halfhours(path, **changes):
    t = pd.date_range("2014-06-01 00:30", periods=480, freq="30min")
    sun = np.maximum(np.sin((t.hour - 6) / 12 * np.pi), 0).to_numpy()
    data = {"NEE": 3 - 15 * sun, "GPP_NT": 15 * sun, "GPP_DT": 14 * sun, "SW_IN": 800 * sun}
    data |= {
        "TA": 15 + 5 * sun,
        "VPD": 5 + 5 * sun,
        "NEE_QC": np.where(np.arange(480) % 4 == 0, 0, 1),
        **changes,
    }
    xr.Dataset({k: ("time", v) for k, v in data.items()}, coords={"time": t}).to_netcdf(
        path, group="XX", engine="h5netcdf"
    )
    return path


def test_only_measured_half_hours_of_a_tower_are_used(tmp_path):
    o = read_tower_halfhours(halfhours(tmp_path / "x.nc"), "XX", "NEE")
    assert o.counts() == {"measured_used": 120, "gap_filled_by_source": 360}
    assert str(o.start[0])[:16] == "2014-06-01T00:00"
    gpp = read_tower_halfhours(tmp_path / "x.nc", "XX", "GPP")
    noon = int(np.argmax(gpp.value))
    assert gpp.representativeness_sd[noon] > 0.5
    with pytest.raises(ColumnError, match="NEE or GPP"):
        read_tower_halfhours(tmp_path / "x.nc", "XX", "LE")
    with pytest.raises(FileDamagedError):
        read_tower_halfhours(tmp_path / "x.nc", "YY", "NEE")


def test_a_table_of_half_hours_has_its_clock_and_errors(tmp_path):
    hour = np.arange(1, 97) * 0.5
    frame = pd.DataFrame(
        {"Year": 1998, "DoY": 1 + (hour - 0.5) // 24, "Hour": hour - 24 * ((hour - 0.5) // 24)}
    )
    frame["NEE"], frame["LE"], frame["H"] = -1.0, 50.0, 20.0
    frame["Rg"], frame["Tair"], frame["VPD"] = 0.0, 7.0, 4.0
    frame.loc[3, "LE"] = -9999
    frame.to_csv(tmp_path / "x.csv", index=False)
    o = read_tower_table(tmp_path / "x.csv", "LE", 1.0, "X")
    assert o.counts() == {"missing": 1, "measured_used": 95}
    assert str(o.start[0])[:16] == "1997-12-31T23:00"
    assert (np.diff(o.start) == np.timedelta64(30, "m")).all()
    with pytest.raises(ColumnError):
        read_tower_table(tmp_path / "x.csv", "Rg", 1.0, "X")


def test_days_without_an_uncertainty_are_not_used(tmp_path):
    t = pd.date_range("2000-01-01", periods=3)
    ds = xr.Dataset(
        {"NEE_daily": ("time", [-1.0, 2.0, np.nan]), "NEE_uc_daily": ("time", [0.3, np.nan, np.nan])}
    )
    ds.assign_coords(time=t).to_netcdf(tmp_path / "x.nc")
    o = read_tower_days(tmp_path / "x.nc", "NEE", 1.0)
    assert o.counts() == {"missing": 1, "measured_used": 1, "rejected_no_error": 1}
    with pytest.raises(ColumnError, match="no column 'Qle_daily'"):
        read_tower_days(tmp_path / "x.nc", "LE", 1.0)


def test_days_of_partitioned_fluxes_that_were_mostly_filled_are_flagged(tmp_path):
    text = "date,site,GPP_NT,GPP_DT,RECO_NT,NEE_qc\n2000-06-01,A,9,8,4,1\n2000-06-02,A,9,8,4,0.3\n"
    o = read_tower_partitioned_days(put(tmp_path, text), "A", "ER", 1.0)
    assert o.kind == "tower_er"
    assert o.counts() == {"measured_used": 1, "gap_filled_by_source": 1}
    assert o.representativeness_sd[0] > 0.5
    with pytest.raises(ColumnError, match="no such site"):
        read_tower_partitioned_days(put(tmp_path, text), "B", "ER", 1.0)
