"""CLM5 parameter files: their values under the names of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from elterra.clm._files import ClmFile
from elterra.clm.namelist import Report
from elterra.errors import InputError
from elterra.registry import parameters

#: CLM name -> registry name, where they differ. Names that agree need no entry.
RENAMED = {
    "cn_s1_bgc": "cn_s1",
    "cn_s2_bgc": "cn_s2",
    "cn_s3_bgc": "cn_s3",
    "rf_l1s1_bgc": "rf_l1s1",
    "rf_l2s1_bgc": "rf_l2s1",
    "rf_l3s2_bgc": "rf_l3s2",
    "rf_s2s1_bgc": "rf_s2s1",
    "rf_s2s3_bgc": "rf_s2s3",
    "rf_s3s1_bgc": "rf_s3s1",
    "depth_runoff_Nloss": "depth_runoff_nloss",
    "FUN_fracfixers": "fun_fracfixers",
    "pHmax": "ph_max",
    "pHmin": "ph_min",
}
#: names that mean another thing in CLM than in the registry, or that CLM reads and does not use
NOT_OURS = {
    "cn_s1": "soil pools of the older cascade",
    "cn_s2": "soil pools of the older cascade",
    "cn_s3": "soil pools of the older cascade",
    "rf_l1s1": "soil pools of the older cascade",
    "rf_s2s3": "soil pools of the older cascade",
    "q10_hr": "CLM5 decomposes with q10_mr",
    "tau_l1": "CLM5's rates are constants of its code",
    "tau_l2_l3": "CLM5's rates are constants of its code",
    "tau_s1": "CLM5's rates are constants of its code",
    "tau_s2": "CLM5's rates are constants of its code",
    "tau_s3": "CLM5's rates are constants of its code",
    "tau_cwd": "CLM5's rates are constants of its code",
    "decomp_depth_efolding": "CLM5 takes it from the namelist",
}
#: registry names that also take the value of a CLM parameter
ALSO = {"q10_mr": ("q10_hr",)}
#: parameters with a leading dimension: which of its entries is used (CLM: the first root profile is that of water)
FIRST = {"rootprof_beta": 0}
#: plant parts of hydraulic parameters, in CLM's order: the registry may hold one entry a part
SEGMENTS = ("sun", "sha", "xyl", "root")


@dataclass(frozen=True)
class ParameterFile:
    """Values by registry name: a number, or one per PFT (CLM order, 0 = bare); and what was done with the rest."""

    values: Mapping[str, np.ndarray]
    report: Report = field(default_factory=Report)

    def on_patches(self, pft: np.ndarray) -> dict[str, np.ndarray]:
        """The values as overrides of `elterra.land.prepare`: ``[patch, column]``, or ``[column]``."""
        columns = pft.shape[1]
        return {
            name: value[pft] if value.ndim == 1 else np.full(columns, float(value))
            for name, value in self.values.items()
        }


def ours(name: str, known: Mapping[str, object]) -> tuple[str, ...]:
    """Registry names that take their value from the CLM parameter ``name``; empty if there is none."""
    if name in NOT_OURS:
        return ()
    first = RENAMED.get(name, name)
    names = (first, *ALSO.get(first, ()), *(f"{first}_{part}" for part in SEGMENTS))
    return tuple(n for n in names if n in known)


def read_parameters(path: Path) -> ParameterFile:
    """Values of a CLM5 parameter file (``paramfile``). Nothing is dropped in silence: see the report."""
    known = parameters()
    values: dict[str, np.ndarray] = {}
    report = Report()
    with ClmFile(path) as file:
        for name in file:
            if file[name].dtype.kind not in "fiu":
                continue
            targets = ours(name, known)
            if not targets:
                report.unused.append(name)
                continue
            for target in targets:
                value = _select(name, target, file[name].astype(float), file.dims(name))
                item = known[target]
                if (value.ndim == 1) != item.per_pft:
                    report.unsupported[name] = (
                        f"has dimensions {file.dims(name)}, the registry's {target} is "
                        f"{'one per PFT' if item.per_pft else 'one number'}"
                    )
                    continue
                if item.per_pft:
                    value = np.where(np.isnan(value), 0.0, value)
                elif np.isnan(value):
                    raise InputError(f"{path}: {name} has no value")
                values[target] = value
                if not _same(value, item.default):
                    report.used[name] = f"sets {target} to other values than the registry's"
    report.missing = sorted(n for n, item in known.items() if item.per_pft and n not in values)
    return ParameterFile(values, report)


def _select(name: str, target: str, values: np.ndarray, dims: tuple[str, ...]) -> np.ndarray:
    """One value, or one per PFT."""
    if "pft" in dims:
        if values.ndim == 1:
            return values
        part = target.rpartition("_")[2]
        return values[SEGMENTS.index(part) if part in SEGMENTS else FIRST.get(name, 0)]
    return np.asarray(values.ravel()[0]) if values.size == 1 else values


def _same(value: np.ndarray, default: float | tuple[float, ...]) -> bool:
    expected = np.asarray(default, float)
    value = value[: expected.size] if value.ndim else value
    return bool(np.allclose(value, expected, rtol=1.0e-5, atol=0.0))


def read_snow_aging(path: Path) -> np.ndarray:
    """CLM5's table of dry grain growth (``fsnowaging``) as ``[3, entry, 1]``: time constant (h), exponent, first rate
    (um per hour) over temperature, gradient and density, the last fastest."""
    with ClmFile(path) as file:
        rows = [np.asarray(file.need(name), float).reshape(-1) for name in ("tau", "kappa", "drdsdt0")]
    table = np.stack(rows)[..., None]
    expected = (3, 11 * 31 * 8, 1)
    if table.shape != expected:
        raise InputError(f"{path}: the table of snow ageing has shape {table.shape}, expected {expected}")
    return table


def read_snow_optics(path: Path) -> np.ndarray:
    """CLM5's optics of ice grains (``fsnowoptics``) ``[2, 3, band, radius, 1]``: under direct and diffuse light 1 - single
    scattering albedo, asymmetry and mass extinction (m2 kg-1) in five bands for 30 to 1500 um."""
    with ClmFile(path) as file:
        table = np.stack(
            [
                np.stack(
                    [
                        1.0 - np.asarray(file.need(f"ss_alb_ice_{light}"), float),
                        np.asarray(file.need(f"asm_prm_ice_{light}"), float),
                        np.asarray(file.need(f"ext_cff_mss_ice_{light}"), float),
                    ]
                )
                for light in ("drc", "dfs")
            ]
        )[..., None]
    expected = (2, 3, 5, 1471, 1)
    if table.shape != expected:
        raise InputError(f"{path}: the tables of snow optics have shape {table.shape}, expected {expected}")
    return table
