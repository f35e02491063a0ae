"""Reproducible perturbation of the weather of each member.

Every draw has its own counter-based generator (Philox) with the key (seed, purpose, member, day): a member's
perturbation depends neither on the number nor on the order of the members, nor on where a run was cut.
Days are correlated as AR(1), evaluated as a finite moving sum over the past `MEMORY` days, so that no
state has to be kept.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from elterra.forcing.humidity import saturation_pressure, specific_humidity

NAMES = ("TBOT", "QBOT", "WIND", "FSDS", "FLDS", "PRECTmms")
MULTIPLICATIVE = ("QBOT", "WIND", "FSDS", "PRECTmms")
#: decorrelation of the errors in days (weight of yesterday's error is exp(-1/tau))
TAU_DAYS = {"TBOT": 3.0, "QBOT": 3.0, "WIND": 3.0, "FSDS": 1.5, "FLDS": 1.5, "PRECTmms": 2.0}
MEMORY = 12  #: days of the moving sum; exp(-12/3) = 2 % of the weight of a day is left, and it is normalised
#: correlation of the standard errors, order of NAMES: more sun goes with less longwave and less rain
CORRELATION = np.array(
    [
        [1.0, 0.3, 0.0, 0.3, 0.2, 0.0],
        [0.3, 1.0, 0.0, -0.1, 0.3, 0.1],
        [0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        [0.3, -0.1, 0.0, 1.0, -0.5, -0.3],
        [0.2, 0.3, 0.0, -0.5, 1.0, 0.3],
        [0.0, 0.1, 0.0, -0.3, 0.3, 1.0],
    ]
)


def _normals(seed: int, purpose: str, member: int, day: int) -> np.ndarray:
    text = f"{seed}|{purpose}|{member}|{day}".encode()
    key = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key)).standard_normal(len(NAMES))


def perturbation(
    seed: int, members: Sequence[int] | int, day_index: int, *, purpose: str = "forcing"
) -> dict[str, np.ndarray]:
    """Standard normal errors of one day.

    Parameters
    ----------
    members : member numbers, or their count (0 .. n-1)
    day_index : absolute day number (days since 1970-01-01), not the position in a run

    Returns name -> [member], unit variance, AR(1) in days, correlated across names by CORRELATION.
    """
    numbers = list(range(members)) if isinstance(members, int) else list(members)
    root = np.linalg.cholesky(CORRELATION)
    phi = np.exp(-1.0 / np.array([TAU_DAYS[name] for name in NAMES]))
    weights = phi[None, :] ** np.arange(MEMORY + 1)[:, None]
    # dividing by the norm of the truncated sum gives unit variance exactly
    weights = weights / np.sqrt((weights**2).sum(0))
    out = np.empty((len(NAMES), len(numbers)))
    for position, member in enumerate(numbers):
        draws = np.stack([_normals(seed, purpose, member, day_index - lag) for lag in range(MEMORY + 1)])
        out[:, position] = ((draws @ root.T) * weights).sum(0)
    return {name: out[i] for i, name in enumerate(NAMES)}


def apply_perturbation(
    values: dict[str, np.ndarray], sd: dict[str, np.ndarray], errors: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Perturb one day.

    Parameters
    ----------
    values : stream name -> [time] (the keys of `build_forcing`)
    sd : stream name -> [time] error sd; relative for WIND and PRECTmms
    errors : name -> [member] from `perturbation`

    Returns
    -------
    perturbed stream name -> [time, member]; names without errors are repeated. And counts name -> [member] of
    corrections: `humidity_saturated` (steps in which specific humidity was lowered to saturation at the
    perturbed temperature). Lognormal factors have mean one; zero stays zero. Shortwave never exceeds
    2.5 times its value (3 sd of the worst gap), counted as `shortwave_limited`.
    """
    members = next(iter(errors.values())).size
    out = {name: np.repeat(np.asarray(v, float)[:, None], members, axis=1) for name, v in values.items()}
    counts = {"humidity_saturated": np.zeros(members, int), "shortwave_limited": np.zeros(members, int)}
    for name, error in errors.items():
        spread = np.asarray(sd[name], float)
        base = np.asarray(values[name], float)
        if name not in MULTIPLICATIVE:
            out[name] = base[:, None] + spread[:, None] * error[None, :]
            continue
        if name in ("WIND", "PRECTmms"):
            relative = spread
        else:
            # one factor a day: a day's error is proportional to its flux, so relative sd of the sums
            total = base.sum()
            relative = np.full(
                base.shape, np.sqrt((spread**2).mean()) * base.size / total if total > 0 else 0.0
            )
            if name == "FSDS":
                day = base > 0
                share = (spread[day].sum() / total) if total > 0 else 0.0
                relative = np.full(base.shape, share)
        sigma = np.sqrt(np.log1p(relative**2))[:, None]
        factor = np.exp(sigma * error[None, :] - 0.5 * sigma**2)
        if name == "FSDS":
            high = (factor > 2.5) & (base > 0)[:, None]
            counts["shortwave_limited"] += high.sum(0)
            factor = np.minimum(factor, 2.5)
        out[name] = base[:, None] * factor
    if "QBOT" in errors or "TBOT" in errors:
        limit = specific_humidity(saturation_pressure(out["TBOT"]), out["PSRF"])
        high = out["QBOT"] > limit
        counts["humidity_saturated"] += high.sum(0)
        out["QBOT"] = np.where(high, limit, out["QBOT"])
    return out, counts
