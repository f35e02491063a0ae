"""`elterra domain`: make, show, plot."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from elterra.cli._app import _call

YAML = """
name: small
title: A small part of Europe
domain:
  grid: {kind: regular, step: 1.0, box: [44, 52, 4, 16]}
"""


@pytest.fixture
def made(tmp_path, capsys):
    (tmp_path / "small.yaml").write_text(YAML)
    out = tmp_path / "small.nc"
    assert _call(["domain", "make", str(tmp_path / "small.yaml"), "--out", str(out), "--json"], False) == 0
    return out, json.loads(capsys.readouterr().out)


def test_make_writes_a_file_and_says_what_is_in_it(made):
    path, told = made
    assert path.exists()
    assert told["shape"] == [8, 12]
    assert told["bytes"] == path.stat().st_size
    assert sum(told["landunit_km2"].values()) == pytest.approx(told["land_km2"], rel=1e-6)
    assert told["variables"]["rsds"]["origin"] == "default"
    assert told["variables"]["tas"]["origin"] == "packaged"


def test_show_tells_the_same_in_words_and_in_json(made, capsys):
    path, told = made
    assert _call(["domain", "show", str(path), "--json"], False) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["pft_km2"] == told["pft_km2"]
    assert _call(["domain", "show", str(path)], False) == 0
    text = capsys.readouterr().out
    assert "8 x 12 cells" in text
    assert "default: a stated assumption" in text


def test_plot_draws_an_svg_with_a_picture_a_panel(made, capsys):
    path, _ = made
    assert _call(["domain", "plot", str(path)], False) == 0
    tree = ElementTree.parse(path.with_suffix(".svg"))
    space = "{http://www.w3.org/2000/svg}"
    words = [t.text for t in tree.iter(f"{space}text")]
    assert "A small part of Europe" in words
    assert "Elevation (assumed), m" in words
    assert len(list(tree.iter(f"{space}image"))) == 9 + 8  # maps and colour bars
    assert capsys.readouterr().out.startswith("written")


def test_faults_are_told_with_their_line(tmp_path, capsys):
    bad = tmp_path / "bad.yaml"
    bad.write_text(YAML.replace("step: 1.0", "steps: 1.0"))
    assert _call(["domain", "make", str(bad)], False) == 2
    told = capsys.readouterr().err
    assert "line 5" in told
    assert "did you mean `step`" in told
    assert _call(["domain", "show", str(tmp_path / "none.nc")], False) == 2
    assert "no such file" in capsys.readouterr().err


def test_run_makes_the_domain_and_its_maps_once(tmp_path, capsys):
    (tmp_path / "small.yaml").write_text(YAML)
    words = ["run", str(tmp_path / "small.yaml"), "--run", str(tmp_path / "out"), "--json"]
    assert _call(words, False) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ran"] == ["domain", "maps"]
    assert told["figures"]["domain"]["cells"] == 96
    assert (tmp_path / "out" / "maps" / "domain.svg").exists()
    assert _call(words, False) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == ["domain", "maps"]
    assert _call(["status", str(tmp_path / "out"), "--json"], False) == 0
    assert {s["state"] for s in json.loads(capsys.readouterr().out)["stages"]} == {"done"}
    # what belongs to a station is refused with words
    assert _call(["check", str(tmp_path / "small.yaml")], False) == 2
    assert "file of a region" in capsys.readouterr().err


def test_the_schema_of_the_region_file_is_the_shipped_one(capsys):
    assert _call(["domain", "schema"], False) == 0
    shipped = (Path(__file__).parents[2] / "examples" / "region.schema.json").read_text()
    assert capsys.readouterr().out == shipped, "run: elterra domain schema > examples/region.schema.json"
