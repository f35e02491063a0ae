"""Flux footprints: which ground a tower sees, upwind distance by distance.

Two analytic models of the crosswind-integrated footprint with a Gaussian across the wind:

- `KormannMeixner`: Kormann and Meixner (2001, doi:10.1023/A:1018991015119), advection and diffusion with power-law
  profiles, the powers by their analytical relation to Monin-Obukhov similarity (their eq. 36).
- `Kljun`: the parameterisation FFP of Kljun et al. (2015, doi:10.5194/gmd-8-3695-2015).

Distances in m, upwind of the tower positive; stability by the Obukhov length in m (negative unstable).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma, gammaincc

from elterra.observations.operators._errors import OperatorError

Array = NDArray[np.float64]

KARMAN = 0.4  #: von Karman constant
#: sd of the cross-wind over friction velocity near neutral, Panofsky and Dutton (1984), for towers without it
SIGMA_V_OVER_USTAR = 1.92
_SMALLEST_USTAR = 0.1  #: m s-1, FFP is not valid below (Kljun et al. 2015)
_LOWEST_STABILITY = -15.5  #: zm/L, lower limit of FFP (Kljun et al. 2015)


class Footprint(Protocol):
    """A footprint: integral 1 over the upwind half plane."""

    def crosswind_integrated(self, x: Array) -> Array:
        """Share of the flux from upwind distance `x`, m-1."""

    def cumulative(self, x: Array) -> Array:
        """Share of the flux from nearer than `x`."""

    def spread(self, x: Array) -> Array:
        """Sd of the Gaussian across the wind at `x`, m."""

    @property
    def peak(self) -> float:
        """Upwind distance of the largest share, m."""


@dataclass(frozen=True)
class KormannMeixner:
    """Footprint for measurement height `zm` (m above displacement), wind speed `wind` and friction velocity
    `ustar` there (m s-1), `obukhov` (m), `sigma_v` (m s-1)."""

    zm: float
    wind: float
    ustar: float
    obukhov: float
    sigma_v: float

    def __post_init__(self) -> None:
        _positive(zm=self.zm, wind=self.wind, ustar=self.ustar, sigma_v=self.sigma_v)
        if not np.isfinite(self.obukhov) or self.obukhov == 0.0:
            raise OperatorError(
                f"Obukhov length {self.obukhov}: give a finite length (a large one for neutral air)"
            )

    @property
    def _profile(self) -> tuple[float, float]:
        """Powers of the profiles of wind (m) and of diffusivity (n), eq. 36 with eqs. 33 and 34."""
        zeta = self.zm / self.obukhov
        if zeta > 0.0:
            phi_m, n = 1.0 + 5.0 * zeta, 1.0 / (1.0 + 5.0 * zeta)
        else:
            phi_m, n = (1.0 - 16.0 * zeta) ** -0.25, (1.0 - 24.0 * zeta) / (1.0 - 16.0 * zeta)
        return self.ustar * phi_m / (KARMAN * self.wind), n

    @property
    def _shape(self) -> tuple[float, float, float, float, float]:
        """m, r, mu, wind constant U and length scale xi (eqs. 11, 18, 19)."""
        zeta = self.zm / self.obukhov
        phi_c = 1.0 + 5.0 * zeta if zeta > 0.0 else (1.0 - 16.0 * zeta) ** -0.5
        m, n = self._profile
        diffusivity = KARMAN * self.ustar * self.zm / phi_c
        r = 2.0 + m - n
        # U z^m and kappa z^n are wind and diffusivity at zm, so that U z^r / kappa = wind zm^2 / diffusivity
        xi = self.wind * self.zm**2 / (r**2 * diffusivity)
        return m, r, (1.0 + m) / r, self.wind / self.zm**m, xi

    def crosswind_integrated(self, x: Array) -> Array:
        """Eq. 21."""
        _, _, mu, _, xi = self._shape
        x = np.asarray(x, float)
        safe = np.where(x > 0.0, x, 1.0)
        value = (xi / safe) ** mu * np.exp(-xi / safe) / (gamma(mu) * safe)
        return np.where(x > 0.0, value, 0.0)

    def cumulative(self, x: Array) -> Array:
        """Integral of eq. 21: a regularised incomplete gamma function."""
        _, _, mu, _, xi = self._shape
        x = np.asarray(x, float)
        return np.where(x > 0.0, gammaincc(mu, xi / np.where(x > 0.0, x, 1.0)), 0.0)

    def spread(self, x: Array) -> Array:
        """sigma_v x over the speed of the plume (eqs. 17 and 18)."""
        m, r, mu, speed, xi = self._shape
        x = np.maximum(np.asarray(x, float), 1e-9)
        # (r^2 kappa / U) = zm^r / xi
        plume = gamma(mu) / gamma(1.0 / r) * (self.zm**r / xi * x) ** (m / r) * speed
        return self.sigma_v * x / plume

    @property
    def peak(self) -> float:
        """Eq. 22."""
        _, _, mu, _, xi = self._shape
        return float(xi / (1.0 + mu))


#: a, b, c, d of the crosswind-integrated footprint (Kljun et al. 2015, eqs. 14 and 17)
FFP = (1.4524, -1.9914, 1.4622, 0.1359)
#: a, b, c of the spread across the wind (Kljun et al. 2015, section 4.2)
FFP_SPREAD = (2.17, 1.66, 20.0)


@dataclass(frozen=True)
class Kljun:
    """FFP for `zm` (m above displacement), wind speed at `zm`, `ustar`, `obukhov`, `sigma_v` and the height of the
    boundary layer `boundary_layer` (m)."""

    zm: float
    wind: float
    ustar: float
    obukhov: float
    sigma_v: float
    boundary_layer: float

    def __post_init__(self) -> None:
        _positive(zm=self.zm, wind=self.wind, sigma_v=self.sigma_v, boundary_layer=self.boundary_layer)
        if not self.ustar >= _SMALLEST_USTAR:
            raise OperatorError(
                f"friction velocity {self.ustar:g} m s-1: FFP holds from {_SMALLEST_USTAR} m s-1 on"
            )
        if not self.zm < self.boundary_layer:
            raise OperatorError(
                f"zm {self.zm:g} m is not below the boundary layer of {self.boundary_layer:g} m"
            )
        if not self.zm / self.obukhov >= _LOWEST_STABILITY:
            raise OperatorError(f"zm/L {self.zm / self.obukhov:.3g}: FFP holds from {_LOWEST_STABILITY} on")

    @property
    def _scale(self) -> float:
        """Upwind distance of X* = 1."""
        return self.zm / (1.0 - self.zm / self.boundary_layer) * self.wind / self.ustar * KARMAN

    def crosswind_integrated(self, x: Array) -> Array:
        """F* of eq. 14, scaled back."""
        a, b, c, d = FFP
        star = np.asarray(x, float) / self._scale - d
        safe = np.where(star > 0.0, star, 1.0)
        return np.where(star > 0.0, a * safe**b * np.exp(-c / safe), 0.0) / self._scale

    def cumulative(self, x: Array) -> Array:
        """Integral of eq. 14. Its published coefficients integrate to 1 within 0.2 %; here exactly."""
        _, b, c, d = FFP
        star = np.asarray(x, float) / self._scale - d
        return np.where(star > 0.0, gammaincc(-b - 1.0, c / np.where(star > 0.0, star, 1.0)), 0.0)

    def spread(self, x: Array) -> Array:
        """sigma_y* of section 4.2, scaled back with its stability factor."""
        a, b, c = FFP_SPREAD
        star = np.maximum(np.asarray(x, float), 0.0) / self._scale
        floor = 0.8 if self.obukhov <= 0.0 else 0.55
        scaling = min(1e-5 * abs(self.obukhov / self.zm) + floor, 1.0)
        return a * np.sqrt(b * star**2 / (1.0 + c * star)) / scaling * self.zm * self.sigma_v / self.ustar

    @property
    def peak(self) -> float:
        """Eq. 20."""
        _, b, c, d = FFP
        return float((d - c / b) * self._scale)


def class_weights(
    footprint: Footprint,
    east: Array,
    north: Array,
    cell: float,
    classes: NDArray[np.int64],
    number: int,
    wind_from: float,
    *,
    minimum: float = 0.5,
    refine: int = 4,
) -> tuple[Array, float]:
    """Share of the flux from each class of a map of square cells.

    Parameters
    ----------
    east, north : ``[cell]`` centres of the cells from the tower, m
    cell : side of a cell, m
    classes : ``[cell]`` class of each, 0 .. number - 1; -1 where it is unknown
    wind_from : direction the wind comes from, degrees clockwise from north
    minimum : smallest share of the flux that must come from known cells
    refine : points of integration along each side of a cell

    Returns the weights ``[class]`` (sum 1) and the share of the flux that the known cells hold. Along the wind each
    point takes the exact integral over its width, across the wind the Gaussian at its middle. Raises `OperatorError`
    where the map holds less than `minimum`: such a mean would be of another place.
    """
    offset = (np.arange(refine) + 0.5) / refine - 0.5
    de, dn = np.meshgrid(offset * cell, offset * cell)
    e = np.asarray(east, float)[:, None] + de.ravel()
    n = np.asarray(north, float)[:, None] + dn.ravel()
    angle = np.deg2rad(wind_from)
    along = e * np.sin(angle) + n * np.cos(angle)  # upwind positive
    across = e * np.cos(angle) - n * np.sin(angle)
    width = cell / refine
    flux = footprint.cumulative(along + 0.5 * width) - footprint.cumulative(along - 0.5 * width)
    sigma = np.maximum(footprint.spread(np.maximum(along, 0.5 * width)), 0.5 * width)
    flux = flux * np.exp(-0.5 * (across / sigma) ** 2) / (np.sqrt(2.0 * np.pi) * sigma) * width
    known = np.asarray(classes) >= 0
    total = np.bincount(np.asarray(classes)[known], flux.sum(axis=1)[known], minlength=number)[:number]
    share = float(total.sum())
    if share < minimum:
        raise OperatorError(
            f"the map holds {100 * share:.0f} % of the footprint, needed are {100 * minimum:.0f} %; give a larger map"
        )
    return total / share, share


def interval_weights(
    footprints: Sequence[Footprint | None],
    wind_from: Array,
    east: Array,
    north: Array,
    cell: float,
    classes: NDArray[np.int64],
    number: int,
    *,
    minimum: float = 0.5,
    refine: int = 2,
) -> tuple[Array, NDArray[np.bool_]]:
    """`class_weights` of every measured interval: ``[interval, class]``, and which have a footprint of their own.

    An interval without a footprint (None: no wind or friction velocity), without a direction, or whose footprint
    leaves the map takes the mean weights of the others: the climatology of the tower. Raises `OperatorError` where no
    interval has its own."""
    weights = np.full((len(footprints), number), np.nan)
    for k, (footprint, direction) in enumerate(zip(footprints, np.asarray(wind_from, float), strict=True)):
        if footprint is None or not np.isfinite(direction):
            continue
        try:
            weights[k] = class_weights(
                footprint, east, north, cell, classes, number, direction, minimum=minimum, refine=refine
            )[0]
        except OperatorError:  # this footprint leaves the map
            continue
    own = np.isfinite(weights).all(axis=1)
    if not own.any():
        raise OperatorError("no interval has a footprint within the map; give wind and a larger map")
    weights[~own] = weights[own].mean(axis=0)
    return weights, own


def _positive(**numbers: float) -> None:
    for name, number in numbers.items():
        if not (np.isfinite(number) and number > 0.0):
            raise OperatorError(f"{name} is {number}, must be positive")
