"""Water vapour: saturation pressure, specific humidity, deficits.

Saturation over liquid water after Magnus with the coefficients of Sonntag (1990): 0.1 % from -40 to 50
degC. The stations' VPD is defined over liquid water at all temperatures, so water is used below freezing
as well.
"""

import numpy as np

EPS = 0.622  #: molar mass of water over that of dry air


def saturation_pressure(t: np.ndarray) -> np.ndarray:
    """Saturation vapour pressure over water (Pa) at temperature `t` (K)."""
    c = np.asarray(t, float) - 273.15
    return 611.2 * np.exp(17.62 * c / (243.12 + c))


def specific_humidity(e: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Specific humidity (kg kg-1) at vapour pressure `e` and air pressure `p` (Pa)."""
    return EPS * np.asarray(e, float) / (np.asarray(p, float) - (1.0 - EPS) * np.asarray(e, float))


def vapour_pressure(q: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Vapour pressure (Pa) at specific humidity `q` (kg kg-1) and air pressure `p` (Pa)."""
    return np.asarray(q, float) * p / (EPS + (1.0 - EPS) * np.asarray(q, float))
