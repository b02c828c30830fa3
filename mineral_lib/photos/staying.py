"""Which photographs stay in a study: repeated ones, unreadable ones, and those of small classes.

Small classes. ``data.min_photos`` (1 or more) and ``data.small_classes`` decide which classes stay; a class that stays
with role ``full`` is then treated by the grouped split according to its specimens, and by no other rule: of one or two
specimens all are in train, so it can be learned and predicted, but not tested; from three on each part has one (the
README has the table). A class below ``min_photos`` is left out (``drop``), kept with role ``train_only``, or stops the
scan (``error``); without a usable photograph it does not exist for the study, and its files are listed.
"""

from pathlib import Path

import pandas as pd

from mineral_lib.config import Data
from mineral_lib.photos.groups import DUPLICATE_COLUMNS, SAME_BYTES, SAME_PIXELS
from mineral_lib.photos.messages import TREE, refusal
from mineral_lib.photos.metadata import LEFT_OUT
from mineral_lib.photos.walk import FoundFile


def skip_duplicates(files: list[FoundFile]) -> pd.DataFrame:
    """Skip label conflicts and repeated bytes; equal pixels in one class stay, as one group. Returns all pairs."""
    pairs = []
    for kind, key in ((SAME_BYTES, "sha256"), (SAME_PIXELS, "pixels_sha256")):
        by_digest: dict[str, list[FoundFile]] = {}
        for file in files:
            if file.status == "used":
                by_digest.setdefault(file.photo[key], []).append(file)
        for same in by_digest.values():
            first, *others = same
            pairs += [
                (first.name, first.class_name, one.name, one.class_name, kind, 0)
                for one in others
                if kind == SAME_BYTES or one.photo["sha256"] != first.photo["sha256"]
            ]
            if any(one.class_name != first.class_name for one in others):
                for file in same:
                    other = next(twin.name for twin in same if twin.class_name != file.class_name)
                    file.set("skipped", f"label conflict with {other} ({kind} in two classes)")
            elif kind == SAME_BYTES:
                kept: dict[str, FoundFile] = {}  # in each part of a given split, so that its leak can be counted
                for file in same:
                    if (one := kept.setdefault(file.part, file)) is not file:
                        file.set("skipped", f"same bytes as {one.name}")
    return pd.DataFrame(pairs, columns=DUPLICATE_COLUMNS[:-1])


def check_bad(root: Path, files: list[FoundFile], rules: Data) -> None:
    """Stop if there are bad photographs, too many of them, or no others, as the rules say."""
    bad = [file for file in files if file.status == "skipped" and not file.reason.startswith(("same bytes", LEFT_OUT))]
    if bad and rules.bad_photos == "error":
        raise refusal("bad_photos", root / bad[0].name, reason=bad[0].reason, count=len(bad))
    if not any(file.status == "used" for file in files):
        remedy = bad[0].remedy if bad and bad[0].remedy else TREE
        raise refusal("no_photos", root, count=len(bad), first=_first(bad), remedy=remedy)
    unreadable = [file for file in bad if file.photo is None]
    candidates = sum(file.photo is not None for file in files) + len(unreadable)
    if len(unreadable) > rules.max_bad_share * candidates:
        raise refusal(
            "many_unreadable",
            root,
            count=len(unreadable),
            all=candidates,
            first=_first(unreadable),
            remedy=unreadable[0].remedy,
        )


def _first(bad: list[FoundFile]) -> str:
    return f"; the first: {bad[0].name}: {bad[0].reason}" if bad else ""


def class_roles(root: Path, names: list[str], files: list[FoundFile], rules: Data) -> dict[str, str]:
    """Apply data.small_classes and return the role of every class that stays."""
    used = {name: [file for file in files if (file.status, file.class_name) == ("used", name)] for name in names}
    small = {name: len(photos) for name, photos in used.items() if len(photos) < rules.min_photos}
    listing = ", ".join(f"{name} ({count})" for name, count in small.items())
    if small and rules.small_classes == "error":
        raise refusal("small_classes", root, least=rules.min_photos, classes=listing)
    roles = {name: "train_only" if name in small else "full" for name in names if used[name]}
    if rules.small_classes == "drop":
        for name, count in small.items():
            roles.pop(name, None)
            why = f"too few usable photographs in the class ({count}; data.min_photos is {rules.min_photos})"
            for file in used[name]:
                file.set("skipped", why)
    full = sum(role == "full" for role in roles.values())
    if full < 2:
        words = f"; too few usable photographs: {listing}" if small else ""
        raise refusal("few_classes", root, full=full, all=len(names), small=words)
    return roles
