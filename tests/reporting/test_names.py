"""Whatever people name their folders and files: every table, figure and page shows it, and nothing else happens."""

import html.parser
import json
import re
import warnings

import matplotlib
import mistune
import numpy as np
import pandas as pd
import pytest
import tiny_runs
from folders import fill_classes, noise, put
from matplotlib.text import Text

from mineral_lib.cli import main
from mineral_lib.notation import line
from mineral_lib.parameters import load_profile
from mineral_lib.paths import ResultPaths
from mineral_lib.reporting import artefacts, glyphs
from mineral_lib.reporting.card import write_cards
from mineral_lib.reporting.confusion import class_numbers, draw_confusion, draw_matrix
from mineral_lib.reporting.plates import draw_plate
from mineral_lib.reporting.report import write_report
from mineral_lib.reporting.style import Drawing
from mineral_lib.study import Study

NAMES = [
    "<b>bold<b> & <script>alert(1)<script>",
    "a|b `c` *d* _e_ [x](javascript:y) #",
    "$x^2$ \\frac{1}{2} \\$",
    "007",
    "NA",
    "1e5",
    "new\nline\ttab",
    "בדולח 12",
    "翡翠 자수정 हिन्दी",
    "📷 ❤️ \u202etxet",
    "x" * 120,
    "quo\"te, 'comma' e\u0301 ~~\N{NO-BREAK SPACE}~~ ",
]
WIDE = {"=1+1": "formula"}  # a folder of this name loses the sign, a file keeps it


class Page(html.parser.HTMLParser):
    """Which elements a page has, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags |= {tag, *(name for name, _ in attrs)}

    def handle_data(self, data):
        self.text.append(data)


def shown_by(markdown):
    """What readers see of Markdown, and the elements that it became; GitHub's and notebooks' extensions are on."""
    render = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "math", "footnotes"])
    page = Page(render(markdown))
    return "".join(page.text), page.tags


@pytest.fixture(scope="module", autouse=True)
def no_other_fonts():
    """Whatever fonts this machine has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glyphs, "_system_fonts", lambda: ())
        glyphs._family.cache_clear()
        yield
    glyphs._family.cache_clear()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A finished study whose classes have such names."""
    paths = ResultPaths(tmp_path_factory.mktemp("results") / "tiny")
    models = "comparison.models=[convnext_tiny, eca_convnext_tiny]"
    settings = load_profile("quick", ["report.bootstrap=100", models])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_runs, "CLASSES", NAMES)
        tiny_runs.write_photographs(paths)
        for model, weights, wrong in (("convnext_tiny", "scratch", 20), ("eca_convnext_tiny", "transfer", 24)):
            tiny_runs.write_run(paths, model, weights, wrong=range(wrong))
    return Study(settings, paths)


@pytest.fixture(scope="module")
def report(study):
    """The page, made without any warning of a missing glyph."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*[Gg]lyph.*")
        warnings.filterwarnings("error", message=".*[Ff]ont.*")
        return write_report(study).read_text()


def test_the_report_shows_every_name_and_obeys_none(report):
    page = Page(report)
    assert not page.tags & {"script", "b>", "javascript:y", "onerror"} and "<script" not in report
    text = " ".join(page.text)
    for name in NAMES:
        assert line(name) in text, name


@pytest.mark.parametrize("name", ["per_class", "confused", "table_2_images"])
def test_tables_hold_the_names_as_they_are_and_show_them(study, report, name):
    stem = f"{name}_eca_convnext_tiny-transfer-grouped-seed0" if name in ("per_class", "confused") else name
    frame = pd.read_csv(study.paths.tables_dir / f"{stem}.csv", dtype=str, keep_default_na=False)
    column = {"per_class": "class_name", "confused": "true", "table_2_images": "class_name"}[name]
    assert set(NAMES) <= set(frame[column])
    text, tags = shown_by((study.paths.tables_dir / f"{stem}.md").read_text())
    assert not tags & {"script", "b", "em", "strong", "code", "a", "del", "math", "span", "div"} and "table" in tags
    for one in NAMES:
        assert " ".join(line(one).split()) in " ".join(text.split()), one
    rows = [row for row in (study.paths.tables_dir / f"{stem}.md").read_text().split("\n") if row.startswith("|")]
    assert len(rows) == len(frame) + 2


