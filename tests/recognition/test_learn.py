"""The study of somebody's folder."""

import pytest

from mineral_lib.recognition.learn import study_of_folder


@pytest.mark.parametrize("name", ["photos", "My Photos #2", "石英"])
def test_a_folder_has_a_study_of_its_own(tmp_path, name):
    study, other = (study_of_folder(tmp_path / place / name, ["data.min_photos=3"]) for place in ("one", "two"))
    assert study.settings.data.folder == str(tmp_path / "one" / name) and study.settings.data.min_photos == 3
    assert study.settings.profile != other.settings.profile and study.paths.root != other.paths.root
