"""A CLM5 reference run in BGC mode as state, parameters and drivers of the carbon and nitrogen step: its own
photosynthesis, temperatures and water, so that errors of other rooms do not mix in."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from elterra.forcing.to_land import calendar_fields
from elterra.land import Fields, Surface, cold_start, prepare
from elterra.land.config import Config
from elterra.land.vegetation import pool_names

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[3] / ".." / "shared"))
CLM5 = SHARED / "reference" / "clm5"
CFG = Config(nlevsno=12)
NDEP = 1.5 / (365.0 * 86400.0)  # gN m-2 s-1, README of the reference runs
POOLS = ("litr1", "litr2", "litr3", "cwd", "soil1", "soil2", "soil3")
PHENOLOGY = (
    *("dormant_flag", "days_active", "onset_flag", "onset_counter", "onset_gddflag", "onset_gdd"),
    *("onset_fdd", "onset_swi", "offset_flag", "offset_counter", "offset_fdd", "offset_swi"),
)
MEMORY = (
    *("annavg_t2m", "tempavg_t2m", "annsum_potential_gpp", "tempsum_potential_gpp"),
    *("annmax_retransn", "tempmax_retransn"),
)
OTHER = ("gresp_storage", "gresp_xfer", "cpool", "xsmrpool", "npool", "retransn")


def open_nc(path):
    import xarray as xr

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xr.SerializationWarning)  # two fill values in restart files
        return xr.open_dataset(path, decode_times=False, mask_and_scale=True)


class Case:
    """Columns and patches of a case. One cell with patches, or one cell a PFT (``bgc_allpft_*``)."""

    def __init__(self, name: str):
        self.name, self.folder = name, CLM5 / name
        self.site = json.loads((self.folder / "case.json").read_text())["site"]
        r = open_nc(self.folder / "restart_start.nc")
        self.pft_all = r.pfts1d_itypveg.values.astype(int)
        self.column_of = r.pfts1d_column_index.values.astype(int) - 1
        self.weight_all = r.pfts1d_wtcol.values
        self.columns = r.sizes["column"]
        one_each = self.columns > 1
        # patches of a column, padded: all columns have the same number in the cases at hand
        self.patches = 1 if one_each else self.pft_all.size
        self.pft = self.patch(self.pft_all).astype(int)
        wt = self.patch(self.weight_all)
        soil = open_nc(self.folder / "soil_constants.nc")
        organic = np.zeros(25)
        profile = np.asarray(self.site["soil"]["organic_kg_m3"], float)
        organic[: profile.size] = profile
        n = self.columns
        flat = lambda v: np.broadcast_to(np.asarray(v, float), (25, n)).copy()  # noqa: E731
        surface = Surface(
            lat=np.full(n, self.site["lat"]),
            lon=np.full(n, self.site["lon"]),
            elevation=np.zeros(n),
            forc_hgt=np.full(n, 30.0),
            topo_slope=np.full(n, 2.0),
            fmax=np.full(n, 0.3),
            zbedrock=np.full(n, 8.0),
            soil_color=np.full(n, 18),
            sand=flat(self.site["soil"]["sand_pct"]),
            clay=flat(self.site["soil"]["clay_pct"]),
            organic=flat(organic[:, None]),
            pft=self.pft,
            wt=wt / wt.sum(axis=0),
        )
        p = prepare(surface)

        def per_column(name):
            values = soil[name].values.reshape(25, -1)
            return jnp.asarray(np.broadcast_to(values if values.shape[1] == n else values[:, :1], (25, n)))

        self.p = p.replace(
            watsat=per_column("WATSAT"), bsw=per_column("BSW"), sucsat=per_column("SUCSAT"),
            hksat=per_column("HKSAT"),
        )  # fmt: skip

    def patch(self, values):
        """``[..., all patches]`` as ``[..., patch, column]``."""
        values = np.asarray(values)
        if self.columns > 1:
            return values[..., None, :]
        return values[..., :, None]

    def state(self, file: str = "restart_start.nc") -> Fields:
        r = open_nc(self.folder / file)
        s = dict(cold_start(self.p, CFG).items())
        clean = lambda x: np.where(np.abs(x) > 1e30, 0.0, np.nan_to_num(x))  # noqa: E731
        for name in (*pool_names("c"), *pool_names("n"), *OTHER, *PHENOLOGY, *MEMORY):
            s[name] = jnp.asarray(np.broadcast_to(self.patch(clean(r[name].values)), s[name].shape))
        for e in "cn":
            pools = [clean(r[f"{x}{e}_vr"].values)[:, :20].T for x in POOLS]
            s[f"decomp_{e}pools"] = jnp.asarray(np.stack(pools))
            # round-off of the file below zero
            for name in pool_names(e):
                s[name] = jnp.maximum(s[name], 0.0)
        for x in ("nh4", "no3"):
            s[f"smin_{x}"] = jnp.maximum(jnp.asarray(clean(r[f"smin_{x}_vr"].values)[:, :20].T), 0.0)
        s["retransn"] = jnp.maximum(s["retransn"], 0.0)
        s["conc_o2"] = jnp.asarray(clean(r.CONC_O2_UNSAT.values)[:, :20].T)
        s["annsum_counter"] = jnp.asarray(clean(r.annsum_counter.values))
        s["annet"] = jnp.asarray(clean(r.AnnET_VALUE.values))
        prec = self.patch(clean(r.PREC10_VALUE.values))
        s["prec10"] = jnp.asarray(prec[0])
        s["memory_steps"] = jnp.asarray(r.AnnET_NSTEPS.values.astype(float))
        return Fields(s)

    def soilpsi(self, liq):
        """MPa, as CLM derives it from the liquid water (kg m-2 ``[..., layer, column]``)."""
        p = self.p
        wet = np.maximum(liq / (1000.0 * np.asarray(p.dzsoi[:20])) / np.asarray(p.watsat[:20]), 1e-3)
        psi = -9.8e-6 * np.asarray(p.sucsat[:20]) * wet ** (-np.asarray(p.bsw[:20]))
        return np.clip(psi, -15.0, -1e-9)

    def sky(self, first_day: int, steps: int):
        """Day lengths of steps from 00 UTC of a day of the year (0-based); the calendar of CLM has no leap day."""
        start = np.datetime64("2005-01-01", "m") + (first_day * 48 + np.arange(steps)) * 30
        return calendar_fields(start, 1800.0, self.site["lat"], self.site["lon"])

    def steps(self, window: int):
        """Drivers of the steps of a window of ``steps.nc``, with the restart file before it, CLM's own results
        ``[time, ...]`` and the first day of the year. The first window begins with CLM's extra step 0."""
        info = json.loads((self.folder / "case.json").read_text())["windows"]
        length = [w["days"] * 48 for w in info]
        begin = sum(length[:window])
        d = open_nc(self.folder / "steps.nc").isel(time=slice(begin, begin + length[window]))
        files = [d]
        start = info[window]["initial_state"]
        extra = start == "restart_start.nc"
        if extra:
            files = [open_nc(self.folder / "step0.nc").isel(time=slice(0, 1)), d]

        def get(name):
            parts = [np.nan_to_num(x[name].values) for x in files]
            values = np.concatenate(parts)
            return np.where(np.abs(values) > 1e30, 0.0, values)

        layers = lambda name: get(name)[:, :20]  # noqa: E731
        patch = lambda name: self.patch(get(name))  # noqa: E731
        steps = get("GPP").shape[0]
        weight = np.asarray(self.p.wt)
        liq = layers("SOILLIQ")
        evap = ((patch("QVEGT") + patch("QVEGE") + patch("QSOIL")) * weight).sum(axis=1)
        drv = {
            "gpp_c": patch("GPP"),
            "lmr_c": patch("LEAF_MR"),
            "t_ref2m": patch("TSA"),
            "t_soil": layers("TSOI"),
            "h2osoi_vol": layers("H2OSOI"),
            "h2osoi_liq": liq,
            "soilpsi": self.soilpsi(liq),
            "qflx_drain": get("QDRAI"),
            "qflx_surf": get("QOVER"),
            "qflx_evap_tot": evap,
        }
        first = info[window]["first_day_of_year"] - 1
        sky = self.sky(first, length[window])
        forcing = {
            "dayl": sky["dayl"], "prev_dayl": sky["prev_dayl"], "end_of_day": sky["end_of_day"],
            "forc_rain": get("RAIN"), "forc_snow": get("SNOW"), "forc_pbot": get("PBOT"),
        }  # fmt: skip
        if extra:
            for name in ("dayl", "prev_dayl", "end_of_day"):
                forcing[name] = np.concatenate([forcing[name][:1], forcing[name]])
            forcing["end_of_day"][0] = False
        one = np.ones((steps, self.columns))
        for name in ("forc_rain", "forc_snow", "forc_pbot", "dayl", "prev_dayl"):
            forcing[name] = np.broadcast_to(forcing[name].reshape(steps, -1), one.shape)
        forcing["ndep"] = NDEP * one
        return drv, forcing, get, start, extra


