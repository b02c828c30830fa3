"""The data card: what the photographs of a study are, in one page for people (Markdown) and machines (Croissant).

The card names no path outside the photo folder, carries no date and no picture, so it can be passed on and is the
same for the same data.
"""

from pathlib import Path

import pandas as pd

from mineral_lib import __version__
from mineral_lib.catalogue import display_name, find_mineral
from mineral_lib.data.audit import leak_note
from mineral_lib.data.index import generator_digest, photo_folder, working_size
from mineral_lib.data.split import FEW_TEST_PHOTOGRAPHS, SPLITS
from mineral_lib.photos import stated
from mineral_lib.reporting.croissant import croissant
from mineral_lib.storage import ResultPaths, file_digest, write_json, write_text
from mineral_lib.study import Study

MOST_NAMED = 20  # authors named one by one
_GENERATED_LIMITS = (
    "The pictures are computed, not photographed. They are no evidence about real ores, cameras or places.",
    "Colour, habit and gangue of a mineral are drawn from hand-set ranges; rare varieties are missing.",
    "Background and light come from one small family of scenes.",
)
_FOLDER_LIMITS = (
    "Labels are the names of the folders; nobody checked them against the minerals.",
    "Training and test photographs come from the same folder: nothing here shows how a network does elsewhere.",
    "Near-copies that are neither equal bytes nor named as one specimen may stand in two splits.",
)


def write_cards(study: Study) -> list[Path]:
    """Write ``data_card.md`` and ``croissant.json`` beside the index.

    A generated set always gets them; a folder only if ``report.data_card`` is true, and cards of an earlier request
    are removed otherwise, because they would describe other data one day.

    Returns:
        The files written, none if there are none to write.
    """
    root = ResultPaths.of(study.settings.profile).root
    card, description = root / "data_card.md", root / "croissant.json"
    if study.settings.data.source == "folder" and not study.settings.report.data_card:
        card.unlink(missing_ok=True)
        description.unlink(missing_ok=True)
        return []
    machine = croissant(study, title=data_title(study), summary=_summary(study))
    return [write_text(card, data_card(study)), write_json(description, machine)]


def data_title(study: Study) -> str:
    """Name of the data: the generator with its profile, or the folder's own name without its path."""
    if study.settings.data.source == "synthetic":
        return f"Generated minerals, profile {study.settings.profile}"
    return f"Photographs of {photo_folder(study.settings.data).resolve().name}"


def data_card(study: Study) -> str:
    """The card as Markdown."""
    synthetic = study.settings.data.source == "synthetic"
    limits = [*(_GENERATED_LIMITS if synthetic else _FOLDER_LIMITS), *_small_classes(study)]
    parts = {
        "Classes": _table(class_frame(study)),
        "Splits": _splits(study),
        "Files": "None: the pictures are drawn when they are needed." if synthetic else _files(study),
        "Licence and attribution": _rights(study, study.data.index),
        "How it was made": _bullets(_making(study)),
        "Known limits": _bullets(limits),
        "Identity": _bullets(_identity(study)),
    }
    sections = [f"## {name}\n\n{text}" for name, text in parts.items()]
    return "\n\n".join([f"# Data card: {_cell(data_title(study))}", _summary(study), *sections]) + "\n"


def class_frame(study: Study) -> pd.DataFrame:
    """One row a class: number in Table 2, names, formula, role, photographs, specimens and the grouped split."""
    split, rows = study.data.splits["grouped"], []
    for name in study.data.classes:
        mineral, own = find_mineral(name), study.data.index[study.data.index["class_name"] == name]
        sizes = split.loc[split["class_name"] == name, "split"].value_counts()
        rows.append(
            {
                "no.": mineral.number if mineral else "",
                "class": name,
                "English": mineral.english if mineral else "",
                "Chinese": mineral.chinese if mineral else "",
                "formula": mineral.formula if mineral else "",
                "role": own["role"].iloc[0],
                "photographs": len(own),
                "specimens": own["specimen"].nunique(),
                **{part: int(sizes.get(part, 0)) for part in SPLITS},
            }
        )
    return pd.DataFrame(rows)


