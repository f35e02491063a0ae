"""Fluxes of a tower: units, footprint weights, averaging time."""

import numpy as np
import pytest
from operator_cases import assert_linear, observe, series

from elterra.observations import davos_path, make_observations, read_davos
from elterra.observations.operators import (
    ModelSeries,
    OperatorError,
    TowerFlux,
    average,
    from_record,
    stack_classes,
)
from elterra.registry import variable


def flux(name, steps=96, members=3, seed=0):
    return series({name: np.random.default_rng(seed).normal(size=(steps, members))})


def test_units_of_half_hours_and_days():
    one = series({"NEE": np.full((48, 1), 1e-5)})  # gC m-2 s-1
    half_hour = observe("tower_nee", "umol m-2 s-1", [0.0], 0.5)
    np.testing.assert_allclose(TowerFlux("NEE").predict(one, half_hour), 1e-5 / 12.011e-6)
    day = observe("tower_nee", "gC m-2 d-1", [0.0], 24.0)
    np.testing.assert_allclose(TowerFlux("NEE").predict(one, day), 0.864)


@pytest.mark.parametrize("name", ["NEE", "GPP", "ER", "LE", "H"])
def test_linear_in_the_members(name):
    units = "W m-2" if name in ("LE", "H") else "gC m-2 d-1"
    o = average(observe(f"tower_{name.lower()}", units, np.arange(96) / 2, 0.5), "day", 0.5)
    assert_linear(TowerFlux(name), flux(name), flux(name, seed=5), o)
    assert variable(name).dims == ("column",)


def test_the_measured_share_of_turbulent_energy_scales_the_flux():
    o = observe("tower_le", "W m-2", [0.0], 1.0)
    s = flux("LE")
    np.testing.assert_allclose(
        TowerFlux("LE", closure=0.8).predict(s, o), 0.8 * TowerFlux("LE").predict(s, o)
    )


def test_equal_surfaces_give_the_same_flux_whatever_the_footprint():
    s = flux("NEE")
    o = observe("tower_nee", "umol m-2 s-1", [0.0, 3.0], 0.5)
    weights = np.array([[0.3, 0.7], [0.9, 0.1]])
    got = TowerFlux("NEE").predict(stack_classes([s, s]), o, weights)
    np.testing.assert_allclose(got, TowerFlux("NEE").predict(s, o), rtol=1e-12)


def test_footprint_weights_mix_the_surfaces_and_stay_linear():
    forest, meadow = flux("NEE", seed=1), flux("NEE", seed=2)
    both = stack_classes([forest, meadow])
    o = observe("tower_nee", "umol m-2 s-1", [0.0, 3.0], 0.5)
    weights = np.array([[0.3, 0.7], [1.0, 0.0]])
    got = TowerFlux("NEE").predict(both, o, weights)
    a, b = (TowerFlux("NEE").predict(s, o) for s in (forest, meadow))
    np.testing.assert_allclose(got, weights[:, :1] * a + weights[:, 1:] * b)
    assert_linear(TowerFlux("NEE"), both, stack_classes([meadow, forest]), o, weights=weights)


def test_a_daily_mean_takes_the_footprint_of_each_measured_half_hour():
    forest, meadow = flux("NEE", 48, seed=1), flux("NEE", 48, seed=2)
    value = np.where(np.arange(48) % 3 == 0, 1.0, np.nan)
    day = average(observe("tower_nee", "umol m-2 s-1", np.arange(48) / 2, 0.5, value=value), "day", 0.1)
    weights = np.zeros((16, 2))
    weights[::2, 0] = weights[1::2, 1] = 1.0
    got = TowerFlux("NEE").predict(stack_classes([forest, meadow]), day, weights)
    hours = np.arange(0, 48, 3)
    mixed = np.where(np.arange(16)[:, None] % 2 == 0, forest.get("NEE")[hours], meadow.get("NEE")[hours])
    np.testing.assert_allclose(got[0], mixed.mean(axis=0) / 12.011e-6)


def test_wrong_kinds_units_and_weights_are_refused():
    s = flux("NEE")
    o = observe("tower_nee", "umol m-2 s-1", [0.0], 0.5)
    with pytest.raises(OperatorError, match="cannot predict observations of kind"):
        TowerFlux("LE").predict(flux("LE"), o)
    with pytest.raises(OperatorError, match="cannot be compared"):
        TowerFlux("NEE").predict(s, observe("tower_nee", "W m-2", [0.0], 0.5))
    with pytest.raises(OperatorError, match="sum to 1"):
        TowerFlux("NEE").predict(stack_classes([s, s]), o, np.array([[0.5, 0.4]]))
    with pytest.raises(OperatorError, match="shape"):
        TowerFlux("NEE").predict(stack_classes([s, s]), o, np.array([[1.0]]))
    with pytest.raises(OperatorError, match="a tower measures"):
        TowerFlux("RUNOFF")


def test_the_observations_of_the_reanalysis_are_predicted_as_its_blocks_are():
    """A block of the cycle is the mean over its used half-hours, of data and of model."""
    observed = make_observations(read_davos(davos_path()).isel(time=slice(48 * 180, 48 * 200)))
    nee = from_record(observed, "NEE")
    assert nee.used.sum() == int((observed["NEE_flag"].values == 1).sum()) > 100
    refused = {k: v for k, v in nee.counts().items() if k != "measured_used"}
    assert sum(refused.values()) == len(nee) - nee.used.sum()
    rng = np.random.default_rng(0)
    flux = rng.normal(size=(len(nee), 4)) * 1e-5
    model = ModelSeries(np.append(nee.start, nee.end[-1:]), {"NEE": flux})
    day = average(nee, "day", 0.1)
    got = TowerFlux("NEE").predict(model, day)
    label = nee.start.astype("datetime64[D]")
    for k in np.flatnonzero(day.used):
        steps = nee.used & (label == day.start[k].astype("datetime64[D]"))
        np.testing.assert_allclose(got[k], flux[steps].mean(axis=0) / 12.011e-6)
        np.testing.assert_allclose(day.value[k], observed["NEE"].values[steps].mean())
        np.testing.assert_allclose(
            day.random_sd[k], np.sqrt((observed["NEE_sd_random"].values[steps] ** 2).sum()) / steps.sum()
        )
    water = from_record(observed, "SWC")
    np.testing.assert_allclose(water.depth, 0.15)
    with pytest.raises(OperatorError, match="no observations of 'H'"):
        from_record(observed, "H")
