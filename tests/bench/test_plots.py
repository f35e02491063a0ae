"""Charts of the benches' figures."""

import xml.etree.ElementTree as ET

import pytest

from elterra.bench.plots import assimilation_panels, calibration_panels, write_bench_plots
from elterra.errors import InputError

FIGURES = {
    "l96.etkf_n28.rmse": 0.178,
    "l96.etkf_n28.published": 0.18,
    "l96.etkf_n28.seed_sd": 0.002,
    "l96.etkf_n28.spread": 0.17,
    "letkf.1000.seconds": 1.0,
    "letkf.1000.gigabytes": 0.5,
    "letkf.10000.seconds": 9.0,
    "letkf.10000.interpolated_seconds": 1.0,
    "letkf.10000.gigabytes": 0.6,
}


def test_scores_lie_beside_published_ones_and_sizes_are_in_order():
    titles = [p.title for p in assimilation_panels(FIGURES)]
    assert titles[0] == "Lorenz-96: scores"
    time = assimilation_panels(FIGURES)[2]
    assert time.series[0].x.tolist() == [1000.0, 10000.0]
    assert [s.label for s in time.series] == ["every point", "interpolated"]


def test_coverage_and_error_ratios_are_drawn_where_they_were_measured():
    figures = {f"sbc.{n}.coverage{k}": k / 100 for n in ("a", "b") for k in (50, 90)}
    figures |= {"multifidelity.NEE.error_ratio": 0.9, "multifidelity.NEE.few_error_ratio": 1.2}
    assert [p.names for p in calibration_panels(figures)] == [["a", "b"], ["NEE"]]
    assert calibration_panels({"tanh.mean_error": 0.1}) == []


def test_files_are_written_for_benches_that_have_charts(tmp_path):
    path = write_bench_plots("assimilation", FIGURES, tmp_path / "new")[0]
    ET.fromstring(path.read_text())
    assert write_bench_plots("calibration", {}, tmp_path) == []
    with pytest.raises(InputError, match="bench store has no charts"):
        write_bench_plots("store", {}, tmp_path)
