"""The operators and readers on the measured records they were made for (../shared/data)."""

import numpy as np
import pytest
from operator_cases import DATA, SOIL_LAYERS, needs_records, observe, series

from elterra.observations.operators import (
    CatchmentRunoff,
    ModelSeries,
    NeutronCount,
    Reference,
    SnowDepth,
    SoilTemperature,
    TowerFlux,
    average,
    beer_fapar,
    count_around,
    desilets_water,
    footprint_mean,
    n0_of,
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
    read_soil_temperature,
    read_soil_water,
    read_srdb,
    read_tower_days,
    read_tower_halfhours,
    read_tower_partitioned_days,
    read_tower_table,
)
from elterra.observations.operators._neutron_weights import FOOTPRINT_RADIUS, distance_weight

pytestmark = needs_records

FLUX, SNOW, SOIL, LIFE = (DATA / n for n in ("flux", "snow_soilwater", "soil_carbon", "biometry"))
HALF_HOURS = FLUX / "fluxnet2015_halfhourly_dev.nc"


def test_measured_half_hours_of_hainich_and_their_days():
    nee = read_tower_halfhours(HALF_HOURS, "DE-Hai", "NEE")
    assert nee.counts() == {"measured_used": 22201, "gap_filled_by_source": 47927}
    used = nee.only_used()
    assert used.random_sd.mean() == pytest.approx(1.95, abs=0.3)  # towers over forest: 1 to 3 umol m-2 s-1
    daily = average(nee, "day", 0.75)
    assert 20 < daily.used.sum() < 1461
    assert daily.only_used().random_sd.mean() < 0.3 * used.random_sd.mean()
    gpp = read_tower_halfhours(HALF_HOURS, "DE-Hai", "GPP")
    assert gpp.only_used().value.mean() > -used.value.mean() > 0.0


