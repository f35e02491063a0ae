"""What a reanalysis is made of. Checked once, here; frozen and trusted afterwards.

Unknown keys are refused. An error names file, line, key, what was expected and what was got. There are no
defaults for facts of a site: a wrong height or time zone is worse than a question.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from elterra.errors import InputError
from elterra.experiment._faults import Lines, faults_of, parse
from elterra.files import digest_of

M = TypeVar("M", bound=BaseModel)
_MAX_BYTES = 1_000_000

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
SitePackaged = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Patch(_Model):
    """One plant functional type and the part of the ground that it covers."""

    pft: int = Field(ge=0, le=14)
    """CLM5 number of the plant functional type (0 bare ground, 1 temperate evergreen needleleaf tree ...)."""
    weight: float = Field(gt=0, le=1)
    """Part of the ground; weights of a site sum to 1."""
    canopy_height_m: float = Field(ge=0, le=120)
    """Height of the top of the canopy."""


class Soil(_Model):
    """Texture of the soil, one value or one per depth."""

    sand_percent: tuple[Annotated[float, Field(ge=0, le=100)], ...] = Field(min_length=1)
    """Sand, one value or one per entry of `depth_m`."""
    clay_percent: tuple[Annotated[float, Field(ge=0, le=100)], ...] = Field(min_length=1)
    """Clay, as `sand_percent`."""
    organic_kg_m3: tuple[Annotated[float, Field(ge=0, le=130)], ...] = Field(min_length=1)
    """Organic matter density (130 is pure peat), as `sand_percent`."""
    depth_m: tuple[Positive, ...] = ()
    """Lower bound of each layer; empty for one value at all depths."""
    bedrock_m: Positive
    """Depth to bedrock."""
    colour: int = Field(ge=1, le=20)
    """CLM soil colour class (1 brightest, 20 darkest)."""

    @model_validator(mode="after")
    def _same_length(self) -> Soil:
        n = max(len(self.depth_m), 1)
        lengths = {len(self.sand_percent), len(self.clay_percent), len(self.organic_kg_m3)}
        if lengths != {n}:
            raise ValueError(f"sand, clay and organic must have {n} values each, as depth_m says")
        if any(s + c > 100 for s, c in zip(self.sand_percent, self.clay_percent, strict=True)):
            raise ValueError("sand and clay of a layer sum to more than 100 percent")
        if list(self.depth_m) != sorted(set(self.depth_m)):
            raise ValueError("depth_m must increase")
        return self


class Site(_Model):
    """Facts of a site. All of them are needed: none can be guessed."""

    name: Name
    """Short name, such as a FLUXNET code."""
    latitude: float = Field(ge=-90, le=90)
    """Degrees north."""
    longitude: float = Field(ge=-180, le=180)
    """Degrees east; not 0 to 360."""
    elevation_m: float = Field(ge=-430, le=8850)
    """Above sea level."""
    utc_offset_h: float = Field(ge=-12, le=14)
    """Of the record's clock, the whole year (records keep standard time)."""
    reference_height_m: Positive
    """Height of the measurements above the ground."""
    patches: tuple[Patch, ...] = Field(min_length=1)
    """Vegetation."""
    soil: Soil
    """Soil."""
    slope_degrees: float = Field(ge=0, le=60)
    """Mean slope of the ground (degrees, not per cent)."""
    nitrogen_deposition_g_m2_yr: float = Field(ge=0, le=10)
    """Nitrogen deposition, wet and dry (10 kg per hectare are 1 g per square metre)."""
    co2_ppm: Annotated[float, Field(ge=250, le=700)] | None = None
    """Mole fraction of carbon dioxide; absent: the record's own, else the yearly global mean."""
    stand_age_years: Positive | None = None
    """Age of the stand, if known; informs how far the wood pools are from equilibrium."""
    wood_carbon_g_m2: Positive | None = None
    """Measured carbon in wood, if known."""
    soil_carbon_g_m2: Positive | None = None
    """Measured soil carbon down to 1 m, if known."""

    @model_validator(mode="after")
    def _together(self) -> Site:
        total = sum(p.weight for p in self.patches)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"weights of the patches sum to {total:g}, not 1")
        top = max(p.canopy_height_m for p in self.patches)
        if self.reference_height_m <= top:
            raise ValueError(
                f"reference_height_m {self.reference_height_m:g} is not above the canopy ({top:g} m)"
            )
        return self


