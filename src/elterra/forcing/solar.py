"""Sun: declination, cosine of the zenith angle averaged over a step, day length, shortwave partition.

Declination, equation of time and distance follow Spencer (1971, Search 2:172), the Fourier series also
used for day length in many land models: declination to about 0.0006 rad, equation of time to about half a
minute, squared distance to 1e-4. Day length is CLM's definition (tech note, phenology: geometric sun, no
refraction).
"""

import numpy as np

SOLAR_CONSTANT = 1361.0  #: W m-2


def day_angle(time: np.ndarray) -> np.ndarray:
    """Angle of the year (rad) at UTC times [time], 0 at 1 January 00:00."""
    time = np.asarray(time, "datetime64[ns]")
    year = time.astype("datetime64[Y]").astype("datetime64[ns]")
    length = ((time.astype("datetime64[Y]") + 1).astype("datetime64[ns]") - year).astype(float)
    return 2.0 * np.pi * (time - year).astype(float) / length


def declination(time: np.ndarray) -> np.ndarray:
    """Solar declination (rad) at UTC times [time]."""
    g = day_angle(time)
    return (
        0.006918
        - 0.399912 * np.cos(g)
        + 0.070257 * np.sin(g)
        - 0.006758 * np.cos(2 * g)
        + 0.000907 * np.sin(2 * g)
        - 0.002697 * np.cos(3 * g)
        + 0.00148 * np.sin(3 * g)
    )


def equation_of_time(time: np.ndarray) -> np.ndarray:
    """Apparent minus mean solar time (hours) at UTC times [time]."""
    g = day_angle(time)
    angle = (
        0.000075
        + 0.001868 * np.cos(g)
        - 0.032077 * np.sin(g)
        - 0.014615 * np.cos(2 * g)
        - 0.040849 * np.sin(2 * g)
    )
    return angle * 12.0 / np.pi


def inverse_distance_squared(time: np.ndarray) -> np.ndarray:
    """(mean distance / distance)^2 of the sun at UTC times [time]."""
    g = day_angle(time)
    return (
        1.00011
        + 0.034221 * np.cos(g)
        + 0.00128 * np.sin(g)
        + 0.000719 * np.cos(2 * g)
        + 0.000077 * np.sin(2 * g)
    )


def hour_angle(time: np.ndarray, longitude: float | np.ndarray) -> np.ndarray:
    """Hour angle (rad, 0 at true noon, -pi..pi) at UTC times [time]."""
    time = np.asarray(time, "datetime64[ns]")
    hours = (time - time.astype("datetime64[D]")).astype(float) / 3600e9
    angle = (hours + longitude / 15.0 + equation_of_time(time) - 12.0) * np.pi / 12.0
    return (angle + np.pi) % (2.0 * np.pi) - np.pi


def coszen_instant(time: np.ndarray, latitude: float, longitude: float) -> np.ndarray:
    """Cosine of the zenith angle (negative below the horizon) at UTC times [time]."""
    lat, decl = np.deg2rad(latitude), declination(time)
    return np.sin(lat) * np.sin(decl) + np.cos(lat) * np.cos(decl) * np.cos(hour_angle(time, longitude))


def coszen_step(
    start: np.ndarray, seconds: float, latitude: float | np.ndarray, longitude: float | np.ndarray
) -> np.ndarray:
    """Mean of max(cos zenith, 0) over steps of `seconds` that begin at UTC `start` [time]; exact in the hour
    angle (the integral is analytic between sunrise and sunset), declination taken at mid-step. Arrays of
    places broadcast against the times."""
    start = np.asarray(start, "datetime64[ns]")
    middle = start + np.timedelta64(round(seconds * 5e8), "ns")
    lat, decl = np.deg2rad(latitude), declination(middle)
    a, b = np.sin(lat) * np.sin(decl), np.cos(lat) * np.cos(decl)
    centre = hour_angle(middle, longitude)
    half = seconds * np.pi / 86400.0
    rise = np.arccos(np.clip(-a / b, -1.0, 1.0))  # pi where the sun does not set, 0 where it does not rise
    total = np.zeros(np.shape(centre + rise))
    for turn in (-2.0 * np.pi, 0.0, 2.0 * np.pi):  # the step may straddle midnight
        low = np.maximum(centre - half, turn - rise)
        high = np.maximum(low, np.minimum(centre + half, turn + rise))
        total += a * (high - low) + b * (np.sin(high) - np.sin(low))
    return np.maximum(total / (2.0 * half), 0.0)


def top_of_atmosphere(start: np.ndarray, seconds: float, latitude: float, longitude: float) -> np.ndarray:
    """Irradiance on the horizontal at the top of the atmosphere (W m-2), mean over each step [time]."""
    middle = np.asarray(start, "datetime64[ns]") + np.timedelta64(round(seconds * 5e8), "ns")
    return (
        SOLAR_CONSTANT * inverse_distance_squared(middle) * coszen_step(start, seconds, latitude, longitude)
    )


def day_length(latitude: float | np.ndarray, decl: np.ndarray) -> np.ndarray:
    """Day length (s) for declination (rad) as CLM: 13750.9871 s per radian of half the day arc."""
    # CLM keeps the latitude a small distance from the poles so that the tangent stays finite
    pole = np.pi / 2.0 - 1e-9
    lat = np.clip(np.deg2rad(latitude), -pole, pole)
    return 2.0 * 13750.9871 * np.arccos(np.clip(-np.tan(lat) * np.tan(np.asarray(decl, float)), -1.0, 1.0))


def max_day_length(latitude: float) -> float:
    """Longest day of the year (s) at a latitude, with the largest declination of the series used here, so
    that no day is longer."""
    year = np.arange(np.datetime64("2001-01-01T00"), np.datetime64("2002-01-01T00"))
    return float(day_length(latitude, declination(year)).max())


#: CLM datm (CLMNCEP mode; tech note, "Atmospheric coupling"): direct fraction as cubic in the band's flux
_DIRECT_VIS = (0.17639, 0.00380, -9.0039e-06, 8.1351e-09)
_DIRECT_NIR = (0.29548, 0.00504, -1.4957e-05, 1.4881e-08)


def partition_shortwave(fsds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split incoming shortwave (W m-2) [...] into direct and diffuse, each [2, ...] (visible, near infrared).

    Half of the flux is visible; the direct fraction of each band is a cubic in that band's flux, kept within
    1-99 % (CLM5 tech note, section on atmospheric forcing; the coefficients are facts of that note). Sums to
    `fsds` to round-off; zero gives zero."""
    half = 0.5 * np.maximum(np.asarray(fsds, float), 0.0)
    direct = []
    for a0, a1, a2, a3 in (_DIRECT_VIS, _DIRECT_NIR):
        ratio = np.clip(a0 + half * (a1 + half * (a2 + half * a3)), 0.01, 0.99)
        direct.append(ratio * half)
    solad = np.stack(direct)
    return solad, half[None] - solad


def partition_precipitation(precip: np.ndarray, tbot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rain and snow (units of `precip`) by air temperature (K): all snow at 0 degC and below, all rain at
    2 degC and above, linear between (CLM5 over vegetated land). The sum is kept exactly."""
    snow = precip * np.clip((275.15 - np.asarray(tbot, float)) / 2.0, 0.0, 1.0)
    return precip - snow, snow
