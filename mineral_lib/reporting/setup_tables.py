"""Tables 1 to 3: the network, the photographs, the terms of the confusion matrix."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.catalogue import display_name, find_mineral, minerals
from mineral_lib.evaluation.metrics import binary_terms, confusion
from mineral_lib.models.structure import Step, shape_text
from mineral_lib.reporting import notes
from mineral_lib.reporting.confusion import few_mark
from mineral_lib.reporting.leakage import read_split
from mineral_lib.reporting.summary import NAN
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.reporting.words import words
from mineral_lib.study import Study
from mineral_lib.training.run import Run

# Table 1 of the paper as printed: layer, input, structure, output (height x width x channels, photograph of
# 224 px).
PRINTED_TABLE_1 = {
    "conv1": ("224×224×3", "4×4, 96, stride 4; Layer Norm", "56×56×96"),
    "conv2_x": ("56×56×96", "[d7×7, 96; 1×1, 384; 1×1, 96] × 3", "56×56×96"),
    "conv3_x": ("56×56×96", "Downsample; [d7×7, 192; 1×1, 768; 1×1, 192] × 3", "28×28×192"),
    "conv4_x": ("28×28×192", "Downsample; [d7×7, 384; 1×1, 1536; 1×1, 384] × 9", "14×14×384"),
    "conv5_x": ("14×14×384", "Downsample; [d7×7, 768; 1×1, 3072; 1×1, 768] × 3", "7×7×768"),
    "head": ("7×7×768", "Global Avg Pooling; Layer Normalization; Linear", "1000"),
}
_COLUMNS_1 = {
    "layer": Column("layer"),
    "input": Column("input"),
    "structure": Column("structure"),
    "output": Column("output"),
    "parameters": Column("parameters", "integer"),
    "paper_structure": Column("paper, structure"),
    "paper_output": Column("paper, output"),
}


def table_1(steps: Iterable[Step], *, display_name: str) -> Table:
    """Table 1 from the live module beside the printed one.

    Args:
        steps: ``describe_network(model, image_size_px)``.
        display_name: Name of the network described.
    """
    rows = []
    for step in steps:
        printed = PRINTED_TABLE_1.get(step.name, (None, None, None))
        rows.append(
            {
                "layer": step.name,
                "input": shape_text(step.in_shape),
                "structure": _structure(step),
                "output": shape_text(step.out_shape),
                "parameters": step.parameters,
                "paper_input": printed[0],
                "paper_structure": printed[1],
                "paper_output": printed[2],
            }
        )
    sentences = [
        notes.HEAD,
        notes.PLACEMENT,
        "d7×7 is a depthwise convolution: every channel has a kernel of its own.",
    ]
    return Table(
        "table_1_structure",
        f"Table 1. Structure of {display_name}",
        pd.DataFrame(rows),
        _COLUMNS_1,
        sentences,
    )


def _structure(step: Step) -> str:
    layers = [layer.replace("x", "×") for layer in step.layers]
    if step.kind != "stage":
        return "; ".join(layers)
    before = "Downsample; " if "Downsample" in layers else ""
    return f"{before}[{'; '.join(layer for layer in layers if layer != 'Downsample')}] × {step.repeat}"


_COLUMNS_2 = {
    "number": Column("no.", "integer"),
    "mineral": Column("mineral"),
    "chinese": Column("Chinese"),
    "formula": Column("formula"),
    "paper_original": Column("paper, original", "integer"),
    "paper_augmented": Column("paper, augmented", "integer"),
    "paper_factor": Column("factor", "integer"),
    "photographs": Column("ours, photographs", "integer"),
    "specimens": Column("specimens", "integer"),
    "augmented": Column("ours, augmented", "integer"),
    "train": Column("train", "integer"),
    "val": Column("val.", "integer"),
    "test": Column("test", "integer"),
    "few": Column("few"),
}


def table_2(study: Study) -> Table:
    """Table 2: photographs of every mineral, printed and ours, with the sizes of the grouped split."""
    index = pd.read_csv(
        study.paths.index, dtype={"image_id": str, "class_name": str, "specimen": str}, keep_default_na=False
    )
    grouped, paper = read_split(study, "grouped"), read_split(study, "paper")
    present = list(index.sort_values("label")["class_name"].unique())
    slugs = [mineral.slug for mineral in minerals()]
    known = {
        slug: next((name for name in present if (m := find_mineral(name)) and m.slug == slug), slug) for slug in slugs
    }
    names = list(known.values()) + [name for name in present if name not in known.values()]
    frame = pd.DataFrame([_class_row(name, index, grouped, paper) for name in names])
    counts = [
        name
        for name in frame.columns
        if name not in ("number", "class_name", "mineral", "chinese", "formula", "paper_factor")
    ]
    total = {
        "mineral": "all",
        "chinese": "",
        "formula": "",
        "class_name": "",
        **frame[counts].sum(min_count=1),
    }
    frame["few"] = frame["test"].map(few_mark).where(frame["photographs"] > 0, "")
    frame = pd.concat([frame, pd.DataFrame([total | {"few": ""}])], ignore_index=True)
    sentences = [
        notes.FACTORS,
        notes.LEAK,
        "'ours, augmented' counts the images of the paper protocol; train, val. and test are the grouped "
        "split, whose "
        "photographs are augmented on the fly in training only.",
        words()["notes"]["few"],
        notes.data_note(study.settings),
    ]
    return Table("table_2_images", "Table 2. Minerals and numbers of images", frame, _COLUMNS_2, sentences)


def _class_row(
    name: str, index: pd.DataFrame, grouped: pd.DataFrame | None, paper: pd.DataFrame | None
) -> dict[str, Any]:
    mineral, own = find_mineral(name), index[index["class_name"] == name]
    parts = {}
    for part in ("train", "val", "test"):
        chosen = None if grouped is None else (grouped["class_name"] == name) & (grouped["split"] == part)
        parts[part] = NAN if chosen is None else int(chosen.sum())
    return {
        "number": mineral.number if mineral else NAN,
        "class_name": name,
        "mineral": display_name(name, "en"),
        "chinese": mineral.chinese if mineral else "",
        "formula": mineral.formula if mineral else "",
        "paper_original": mineral.original if mineral else NAN,
        "paper_augmented": mineral.augmented if mineral else NAN,
        "paper_factor": mineral.factor if mineral else NAN,
        "photographs": len(own),
        "specimens": own["specimen"].replace("", np.nan).nunique() or NAN,
        "augmented": NAN if paper is None else int((paper["class_name"] == name).sum()),
        **parts,
    }


_COLUMNS_3 = {
    "truth": Column("truth"),
    "printed_positive": Column("paper: predicted positive"),
    "printed_negative": Column("paper: predicted negative"),
    "standard_positive": Column("standard: predicted positive"),
    "standard_negative": Column("standard: predicted negative"),
    "count_positive": Column("ours: predicted positive", "integer"),
    "count_negative": Column("ours: predicted negative", "integer"),
}
# Rows are the truth, columns the prediction; the paper exchanges the two kinds of error.
PRINTED_TERMS = {"positive": ("TP", "FP"), "negative": ("FN", "TN")}
STANDARD_TERMS = {"positive": ("TP", "FN"), "negative": ("FP", "TN")}


def table_3(run: Run, *, class_name: str | None = None) -> Table:
    """Table 3, truth by prediction, 2 x 2: the terms as printed, the standard ones, and the counts of one class.

    Args:
        run: The run whose test predictions are counted.
        class_name: Class taken as positive; default pyrite (the paper's hardest) or else the first.
    """
    classes = run.classes
    chosen = class_name or next((c for c in classes if (m := find_mineral(c)) and m.slug == "pyrite"), classes[0])
    counts = confusion(run.predictions()["label"], run.predictions()["predicted"], len(classes))
    terms = binary_terms(counts, classes.index(chosen))
    rows = []
    for truth in ("positive", "negative"):
        row: dict[str, Any] = {"truth": truth}
        for k, predicted in enumerate(("positive", "negative")):
            row[f"printed_{predicted}"] = PRINTED_TERMS[truth][k]
            row[f"standard_{predicted}"] = STANDARD_TERMS[truth][k]
            row[f"count_{predicted}"] = terms[STANDARD_TERMS[truth][k]]
        rows.append(row)
    precision, recall = _share(terms["TP"], terms["FP"]), _share(terms["TP"], terms["FN"])
    finding = (
        f"{display_name(chosen, 'en')} against the rest, test photographs of {run.display_name} ({run.weights}): "
        f"precision {precision}, recall {recall}; with the terms as printed Eq. 4 gives {recall} and Eq. 5 {precision}."
    )
    title, frame = "Table 3. Terms of the confusion matrix", pd.DataFrame(rows, columns=list(_COLUMNS_3))
    return Table("table_3_terms", title, frame, _COLUMNS_3, [notes.SWAPPED], finding=finding)


def _share(part: int, rest: int) -> str:
    return f"{100 * part / (part + rest):.1f} %" if part + rest else "undefined"
