"""The experiment file: refused with a place and a reason, or frozen and hashed."""

from __future__ import annotations

import json
import re
import time
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from elterra.errors import InputError
from elterra.experiment import Experiment, Site, load_experiment, schema

ROOT = Path(__file__).parents[1]

GOOD = """\
name: mine
site:
  name: My-Forest
  latitude: 47.0
  longitude: 9.5
  elevation_m: 800
  utc_offset_h: 1
  reference_height_m: 40
  patches:
    - {pft: 1, weight: 1.0, canopy_height_m: 25}
  soil: {sand_percent: [40], clay_percent: [20], organic_kg_m3: [20], bedrock_m: 2, colour: 14}
  slope_degrees: 3
  nitrogen_deposition_g_m2_yr: 1.0
data:
  record: my.csv
  reader: table
  clock: {column: TIMESTAMP, label: end}
  columns:
    NEE: {column: NEE, units: umol m-2 s-1}
period:
  start: 2013-01-01
  end: 2015-12-31
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def fault(tmp_path: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        load_experiment(write(tmp_path, text))
    return str(caught.value)


def test_a_good_file_is_read_and_frozen(tmp_path):
    experiment = load_experiment(write(tmp_path, GOOD))
    assert isinstance(experiment.site, Site)
    assert experiment.period.days == 1095
    assert experiment.ensemble.members == 64
    assert experiment.record_path() == tmp_path / "my.csv"
    with pytest.raises(ValueError, match="frozen"):
        experiment.name = "other"


def test_the_example_of_davos_is_good_and_points_to_the_current_schema():
    experiment = load_experiment(ROOT / "examples" / "davos.yaml")
    assert experiment.site == "ch-dav"
    assert experiment.period.days == 2555  # 2013 to 2019 without the last day
    assert (ROOT / "examples" / "davos.yaml").read_text().startswith("# yaml-language-server: $schema=")
    exported = json.loads((ROOT / "examples" / "experiment.schema.json").read_text())
    assert exported == schema(), "run: elterra info --schema > examples/experiment.schema.json"


def test_every_key_of_the_schema_has_a_description():
    whole = schema()
    for name, model in [("Experiment", whole), *whole["$defs"].items()]:
        for key, entry in model["properties"].items():
            there = whole["$defs"][entry["$ref"].rpartition("/")[2]] if "$ref" in entry else {}
            assert entry.get("description") or there.get("description"), f"{name}.{key}"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("latitude: 47.0", "latitude: 97.0", 4, ["site.latitude", "less than or equal to 90", "got 97.0"]),
        ("longitude: 9.5", "longitude: 189.5", 5, ["site.longitude", "180", "got 189.5"]),
        (
            "latitude: 47.0",
            "lattitude: 47.0",
            4,
            ["site.lattitude", "unknown key", "did you mean `latitude`"],
        ),
        ("elevation_m: 800", "elevation_m: high", 6, ["site.elevation_m", "number", "got 'high'"]),
        ("pft: 1,", "pft: 99,", 10, ["site.patches[0].pft", "less than or equal to 14", "got 99"]),
        ("weight: 1.0", "weight: 0.5", 2, ["site", "sum to 0.5"]),
        ("reference_height_m: 40", "reference_height_m: 20", 2, ["not above the canopy"]),
        ("clay_percent: [20]", "clay_percent: [70]", 11, ["site.soil", "more than 100"]),
        ("label: end", "label: late", 17, ["data.clock.label", "'start', 'middle' or 'end'", "got 'late'"]),
        ("units: umol m-2 s-1", "unit: x", 19, ["data.columns.NEE.unit", "did you mean `units`"]),
        ("end: 2015-12-31", "end: 2012-12-31", 20, ["period", "before start"]),
        ("end: 2015-12-31", "end: 2015-02-30", 22, ["period.end", "got '2015-02-30'"]),
        (
            "end: 2015-12-31",
            "end: 2013-06-30\nevaluation: {forecast_days: 365}",
            None,
            ["forecast_days 365 leaves nothing"],
        ),
        ("reader: table", "reader: fluxnet", 14, ["`clock`, `columns`", "only reader `table` uses it"]),
        ("name: mine", "name: ../mine", 1, ["name", "got '../mine'"]),
        ("name: mine", "name: mine\nname: other", 2, ["name stands here a second time", "line 1"]),
        ("name: mine", "name: mine\nensemble: {members: 1}", 2, ["ensemble.members", "to 2", "got 1"]),
        ("name: mine", "name: &a mine", 1, ["anchors and aliases"]),
        ("name: mine", "name: [mine", None, ["not valid YAML"]),
        ("name: mine", "name: !!python/object/apply:os.getcwd []", None, ["not valid YAML"]),
    ],
)
def test_a_fault_names_file_line_key_expected_and_got(tmp_path, old, new, line, words):
    assert old in GOOD
    text = fault(tmp_path, GOOD.replace(old, new, 1))
    assert "x.yaml" in text
    if line is not None:
        assert f"line {line}:" in text, text
    for word in words:
        assert word in text, text


@pytest.mark.parametrize(
    "key",
    [
        "latitude",
        "longitude",
        "elevation_m",
        "utc_offset_h",
        "reference_height_m",
        "slope_degrees",
        "nitrogen_deposition_g_m2_yr",
        "patches",
        "soil",
    ],
)
def test_no_fact_of_a_site_has_a_silent_default(tmp_path, key):
    plain = _plain(tmp_path)
    del plain["site"][key]
    with pytest.raises(InputError, match=rf"site\.{key}: is missing"):
        Experiment.from_plain(plain)


def _plain(tmp_path):
    return load_experiment(write(tmp_path, GOOD)).model_dump(mode="json")


def test_several_faults_are_told_at_once(tmp_path):
    text = fault(tmp_path, GOOD.replace("latitude: 47.0", "latitude: 97").replace("label: end", "label: x"))
    assert len(text.splitlines()) == 2


def test_a_packaged_site_given_wrongly_is_one_fault(tmp_path):
    text = fault(
        tmp_path,
        "name: a\nsite: CH Dav\ndata: {record: packaged, reader: packaged}\n"
        "period: {start: 2013-01-01, end: 2019-12-31}\n",
    )
    assert len(text.splitlines()) == 1
    assert "line 2: site" in text


def test_bombs_are_refused_at_once(tmp_path):
    start = time.process_time()
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))
    assert "anchors and aliases" in fault(tmp_path, bomb)
    assert "nested deeper" in fault(tmp_path, "[" * 100000)
    assert "larger than" in fault(tmp_path, "#" * 1_000_001)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("# a comment\n", "the file is empty"),
        ("- 1\n", "got a list"),
        ("just words\n", "got 'just words'"),
        ("---\na: 1\n---\nb: 2\n", "expected a single document"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused_with_what_is_wanted(tmp_path, text, words):
    told = fault(tmp_path, text)
    assert len(told.splitlines()) == 1
    assert "x.yaml" in told
    assert words in told
    assert "single document" in told or "`name`, `site`, `data` and `period`" in told


@pytest.mark.parametrize(
    ("old", "new"), [("pft: 1,", "pft: 99,"), ("sand_percent: [40]", "sand_percent: [140]")]
)
def test_an_entry_of_a_list_at_fault_is_one_fault(tmp_path, old, new):
    assert len(fault(tmp_path, GOOD.replace(old, new)).splitlines()) == 1
    assert "at least 1 item" in fault(tmp_path, GOOD.replace("sand_percent: [40]", "sand_percent: []"))


def model_keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Dotted paths of all keys that hold values."""
    found: set[str] = set()
    for name, entry in model.model_fields.items():
        inner = list(_models_in(entry.annotation))
        if not inner:
            found.add(prefix + name)
        for other, mark in inner:
            found |= model_keys(other, f"{prefix}{name}{mark}.")
    return found


