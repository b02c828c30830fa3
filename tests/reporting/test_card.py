"""Data card and Croissant: they say what the files say, name nothing private, and other tools can read them."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from checkout import ROOT
from PIL import Image

from mineral_lib.data.audit import leak_note
from mineral_lib.parameters import load_profile
from mineral_lib.photos import credits, stated
from mineral_lib.reporting.card import class_frame, data_card, write_cards
from mineral_lib.storage import file_digest, write_csv
from mineral_lib.study import Study

NAMES = {"quartz": 6, "黄铁矿": 7, "NA": 5}


@pytest.fixture
def study(study_root):
    """A study of a small folder; one class has a Chinese name, one is called NA."""
    root, generator = study_root / "private" / "my minerals", np.random.default_rng(0)
    for name, count in NAMES.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            noise = generator.integers(0, 256, (40, 40, 3), np.uint8)
            Image.fromarray(noise).save(root / name / f"{number:03d}.png")
    (root / "quartz" / "broken.jpg").write_bytes(b"no photograph")
    changes = ["data.source=folder", "data.folder=private/my minerals", "data.min_photos=3"]
    return Study(load_profile("test", [*changes, "report.data_card=true"]))


def with_rights(study):
    """The same study with attribution and licence of some photographs."""
    table = study.index[["path"]].rename(columns={"path": "file"}).head(5).assign(attribution="", licence="CC0")
    table.loc[:3, ["attribution", "licence"]] = ["A. | Miner\nof X", "CC BY 4.0"]
    data = {"metadata_csv": str(write_csv(study.paths.root.parent / "rights.csv", table))}
    return Study(study.settings.model_copy(update={"data": study.settings.data.model_copy(update=data)}))


def description_of(study):
    return json.loads(write_cards(study)[1].read_text(encoding="utf-8"))


def test_card_counts_what_the_files_hold(study):
    text, data = data_card(study), study.data
    assert "# Data card: Photographs of my minerals" in text and data.fingerprint in text
    frame = class_frame(study).set_index("class")
    assert frame["photographs"].to_dict() == NAMES and frame.loc["黄铁矿", "English"] == "pyrite"
    assert frame.loc["quartz", "Chinese"] == "石英" and frame.loc["NA", "no."] == ""
    for part in ("train", "val", "test"):
        assert frame[part].sum() == (data.splits["grouped"]["split"] == part).sum()
    assert "19 files found: 1 skipped, 18 used" in text
    assert leak_note(data.leak("grouped")) in text and file_digest(study.paths.index) in text
    assert "licence not stated: 18 photographs" in text and "Fewer than 5 test photographs" in text
    assert "\n\n\n" not in text and "{" not in text


def test_the_card_of_a_folder_that_came_split_promises_nothing(study, study_root):
    root = study_root / "private/my minerals"
    for part, numbers in {"train": (0, 1, 2), "test": (3, 4)}.items():
        for name in NAMES:
            (root / part / name).mkdir(parents=True)
            for number in numbers:
                (root / name / f"{number:03d}.png").rename(root / part / name / f"{number:03d}.png")
    text = data_card(Study(study.settings))
    assert "- split as the folder came (grouped); other protocols 6:2:2 (train, val, test), seed 0\n" in text
    assert "The folder came split" in text and "Near-copies stand in one split" not in text


def test_cards_name_no_path_of_the_machine_and_no_date(study, study_root):
    first = [path.read_bytes() for path in write_cards(study)]
    for content in first:
        text = content.decode()
        assert str(study_root) not in text and "private" not in text and "datePublished" not in text
    assert [path.read_bytes() for path in write_cards(study)] == first


def test_a_folder_gets_cards_on_request_only(study):
    paths = write_cards(study)
    assert [path.name for path in paths] == ["data_card.md", "croissant.json"]
    report = study.settings.report.model_copy(update={"data_card": False})
    silent = study.settings.model_copy(update={"report": report})
    assert write_cards(Study(silent)) == [] and not any(path.exists() for path in paths)


def test_a_generated_set_always_gets_them_with_all_that_croissant_wants(tiny):
    assert not tiny.report.data_card
    study = Study(tiny)
    card, description = (path.read_text(encoding="utf-8") for path in write_cards(study))
    assert "Generated minerals, profile test" in card and "| 26 " in card and "no evidence about real ores" in card
    found = json.loads(description)
    required = {"conformsTo", "description", "license", "name", "url", "creator", "datePublished", "distribution"}
    assert required <= set(found) and found["conformsTo"].endswith("croissant/1.1")
    assert found["license"].endswith("MIT.html") and (study.paths.root / found["url"]).is_file()
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert found["datePublished"] == cited["date-released"] and f"version={{{cited['version']}}}" in found["citeAs"]
    fields = {field["name"] for field in found["recordSet"][1]["field"]}
    assert {"image_id", "class_name", "specimen", "split", "sha256"} <= fields and "path" not in fields


def test_attribution_and_licence_are_summed_up(study):
    assert description_of(study)["license"] == "not stated"
    study = with_rights(study)
    text = data_card(study)
    assert "licence CC BY 4.0: 4 photographs" in text and "licence not stated: 13 photographs" in text
    assert r"attribution A. \| Miner of X: 4 photographs" in text
    assert "attribution not stated: 14 photographs" in text
    found = description_of(study)
    assert found["license"] == ["CC BY 4.0", "CC0"]
    assert {"attribution", "licence"} <= {field["name"] for field in found["recordSet"][1]["field"]}
    assert credits(study.index)[:6] == ["A. | Miner of X (CC BY 4.0)"] * 4 + [""] * 2
    assert credits(study.index.drop(columns=["attribution", "licence"])) == [""] * 18
    assert stated(pd.DataFrame({"licence": [None, " b ", "b", "a"]}), "licence").to_dict() == {"b": 2, "a": 1}


def nodes(value):
    """Every dictionary of the description but the context."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [value] if isinstance(value, dict) else []
    return found + [one for key, item in items if key != "@context" for one in nodes(item)]


