"""Perturbations repeat, do not depend on the other members, and keep physical limits."""

import numpy as np

from elterra.forcing import apply_perturbation, perturbation
from elterra.forcing.humidity import saturation_pressure, specific_humidity
from elterra.forcing.perturb import CORRELATION, NAMES, TAU_DAYS


def test_repeatable_and_independent_of_order_and_number():
    a = perturbation(7, 6, 16000)
    b = perturbation(7, [5, 3, 0], 16000)
    for name in NAMES:
        np.testing.assert_array_equal(a[name], perturbation(7, 6, 16000)[name])
        np.testing.assert_array_equal(a[name][[5, 3, 0]], b[name])
        assert not np.array_equal(a[name], perturbation(8, 6, 16000)[name])
        assert not np.array_equal(a[name], perturbation(7, 6, 16000, purpose="other")[name])


def test_moments():
    days = [perturbation(1, 150, d) for d in range(40)]
    x = np.array([[day[name] for name in NAMES] for day in days])  # [day, name, member]
    assert np.abs(x.mean((0, 2))).max() < 0.12
    np.testing.assert_allclose(x.std((0, 2)), 1.0, atol=0.06)
    for i, name in enumerate(NAMES):
        lag = np.mean(x[1:, i] * x[:-1, i])
        assert abs(lag - np.exp(-1 / TAU_DAYS[name])) < 0.08
    # the moving sums of different decay weaken the correlation of two names a little
    sw_lw = np.mean(x[:, 3] * x[:, 4])
    assert abs(sw_lw - CORRELATION[3, 4]) < 0.1


def day():
    n = 48
    sun = np.maximum(np.sin((np.arange(n) - 12) / 24 * np.pi), 0)
    t = 283.0 + 5 * sun
    p = np.full(n, 84000.0)
    values = {
        "TBOT": t,
        "PSRF": p,
        "QBOT": 0.98 * specific_humidity(saturation_pressure(t), p),
        "FSDS": 700 * sun,
    }
    values |= {
        "WIND": np.full(n, 2.0),
        "FLDS": np.full(n, 300.0),
        "PRECTmms": np.where(np.arange(n) % 9 == 0, 1e-4, 0),
    }
    sd = {
        "TBOT": 0.5,
        "QBOT": 2e-4,
        "WIND": 0.45,
        "FSDS": 0.1 * values["FSDS"],
        "FLDS": 20.0,
        "PRECTmms": 0.3,
    }
    return values, {k: np.broadcast_to(v, (n,)) for k, v in sd.items()}


def test_limits_are_kept_and_booked():
    values, sd = day()
    out, counts = apply_perturbation(values, sd, perturbation(3, 400, 15000))
    assert (out["FSDS"][values["FSDS"] == 0] == 0).all()
    assert (out["PRECTmms"][values["PRECTmms"] == 0] == 0).all()
    assert (out["WIND"] > 0).all()
    limit = specific_humidity(saturation_pressure(out["TBOT"]), out["PSRF"])
    assert (out["QBOT"] <= limit).all()
    assert counts["humidity_saturated"].sum() == (out["QBOT"] == limit).sum() > 0
    assert counts["shortwave_limited"].sum() == 0
    # lognormal factors have mean one, additive errors mean zero, and sizes are those asked for
    assert abs(out["PRECTmms"].mean() / values["PRECTmms"].mean() - 1) < 0.06
    assert abs(np.std(out["FLDS"] - 300.0) / 20.0 - 1) < 0.12
    assert abs(np.std(out["WIND"][0]) / 2.0 / 0.45 - 1) < 0.2


def test_zero_sd_is_identity():
    values, sd = day()
    out, counts = apply_perturbation(values, {k: 0 * v for k, v in sd.items()}, perturbation(3, 4, 15000))
    for name, v in values.items():
        np.testing.assert_array_equal(out[name], np.repeat(v[:, None], 4, 1))
    assert counts["humidity_saturated"].sum() == 0
