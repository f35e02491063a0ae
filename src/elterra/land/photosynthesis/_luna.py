"""LUNA: how a leaf would best share its nitrogen between light capture, electron transport and carboxylation.

CLM5.0 tech note, chapter Photosynthetic_Capacity (Xu et al. 2012, PLoS ONE 7, e37914; Ali et al. 2016, Geosci.
Model Dev. 9, 587). Pressures in Pa, light in umol photons m-2 leaf s-1, temperatures in degC, nitrogen in
gN m-2 leaf; all arrays broadcast to `[patch, column]`.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land import constants as c

RGAS_MOL = c.RGAS * 1.0e-3  #: J K-1 mol-1
T25 = c.TFRZ + 25.0
# Values of CLM5.0 LunaMod; sources as named there
KC25, KO25, CP25 = 40.49, 27840.0, 4.275  #: Pa, Bernacchi et al. (2001)
KC_HA, KO_HA, CP_HA = 79430.0, 36380.0, 37830.0  #: J mol-1
VCMAX_HA, JMAX_HA, CAPACITY_HD = 72000.0, 50000.0, 200000.0  #: J mol-1, Kattge & Knorr (2007)
T_GROWTH_MIN, T_GROWTH_MAX = 11.0, 35.0  #: degC
VCMAX_PER_N = 294.2  #: umol s-1 per gN in Rubisco at 25 degC, Rogers (2014)
JMAX_PER_N = 1257.0  #: umol s-1 per gN in electron transport at 25 degC, Xu et al. (2012)
RESP_PER_N = 33.69  #: umol s-1 per gN in respiration at 25 degC, Xu et al. (2012)
CHLOROPHYLL_PER_N = 1.78  #: Evans (1989)
QUANTUM_YIELD, LIGHT_HALF = (
    0.292,
    0.076,
)  #: light that reaches electron transport, Niinemets & Tenhunen (1997)
JMAXB0 = 0.0311  #: share of nitrogen in electron transport without light
WC_TO_WJ0 = 0.8054  #: ratio of Rubisco- to light-limited rate under reference conditions
RH_RESPONSE, RH_MIN = 6.0999, 0.25
PAR_MIN = 200.0  #: umol m-2 s-1, least light that counts
T_MIN, T_MAX = 5.0, 42.0  #: degC, range of leaf temperature that counts
CI_TO_CA = 0.7
CO2_REF, O2_REF, PRESSURE_REF = 380.0e-6, 209460.0e-6, 101325.0  #: reference air
BB_INTERCEPT, BB_SLOPE = 1.0 / 2000.0, 9.0  #: stomata of Ball and Berry, umol m-2 s-1 and 1
GB_CO2, GS_CO2 = (
    1.37,
    1.6,
)  #: ratio of the diffusivities of water vapour and CO2 in boundary layer and stomata
GC_PER_UMOL_HOUR = 1.2e-5 * 3600.0
LMR_PER_VCMAX = 0.015
MAINTENANCE_PER_N = 0.715  #: upkeep of photosynthetic nitrogen at 25 degC
THETA_CJ = 0.95  #: weight of the smaller of the two rates
CHANGE = 0.02  #: change of the share of light capture in an iteration
SHRINK = 0.8  #: its change where the nitrogen does not suffice
NLC_MIN = 0.05  #: gN m-2
NLC_SHARE_MAX, NLC_START_MAX, USED_MAX = 0.95, 0.5, 0.95
ITERATIONS = 12  #: of the allocation in a day (CLM5.0: until nothing changes, at most 99)
CI_ITERATIONS = 8  #: of ci in each (CLM5.0: until within 0.01 Pa)


class Allocation(NamedTuple):
    """Result of `allocate_nitrogen`, `[patch, column]`."""

    light_capture: jax.Array  # share of the functional nitrogen
    vcmax25: jax.Array  # umol m-2 leaf s-1, of the allocation that is best
    jmax25: jax.Array


class Climate(NamedTuple):
    """What leaves have seen over the last days, `[patch, column]` or `[column]`."""

    pbot: jax.Array  # Pa
    rh: jax.Array  # relative humidity of canopy air, 1
    co2: jax.Array  # Pa
    o2: jax.Array  # Pa
    par: jax.Array  # umol m-2 s-1, mean of daylight
    par_max: jax.Array  # umol m-2 s-1, mean of the daily maxima
    rb: jax.Array  # s m-1
    hours: jax.Array  # h of daylight
    t_growth: jax.Array  # degC, 10-day mean of 2-m air temperature
    t_day: jax.Array  # degC, leaf
    t_night: jax.Array


def _warmth(t: jax.Array | float, ha: float) -> jax.Array:
    return jnp.exp(ha / RGAS_MOL * (1.0 / T25 - 1.0 / (c.TFRZ + t)))


def _capacity_response(
    t_growth: jax.Array | float, t: jax.Array, ha: float, s0: float, s1: float
) -> jax.Array:
    """Rate at ``t`` relative to 25 degC, with high-temperature deactivation that acclimates to ``t_growth``."""
    entropy = s0 - s1 * jnp.clip(t_growth, T_GROWTH_MIN, T_GROWTH_MAX)

    def deactivation(kelvin: jax.Array | float) -> jax.Array:
        return 1.0 + jnp.exp((entropy - CAPACITY_HD / kelvin) / RGAS_MOL)

    return deactivation(T25) * _warmth(t, ha) / deactivation(c.TFRZ + t)


def vcmax_response(t_growth: jax.Array | float, t: jax.Array) -> jax.Array:
    return _capacity_response(t_growth, t, VCMAX_HA, 668.39, 1.07)


def jmax_response(t_growth: jax.Array | float, t: jax.Array) -> jax.Array:
    return _capacity_response(t_growth, t, JMAX_HA, 659.70, 0.75)


def respiration_response(t: jax.Array) -> jax.Array:
    """Leaf respiration relative to 25 degC (Bernacchi et al. 2001)."""
    return jnp.exp(18.72 - 46390.0 / (RGAS_MOL * (t + c.TFRZ)))


class _Kinetics(NamedTuple):
    cp: jax.Array  # CO2 compensation point, Pa
    km: jax.Array  # Michaelis constant of carboxylation in air, Pa


def _kinetics(t: jax.Array | float, o2: jax.Array | float) -> _Kinetics:
    km = KC25 * _warmth(t, KC_HA) * (1.0 + o2 / (KO25 * _warmth(t, KO_HA)))
    return _Kinetics(CP25 * _warmth(t, CP_HA), km)


def _yields(ci: jax.Array, k: _Kinetics) -> tuple[jax.Array, jax.Array]:
    """Rate per Vcmax and per electron transport at ``ci``."""
    above = jnp.maximum(ci - k.cp, 0.0)
    return above / (ci + k.km), above / (4.0 * ci + 8.0 * k.cp)


def _larger_root(b: jax.Array, const: jax.Array) -> jax.Array:
    """Larger root of x2 + b x + const = 0 for const < 0."""
    root = jnp.sqrt(b * b - 4.0 * const)
    return jnp.where(b < 0.0, 0.5 * (root - b), -2.0 * const / jnp.where(b < 0.0, 1.0, root + b))


def _solve_ci(e: Climate, k: _Kinetics, vcmax: jax.Array, j: jax.Array) -> jax.Array:
    """ci (Pa) at which supply through Ball-Berry stomata meets the smaller of the two limits."""
    to_mol = e.pbot / (RGAS_MOL * (e.t_day + c.TFRZ)) * 1.0e6
    gb = to_mol / e.rb
    humid = BB_SLOPE * jnp.maximum(RH_MIN, e.rh) * e.pbot / e.co2

    def resistance(rate: jax.Array) -> jax.Array:
        gs = BB_INTERCEPT + humid * rate
        return e.pbot * (GB_CO2 * gs + GS_CO2 * gb) / (gb * gs)

    def by_rubisco(_: int, ci: jax.Array) -> jax.Array:
        phi = resistance(_yields(ci, k)[0] * vcmax)
        return _larger_root(k.km - e.co2 + phi * vcmax, -(k.cp * phi * vcmax + k.km * e.co2))

    def by_light(_: int, ci: jax.Array) -> jax.Array:
        phi = resistance(_yields(ci, k)[1] * j)
        return _larger_root(
            2.0 * k.cp - e.co2 + 0.25 * phi * j, -(0.25 * k.cp * phi * j + 2.0 * k.cp * e.co2)
        )

    # loops, not unrolled: a small program matters more than the speed of what runs once a day
    start = CI_TO_CA * e.co2 + jnp.zeros_like(vcmax + j + k.cp)
    ci = jax.lax.fori_loop(0, CI_ITERATIONS, by_rubisco, start)
    per_v, per_j = _yields(ci, k)
    light_limited = per_j * j < per_v * vcmax
    other = jax.lax.fori_loop(0, CI_ITERATIONS, by_light, ci)
    return jnp.where(light_limited, other, ci)


def allocate_nitrogen(nitrogen: jax.Array, share: jax.Array, e: Climate, jmaxb1: jax.Array) -> Allocation:
    """The allocation of functional leaf ``nitrogen`` (gN m-2 leaf) that pays best under the climate ``e``.

    ``share`` is the part in light capture to begin with. It is raised or lowered in steps of 2 % as long as the
    gain of photosynthesis exceeds the cost of keeping the nitrogen; electron transport and carboxylation follow
    from it, because capacities and light balance each other (co-limitation). `ITERATIONS` steps at most a call.
    """
    e = e._replace(
        par=jnp.maximum(PAR_MIN, e.par),
        par_max=jnp.maximum(PAR_MIN, e.par_max),
        t_day=jnp.clip(e.t_day, T_MIN, T_MAX),
        t_night=jnp.clip(e.t_night, T_MIN, T_MAX),
    )
    air_ref = _kinetics(25.0, O2_REF * PRESSURE_REF)
    ref_v, ref_j = _yields(jnp.asarray(CI_TO_CA * CO2_REF * PRESSURE_REF), air_ref)
    k = _kinetics(e.t_day, e.o2)
    vcmax_day = vcmax_response(e.t_growth, e.t_day)
    night = vcmax_response(e.t_growth, e.t_night) / vcmax_day
    per_n_v = VCMAX_PER_N * vcmax_day
    per_n_j = JMAX_PER_N * jmax_response(e.t_growth, e.t_day)
    dark = 24.0 - e.hours
    breath = respiration_response(e.t_day) * e.hours + respiration_response(e.t_night) * dark
    per_n_resp = GC_PER_UMOL_HOUR * RESP_PER_N * breath
    upkeep = MAINTENANCE_PER_N * GC_PER_UMOL_HOUR * breath
    dryness = jnp.maximum(e.rh - RH_MIN, 0.0) / (1.0 - RH_MIN)
    jmax_coef = jmaxb1 * (e.hours / 12.0) ** 2 * -jnp.expm1(-RH_RESPONSE * dryness)
    base_j = JMAXB0 * nitrogen * per_n_j
    # nitrogen use efficiency of the two limits now, over that under reference conditions
    ref = ref_v / ref_j * (VCMAX_PER_N / JMAX_PER_N)

    def capacities(light: jax.Array, v_over_j: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Jmax, Vcmax and mean electron transport for nitrogen ``light`` in light capture."""
        theta = QUANTUM_YIELD / (1.0 + LIGHT_HALF / (light * CHLOROPHYLL_PER_N))
        absorbed = theta * e.par
        strongest = theta * e.par_max
        jmax = base_j + jmax_coef * absorbed
        j_max = strongest / jnp.sqrt(1.0 + (strongest / jmax) ** 2)
        j_mean = absorbed / jnp.sqrt(1.0 + (absorbed / jmax) ** 2)
        efficiency = v_over_j * per_n_v / per_n_j / ref
        ratio = jnp.minimum(1.0, WC_TO_WJ0 * jnp.sqrt(efficiency))
        return jmax, ratio * j_max / v_over_j, j_mean

    def accounts(
        light: jax.Array, caps: tuple[jax.Array, jax.Array, jax.Array], per_v: jax.Array, per_j: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array]:
        """Nitrogen in electron transport, in carboxylation, in photosynthesis, in respiration; daily gain."""
        jmax, vcmax, j_mean = caps
        wc, wj = per_v * vcmax, per_j * j_mean
        gain = (1.0 - THETA_CJ) * jnp.maximum(wc, wj) + THETA_CJ * jnp.minimum(wc, wj)
        resp = GC_PER_UMOL_HOUR * LMR_PER_VCMAX * vcmax * (e.hours + night * dark)
        net, ncb = jmax / per_n_j, vcmax / per_n_v
        return net, ncb, light + ncb + net, resp / per_n_resp, GC_PER_UMOL_HOUR * gain * e.hours

    change = CHANGE * nitrogen
    zero = jnp.zeros_like(nitrogen + k.cp)
    start = jnp.minimum(share, NLC_START_MAX) * nitrogen + zero

    def iterate(i: int, carry: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        light, ci, rises, net, ncb, done = carry
        per_v, per_j = _yields(ci, k)
        v_over_j = per_v / jnp.where(per_j > 0.0, per_j, 1.0)
        v_over_j = jnp.where(per_j > 0.0, v_over_j, 1.0)
        caps = capacities(light, v_over_j)
        ci_now = _solve_ci(e, k, caps[1], caps[2])
        per_v, per_j = _yields(ci_now, k)
        net0, ncb0, used0, resp0, gain0 = accounts(light, caps, per_v, per_j)
        store = nitrogen - used0 - resp0
        first = jnp.asarray(i == 0)

        upward = (store > 0.0) & (first | (rises > 0.0))
        more = jnp.minimum(light + change, NLC_SHARE_MAX * nitrogen)
        less = jnp.maximum(jnp.where(store < 0.0, SHRINK * light, light - change), NLC_MIN)

        def trial(amount: jax.Array) -> tuple[jax.Array, ...]:
            return accounts(amount, capacities(amount, v_over_j), per_v, per_j)

        net2, ncb2, used2, resp2, gain2 = trial(more)
        up = upward & (gain2 - gain0 > (used2 - used0) * upkeep) & (used2 + resp2 < USED_MAX * nitrogen)
        rises = jnp.where(first & up, 1.0, rises)
        net1, ncb1, used1, _, gain1 = trial(less)
        down = (gain0 - gain1 < (used0 - used1) * upkeep) & (less > NLC_MIN)
        down = (rises == 0.0) & (down | (used0 + resp0 > USED_MAX * nitrogen))

        def choose(here: jax.Array, higher: jax.Array, lower: jax.Array) -> jax.Array:
            return jnp.where(up, higher, jnp.where(down, lower, here))

        new = choose(light, more, less)
        open_ = done == 0.0
        return (
            jnp.where(open_, new, light),
            jnp.where(open_, ci_now, ci),
            rises,
            jnp.where(open_, choose(net0, net2, net1), net),
            jnp.where(open_, choose(ncb0, ncb2, ncb1), ncb),
            jnp.where(new == light, 1.0, done),
        )

    first_ci = CI_TO_CA * e.co2 + zero
    carry = (start, first_ci, zero, zero, zero, zero)
    light, _, _, net, ncb, _ = jax.lax.fori_loop(0, ITERATIONS, iterate, carry)
    return Allocation(light / nitrogen, ncb * VCMAX_PER_N, net * JMAX_PER_N)
