"""Reference results: what is tracked is what the code makes of the tracked records, and what the README says."""

from pathlib import Path

import pandas as pd
import pytest

from mineral_lib.check_results import check_results
from mineral_lib.errors import DataError
from mineral_lib.manifest import FIRST_SCREEN, keep_reference, quoted, reference_dir
from mineral_lib.parameters import load_profile
from mineral_lib.paths import ResultPaths
from mineral_lib.reporting.artefacts import read_saved
from mineral_lib.reporting.comparison import table_4
from mineral_lib.study import Study

ROOT = Path(__file__).parents[2]
STUDIES = sorted(path.parent.name for path in (ROOT / "results" / "reference").glob("*/first_screen.md"))


@pytest.fixture(params=STUDIES)
def study(request):
    folder = ROOT / "results" / "reference" / request.param
    return Study(load_profile(str(folder / "params" / f"{request.param}.yaml")), ResultPaths(folder))


def test_the_references_are_there():
    assert {"quick", "evening"} <= set(STUDIES)


@pytest.mark.parametrize("folder", sorted((ROOT / "results" / "reference").iterdir()), ids=lambda path: path.name)
def test_every_tracked_number_has_a_digest_and_is_as_it_was_written(folder):
    found = check_results(folder)
    assert not found.damages and not found.unknown and len(found.whole) >= 4


def test_the_first_screen_is_made_of_the_tracked_records(study):
    assert quoted(study) == (study.paths.root / FIRST_SCREEN).read_text(encoding="utf-8")


def test_table_4_is_made_of_the_tracked_records(study):
    made, tracked = table_4(study).frame, read_saved(study, "table_4_comparison")
    for name in ("accuracy", "low", "high", "seed_sd"):
        pd.testing.assert_series_equal(made[name].astype(float), tracked[name].astype(float), rtol=0, atol=2e-6)


def test_the_readme_quotes_the_evening_word_for_word():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / "results" / "reference" / "evening" / FIRST_SCREEN).read_text(encoding="utf-8") in readme


@pytest.mark.parametrize("table", ["real_photos", "steps", "by_source"])
def test_the_readme_quotes_the_real_photographs_word_for_word(table):
    text = (ROOT / "results" / "reference" / "real_photos" / "tables" / f"{table}.md").read_text(encoding="utf-8")
    sentence = next(line[2:] for line in text.splitlines() if line.startswith("> "))
    assert sentence in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_profile_without_results_has_no_reference(monkeypatch, tmp_path):
    monkeypatch.setenv("MINERAL_STUDY_ROOT", str(tmp_path))
    with pytest.raises(DataError, match="has no results"):
        keep_reference("quick")
    assert not reference_dir("quick").exists()


def test_the_readme_tells_what_each_start_gained_in_the_evening():
    starts = pd.read_csv(ROOT / "results" / "reference" / "evening" / "tables" / "table_5_starts.csv")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    starts = starts.query("model == 'convnext_tiny' and pictures == 'colour'").set_index("start")
    for start in ("transfer", "colour statistics"):
        row = starts.loc[start]
        gain, low, high = (f"{100 * row[name]:+.1f}" for name in ("gain", "gain_low", "gain_high"))
        assert f"{gain} points ({low} to {high}, " in text
