"""Backbones with their published weights and licences, and the study of a folder that learns from them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from checkout import needs_weights
from PIL import Image
from safetensors.torch import save_file

from mineral_lib.errors import WeightsError
from mineral_lib.paths import ROOT_VARIABLE
from mineral_lib.recognition import learn as learning
from mineral_lib.recognition.backbone import LITE0, RANDOM, describe, described_stages, load_backbone
from mineral_lib.recognition.features import view
from mineral_lib.recognition.ladder import rungs_of


@needs_weights()
def test_features_do_not_change_with_the_mirror():
    network = load_backbone(LITE0)
    pictures = view(Image.effect_noise((80, 60), 90), network, 64)[None]
    first, second = network.features(pictures), network.features(pictures.flip(3))
    assert first.shape == (1, 1280 + 2 * (16 + 24 + 40 + 112 + 320))
    assert torch.allclose(first, second, atol=1e-5)
    assert network.licence == "apache-2.0"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A local cache of the model hub, without a connection; gives a function that puts a network of timm there."""
    for module in ("huggingface_hub.constants", "huggingface_hub.file_download"):
        monkeypatch.setattr(f"{module}.HF_HUB_OFFLINE", True, raising=False)
        monkeypatch.setattr(f"{module}.HF_HUB_CACHE", str(tmp_path), raising=False)

    def put(tag):
        torch.manual_seed(7)
        network = timm.create_model(tag, pretrained=False)
        home = tmp_path / f"models--timm--{tag}"
        snapshot = home / "snapshots" / ("0" * 40)
        snapshot.mkdir(parents=True)
        save_file(network.state_dict(), snapshot / "model.safetensors")
        (home / "refs").mkdir()
        (home / "refs" / "main").write_text("0" * 40)
        return network.eval()

    load_backbone.cache_clear()
    yield put
    load_backbone.cache_clear()


@pytest.mark.parametrize(("tag", "sizes"), [("test_efficientnet.r160_in1k", [64, 96]), ("test_vit.r160_in1k", [160])])
def test_any_tag_of_timm_is_read_from_the_local_cache_of_the_hub(hub, tag, sizes):
    given = hub(tag)
    found = load_backbone(tag)
    assert (found.licence, found.free, found.size_px, found.sizes([64, 96])) == ("apache-2.0", True, 160, sizes)
    images = torch.rand(2, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    mean, deviation = (torch.tensor(given.pretrained_cfg[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    given.reset_classifier(0)
    with torch.inference_mode():
        expected = sum(given((picture - mean) / deviation) for picture in (images, images.flip(3))) / 2
    assert torch.allclose(found.features(images)[:, : expected.shape[1]], expected, atol=1e-5)


def test_several_backbones_are_rungs_alone_and_together(hub):
    hub("test_vit.r160_in1k")
    rungs = rungs_of([RANDOM, "test_vit.r160_in1k"], [64, 96])
    (name,) = [name for name in rungs if "all sizes" in name]
    titles = [kind.title for kind in rungs[name]]
    assert titles == [f"{RANDOM}@64", f"{RANDOM}@96", "test_vit.r160_in1k@160"]  # the second sees one size only
    assert not any("all sizes" in name for name in rungs_of([RANDOM], [64, 96]))


def test_stages_are_described_by_mean_and_deviation_of_their_channels():
    network = load_backbone(RANDOM)
    kept, picture = [], torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    stages = [network.network.blocks[place] for place in (0, 1, 2, 4, 6)]  # the last one of each size
    handles = [stage.register_forward_hook(lambda _layer, _inputs, output: kept.append(output[0])) for stage in stages]
    with torch.inference_mode():
        found = describe(network.network, picture)[0]
    for handle in handles:
        handle.remove()
    maps = [stage.flatten(1).numpy() for stage in kept]
    wanted = np.concatenate([part for stage in maps for part in (stage.mean(1), stage.std(1))])
    assert len(found) == 1280 + len(wanted)
    assert np.allclose(found[1280:], wanted, atol=1e-4)


def test_of_many_layers_a_few_are_described_the_last_among_them():
    assert described_stages(timm.create_model("test_vit", num_classes=0))[-1] == 5
    twelve = SimpleNamespace(feature_info=range(12))
    assert described_stages(twelve) == [2, 5, 8, 11]


def test_a_tag_that_is_neither_cached_nor_reachable_says_so(hub):
    with pytest.raises(WeightsError, match=r"(?s)test_resnet\.r160_in1k.*the model hub"):
        load_backbone("test_resnet.r160_in1k")


def test_a_restricted_licence_is_said(hub, made, monkeypatch):
    hub("test_efficientnet.r160_in1k")
    found = load_backbone("test_efficientnet.r160_in1k")
    restricted = replace(found, cfg=found.cfg | {"license": "cc-by-nc-4.0"})
    monkeypatch.setattr(learning, "load_backbone", lambda name: restricted)
    monkeypatch.setattr(learning, "build_recogniser", lambda study, backbones, **options: backbones)
    monkeypatch.setenv(ROOT_VARIABLE, str(made.root))
    lines = []
    study = learning.study_of_folder(made.folder, [])
    assert learning.learn(study, say=lines.append) == study.settings.recogniser.backbones
    assert ["cc-by-nc-4.0" in line for line in lines] == [True]


@pytest.mark.parametrize("name", ["photos", "My Photos #2", "石英"])
def test_a_folder_has_a_study_of_its_own(tmp_path, name):
    study, other = (
        learning.study_of_folder(tmp_path / place / name, ["data.min_photos=3"]) for place in ("one", "two")
    )
    assert study.settings.data.folder == str(tmp_path / "one" / name) and study.settings.data.min_photos == 3
    assert study.settings.profile != other.settings.profile and study.paths.root != other.paths.root