class Column(_Model):
    """Where a variable stands in a table."""

    column: str = Field(min_length=1)
    """Name of the column."""
    units: str = Field(min_length=1)
    """Units of the column, as the units table knows them."""
    quality: str | None = None
    """Name of the column with its quality flag."""
    measured: tuple[int, ...] = (0,)
    """Flags that mean measured (not filled)."""


class Clock(_Model):
    """Time stamps of a table."""

    column: str = Field(min_length=1)
    """Name of the column."""
    label: Literal["start", "middle", "end"]
    """Which moment of its interval a stamp names."""
    format: str | None = None
    """strptime format; absent: ISO 8601 or YYYYMMDDHHMM."""


class Data(_Model):
    """The record of the site."""

    record: str = Field(min_length=1)
    """`packaged`, or a file: absolute, or relative to the experiment file."""
    reader: Literal["packaged", "fluxnet", "alma", "table"]
    """How to read it."""
    missing: tuple[Finite, ...] = (-9999.0,)
    """Values that mean missing."""
    clock: Clock | None = None
    """Time stamps (reader `table`)."""
    columns: dict[str, Column] = Field(default_factory=dict)
    """Column of each variable (reader `table`)."""

    @model_validator(mode="after")
    def _enough(self) -> Data:
        if self.reader == "table" and (self.clock is None or not self.columns):
            raise ValueError("reader `table` needs `clock` and `columns`")
        if (self.reader == "packaged") != (self.record == "packaged"):
            raise ValueError("`record: packaged` and `reader: packaged` go together")
        idle = [n for n in ("missing", "clock", "columns") if n in self.model_fields_set and getattr(self, n)]
        idle = [n for n in idle if n != "missing" or self.missing != (-9999.0,)]
        if self.reader != "table" and idle:
            raise ValueError(
                f"{', '.join(f'`{n}`' for n in idle)}: only reader `table` uses it; `{self.reader}` knows its own"
            )
        return self


class Period(_Model):
    """Days of the reanalysis, both included."""

    start: date
    """First day (UTC)."""
    end: date
    """Last day (UTC)."""

    @model_validator(mode="after")
    def _order(self) -> Period:
        if self.end < self.start:
            raise ValueError(f"end {self.end} is before start {self.start}")
        return self

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1


class Ensemble(_Model):
    """Members."""

    members: int = Field(default=64, ge=2, le=4096)
    """Number of members."""
    free_members: int = Field(default=32, ge=2, le=4096)
    """Members of the runs without data (open loop, and the run that the discrepancy is learned from), at most `members`."""
    seed: int = Field(default=1, ge=0, lt=2**32)
    """All randomness follows from it."""
    parameters: tuple[Name, ...] | None = None
    """Parameters to perturb; absent: all with a prior in the registry."""


class LandModel(_Model):
    """What the land model computes at the station, where CLM5 offers a choice."""

    stress: Literal["btran", "phs"] = "btran"
    """`btran`: stomata close with the soil water at the roots. `phs`: plant hydraulics (CLM5)."""
    capacity: Literal["prescribed", "luna"] = "prescribed"
    """`prescribed`: photosynthetic capacity is a parameter; conifers acclimate by season. `luna`: it follows light,
    temperature and leaf nitrogen (CLM5)."""
    nitrogen: Literal["competition", "fun"] = "competition"
    """`competition`: uptake of nitrogen is free, C:N of tissue fixed. `fun`: plants pay for it with carbon, C:N floats
    (CLM5)."""
    snow_layers: int = Field(default=5, ge=3, le=12)
    """Most layers of snow (CLM5: 12, meant for ice sheets)."""


