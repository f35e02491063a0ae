"""Charts as SVG, and those of a run's innovations."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import xarray as xr

from elterra.product.diagnostic_plots import innovation_panels, write_diagnostic_plots
from elterra.product.svg import Panel, page

NAMES = "{http://www.w3.org/2000/svg}"


def innovations(count=400, spread=1.0):
    rng = np.random.default_rng(1)
    time = np.datetime64("2015-01-01") + np.arange(count).astype("timedelta64[D]")
    mean = rng.standard_normal(count)
    return xr.Dataset(
        {
            "variable": ("datum", np.where(np.arange(count) % 2 == 0, "LE", "SWC").astype(str)),
            "time_start": ("datum", time.astype("datetime64[ns]")),
            "value": ("datum", mean + spread * rng.standard_normal(count)),
            "error_sd": ("datum", np.full(count, 0.6)),
            "prior_sd": ("datum", np.full(count, 0.8)),
            "prior_mean": ("datum", mean),
            "posterior_mean": ("datum", mean),
            "used": ("datum", np.arange(count) % 7 > 0),
        }
    )


def test_a_page_is_well_formed_and_every_point_lies_inside_its_frame():
    panel = Panel("a < b & c", "x", "y", diagonal=True).add(
        [1.0, 2.0, np.nan, 4.0], [1.0, 3.0, 2.0, 5.0], kind="points"
    )
    root = ET.fromstring(page([panel, Panel("bars").add([0, 1, 2], [3, -1, 2], "one", "bars")], title="t"))
    circles = root.iter(f"{NAMES}circle")
    places = [(float(c.get("cx")), float(c.get("cy"))) for c in circles]
    assert len(places) == 3  # the gap is no point
    assert all(62 <= x <= 406 and 34 <= y <= 254 for x, y in places)
    assert any(t.text == "a < b & c" for t in root.iter(f"{NAMES}text"))


def test_logarithmic_axes_place_decades_evenly_and_leave_out_what_is_not_positive():
    panel = Panel("log", log=(True, False)).add([0.0, 1.0, 10.0, 100.0], [1.0, 1.0, 2.0, 3.0], kind="points")
    root = ET.fromstring(page([panel]))
    x = sorted(float(c.get("cx")) for c in root.iter(f"{NAMES}circle") if np.isfinite(float(c.get("cx"))))[
        -3:
    ]
    assert x[2] - x[1] == pytest.approx(x[1] - x[0], abs=0.2)


def test_a_series_of_unequal_lengths_is_refused_with_the_name_of_its_chart():
    with pytest.raises(ValueError, match=r"'mine'.*\(2,\) and \(3,\)"):
        Panel("mine").add([1, 2], [1, 2, 3])


def test_a_reliable_ensemble_lies_on_the_diagonal_and_has_flat_ranks():
    panels = innovation_panels(innovations(4000))
    assert [p.title.split(":")[0] for p in panels] == ["LE"] * 4 + ["SWC"] * 4
    spread, rank, chi2, _ = panels[:4]
    series = spread.series[0]
    assert ((series.low <= series.x) & (series.x <= series.high)).mean() >= 0.8
    counts = rank.series[0].y
    assert counts.min() > 0.6 * counts.mean()
    assert chi2.series[0].y.mean() == pytest.approx(1.0, abs=0.1)
    narrow = innovation_panels(innovations(4000, spread=2.0))[1].series[0].y
    assert narrow[0] > 2 * narrow.mean()


def test_files_are_written_and_kinds_with_too_few_data_left_out(tmp_path):
    budget = xr.Dataset(
        {"increment_water": ("time", np.ones(30))},
        coords={"time": np.datetime64("2015-01-01") + np.arange(30).astype("timedelta64[D]")},
    )
    paths = write_diagnostic_plots(innovations(), budget, tmp_path / "plots")
    assert [p.name for p in paths] == ["innovations.svg", "increments.svg"]
    for path in paths:
        ET.fromstring(path.read_text())
    few = innovations(20)
    assert write_diagnostic_plots(few, None, tmp_path / "none") == []