def _summary(study: Study) -> str:
    kind = "generated pictures" if study.settings.data.source == "synthetic" else "photographs"
    return (
        f"{len(study.data.index):,} {kind} of {study.data.index['specimen'].nunique():,} specimens in {len(study.data.classes)} classes, "
        "for training and testing networks that name minerals."
    )


def _splits(study: Study) -> str:
    rows = [
        {"protocol": name, **{part: int((samples["split"] == part).sum()) for part in SPLITS}}
        for name, samples in study.data.splits.items()
    ]
    notes = [leak_note(study.data.leak(name), name) for name in study.data.splits]
    return f"{_table(pd.DataFrame(rows))}\n\n{_bullets(notes)}"


def _files(study: Study) -> str:
    counts = study.data.files["status"].value_counts()
    found = ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items()))
    return f"{len(study.data.files):,} files found: {found}. `scan.csv` says why for each."


def _rights(study: Study, index: pd.DataFrame) -> str:
    if study.settings.data.source == "synthetic":
        return "Made by this package and free under its licence (MIT). No photograph and no person is behind them."
    licences, authors = stated(index, "licence"), stated(index, "attribution")
    lines = [f"licence {_cell(name)}: {count:,} photographs" for name, count in licences.items()]
    lines.append(f"licence not stated: {len(index) - licences.sum():,} photographs")
    lines += [f"attribution {_cell(name)}: {count:,} photographs" for name, count in authors.head(MOST_NAMED).items()]
    if len(authors) > MOST_NAMED:
        lines.append(f"and {len(authors) - MOST_NAMED:,} other attributions, see `index.csv`")
    lines.append(f"attribution not stated: {len(index) - authors.sum():,} photographs")
    return _bullets(lines)


def _making(study: Study) -> list[str]:
    data, split = study.settings.data, study.settings.split
    if data.source == "synthetic":
        begin = [
            "drawn by `mineral_lib.specimens`, which shapes, colours and lights virtual specimens",
            f"{data.fraction:g} of the original counts of the paper's Table 2, {data.views} views a specimen, "
            f"seed {data.seed}, {working_size(data.image_size_px)} px",
            f"source code of the generator: SHA-256 `{generator_digest()}`",
        ]
    else:
        pattern = f"`{data.specimen_pattern}`" if data.specimen_pattern else "not given: every photograph its own"
        begin = [
            "every file of the folder was decoded completely; nothing in the folder was changed",
            f"specimen from the file name: {pattern}",
            f"classes with fewer than {data.min_photos} photographs: {data.small_classes}; bad photographs: "
            f"{data.bad_photos}",
        ]
    ratios = ":".join(f"{10 * share:g}" for share in split.ratios)
    return [*begin, f"split {ratios} (train, val, test), seed {split.seed}"]


def _small_classes(study: Study) -> list[str]:
    frame = class_frame(study)
    few = frame[frame["test"] < FEW_TEST_PHOTOGRAPHS]
    if few.empty:
        return []
    names = ", ".join(f"{_cell(display_name(row['class']))} ({row['test']})" for _, row in few.iterrows())
    return [f"Fewer than {FEW_TEST_PHOTOGRAPHS} test photographs, too few to judge a class: {names}."]


def _identity(study: Study) -> list[str]:
    paths = ResultPaths.of(study.settings.profile)
    files = [paths.index, *(paths.splits_dir / f"{name}.csv" for name in study.data.splits)]
    digests = [f"`{path.relative_to(paths.root).as_posix()}`: SHA-256 `{file_digest(path)}`" for path in files]
    return [f"fingerprint of the data: `{study.data.fingerprint}`", *digests, f"described by mineral_lib {__version__}"]


def _table(frame: pd.DataFrame) -> str:
    return frame.map(_cell).to_markdown(index=False, disable_numparse=True)


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _cell(value: object) -> str:
    # One line, and no bar that would end a cell: names and attributions come from people's files.
    return " ".join(str(value).split()).replace("|", "\\|")
