"""What is different on an NVIDIA GPU: batches made there, compiled networks. Skipped where there is none."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from mineral_lib.config import Settings
from mineral_lib.data import augment
from mineral_lib.data.augment import augment_batch, draw, draw_params
from mineral_lib.data.dataset import MineralDataset, grey_pictures, make_loader, normalise, set_epoch
from mineral_lib.evaluation.grad_cam import heat_maps
from mineral_lib.measurements.evidence_study import answers
from mineral_lib.models.zoo import build_base
from mineral_lib.parameters import load_profile
from mineral_lib.study import Study
from mineral_lib.training.engine import Loop, evaluate, train_one_epoch
from mineral_lib.training.recipe import classification_loss, make_optimizer
from mineral_lib.training.train_run import make_loop

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")
COUNT, CLASSES = 44, 4


def settings_of(*changes: str) -> Settings:
    fixed = ["train.precision=fp32", "train.batch_size=8", "model.drop_path_rate=0"]
    return load_profile("test", [*fixed, *changes])


def loader_of(settings: Settings, *, augment_now: bool):
    """Noise photographs, for training."""
    px = round(settings.data.image_size_px * 256 / 224)
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, px, px, 3), np.uint8)
    samples = pd.DataFrame({"sample_id": range(COUNT), "label": np.arange(COUNT) % CLASSES, "split": "train"})
    augment, px = settings.augment if augment_now else None, settings.data.image_size_px
    dataset = MineralDataset(samples, pixels, split="train", image_size_px=px, augment=augment)
    loader = make_loader(dataset, settings.train, draw=True)
    set_epoch(loader, 1)
    return loader


def trained(*changes: str) -> tuple[float, float]:
    """Training loss of one epoch, and loss after it."""
    settings = settings_of(*changes)
    torch.manual_seed(0)
    loop = make_loop(build_base("convnext_tiny", num_classes=CLASSES, options=settings.model), settings, lr=1e-4)
    loader = loader_of(settings, augment_now=False)
    loss, _ = train_one_epoch(loop, loader, epoch=1)
    return loss, evaluate(loop, loader)[0]


@gpu
@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("augment_now", [False, True])
def test_batches_made_on_the_gpu_are_those_of_the_cpu(augment_now, noise):
    change = f"augment.noise_sigma={noise}"
    theirs = loader_of(settings_of("train.device=cuda", change), augment_now=augment_now)
    ours = loader_of(settings_of("train.device=cpu", change), augment_now=augment_now)
    assert isinstance(theirs.dataset.pixels, torch.Tensor) and theirs.dataset.pixels.is_cuda
    for (made, *labels), (wanted, *others) in zip(theirs, ours, strict=True):
        assert made.is_cuda and all(torch.equal(*pair) for pair in zip(labels, others, strict=True))
        difference = (made.cpu() - wanted).std().item()
        # Other noise of the same strength: the difference has sqrt(2) times its deviation, in units of about 0.226.
        limit = (0.0, 0.2)[noise > 0] if augment_now else 0.0
        assert difference <= limit + 1e-3


@gpu
def test_noise_on_the_gpu_repeats():
    settings = settings_of("train.device=cuda")
    first, second = (torch.cat([batch[0] for batch in loader_of(settings, augment_now=True)]) for _ in range(2))
    assert torch.equal(first, second)


@gpu
@pytest.mark.parametrize("compiled", ["false", "true"])
def test_training_on_the_gpu_is_that_of_the_cpu(compiled):
    wanted = trained("train.device=cpu")
    assert trained("train.device=cuda", f"train.compile={compiled}") == pytest.approx(wanted, rel=1e-2)


@gpu
@pytest.mark.parametrize("name", ["vgg19", "resnet50", "convnext_tiny"])
def test_maps_and_answers_of_the_gpu_are_those_of_the_cpu(name):
    torch.manual_seed(0)
    network = build_base(name, num_classes=CLASSES, options=load_profile("test").model).eval()
    photos = np.random.default_rng(0).integers(0, 256, (COUNT, 73, 73, 3), np.uint8)
    run = Study(load_profile("quick", ["train.precision=fp32"])).run(name)
    labels = (np.arange(COUNT) % CLASSES).tolist()
    wanted, said = heat_maps(run, photos, labels, network=network), answers(run, photos, network)
    network.cuda()
    found = heat_maps(run, photos, labels, network=network)
    assert not all(one.empty for one in wanted)
    # Convolutions on a GPU round their factors to ten bits.
    assert np.mean([np.abs(one.heat - other.heat).mean() for one, other in zip(found, wanted, strict=True)]) < 0.02
    assert (answers(run, photos, network) == said).mean() > 0.9


def test_nothing_of_a_batch_or_a_step_leaves_the_gpu():
    """Run on a GPU that only says where each tensor would be: a tensor forgotten on the CPU is an error there."""
    settings, gpu = load_profile("test"), torch.device("cuda", 0)
    network, seeds = build_base("convnext_tiny", num_classes=CLASSES, options=settings.model), range(8)
    drawn = {seed: draw(partial(draw_params, settings.augment, 64), gpu, seed) for seed in seeds}
    with FakeTensorMode(allow_non_fake_inputs=True), pytest.MonkeyPatch.context() as patch:
        patch.setattr(augment, "draw", lambda _random, _device, seed: drawn[seed])
        patch.setattr(augment, "_noise_bank", lambda device: torch.empty(augment.NOISE_BANK, device=device))
        photos = torch.empty(8, 3, 73, 73, dtype=torch.uint8, device=gpu)
        images = augment_batch(grey_pictures(photos), augment=settings.augment, image_size_px=64, seeds=seeds)
        images = normalise(images)
        for module in network.modules():  # ``to`` cannot move what is real to a device that is not
            for name, parameter in module.named_parameters(recurse=False):
                setattr(module, name, nn.Parameter(torch.empty(parameter.shape, device=gpu)))
        loop = Loop(network, make_optimizer(network, settings.train, 1e-3), gpu, None, classification_loss(0.3))
        output = loop.forward(images)
        loss = loop.loss(output, torch.zeros(8, dtype=torch.long, device=gpu))
        assert {part.device for part in (images, output, loss)} == {gpu}
        with pytest.raises(RuntimeError, match="device"):
            loop.loss(output, torch.zeros(8, dtype=torch.long))


def test_nothing_is_compiled_on_a_cpu():
    settings = settings_of("train.device=cpu", "train.compile=true")
    loop = make_loop(build_base("convnext_tiny", num_classes=CLASSES, options=settings.model), settings, lr=1e-4)
    assert loop.network._compiled_call_impl is None
    assert trained("train.device=cpu", "train.compile=true") == trained("train.device=cpu")