def test_a_model_that_is_the_record_is_predicted_exactly_by_day_and_by_month():
    nee = read_tower_halfhours(HALF_HOURS, "DE-Hai", "NEE")
    gap_filled = nee.value * 12.011e-6
    edges = np.append(nee.start, nee.end[-1:])
    model = ModelSeries(edges, {"NEE": np.stack([gap_filled, 2 * gap_filled], axis=1)})
    for period in ("day", "month"):
        mean = average(nee, period, 0.2).only_used()
        predicted = TowerFlux("NEE").predict(model, mean)
        np.testing.assert_allclose(predicted[:, 0], mean.value, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(predicted[:, 1], 2 * mean.value, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("variable", "used"), [("NEE", 1649), ("LE", None), ("H", None)])
def test_daily_fluxes_with_uncertainty(variable, used):
    o = read_tower_days(
        FLUX / "callmip" / "DE-Tha_daily_aggregated_1998-2014_FLUXNET2015_Flux.nc", variable, 1.0
    )
    assert o.station[0] == "DE-Tha"
    assert o.used.sum() == used if used else o.used.sum() > 500
    summer = o.used & np.isin(o.start.astype("datetime64[M]").astype(int) % 12, (5, 6))
    assert np.sign(o.value[summer].mean()) == (-1.0 if variable == "NEE" else 1.0)


def test_half_hours_of_heat_and_vapour_of_tharandt():
    le, h = (
        read_tower_table(FLUX / "de_tha_1998_halfhourly_reddyproc.csv.gz", v, 1.0, "DE-Tha")
        for v in ("LE", "H")
    )
    assert (le.used.sum(), h.used.sum()) == (15064, 15020)
    assert np.corrcoef(le.value[le.used & h.used], h.value[le.used & h.used])[0, 1] > 0.3


def test_partitioned_days():
    path = FLUX / "fluxnet2015_eu_daily_dev.parquet"
    gpp, er = (read_tower_partitioned_days(path, "DE-Hai", v, 1.0) for v in ("GPP", "ER"))
    assert gpp.used.sum() == er.used.sum() == 4411
    assert 1.0 < gpp.only_used().value.mean() / er.only_used().value.mean() < 2.0


def test_soil_water_of_solling_and_pallas():
    solling = read_soil_water(
        SNOW / "solling_slb1_soilwater_potential_swc.csv.gz", "swc_20cm_a", (0.2, 0.2), "%", 1.0,
        station="Solling", time="dates", form="%m/%d/%Y",
    )  # fmt: skip
    assert solling.used.sum() == 1312
    assert 0.25 < np.median(solling.only_used().value) < 0.4
    pallas = read_soil_water(
        SNOW / "pallas_ec_soilmoist.csv.gz", "SH-5A", (0.05, 0.05), "m3 m-3", 2.0, station="Pallas"
    )
    assert pallas.counts() == {"missing": 3008, "measured_used": 2684, "rejected_stuck_sensor": 494}


def test_soil_temperature_of_tharandt_is_a_damped_year():
    o = read_soil_temperature(
        FLUX / "de_tha_1998_halfhourly_reddyproc.csv.gz", "Tsoil", 0.05, 1.0, station="DE-Tha"
    )
    month = o.start.astype("datetime64[M]").astype(int) % 12
    assert o.value[o.used & (month == 6)].mean() - o.value[o.used & (month == 1)].mean() > 6.0
    model = ModelSeries(np.append(o.start, o.end[-1:])[:101], {"TSOI": np.full((100, 20, 1), 280.0)})
    np.testing.assert_allclose(
        SoilTemperature(SOIL_LAYERS).predict(model, o.select(np.arange(len(o)) < 100)), 280.0
    )


def calibrated(path, form, counts, pressure, hours=6):
    """N0 of every campaign, and its footprint mean."""
    out = []
    for samples in read_soil_samples(path, form)[0]:
        near = counts.used & (np.abs(counts.end - samples.time) <= np.timedelta64(hours, "h"))
        mean = footprint_mean(samples, float(np.nanmean(counts.covariates["humidity"][near])), pressure)
        count, sd = count_around(counts, samples.time, hours)
        assert sd < 0.02 * count
        out.append((n0_of(count, mean.total_water), mean, count))
    return out


def test_n0_of_sheepdrove_is_reproduced():
    """COSMOS-Europe publishes 2724 counts per hour (doi:10.5194/essd-14-1125-2022); the campaigns scatter by 2 %."""
    counts = read_neutrons_corrected(SNOW / "crns_sheepdrove2_uk.csv.gz", station="SHC002")
    campaigns = calibrated(
        SNOW / "crns_sheepdrove2_calibration_soil_samples.csv", None, counts, 993.0, hours=12
    )
    n0 = np.array([c[0] for c in campaigns])
    assert n0.size == 4
    assert n0.mean() == pytest.approx(2724.0, rel=0.015)
    assert n0.std() / n0.mean() < 0.02


def test_n0_of_fuerstensee_is_reproduced_within_what_peat_and_rays_leave():
    """COSMOS-Europe publishes 1085. No neutron monitor is with the record and the far profiles are peat: the two
    campaigns differ by 13 %, their mean by 3 %."""
    counts = read_neutrons_raw(
        SNOW / "crns_fuerstensee_fsc001_hourly.csv.gz", Reference(1013.25), station="FSC001"
    )
    campaigns = calibrated(
        SNOW / "crns_fuerstensee_calibration_soil_samples.csv", "%d.%m.%Y %H:%M", counts, 1001.0
    )
    n0 = np.array([c[0] for c in campaigns])
    assert n0.size == 2
    assert n0.mean() == pytest.approx(1085.0, rel=0.05)
    assert np.ptp(n0) / n0.mean() < 0.15


def test_water_depth_and_radius_of_sheepdrove_agree_with_the_network():
    """The network's own estimate of soil water, penetration depth and footprint radius."""
    counts = read_neutrons_corrected(SNOW / "crns_sheepdrove2_uk.csv.gz", station="SHC002")
    campaigns = calibrated(
        SNOW / "crns_sheepdrove2_calibration_soil_samples.csv", None, counts, 993.0, hours=12
    )
    n0 = np.mean([c[0] for c in campaigns])
    mean = campaigns[1][1]
    day = average(counts, "day", 0.9).only_used()
    own = np.isfinite(day.covariates["soil_water"])
    bound = mean.total_water - mean.water / mean.bulk_density
    water = (desilets_water(day.value[own], n0) - bound) * mean.bulk_density
    network = day.covariates["soil_water"][own]
    assert np.corrcoef(water, network)[0, 1] > 0.99
    assert np.sqrt(np.mean((water - network) ** 2)) < 0.015
    r = np.linspace(0.05, FOOTPRINT_RADIUS, 20_000)
    total = np.cumsum(distance_weight(r, 8.0, 0.38))
    assert r[np.searchsorted(total, 0.86 * total[-1])] == pytest.approx(118.0, rel=0.1)


def test_the_neutron_operator_over_the_sampled_soil_gives_the_measured_count():
    counts = read_neutrons_corrected(SNOW / "crns_sheepdrove2_uk.csv.gz", station="SHC002")
    n0, mean, count = calibrated(
        SNOW / "crns_sheepdrove2_calibration_soil_samples.csv", None, counts, 993.0, hours=12
    )[1]
    operator = NeutronCount(
        SOIL_LAYERS, (mean.bulk_density,) * 20, (mean.lattice_water,) * 20, (mean.organic_carbon,) * 20, n0
    )
    model = series({"H2OSOI": np.full((1, 20, 1), mean.water)}, minutes=60)
    assert operator.predict(model, observe("neutrons", "h-1", [0.0], 1.0))[0, 0] == pytest.approx(
        count, rel=1e-6
    )


def test_snow_of_col_de_porte_has_a_sensible_density():
    path = SNOW / "col_de_porte_obs_daily_2005_06.txt"
    depth, water = (read_col_de_porte(path, k, 0.0) for k in ("snow_depth", "snow_water"))
    assert depth.counts() == {"missing": 20, "measured_used": 253}
    both = depth.used & water.used & (depth.value > 0.3)
    density = water.value[both] / depth.value[both]
    assert 150.0 < np.median(density) < 450.0
    edges = np.append(depth.start, depth.end[-1:])
    model = ModelSeries(edges, {"SNOWDP": np.nan_to_num(depth.value)[:, None]})
    np.testing.assert_allclose(SnowDepth().predict(model, depth.only_used())[:, 0], depth.only_used().value)


def test_snow_depth_of_kenttaerova():
    o = read_snow_depth(
        SNOW / "pallas_kenttarova_daily_forcing.csv.gz",
        "snowdepth",
        "cm",
        0.0,
        station="Kenttaerova",
        bare=-1.0,
    )
    assert o.counts() == {"missing": 1, "measured_used": 4383}
    assert o.report.treated == {"bare ground, set to 0": 1322}
    o = o.only_used()
    assert 0.9 < o.value.max() < 1.5
    month = o.start.astype("datetime64[M]").astype(int) % 12
    assert (o.value[month == 6] == 0.0).mean() > 0.95


def test_soil_water_of_hyytiaelae_is_that_of_its_measured_days():
    o = read_soil_water(
        FLUX / "fluxnet2015_daily_fullmet_4sites.parquet", "SWC_F_MDS_1", (0.05, 0.05), "%", 2.0,
        station="FI-Hyy", time="TIMESTAMP", rows=("siteid", "FI-Hyy"), quality=("SWC_F_MDS_1_QC", 0.75),
    )  # fmt: skip
    assert o.used.sum() > 3000
    assert o.counts()["gap_filled_by_source"] > 0
    assert 0.1 < o.only_used().value.mean() < 0.45


def test_snow_courses_of_pallas():
    o = read_snow_survey(SNOW / "pallas_swe_survey_2018_2020.txt", 2.0, "Pallasjaervi")
    assert o.counts() == {"measured_used": 34, "rejected_incomplete": 8}
    assert o.only_used().value.max() < 500.0


def test_beer_explains_fapar_by_leaf_area_within_the_errors():
    path = FLUX / "be_vie_2014_halfhourly_lai_gpp.csv.gz"
    leaf, light = (read_light(path, k, "BE-Vie").only_used() for k in ("leaf_area", "fapar"))
    assert len(leaf) == len(light) == 46
    rmse = np.sqrt(np.mean((beer_fapar(leaf.value) - light.value) ** 2))
    assert rmse < light.sd.mean()
    months = read_leaf_area_months(
        FLUX / "cardamom_fluxval_monthly_drivers_obs_2001_2016_dev.parquet", "BE-Vie"
    )
    assert months.used.sum() == 69


def test_greenness_of_bavaria_is_highest_in_summer():
    o = read_ndvi(DATA / "gridded" / "gimms_ndvi3g_bavaria_1_12deg_2000_2015.nc", 11.0, 48.5, "Bavaria")
    assert o.used.sum() == 384
    month = o.start.astype("datetime64[M]").astype(int) % 12
    assert o.value[month == 5].mean() > o.value[month == 0].mean() + 0.1


def test_biomass_of_european_forests():
    o = read_biomass(LIFE / "forc_simplified_europe.csv.gz")
    assert o.counts() == {"measured_used": 92, "rejected_manipulated": 17, "rejected_incomplete": 93}
    assert 2000.0 < np.median(o.only_used().value) < 12000.0


def test_stocks_of_rothamsted_agree_with_the_published_ones_and_fall_under_fallow():
    import pandas as pd

    path = SOIL / "rothamsted" / "SOILCN5914_soil_data.csv.gz"
    o = read_soil_carbon(path, depth_m=(0.0, 0.23), source="doi:10.23637/rrs1-SOILCN1959-2014-1")
    published = pd.read_csv(path)["SOC_stock"].to_numpy() * 100.0  # t ha-1
    np.testing.assert_allclose(o.value, published, rtol=2e-3)
    year = o.start.astype("datetime64[Y]")
    assert o.value[year == year.max()].mean() < 0.55 * o.value[year == year.min()].mean()
    ley = read_soil_carbon(
        SOIL / "rothamsted" / "SOC4814_soil_data.csv.gz",
        depth_column="soil_depth", date="sampling_date", plot=("block", "main_plot", "sub_plot"), content="percent_soc",
    )  # fmt: skip
    assert ley.used.sum() == 101
    assert ley.report.rejected["soil_carbon density"] == {"empty": 200}


def test_respiration_of_soils_by_chamber_day_and_year():
    path = LIFE / "cosore_eu_soil_respiration_daily.parquet"
    laegern = read_cosore(path, "d20190607_RUEHR", 1.0, fewest=24)
    assert laegern.counts() == {"missing": 28, "measured_used": 541}
    assert laegern.report.rejected["soil_respiration"]["chamber day with fewer than 24 values"] == 28
    total, heterotrophic = (read_srdb(LIFE / "srdb_europe.csv.gz", c) for c in ("Rs_annual", "Rh_annual"))
    assert total.counts()["rejected_manipulated"] == 542
    assert total.used.sum() == 964
    assert heterotrophic.only_used().value.mean() < total.only_used().value.mean()
    forc = read_forc_respiration(LIFE / "forc_simplified_europe.csv.gz")
    assert forc.only_used().value.mean() == pytest.approx(total.only_used().value.mean(), rel=0.2)


def test_discharge_of_the_moselle_is_a_sensible_share_of_its_rain():
    """The area is that of the terrain of the test domain, 11 636 km2; rain 905 mm a year."""
    path = DATA / "gridded" / "mhm_moselle_discharge_00398_m3s.csv.gz"
    o = read_discharge(path, 11636.25, 1.0, station="00398", date="date", column="Q")
    assert o.used.sum() == 1461
    assert 0.25 < o.value.mean() * 365.25 / 905.0 < 0.6
    steady = ModelSeries(np.append(o.start, o.end[-1:]), {"RUNOFF": np.full((1461, 1), 1e-5)})
    later = o.select(np.arange(1461) > 60)
    routed = CatchmentRunoff(reservoirs=2.0, residence=1.0).predict(steady, later)
    np.testing.assert_allclose(routed, 0.864)
    lompolo = read_discharge(
        SNOW / "pallas_Runoffs1d_SVEcatchments_mmd.csv.gz", None, 2.0,
        station="Lompolojaenganoja", date="pvm", column="1_Lompolojanganoja",
    )  # fmt: skip
    assert lompolo.counts() == {"missing": 92, "measured_used": 2472}