class Spinup(_Model):
    """The start of the ensemble."""

    method: Literal["analytic", "native"] = "analytic"
    """`analytic`: steady state of the pool matrices, then native years. `native`: model years only."""
    years: int = Field(default=2, ge=0, le=10000)
    """Native years after the analytic step (or in all)."""
    disequilibrium: bool = True
    """Whether wood and soil pools are perturbed away from equilibrium."""


class Calibration(_Model):
    """Estimation of parameters before the assimilation."""

    enabled: bool = True
    """Whether to calibrate."""
    method: Literal["inversion", "ces"] = "inversion"
    """`inversion`: ensemble Kalman inversion. `ces`: calibrate, emulate, sample, for a posterior with its width."""
    model_runs: int = Field(default=640, ge=64, le=100000)
    """Method `ces`: about so many runs of the model through the years of the calibration."""
    iterations: int = Field(default=3, ge=1, le=100)
    """Method `inversion`: iterations."""
    parameters: tuple[Name, ...] | None = None
    """Parameters to estimate; absent: those of the ensemble."""
    spinup_years: int = Field(default=0, ge=0, le=10)
    """Years (each with its semi-analytic equilibrium) that every member spins up with its own parameters before its runs;
    0: all start from the common spun-up state."""

    @model_validator(mode="after")
    def _spun_up(self) -> Calibration:
        if self.spinup_years and not self.enabled:
            raise ValueError("`spinup_years` belongs to an enabled calibration; leave it out")
        return self


class Discrepancy(_Model):
    """What the calibrated model still gets wrong at the tower, learned from the data that are not withheld."""

    enabled: bool = True
    """Whether the observation operator has a learned discrepancy."""


class Assimilation(_Model):
    """The filter and the smoother."""

    enabled: bool = True
    """If not, the run is an open-loop ensemble."""
    window_days: Literal[1] = 1
    """Length of a window."""
    lag_days: int = Field(default=30, ge=0, le=366)
    """Lag of the smoother; 0: filter only."""
    observed: tuple[Name, ...] = ("NEE", "LE", "SWC")
    """Variables to assimilate."""
    filter: Literal["etkf", "denkf", "esrf", "enkf", "enkf_n", "letkf"] = "etkf"
    """`etkf`: ensemble transform, one transform a control group. `denkf`: deterministic EnKF. `esrf`: serial square root.
    `enkf`: perturbed observations. `enkf_n`: ETKF with the inflation that the finite ensemble asks for. `letkf`: an ETKF for
    every parameter, soil layer and pool, localised by variable and correlation."""
    relaxation: Literal["none", "spread", "perturbations"] = "none"
    """What the next window begins with is drawn back to the forecast: its spread (RTPS) or its perturbations (RTPP)."""
    relaxation_factor: float = Field(default=0.5, ge=0, le=1)
    """How far (relaxation `spread` or `perturbations`); 0: not at all, 1: as before the analysis."""
    emulated_members: int = Field(default=0, ge=0, le=100000)
    """Emulated members beside the true ones (multi-fidelity EnKF), such as 2000 beside 24; 0: none."""
    inflation: Literal["adaptive", "fixed", "none"] = "adaptive"
    """Inflation of what drives the drift of the parameters."""
    inflation_factor: float = Field(default=1.0, ge=1, le=3)
    """Factor of the standard deviation of the drift (inflation `fixed`)."""
    outlier_sd: Positive = 4.0
    """Innovations larger than this many standard deviations are rejected (and counted)."""

    @model_validator(mode="after")
    def _some(self) -> Assimilation:
        if self.enabled and not self.observed:
            raise ValueError("assimilation is enabled but `observed` is empty")
        if len(set(self.observed)) != len(self.observed):
            raise ValueError("`observed` names a variable twice")
        if self.relaxation == "none" and self.relaxation_factor != 0.5:
            raise ValueError("`relaxation_factor` needs `relaxation: spread` or `relaxation: perturbations`")
        if self.emulated_members and (self.filter, self.relaxation) != ("etkf", "none"):
            raise ValueError(
                "`emulated_members` has an analysis of its own: it needs `filter: etkf` and `relaxation: none`"
            )
        return self


