"""A Croissant description of a study's index: JSON-LD that data set tools and search engines read.

Format: Croissant 1.1 (MLCommons); what does not depend on the study stands in ``resources/croissant.yaml``. A test has
the ``mlcroissant`` package validate it and load its records.
"""

from importlib.resources import files
from typing import Any

import yaml

from mineral_lib import __version__
from mineral_lib.catalogue import find_mineral
from mineral_lib.photos import stated
from mineral_lib.storage import file_digest
from mineral_lib.study import Study

CARD = "data_card.md"
_OF_FILES = ("path", "size_bytes")  # empty for generated pictures, which are no files


def croissant(study: Study, *, title: str, summary: str) -> dict[str, Any]:
    """The description as a JSON-able dictionary; file addresses are relative to the profile's result folder.

    Record sets: ``classes``, ``photographs`` (index with the grouped split) and ``samples_<protocol>`` for each
    protocol. The pictures themselves are no part of it: generated ones are made anew, a user's stay in the folder.
    Croissant wants creator and date of publication, too; a user's folder has none before its owner publishes it.

    Args:
        study: The study.
        title: Name of the data.
        summary: One sentence on them.
    """
    fixed = yaml.safe_load((files("mineral_lib.resources") / "croissant.yaml").read_text(encoding="utf-8"))
    protocols, fingerprint = list(study.data.splits), study.data.fingerprint
    texts = {"index.csv": "One row a photograph."}
    texts |= {f"splits/{name}.csv": f"One row a sample of the protocol '{name}'." for name in protocols}
    if study.settings.data.source == "synthetic":
        rights = fixed["generated"] | {"citeAs": fixed["generated"]["citeAs"].format(version=__version__)}
    else:
        rights = {"license": sorted(stated(study.index, "licence").index) or "not stated"}
    return {
        "@context": fixed["context"] | {term: f"cr:{term}" for term in fixed["terms"].split()},
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": title,
        "description": f"{summary} Fingerprint {fingerprint}. The pictures themselves are not included.",
        "url": CARD,
        "version": f"{__version__}+{fingerprint[:12]}",
        "keywords": ["minerals", "image classification"],
        "isLiveDataset": False,
        **rights,
        "distribution": [_file(study, name, text) for name, text in texts.items()],
        "recordSet": [
            _classes(study, fixed["classes"]),
            _photographs(study, fixed["photographs"]),
            *(_samples(name, fixed["samples"]) for name in protocols),
        ],
    }


def _file(study: Study, name: str, text: str) -> dict[str, Any]:
    path = study.paths.root / name
    return _node("FileObject", name, name, text) | {
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": "text/csv",
        "sha256": file_digest(path),
    }


def _node(kind: str, identity: str, name: str, text: str) -> dict[str, Any]:
    return {"@type": f"cr:{kind}", "@id": identity, "name": name, "description": text}


def _record_set(name: str, text: str, columns: dict[str, tuple[str, str]], key: str, file: str = "") -> dict[str, Any]:
    """A record set with a field a column, each from the column of the same name of a CSV file if one is given."""
    fields = []
    for column, (kind, meaning) in columns.items():
        field = _node("Field", f"{name}/{column}", column, meaning) | {"dataType": f"sc:{kind}"}
        source = {"source": {"fileObject": {"@id": file}, "extract": {"column": column}}} if file else {}
        fields.append(field | source)
    return _node("RecordSet", name, name, text) | {"key": {"@id": f"{name}/{key}"}, "field": fields}


def _photographs(study: Study, columns: dict[str, tuple[str, str]]) -> dict[str, Any]:
    hidden = _OF_FILES if study.settings.data.source == "synthetic" else ()
    shown = {name: column for name, column in columns.items() if name in {*study.index, "split"}.difference(hidden)}
    text = "Every photograph with its class, specimen and split."
    described = _record_set("photographs", text, shown, "image_id", "index.csv")
    # The join: both files name the photograph by image_id.
    described["field"][0]["references"] = {"field": {"@id": "samples_grouped/image_id"}}
    described["field"][-1]["source"] = {"field": {"@id": "samples_grouped/split"}}
    return described


def _samples(protocol: str, columns: dict[str, tuple[str, str]]) -> dict[str, Any]:
    text = f"Samples of the protocol '{protocol}' with their split."
    return _record_set(f"samples_{protocol}", text, columns, "sample_id", f"splits/{protocol}.csv")


def _classes(study: Study, columns: dict[str, tuple[str, str]]) -> dict[str, Any]:
    rows = []
    for label, name in enumerate(study.classes):
        mineral = find_mineral(name)
        values = (label, name, mineral.english if mineral else "", mineral.chinese if mineral else "")
        rows.append({f"classes/{key}": value for key, value in zip(columns, values, strict=True)})
    return _record_set("classes", "The classes.", columns, "label") | {"dataType": "sc:Enumeration", "data": rows}
