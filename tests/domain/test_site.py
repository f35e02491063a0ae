"""Site facts: what is wrong is named with its fix."""

import dataclasses

import numpy as np
import pytest

from elterra.domain import Patch, SiteError, annual_co2, ch_dav


def test_davos_is_valid_and_layers_hold():
    site = ch_dav()
    soil = site.soil_at(np.array([0.05, 0.2, 5.0]))
    np.testing.assert_array_equal(soil["organic"], [80.0, 35.0, 12.0])
    assert site.patches[0].pft == 2


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"latitude": 9.85591, "longitude": 46.81533}, "write latitude 46.8"),
        ({"longitude": 355.0, "utc_offset_h": 0.0}, "write -5 "),
        ({"latitude": -33.0}, "km outside the domain"),
        ({"latitude": 5_200_000.0}, "EPSG:4326"),
        ({"latitude": float("nan")}, "not finite"),
        ({"utc_offset_h": -2.0}, "the sun says"),
        ({"patches": (Patch(2, 0.7, 25.0),)}, "sum is 0.7"),
        ({"patches": (Patch(-999, 1.0, 25.0),)}, "no CLM5 PFT"),
        ({"sand_pct": 95.0, "clay_pct": 10.0}, "sum is 105"),
        ({"sand_pct": 0.5, "clay_pct": 0.1}, "fractions"),
        ({"sand_pct": (50.0, 40.0)}, "2 layers"),
        ({"ndep_gn_m2_yr": 15.0}, "10 kg ha-1"),
        ({"deims_id": "nonsense"}, "UUID"),
    ],
)
def test_bad_fact_is_refused(change, text):
    with pytest.raises(SiteError, match=text):
        dataclasses.replace(ch_dav(), **change)


def test_distance_to_the_domain():
    with pytest.raises(SiteError, match=r"11[12] km"):
        dataclasses.replace(ch_dav(), latitude=32.0)


def test_co2_table():
    table = dict(annual_co2())
    assert min(table) == 1980
    assert max(table) == 2024
    at = ch_dav().co2_at(np.array(["2015-07-02T12:00"], "M8[ns]"))
    np.testing.assert_allclose(at, table[2015], atol=0.02)
    with pytest.raises(SiteError, match="extend the table"):
        ch_dav().co2_at(np.array(["1950-01-01"], "M8[ns]"))