class Withheld(_Model):
    """A block of days whose observations the assimilation does not see."""

    start: date
    """First day."""
    end: date
    """Last day."""
    variables: tuple[Name, ...] = ("NEE", "LE", "SWC")
    """Variables withheld."""

    @model_validator(mode="after")
    def _order(self) -> Withheld:
        if self.end < self.start:
            raise ValueError(f"end {self.end} is before start {self.start}")
        return self


class Evaluation(_Model):
    """Scores on data that were withheld."""

    gap_days: tuple[Annotated[int, Field(ge=1, le=366)], ...] = (1, 10, 30, 90)
    """Lengths of the artificial gaps."""
    variants: int = Field(default=2, ge=1, le=20)
    """Runs with different gaps."""
    forecast_days: Annotated[int, Field(ge=0, le=3660)] | None = None
    """Days at the end that are withheld as a forecast; 0: none; absent: the last calendar year."""
    withheld: tuple[Withheld, ...] = ()
    """Blocks withheld from this run in any case."""
    methods: tuple[Literal["climatology", "mds", "trees"], ...] = ("climatology", "mds", "trees")
    """Baselines to compare with."""


class About(_Model):
    """Who stands behind the product: attributes of exported files (ACDD). No effect on the results, therefore not part of
    the content hash; what is not said is not in the files."""

    creator_name: str | None = Field(default=None, max_length=300)
    """Person or group that made the reanalysis."""
    creator_email: str | None = Field(default=None, max_length=300)
    """Where to reach them."""
    creator_url: str | None = Field(default=None, max_length=300)
    """Their page or ORCID."""
    institution: str | None = Field(default=None, max_length=300)
    """Institution of the creator."""
    publisher_name: str | None = Field(default=None, max_length=300)
    """Who distributes the files; absent: the creator."""
    publisher_email: str | None = Field(default=None, max_length=300)
    """Absent: that of the creator."""
    publisher_url: str | None = Field(default=None, max_length=300)
    """Absent: that of the creator."""
    project: str | None = Field(default=None, max_length=300)
    """Project or network that the station belongs to."""
    license: str | None = Field(default=None, max_length=1000)
    """Terms of use of the product, such as CC-BY-4.0; absent: those of a packaged record, else none are stated."""
    acknowledgement: str | None = Field(default=None, max_length=2000)
    """Whom to thank, owners of the measurements first; absent: the source of a packaged record."""
    references: str | None = Field(default=None, max_length=2000)
    """Papers or pages that describe data and method."""


class Engine(_Model):
    """How it is computed; no effect on the results, therefore not part of the content hash."""

    threads: int | None = Field(default=None, ge=1, le=1024)
    """Threads; absent: all cores."""


@dataclass(frozen=True)
class _Origin:
    """File of an experiment and the line of each of its keys; no part of what it says."""

    file: str = field(compare=False)
    lines: Lines = field(compare=False)