def scan(case: Case, s: Fields, drv, forcing, collect, cfg=CFG):
    """Final state and the collected outputs ``[time, ...]``."""
    import jax

    from elterra.land.vegetation import carbon_nitrogen

    def body(s, x):
        d, f = x
        new, out = carbon_nitrogen(case.p, s, Fields(f), Fields(d), cfg)
        return new, {k: out[k] if k in out else new[k] for k in collect}

    inputs = ({k: jnp.asarray(v) for k, v in drv.items()}, {k: jnp.asarray(v) for k, v in forcing.items()})
    return jax.jit(lambda s, x: jax.lax.scan(body, s, x))(s, inputs)


def daily(case: Case, years: int = 1):
    """Drivers of whole years of single-patch cells from daily means: photosynthesis follows the light of the day,
    leaf respiration its warmth; water and soil temperature keep the day's mean. Returns drivers, forcing and the
    daily file."""
    d = open_nc(case.folder / "daily.nc").isel(time=slice(0, 365 * years))
    steps = 365 * 48 * years
    files = json.loads((case.folder / "case.json").read_text())["forcing"]["files"][:years]
    weather = [open_nc(CLM5 / "forcing" / f) for f in files]
    sun = np.concatenate([w.FSDS.values.reshape(w.sizes["time"], -1)[:, 0] for w in weather])
    air = np.concatenate([w.TBOT.values.reshape(w.sizes["time"], -1)[:, 0] for w in weather])
    per = steps // sun.size  # steps a record
    record = np.clip((np.arange(steps) - 1) // per, 0, None)  # the record before the step (README, lag)
    sun, air = sun[record], air[record]

    def get(name):
        values = np.nan_to_num(d[name].values)
        return np.where(np.abs(values) > 1e30, 0.0, values)

    def spread(x):  # of days to steps
        return np.repeat(x, 48, axis=0)

    def shape(x):  # mean 1 a day
        day = x.reshape(-1, 48)
        mean = day.mean(axis=1, keepdims=True)
        return np.where(mean > 0, day / np.where(mean > 0, mean, 1.0), 1.0).reshape(-1)

    light = shape(sun / (sun + 300.0))
    anomaly = (air.reshape(-1, 48) - air.reshape(-1, 48).mean(axis=1, keepdims=True)).reshape(-1)
    dark = shape(np.exp(0.055 * anomaly) * np.where(sun > 5.0, 0.75, 1.0))
    liq = get("SOILLIQ")[:, :20]
    tall = lambda x: x.reshape(x.shape[0], -1)[:, None, :]  # noqa: E731
    column = lambda x: x.reshape(x.shape[0], -1)  # noqa: E731
    drv = {
        "gpp_c": spread(tall(get("GPP"))) * light[:, None, None],
        "mr_day": spread(tall(get("MR"))),
        "dark": np.broadcast_to(dark[:, None, None], (steps, 1, case.columns)),
        "t_day": spread(tall(get("TSA"))),
        "t_ref2m": spread(tall(get("TSA"))) + anomaly[:, None, None],
        "t_soil": spread(get("TSOI")[:, :20].reshape(-1, 20, case.columns)),
        "h2osoi_vol": spread(get("H2OSOI")[:, :20].reshape(-1, 20, case.columns)),
        "h2osoi_liq": spread(liq.reshape(-1, 20, case.columns)),
        "soilpsi": spread(case.soilpsi(liq.reshape(-1, 20, case.columns))),
        "qflx_drain": spread(column(get("QDRAI"))),
        "qflx_surf": spread(column(get("QOVER"))),
        "qflx_evap_tot": spread(column(get("QFLX_EVAP_TOT"))),
    }
    sky = case.sky(0, 365 * 48)
    one = np.ones((steps, case.columns))
    forcing = {n: np.tile(sky[n], (years, 1)) * one for n in ("dayl", "prev_dayl")}
    forcing["end_of_day"] = np.tile(sky["end_of_day"], years)
    for name, variable in (("forc_rain", "RAIN"), ("forc_snow", "SNOW"), ("forc_pbot", "PBOT")):
        forcing[name] = spread(column(get(variable)) * np.ones((1, case.columns)))
    forcing["ndep"] = NDEP * one
    return drv, forcing, d


def scan_days(case: Case, s: Fields, drv, forcing, collect, cfg=CFG):
    """Final state, and daily means of the collected outputs (states at the end of the day)."""
    import jax

    from elterra.land.allocation import maintenance_respiration
    from elterra.land.vegetation import carbon_nitrogen

    def one(s, x):
        d, f = x
        d = Fields(d, lmr_c=jnp.zeros_like(d["gpp_c"]))
        other = maintenance_respiration(case.p, s, d.replace(t_ref2m=d.t_day)).mr
        d = d.replace(lmr_c=jnp.maximum(d.mr_day - other, 0.0) * d.dark)
        new, out = carbon_nitrogen(case.p, s, Fields(f), d, cfg)
        return new, {k: out[k] for k in collect if k in out}

    def day(s, x):
        s, out = jax.lax.scan(one, s, x)
        means = {k: v.mean(axis=0) for k, v in out.items()}
        return s, means | {k: s[k] for k in collect if k not in means}

    inputs = ({k: jnp.asarray(v) for k, v in drv.items()}, {k: jnp.asarray(v) for k, v in forcing.items()})
    first = jax.tree.map(lambda x: x[0], inputs)
    days = jax.tree.map(lambda x: x.reshape(-1, 48, *x.shape[1:]), inputs)

    def run(s, first, days):
        s = one(s, first)[0]  # CLM's extra step
        return jax.lax.scan(day, s, days)

    return jax.jit(run)(s, first, days)
