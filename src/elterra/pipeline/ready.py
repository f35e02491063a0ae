"""Whether a run can begin: the facts, the record and the settings of an experiment looked at with the code of the run.

What the stages `domain`, `forcing` and `observations` do is done here too, without writing anything and without the land
model, and every fault is kept instead of the first.
"""

from __future__ import annotations

from dataclasses import dataclass

from elterra.errors import Faults, InputError
from elterra.experiment import Experiment


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault: ``key`` of the experiment file that it concerns, its ``line`` there (0: not known), and the text, which
    ends with what to do."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class NotReadyError(InputError):
    """An experiment cannot be run; ``problems`` says why, one each."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


#: names of the facts of a site where they are not those of the experiment file
_SITE_KEYS = {
    "sand_pct": "soil.sand_percent",
    "clay_pct": "soil.clay_percent",
    "sand_pct/clay_pct": "soil.sand_percent",
    "organic_kg_m3": "soil.organic_kg_m3",
    "soil_depth_m": "soil.depth_m",
    "soil_color": "soil.colour",
    "zbedrock_m": "soil.bedrock_m",
    "topo_slope_deg": "slope_degrees",
    "ndep_gn_m2_yr": "nitrogen_deposition_g_m2_yr",
    "latitude/longitude": "latitude",
    "patches.pft": "patches",
    "patches.weight": "patches",
    "patches.canopy_height_m": "patches",
}


def problems(experiment: Experiment) -> list[Problem]:
    """All that would stop a run of `experiment` before or in its spin-up; empty if nothing would."""
    from elterra.pipeline.reanalysis import record as of

    faults = Faults()
    with faults.caught():
        of.known_names(experiment)
    with faults.caught():
        of.whole_year(experiment)
    site = record = observations = None
    with faults.caught():
        site = of.site_of(experiment)
    if site is not None:
        with faults.caught():
            record = of.read_record(experiment, site)
    if site is not None and record is not None:
        with faults.caught():
            of.forcing_of(experiment, site, record)
        with faults.caught():
            observations = of.observations_of(experiment, site, record)
    if observations is not None:
        with faults.caught():
            of.observed_is_there(experiment, observations)
    return [_placed(e, experiment) for e in faults.errors]


def _placed(error: InputError, experiment: Experiment) -> Problem:
    key, text = _key(error, experiment), str(error)
    return Problem(experiment.file, experiment.line_of(key), key, text.removeprefix(f"{key}: "))


def _key(error: InputError, experiment: Experiment) -> str:
    """The dotted key of the experiment file that an error concerns."""
    key = getattr(error, "key", None)
    if key is not None:
        return str(key)
    field = getattr(error, "field", None)
    if field is not None:
        return f"site.{_SITE_KEYS.get(field, field)}"
    variable = getattr(error, "variable", None)
    clock, columns = experiment.data.clock, experiment.data.columns
    if clock is not None:
        if variable == clock.column or (variable is None and getattr(error, "time", None) is not None):
            return "data.clock"
        if variable is None:
            return "data.record"
        base = variable.removesuffix("_QC")
        named = [n for n, c in columns.items() if base == n or variable in (c.column, c.quality)]
        return f"data.columns.{named[0]}" if named else "data.columns"
    return "data.record"
