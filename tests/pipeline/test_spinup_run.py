"""`elterra spinup check` and the files of a spin-up."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from elterra.cli._app import main
from elterra.errors import InputError
from elterra.land import Config, Fields, cold_start, read_restart
from elterra.land.decomposition import base_rates
from elterra.land.soil_heat import DZSOI
from elterra.pipeline.spinup_cycle import load, run_method, save
from elterra.pipeline.spinup_run import check_restarts, spin_up_subject
from elterra.spinup import Cycle


def parts():
    """Parameters of a grass column, and its cold start."""
    from elterra.land import Surface, prepare

    one = np.ones(1)
    ground = np.ones((25, 1))
    p = prepare(
        Surface(
            lat=47.0 * one, lon=8.0 * one, elevation=500.0 * one, forc_hgt=30.0 * one, topo_slope=2.0 * one, fmax=0.4 * one,
            zbedrock=8.0 * one, soil_color=15 * np.ones(1, int), sand=50.0 * ground, clay=15.0 * ground,
            organic=20.0 * ground, pft=np.array([[1], [13]]), wt=np.array([[0.7], [0.3]]),
        )
    )  # fmt: skip
    return p, cold_start(p, Config(nlevsno=5))


@pytest.fixture(scope="module")
def start():
    return parts()


def grown(s, grams):
    """A state with ``grams`` gC m-2 more of slow organic matter in the top layer."""
    return s.replace(decomp_cpools=s.decomp_cpools.at[5, 0].add(grams / DZSOI[0]))


def test_check_reads_weights_and_years_of_the_files(tmp_path, start):
    p, s = start
    for i, grams in enumerate((0.0, 3.0, 6.0)):
        save(tmp_path / f"cycle_{i:04d}.restart", p, grown(s, grams), 4.0 * (i + 1))
    told = check_restarts([tmp_path], years=None, case=None)
    assert told["years"] == 4.0
    assert len(told["files"]) == 3
    np.testing.assert_allclose(told["ctsm"]["mean_change_gC_m2_yr"]["totecosysc"], 0.75, rtol=1e-9)
    assert told["ctsm"]["area_met"]
    faster = check_restarts([tmp_path], years=2.0, case=None)
    np.testing.assert_allclose(faster["orchidee"]["trend_gC_m2_yr"], 1.5, rtol=1e-9)
    assert not faster["steady"]


def test_the_verb_exits_with_1_where_the_criteria_do_not_hold(tmp_path, start, capsys):
    p, s = start
    a, b, c = (tmp_path / f"{n}.restart" for n in "abc")
    save(a, p, s, 1.0)
    save(b, p, grown(s, 0.5), 2.0)
    save(c, p, grown(s, 5.0), 3.0)
    with pytest.raises(SystemExit) as done:
        main(["spinup", "check", str(a), str(b), "--json"])
    assert done.value.code == 0
    assert json.loads(capsys.readouterr().out)["steady"] is True
    with pytest.raises(SystemExit) as done:
        main(["spinup", "check", str(a), str(c)])
    assert done.value.code == 1
    assert "missed" in capsys.readouterr().out


def test_what_cannot_be_checked_says_why(tmp_path, start):
    p, s = start
    one, two = tmp_path / "one.restart", tmp_path / "two.restart"
    save(one, p, s, 1.0)
    with pytest.raises(InputError, match="two restart files"):
        check_restarts([one], years=None, case=None)
    save(two, p, s, 1.0)
    with pytest.raises(InputError, match="--years"):
        check_restarts([one, two], years=None, case=None)
    with pytest.raises(InputError, match="native, ad, analytic"):
        spin_up_subject(tmp_path, tmp_path / "out", method="magic", cycles=1)
    (tmp_path / "not.restart").write_text("no")
    with pytest.raises(InputError, match="--case"):
        check_restarts([tmp_path / "not.restart", one], years=1.0, case=None)


def decaying(p, cfg):
    """A cycle in which soil carbon and nitrogen decay with their rates and nothing else happens."""
    from elterra.pipeline.spinup_cycle import SHOWN
    from elterra.spinup.semi_analytic import MEANS

    rates = jnp.broadcast_to(base_rates(p)[:, None, :], (7, 20, 1))

    def run(p, s):
        keep = jnp.exp(-rates * 365.0 * 86400.0)
        pool = s.decomp_cpools
        means = dict.fromkeys(SHOWN, jnp.zeros(1))
        means |= {MEANS[0]: rates * pool, MEANS[1]: pool, MEANS[2]: rates}
        return s.replace(decomp_cpools=pool * keep, decomp_npools=s.decomp_npools * keep), Fields(means)

    return Cycle(run, 1.0, cfg)


def test_a_spin_up_leaves_its_last_cycles_and_a_log(tmp_path, start):
    p, s = start
    cfg = Config(nlevsno=5)
    final, log = run_method("native", p, s, decaying(p, cfg), 4, tmp_path)
    names = sorted(f.name for f in Path(tmp_path).iterdir())
    assert names == ["cycle_0003.restart", "cycle_0004.restart", "spinup.json", "state.restart"]
    state, wt, years = load(tmp_path / "state.restart")
    assert years == 4.0
    np.testing.assert_array_equal(wt, p.wt)
    np.testing.assert_array_equal(state.decomp_cpools, final.decomp_cpools)
    written = json.loads((tmp_path / "spinup.json").read_text())
    assert [c["cycle"] for c in written["cycles"]] == [1, 2, 3, 4]
    assert len(log.stocks) == 4
    assert set(read_restart(tmp_path / "cycle_0003.restart")[0]) == set(s)
    assert check_restarts([tmp_path], years=None, case=None)["steady"] is False


def test_the_method_that_does_not_know_fire_is_refused_with_it(tmp_path, start):
    p, s = start
    burning = Config(nlevsno=5, fire="li")
    with pytest.raises(InputError, match="losses to fire"):
        run_method("analytic", p, s, decaying(p, burning), 2, tmp_path)
    _, log = run_method("native", p, s, decaying(p, burning), 2, tmp_path)
    assert len(log.cycles) == 2


def test_it_stops_when_the_criteria_hold_and_not_before(tmp_path, start):
    p, s = start
    empty = s.replace(decomp_cpools=s.decomp_cpools * 1e-6, decomp_npools=s.decomp_npools * 1e-6)
    _, log = run_method("native", p, empty, decaying(p, Config()), 9, tmp_path, stop_when_steady=True)
    assert len(log.cycles) == 2
    _, log = run_method("native", p, s, decaying(p, Config()), 4, tmp_path, stop_when_steady=True)
    assert len(log.cycles) == 4


def test_it_does_not_stop_in_accelerated_mode(tmp_path, start):
    p, s = start
    empty = s.replace(decomp_cpools=s.decomp_cpools * 1e-9, decomp_npools=s.decomp_npools * 1e-9)
    _, log = run_method(
        "ad", p, empty, decaying(p, Config()), 9, tmp_path, accelerated=5, stop_when_steady=True
    )
    assert len(log.cycles) == 7  # two normal cycles, without the change of units between them
