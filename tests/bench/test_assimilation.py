"""The bench ``assimilation``: twin model, references and figures, on short runs."""

from __future__ import annotations

import sys

import jax.numpy as jnp
import numpy as np
import pytest

from elterra.assimilation import LocalFilter
from elterra.bench import assimilation, assimilation_linear, assimilation_lorenz
from elterra.bench.assimilation_letkf import INTERPOLATED, experiment, run
from elterra.bench.assimilation_lorenz import SIZE, Length, Setting, cycle, model_step, staged_step, tendency
from elterra.bench.assimilation_table import LINES, UNPUBLISHED
from elterra.bench.assimilation_windows import sliding_smoother, sliding_variational


def test_the_model_conserves_energy_but_for_forcing_and_drag():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(SIZE, 3)))
    np.testing.assert_allclose((x * tendency(x)).sum(axis=0), (8.0 * x - x**2).sum(axis=0), rtol=1e-12)


def test_a_step_is_of_fourth_order():
    def many(x, parts, monkey):
        monkey.setattr(assimilation_lorenz, "STEP", 0.05 / parts)
        for _ in range(parts):
            x = model_step(x)
        return np.asarray(x)

    x = 8.0 + jnp.sin(jnp.arange(SIZE) * 1.0)
    with pytest.MonkeyPatch.context() as monkey:
        exact = many(x, 32, monkey)
        one, two = (np.abs(many(x, k, monkey) - exact).max() for k in (1, 2))
    assert 10 < one / two < 26


def test_the_staged_step_is_the_step():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(SIZE, 3)))
    np.testing.assert_allclose(staged_step(x), model_step(x), atol=1e-13)


def test_linear_gaussian_references_are_met():
    found = assimilation_linear.figures()
    sampled = {key.partition(".")[0] for key in found if key.endswith(".sigmas")}
    for key, value in found.items():
        name, _, what = key.partition(".")
        assert value < (3.0 if what == "sigmas" else 1e-2 if name in sampled else 1e-8), key
    assert len(found) > 15


def test_the_steady_variances_are_the_published_ones():
    np.testing.assert_allclose(
        assimilation_linear.steady(), [1.5483491580, 0.6075890947, 0.4557473191], atol=1e-10
    )


def test_a_short_cycle_follows_the_truth_and_repeats_to_the_bit():
    length = Length(seeds=2, burn_in=150, analyses=150)
    scores = LINES["denkf_n40"].run(length)
    assert (scores.rmse < 0.3).all()
    np.testing.assert_allclose(scores.spread, scores.rmse, rtol=0.4)
    np.testing.assert_array_equal(LINES["denkf_n40"].run(length).rmse, scores.rmse)


def test_without_analysis_the_truth_is_lost():
    scores = cycle(lambda key, x, observed: x, Setting(5), Length(2, 400, 100))
    assert (scores.rmse > assimilation_lorenz.LOST).all()


@pytest.mark.slow
def test_windows_of_smoother_and_of_variational_assimilation_follow_the_truth():
    length = Length(2, 40, 60)
    assert (sliding_smoother(Setting(20, 1.0, False, 4), 2, 3, 2.0, length).rmse < 0.6).all()
    assert (sliding_variational(4, 1, 0.2, 3, length).rmse < 0.8).all()


@pytest.mark.slow
def test_a_quick_bench_gives_every_key(monkeypatch):
    monkeypatch.setattr(assimilation, "_dapper", lambda asked, analyses: {"etkf_n28": [0.01, 0.005]})
    found = assimilation.measure(quick=True, lines=["etkf_n28", "letkf_n7"])
    assert found["l96.etkf_n28.diverged"] == 0.0
    assert found["l96.etkf_n28.abs_error"] < 0.03
    assert 0 < found["l96.etkf_n28.seconds_over_dapper"] < found["l96.etkf_n28.seconds_over_dapper_bare"]
    assert found["linear_gaussian.etkf.abs_error"] < 1e-8
    assert found["letkf.20000.seconds"] > 0
    assert 0.5 < found["letkf.growth"] < 1.6


def test_without_dapper_its_keys_are_absent_and_a_wrong_interpreter_is_told(monkeypatch, tmp_path, capsys):
    if "dapper" not in sys.modules:
        monkeypatch.setenv("ELTERRA_DAPPER_PYTHON", "/bin/false")
        assert assimilation._dapper({"a": ("EnKF()", 1)}, 1) == {}
        assert "ELTERRA_DAPPER_PYTHON" in capsys.readouterr().err
    monkeypatch.setenv("ELTERRA_DAPPER_PYTHON", str(tmp_path / "nothing"))
    with pytest.raises(Exception, match="no interpreter"):
        assimilation._dapper({"a": ("EnKF()", 1)}, 1)


def test_the_letkf_of_the_bench_runs():
    state = experiment(1000, 0)
    seconds, processor, found = run(LocalFilter(), *state)
    assert seconds > 0
    assert processor > 0
    assert found.diagnostics["mean_used"] > 5
    assert run(INTERPOLATED, *state)[2].x.shape == found.x.shape


def test_lines_have_scores_and_names_of_their_own():
    assert not set(LINES) & set(UNPUBLISHED)
    assert all(0.1 < line.published < 4 and line.reach <= 0.05 for line in LINES.values())
