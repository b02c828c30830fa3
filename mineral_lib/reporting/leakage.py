"""What a protocol does to a test result: leak counts, the gap to the leak-free protocol, the random-label control."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from mineral_lib.data.audit import RELATIONS, count_leak, relatives
from mineral_lib.data.split import SPLITS
from mineral_lib.evaluation.statistics import estimate_gap
from mineral_lib.reporting.artefacts import Made, figure, table
from mineral_lib.reporting.comparison import chance_level
from mineral_lib.reporting.contrasts import NAN, frame_part, resampling
from mineral_lib.reporting.style import INK, MUTED, PAGE_MM, Drawing, new_figure
from mineral_lib.reporting.summary import accuracy_columns, row_name, unseen_text
from mineral_lib.reporting.tables import MISSING
from mineral_lib.reporting.words import columns_of, name_of, percent
from mineral_lib.study import Study
from mineral_lib.training.run import Run

PROTOCOLS = ("grouped", "photo", "paper", "authors")
NEIGHBOUR = "1-nearest neighbour, frozen features"


@table("leakage_splits")
def table_splits(study: Study) -> Made:
    """Sizes of the splits and how many test samples have a sibling in the training set, counted from the files."""
    rows, parts = [], []
    for protocol in PROTOCOLS:
        split = study.split(protocol)
        if split is not None:
            sizes = split["split"].value_counts().reindex(SPLITS, fill_value=0)
            leak = count_leak(split)["test"]
            rows.append({"protocol": protocol, **sizes, **leak, "status": "counted"})
            parts.append(f"{protocol} {percent(leak['same_group_share'])}")
        elif protocol in ("grouped", "paper"):
            rows.append({"protocol": protocol, "status": MISSING})
    frame = pd.DataFrame(rows, columns=list(columns_of("leakage_splits")))
    return frame, {"shares": parts or None}


@table("leakage")
def table_leakage(study: Study) -> Made:
    """The same classifier under every protocol: accuracy, interval, and the gap to the leak-free protocol."""
    rows = []
    for start, answers in (*_networks(study), *_neighbours(study)):
        rows += [start | _numbers(protocol, answers, study) for protocol in answers]
    names = ["row", "protocol", *columns_of("leakage"), "high", "gap_high", "gap_p", "seeds"]
    frame = pd.DataFrame(rows, columns=names)
    network, control = gap_row(frame, "true"), gap_row(frame, "shuffled")
    values = {"network": network, "control": control, "of": "; of" if network else "Of", "on": unseen_text(study)}
    return frame, values if network or control else {}


# By protocol and seed: test samples with the columns specimen, correct, and related (see ``_samples``).
Answers = dict[str, dict[int | None, pd.DataFrame]]


def _networks(study: Study) -> Iterator[tuple[dict[str, Any], Answers]]:
    """The trained networks; protocols under which one was not run have no seeds."""
    given = study.settings.leakage
    wanted = [("true", text) for text in given.runs] + [("shuffled", text) for text in given.shuffled_runs]
    for labels, text in wanted:
        model, weights = text.rsplit("-", 1)
        which = {"model": model, "weights": weights, "labels": labels}
        runs = {name: study.select(protocol=name, **which) for name in study.settings.split.protocols}
        network = row_name([run for found in runs.values() for run in found], model, study)
        start = {"row": text, "network": f"{network}, {name_of('weights', weights)}", "labels": labels}
        yield start, {name: {run.seed: _samples(study, run) for run in found} for name, found in runs.items()}


def _neighbours(study: Study) -> Iterator[tuple[dict[str, Any], Answers]]:
    """The nearest neighbour on true and on shuffled labels; nothing before notebook 05 has run it."""
    if not study.paths.control.is_file():
        return
    text = {"sample_id": str, "specimen": str}
    control = study.read(study.paths.control, columns=["labels", "protocol"], numbers=["correct"], dtype=text)
    for labels in ("true", "shuffled"):
        parts = {str(name): part for name, part in control[control["labels"] == labels].groupby("protocol")}
        start = {"row": "nearest_neighbour", "network": NEIGHBOUR, "labels": labels}
        names = [name for name in study.settings.split.protocols if name in parts]
        yield start, {name: {None: _related(parts[name], study.split(name))} for name in names}


def _samples(study: Study, run: Run) -> pd.DataFrame:
    answers = run.predictions().assign(correct=run.correct, epochs=len(run.history))
    return _related(answers, study.split(run.protocol, run.seed))


def _related(samples: pd.DataFrame, split: pd.DataFrame | None) -> pd.DataFrame:
    """Test samples with the column related (1: train holds a relative, 0, or NaN without a split)."""
    if split is None:
        return samples.assign(related=NAN)
    flags = relatives(split).set_index("sample_id")[list(RELATIONS)].any(axis=1)
    return samples.assign(related=samples["sample_id"].map(flags.astype(float)))


def _numbers(protocol: str, answers: Answers, study: Study) -> dict[str, Any]:
    """Numbers of one row from the test samples of every seed."""
    numbers = {"protocol": protocol, "protocol_words": name_of("protocol", protocol), "status": MISSING}
    seeds = answers[protocol]
    if not seeds:
        return numbers
    together = pd.concat(seeds.values())
    by_relative = together.groupby("related")["correct"].mean()
    numbers |= accuracy_columns([frame_part(one) for one in seeds.values()], study)
    numbers |= {
        "test": len(together) // len(seeds),
        "related_share": together["related"].mean(),
        "status": "run",
        "with_relative": by_relative.get(1.0, NAN),
        "without_relative": by_relative.get(0.0, NAN),
        "epochs": together["epochs"].iloc[0] if "epochs" in together else NAN,
    }
    common = [seed for seed in seeds if seed in answers.get("grouped", {})]
    if protocol == "grouped" or not common:
        return numbers
    here, base = ([frame_part(answers[name][seed]) for seed in common] for name in (protocol, "grouped"))
    gap = estimate_gap(here, base, **resampling(study))
    low, high = gap.interval()
    return numbers | {"gap": gap.value, "gap_low": low, "gap_high": high, "gap_p": gap.p_value}


def gap_row(frame: pd.DataFrame, labels: str) -> dict[str, Any] | None:
    """The row of ``table_leakage`` in the paper's order that is quoted, if its gap is known.

    That of the last network on ``true`` labels, or of the nearest neighbour on ``shuffled`` ones, drawn by lot.
    ``unseen`` is the accuracy that the gap is measured from.
    """
    kind = frame["row"].eq("nearest_neighbour") == (labels == "shuffled")
    found = frame[kind & (frame["labels"] == labels) & (frame["protocol"] == "paper")].dropna(subset=["gap"])
    if found.empty:
        return None
    row = found.iloc[-1].to_dict()
    return row | {"unseen": row["accuracy"] - row["gap"]}


_COLOURS = ("#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5b5b5b", "#8c6d31", "#3f6c7a")
_PANELS = {"true": "(a) true labels", "shuffled": "(b) labels drawn by lot"}
_NOTE = {"textcoords": "offset points", "fontsize": 6, "color": MUTED}


@figure("leakage_gap")
def draw_leakage(study: Study) -> Drawing | None:
    """Accuracy and 95 % interval under every protocol; the distance to the first row is what a split adds."""
    if not study.settings.leakage.runs:
        return None
    table, chance = table_leakage(study), chance_level(study)
    frame = table.frame.dropna(subset=["accuracy"])
    protocols = [name for name in PROTOCOLS if name in set(frame["protocol"])]
    networks = list(dict.fromkeys(frame["network"]))
    others = zip([name for name in networks if name != NEIGHBOUR], _COLOURS, strict=False)
    marks = {name: {"color": colour, "marker": "o", "linestyle": ""} for name, colour in others}
    marks[NEIGHBOUR] = {"color": "#0072b2", "marker": "D", "linestyle": ""}
    sheet = new_figure(PAGE_MM, 26 + 15 * max(len(protocols), 1))
    panels = sheet.subplots(1, 2, sharex=True, sharey=True)
    for axes, (labels, title) in zip(panels, _PANELS.items(), strict=True):
        part = frame[frame["labels"] == labels]
        _panel(axes, part, protocols, {name: marks[name] for name in networks})
        axes.set_title(title)
        axes.set_xlabel("test accuracy, %")
        if part.empty:
            axes.text(0.5, 0.5, "not run", transform=axes.transAxes, ha="center", color=MUTED)
        if chance is not None:
            axes.axvline(100 * chance, color=INK, linewidth=0.8, linestyle=(0, (3, 2)))
            axes.annotate("chance", (100 * chance, 1), (3, -8), xycoords=("data", "axes fraction"), **_NOTE)
    panels[0].set_yticks(range(len(protocols)), [name_of("protocol", name).replace(" (", "\n(") for name in protocols])
    panels[0].set_ylim(len(protocols) - 0.45, -0.65)
    panels[0].set_xlim(0, 120)
    panels[0].set_xticks(range(0, 101, 20))
    if handles := [Line2D([], [], label=name, **marks[name]) for name in networks]:
        sheet.legend(handles=handles, loc="outside upper left", ncols=2)
    return Drawing(sheet, frame, finding=table.finding)


def _panel(axes: Axes, frame: pd.DataFrame, protocols: list[str], marks: dict[str, dict[str, str]]) -> None:
    shifts = np.linspace(-0.16, 0.16, len(marks)) if len(marks) > 1 else np.zeros(len(marks))
    offsets = dict(zip(marks, shifts, strict=True))
    for row in frame.itertuples():
        y, x, mark = protocols.index(row.protocol) + offsets[row.network], 100 * row.accuracy, marks[row.network]
        axes.plot([100 * row.low, 100 * row.high], [y, y], color=mark["color"], linewidth=1.4)
        axes.plot(x, y, **mark, markersize=4.5)
        gap = "" if np.isnan(row.gap) else f"  ({round(100 * row.gap, 1) + 0.0:+.1f})".replace("-", "−")
        axes.annotate(f"{x:.1f}{gap}", (100 * row.high, y), (4, 0), va="center", **_NOTE)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
