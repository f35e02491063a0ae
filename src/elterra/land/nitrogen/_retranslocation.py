"""Nitrogen that plants take back from falling leaves, free or for carbon (CLM5.0 tech note, FUN,
Retranslocation)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

_FREE = 1.5  # C:N of falling leaves, relative to the target of green ones, up to which nitrogen comes free
_LAST = 3.0  # and beyond which none is taken
_ESCALATION = 1.3  # exponent of the cost in the C:N of the falling leaf
_NEWTON = 3


class Retranslocation(NamedTuple):
    """g m-2 in a step."""

    free: jax.Array  #: nitrogen that costs nothing
    paid: jax.Array  #: nitrogen that is paid for
    spent: jax.Array  #: carbon paid


def retranslocate(
    carbon: jax.Array,
    nitrogen: jax.Array,
    purse: jax.Array,
    use: jax.Array,
    resistance: jax.Array,
    leafcn: jax.Array,
) -> Retranslocation:
    """What is taken back from leaves that fall with ``carbon`` and ``nitrogen`` (g m-2 in the step).

    Taking nitrogen costs (C:N) ** 1.3 / leafcn carbon per nitrogen and raises the C:N of what is left, until
    nitrogen from elsewhere is cheaper (``resistance``, gC gN-1), C:N is three times ``leafcn``, or the carbon
    in the ``purse`` (gC m-2) is used up: each nitrogen also binds ``use`` carbon in growth. CLM does this in
    up to 150 steps of one unit of C:N; here the integral of the cost is used, and the amount that empties
    the purse is found by Newton's method, from above on a convex curve, so that it never overspends.
    """
    falling = (carbon > 0.0) & (nitrogen > 0.0)
    c = jnp.where(falling, carbon, 1.0)
    n = jnp.where(falling, nitrogen, 1.0 / leafcn)
    free = jnp.maximum(n - c / (_FREE * leafcn), 0.0)
    left = n - free
    start = c / left
    dear = jnp.exp(jnp.log(jnp.maximum(resistance, 1.0e-12) * leafcn) / _ESCALATION)
    most = jnp.maximum(left - c / jnp.minimum(dear, _LAST * leafcn), 0.0)
    power = _ESCALATION - 1.0

    def price(taken: jax.Array) -> tuple[jax.Array, jax.Array]:
        ratio = c / (left - taken)
        rise = jnp.exp(power * jnp.log(ratio))
        return c / (power * leafcn) * (rise - jnp.exp(power * jnp.log(start))), rise * ratio / leafcn

    taken = jnp.minimum(most, purse / use)
    for _ in range(_NEWTON):
        total, marginal = price(taken)
        taken = taken - jnp.maximum(total + use * taken - purse, 0.0) / (marginal + use)
    taken = jnp.maximum(taken, 0.0)
    spent = jnp.minimum(price(taken)[0], jnp.maximum(purse - use * taken, 0.0))
    some = falling.astype(carbon.dtype)
    return Retranslocation(some * free, some * taken, some * spent)
