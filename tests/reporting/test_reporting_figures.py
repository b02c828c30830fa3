"""Figures: glyphs, determinism, and that every drawing function accepts the shapes of real input."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib import font_manager

from mineral_lib.catalogue import minerals
from mineral_lib.config import PROPOSED
from mineral_lib.measurements.paper_networks import Step
from mineral_lib.reporting import confusion, curves, plates, setup_tables
from mineral_lib.reporting.cam_grid import draw_cam_grid
from mineral_lib.reporting.diagrams import draw_block, draw_eca, draw_network
from mineral_lib.reporting.plates import credit_line
from mineral_lib.reporting.style import CJK_FAMILY, network_style, register_fonts
from mineral_lib.reporting.words import words
from mineral_lib.training.run import Run

LAYERS = ("Downsample", "d7x7, 48", "1x1, 192", "1x1, 48", "ECA, k=5")
STAGES = [
    Step("conv1", "stem", (3, 64, 64), (24, 16, 16), ("4x4, 24, stride 4", "Layer Norm")),
    Step("conv2_x", "stage", (24, 16, 16), (24, 16, 16), ("d7x7, 24", "1x1, 96", "1x1, 24"), 2, block=(7, 24, 96)),
    Step("eca2", "eca", (24, 16, 16), (24, 16, 16), ("ECA, k=3",), eca_kernel=3),
    Step("conv3_x", "stage", (24, 16, 16), (48, 8, 8), LAYERS, 2, (7, 48, 192), downsampled=True, eca_kernel=5),
    Step("head", "head", (48, 8, 8), (7,), ("Linear",)),
]


def words_of(drawing) -> list[str]:
    return [text.get_text() for text in drawing.figure.axes[0].texts]


def images(count: int, side: int = 8) -> list[np.ndarray]:
    return list(np.random.default_rng(0).random((count, side, side, 3)))


def test_every_character_has_a_glyph():
    """Of the non-Latin ones that figures may show."""
    texts = [words()["paper_title_zh"], "、，。：；（）《》", *(chinese for _, chinese in words()["labels"].values())]
    texts += [text for mineral in minerals() for text in (mineral.chinese, mineral.note)]
    shown = {character for text in texts for character in text if ord(character) > 0x2E7F}
    register_fonts()
    path = font_manager.findfont(CJK_FAMILY, fallback_to_default=False)
    glyphs = set(font_manager.get_font(path).get_charmap())
    assert {*"方解石识别"} <= shown and not {character for character in shown if ord(character) not in glyphs}


def test_saved_figures_are_byte_identical(tmp_path):
    counted = (np.array([[3, 1], [0, 4]]), np.full(2, np.nan), ["bornite", "my rock"])
    files = []
    for name in ("one", "two"):
        drawing = confusion.draw_matrix(*counted, language="both")
        files.append(drawing.save(tmp_path / name / "figure", dpi=60))
    for first, second in zip(*files, strict=True):
        assert first.read_bytes() == second.read_bytes()
    svg = files[0][1].read_text()
    assert "<dc:date>" not in svg and not re.search(r"Matplotlib v", svg)
    assert pd.read_csv(files[0][2])["rate"].tolist() == [0.75, 0.25, 0.0, 1.0]


def test_no_missing_glyph_warning(tmp_path, recwarn):
    names = [mineral.slug for mineral in minerals()]
    drawing = confusion.draw_matrix(np.eye(26, dtype=int), np.ones(26), names, language="both", title="混淆矩阵")
    drawing.save(tmp_path / "figure", dpi=50)
    assert not [str(warning.message) for warning in recwarn if "lyph" in str(warning.message)]


def test_paper_orientation_has_true_classes_in_columns():
    counted = (np.array([[1, 3], [0, 5]]), np.array([7.0, 20.0]), ["bornite", "pyrite"])
    drawing = confusion.draw_matrix(*counted, form="paper")
    axes = drawing.figure.axes[0]
    shown = axes.collections[0].get_array()
    assert shown[1, 0] == pytest.approx(0.75) and shown[0, 1] == 0  # bornite (column 1) taken for pyrite (row 13)
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "13"]
    assert axes.get_xlabel().startswith("True")
    above = axes.child_axes[0]
    assert [text.get_text() for text in above.get_xticklabels()] == ["4 / 7†", "5 / 20"]
    assert drawing.data["test_photographs"].tolist() == [4, 4, 5, 5]
    assert drawing.data["train_photographs"].tolist() == [7, 7, 20, 20]


def test_figures_by_class_show_their_photographs():
    counted = (np.array([[1, 1], [0, 5]]), np.full(2, np.nan), ["bornite", "my rock"])
    axes = confusion.draw_matrix(*counted).figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["bornite  2 / –†", "my rock  5 / –"]
    frame = pd.DataFrame({"class_name": ["bornite"], "original": [9.0], "augmented": [np.nan]})
    split = frame.assign(test=[2.0], train=[5.0])
    for data, shown in ((frame, "9"), (split, "9 2 / 5†"), (split.assign(test=np.nan, train=np.nan), "9")):
        assert " ".join(words_of(setup_tables.draw_class_counts(data))[0].split()) == shown


def test_class_without_test_photographs_is_not_a_number():
    assert np.isnan(confusion.rates(np.array([[0, 0], [1, 1]]))[0]).all()


def test_networks_keep_their_line():
    known = ["vgg19", "googlenet", "resnet50", "resnext50", "convnext_tiny", "eca_convnext_tiny"]
    styles = [network_style(model) for model in known]
    assert len({style["color"] for style in styles}) == len({str(style["linestyle"]) for style in styles}) == 6
    assert network_style("timm:resnet18") == network_style("timm:resnet18")


def test_curves_with_one_epoch_and_none():
    frame = pd.DataFrame([["resnet50", "ResNet50", "scratch", 1, 0.5, 0.4]], columns=curves._COLUMNS)
    for data in (frame, frame.iloc[:0]):
        assert len(curves.draw_curves(data).figure.axes) == 2


def test_diagrams_show_what_the_description_says():
    assert "d7×7\n24" in words_of(draw_block(STAGES[1])) and "1×1\n96" in words_of(draw_block(STAGES[1]))
    assert any("k = 5" in words for words in words_of(draw_eca(192, 5)))
    words = words_of(draw_network(STAGES, "post_stage"))
    assert "ECA k=3" in words and "2 blocks" in words and any(word.startswith("7\n") for word in words)
    assert "k=5" in words_of(draw_network(STAGES, "post_block"))
    plain = [step for step in STAGES if step.kind != "eca"][:2] + STAGES[-1:]
    assert not any("ECA" in word for word in words_of(draw_network(plain, None)))
    with pytest.raises(ValueError, match="no stage"):
        draw_block(STAGES[0])


def panels(minerals, networks, credits) -> pd.DataFrame:
    """What several networks saw, see ``cam_panels``; the second one sees nothing."""
    said = {"predicted": "quartz", "probability": 0.9, "correct": True}
    rows = [
        {"place": place, "photo": images(1)[0], "mineral": name, "credit": credit, "network": network, **said}
        | {"overlay": images(1)[0] if network == networks[0] else None}
        for place, (name, credit) in enumerate(zip(minerals, credits, strict=True))
        for network in networks
    ]
    return pd.DataFrame(rows)


def test_plates_and_cam_grid_accept_gaps(tmp_path):
    plate = plates.draw_plate([*images(8), None], [display for display in "abcdefghi"])
    assert list(plate.data["letter"]) == list("abcdefghi")
    plates.draw_samples([images(3), images(2)], ["one", "two"])
    plates.draw_augmentations([images(3)], ["original", "crop", "noise"], row_names=["bornite"])
    grid = draw_cam_grid(panels("xy", ["A (compact)", "B"], ["", ""]), language="both")
    assert grid.data["has_map"].tolist() == [True, False, True, False] and "credit" not in grid.data
    assert len(grid.save(tmp_path / "g", dpi=50)) == 3


CREDITS = ["J. Doe (CC BY 4.0)", "", "石英 & $1 shop", "J. Doe (CC BY 4.0)"]


def line_below(drawing) -> str:
    return " ".join(drawing.figure.get_supxlabel().split())


def test_credits_name_each_person_once_with_the_pictures():
    assert credit_line("abcd", CREDITS) == "a, d J. Doe (CC BY 4.0); c 石英 & $1 shop"
    assert credit_line("ab", ["X", "X"]) == "X" and credit_line("ab", ["X", ""]) == "a X"
    assert credit_line("ab", ["", ""]) == ""


def test_photographs_are_shown_with_their_credits(tmp_path):
    names = list("wxyz")
    plate = plates.draw_plate(images(4), names, credits=CREDITS)
    assert line_below(plate) == "Photographs: a, d J. Doe (CC BY 4.0); c 石英 & $1 shop"
    assert plate.data["credit"].tolist() == CREDITS
    sheet = plates.draw_samples([images(2), images(2)], ["one", "two"], credits=[CREDITS[:2], CREDITS[2:]])
    assert line_below(sheet) == "Photographs by row.column: 1.1, 2.2 J. Doe (CC BY 4.0); 2.1 石英 & $1 shop"
    rows = [images(2) for _ in names]
    operations = plates.draw_augmentations(rows, ["original", "crop"], row_names=names, credits=CREDITS)
    grid = draw_cam_grid(panels(names, ["A"], CREDITS))
    for drawing in (operations, grid):
        assert line_below(drawing) == "Photographs by row: 1, 4 J. Doe (CC BY 4.0); 3 石英 & $1 shop"
        assert set(drawing.data["credit"]) == set(CREDITS)
    assert plate.save(tmp_path / "plate")[0].stat().st_size > 0  # the dollar sign starts no formula


def test_credits_lie_inside_the_figure_and_below_the_pictures():
    many = [f"Photographer number {i} of the Geological Museum (CC BY-SA 4.0)" for i in range(9)]
    plain, credited = (plates.draw_plate(images(9), list("abcdefghi"), credits=c) for c in ((), many))
    assert credited.figure.get_size_inches()[1] > plain.figure.get_size_inches()[1]
    credited.figure.canvas.draw()
    text = credited.figure._supxlabel.get_window_extent()
    assert text.x0 >= 0 and text.y0 >= 0 and text.x1 <= credited.figure.bbox.width
    assert all(axes.get_window_extent().y0 >= text.y1 for axes in credited.figure.axes)


def test_figures_without_credits_are_as_before():
    for credits in ((), ["", ""]):
        plate = plates.draw_plate(images(2), ["a", "b"], credits=credits)
        assert plate.figure.get_supxlabel() == "" and list(plate.data) == ["letter", "title"]


@pytest.mark.parametrize("shape", [(8, 8, 3), (3, 8, 8), (8, 8)])
def test_pictures_of_any_usual_form(shape):
    picture = plates.as_picture(np.full(shape, 255, dtype=np.uint8))
    assert picture.shape == (8, 8, 3) and picture.max() == 1
    with pytest.raises(ValueError, match="neither"):
        plates.as_picture(np.zeros((2, 2, 2, 2)))


@pytest.mark.parametrize("other", [{"pictures": "grey"}, {"labels": "shuffled"}, {"protocol": "photo"}])
def test_a_control_is_not_averaged_into_the_curve_of_its_run(other):
    runs = [
        Run(PROPOSED, "transfer", study=None),
        Run(PROPOSED, **{"weights": "transfer", "seed": 1} | other, study=None),
    ]
    with pytest.raises(ValueError, match="more than their seeds"):
        curves.history_frame(runs)
