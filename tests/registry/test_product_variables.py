"""The product's variables: what a user reads is described, and all that was asked for is there."""

from __future__ import annotations

from elterra.registry import variables

# fmt: off
ASKED = (
    "NEE", "GPP", "ER", "NPP", "HR", "LE", "H", "G", "RNET", "TRAN", "ESOIL", "LAI", "SWE", "H2OSOI", "SOILICE",
    "TSOI", "RUNOFF", "TOTVEGC", "TOTLITC", "TOTSOMC", "TOTECOSYSC", "TOTVEGN", "TOTLITN", "TOTSOMN", "TOTECOSYSN",
    "SMINN", "SMIN_NO3_LEACHED", "F_N2O_NIT", "F_N2O_DENIT", "F_DENIT",
)
# fmt: on


def test_every_output_has_a_long_name_and_a_known_interval() -> None:
    outputs = [v for v in variables().values() if v.output]
    assert len(outputs) >= len(ASKED)
    unclear = [
        v.name for v in outputs if not v.long_name.strip() or not set(v.output) <= {"halfhourly", "daily"}
    ]
    assert unclear == []


def test_the_product_holds_daily_what_the_job_asks_for() -> None:
    assert [n for n in ASKED if n not in variables() or "daily" not in variables()[n].output] == []
