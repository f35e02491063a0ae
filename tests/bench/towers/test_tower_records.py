"""Real records: facts, weather, targets. Needs ../shared/data."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from elterra.bench.towers import records
from elterra.bench.towers.runs import Request, pack
from elterra.bench.towers.sites import patches_of, read_sites
from elterra.bench.towers.unknowns import NAMES, physical
from elterra.bench.towers.weather import disaggregation_errors, without_leap_days
from elterra.errors import InputError

DATA = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[3].parent / "shared")) / "data"
needs_records = pytest.mark.skipif(
    not (DATA / "flux").is_dir(), reason="needs ../shared/data (ELTERRA_SHARED)"
)


@pytest.fixture(scope="module")
def sites():
    table = pd.read_parquet(DATA / "flux" / "fluxnet2015_eu_daily_dev.parquet", columns=["site", "TA"])
    return read_sites(DATA, {str(n): float(v) for n, v in table.groupby("site")["TA"].mean().items()})


@pytest.fixture(scope="module")
def hainich(sites):
    return records._from_half_hours(DATA, DATA / "flux" / "fluxnet2015_halfhourly_dev.nc", sites[0]["DE-Hai"])


def test_years_are_split_in_the_middle():
    assert records.split_years(2003, 2006) == (2003, 2005, 2007)
    assert records.split_years(2012, 2014) == (2012, 2013, 2015)
    assert records.split_years(1996, 2014) == (2003, 2005, 2007)
    assert records.split_years(2005, 2005) == (2005, 2005, 2006)


def test_no_plant_type_is_guessed():
    assert [p.pft for p in patches_of("MF", 9.0, 20.0)] == [1, 7]
    assert patches_of("ENF", 3.0, 20.0)[0].pft == 2
    with pytest.raises(InputError, match="SNO"):
        patches_of("SNO", 0.0, 0.1)


@needs_records
def test_facts_are_those_of_the_tables(sites):
    found, left = sites
    assert len(found) == 53
    assert set(left) == {"SJ-Adv", "SJ-Blv"}
    assert "window" in left["SJ-Adv"]
    hai = found["DE-Hai"].site
    assert hai.patches[0].pft == 7
    assert hai.sand_pct[0] == 4.0
    assert hai.clay_pct[0] == 40.0
    assert [p.weight for p in found["BE-Vie"].site.patches] == [0.5, 0.5]
    assert [p.pft for p in found["IT-Noe"].site.patches] == [9, 0]
    assert all(0 < p.clay_pct[0] <= 60 for p in (s.site for s in found.values()))


@needs_records
def test_half_hours_become_means_of_day_and_night(hainich):
    t = {x.kind: x for x in hainich.targets}
    assert set(t) == {"NEE_day", "NEE_night", "GPP_day", "LE", "H"}
    assert (hainich.days, hainich.train_days) == (1460, 730)
    assert "2004-02-29" not in hainich.weather.days.astype(str)
    july = np.isfinite(t["NEE_day"].value) & (
        hainich.weather.days.astype("datetime64[M]") == np.datetime64("2003-07")
    )
    assert -25 < t["NEE_day"].value[july].mean() < -8  # a forest in summer, gC m-2 d-1
    measured = np.isfinite(t["NEE_night"].value)
    assert (t["NEE_night"].steps.sum(axis=1)[measured] >= records.LEAST_NIGHT).all()
    assert not (t["NEE_night"].steps & hainich.weather.daylight).any()
    assert (t["NEE_night"].value[measured] > 0).mean() > 0.9
    assert all(np.isfinite(v).all() for v in hainich.weather.forcing.values())


@needs_records
def test_the_sun_of_the_record_is_that_of_the_geometry(hainich):
    sun = hainich.weather.forcing["forc_solad"].sum(axis=(1, 2)) + hainich.weather.forcing["forc_solai"].sum(
        axis=(1, 2)
    )
    for shift in (-4, 4):
        here = np.corrcoef(sun, hainich.weather.forcing["coszen"][:, 0])[0, 1]
        assert here > np.corrcoef(np.roll(sun, shift), hainich.weather.forcing["coszen"][:, 0])[0, 1]


@needs_records
def test_days_as_half_hours_are_near_the_measured_ones(hainich, sites):
    table = pd.read_parquet(DATA / "flux" / "fluxnet2015_eu_daily_dev.parquet")
    days = np.arange(np.datetime64("2003-01-01"), np.datetime64("2007-01-01"))
    own = table[table["site"] == "DE-Hai"].set_index("date")
    made = records.from_days(own, days, sites[0]["DE-Hai"].site, records.read_extra(DATA, "DE-Hai"))
    for name, limit in (("forc_t", 1.5), ("forc_lwrad", 25.0)):
        there = hainich.weather.forcing[name]
        assert np.sqrt(np.mean((made.forcing[name] - there) ** 2)) < limit
    for name in ("TA", "SW_IN"):
        assert (
            np.abs(made.daily[name] - hainich.weather.daily[name]).mean()
            < 0.02 * np.abs(made.daily[name]).mean() + 0.1
        )
    assert made.daily["P"].mean() == pytest.approx(hainich.weather.daily["P"].mean(), rel=0.02)
    assert made.days.size == hainich.days
    assert without_leap_days(days).sum() == 1460


def test_parameters_belong_to_the_plant_type_and_biases_to_the_weather():
    z = np.zeros((len(NAMES), 3))
    z[NAMES.index("rain_bias")] = 1.0
    needles, grass = physical(z, 1, True), physical(z, 13, False)
    assert "acclim_weight" in needles.land
    assert "acclim_weight" not in grass.land
    assert needles.land["vcmax25top"] == pytest.approx([37.7] * 3, rel=0.01)
    assert needles.factors["precipitation"] == pytest.approx([1.10] * 3)
    assert grass.factors["precipitation"] == pytest.approx([1.25] * 3)
    assert grass.factors["longwave"] == pytest.approx([0.0] * 3)
    with pytest.raises(ValueError, match="rows"):
        physical(z[:3], 1, True)


@needs_records
def test_requests_are_packed_by_length_into_blocks(hainich):
    def ask(members, days):
        return Request(hainich, np.zeros((len(NAMES), members)), days)

    packs = pack([ask(24, 730), ask(24, 1460), ask(40, 730), ask(10, 730)], 64)
    assert [sorted(r.z.shape[1] for r in p) for p in packs] == [[24], [24, 40], [10]]
    with pytest.raises(InputError, match="fewer members"):
        pack([ask(65, 730)], 64)


@needs_records
def test_disaggregation_knows_most_of_the_daily_course(hainich):
    errors = disaggregation_errors(hainich.weather, hainich.facts.site)
    for name in ("TA", "SW_IN", "VPD"):
        assert errors[f"{name}_rmse"] < 0.55 * errors[f"{name}_of_mean_rmse"]
