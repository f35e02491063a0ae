"""Made-up towers and a made-up land for tests: fluxes that are linear in two of the unknowns."""

from types import SimpleNamespace

import numpy as np

from elterra.bench.towers.records import SERIES, Target, Tower
from elterra.bench.towers.unknowns import NAMES
from elterra.bench.towers.weather import Weather


def toy_tower(key="AA_Toy", truth=(0.8, -0.6), igbp="ENF", years=4, seed=0, noise=0.5):
    """Four years of NEE and GPP made by `toy_model` at ``truth``, every other day measured."""
    days = years * 365
    rng = np.random.default_rng(seed)
    date = np.datetime64("2009-01-01") + np.arange(days).astype("timedelta64[D]")
    warm = 10 - 10 * np.cos(2 * np.pi * np.arange(days) / 365) + 3 * rng.normal(size=days)
    daily = {"TA": warm, "SW_IN": 100 + 5 * warm}
    weather = Weather(date, {}, daily, np.ones((days, 48), bool), True)
    facts = SimpleNamespace(name=key.replace("_", "-"), igbp=igbp)
    z = np.zeros((len(NAMES), 1))
    z[:2, 0] = truth
    made = toy_model(warm, z)
    targets = []
    for name in ("NEE", "GPP"):
        value = made[name][:, 0] + noise * rng.normal(size=days)
        value[1::2] = np.nan
        sd = np.where(np.isfinite(value), 0.3, np.nan)
        targets.append(Target(name, name, value, sd, np.ones((days, 48), bool)))
    return Tower(key, facts, weather, days // 2, tuple(targets))


def toy_model(warm, z):
    """Daily fluxes ``[day, member]`` of ``z [unknown, member]``."""
    gpp = np.maximum(warm, 0)[:, None] * (0.5 + 0.15 * z[0])
    er = (1.0 + 0.2 * z[1]) * np.exp(0.07 * (warm - 10))[:, None] * 2
    return {"NEE": er - gpp, "GPP": gpp, "LE": 8 * gpp, "H": 5 + 0 * gpp}


class ToyRuns:
    """Stands in for `TowerRuns`."""

    def __init__(self, towers):
        self.towers, self.asked = towers, 0

    def predict(self, requests):
        out = []
        for r in requests:
            self.asked += r.z.shape[1]
            made = toy_model(r.tower.weather.daily["TA"][: r.days], r.z)
            out.append(
                {
                    **{t.kind: made[t.variable] for t in r.tower.targets},
                    **{f"{n}_all": made[n] for n in SERIES},
                }
            )
        return out