def _models_in(annotation, mark: str = ""):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, mark
        return
    own = {tuple: "[]", dict: ".<VARIABLE>"}.get(typing.get_origin(annotation), "")
    for part in typing.get_args(annotation):
        yield from _models_in(part, mark + own)


def test_the_guide_lists_every_key_of_the_file_and_no_other():
    page = (ROOT / "docs" / "guide" / "experiment.md").read_text(encoding="utf-8")
    listed = set()
    for section in page.split("\n## ")[1:]:
        under = "site." if section.startswith("Facts of a site") else ""
        for row in re.findall(r"^\| (`[^|]*) \|", section, re.M):
            before = ""
            for key in re.findall(r"`([^`]+)`", row):
                full = before + key if key.startswith(".") else key
                before = full.rpartition(".")[0]
                listed.add(under + full)
    assert listed - {"site"} == model_keys(Experiment)


def test_missing_and_binary_files_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_experiment(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"b\.yaml"):
        load_experiment(tmp_path / "b.yaml")


def test_the_content_hash_sees_what_matters_only(tmp_path):
    base = load_experiment(write(tmp_path, GOOD)).content_hash()
    same = "# a comment\nengine: {threads: 3}\ntitle: words\nabout: {creator_name: me}\n" + GOOD.replace(
        "800", "800.0"
    )
    assert load_experiment(write(tmp_path, same)).content_hash() == base
    other = GOOD.replace("800", "800.5")
    assert load_experiment(write(tmp_path, other)).content_hash() != base


def test_what_is_saved_is_read_back_equal(tmp_path):
    experiment = load_experiment(write(tmp_path, GOOD))
    again = Experiment.from_plain(experiment.model_dump(mode="json"), folder=tmp_path)
    assert again.content_hash() == experiment.content_hash()
    assert again == experiment


def test_the_filter_is_chosen_by_name_and_a_factor_without_relaxation_is_refused(tmp_path):
    chosen = GOOD + "assimilation: {filter: letkf, relaxation: spread, relaxation_factor: 0.7}\n"
    assert load_experiment(write(tmp_path, chosen)).assimilation.filter == "letkf"
    with pytest.raises(InputError, match=r"assimilation\.filter.*etkf.*letkf"):
        load_experiment(write(tmp_path, GOOD + "assimilation: {filter: kalman}\n"))
    with pytest.raises(InputError, match="needs `relaxation: spread`"):
        load_experiment(write(tmp_path, GOOD + "assimilation: {relaxation_factor: 0.7}\n"))
