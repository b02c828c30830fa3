"""A Croissant description of a study's index: JSON-LD that data set tools and search engines read.

Format: Croissant 1.0 (MLCommons), https://docs.mlcommons.org/croissant/docs/croissant-spec.html. The dictionary is
written by hand; a test has the ``mlcroissant`` package validate it and load its records.
"""

from typing import Any

from mineral_lib import __version__
from mineral_lib.catalogue import find_mineral
from mineral_lib.photos import stated
from mineral_lib.storage import ResultPaths, file_digest
from mineral_lib.study import Study

RELEASED = "2026-11-23"  # of the package that generates the pictures; CITATION.cff has the same
MIT = "https://spdx.org/licenses/MIT.html"
CITE_AS = (
    "@software{mineral_study, title={Mineral study: a reproducible re-creation of ECA-ConvNeXt mineral recognition}, "
    f"author={{{{The mineral study team}}}}, version={{{__version__}}}, year={{{RELEASED[:4]}}}}}"
)

# The standard context of Croissant 1.0.
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{
        name: f"cr:{name}"
        for name in (
            "citeAs",
            "column",
            "equivalentProperty",
            "extract",
            "field",
            "fileProperty",
            "fileObject",
            "fileSet",
            "format",
            "includes",
            "isLiveDataset",
            "jsonPath",
            "key",
            "md5",
            "parentField",
            "path",
            "recordSet",
            "references",
            "regex",
            "repeated",
            "replace",
            "samplingRate",
            "separator",
            "source",
            "subField",
            "transform",
        )
    },
}

# column of index.csv: (type, meaning)
_COLUMNS = {
    "image_id": ("sc:Text", "Name of the photograph, unique."),
    "path": ("sc:Text", "File, relative to the photo folder."),
    "class_name": ("sc:Text", "Class: the mineral."),
    "label": ("sc:Integer", "Number of the class, from 0."),
    "role": ("sc:Text", "full, or train_only for a class with too few photographs to be tested."),
    "specimen": ("sc:Text", "The piece that is shown; photographs of one piece stay in one split."),
    "view": ("sc:Integer", "Running number of the photograph within its specimen."),
    "sha256": ("sc:Text", "SHA-256 of the file, or of what a generated picture is made from."),
    "width": ("sc:Integer", "Width in pixels."),
    "height": ("sc:Integer", "Height in pixels."),
    "size_bytes": ("sc:Integer", "Size of the file in bytes."),
    "attribution": ("sc:Text", "Whom to name when the photograph is shown."),
    "licence": ("sc:Text", "Licence of the photograph."),
}
_OF_FILES = ("path", "size_bytes")  # empty for generated pictures, which are no files
_SAMPLES = {
    "sample_id": ("sc:Text", "Name of the sample, unique."),
    "image_id": ("sc:Text", "The photograph it is made from."),
    "copy": ("sc:Integer", "0 for the photograph itself, else number of the augmented copy."),
    "class_name": ("sc:Text", "Class: the mineral."),
    "label": ("sc:Integer", "Number of the class, from 0."),
    "split": ("sc:Text", "train, val or test."),
}


def croissant(study: Study, *, title: str, summary: str) -> dict[str, Any]:
    """The description as a JSON-able dictionary; file addresses are relative to the profile's result folder.

    Record sets: ``classes``, ``photographs`` (index with the grouped split) and ``samples_<protocol>`` for each
    protocol. The pictures themselves are no part of it: generated ones are made anew, a user's stay in the folder.

    Args:
        study: The study.
        title: Name of the data.
        summary: One sentence on them.
    """
    synthetic = study.settings.data.source == "synthetic"
    found = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": title,
        "description": f"{summary} Fingerprint {study.data.fingerprint}. The pictures themselves are not included.",
        "version": f"{__version__}+{study.data.fingerprint[:12]}",
        "keywords": ["minerals", "image classification"],
        "isLiveDataset": False,
        "distribution": _distribution(study),
        "recordSet": [_classes(study), _photographs(study, synthetic), *(_samples(name) for name in study.data.splits)],
    }
    if synthetic:
        team = {"@type": "sc:Organization", "name": "The mineral study team"}
        return found | {"license": MIT, "creator": team, "datePublished": RELEASED, "citeAs": CITE_AS}
    licences = sorted(stated(study.data.index, "licence").index)
    return found | ({"license": licences} if licences else {})


def _distribution(study: Study) -> list[dict[str, Any]]:
    paths = ResultPaths.of(study.settings.profile)
    files = {"index.csv": "One row a photograph."}
    files |= {f"splits/{name}.csv": f"One row a sample of the protocol '{name}'." for name in study.data.splits}
    return [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "description": text,
            "contentUrl": name,
            "contentSize": f"{(paths.root / name).stat().st_size} B",
            "encodingFormat": "text/csv",
            "sha256": file_digest(paths.root / name),
        }
        for name, text in files.items()
    ]


def _source(file: str, column: str) -> dict[str, Any]:
    return {"fileObject": {"@id": file}, "extract": {"column": column}}


def _field(record_set: str, name: str, kind: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{name}",
        "name": name,
        "description": text,
        "dataType": kind,
        **more,
    }


def _record_set(name: str, text: str, fields: list[dict[str, Any]], key: str, **more: Any) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": text,
        "key": {"@id": f"{name}/{key}"},
        "field": fields,
        **more,
    }


def _photographs(study: Study, synthetic: bool) -> dict[str, Any]:
    grouped, hidden = "splits/grouped.csv", _OF_FILES if synthetic else ()
    fields = [
        _field("photographs", name, kind, text, source=_source("index.csv", name))
        for name, (kind, text) in _COLUMNS.items()
        if name in study.data.index and name not in hidden
    ]
    # The join: both files name the photograph by image_id.
    fields[0]["references"] = _source(grouped, "image_id")
    fields.append(
        _field(
            "photographs",
            "split",
            "sc:Text",
            "Split of the protocol 'grouped': train, val or test.",
            source=_source(grouped, "split"),
        )
    )
    return _record_set("photographs", "Every photograph with its class, specimen and split.", fields, "image_id")


def _samples(protocol: str) -> dict[str, Any]:
    name = f"samples_{protocol}"
    fields = [
        _field(name, column, kind, text, source=_source(f"splits/{protocol}.csv", column))
        for column, (kind, text) in _SAMPLES.items()
    ]
    return _record_set(name, f"Samples of the protocol '{protocol}' with their split.", fields, "sample_id")


def _classes(study: Study) -> dict[str, Any]:
    meanings = {
        "label": ("sc:Integer", "Number of the class, from 0."),
        "name": ("sc:Text", "Name of the class as in the index."),
        "english": ("sc:Text", "English name, empty if it is none of the 26 minerals."),
        "chinese": ("sc:Text", "Chinese name, empty if it is none of the 26 minerals."),
    }
    rows = []
    for label, name in enumerate(study.data.classes):
        mineral = find_mineral(name)
        values = (label, name, mineral.english if mineral else "", mineral.chinese if mineral else "")
        rows.append({f"classes/{key}": value for key, value in zip(meanings, values, strict=True)})
    fields = [_field("classes", key, kind, text) for key, (kind, text) in meanings.items()]
    return _record_set("classes", "The classes.", fields, "label", dataType="sc:Enumeration", data=rows)
