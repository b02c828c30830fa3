"""The peers of ``train_step.py`` and ``epoch.py``, each in a process of its own, printed as JSON.

torchvision's and timm's training programs are run as published from ``--peer-dir``
(``vision/references/classification`` and ``pytorch-image-models/train.py``): their own ``main`` sets everything up,
and only their ``train_one_epoch`` is
wrapped to read the clock. For the bare step the wrapper hands it one batch in memory again and again instead of the
loader. Of the project only the compact network is used here.
"""

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import torch

LR, WEIGHT_DECAY, WARM_STEPS = 1e-4, 0.05, 5
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def build_network(options):
    """The same network as ours, with random weights."""
    import timm

    import mineral_lib  # noqa: F401  (registers our networks with timm)

    torch.manual_seed(0)
    if options.network == "compact":
        return timm.create_model("convnext_tiny_compact", num_classes=options.classes)
    return timm.create_model(options.network, num_classes=options.classes)


def batch_in_memory(options, channels_last=False):
    """Normalised images and labels on the device."""
    images = torch.randn(options.batch, 3, options.px, options.px, device=options.device)
    labels = torch.arange(options.batch, device=options.device) % options.classes
    return images.contiguous(memory_format=torch.channels_last) if channels_last else images, labels


class Clock:
    """Runs a peer's function for one epoch and keeps the seconds.

    Args:
        options: Of this program.
        run: ``run(batches)``, called with the peer's loader, or with a list of batches for the bare step.
    """

    def __init__(self, options):
        self.options, self.seconds = options, []

    def epoch(self, run, loader, channels_last=False):
        """Time one epoch."""
        if self.options.mode == "step":
            batch = batch_in_memory(self.options, channels_last)
            run([batch] * WARM_STEPS)
            loader = [batch] * self.options.steps
        self._wait()
        start = time.perf_counter()
        result = run(loader)
        self._wait()
        self.seconds.append(time.perf_counter() - start)
        return result

    def figures(self):
        """What the parent process reads."""
        if self.options.mode == "step":
            images = self.options.batch * self.options.steps
            memory = torch.cuda.max_memory_allocated() / 2**20 if self.options.device == "cuda" else 0.0
            return {"images_per_second": images / self.seconds[0], "memory_mib": memory}
        images = sum(1 for _ in Path(self.options.data, "train").rglob("*.jpg"))
        return {"seconds": self.seconds, "images": images}

    def _wait(self):
        if self.options.device == "cuda":
            torch.cuda.synchronize()


def torchvision(options, clock):
    """references/classification/train.py with AdamW; its mixed precision is fp16, for CUDA only."""
    sys.path.insert(0, str(Path(options.peer_dir, "vision/references/classification")))
    import torchvision as library
    import train

    library.models.get_model = lambda *_, **__: build_network(options)
    published = train.train_one_epoch

    def timed(model, criterion, optimizer, loader, *more):
        return clock.epoch(lambda batches: published(model, criterion, optimizer, batches, *more), loader)

    train.train_one_epoch = timed
    size = str(options.px)
    train.main(
        train.get_args_parser().parse_args(
            [
                "--data-path",
                options.data,
                "--device",
                options.device,
                "--batch-size",
                str(options.batch),
                "--epochs",
                str(options.epochs),
                "--workers",
                str(options.workers),
                "--opt",
                "adamw",
                "--lr",
                str(LR),
                "--weight-decay",
                str(WEIGHT_DECAY),
                "--train-crop-size",
                size,
                "--val-crop-size",
                size,
                "--val-resize-size",
                str(round(options.px * 256 / 224)),
                "--output-dir",
                "",
                *(["--amp"] if options.precision != "fp32" else []),
            ]
        )
    )


