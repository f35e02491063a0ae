"""The parameters of an ensemble: prior, calibrated, seasonal and drifting parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from elterra.calibration import Prior, sample_prior

Array = NDArray[np.float64]

#: names of the seasonal coefficients of a parameter, in the order of the calibration vector
SEASONS = ("cos", "sin")
#: prior sd of these coefficients, in units of the prior of their parameter
SEASONAL_SD = 0.4


def rng(seed: int, purpose: str, window: int = 0) -> np.random.Generator:
    """Random numbers that depend on (experiment seed, purpose, window) and nothing else.

    The window is the highest word of the counter: in the lowest, streams of neighbouring windows would overlap.
    """
    word = int.from_bytes(purpose.encode()[:8].ljust(8, b"\0"), "little")
    return np.random.Generator(np.random.Philox(key=[seed, word], counter=[0, 0, 0, window]))


@dataclass(frozen=True)
class ParameterEnsemble:
    """Parameters of all members in units of their prior (standard normal).

    ``z [parameter, member]`` does not change in time. ``seasonal [2, parameter, member]`` are the amplitudes of the
    cosine and sine of the day of year: the part of a parameter's error that comes back every year. Parameters whose
    name is not in ``seasonal_names`` have none. The drifting part ``delta [parameter, member]`` belongs to the cycle.
    """

    priors: tuple[Prior, ...]
    seasonal_names: frozenset[str]
    z: Array
    seasonal: Array

    @classmethod
    def prior(
        cls,
        priors: Sequence[Prior],
        seasonal_names: Sequence[str],
        members: int,
        seed: int,
        seasonal_sd: float = 0.0,
    ) -> ParameterEnsemble:
        """A sample of the prior. ``seasonal_sd`` is the prior sd of the seasonal amplitudes."""
        z = sample_prior(priors, members, seed)
        names = frozenset(seasonal_names)
        has = np.array([p.name in names for p in priors])
        seasonal = np.zeros((2, len(priors), members))
        if seasonal_sd > 0 and has.any():
            draw = rng(seed, "season").standard_normal((2, int(has.sum()), members))
            draw -= draw.mean(axis=-1, keepdims=True)
            seasonal[:, has] = seasonal_sd * draw
        return cls(tuple(priors), names, z, seasonal)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.priors)

    @property
    def members(self) -> int:
        return int(self.z.shape[1])

    def vector(self) -> tuple[Array, list[str]]:
        """All time-constant unknowns ``[unknown, member]`` with their names, for a calibration."""
        rows, labels = [self.z], list(self.names)
        for i, season in enumerate(SEASONS):
            for k, name in enumerate(self.names):
                if name in self.seasonal_names:
                    rows.append(self.seasonal[i, k : k + 1])
                    labels.append(f"{name}.{season}")
        return np.concatenate(rows), labels

    def with_vector(self, vector: Array) -> ParameterEnsemble:
        """The ensemble with the unknowns replaced, in the order of `vector`."""
        n = len(self.priors)
        seasonal = np.zeros((2, n, vector.shape[1]))
        row = n
        for i in range(len(SEASONS)):
            for k, name in enumerate(self.names):
                if name in self.seasonal_names:
                    seasonal[i, k] = vector[row]
                    row += 1
        return replace(self, z=vector[:n], seasonal=seasonal)

    def condensed(self, members: int) -> ParameterEnsemble:
        """A smaller ensemble with the same mean and as much of the same covariance as it can carry.

        Second-order exact sampling (Pham 2001, https://doi.org/10.1175/1520-0493(2001)129<1194:SMFSDA>2.0.CO;2): the leading
        ``members - 1`` modes of the unknowns, spread over the members by an orthogonal basis without mean. The same ensemble
        where it is not larger than ``members``.
        """
        if self.members <= members:
            return self
        unknowns, _ = self.vector()
        mean = unknowns.mean(axis=1, keepdims=True)
        modes, spread, _ = np.linalg.svd((unknowns - mean) / np.sqrt(self.members - 1), full_matrices=False)
        kept = min(members - 1, modes.shape[1])
        # rows of the cosine transform but the constant one: orthonormal, each of mean zero
        order, place = np.arange(1, kept + 1)[:, None], np.arange(members) + 0.5
        basis = np.sqrt(2.0 / members) * np.cos(np.pi * order * place / members)
        return self.with_vector(mean + np.sqrt(members - 1) * (modes[:, :kept] * spread[:kept]) @ basis)

    def standard(self, dayofyear: float) -> Array:
        """Constant and seasonal part on a day of the year in units of the prior, ``[parameter, member]``."""
        angle = 2.0 * np.pi * (dayofyear - 1.0) / 365.25
        return self.z + np.cos(angle) * self.seasonal[0] + np.sin(angle) * self.seasonal[1]

    def physical(self, dayofyear: float, delta: Array | None = None) -> dict[str, Array]:
        """Parameter values ``[member]`` on a day of the year, with the drift ``delta [parameter, member]``."""
        z = self.standard(dayofyear)
        if delta is not None:
            z = z + delta
        return {prior.name: prior.to_physical(z[k]) for k, prior in enumerate(self.priors)}


@dataclass(frozen=True)
class Drift:
    """Slow random variation of parameters about their constant values: first-order autoregression.

    ``sd`` is the stationary standard deviation by parameter in prior units, ``days`` the memory, ``own_days`` that of
    parameters with another one. In a gap the drift decays
    towards zero and its spread grows back to ``sd``.
    """

    sd: Mapping[str, float]
    days: float
    own_days: Mapping[str, float] = field(default_factory=dict)

    def start(self, names: Sequence[str], members: int, seed: int) -> Array:
        draw = rng(seed, "drift0").standard_normal((len(names), members))
        return self._sd(names) * (draw - draw.mean(axis=1, keepdims=True))

    def step(self, delta: Array, names: Sequence[str], seed: int, window: int, inflation: float) -> Array:
        keep = np.exp(-1.0 / np.array([[self.own_days.get(name, self.days)] for name in names]))
        draw = rng(seed, "drift", window).standard_normal(delta.shape)
        draw -= draw.mean(axis=1, keepdims=True)
        return keep * delta + np.sqrt(inflation * (1.0 - keep**2)) * self._sd(names) * draw

    def _sd(self, names: Sequence[str]) -> Array:
        return np.array([[self.sd.get(name, 0.0)] for name in names])
