"""Fortran namelists, and what of ``lnd_in`` the model honours."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elterra.errors import InputError

_GROUP = re.compile(r"&\s*(\w+)(.*?)(?:^|\n)\s*/\s*(?:\n|$)", re.S)
_ENTRY = re.compile(r"([A-Za-z]\w*(?:\([^)]*\))?)\s*=\s*")
_VALUE = re.compile(r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"|([^\s,]+)")


def read_namelist(path: Path) -> dict[str, dict[str, Any]]:
    """Groups of a namelist file, names in lower case; a value is a string, number, bool, or a list of these."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return parse_namelist(text)


def parse_namelist(text: str) -> dict[str, dict[str, Any]]:
    """As `read_namelist`, from text. Comments after ``!`` outside of quotes are dropped."""
    plain = "\n".join(_without_comment(line) for line in text.splitlines()) + "\n"
    groups: dict[str, dict[str, Any]] = {}
    for match in _GROUP.finditer(plain):
        body = match.group(2)
        hidden = re.sub(r"'[^']*'|\"[^\"]*\"", lambda m: "\x00" * len(m.group()), body)
        marks = [(m.start(), m.end(), m.group(1).lower()) for m in _ENTRY.finditer(hidden)]
        group = groups.setdefault(match.group(1).lower(), {})
        for i, (_, start, name) in enumerate(marks):
            stop = marks[i + 1][0] if i + 1 < len(marks) else len(body)
            values = [_value(v) for v in _VALUE.finditer(body[start:stop])]
            group[name] = values[0] if len(values) == 1 else values
    return groups


def _without_comment(line: str) -> str:
    quote = ""
    for i, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "!":
            return line[:i]
    return line


def _value(match: re.Match[str]) -> Any:
    if match.group(3) is None:
        return match.group(1) if match.group(1) is not None else match.group(2)
    word = match.group(3)
    low = word.lower()
    if low in (".true.", "t", ".t."):
        return True
    if low in (".false.", "f", ".f."):
        return False
    try:
        return int(word)
    except ValueError:
        pass
    try:
        return float(low.replace("d", "e"))
    except ValueError:
        return word


@dataclass
class Report:
    """What was read and what became of it. ``used`` changes the run, ``unsupported`` should but does not,
    ``unused`` has no counterpart in the model, ``missing`` was looked for and stands at its default."""

    used: dict[str, str] = field(default_factory=dict)
    unsupported: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def merge(self, other: Report) -> Report:
        return Report(
            self.used | other.used,
            self.unsupported | other.unsupported,
            self.unused + other.unused,
            self.missing + other.missing,
        )

    def lines(self) -> list[str]:
        """The report for people, one line an item of what is used or not supported, lists folded."""
        out = [f"used         {name}: {what}" for name, what in sorted(self.used.items())]
        out += [f"NOT MODELLED {name}: {what}" for name, what in sorted(self.unsupported.items())]
        if self.missing:
            out.append(f"at default   {', '.join(sorted(self.missing))}")
        if self.unused:
            out.append(f"unused       {', '.join(sorted(self.unused))}")
        return out


_OF_FIRE = (
    "rh_low", "rh_hgh", "bt_min", "bt_max", "lfuel", "ufuel", "pot_hmn_ign_counts_alpha", "occur_hi_gdp_tree",
    "cropfire_a1", "boreal_peatfire_c", "non_boreal_peatfire_c",
)  # fmt: skip
#: namelist variable -> parameter of the registry (same unit unless a factor stands in `_FACTOR`)
PARAMETERS = {
    "zetamaxstable": "zeta_max_stable",
    "fresh_snw_rds_max": "fresh_snw_rds_max",
    "baseflow_scalar": "baseflow_scalar",
    "interception_fraction": "interception_fraction",
    "maximum_leaf_wetted_fraction": "maximum_leaf_wetted_fraction",
    "int_snow_max": "int_snow_max",
    "upplim_destruct_metamorph": "upplim_destruct_metamorph",
    "h2osno_max": "h2osno_max",
    "decomp_depth_efolding": "decomp_depth_efolding",
    "br_root": "br_root",
    "leaf_mr_vcm": "leaf_mr_vcm",
    "initial_vegc": "initial_vegc",
    "initial_cstocks_depth": "initial_cstocks_depth",
    "jmaxb1": "jmaxb1",
    **{name: name for name in _OF_FIRE},
}
#: namelist variable with several values -> a parameter of the registry for each
LISTS = {"cmb_cmplt_fact": ("cmb_cmplt_fact_litter", "cmb_cmplt_fact_cwd")}
#: values of ``fire_method`` that stand for the fires of the model
FIRES = ("li2016crufrc",)

