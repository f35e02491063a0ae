"""A run directory as the groups that scores, exports and the page read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from elterra.pipeline._run import saved_experiment
from elterra.pipeline.reanalysis.budget import described
from elterra.pipeline.reanalysis.inputs import load_observations, read_site
from elterra.pipeline.reanalysis.record import ASSIMILATED, packaged_attributes
from elterra.pipeline.reanalysis.station import GRAM_C_PER_UMOL
from elterra.product.store import Store, open_store

#: where `elterra evaluate` leaves its result, beside the stages' folders
SCORES = "scores"


class RunGroups:
    """Callable ``group -> Dataset``; raises `KeyError` for a group the run does not hold."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.store: Store = open_store(run_dir / "store")
        self.site = read_site(run_dir / "domain" / "site.json")

    def __call__(self, group: str) -> xr.Dataset:
        if group == "observations":
            return scored_observations(
                load_observations(self.run_dir / "observations" / "observations.nc"), self.site
            )
        if group == "innovations":
            return self._file("innovations.nc")
        if group == "budget":
            return described(self.store.dataset("budget").load())
        if group not in self.store.groups:
            raise KeyError(group)
        data = self.store.dataset(group)
        if group == "halfhourly" and (self.run_dir / "assimilation" / "flags.nc").exists():
            flags = self._file("flags.nc")
            data = data.assign(
                {f"{n}_flag": flags[f"{n}_flag"] for n in ("NEE", "LE") if f"{n}_flag" in flags}
            )
        return data

    def _file(self, name: str) -> xr.Dataset:
        path = self.run_dir / "assimilation" / name
        if not path.exists():
            raise KeyError(name)
        with xr.open_dataset(path, engine="h5netcdf") as ds:
            return ds.load()

    def metadata(self) -> dict[str, Any]:
        """What titles, maps and citations need: facts of the site, and what the experiment says `about` its makers.

        Read from the experiment as it was last given, so that a change of it needs no new run.
        """
        site, experiment = self.site, saved_experiment(self.run_dir)
        found = {
            "title": experiment.title or experiment.name,
            "summary": f"Gap-free water, energy, carbon and nitrogen states and fluxes of {site.name} with uncertainty.",
            "site": site.name,
            "latitude": site.latitude,
            "longitude": site.longitude,
            "elevation": site.elevation_m,
            "utc_offset": site.utc_offset_h,
            "source": str(self.store.attrs.get("source", "")),
        }
        if experiment.data.reader == "packaged":
            owner = packaged_attributes()
            found |= {"license": owner["license"], "acknowledgement": f"Measurements: {owner['creator']}."}
        return found | experiment.about.model_dump(exclude_none=True)

    def provenance(self) -> dict[str, Any]:
        """Experiment, code version, checksums of every stage's outputs."""
        found: dict[str, Any] = {"experiment hash": self.store.attrs.get("experiment_hash", "")}
        found["code"] = self.store.attrs.get("source", "")
        for manifest in sorted((self.run_dir / "manifest").glob("*.json")):
            plain = json.loads(manifest.read_text(encoding="utf-8"))
            for name, digest in {**plain.get("outputs", {}), **plain.get("digests", {})}.items():
                found[f"{manifest.stem}: {name}"] = digest if isinstance(digest, str) else json.dumps(digest)
        return found

    def evaluation(self) -> dict[str, Any] | None:
        """Result of `elterra evaluate` for this experiment, if there is one."""
        path = self.run_dir / SCORES / "evaluation.json"
        if not path.exists():
            return None
        plain = json.loads(path.read_text(encoding="utf-8"))
        return plain if plain.get("experiment_hash") == self.store.attrs.get("experiment_hash") else None


def scored_observations(observations: xr.Dataset, site: Any) -> xr.Dataset:
    """Measured half-hours only (NaN elsewhere) of the variables that have any, their random error, and the partitioned
    estimates by day."""
    out = xr.Dataset(coords={"time": observations["time"]})
    for name in ASSIMILATED:
        good = observations[f"{name}_flag"] == 1
        if not bool(good.any()):
            continue  # nothing to score, and no gap can be designed around it
        out[name] = observations[name].where(good).astype(float)
        out[f"{name}_sd"] = observations[f"{name}_sd_random"].where(good).astype(float)
    to_umol = 1.0 / (GRAM_C_PER_UMOL * 86400.0)
    for name in ("GPP", "ER"):
        source = f"{name}_NT_daily"
        if source in observations:
            out[name] = observations[source].astype(float) * to_umol
            other = f"{name}_DT_daily"
            if other in observations:  # the two partitionings differ: that is the error of the reference
                out[f"{name}_sd"] = np.abs(observations[source] - observations[other]).astype(float) * to_umol
    out.attrs = {"latitude": site.latitude, "longitude": site.longitude, "utc_offset": site.utc_offset_h}
    return out
