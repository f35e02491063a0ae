"""The whole land model over days: exact restart, repeat, order and independence of columns, closed budgets.

All fast tests share one compiled program (8 columns, 24 steps).
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from run_case import (
    CFG,
    CHUNK,
    COLUMNS,
    LASTS,
    MEANS,
    NEUTRAL,
    SERIES,
    chunks,
    differing,
    parameters_and_state,
    take,
    weather,
)

from elterra.land import Fields, read_restart, run_chunk, step, write_restart
from elterra.land.forcing import perturb_forcing
from elterra.land.run import join_columns, split_columns

CALLS = 22  # eleven days


@dataclass
class Run:
    """States before the first and after each call, and what the calls gave."""

    states: list[Fields]
    outputs: list[tuple[Fields, Fields, Fields]]
    worst: dict[str, np.ndarray]


def run(p: Fields, s: Fields, forcing, first: int, last: int, factors: Fields = NEUTRAL) -> Run:
    told = Run([s], [], {})
    for f in chunks(forcing, first, last):
        s, series, means, lasts, worst = run_chunk(p, s, f, factors, CFG, SERIES, MEANS, LASTS)
        told.states.append(s)
        told.outputs.append((series, means, lasts))
        told.worst = {name: np.maximum(told.worst.get(name, 0.0), np.asarray(x)) for name, x in worst.items()}
    return told


@pytest.fixture(scope="module")
def case():
    return *parameters_and_state(), weather()


@pytest.fixture(scope="module")
def straight(case) -> Run:
    p, s, forcing = case
    return run(p, s, forcing, 0, CALLS)


@pytest.mark.parametrize("cut", [12, 13], ids=["6 d", "6.5 d"])
def test_a_restarted_run_has_the_bits_of_the_straight_one(case, straight, tmp_path, cut):
    p, _, forcing = case
    path = tmp_path / "land.restart"
    write_restart(path, dict(straight.states[cut].items()), {"next_step": cut * CHUNK})
    arrays, header = read_restart(path)
    resumed = run(p, Fields(arrays), forcing, header["next_step"] // CHUNK, CALLS)
    assert set(arrays) == set(straight.states[cut])
    assert differing(resumed.states[-1], straight.states[-1]) == 0
    assert differing(resumed.outputs, straight.outputs[cut:]) == 0
    # not because nothing happened
    assert differing(straight.states[cut], straight.states[-1]) > 0


def test_a_second_run_has_the_same_bits(case, straight):
    p, s, forcing = case
    again = run(p, s, forcing, 0, 6)
    assert differing(again.states[-1], straight.states[6]) == 0
    assert differing(again.outputs, straight.outputs[:6]) == 0


@pytest.mark.slow
def test_the_order_of_columns_does_not_matter(case):
    """In a batch as large as an ensemble: XLA unrolls loops over eight columns, where a place can cost a last bit."""
    p, s, forcing = case
    many = [i % COLUMNS for i in range(64)]
    p, s, factors = take(p, many), take(s, many), take(NEUTRAL, many)
    draw = np.random.default_rng(0)
    factors = factors.replace(temperature=jnp.asarray(draw.normal(size=64)))
    order = draw.permutation(64)
    straight = run(p, s, forcing, 0, 12, factors)
    shuffled = run(take(p, order), take(s, order), forcing, 0, 12, take(factors, order))
    assert differing(shuffled.states[-1], take(straight.states[-1], order)) == 0
    assert differing(shuffled.outputs, take(straight.outputs, order)) == 0


@pytest.mark.parametrize("what", [{"temperature": 1.5, "precipitation": 0.5}, {"shortwave": np.nan}])
def test_a_column_does_not_touch_the_others(case, straight, what):
    p, s, forcing = case
    factors = NEUTRAL.replace(**{name: NEUTRAL[name].at[3].set(value) for name, value in what.items()})
    other = run(p, s, forcing, 0, 6, factors)
    rest = [0, 1, 2, 4, 5, 6, 7]
    assert differing(take(other.states[-1], rest), take(straight.states[6], rest)) == 0
    assert differing(take(other.outputs, rest), take(straight.outputs[:6], rest)) == 0
    assert differing(take(other.states[-1], [3]), take(straight.states[6], [3])) > 0
    poisoned = any(np.isnan(np.asarray(x[..., 3], float)).any() for x in jax.tree.leaves(other.states[-1]))
    assert poisoned == ("shortwave" in what)


def test_budgets_close_over_forty_days(case, straight):
    p, _, forcing = case
    rest = run(p, straight.states[-1], forcing, CALLS, 80)
    worst = {n: max(straight.worst[n].max(), rest.worst[n].max()) for n in straight.worst}
    limits = {"errh2o": 1e-9, "errsol": 1e-7, "errseb": 1e-7, "errlon": 1e-7, "errsoi": 1e-5}  # kg m-2, W m-2
    limits |= {"errcb": 1e-9, "errnb": 1e-9}  # g m-2
    assert set(worst) == set(limits)
    assert {n: v for n, v in worst.items() if not v <= limits[n]} == {}

    # the same from the outputs: fluxes against the change of the stocks, over all steps after the first call
    outputs = straight.outputs + rest.outputs
    seconds = CHUNK * CFG.dt
    start, end = outputs[0][2], outputs[-1][2]
    steps = slice(CHUNK, 80 * CHUNK)
    rain = (forcing["forc_rain"] + forcing["forc_snow"])[steps].sum() * CFG.dt
    lost = sum(
        np.asarray(means[n]) for _, means, _ in outputs[1:] for n in ("TRAN", "ECAN", "ESOIL", "RUNOFF")
    )
    booked = sum(np.asarray(means.qflx_evap_deficit) for _, means, _ in outputs[1:])
    np.testing.assert_allclose(
        end.TOTWATER - start.TOTWATER, rain + (booked - lost) * seconds, rtol=0, atol=1e-8
    )
    # kg m-2 in forty days: a correction, not a source. Plant hydraulics asks soils that start frozen (the first two
    # columns) for a little more than their liquid water.
    assert (booked * seconds < np.where(np.arange(COLUMNS) < 2, 0.5, 1e-3)).all()
    nee = sum(np.asarray(means.NEE) for _, means, _ in outputs[1:]) * seconds
    np.testing.assert_allclose(end.TOTECOSYSC - start.TOTECOSYSC, -nee, rtol=0, atol=1e-6)

    # the weather was no desert: snow came and went, plants grew
    snow = np.array([np.asarray(means.SWE) for _, means, _ in outputs])
    assert (snow.max(axis=0) > 10.0).all()
    assert (snow[-1] < 0.5 * snow.max(axis=0)).all()
    assert (np.asarray(outputs[-1][1].GPP) * 86400.0 > 0.5).sum() >= 5
    for x in jax.tree.leaves(rest.states[-1]):
        assert np.isfinite(np.asarray(x, float)).all()


@pytest.mark.parametrize(
    "columns", [[0, 1], [3, 4, 5], [6, 5, 4, 3, 2, 1, 0], [7, 0, 1, 2, 3, 4, 5, 6, 2, 4, 1]]
)
def test_shared_out_in_blocks_a_column_keeps_its_values(case, straight, columns):
    p, s, forcing = case
    p, s, factors = (take(x, columns) for x in (p, s, NEUTRAL))
    parts = [
        run(*block[:2], forcing, 0, 4, block[2])
        for block in zip(*(split_columns(x, COLUMNS) for x in (p, s, factors)), strict=True)
    ]
    end = join_columns([part.states[-1] for part in parts], len(columns))
    told = join_columns([part.outputs for part in parts], len(columns))
    assert end.leafc.shape[-1] == len(columns)
    # Round-off, not bits: a few bytes can depend on the place in the block (docs/science/land_check.md).
    pairs = ((end, take(straight.states[4], columns)), (told, take(straight.outputs[:4], columns)))
    for found, expected in pairs:
        for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_a_program_for_two_columns_differs_by_round_off_only(case, straight):
    p, s, forcing = case
    two = run(take(p, [0, 1]), take(s, [0, 1]), forcing, 0, 4, take(NEUTRAL, [0, 1]))
    for x, y in zip(
        jax.tree.leaves(two.states[-1]), jax.tree.leaves(take(straight.states[4], [0, 1])), strict=True
    ):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_gradients_of_a_day_are_those_of_differences(case, straight):
    p, _, forcing = case
    late = run(p, straight.states[-1], forcing, CALLS, 76).states[-1]
    day = Fields({n: jnp.concatenate([a[n], b[n]]) for a, b in [tuple(chunks(forcing, 76, 78))] for n in a})

    def daily(vcmax, water, shortwave):
        q = p.replace(vcmax25top=p.vcmax25top * vcmax)
        s = late.replace(h2osoi_liq=late.h2osoi_liq * water)
        factors = NEUTRAL.replace(shortwave=shortwave)

        @jax.checkpoint
        def body(carry, f):
            new, out = step(q, carry, perturb_forcing(f, factors), CFG)
            return new, (out["NEE"] * 86400.0, out["LE"])

        nee, le = lax.scan(body, s, day)[1]
        both = jnp.stack([nee.mean(axis=0), le.mean(axis=0)])
        return both.sum(), both

    slopes = jax.jit(jax.value_and_grad(daily, argnums=(0, 1, 2), has_aux=True))
    at = [jnp.ones(COLUMNS)] * 3
    (_, _), gradient = slopes(*at)
    # columns are independent, so one perturbation of all of them gives each column's slope
    for i, name in enumerate(("vcmax25top", "soil water", "shortwave")):
        assert np.isfinite(np.asarray(gradient[i])).all(), name
        e = 1e-5
        up, down = (
            slopes(*[x + sign * e * (j == i) for j, x in enumerate(at)])[0][1].sum(axis=0) for sign in (1, -1)
        )
        difference = np.asarray((up - down) / (2 * e))
        assert np.abs(difference).max() > 1e-3, name
        # a step of a difference may cross a kink (a layer that freezes, a limit): most columns must agree
        close = np.abs(np.asarray(gradient[i]) - difference) <= 1e-3 * np.abs(difference) + 1e-4
        assert close.sum() >= COLUMNS - 2, (name, gradient[i], difference)