#: switch -> (values the model stands for, what is done otherwise)
SWITCHES: dict[str, tuple[tuple[Any, ...], str]] = {
    "soil_layerstruct": (("20SL_8.5m",), "the ground has 20 soil layers to 8.6 m and 5 of rock"),
    "use_bedrock": ((True,), "soil ends at zbedrock"),
    "irrigate": ((False,), "no irrigation"),
    "use_crop": ((False,), "crops grow as generic unmanaged ones"),
    "use_dynroot": ((False,), "root profiles are fixed"),
    "use_fates": ((False,), "no FATES"),
    "use_lai_streams": ((False,), "leaf area comes from the surface file"),
    "use_soil_moisture_streams": ((False,), "soil moisture is prognostic"),
    "soilwater_movement_method": ((1,), "moisture form of Richards' equation"),
    "lower_boundary_condition": ((2,), "no flux through the lower boundary"),
    "soil_resis_method": ((1,), "dry surface layer"),
    "use_undercanopy_stability": ((False,), "no extra stability under the canopy"),
    "lotmp_snowdensity_method": (("Slater2017",), "density of fresh snow after Slater (2017)"),
    "snow_overburden_compaction_method": (("Vionnet2012",), "compaction after Vionnet et al. (2012)"),
    "wind_dependent_snow_density": ((True,), "wind packs fresh snow"),
    "snow_thermal_cond_method": (("Jordan1991",), "conductivity of snow after Jordan (1991)"),
    "use_clm5_fpi": ((True,), "interception by tanh(LAI + SAI)"),
    "snowveg_flag": (("ON_RAD",), "snow on the canopy changes its optics"),
    "stomatalcond_method": (("Medlyn2011",), "stomata after Medlyn et al. (2011)"),
    "leafresp_method": ((0, 2), "leaf respiration after Atkin"),
    "light_inhibit": ((True,), "light inhibits leaf respiration"),
    "fire_method": (("nofire", *FIRES), "fires after Li (2016) or none; none of deforestation"),
    "organic_frac_squared": ((False,), "organic fraction is linear in organic matter"),
    "suplnitro": (("NONE",), "no supplemental nitrogen"),
    "co2_type": (("constant",), "CO2 is co2_ppmv"),
    "reset_snow": ((False,), "snow of the initial state is kept"),
    "glc_do_dynglacier": ((False,), "no glaciers"),
    "repartition_rain_snow": ((True,), "rain and snow by air temperature"),
    "use_lch4": ((False,), "no methane; inundation is a constant"),
}

#: processes that CLM switches and this model may have or not: (value that needs it, state or parameter that
#: tells that the model has it, what happens without)
PROCESSES: dict[str, tuple[Any, str, str]] = {
    "use_hydrstress": (True, "vegwp", "soil moisture stress (btran) instead of plant hydraulics"),
    "use_luna": (True, "vcmx25", "prescribed photosynthetic capacity instead of LUNA"),
    "use_fun": (True, "ekc_active", "uptake of nitrogen without carbon cost"),
    "use_flexiblecn": (True, "ekc_active", "fixed C:N of plant tissue"),
}


def flat(groups: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All entries of all groups by name (names are unique in ``lnd_in``)."""
    return {name: value for group in groups.values() for name, value in group.items()}


def check_switches(entries: dict[str, Any], known: set[str]) -> Report:
    """Which switches the model honours. ``known`` are the states and parameters of the registry."""
    report = Report()
    for name, (accepted, words) in SWITCHES.items():
        if name not in entries:
            continue
        if entries[name] in accepted:
            report.used[name] = words
        else:
            report.unsupported[name] = f"{entries[name]!r} is not supported: {words}"
    for name, (value, sign, without) in PROCESSES.items():
        if entries.get(name) == value:
            if sign in known:
                report.used[name] = "modelled"
            else:
                report.unsupported[name] = without
    return report


def namelist_parameters(entries: dict[str, Any], known: set[str]) -> dict[str, float]:
    """Registry parameters that ``lnd_in`` sets."""
    single = {
        ours: float(entries[name])
        for name, ours in PARAMETERS.items()
        if ours in known and isinstance(entries.get(name), int | float)
    }
    several = {
        ours: float(value)
        for name, targets in LISTS.items()
        if isinstance(entries.get(name), list)
        for ours, value in zip(targets, entries[name], strict=True)
        if ours in known
    }
    return single | several
