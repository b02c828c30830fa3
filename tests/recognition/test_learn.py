"""What ``mineral learn`` says at its end."""

import pandas as pd
import pytest
from folders import fill_classes

from mineral_lib.cli import main
from mineral_lib.recognition.ladder import MAJORITY
from mineral_lib.recognition.learn import majority_note

NO_BETTER = "no better than always saying the commonest name"


@pytest.mark.parametrize(
    ("majority", "chosen", "told"), [(0.5, 0.6, False), (0.5, 0.5, True), (0.5, 0.4, True), (None, None, False)]
)
def test_no_better_than_the_commonest_name(majority, chosen, told):
    rungs = {"rung": [MAJORITY, "colour histogram", "other"], "chosen": [False, True, False]}
    ladder = pd.DataFrame(rungs | {"accuracy": pd.Series([majority, chosen, 0.9], dtype=float)})
    assert (NO_BETTER in majority_note(ladder)) == told


def test_it_is_the_last_line_on_noise(study_root, capsys):
    fill_classes(study_root / "noise", 30, "quartz")
    fill_classes(study_root / "noise", 10, "pyrite")
    changes = ["--set", "recogniser.backbones=[]", "--set", "data.near_duplicate_radius=null"]
    assert main(["learn", str(study_root / "noise"), *changes]) == 0
    assert NO_BETTER in capsys.readouterr().out.splitlines()[-1]
