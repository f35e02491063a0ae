"""The lines of the Lorenz-96 table: method, published score, how to run it here and in DAPPER.

Published: the scores that DAPPER prints beside its suggested settings (https://github.com/nansencenter/DAPPER, module
``Lorenz96``), which repeat those of Sakov and Oke (2008), Bocquet (2011), Sakov et al. (2012), Bocquet and Sakov (2013),
Bocquet et al. (2015), Hoteit et al. (2015).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elterra.assimilation import ensemble_space, finite_size
from elterra.assimilation.localisation import gaspari_cohn
from elterra.assimilation.serial_local import serial_local_analysis
from elterra.bench.assimilation_lorenz import SIZE, Length, Scores, Setting, Update, cycle, of_transform
from elterra.bench.assimilation_windows import (
    particles,
    sliding_smoother,
    sliding_variational,
    three_dimensional,
)

# isort: split
import jax
import jax.numpy as jnp
from jax import Array

#: half support of the Gaspari-Cohn weights over the radius at which they are exp(-1/2); weights below are none
_HALF_SUPPORT, _NEGLIGIBLE = 1.82, 1e-3


@dataclass(frozen=True)
class Line:
    """published: the printed score; reach: how far a score may be from it; run: seeds and length to scores;
    dapper: expression of DAPPER's ``da_methods`` (empty: none) and model steps between its observations;
    quick: part of a quick run."""

    published: float
    run: Callable[[Length], Scores]
    dapper: str = ""
    every: int = 1
    reach: float = 0.01
    quick: bool = False


def _filter(
    update: Update, members: int, inflation: float, rotate: bool = False
) -> Callable[[Length], Scores]:
    return lambda length: cycle(update, Setting(members, inflation, rotate), length)


def _perturbed(key: Array, s: Array, d: Array) -> Array:
    return ensemble_space.perturbed_transform(s, d, jax.random.normal(key, s.shape))


def _serial(key: Array, s: Array, d: Array) -> Array:
    return ensemble_space.serial_transform(s, d, jax.random.permutation(key, SIZE))


def _serial_perturbed(key: Array, s: Array, d: Array) -> Array:
    one, two = jax.random.split(key)
    noise = jax.random.normal(two, s.shape)
    return ensemble_space.serial_perturbed_transform(s, d, jax.random.permutation(one, SIZE), noise)


def _second_order_exact(key: Array, s: Array, d: Array) -> Array:
    one, two = jax.random.split(key)
    unused = ensemble_space.spectrum(s)[1][:, 1]  # the first has no spread at all: the mean
    sign = jax.random.rademacher(two, (SIZE,), jnp.float64)
    return ensemble_space.second_order_exact_transform(s, d, jax.random.permutation(one, SIZE), unused, sign)


def _finite(certainty: float) -> Update:
    return of_transform(lambda key, s, d: finite_size.finite_size_transform(s, d, certainty)[0])


def _ring() -> np.ndarray:
    apart = np.abs(np.arange(SIZE)[:, None] - np.arange(SIZE))
    return np.minimum(apart, SIZE - apart).astype(float)


def _taper(distance: np.ndarray, radius: float) -> np.ndarray:
    weights = gaspari_cohn(distance, _HALF_SUPPORT * radius)
    return np.where(weights > _NEGLIGIBLE, weights, 0.0)


def _local(radius: float | None, members: int = 0) -> Update:
    """LETKF of neighbouring pairs; a radius of None is the adaptive choice: weights that sum to the members."""
    distance = _ring().reshape(SIZE // 2, 2, SIZE).mean(axis=1)
    if radius is None:
        radii = np.linspace(0.5, 20.0, 2000)
        sums = np.array([_taper(distance[:1], r).sum() for r in radii])
        radius = float(radii[np.searchsorted(sums, members)])
    roots = jnp.asarray(np.sqrt(_taper(distance, radius)))

    def update(key: Array, x: Array, observed: Array) -> Array:
        mean = x.mean(axis=1)
        s, d = x - mean[:, None], observed - mean
        transforms = jax.vmap(lambda r: ensemble_space.square_root_transform(s * r[:, None], d * r))(roots)
        pairs = s.reshape(SIZE // 2, 2, -1)
        return mean[:, None] + jnp.einsum("pim,pmn->pin", pairs, transforms).reshape(s.shape)

    return update


def _local_serial(radius: float) -> Update:
    taper = jnp.asarray(_taper(_ring(), radius))
    sd = jnp.ones(SIZE)
    return lambda key, x, observed: serial_local_analysis(
        x, x, observed, sd, taper, taper, jax.random.permutation(key, SIZE)
    )[0]


_ETKF = of_transform(lambda key, s, d: ensemble_space.square_root_transform(s, d))
_DENKF = of_transform(lambda key, s, d: ensemble_space.half_gain_transform(s, d))
_ENKF, _SERIAL = of_transform(_perturbed), of_transform(_serial)
_STOCHASTIC, _ESOPS = of_transform(_serial_perturbed), of_transform(_second_order_exact)

LINES: dict[str, Line] = {
    "enkf_n40": Line(0.22, _filter(_ENKF, 40, 1.06), "EnKF('PertObs', N=40, infl=1.06)", quick=True),
    "denkf_n40": Line(0.18, _filter(_DENKF, 40, 1.01), "EnKF('DEnKF', N=40, infl=1.01)", quick=True),
    "enkf_n28": Line(0.24, _filter(_ENKF, 28, 1.08), "EnKF('PertObs', N=28, infl=1.08)"),
    "etkf_n28": Line(
        0.18, _filter(_ETKF, 28, 1.02, True), "EnKF('Sqrt', N=28, infl=1.02, rot=True)", quick=True
    ),
    "serial_n28": Line(
        0.18, _filter(_SERIAL, 28, 1.02, True), "EnKF('Serial', N=28, infl=1.02, rot=True)", quick=True
    ),
    "esops_n28": Line(0.18, _filter(_ESOPS, 28, 1.02), "EnKF('Serial ESOPS', N=28, infl=1.02)", quick=True),
    "serial_perturbed_n28": Line(
        0.24, _filter(_STOCHASTIC, 28, 1.08), "EnKF('Serial Stoch', N=28, infl=1.08)", quick=True
    ),
    "etkf_n17": Line(0.217, _filter(_ETKF, 17, 1.03), "EnKF('Sqrt', N=17, infl=1.03)"),
    "serial_n17": Line(0.225, _filter(_SERIAL, 17, 1.06), "EnKF('Serial', N=17, infl=1.06)"),
    "esops_n17": Line(0.242, _filter(_ESOPS, 17, 1.08), "EnKF('Serial ESOPS', N=17, infl=1.08)"),
    "etkf_n20": Line(0.20, _filter(_ETKF, 20, 1.04, True), "EnKF('Sqrt', N=20, rot=True, infl=1.04)"),
    "finite_n24": Line(0.21, _filter(_finite(1.0), 24, 1.0, True), "EnKF_N(N=24, rot=True)"),
    "finite_xn2_n24": Line(
        0.18, _filter(_finite(2.0), 24, 1.0, True), "EnKF_N(N=24, rot=True, xN=2.0)", quick=True
    ),
    "finite_n20": Line(0.24, _filter(_finite(1.0), 20, 1.0), "EnKF_N(N=20)"),
    "finite_xn2_n20": Line(0.19, _filter(_finite(2.0), 20, 1.0), "EnKF_N(N=20, xN=2.0)"),
    "letkf_n7": Line(
        0.22,
        _filter(_local(4.0), 7, 1.04, True),
        "LETKF(N=7, rot=True, infl=1.04, loc_rad=4)",
        reach=0.02,
        quick=True,
    ),
    "eakf_local_n7": Line(
        0.23,
        _filter(_local_serial(6.0), 7, 1.07, True),
        "SL_EAKF(N=7, rot=True, infl=1.07, loc_rad=6)",
        reach=0.02,
        quick=True,
    ),
    "letkf_n10_r4": Line(
        0.21, _filter(_local(4.0), 10, 1.02, True), "LETKF(N=10, rot=True, infl=1.02, loc_rad=4)"
    ),
    "letkf_n10_r6": Line(
        0.20, _filter(_local(6.0), 10, 1.04, True), "LETKF(N=10, rot=True, infl=1.04, loc_rad=6)"
    ),
    "letkf_n10_r10": Line(
        0.22, _filter(_local(10.0), 10, 1.10, True), "LETKF(N=10, rot=True, infl=1.10, loc_rad=10)"
    ),
    "letkf_n10_r15": Line(0.29, _filter(_local(15.0), 10, 1.20), "LETKF(N=10, infl=1.20, loc_rad=15)"),
    "ienks_n25_lag1": Line(
        0.46,
        lambda length: sliding_smoother(Setting(25, 1.2, True, 12), 1, 10, None, length),
        "iEnKS('Sqrt', N=25, Lag=1, nIter=10, infl=1.2, rot=1)",
        12,
    ),
    "ienks_xn2_n20_lag4": Line(
        0.31,
        lambda length: sliding_smoother(Setting(20, 1.0, False, 4), 4, 10, 2.0, length),
        "iEnKS('Sqrt', N=20, Lag=4, xN=2.0)",
        4,
        quick=True,
    ),
    "var4d_lag1": Line(
        0.46,
        lambda length: sliding_variational(4, 1, 0.2, 5, length),
        "Var4D(B='eye', Lag=1, xB=0.2, nIter=5)",
        4,
        quick=True,
    ),
    "var4d_lag2": Line(
        0.39,
        lambda length: sliding_variational(4, 2, 0.1, 5, length),
        "Var4D(B='eye', Lag=2, xB=0.1, nIter=5)",
        4,
    ),
    "var4d_lag4": Line(
        0.37,
        lambda length: sliding_variational(4, 4, 0.02, 5, length),
        "Var4D(B='eye', Lag=4, xB=0.02, nIter=5)",
        4,
    ),
    "particle_ner05": Line(
        0.35,
        lambda length: particles(3000, 0.05, 1.2, length),
        "PartFilt(N=3000, NER=0.05, reg=1.2)",
    ),
    "particle_ner50": Line(
        0.26,
        lambda length: particles(3000, 0.5, 0.7, length),
        "PartFilt(N=3000, NER=0.5, reg=0.7)",
        quick=True,
    ),
    "climatology": Line(
        3.6, lambda length: three_dimensional(None, length), "Climatology()", reach=0.05, quick=True
    ),
    "var3d": Line(0.41, lambda length: three_dimensional(0.02, length), "Var3D(xB=0.02)", quick=True),
}

#: no published score: the adaptive choice of the radius, beside the best of the published ones
UNPUBLISHED: dict[str, Callable[[Length], Scores]] = {
    "letkf_adaptive_n7": _filter(_local(None, 7), 7, 1.04, True),
    "letkf_adaptive_n10": _filter(_local(None, 10), 10, 1.04, True),
}