def test_figures_hold_the_names_as_they_are(study, report):
    for stem in ("figure_5_confusion_standard", "table_2_counts_ours"):
        frame = pd.read_csv(study.paths.figures_dir / f"{stem}.csv", dtype=str, keep_default_na=False)
        assert set(NAMES) == set(frame[next(name for name in ("true", "class_name") if name in frame)]), stem


def texts_of(drawing):
    """All words of a figure as they are drawn."""
    drawing._render("png", 40)
    return [text.get_text() for text in drawing.figure.findobj(Text)]


def test_names_on_axes_are_drawn_whole_short_and_beside_their_numbers(study):
    words = texts_of(draw_confusion(study, form="standard"))
    for start in (
        "$x^2$ \\frac{1}{2} \\$",
        "new\\nline\\ttab",
        "\u2068בדולח 12\u2069",
        "(camera) ❤️ \\u202etxet",
        "xxx",
    ):
        assert any(word.startswith(start) and re.search(r"  2 / \d", word) for word in words), start
    assert max(len(word) for word in words if not word.startswith("No installed")) < 80
    assert any(word.startswith("No installed font has the letters of") for word in words)


def test_a_font_of_the_system_is_used_before_letters_are_spelled(monkeypatch):
    glyphs._family.cache_clear()
    path = glyphs.font_manager.findfont("DejaVu Serif")
    monkeypatch.setattr(glyphs, "_system_fonts", lambda: (("DejaVu Serif", path),))
    monkeypatch.setattr(glyphs, "_glyphs", lambda family: frozenset(range(128)))
    drawing = draw_matrix(np.eye(2, dtype=int), np.ones(2), ["Яшма", "翡翠"])
    words = texts_of(drawing)
    assert "Яшма" in words and "(U+7FE1 U+7FE0)" in words
    families = [text.get_fontfamily() for text in drawing.figure.findobj(Text) if text.get_text() == "Яшма"]
    assert families and all("DejaVu Serif" in family for family in families)
    glyphs._family.cache_clear()


def test_spelled_names_are_cut_and_credits_are_not():
    credit = "张三 of the Geological Museum (CC BY-SA 4.0), by the kindness of a collector"
    words = texts_of(draw_plate([None], ["翡" * 14], columns=1, credits=[credit]))
    assert any("…" in word and len(word) <= 43 for word in words)
    assert any("(U+5F20 U+4E09) of the" in word and "a collector" in word.replace("\n", " ") for word in words)


def test_every_kind_of_character_is_spelled_or_numbered():
    assert [glyphs._letters(one)[0] for one in "자メह📷翡\u094d\ufe0f\t"] == [
        *("ja", "me", "ha", "(camera)", "(U+7FE1)", "", "", "\\t")
    ]


READERS = {"image.origin": "lower", "text.usetex": True, "font.size": 30.0, "axes.facecolor": "red"}
READERS |= {"text.parse_math": True, "savefig.bbox": "tight", "figure.autolayout": True, "lines.linewidth": 9.0}


def test_the_readers_matplotlibrc_changes_no_figure():
    def drawn():
        top = np.full((64, 64, 3), 255, np.uint8)
        top[:16] = (255, 0, 0)
        sheets = draw_plate([top], ["$x$ 石英"], columns=1), draw_matrix(np.eye(2, dtype=int), np.ones(2), ["a", "b"])
        return [sheet._render("png", 50) for sheet in sheets]

    ours = drawn()
    with matplotlib.rc_context(READERS):
        assert drawn() == ours
        assert matplotlib.rcParams["font.size"] == 30.0  # the reader's own figures stay the reader's