def timm(options, clock):
    """train.py with --amp --amp-dtype bfloat16 --channels-last."""
    sys.path.insert(0, str(Path(options.peer_dir, "pytorch-image-models")))
    import train

    train.create_model = lambda *_, **__: build_network(options)
    published = train.train_one_epoch

    def timed(epoch, model, loader, *more, **named):
        return clock.epoch(lambda batches: published(epoch, model, batches, *more, **named), loader, channels_last=True)

    train.train_one_epoch = timed
    size = str(options.px)
    with tempfile.TemporaryDirectory() as output:
        sys.argv = [
            "train.py",
            "--data-dir",
            options.data,
            "--val-split",
            "val",
            "--device",
            options.device,
            "--num-classes",
            str(options.classes),
            "--input-size",
            "3",
            size,
            size,
            "-b",
            str(options.batch),
            "--epochs",
            str(options.epochs),
            "--warmup-epochs",
            "0",
            "--workers",
            str(max(1, options.workers)),  # its loaders are persistent, which needs at least one process
            "--opt",
            "adamw",
            "--lr",
            str(LR),
            "--weight-decay",
            str(WEIGHT_DECAY),
            "--output",
            output,
            "--channels-last",
            *(("--torchcompile",) if options.compile else ()),
            *(("--amp", "--amp-dtype", "bfloat16") if options.precision == "bf16" else ()),
        ]
        train.main()


def fastai(options, clock):
    """Learner.fit with the usual item and batch transforms; to_bf16 is for CUDA only."""
    from fastai.vision import all as vision

    vision.default_device(options.device == "cuda")
    loaders = vision.ImageDataLoaders.from_folder(
        options.data,
        train="train",
        valid="val",
        item_tfms=vision.Resize(round(options.px * 256 / 224)),
        batch_tfms=[*vision.aug_transforms(size=options.px), vision.Normalize.from_stats(MEAN, STD)],
        bs=options.batch,
        num_workers=options.workers,
        drop_last=False,
    )
    learner = vision.Learner(
        loaders,
        build_network(options),
        loss_func=torch.nn.CrossEntropyLoss(),
        metrics=vision.accuracy,
        lr=LR,
        wd=WEIGHT_DECAY,
    )
    published = learner._do_epoch_train

    def timed():
        def run(batches):
            # The learner reads its training loader from here.
            learner.dls.loaders[0] = batches
            published()

        clock.epoch(run, learner.dls.loaders[0])

    learner._do_epoch_train = timed
    with learner.no_bar():
        learner.fit(options.epochs)


def naive(options, clock):
    """What one writes first: ImageFolder, PIL, fp32, no workers, no layout."""
    from torchvision import datasets, transforms

    steps = [
        transforms.RandomResizedCrop(options.px),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(MEAN, STD),
    ]
    photos = datasets.ImageFolder(Path(options.data, "train"), transforms.Compose(steps))
    loader = torch.utils.data.DataLoader(photos, batch_size=options.batch, shuffle=True)
    network = build_network(options).to(options.device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    criterion = torch.nn.CrossEntropyLoss()

    def run(batches):
        network.train()
        for images, labels in batches:
            optimizer.zero_grad()
            loss = criterion(network(images.to(options.device)), labels.to(options.device))
            loss.backward()
            optimizer.step()
            loss.item()

    for _ in range(options.epochs):
        clock.epoch(run, loader)


def main():
    """Run one peer and print its figures."""
    peers = {peer.__name__: peer for peer in (torchvision, timm, fastai, naive)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=tuple(peers))
    parser.add_argument("--mode", choices=("step", "epoch"), required=True)
    parser.add_argument("--network", choices=("convnext_tiny", "resnet50", "compact"), required=True)
    parser.add_argument("--data", required=True, help="folder with train/ and val/")
    parser.add_argument("--peer-dir")
    parser.add_argument("--compile", action="store_true", help="timm: --torchcompile")
    parser.add_argument("--precision", required=True)
    parser.add_argument("--device", default="cpu")
    for name in ("px", "batch", "threads", "classes", "steps", "epochs"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    # Decoding in the background is what the recipes do; more workers than cores only wait.
    options.workers = min(options.threads, os.cpu_count()) if options.mode == "epoch" else 0
    torch.set_num_threads(options.threads)
    clock = Clock(options)
    with contextlib.redirect_stdout(io.StringIO()):
        peers[options.peer](options, clock)
    print(json.dumps(clock.figures()))


if __name__ == "__main__":
    main()
