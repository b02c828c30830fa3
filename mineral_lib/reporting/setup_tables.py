"""Tables 1 to 3 (network, photographs, terms of the confusion matrix), and the paper's recipe beside ours."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from mineral_lib.catalogue import display_name, find_mineral, minerals
from mineral_lib.config import NETWORK_NAMES
from mineral_lib.evaluation.metrics import binary_terms, confusion
from mineral_lib.measurements.paper_networks import Step, shape_text
from mineral_lib.notation import caption, isolated
from mineral_lib.paper import Paper
from mineral_lib.reporting.artefacts import Made, declared, figure, table
from mineral_lib.reporting.confusion import few_mark, support_label, support_text
from mineral_lib.reporting.paper_checks import STANDARD_TERMS
from mineral_lib.reporting.style import MUTED, PAGE_MM, Drawing, new_figure, styled
from mineral_lib.reporting.summary import NAN, proposed_run, split_unit
from mineral_lib.reporting.tables import Table
from mineral_lib.reporting.words import entry, label, percent, seeds_text
from mineral_lib.study import Study
from mineral_lib.training.run import Run


def table_1(study: Study, steps: Iterable[Step]) -> Table:
    """Table 1: the structure of a live ConvNeXt-T, ``describe_network(network, 224)``, beside the printed one."""
    printed, rows = Paper.published().entries, []
    for step in steps:
        ours = {"input": shape_text(step.in_shape), "structure": _structure(step), "output": shape_text(step.out_shape)}
        paper = {f"paper_{name}": printed.get(f"table_1/{step.name}/{name}") for name in ours}
        rows.append({"layer": step.name, **ours, "parameters": step.parameters, **paper})
    return declared(study, "table_1_structure", pd.DataFrame(rows))


@table("table_2_images")
def table_2(study: Study) -> pd.DataFrame | None:
    """Table 2: photographs of every mineral, printed and ours, with the sizes of the grouped split."""
    if not study.paths.index.is_file():
        return None
    texts = dict.fromkeys(("image_id", "class_name", "specimen"), str)
    index = study.read(study.paths.index, columns=texts, numbers=["label"], dtype=texts)
    present = list(index.sort_values("label")["class_name"].unique())
    own = {mineral.slug: name for name in reversed(present) if (mineral := find_mineral(name))}
    known = [own.get(mineral.slug, mineral.slug) for mineral in minerals()]
    frame = pd.DataFrame([_printed_row(name) for name in [*known, *(name for name in present if name not in known)]])
    count = frame["class_name"].map
    frame["photographs"] = count(index["class_name"].value_counts()).fillna(0)
    frame["specimens"] = count(index[index["specimen"] != ""].groupby("class_name")["specimen"].nunique())
    grouped, paper = study.split("grouped"), study.split("paper")
    frame["augmented"] = NAN if paper is None else count(paper["class_name"].value_counts()).fillna(0)
    for part in ("train", "val", "test"):
        counts = None if grouped is None else grouped.loc[grouped["split"] == part, "class_name"].value_counts()
        frame[part] = NAN if counts is None else count(counts).fillna(0)
    frame["few"] = frame["test"].map(few_mark).where(frame["photographs"] > 0, "")
    total = frame.drop(columns=["number", "paper_factor"]).sum(min_count=1, numeric_only=True)
    last = {"mineral": "all", "class_name": "", "chinese": "", "formula": "", "few": "", **total}
    return pd.concat([frame, pd.DataFrame([last])], ignore_index=True)


@table("table_3_terms")
def table_3(subject: Study | Run) -> Made | None:
    """Table 3, truth by prediction, 2 x 2: the terms as printed, the standard ones, and the counts of one class.

    Counted are the test predictions of a run, of a study those of its ``proposed_run``. The class taken as positive is
    pyrite (the paper's hardest) or else the first.
    """
    run = proposed_run(subject) if isinstance(subject, Study) else subject
    if run is None:
        return None
    classes, predictions, paper = run.classes, run.predictions(), Paper.published()
    chosen = next((c for c in classes if (m := find_mineral(c)) and m.slug == "pyrite"), classes[0])
    counts = confusion(predictions["label"], predictions["predicted"], len(classes))
    terms, signs = binary_terms(counts, classes.index(chosen)), ("positive", "negative")
    right = {("positive", "positive"): "TP", ("negative", "negative"): "TN"}
    standard = right | {place: term for term, place in STANDARD_TERMS.items()}
    printed = right | {
        tuple(paper[f"table_3/{t}/{side}"] for side in ("truth", "prediction")): t for t in STANDARD_TERMS
    }
    kinds = {"printed": printed, "standard": standard, "count": {place: terms[t] for place, t in standard.items()}}
    rows = [
        {"truth": truth, **{f"{kind}_{sign}": cells[truth, sign] for kind, cells in kinds.items() for sign in signs}}
        for truth in signs
    ]
    named = isolated(display_name(chosen, "en"))
    precision, recall = _share(terms["TP"], terms["FP"]), _share(terms["TP"], terms["FN"])
    return pd.DataFrame(rows), {"named": named, "from": run, "precision": precision, "recall": recall}


def _structure(step: Step) -> str:
    layers = [layer.replace("x", "×") for layer in step.layers]
    if step.kind != "stage":
        return "; ".join(layers)
    inside = "; ".join(layer for layer in layers if layer != "Downsample")
    return f"{'Downsample; ' if step.downsampled else ''}[{inside}] × {step.repeat}"


def _printed_row(name: str) -> dict[str, str | int | float]:
    """What the paper prints of a class; nothing for one that it has not."""
    mineral = find_mineral(name)
    numbers = {"original": "paper_original", "augmented": "paper_augmented", "factor": "paper_factor"}
    return {
        "number": mineral.number if mineral else NAN,
        "class_name": name,
        "mineral": display_name(name, "en"),
        **{text: getattr(mineral, text, "") for text in ("chinese", "formula")},
        **{column: getattr(mineral, number, NAN) for number, column in numbers.items()},
    }


def _share(part: int, rest: int) -> str:
    return percent(part / (part + rest)) if part + rest else "undefined"


@figure("table_2_counts_paper")
def draw_printed_counts(study: Study) -> Drawing:
    """Table 2 as printed: original photographs and images after augmentation."""
    rows = [(mineral.slug, mineral.original, float(mineral.augmented)) for mineral in minerals()]
    frame = pd.DataFrame(rows, columns=["class_name", "original", "augmented"])
    return draw_class_counts(frame, language=study.settings.report.language)


@figure("table_2_counts_ours")
def draw_our_counts(study: Study) -> Drawing | None:
    """The photographs of this profile, and the images of the paper's order; None before they were scanned."""
    table = table_2(study)
    if table is None:
        return None
    frame = table.frame.query("class_name != '' and photographs > 0").rename(columns={"photographs": "original"})
    names = ["original", "augmented", "test", "train"]
    frame = frame[["class_name", *names]].astype(dict.fromkeys(names, float)).reset_index(drop=True)
    return draw_class_counts(frame, language=study.settings.report.language)


@styled
def draw_class_counts(frame: pd.DataFrame, *, language: str = "en") -> Drawing:
    """Photographs a class as bars; augmented may be NaN, test and train are there where the photographs are split."""
    sheet = new_figure(PAGE_MM, 14 + 3.7 * len(frame))
    axes, places = sheet.subplots(), np.arange(len(frame))
    for name, colour in (("augmented", "#c9d7e6"), ("original", "#0072b2")):
        axes.barh(places, frame[name].fillna(0), height=0.74, color=colour, label=label(name, language))
    split = "test" in frame
    for place, row in frame.iterrows():
        words = f"  {row['original']:,.0f}" + ("" if np.isnan(row["augmented"]) else f" → {row['augmented']:,.0f}")
        words += f"   {support_text(row['test'], row['train'])}" if split and frame["test"].notna().any() else ""
        end = np.nanmax([row["original"], row["augmented"]])
        axes.text(end, place, words, va="center", fontsize=6, color=MUTED)
    axes.set_yticks(places, [caption(display_name(name, language)) for name in frame["class_name"]])
    axes.invert_yaxis()
    axes.margins(x=0.2 if split else 0.12, y=0.012)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(support_label(language) if split else label("count", language))
    sheet.legend(loc="outside upper left", ncols=2)
    return Drawing(sheet, frame)


@table("recipe")
def table_recipe(study: Study) -> Made:
    """Data, training and machine of the paper and of this profile, side by side."""
    values, rows = {**dict(study.settings), **_values(study)}, []
    for what, paper, where, ours, *named in entry("recipe")["rows"]:
        text = ours.format_map(values)
        rows.append((what, paper, where, named[0].get(text, text) if named else text))
    frame = pd.DataFrame(rows, columns=["what", "paper", "where", "ours"])
    return frame, {"same": (frame["paper"] == frame["ours"]).sum(), "entries": len(frame)}


def _values(study: Study) -> dict[str, str]:
    """What is no parameter as it stands."""
    data, train, ratios = study.settings.data, study.settings.train, study.settings.split.ratios
    made = f"generated, {data.fraction:g} of Table 2's original counts, {data.views} views a specimen"
    rate = "constant rate" if train.schedule == "constant" else "cosine annealing"
    own = {name: ", ".join(override.model_dump()) for name, override in train.overrides.items()}
    versions = study.runs[0].manifest.get("versions", {}) if study.runs else {}
    software = [f"{name} {versions[name]}" for name in ("torch", "torchvision", "timm") if name in versions]
    return {
        "photographs": made if data.source == "synthetic" else "the user's folder",
        "ratios": ":".join(f"{10 * ratio:g}" for ratio in ratios),
        "unit": split_unit(study),
        "schedule": f"{rate}, {train.warmup_epochs} warm-up epochs" if train.warmup_epochs else rate,
        "smoothing": f", labels smoothed by {train.label_smoothing:g}" if train.label_smoothing else "",
        "recipes": "; ".join(f"{NETWORK_NAMES.get(name, name)}: {keys}" for name, keys in own.items())
        or "the same for all",
        "seeds": seeds_text(len(train.seeds)),
        "machines": "; ".join(dict.fromkeys(map(_machine, study.runs))) or "not run",
        "software": ", ".join(software) or "not run",
    }


def _machine(run: Run) -> str:
    """The machine that trained a run."""
    machine, device = run.manifest.get("machine", {}), str(run.manifest.get("device", "?"))
    name = machine.get("accelerator", device) if device != "cpu" else "CPU"
    return f"{name}, {machine['cores']} cores ({machine['architecture']})" if "cores" in machine else name
