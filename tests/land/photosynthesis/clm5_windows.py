"""Every patch and time step of a CLM5 reference window as a column of one call."""

from __future__ import annotations

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import elterra.registry as registry
from elterra.land import Config, Fields
from elterra.land.params import root_fraction
from elterra.land.soil_heat import bedrock_layer

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[4] / "shared"))
RUNS = SHARED / "reference" / "clm5"
N = 12
HEIGHT = {"davos": 35.0, "rur": 10.0}


class Window:
    """Steps of ``case`` that follow another one. `clm[name]` `[..., column]` is CLM's value of the step,
    `clm.before[name]` that of the step before; columns are (time, patch), time first."""

    def __init__(self, case: str, mode: str, time: slice = slice(None)):
        import xarray as xr

        self.case, self.mode = case, mode
        self.cfg = Config(mode=mode)
        d = xr.open_dataset(RUNS / case / "steps.nc", decode_times=False).isel(time=time)
        self.data = d
        t = d.time.values
        self.now = np.nonzero(np.isclose(np.diff(t), 1 / 48, atol=1e-4))[0] + 1
        pft = d.pfts1d_itype_veg.values.astype(int)
        self.patch = np.nonzero(pft > 0)[0]
        self.pft = pft[self.patch]
        per_column = d.sizes["column"] > 1
        self.of_column = self.patch if per_column else np.zeros_like(self.patch)
        self.columns = self.now.size * self.patch.size

    def get(self, name: str, lag: int = 0):
        """CLM's value at the end of the step (``lag`` 1: of the step before), `[..., column]`."""
        v = self.data[name]
        x = np.asarray(v.values, dtype=float)[self.now - lag]
        x = np.where(np.abs(x) > 1e30, np.nan, x)
        if "pft" in v.dims:
            x = x[..., self.patch]
        elif {"column", "lndgrid", "gridcell"} & set(v.dims):
            x = x[..., self.of_column]
        else:
            x = np.repeat(x[..., None], self.patch.size, axis=-1)
        return np.moveaxis(x, 0, -2).reshape(*x.shape[1:-1], -1)

    def shaped(self, x):
        """``[..., column]`` as ``[..., time, patch]``."""
        x = np.asarray(x)
        return x.reshape(*x.shape[:-1], self.now.size, self.patch.size)

    def heights(self):
        """Top and bottom of the canopy: `htop`, `hbot` of the case's surface data or restart."""
        import xarray as xr

        surf = xr.open_dataset(RUNS / self.case / "surfdata.nc", decode_times=False)
        top = np.asarray(surf.MONTHLY_HEIGHT_TOP.values)
        top = top.reshape(12, top.shape[1], -1).max(axis=0)
        bot = np.asarray(surf.MONTHLY_HEIGHT_BOT.values).reshape(12, top.shape[0], -1).max(axis=0)
        one = top.shape[1] == 1
        cell = np.zeros_like(self.patch) if one else self.of_column
        return top[self.pft, cell], bot[self.pft, cell]

    def tiled(self, per_patch):
        """Values of the patches for all time steps."""
        return np.tile(np.asarray(per_patch), self.now.size)

    def parameters(self) -> Fields:
        import xarray as xr

        soil = xr.open_dataset(RUNS / self.case / "soil_constants.nc")
        out = {}
        for name, item in registry.parameters().items():
            if item.per_pft:
                out[name] = self.tiled(np.asarray(item.default)[self.pft])[None]
            else:
                out[name] = np.full(self.columns, float(item.default))
        for name in ("DZSOI", "ZSOI", "WATSAT", "SUCSAT", "BSW", "HKSAT"):
            v = np.nan_to_num(soil[name].values.reshape(25, -1)[:, self.of_column])
            out[name.lower()] = np.tile(v, (1, self.now.size))
        bedrock = bedrock_layer(jnp.full(self.columns, 8.0))
        out |= {
            "soil_color": np.full(self.columns, 18),
            "wt": np.ones((1, self.columns)),
            "pft": self.tiled(self.pft)[None],
            "nbedrock": bedrock,
            "forc_hgt": np.full(self.columns, HEIGHT["davos" if "davos" in self.case else "rur"]),
        }
        out["rootfr"] = root_fraction(jnp.asarray(out["rootprof_beta"]), bedrock)
        return jax.tree.map(jnp.asarray, Fields(out))

    def state(self) -> Fields:
        """State before the step."""
        get = lambda name: np.nan_to_num(self.get(name, 1))  # noqa: E731
        ice, liq = get("SNO_ICE"), get("SNO_LIQH2O")
        snl = (ice + liq > 0).sum(axis=0)

        def on_ground(x):  # history files fill the snow layers from the top
            layer = np.arange(N)[:, None] - (N - snl)
            taken = np.take_along_axis(x, np.clip(layer, 0, N - 1), axis=0)
            return np.where(layer >= 0, taken, 0.0)

        def column(snow, ground):
            below = np.zeros((25, self.columns))
            below[: ground.shape[0]] = ground
            return np.concatenate([snow, below])

        water, frozen = get("H2OCAN"), self.get("TV", 1) < 273.15
        one = np.ones((1, self.columns))
        s = {
            "t_soisno": column(on_ground(get("SNO_T")), get("TSOI")),
            "h2osoi_liq": column(on_ground(liq), get("SOILLIQ")),
            "h2osoi_ice": column(on_ground(ice), get("SOILICE")),
            "snw_rds": on_ground(get("SNO_GS")),
            "snl": snl,
            "frac_sno": get("FSNO_EFF"),
            "snow_depth": get("SNOW_DEPTH"),
            "h2osno_no_layers": np.where(snl == 0, get("H2OSNO"), 0.0),
            "liqcan": np.where(frozen, 0.0, water)[None],
            "snocan": np.where(frozen, water, 0.0)[None],
            "frac_h2osfc": get("FH2OSFC"),
            "t_h2osfc": get("TSOI")[0],
            "t_veg": get("TV")[None],
            "fcansno": get("FCANSNO")[None] if "FCANSNO" in self.data else 0.0 * one,
            "vegwp": np.minimum(get("VEGWP"), -1.0)[:, None],
            "vcmx25": get("VCMX25T")[None],
            "jmx25": get("JMX25T")[None],
            "t10": 280.0 * one,
            "acclim_s": 300.0 * one,
        }
        if self.mode == "bgc":
            s["frootc"] = get("FROOTC")[None]
            s["leafn"] = (get("LNC") * get("TLAI"))[None]
        return jax.tree.map(jnp.asarray, Fields(s))

    def forcing(self) -> Fields:
        g = self.get
        f = {
            "coszen": g("COSZEN", 1),
            "forc_solad": np.stack([g("FSDSVD"), g("FSDSND")]),
            "forc_solai": np.stack([g("FSDSVI"), g("FSDSNI")]),
            "forc_t": g("TBOT"),
            "forc_q": g("QBOT"),
            "forc_pbot": g("PBOT"),
            "forc_wind": g("WIND"),
            "forc_lwrad": g("FLDS"),
            "forc_pco2": g("PCO2"),
            "dayl": np.full(self.columns, 43200.0),
            "max_dayl": np.full(self.columns, 43200.0),
            "end_of_day": np.asarray(False),
        }
        return jax.tree.map(jnp.asarray, Fields(f))

    def vegetation(self) -> Fields:
        top, bot = self.heights()
        if self.mode == "bgc":
            top = np.where(self.pft < 12, 15.0, 0.5)
        elai, esai = self.get("ELAI", 1)[None], self.get("ESAI", 1)[None]
        v = {
            "elai": elai,
            "esai": esai,
            "tlai": self.get("TLAI", 1)[None],
            "tsai": self.get("TSAI", 1)[None],
            "htop": self.tiled(top)[None],
            "hbot": self.tiled(bot)[None],
            "frac_veg_nosno": (elai + esai > 0) * 1.0,
        }
        return jax.tree.map(jnp.asarray, Fields(v))


class Restart:
    """Patch values of a CLM restart file by its names, for the plant types ``pft``."""

    def __init__(self, case: str, name: str, pft):
        import xarray as xr

        self.data = xr.open_dataset(RUNS / case / name, decode_times=False, mask_and_scale=False)
        types = self.data.pfts1d_itypveg.values.astype(int).ravel()
        self.index = np.array([np.nonzero(types == k)[0][0] for k in pft])

    def __getitem__(self, name: str):
        values = np.asarray(self.data[name].values, dtype=float)
        return values.reshape(values.shape[0], -1)[self.index, 0]
