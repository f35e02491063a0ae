"""Random error of eddy fluxes: sd = a + b |F|, own a and b on either side of zero.

From the record itself by pairs 24 h apart under like weather (Hollinger and Richardson 2005, Tree Physiol.
25:873); where pairs are few, the forest coefficients of Richardson et al. (2006, Agric. For. Meteorol.
136:1).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr


@dataclass(frozen=True)
class ErrorModel:
    """sd(F) = positive[0] + positive[1] F for F >= 0, negative[0] + negative[1] |F| below; `pairs` used (0 =
    published coefficients)."""

    positive: tuple[float, float]
    negative: tuple[float, float]
    pairs: int
    source: str

    def sd(self, flux: np.ndarray) -> np.ndarray:
        """Standard deviation of the random error of `flux` (any shape, same units)."""
        up = self.positive[0] + self.positive[1] * np.abs(flux)
        down = self.negative[0] + self.negative[1] * np.abs(flux)
        return np.where(np.asarray(flux) >= 0, up, down)


PUBLISHED = {
    "NEE": ErrorModel((0.62, 0.63), (1.42, 0.19), 0, "Richardson et al. 2006, forests"),
    "LE": ErrorModel((15.3, 0.23), (6.2, 1.42), 0, "Richardson et al. 2006, forests"),
    "H": ErrorModel((19.7, 0.16), (10.0, 0.44), 0, "Richardson et al. 2006, forests"),
}


def paired_differences(record: xr.Dataset, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean, difference) of pairs 24 h apart under like weather: SW within 75 W m-2, TA within 3 K, VPD
    within 500 Pa (wind within 1 m s-1 where measured)."""
    lag = round(86400.0 / float(record.attrs["step_seconds"]))
    first, second = values[:-lag], values[lag:]
    good = np.isfinite(first) & np.isfinite(second)
    for name, limit in {"SW_IN": 75.0, "TA": 3.0, "VPD": 500.0, "WS": 1.0}.items():
        if name in record and np.isfinite(record[name].values).any():
            weather = record[name].values
            good &= np.abs(weather[lag:] - weather[:-lag]) <= limit
    return 0.5 * (first[good] + second[good]), first[good] - second[good]


def fit_error_model(record: xr.Dataset, name: str, values: np.ndarray, minimum: int = 1000) -> ErrorModel:
    """Fit the model on measured `values` [time] of `name` ('NEE', 'LE', 'H'); published coefficients if
    fewer than `minimum` pairs. The sd of a bin is mean |difference| (a Laplace difference: sd = sqrt(2)
    E|x|, of two errors: / sqrt(2)), robust against the heavy tails."""
    mean, difference = paired_differences(record, values)
    if mean.size < minimum:
        return PUBLISHED[name]
    sides = []
    fallback = PUBLISHED[name]
    for side, default in ((mean >= 0, fallback.positive), (mean < 0, fallback.negative)):
        size, spread = np.abs(mean[side]), np.abs(difference[side])
        if size.size < 300:
            sides.append(default)
            continue
        order = np.argsort(size, kind="stable")
        bins = np.array_split(order, min(20, size.size // 50))
        x = np.array([size[b].mean() for b in bins])
        y = np.array([spread[b].mean() for b in bins])
        slope, offset = np.polyfit(x, y, 1)
        slope = max(float(slope), 0.0)
        offset = float(np.mean(y - slope * x))
        # an intercept below a fifth of the published one would let a near-zero flux pin the filter
        sides.append((max(offset, 0.2 * default[0]), slope))
    return ErrorModel(
        sides[0], sides[1], int(mean.size), "paired days of the record (Hollinger and Richardson 2005)"
    )
