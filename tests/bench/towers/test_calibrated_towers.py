"""From made-up towers to scores: what calibration at a site gains, what one set for all gains, and that intervals hold."""

import numpy as np
import pytest
from toy import ToyRuns, toy_model, toy_tower

from elterra.bench import contract
from elterra.bench.towers import measure
from elterra.bench.towers.inversion import calibrate_groups, groups_of
from elterra.bench.towers.methods import global_errors, predictions_of
from elterra.bench.towers.months import monthly, monthly_samples
from elterra.bench.towers.scores import Difference, difference, figures_of, samples_of
from elterra.bench.towers.table import table_of
from elterra.bench.towers.unknowns import NAMES
from elterra.files import read_json
from elterra.product.scores import gaussian_sample


@pytest.fixture(scope="module")
def scored():
    towers = [toy_tower(f"T{i}_Toy", truth=(1.0, -1.0 + 0.1 * i), seed=i) for i in range(4)]
    runs = ToyRuns(towers)
    prior, found = calibrate_groups(runs, groups_of(towers), members=24, iterations=2)
    by_name = {f.group.name: f for f in found}
    shared = {t.key: f for f in found if f.group.shared for t in f.group.judged}
    samples = {}
    for t in towers:
        common = shared[t.key]
        predicted = predictions_of(t, prior[t.key], by_name[t.key], common, global_errors(common))
        samples[t.key] = samples_of(t, predicted)
    return towers, found, samples, figures_of(towers, samples)


def test_no_tower_is_judged_with_parameters_that_saw_it(scored):
    _, found, _, _ = scored
    for one in found:
        if one.group.shared:
            assert not {t.station for t in one.group.judged} & {t.station for t in one.group.trained}


def test_two_records_of_one_station_are_on_the_same_side():
    first, second, third = toy_tower("A_Toy"), toy_tower("A_Toy"), toy_tower("B_Toy")
    shared = [g for g in groups_of([first, second, third]) if g.shared]
    assert sorted(len(g.judged) for g in shared) == [1, 2]


def test_calibration_uses_the_whole_likelihood_once(scored):
    for one in scored[1]:
        assert sum(one.powers) == pytest.approx(1.0)
        assert len(one.z) == 3


def test_calibration_gains_on_the_prior_and_its_intervals_hold(scored):
    towers, _, _, figures = scored
    for t in towers:
        for variable in ("NEE", "GPP"):
            own = figures[f"{t.key}.{variable}.site.rmse"]
            assert own < 0.8 * figures[f"{t.key}.{variable}.prior.rmse"]
            assert own < figures[f"{t.key}.{variable}.climatology.rmse"]
            assert own < 0.65  # the noise of the data is 0.5
            assert figures[f"{t.key}.{variable}.site.gain_over_prior_low"] > 0
    assert 0.85 <= figures["summary.NEE.site.coverage90"] <= 0.95
    assert 0.85 <= figures["summary.NEE.discrepancy.coverage90"] <= 0.95
    assert figures["summary.all.site.worse_than_prior"] == 0.0
    # the sites differ little, so that one set for all is nearly as good
    assert figures["summary.GPP.global.rmse"] < 0.8 * figures["summary.GPP.prior.rmse"]


def test_all_methods_are_scored_on_the_same_data(scored):
    for methods in scored[2].values():
        for own in methods.values():
            truths = [s.truth for s in own.values()]
            assert all(np.array_equal(truths[0], t) for t in truths)


def test_the_table_names_every_tower_and_class(scored):
    towers, _, _, figures = scored
    text = table_of(towers, figures)
    assert "| NEE, evergreen needles | 4 |" in text
    assert all(t.key in text for t in towers)


def test_worse_is_said_only_beyond_the_interval():
    rng = np.random.default_rng(0)
    truth, block = rng.normal(size=600), np.arange(600) // 30
    good, bad = (
        gaussian_sample(truth, truth + s * rng.normal(size=600), np.ones(600), block) for s in (1.0, 1.5)
    )
    assert difference(bad, good).better
    assert difference(good, bad).worse
    assert not Difference(0.1, -0.1, 0.3).worse
    assert not Difference(0.1, -0.1, 0.3).better


def test_months_of_the_validation_half_are_judged():
    tower = toy_tower(truth=(1.0, -1.0))
    runs = ToyRuns([tower])
    prior, found = calibrate_groups(runs, groups_of([tower], with_global=False), members=24, iterations=2)
    z = np.zeros((len(NAMES), 1))
    z[:2, 0] = (1.0, -1.0)
    axis, truth = monthly(tower, toy_model(tower.weather.daily["TA"], z)["GPP"], 1.0)

    class Table:
        def values(self, station, variable, validation):
            half = (axis >= np.datetime64("2011-01")) == validation
            if variable != "GPP_month":
                return axis[:0], np.zeros(0)
            return axis[half], truth[half, 0] + 0.05

    samples = monthly_samples(tower, Table(), prior[tower.key], found[0], None)
    assert set(samples) == {"GPP_month"}
    own = samples["GPP_month"]
    assert own["site"].truth.size == 24
    rmse = {n: np.sqrt(np.mean((s.estimate - s.truth) ** 2)) for n, s in own.items()}
    assert rmse["site"] < rmse["prior"]
    assert own["site"].inside.mean() > 0.7


def test_a_part_of_the_bench_gives_figures_of_the_contract(monkeypatch, tmp_path):
    class Runs(ToyRuns):
        ran = 0
        folder = tmp_path

        def __init__(self, towers, folder, **_):
            super().__init__(towers)

        def spin_up(self):
            return {t.key: {"GPP": 1000.0, "LAI": 3.0, "drift_gC_m2_yr": 1.0} for t in self.towers}

    class Nothing:
        def __init__(self, data):
            pass

        def values(self, station, variable, validation):
            return np.zeros(0, "datetime64[M]"), np.zeros(0)

    towers = [toy_tower(f"T{i}_Toy", truth=(1.0, -1.0), seed=i) for i in range(2)]
    monkeypatch.setattr(measure, "TowerRuns", Runs)
    monkeypatch.setattr(measure, "MonthlyTable", Nothing)
    monkeypatch.setattr(measure, "towers_of", lambda *_: towers)
    figures = measure.measure_towers("towers", folder=tmp_path, data=tmp_path)
    contract("calibration", figures, 1.0)
    assert figures["towers.T0_Toy.NEE.site.rmse"] < figures["towers.T0_Toy.NEE.prior.rmse"]
    assert "towers.T1_Toy.GPP.global.coverage90" in figures
    assert figures["towers.T0_Toy.inversion.failed"] == 0
    assert read_json(tmp_path / "figures_towers.json") == pytest.approx(figures)
