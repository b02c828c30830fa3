"""What `mineral learn` makes of a folder of real photographs: the record of README's "What to expect".

    python benchmarks/real_learn.py PHOTOS [--out FOLDER]

Kept are what the model card says (numbers, class names, beginnings of SHA-256) and the ladder: no photograph and no
file name. ``phrases`` says it in the words of the README, and a test compares them.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from mineral_lib.paths import project_root
from mineral_lib.recognition.learn import learn, study_of_folder
from mineral_lib.runtime import git_commit, package_versions
from mineral_lib.storage import write_csv, write_json
from results import machine, vouch

OUT = Path("results/reference/real_learn")


def phrases(about: dict[str, Any]) -> list[str]:
    """What the README says of this one recogniser, from its model card's numbers."""
    test, trust = about["test"], about["trust"]
    levels, calibration, coverage = trust["test"]["levels"], trust["calibration"], trust["coverage"]
    low, middle, high = (about["familiarity_auroc"][place] for place in (1, 0, 2))
    one, group, hand = trust["test"]["one"], trust["test"]["group"], trust["hand_tests"]["accuracy"]
    return [
        f"seed 0, {about['photographs']['test']} test photographs",
        f"{_percent(test['accuracy'])} % ({_percent(test['low'])} to {_percent(test['high'])} %)",
        f"mean recall {_percent(test['macro_recall'])} %; among the first three {_percent(test['top3'])} %",
        f"| {_percent(calibration['after']['error'])} points | {_percent(calibration['before']['error'])} before",
        f"{_percent(coverage['coverage'])} % ({_percent(coverage['low'])} to {_percent(coverage['high'])} % of "
        f"{coverage['resplits']} re-splits) | {coverage['size']:.1f} names on average",
        f"of {trust['test']['specimens']} test specimens | {one['specimens']}, all of them right (at least "
        f"{one['low']:.0%})".replace("%)", " %)"),
        f"two or three names for {levels['few']}, a mineral group (sulphide, oxide ...) for {group['specimens']} "
        f"({group['right']} of them rightly), *not decided* for {levels['unsure']}",
        f"{levels['none']} of the {trust['test']['specimens']}",
        f"area under the curve {middle:.2f} ({low:.2f} to {high:.2f})",
        "{:.0f}, {:.0f}, {:.0f} %".format(*(100 * share for share in hand[1:])),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def main() -> None:
    """Learn, and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--out", type=Path, default=OUT, help="below the project folder")
    options = parser.parse_args()
    study, begin, commit = study_of_folder(options.photos, []), time.perf_counter(), git_commit()
    made, ladder = learn(study)
    out = project_root() / options.out
    about = {name: value for name, value in made.about.items() if name not in ("profile", "title")}
    write_json(out / "about.json", about)
    write_csv(out / "ladder.csv", ladder)
    how = {"command": "python benchmarks/real_learn.py PHOTOS", "git_commit": commit, "machine": machine()}
    how |= {"versions": package_versions(), "seconds": round(time.perf_counter() - begin, 1)}
    write_json(out / "manifest.json", how)
    vouch(out)
    print(*phrases(about), sep="\n")


if __name__ == "__main__":
    main()