class Experiment(_Model):
    """One reanalysis."""

    name: Name
    """Short name; the run directory is called so."""
    title: str = Field(default="", max_length=300)
    """One line for people."""
    site: SitePackaged | Site
    """Name of a packaged site, or its facts."""
    data: Data
    """The record of the site and how to read it."""
    period: Period
    """Days of the reanalysis."""
    ensemble: Ensemble = Ensemble()
    """Members."""
    land: LandModel = LandModel()
    """Choices of the land model."""
    spinup: Spinup = Spinup()
    """The start of the ensemble."""
    calibration: Calibration = Calibration()
    """Estimation of parameters."""
    discrepancy: Discrepancy = Discrepancy()
    """Learned discrepancy of the observation operator."""
    assimilation: Assimilation = Assimilation()
    """Filter and smoother."""
    evaluation: Evaluation = Evaluation()
    """Scores."""
    about: About = About()
    """Who stands behind the product."""
    engine: Engine = Engine()
    """How it is computed."""

    _folder: Path = PrivateAttr(default_factory=Path.cwd)
    _origin: _Origin = PrivateAttr(default_factory=lambda: _Origin("experiment", {}))

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        if isinstance(self.site, Site) and self.data.reader == "packaged":
            raise ValueError("`data.reader: packaged` belongs to a packaged site; give a record for your own")
        if (self.evaluation.forecast_days or 0) >= self.period.days > 1:
            raise ValueError(
                f"evaluation.forecast_days {self.evaluation.forecast_days} leaves nothing of the "
                f"{self.period.days} days of the period"
            )
        emulated, members = self.assimilation.emulated_members, self.ensemble.members
        if emulated and not 16 <= members <= emulated:
            raise ValueError(
                f"assimilation.emulated_members {emulated} needs 16 or more true members and no more of them than emulated "
                f"ones; ensemble.members is {members}"
            )
        return self

    @property
    def folder(self) -> Path:
        """Folder that relative paths of the file refer to."""
        return self._folder

    @property
    def file(self) -> str:
        """Where the experiment was read from."""
        return self._origin.file

    def line_of(self, key: str) -> int:
        """Line of the file at which a dotted key stands, or of what is nearest above it; 0 if that is not known."""
        path: list[str | int] = []
        for part in key.replace("[", ".[").split("."):
            path.append(int(part[1:-1]) if part.startswith("[") else part)
        return next((self._origin.lines[tuple(path[:n])] for n in range(len(path), 0, -1)
                     if tuple(path[:n]) in self._origin.lines), 0)  # fmt: skip

    def record_path(self) -> Path | None:
        """The record's file; None if it is packaged."""
        return None if self.data.record == "packaged" else (self.folder / self.data.record)

    def content_hash(self) -> str:
        """sha256 of all that matters to the results, in canonical form. Order of keys, comments, layout of
        the file, title, about and engine do not matter."""
        return digest_of(self.model_dump(mode="json", exclude={"engine", "title", "about"}))

    @classmethod
    def from_plain(cls, plain: Any, *, where: str = "experiment", folder: Path | None = None) -> Experiment:
        """Checks a nested dict. Raises `InputError`."""
        return checked_experiment(plain, where, {}, folder)


def read_plain(path: Path) -> tuple[Any, Lines]:
    """Plain values and lines of a YAML file. Raises `InputError` where it is no page of text."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: larger than {_MAX_BYTES} bytes; an experiment file is a page of text")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from None
    return parse(text, str(path))


def load_experiment(path: str | Path) -> Experiment:
    """Reads and checks an experiment file. Raises `InputError` with one line a fault."""
    path = Path(path)
    plain, lines = read_plain(path)
    if is_region(plain):
        raise InputError(
            f"{path}: this is the file of a region, not of a station's reanalysis; `elterra run` and "
            "`elterra domain make` take it"
        )
    return checked_experiment(plain, str(path), lines, path.resolve().parent)


def is_region(plain: Any) -> bool:
    """Whether the plain values of a file are those of a region: it has `domain` and no `site`."""
    return isinstance(plain, dict) and "domain" in plain and "site" not in plain


def schema() -> dict[str, Any]:
    """JSON Schema of the experiment file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Experiment.model_json_schema()}


def validated(model: type[M], plain: Any, where: str, lines: Lines) -> M:
    """``plain`` values as a model. Raises `InputError` with one line a fault."""
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        raise InputError("\n".join(faults_of(model, error, plain, where, lines))) from None


def checked_experiment(plain: Any, where: str, lines: Lines, folder: Path | None) -> Experiment:
    """Plain values of a file as an experiment. Raises `InputError` with one line a fault."""
    experiment = validated(Experiment, plain, where, lines)
    if folder is not None:
        experiment._folder = folder
    experiment._origin = _Origin(where, lines)
    return experiment
