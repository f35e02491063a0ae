"""The twin of the calibration bench, and the replicates it keeps."""

import numpy as np
import pytest

from elterra.bench import calibration_sbc as sbc
from elterra.bench.calibration_exact import linear_problem, measure_localisation, posterior_of_linear
from elterra.bench.calibration_twin import PRIORS, CarbonTwin, run_twin
from elterra.calibration import invert
from elterra.cli.bench import bench as bench_command
from elterra.errors import InputError


@pytest.fixture(scope="module")
def twin():
    return CarbonTwin()


def test_carbon_of_the_twin_is_conserved_and_its_fluxes_are_those_of_a_forest(twin):
    for z in (np.zeros(len(PRIORS)), np.linspace(-2, 2, len(PRIORS))):
        out = {k: np.asarray(v) for k, v in run_twin(twin.maps.to_physical(z), twin.weather).items()}
        assert np.abs(out["residual"]).max() < 1e-10
        assert min(out["lai"].min(), out["soil"].min(), out["gpp"].min()) > 0
    middle = {
        k: np.asarray(v) for k, v in run_twin(twin.maps.to_physical(np.zeros(10)), twin.weather).items()
    }
    assert 500 < middle["gpp"].sum() / 7 < 1500
    assert len(middle["nee"]) == 84


def test_every_parameter_of_the_twin_moves_an_observation(twin):
    z = np.concatenate([np.zeros((1, 10)), np.eye(10)])
    predicted = twin(twin.maps.to_physical(z)) / twin.sd
    assert (np.abs(predicted[1:] - predicted[0]).max(axis=1) > 0.1).all()


def test_a_batch_gives_what_its_members_give_alone(twin):
    x = twin.maps.to_physical(np.random.default_rng(0).standard_normal((20, 10)))
    np.testing.assert_allclose(twin(x)[17], twin(x[17:18])[0], rtol=1e-12)


def test_replicates_are_kept_and_counted(tmp_path, monkeypatch):
    made = []

    def one(_twin, seed, _warm):
        made.append(seed)
        hit = [seed % 2 == 0] * len(PRIORS)
        return {
            "seed": seed, "hits": {"0.5": hit, "0.9": [True] * len(PRIORS)}, "model_runs": 300, "rhat": 1.0,
            "divergences": 0, "outside": 0.0, "doubt": 0.01, "refused": 0,
        }  # fmt: skip

    monkeypatch.setattr(sbc, "replicate", one)
    monkeypatch.setattr(sbc, "typical_hyperparameters", lambda _twin: None)
    first = sbc.measure_sbc(tmp_path, 4)
    second = sbc.measure_sbc(tmp_path, 20)
    assert made == [sbc.FIRST_SEED + i for i in range(20)]
    assert (first["sbc.replicates"], second["sbc.replicates"]) == (4, 20)
    assert second["sbc.q10.coverage50"] == 0.5
    assert second["sbc.q10.coverage90"] == 1.0
    assert second["sbc.passed"] == 1.0
    names = [p.name for p in PRIORS]
    assert sbc.figures_of([one(None, i, None) for i in range(200)], names, "sbc", "sbc")["sbc.passed"] == 0.0


def test_the_linear_problem_of_the_bench_has_the_published_posterior():
    mean, covariance = posterior_of_linear()
    np.testing.assert_allclose(mean, [0.9717484927, 1.0210163652], atol=1e-10)
    np.testing.assert_allclose(np.diag(covariance), [0.0190525409, 0.0172954350], atol=1e-10)
    assert invert(linear_problem(), "etki", members=20).finished


def test_shrinkage_helps_in_the_bench():
    told = measure_localisation(True)
    assert max(told["shrinkage.sec.error"], told["shrinkage.nice.error"]) < told["shrinkage.none.error"]


def test_the_bench_joins_its_parts_and_tells_the_verdict(tmp_path, monkeypatch, capsys):
    from elterra import bench
    from elterra.bench import (
        calibration_ces,
        calibration_exact,
        calibration_multifidelity,
        calibration_sbc_land,
    )

    for module, name in (
        (calibration_exact, "measure_linear"),
        (calibration_exact, "measure_tanh"),
        (calibration_exact, "measure_ishigami"),
        (calibration_ces, "measure_ces"),
    ):
        monkeypatch.setattr(module, name, lambda quick, name=name: {f"{name}.quick": float(quick)})
    passed = {"sbc.land.passed": 1.0, "sbc.land.replicates": 2.0, "sbc.land.joint_p": 0.5}
    monkeypatch.setattr(calibration_sbc_land, "measure_sbc_land", lambda place, twin, quick: passed)
    monkeypatch.setattr(calibration_multifidelity, "measure_multifidelity", lambda place, quick: {})
    asked = []

    def kept(folder, replicates):
        asked.append((folder, replicates))
        return {"sbc.passed": 0.0, "sbc.replicates": float(replicates), "sbc.joint_p": 0.01}

    monkeypatch.setattr(sbc, "measure_sbc", kept)
    told = bench.run("calibration", quick=True, folder=tmp_path)["figures"]
    assert asked == [(tmp_path / "calibration_sbc", sbc.QUICK_REPLICATES)]
    assert told["measure_ces.quick"] == 1.0
    assert "shrinkage.nice.error" in told
    assert "FAILS the joint binomial test" in capsys.readouterr().err


def test_parts_are_named_and_stations_belong_to_towers():
    from elterra.bench import calibration

    with pytest.raises(InputError, match="there are linear_gaussian"):
        calibration.measure(part="nothing")
    with pytest.raises(InputError, match="name one with --part"):
        calibration.measure(part="tanh", case="DE-Hai")
    figures = calibration.measure(part="tanh", quick=True)
    assert set(figures) == {"tanh.mean_error", "tanh.sd_error", "tanh.model_runs"}


def test_other_benches_have_no_parts():
    with pytest.raises(InputError, match="bench import has no parts"):
        bench_command(name="import", part="towers")
