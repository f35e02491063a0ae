"""Exports: the compliance checker finds no error, and CSV tables come back."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from elterra.product.export import ExportError, fluxnet_columns, quality, write_fluxnet_csv, write_netcdf
from elterra.product.load import Product
from elterra.registry import variables

from .synthetic import UMOL, run_groups


def base(stored: str) -> str:
    return stored if stored in variables() else stored.rsplit("_", 1)[0]


METADATA = {
    "title": "Reanalysis of an artificial forest",
    "summary": "States and fluxes of an artificial forest with uncertainty.",
    "site": "XX-Syn",
    "latitude": 46.8,
    "longitude": 9.9,
    "elevation": 1639.0,
    "utc_offset": 1.0,
    "institution": "A test",
    "license": "CC-BY-4.0",
    "creator_name": "A person",
    "creator_email": "person@example.org",
    "creator_url": "https://example.org/person",
    "publisher_name": "A house",
    "publisher_email": "house@example.org",
    "publisher_url": "https://example.org",
    "references": "https://example.org/data",
    "naming_authority": "org.example",
}


@pytest.fixture(scope="module")
def groups() -> dict[str, xr.Dataset]:
    return run_groups(days=20)


@pytest.mark.parametrize("scale", ["halfhourly", "daily"])
@pytest.mark.parametrize("standard", ["cf:1.11", "acdd:1.3"])
def test_the_compliance_checker_is_satisfied(groups: dict, tmp_path: Path, scale: str, standard: str) -> None:
    runner = pytest.importorskip(
        "compliance_checker.runner", reason="package compliance-checker is not installed"
    )
    # the checker takes minutes over all variables; these have every kind of attribute and dimension
    kinds = ("NEE", "LE", "TSOI", "LAI")
    names = [n for n in groups[scale].data_vars if str(n).startswith(kinds)]
    few = {scale: groups[scale][names].isel(time=slice(0, 96))}
    path = write_netcdf(Product(few.__getitem__), tmp_path / f"{scale}.nc", scale, METADATA)
    suite = runner.CheckSuite()
    suite.load_all_available_checkers()
    data = suite.load_dataset(str(path))
    scores = suite.run_all(data, [standard], skip_checks=[])
    groups_, errors = scores[standard]
    assert not errors
    failed = [(g.name, g.msgs) for g in groups_ if g.weight == 3 and g.value[0] < g.value[1]]
    # the CF table has no name for some of our quantities; ACDD only recommends one
    no_name = [
        n for n in names if variables()[base(str(n))].standard_name is None and not str(n).endswith("_flag")
    ]
    allowed = [(f'variable "{n}" missing the following attributes:', ["standard_name"]) for n in no_name]
    failed = [f for f in failed if f not in allowed]
    assert failed == []
    data.close()


def test_the_file_says_what_it_holds(groups: dict, tmp_path: Path) -> None:
    path = write_netcdf(Product(groups.__getitem__), tmp_path / "x.nc", "halfhourly", METADATA)
    with xr.open_dataset(path) as data:
        assert data["time_bnds"].shape == (20 * 48, 2)
        assert data["LE"].attrs["standard_name"] == "surface_upward_latent_heat_flux"
        assert "LE_sd" in data["LE"].attrs["ancillary_variables"].split()
        assert data["LE"].attrs["cell_methods"] == "time: mean"
        assert len(data["NEE_flag"].attrs["flag_meanings"].split()) == len(
            data["NEE_flag"].attrs["flag_masks"]
        )
        np.testing.assert_allclose(data["NEE"].values, groups["halfhourly"]["NEE"].values, rtol=1e-6)
        assert data.attrs["time_coverage_duration"] == "P20D"
        assert not list(tmp_path.glob("*.part"))


def test_nothing_is_made_up_of_people_and_terms(groups: dict, tmp_path: Path) -> None:
    few = {
        k: v
        for k, v in METADATA.items()
        if not k.startswith(("creator", "publisher", "license", "institution"))
    }
    path = write_netcdf(Product(groups.__getitem__), tmp_path / "x.nc", "daily", few)
    with xr.open_dataset(path) as data:
        assert not [k for k in data.attrs if k.startswith(("creator", "publisher"))]
        assert not {"license", "institution", "acknowledgement"} & set(data.attrs)
        assert "not stated" not in str(data.attrs)


def test_the_creator_distributes_a_file_unless_another_is_named(groups: dict, tmp_path: Path) -> None:
    few = {k: v for k, v in METADATA.items() if not k.startswith("publisher")}
    path = write_netcdf(Product(groups.__getitem__), tmp_path / "x.nc", "daily", few)
    with xr.open_dataset(path) as data:
        assert data.attrs["publisher_name"] == data.attrs["creator_name"] == "A person"
        assert data.attrs["publisher_institution"] == "A test"
    path = write_netcdf(Product(groups.__getitem__), tmp_path / "y.nc", "daily", METADATA)
    with xr.open_dataset(path) as data:
        assert data.attrs["publisher_name"] == "A house"
        assert "publisher_institution" not in data.attrs, "the house may be another"


def test_metadata_that_lack_something_are_refused(groups: dict, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="summary"):
        write_netcdf(
            Product(groups.__getitem__),
            tmp_path / "x.nc",
            "daily",
            {k: v for k, v in METADATA.items() if k != "summary"},
        )


def test_csv_comes_back_with_local_time_fluxnet_units_and_missing_values(
    groups: dict, tmp_path: Path
) -> None:
    groups = {**groups, "halfhourly": groups["halfhourly"].copy(deep=True)}
    groups["halfhourly"]["NEE"][5] = np.nan
    path = write_fluxnet_csv(Product(groups.__getitem__), tmp_path / "x.csv", "halfhourly", METADATA)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["TIMESTAMP_START"] == "201501010100"
    assert rows[0]["TIMESTAMP_END"] == "201501010130"
    assert rows[5]["NEE"] == "-9999"
    values = np.array([float(r["NEE"]) for r in rows])
    expected = groups["halfhourly"]["NEE"].values * UMOL
    good = np.isfinite(expected)
    np.testing.assert_allclose(values[good], expected[good], rtol=1e-5)
    assert {r["NEE_QC"] for r in rows} <= {"0", "1", "2", "3"}
    spread = np.array([float(r["SWC_SD"]) for r in rows])
    np.testing.assert_allclose(spread, groups["halfhourly"]["SWC_15_sd"].values * 100, rtol=1e-4)
    assert (tmp_path / "x.units.csv").read_text().startswith("column,units,description\n")


def test_layers_become_numbered_columns(groups: dict) -> None:
    columns = fluxnet_columns(groups["daily"], "daily", 1.0)
    assert columns["TIMESTAMP"][0] == "20150101"
    np.testing.assert_allclose(columns["TS_1"], groups["daily"]["TSOI"].values[:, 0] - 273.15, atol=1e-4)
    assert "TS_6" in columns
    assert "TS_7" not in columns


def test_quality_takes_the_best_information() -> None:
    np.testing.assert_array_equal(quality(np.array([1, 4, 2, 8, 1 | 8, 16 | 2, 0])), [0, 1, 2, 3, 0, 2, 3])