def test_the_description_is_closed_and_true(study):
    found, root = description_of(study), study.paths.root
    known = [node["@id"] for node in nodes(found) if {"@id", "@type"} <= set(node)]
    used = [node["@id"] for node in nodes(found) if set(node) == {"@id"}]
    assert len(known) == len(set(known)) and used and set(used) <= set(known)
    for file in found["distribution"]:
        assert file["sha256"] == file_digest(root / file["contentUrl"])
        assert file["contentSize"] == f"{(root / file['contentUrl']).stat().st_size} B"
    read = [(node["fileObject"]["@id"], node["extract"]["column"]) for node in nodes(found) if "extract" in node]
    assert read and all(column in pd.read_csv(root / name, nrows=1) for name, column in read)
    assert [row["classes/name"] for row in found["recordSet"][0]["data"]] == study.classes
    assert found["version"].endswith(study.data.fingerprint[:12])


@pytest.mark.parametrize("kind", ["folder", "folder with rights", "generated"])
def test_mlcroissant_validates_the_description_and_loads_its_records(kind, study, tiny):
    mlcroissant = pytest.importorskip("mlcroissant")
    study = {"folder": lambda: study, "folder with rights": lambda: with_rights(study)}.get(kind, lambda: Study(tiny))()
    dataset = mlcroissant.Dataset(jsonld=str(write_cards(study)[1]))
    issues = dataset.metadata.ctx.issues
    assert not issues.errors and (not issues.warnings or kind != "generated")

    def column(records, name):
        return [value.decode() if isinstance(value := row[name], bytes) else value for row in records]

    photographs = list(dataset.records("photographs"))  # they can be read once
    for name in ("image_id", "sha256", "label"):
        assert column(photographs, f"photographs/{name}") == study.index[name].tolist()
    split = study.samples().set_index("image_id")["split"]
    assert column(photographs, "photographs/split") == split[study.index["image_id"]].tolist()
    assert column(dataset.records("classes"), "classes/name") == study.classes
    for name, samples in study.data.splits.items():
        ids = column(dataset.records(f"samples_{name}"), f"samples_{name}/sample_id")
        assert ids == samples["sample_id"].tolist()