def test_class_numbers_are_unique_and_true():
    assert class_numbers(["bornite", "pyrite"]) == ["1", "13"]
    assert class_numbers([*map(str, (1, 10, 11, 2))]) == ["1", "10", "11", "2"]
    assert class_numbers(["a", "b", "c"]) == ["1", "2", "3"]
    mixed = class_numbers(["galena", "pyrite", "13", "28", "agate", "beryl"])
    assert mixed[1] == "13" and mixed[3:] == ["28", "29", "30"] and mixed[2] == "27"
    assert class_numbers(["1", "a", "b"]) == ["1", "2", "3"]
    many = [f"c{i}" for i in range(300)]
    assert len(set(class_numbers(many))) == 300


def test_saved_tables_keep_names_that_look_like_numbers(study):
    frame = pd.DataFrame({"class": ["007", "1e5", "NA", "true"], "photographs": [1, 2, 3, 4]})
    study.save(artefacts.declared(study, "folder_classes", frame))
    again = artefacts.read_saved(study, "folder_classes")
    assert again.to_dict("list") == frame.to_dict("list")


@pytest.fixture
def folder(study_root):
    """A photo folder with such names, also of files."""
    root = study_root / "📷 $1_trip #2"
    fill_classes(root, 3, *(name for name in NAMES))
    for number, name in enumerate(["IMG_$1_$2.png", "=1+1.png", "<img src=x onerror=alert(1)>.png", "שלום 3.png"]):
        put(root, f"007/{name}", noise(900 + number, (30, 30)))
        put(root, f"NA/{name}", noise(900 + number, (30, 30)))
    return root


def test_check_of_such_a_folder(folder, study_root, capsys):
    out = study_root / "out"
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*[Gg]lyph.*")
        assert main(["check", str(folder), "--out", str(out), "--set", "data.min_photos=3"]) == 0
    text = capsys.readouterr().out
    for name in NAMES:
        assert line(name) in text, name
    assert "\x1b" not in text and "\u202e" not in text
    shown = pd.read_csv(out / "suspicious_photographs.csv", dtype=str, keep_default_na=False)
    assert {"007/IMG_$1_$2.png", "007/=1+1.png"} <= set(shown["file"])
    assert set(NAMES) == set(pd.read_csv(out / "folder_classes.csv", dtype=str, keep_default_na=False)["class"])


@pytest.mark.parametrize(
    "changes, words",
    [
        ([], "specimen: not given, every photograph its own"),
        (["data.specimen_from=folder"], "specimen: the folder directly below the class folder"),
        ([], "- Near-copies stand in one split as far as they were found"),
        (["data.near_duplicate_radius=null"], "- Near-copies that are neither equal bytes nor named as one specimen"),
        (
            ["data.specimen_from=pattern", r"data.specimen_pattern='(?P<specimen>[^`_|]+)_'"],
            r"specimen: from the file name by ``(?P<specimen>[^`_|]+)_``",
        ),
    ],
)
def test_cards_show_every_name_and_how_specimens_were_told(folder, study_root, changes, words):
    where = [f"data.folder={json.dumps(folder.name, ensure_ascii=False)}", "data.source=folder", "data.min_photos=3"]
    study = Study(load_profile("test", [*where, "report.data_card=true", *changes]))
    card, machine = (path.read_text() for path in write_cards(study))
    text, tags = shown_by(card)
    assert words in card and not tags & {"script", "img", "b", "em", "strong", "a", "del", "math", "span", "div"}
    for name in NAMES:
        assert " ".join(line(name).split()) in " ".join(text.split()), name
    assert {row["classes/name"] for row in json.loads(machine)["recordSet"][0]["data"]} == set(NAMES)
    assert "📷 $1_trip #2" in text


def test_the_users_own_figures_are_drawn_by_the_same_rules(study):
    from mineral_lib.reporting.style import new_figure

    sheet = new_figure(60, 40)
    sheet.subplots().set_title("$5 अ")
    assert "$5 a" in texts_of(Drawing(sheet, pd.DataFrame()))
