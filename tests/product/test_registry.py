"""Product variables in the registry: described, and their CF names are in the table."""

from __future__ import annotations

from importlib import resources

from elterra.registry import variables


def table() -> set[str]:
    text = resources.files("elterra.registry").joinpath("cf_standard_names.txt").read_text(encoding="utf-8")
    return {line for line in text.splitlines() if line and not line.startswith("#")}


def test_every_standard_name_is_in_the_cf_table() -> None:
    names = table()
    assert len(names) > 4000
    wrong = {
        v.name: v.standard_name
        for v in variables().values()
        if v.standard_name and v.standard_name not in names
    }
    assert wrong == {}


def test_every_product_variable_says_what_it_is() -> None:
    for entry in variables().values():
        assert entry.description.strip()
        if entry.output:
            assert entry.long_name.strip()
            assert set(entry.output) <= {"halfhourly", "daily"}
            assert entry.units


def test_the_product_holds_what_the_job_asks_for() -> None:
    asked = [
        "NEE",
        "GPP",
        "ER",
        "NPP",
        "HR",
        "LE",
        "H",
        "G",
        "RNET",
        "TRAN",
        "ESOIL",
        "LAI",
        "SWE",
        "H2OSOI",
        "SOILICE",
        "TSOI",
        "RUNOFF",
        "TOTVEGC",
        "TOTLITC",
        "TOTSOMC",
        "TOTECOSYSC",
        "TOTVEGN",
        "TOTLITN",
        "TOTSOMN",
        "TOTECOSYSN",
        "SMINN",
        "SMIN_NO3_LEACHED",
        "F_N2O_NIT",
        "F_N2O_DENIT",
        "F_DENIT",
    ]
    assert [n for n in asked if n not in variables() or "daily" not in variables()[n].output] == []
