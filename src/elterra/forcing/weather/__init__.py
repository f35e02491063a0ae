"""Stochastic weather of a climate (docs/science/weather_generator.md)."""

from elterra.forcing.weather.climate import MonthlyClimate
from elterra.forcing.weather.coefficients import Coefficients, load
from elterra.forcing.weather.generator import WeatherGenerator
from elterra.forcing.weather.scenario import Change, MonthlySeries, Scenario

__all__ = [
    "Change",
    "Coefficients",
    "MonthlyClimate",
    "MonthlySeries",
    "Scenario",
    "WeatherGenerator",
    "load",
]
