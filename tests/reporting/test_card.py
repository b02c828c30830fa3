"""Data card and Croissant: they say what the files say, name nothing private, and other tools can read them."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from checkout import ROOT
from PIL import Image

from mineral_lib.data.audit import leak_note
from mineral_lib.data.prepare import prepare
from mineral_lib.parameters import load_profile
from mineral_lib.photos import credits, stated
from mineral_lib.reporting.card import class_frame, data_card, write_cards
from mineral_lib.reporting.croissant import RELEASED
from mineral_lib.storage import ResultPaths, file_digest, write_csv
from mineral_lib.study import Study

NAMES = {"quartz": 6, "黄铁矿": 7, "NA": 5}


@pytest.fixture
def folder(study_root):
    """Settings and data of a small folder; one class has a Chinese name, one is called NA."""
    root, generator = study_root / "private" / "my minerals", np.random.default_rng(0)
    for name, count in NAMES.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            noise = generator.integers(0, 256, (40, 40, 3), np.uint8)
            Image.fromarray(noise).save(root / name / f"{number:03d}.png")
    (root / "quartz" / "broken.jpg").write_bytes(b"no photograph")
    changes = ["data.source=folder", "data.folder=private/my minerals", "data.min_photos=3"]
    settings = load_profile("test", [*changes, "report.data_card=true"])
    return settings, prepare(settings)


def with_rights(settings, data):
    """The same data with the columns attribution and licence in the index."""
    index = data.index.assign(attribution="", licence="")
    index.loc[:3, ["attribution", "licence"]] = ["A. | Miner\nof X", "CC BY 4.0"]
    index.loc[4, "licence"] = "CC0"
    write_csv(ResultPaths.of(settings.profile).index, index)
    return replace(data, index=index)


def description_of(settings, data):
    return json.loads(write_cards(Study(settings))[1].read_text(encoding="utf-8"))


def test_card_counts_what_the_files_hold(folder):
    settings, data = folder
    text = data_card(Study(settings))
    assert "# Data card: Photographs of my minerals" in text and data.fingerprint in text
    frame = class_frame(Study(settings)).set_index("class")
    assert frame["photographs"].to_dict() == NAMES and frame.loc["黄铁矿", "English"] == "pyrite"
    assert frame.loc["quartz", "Chinese"] == "石英" and frame.loc["NA", "no."] == ""
    split = data.splits["grouped"]
    for part in ("train", "val", "test"):
        assert frame[part].sum() == (split["split"] == part).sum()
    assert "19 files found: 1 skipped, 18 used" in text
    assert leak_note(data.leak("grouped")) in text and file_digest(ResultPaths.of(settings.profile).index) in text
    assert "licence not stated: 18 photographs" in text and "Fewer than 5 test photographs" in text


def test_cards_name_no_path_of_the_machine_and_no_date(folder, study_root):
    settings, data = folder
    first = [path.read_bytes() for path in write_cards(Study(settings))]
    for content in first:
        text = content.decode()
        assert str(study_root) not in text and "private" not in text and "datePublished" not in text
    assert [path.read_bytes() for path in write_cards(Study(settings))] == first


def test_a_folder_gets_cards_on_request_only(folder):
    settings, data = folder
    paths = write_cards(Study(settings))
    assert [path.name for path in paths] == ["data_card.md", "croissant.json"]
    silent = settings.model_copy(update={"report": settings.report.model_copy(update={"data_card": False})})
    assert write_cards(Study(silent)) == [] and not any(path.exists() for path in paths)


def test_a_generated_set_always_gets_them(tiny):
    assert not tiny.report.data_card
    data = prepare(tiny)
    card, description = (path.read_text(encoding="utf-8") for path in write_cards(Study(tiny)))
    assert "Generated minerals, profile test" in card and "| 26 " in card and "no evidence about real ores" in card
    found = json.loads(description)
    assert found["license"].endswith("MIT.html")
    fields = {field["name"] for field in found["recordSet"][1]["field"]}
    assert {"image_id", "class_name", "specimen", "split", "sha256"} <= fields and "path" not in fields
    assert found["datePublished"] == RELEASED == yaml.safe_load((ROOT / "CITATION.cff").read_text())["date-released"]


def test_attribution_and_licence_are_summed_up(folder):
    settings, data = folder
    data = with_rights(settings, data)
    text = data_card(Study(settings))
    assert "licence CC BY 4.0: 4 photographs" in text and "licence not stated: 13 photographs" in text
    assert r"attribution A. \| Miner of X: 4 photographs" in text
    assert "attribution not stated: 14 photographs" in text
    found = description_of(settings, data)
    assert found["license"] == ["CC BY 4.0", "CC0"]
    assert {"attribution", "licence"} <= {field["name"] for field in found["recordSet"][1]["field"]}
    assert credits(data.index)[:6] == ["A. | Miner of X (CC BY 4.0)"] * 4 + [""] * 2
    assert credits(data.index.drop(columns=["attribution", "licence"])) == [""] * 18
    assert stated(pd.DataFrame({"licence": [None, " b ", "b", "a"]}), "licence").to_dict() == {"b": 2, "a": 1}


def references(value):
    """Every {"@id": ...} that points at another node, and every (file, column) that is read."""
    if isinstance(value, list):
        return [one for item in value for one in references(item)]
    if not isinstance(value, dict):
        return []
    if set(value) == {"@id"}:
        return [value["@id"]]
    if "fileObject" in value:
        return [value["fileObject"]["@id"], (value["fileObject"]["@id"], value["extract"]["column"])]
    return [one for key, item in value.items() if key != "@context" for one in references(item)]


def identities(value):
    if isinstance(value, list):
        return [one for item in value for one in identities(item)]
    if not isinstance(value, dict):
        return []
    own = [value["@id"]] if "@id" in value and "@type" in value else []
    return own + [one for key, item in value.items() if key != "@context" for one in identities(item)]


def test_the_description_is_closed_and_true(folder):
    settings, data = folder
    found, root = description_of(settings, data), ResultPaths.of(settings.profile).root
    known, used = identities(found), references(found)
    assert len(known) == len(set(known)) and {one for one in used if isinstance(one, str)} <= set(known)
    for file in found["distribution"]:
        assert file["sha256"] == file_digest(root / file["contentUrl"])
        assert file["contentSize"] == f"{(root / file['contentUrl']).stat().st_size} B"
    for name, column in {one for one in used if isinstance(one, tuple)}:
        assert column in pd.read_csv(root / name).columns
    assert [row["classes/name"] for row in found["recordSet"][0]["data"]] == data.classes
    assert found["version"].endswith(data.fingerprint[:12])


@pytest.mark.parametrize("rights", [False, True])
def test_mlcroissant_validates_a_folder_and_loads_its_records(folder, rights):
    mlcroissant = pytest.importorskip("mlcroissant")
    settings, data = folder
    data = with_rights(settings, data) if rights else data
    dataset = mlcroissant.Dataset(jsonld=str(write_cards(Study(settings))[1]))
    assert not dataset.metadata.ctx.issues.errors
    check_records(dataset, data)


def test_mlcroissant_validates_the_generated_set_without_a_warning(tiny):
    mlcroissant = pytest.importorskip("mlcroissant")
    data = prepare(tiny)
    dataset = mlcroissant.Dataset(jsonld=str(write_cards(Study(tiny))[1]))
    assert not dataset.metadata.ctx.issues.errors and not dataset.metadata.ctx.issues.warnings
    check_records(dataset, data)


def check_records(dataset, data):
    def column(records, name):
        return [value.decode() if isinstance(value := row[name], bytes) else value for row in records]

    records = list(dataset.records("photographs"))
    assert column(records, "photographs/image_id") == data.index["image_id"].tolist()
    assert column(records, "photographs/sha256") == data.index["sha256"].tolist()
    assert column(records, "photographs/label") == data.index["label"].tolist()
    split = data.splits["grouped"].set_index("image_id")["split"]
    assert column(records, "photographs/split") == split[data.index["image_id"]].tolist()
    assert column(list(dataset.records("classes")), "classes/name") == data.classes
    for name, samples in data.splits.items():
        ids = column(list(dataset.records(f"samples_{name}")), f"samples_{name}/sample_id")
        assert ids == samples["sample_id"].tolist()
