"""Grad-CAM, the linear probe and predictions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from mineral_lib.data.dataset import normalise, to_tensor
from mineral_lib.data.index import build_index, photo_folder
from mineral_lib.evaluation import grad_cam
from mineral_lib.evaluation.controls import colour_histograms, frozen_features, linear_probe
from mineral_lib.evaluation.grad_cam import heat_maps, overlay
from mineral_lib.measurements import evidence_study
from mineral_lib.measurements.evidence_study import (
    AREA,
    BLIND,
    EVIDENCE_FILE,
    GROUNDS_FILE,
    blind_centre_map,
    evidence_on_specimen,
    hottest_on_specimen,
    read_measured,
)
from mineral_lib.models.zoo import build_base, classifier_of
from mineral_lib.parameters import load_profile
from mineral_lib.recognition.demonstration import demonstration_settings, photographs_to_answer
from mineral_lib.recognition.predict import predict_photographs
from mineral_lib.reporting.cam_grid import cam_panels, figure_photographs, mistake_panels
from mineral_lib.study import Study

QUICK = load_profile("quick")
OPTIONS = QUICK.model


@pytest.mark.parametrize("name", ["vgg19", "googlenet", "resnet50", "resnext50", "convnext_tiny"])
def test_heat_maps_of_every_network(name):
    torch.manual_seed(0)
    photos = np.random.default_rng(0).integers(0, 255, (2, 73, 73, 3), dtype=np.uint8)
    network = build_base(name, num_classes=5, options=OPTIONS)
    run = Study(QUICK).run(name)
    maps = heat_maps(run, photos, [0, 4], network=network, target="true_class")
    assert [one.target for one in maps] == [0, 4]
    for one in maps:
        assert one.heat.shape == (64, 64) and one.heat.min() >= 0 and one.heat.max() <= 1
        assert one.empty == (one.heat.max() <= 0)
    again = heat_maps(run, photos, [0, 4], network=network, target="predicted_class")
    assert [one.target for one in again] == [one.predicted for one in maps]


# Behind the layer of the last one comes a function that overwrites its input.
@pytest.mark.parametrize(
    "name", ["vgg19", "googlenet", "resnet50", "resnext50", "convnext_tiny", "torchvision:squeezenet1_1"]
)
def test_batched_heat_maps_are_the_librarys_own_of_one_photograph(name, monkeypatch):
    monkeypatch.setattr(grad_cam, "BATCH", 2)
    torch.manual_seed(0)
    photos = np.random.default_rng(0).integers(0, 255, (5, 73, 73, 3), dtype=np.uint8)
    labels = [0, 4, 2, 1, 3]
    network = build_base(name, num_classes=5, options=OPTIONS).eval()
    found = heat_maps(Study(QUICK).run(name), photos, labels, network=network, target="true_class")
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not all(one.empty for one in found)
    layer = network.get_submodule(classifier_of(name, network).cam_layer)
    with GradCAM(model=network, target_layers=[layer]) as cam:
        for one, photo, label in zip(found, photos, labels, strict=True):
            image = normalise(to_tensor(photo[None], 64))
            wanted = cam(input_tensor=image, targets=[ClassifierOutputTarget(label)])[0]
            assert np.abs(one.heat - wanted).max() < 1e-3
            with torch.inference_mode():
                chances = network(image).softmax(1)[0]
            assert one.predicted == int(chances.argmax())
            assert one.probability == pytest.approx(float(chances.max()), abs=1e-5)


def test_evidence_is_the_share_on_the_mask():
    heat, mask = np.zeros((4, 4), np.float32), np.zeros((4, 4), bool)
    heat[0], mask[0, :2] = 1, True
    assert evidence_on_specimen(heat, mask) == pytest.approx(0.5)
    assert evidence_on_specimen(np.zeros((4, 4)), mask) == 0  # no evidence is none on the specimen


def test_the_hottest_place_may_be_several_pixels():
    heat, mask = np.zeros((4, 4), np.float32), np.zeros((4, 4), bool)
    heat[1, 1], heat[0], mask[1, 1] = 1, 0.5, True
    assert hottest_on_specimen(heat, mask) == 1 and hottest_on_specimen(heat, ~mask) == 0
    heat[1, 1], mask[0, 0] = 0, True
    assert hottest_on_specimen(heat, mask) == pytest.approx(0.25)  # one pixel of the four of the first row
    assert hottest_on_specimen(np.zeros((4, 4)), ~np.zeros((4, 4), bool)) == 0


def test_the_blind_map_is_the_middle():
    heat, mask = blind_centre_map(64), np.zeros((64, 64), bool)
    mask[16:48, 16:48] = True
    assert evidence_on_specimen(heat, mask) == 1 and hottest_on_specimen(heat, mask) == 1
    mask[32:, 32:] = False
    assert evidence_on_specimen(heat, mask) == pytest.approx(0.75) and hottest_on_specimen(heat, mask) == 0.75


def test_overlay_shows_heat_where_it_is():
    photo = np.full((256, 256, 3), 100, np.uint8)
    heat = np.zeros((64, 64), np.float32)
    heat[:32] = 1
    picture = overlay(photo, heat, weight=0.5)
    assert picture.shape == (224, 224, 3)
    top, bottom = picture[50].mean(0), picture[180].mean(0)
    assert top[0] > bottom[0]  # red above


def test_histogram_and_probe():
    photos = np.zeros((40, 8, 8, 3), np.uint8)
    photos[20:, ..., 0] = 255
    histograms = colour_histograms(photos)
    assert histograms.shape == (40, 512) and np.allclose(histograms.sum(1), 1)
    labels, groups = np.repeat([0, 1], 20), np.arange(40)
    assert linear_probe(histograms, labels, groups) == 1
    shuffled = np.random.default_rng(0).permutation(labels)
    assert linear_probe(np.random.default_rng(1).normal(size=(40, 3)), shuffled, groups) < 0.85


def test_features_are_what_the_head_receives():
    network = build_base("resnet50", num_classes=5, options=OPTIONS).eval()
    photos = np.random.default_rng(0).integers(0, 255, (3, 73, 73, 3), dtype=np.uint8)
    assert frozen_features("resnet50", network, photos, image_size_px=64).shape == (3, 512)
    maps = build_base("torchvision:squeezenet1_1", num_classes=5, options=OPTIONS)
    assert frozen_features("torchvision:squeezenet1_1", maps, photos, image_size_px=64).shape == (3, 512)


@pytest.fixture
def run(tiny):
    """A trained run of the proposed network."""
    return Study(tiny).run("eca_convnext_tiny").train()


def test_predictions_and_figures_of_a_trained_run(tiny, run):
    study, shown = run.study.data, figure_photographs(run.study)
    panels = cam_panels(run.study, [run], shown)
    assert panels["place"].tolist() == list(range(5)) and set(panels["network"]) == {"ECA-ConvNeXt-T (compact)"}
    assert set(panels["credit"]) == {""}
    named = Study(tiny)
    vars(named)["data"] = replace(study, index=study.index.assign(attribution="A. Miner", licence="CC0"))
    assert set(cam_panels(named, [named.run(run.model)], shown)["credit"]) == {"A. Miner (CC0)"}
    own = demonstration_settings(tiny)
    folder, scan = photo_folder(own.data), build_index(own.data)
    reasons = " ".join(scan.files.loc[scan.files["status"] == "skipped", "reason"])
    assert (scan.files["status"] == "skipped").sum() == 2 and "truncated" in reasons and "text" in reasons
    answers = predict_photographs(run, folder, photographs_to_answer(tiny, study, scan.index))
    assert len(answers.frame) == 78 and answers.accuracy <= answers.top3_accuracy
    split = study.splits["grouped"]
    assert answers.per_class["training"].sum() == (split["split"] == "train").sum()
    assert answers.per_class["photographs"].sum() == 78
    assert answers.per_class["95 % interval"].str.contains(" to ").all()
    assert answers.frame["probability_1"].between(0, 1).all()
    mistakes = mistake_panels(run, folder, answers.frame, limit=3)
    assert len(mistakes) == 3 and not mistakes["correct"].any()
    known = photographs_to_answer(tiny, study, scan.index).assign(attribution="B. Miner").head(30)
    answers = predict_photographs(run, folder, known)
    assert set(mistake_panels(run, folder, answers.frame)["credit"]) == {"B. Miner"}


def test_evidence_and_grounds_of_a_trained_run(run, monkeypatch):
    study = run.study
    monkeypatch.setattr(evidence_study, "CHUNK", 10)  # the set has more photographs
    assert evidence_study.measure_evidence(study, [run])
    maps = read_measured(study, EVIDENCE_FILE)
    test = study.samples().query("split == 'test'")
    mine = maps[maps["model"] == run.model].set_index("image_id")
    assert sorted(mine.index) == sorted(test["image_id"]) and set(mine["seed"]) == {0}
    masks = study.masks()[:, 2:34, 2:34]  # the middle 32 of 37 pixels
    area = {one: mask.mean() for one, mask in zip(study.index["image_id"], masks, strict=True)}
    for model in (run.model, AREA, BLIND):
        rows = maps[maps["model"] == model]
        assert np.allclose(rows["area"], rows["image_id"].map(area), atol=1e-5)
    assert np.allclose(maps.loc[maps["model"] == AREA, "hottest"], maps.loc[maps["model"] == AREA, "area"])
    assert mine["heat"].between(0, 1).all() and mine["heat"].nunique() > len(mine) / 2

    def on_ground(index, settings, ground):
        photos = study.pixels(index)
        return np.zeros_like(photos) if ground == "grey" else photos

    monkeypatch.setattr(evidence_study, "load_on_ground", on_ground)
    assert evidence_study.answer_on_grounds(study, [run])
    said = read_measured(study, GROUNDS_FILE).set_index("image_id")
    assert said["own"].equals(said["swapped"]) and said["grey"].nunique() == 1 and said["own"].nunique() > 1
    predicted = run.predictions("test").set_index("image_id")["predicted"]
    assert said["own"].equals(predicted[said.index].rename("own"))
    assert evidence_study.measure_evidence(study, []) == evidence_study.answer_on_grounds(study, []) == []
