"""A logarithm that a CPU computes several numbers at a time.

XLA calls the C library for each logarithm in double precision (4 to 8 ns), although it has a vectorised exponential. Here
the exponent is taken out of the bits of the number, and the rest is a polynomial: below 1 ulp, 2.5 to 3 ns in a vectorised
loop. Other devices keep XLA's own. `compute_once` puts it in the place of `jax.numpy.log`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

# atanh(s) / s = 1 + z (c0 + c1 z + ...), z = s**2, interpolated at Chebyshev nodes of 0 <= z <= 0.0294 in exact fractions
_SERIES = (
    0.3333333333333335,
    0.19999999999949722,
    0.14285714313001635,
    0.11111105565129939,
    0.09091444727837474,
    0.07665855309105386,
    0.07308292712444311,
)
# log(2) as a sum whose first part has 32 bits: its product with an exponent is exact
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROOT_HALF = 0x3FE6A09E667F3BCD  # bits of the root of 1/2
_FRACTION = 0x000FFFFFFFFFFFFF
_TWO_52 = 4503599627370496.0
_SMALLEST_NORMAL = 2.2250738585072014e-308


def _vectorised(x: jax.Array) -> jax.Array:
    """log(m 2**k) = k log(2) + 2 atanh((m - 1) / (m + 1)), m between the roots of 1/2 and 2."""
    small = x < _SMALLEST_NORMAL
    bits = lax.bitcast_convert_type(jnp.where(small, x * 2.0**54, x), jnp.int64)
    moved = bits - _ROOT_HALF + (1023 << 52)
    # the exponent as a double without a conversion of integers: its bits under those of 2**52
    shifted = lax.shift_right_logical(moved, jnp.int64(52)) | 0x4330000000000000
    k = lax.bitcast_convert_type(shifted, jnp.float64) - jnp.where(small, _TWO_52 + 1077.0, _TWO_52 + 1023.0)
    f = lax.bitcast_convert_type((moved & _FRACTION) + _ROOT_HALF, jnp.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    series = jnp.full_like(x, _SERIES[-1])
    for c in _SERIES[-2::-1]:
        series = series * z + c
    value = (f - (s * (f - 2.0 * (z * series)) - k * _LN2_LOW)) + k * _LN2_HIGH
    beyond = jnp.where(x == 0.0, -jnp.inf, jnp.where(x > 0.0, x, jnp.nan))
    return jnp.where((x > 0.0) & (x < jnp.inf), value, beyond)


_log = Primitive("log_in_vectors")
_log.def_impl(lax.log)
_log.def_abstract_eval(lambda x: x)
ad.defjvp(_log, lambda tangent, x: tangent / x)
batching.defvectorized(_log)
mlir.register_lowering(_log, mlir.lower_fun(lax.log, multiple_results=False))
mlir.register_lowering(_log, mlir.lower_fun(_vectorised, multiple_results=False), platform="cpu")


def log(x: jax.Array) -> jax.Array:
    """Natural logarithm of double precision numbers of any shape: as `jax.numpy.log` to 1 ulp; -inf of 0, NaN below."""
    return jnp.asarray(_log.bind(x))
