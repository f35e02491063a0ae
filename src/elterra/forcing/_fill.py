"""Named methods that fill a gap of one forcing variable. All take and return arrays [time] on one regular
axis."""

import itertools

import numpy as np

from elterra.forcing import solar

SB = 5.67e-8


def interpolate_short(values: np.ndarray, limit: int) -> np.ndarray:
    """Linear interpolation over gaps of at most `limit` steps; longer gaps stay NaN."""
    good = np.isfinite(values)
    out = values.copy()
    if not good.any():
        return out
    index = np.arange(values.size)
    linear = np.interp(index, index[good], values[good])
    for low, high in runs(~good):
        if high - low <= limit and low > 0 and high < values.size:
            out[low:high] = linear[low:high]
    return out


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Half-open index ranges of consecutive True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def diurnal_course(values: np.ndarray, per_day: int, windows: tuple[int, ...] = (7, 15, 31)) -> np.ndarray:
    """Mean diurnal course: mean of the same time of day over +-window days, smallest window that has 5
    values; last resort the same day of year and time of all years (+-15 days). NaN where even that is
    empty."""
    days = -(-values.size // per_day)
    padded = np.full(days * per_day, np.nan)
    padded[: values.size] = values
    grid = padded.reshape(days, per_day)
    out = np.full(grid.shape, np.nan)
    for window in windows:
        mean, count = _running(grid, window)
        take = ~np.isfinite(out) & (count >= 5)
        out[take] = mean[take]
    if not np.isfinite(out).all():
        year = np.arange(days) % 365
        clim = np.full((365, per_day), np.nan)
        for day in range(365):
            near = np.minimum((year - day) % 365, (day - year) % 365) <= 15
            block = grid[near]
            good = np.isfinite(block)
            n = good.sum(0)
            clim[day] = np.where(n > 0, np.where(good, block, 0.0).sum(0) / np.maximum(n, 1), np.nan)
        out = np.where(np.isfinite(out), out, clim[year])
    return out.reshape(-1)[: values.size]


def _running(grid: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    good = np.isfinite(grid)
    zeros = np.zeros((1, grid.shape[1]))
    total = np.concatenate([zeros, np.cumsum(np.where(good, grid, 0.0), 0)])
    number = np.concatenate([zeros, np.cumsum(good, 0)])
    day = np.arange(grid.shape[0])
    low, high = np.maximum(day - window, 0), np.minimum(day + window + 1, grid.shape[0])
    count = number[high] - number[low]
    return (total[high] - total[low]) / np.maximum(count, 1), count


def barometric(elevation_m: float, t: np.ndarray) -> np.ndarray:
    """Air pressure (Pa) of the standard sea-level pressure at an elevation for air temperature `t` (K)."""
    mean_t = np.asarray(t, float) + 0.00325 * elevation_m
    return 101325.0 * np.exp(-9.80616 * elevation_m / (287.04 * mean_t))


def clearness(sw: np.ndarray, start: np.ndarray, seconds: float, lat: float, lon: float) -> np.ndarray:
    """Shortwave over the clear shortwave of this record, 0..1.2 [time], continuous through the night.

    Clear = 95 % quantile of SW / top-of-atmosphere in the same month and time of day, so that mountain
    shading counts as clear. Day values are smoothed over 3 h weighted by the sun; the night is
    interpolated."""
    toa = solar.top_of_atmosphere(start, seconds, lat, lon)
    day = (toa > 60.0) & np.isfinite(sw)
    month = start.astype("datetime64[M]").astype(int) % 12
    slot = ((start - start.astype("datetime64[D]")).astype(float) / (seconds * 1e9)).astype(int)
    ratio = np.where(day, sw / np.maximum(toa, 1.0), np.nan)
    clear = np.zeros(sw.shape)
    for m in range(12):
        for s in range(int(slot.max()) + 1):
            hit = (month == m) & (slot == s) & day
            if hit.sum() >= 10:
                clear[hit] = np.quantile(ratio[hit], 0.95)
            elif hit.any():
                clear[hit] = 0.75
    reference = np.where(day, clear * toa, 0.0)
    width = max(1, round(3 * 3600 / seconds))
    kernel = np.ones(2 * (width // 2) + 1)
    top = np.convolve(np.where(day, np.nan_to_num(sw), 0.0), kernel, "same")
    bottom = np.convolve(reference, kernel, "same")
    known = day & (bottom > 30.0 * kernel.size * 0.2)
    if known.sum() < 2:
        return np.full(sw.shape, 0.7)
    index = np.arange(sw.size)
    return np.interp(index, index[known], np.clip(top[known] / bottom[known], 0.0, 1.2))


class LongwaveModel:
    """Incoming longwave from air temperature, vapour pressure and clearness, fitted to a record.

    Emissivity = clear-sky emissivity of Prata (1996) times a linear combination of features (1, clearness,
    its square, relative humidity, their products, precipitation, day-mean clearness, night); least squares
    on the measured steps. `rmse` is from 10-fold cross-validation in blocks of 30 days. `sd` grows with
    the class of clearness.
    """

    def __init__(self, lw: np.ndarray, features: np.ndarray, clear: np.ndarray, per_day: int) -> None:
        good = np.isfinite(lw) & np.isfinite(features).all(1)
        if good.sum() < 20 * per_day:
            raise ValueError("fewer than 20 days of measured longwave: cannot fit")
        block = (np.arange(lw.size) // (30 * per_day)) % 10
        error = np.full(lw.size, np.nan)
        for fold in range(10):
            train, test = good & (block != fold), good & (block == fold)
            if train.sum() < 10 * per_day or not test.any():
                continue
            coefficients = np.linalg.lstsq(features[train], lw[train], rcond=None)[0]
            error[test] = features[test] @ coefficients - lw[test]
        self.coefficients = np.linalg.lstsq(features[good], lw[good], rcond=None)[0]
        known = np.isfinite(error)
        self.rmse = float(np.sqrt(np.mean(error[known] ** 2)))
        self.bias = float(np.mean(error[known]))
        edges = np.array([-1.0, 0.3, 0.6, 0.85, 9.0])
        self.edges, sd = edges, []
        for low, high in itertools.pairwise(edges):
            hit = known & (clear > low) & (clear <= high)
            sd.append(np.sqrt(np.mean(error[hit] ** 2)) if hit.sum() > 100 else self.rmse)
        self.sd_by_class = np.array(sd)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Longwave (W m-2) [time]."""
        return np.asarray(features @ self.coefficients)

    def sd(self, clear: np.ndarray) -> np.ndarray:
        """Error sd (W m-2) [time] by class of clearness."""
        return self.sd_by_class[np.clip(np.searchsorted(self.edges, clear) - 1, 0, self.sd_by_class.size - 1)]


def longwave_features(
    t: np.ndarray,
    e: np.ndarray,
    rh: np.ndarray,
    clear: np.ndarray,
    precip: np.ndarray,
    toa: np.ndarray,
    per_day: int,
) -> np.ndarray:
    """Design matrix [time, feature]; each column carries the factor emissivity x sigma T^4."""
    w = 46.5 * (e / 100.0) / t
    emissivity = 1.0 - (1.0 + w) * np.exp(-np.sqrt(1.2 + 3.0 * w))
    black = SB * t**4
    kernel = np.ones(per_day) / per_day
    # reflected ends: a running mean must not dip at the ends of the record
    pad = np.pad(clear, per_day, mode="edge")
    daily = np.convolve(pad, kernel, "same")[per_day:-per_day]
    mean_t = np.convolve(np.pad(t, per_day, mode="edge"), kernel, "same")[per_day:-per_day]
    wet = np.convolve((precip > 0).astype(float), np.ones(7) / 7.0, "same")
    r = rh / 100.0
    night = (toa <= 0).astype(float)
    terms = [
        np.ones_like(t),
        clear,
        clear**2,
        r,
        r**2,
        r * clear,
        daily,
        daily * r,
        wet,
        night,
        night * clear,
        night * r,
    ]
    terms += [(t - mean_t) / 10.0, (t - mean_t) / 10.0 * clear, (t - 278.0) / 10.0, emissivity]
    return np.stack([term * emissivity * black for term in terms] + [black], axis=1)
