"""A toy land for tests of the cycle: what holds for any forecast model."""

import numpy as np

from elterra.assimilation import apply_transform
from elterra.calibration import Prior
from elterra.pipeline.reanalysis.cycle import Cycle, CycleOptions, Forecast
from elterra.pipeline.reanalysis.ensemble import Drift, ParameterEnsemble, rng
from elterra.pipeline.reanalysis.station import ForcingError
from elterra.pipeline.reanalysis.windows import TowerSeries

STEPS, MEMBERS, WINDOWS = 8, 12, 30
OPTIONS = CycleOptions(seed=3, lag=4, damping=0.9, block_hours=2.0, drift=Drift({"a": 0.5}, 10.0))


class Toy:
    """NEE = a sin(hour), LE = b; a reservoir of water and carbon that the analysis may move."""

    def __init__(self) -> None:
        self.water, self.carbon = np.full(MEMBERS, 100.0), np.full(MEMBERS, 1000.0)

    weather_errors = ForcingError({})

    def window_bounds(self, window):
        return window * STEPS, (window + 1) * STEPS

    def day_of_year(self, window):
        return float(window + 1)

    def forecast(self, window, parameters):
        start = {"water": self.water.copy(), "carbon": self.carbon.copy()}
        shape = np.sin(np.arange(STEPS))[:, None]
        nee = parameters["a"] * shape
        self.water = self.water - 0.1 * parameters["b"]
        self.carbon = self.carbon - nee.sum(axis=0)
        le = np.broadcast_to(parameters["b"], (STEPS, MEMBERS)).copy()
        swc = np.broadcast_to(self.water / 400.0, (STEPS, MEMBERS)).copy()
        end = {"water": self.water.copy(), "carbon": self.carbon.copy()}
        return Forecast(
            {"NEE": nee, "LE": le},
            {"LAI": self.carbon.copy()},
            {"NEE": nee, "LE": le, "SWC": swc},
            start,
            end,
            {"errh2o": 0.0},
        )

    def controls(self):
        return {
            "weather": np.zeros((6, MEMBERS)),
            "water": self.water[None],
            "carbon": np.zeros((0, MEMBERS)),
        }

    def analyse(self, transforms):
        before = self.water
        self.water = apply_transform(self.water[None], transforms["water"])[0]
        return {"water": self.water - before}

    def state(self):
        return {"water": self.water, "carbon": self.carbon}

    def restore(self, state):
        self.water, self.carbon = np.array(state["water"]), np.array(state["carbon"])


def toy_ensemble() -> ParameterEnsemble:
    priors = [Prior("a", "normal", 1.0, 0.5), Prior("b", "lognormal", 2.0, 0.3)]
    return ParameterEnsemble.prior(priors, ["a"], MEMBERS, seed=1, seasonal_sd=0.3)


def toy_tower(fraction: float = 0.6) -> TowerSeries:
    n = STEPS * WINDOWS
    draw = rng(5, "tower")
    used = {v: draw.random(n) < fraction for v in ("NEE", "LE", "SWC")}
    truth = {"NEE": 2.0 * np.sin(np.arange(n) % STEPS), "LE": np.full(n, 2.5), "SWC": np.full(n, 0.24)}
    values = {v: truth[v] + 0.1 * draw.standard_normal(n) for v in truth}
    sd = {v: np.full(n, 0.1) for v in truth}
    return TowerSeries(values, sd, {v: np.full(n, 0.02) for v in truth}, used, np.arange(n) % STEPS < 4)


def run_cycle(cycle: Cycle, stop: int = WINDOWS, last: int = WINDOWS):
    finals, fates = [], []
    for final, fate, _ in cycle.run(stop, last):
        finals += final
        fates += fate
    return finals, fates


def bits(finals) -> bytes:
    return b"".join(f.smoothed(f.forecast.series["NEE"]).tobytes() for f in finals)
