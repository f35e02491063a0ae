"""The operators on output of CLM5 itself beside the tower of the same place and year (Davos, ../shared/reference)."""

import numpy as np
import pytest
import xarray as xr
from operator_cases import SHARED, SOIL_LAYERS, observe

from elterra.observations import davos_path, make_observations, read_davos
from elterra.observations.operators import (
    ModelSeries,
    NeutronCount,
    SoilTemperature,
    SoilWater,
    TowerFlux,
    average,
    from_record,
)

RUN = SHARED / "reference" / "clm5" / "bgc_davos"
pytestmark = pytest.mark.skipif(
    not RUN.is_dir(),
    reason="the reference runs of CLM5 are not beside the checkout (../shared/reference/clm5)",
)
YEAR = np.datetime64("2014-01-01", "ns")  # 2014 has no leap day, as the calendar of the run


def history(name, variables, shift_hours=0):
    """Output of 2014, one member; the clock moved by some hours."""
    with xr.open_dataset(RUN / name, decode_times=False) as raw:
        days = raw["time_bnds"].values
        inside = (days[:, 0] >= 365.0 - 1e-6) & (days[:, 1] <= 730.0 + 1e-6)
        bounds = np.append(days[inside, 0], days[inside, 1][-1]) - 365.0
        values = {
            new: np.asarray(raw[old].values[inside], float)[..., None] for new, old in variables.items()
        }
    hours = np.rint(bounds * 24.0).astype(int) + shift_hours
    return ModelSeries(YEAR + hours * np.timedelta64(1, "h"), values)


@pytest.fixture(scope="module")
def tower():
    record = read_davos(davos_path())
    first = int(np.searchsorted(record.time.values, YEAR))
    return make_observations(record.isel(time=slice(first, first + 365 * 48)))


def likeness(predicted, observations):
    return float(np.corrcoef(predicted[:, 0], observations.value)[0, 1])


def test_fluxes_have_the_sign_the_unit_and_the_clock_of_the_tower(tower):
    """The likeness is largest with the clock as it is: an hour off in either direction lowers it."""
    nee, le = (from_record(tower, v).only_used() for v in ("NEE", "LE"))
    names = {"NEE": "NEE", "LE": "EFLX_LH_TOT"}
    likes = {}
    for shift in (-2, 0, 2):
        model = history("hourly.nc", names, shift)
        for operator, data in ((TowerFlux("NEE"), nee), (TowerFlux("LE"), le)):
            data = data.select(model.within(data))
            likes[operator.variable, shift] = likeness(operator.predict(model, data), data)
    for variable in names:
        assert likes[variable, 0] > max(likes[variable, -2], likes[variable, 2])
        assert likes[variable, 0] > 0.6
    model = history("hourly.nc", names)
    summer = le.select(le.start.astype("datetime64[M]").astype(int) % 12 == 6)
    assert 0.3 < TowerFlux("LE").predict(model, summer).mean() / summer.value.mean() < 2.0
    summer = nee.select(nee.start.astype("datetime64[M]").astype(int) % 12 == 6)
    assert 0.2 < np.std(TowerFlux("NEE").predict(model, summer)) / np.std(summer.value) < 2.0


def test_days_of_measured_half_hours_are_more_alike_than_whole_days(tower):
    """What `average` is for: the model over the measured hours only, not over the whole day."""
    days = average(from_record(tower, "NEE"), "day", 0.2).only_used()
    model = history("hourly.nc", {"NEE": "NEE"})
    days = days.select(model.within(days))
    own = TowerFlux("NEE").predict(model, days)[:, 0]
    whole = observe(
        "tower_nee",
        days.units,
        (days.start - np.datetime64("2020-01-01", "ns")) / np.timedelta64(1, "h"),
        24.0,
    )
    error = np.sqrt(np.mean((own - days.value) ** 2))
    assert error < np.sqrt(np.mean((TowerFlux("NEE").predict(model, whole)[:, 0] - days.value) ** 2))


def test_soil_water_of_the_probe_and_neutrons_lie_in_their_ranges(tower):
    water = average(from_record(tower, "SWC"), "day", 0.5).only_used()
    model = history("daily.nc", {"SOILLIQ": "SOILLIQ", "H2OSOI": "H2OSOI", "SWE": "H2OSNO", "TSOI": "TSOI"})
    water = water.select(model.within(water))
    predicted = SoilWater(SOIL_LAYERS).predict(model, water)
    assert ((predicted > 0.03) & (predicted < 0.6)).all()
    days = observe("soil_temperature", "K", 24.0 * np.arange(364) - 6 * 365 * 24 - 24, 24.0, depth=(0.1, 0.1))
    warm = SoilTemperature(SOIL_LAYERS).predict(model, days.select(model.within(days)))
    assert 265.0 < warm.min() < 275.0 < warm.max() < 300.0
    hours = observe("neutrons", "h-1", 24.0 * np.arange(364) - 6 * 365 * 24 - 24, 24.0)
    n0 = 2000.0
    sensor = NeutronCount(SOIL_LAYERS, (1.1,) * 20, (0.01,) * 20, (0.05,) * 20, n0)
    count = sensor.predict(model, hours.select(model.within(hours)))[:, 0]
    assert ((count > 0.24 * n0) & (count < 0.9 * n0)).all()
    snow = model.get("SWE")[: count.size, 0]
    assert count[snow > 40.0].mean() < count[snow < 1.0].mean() - 0.1 * n0
