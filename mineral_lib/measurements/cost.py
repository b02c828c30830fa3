"""What each network costs: parameters, multiply-adds, file size, speed and memory, measured on this machine.

Speed is that of the very loop that trains (``engine.train_one_epoch`` and ``engine.predict``) on batches that lie in
memory: loading and augmentation are left out, except where whole epochs are timed. Every network is timed in a fresh
process, so that its peak memory is its own and nothing of the network before it is warm.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from mineral_lib.catalogue import minerals
from mineral_lib.compute.processes import process_context
from mineral_lib.config import PAPER_MODELS, Report, Settings
from mineral_lib.data.dataset import MineralDataset, make_loader, set_epoch
from mineral_lib.data.index import working_size
from mineral_lib.models.structure import count_parameters, file_size_mib, multiply_adds
from mineral_lib.models.zoo import add_attention, build_base, display_name
from mineral_lib.runtime import apart_from_the_script, derive_seed, machine, set_threads
from mineral_lib.training.engine import Batch, Loop, predict, train_one_epoch
from mineral_lib.training.train_run import make_loop

PAPER_PX = 224  # the paper's image size
WARM_UP_STEPS = {"cpu": 2}  # an accelerator needs a few more until kernels are chosen and clocks are up
NO_MEMORY, DIED = "not enough memory", "process died (often: out of memory)"
EPOCH_BATCHES = (2, 4, 8)  # batches of the epochs that are timed
COLUMNS = (
    *("kind", "model", "family", "network", "parameters", "size_mib", "gmacs_224px", "image_size_px", "gmacs"),
    *("batch_size", "images", "steps", "train_images_per_s", "infer_images_per_s", "peak_mib"),
    *("device", "machine", "precision", "threads", "note"),
)


class Point(NamedTuple):
    """One measurement: a row of the cost ``table``, a step (``scaling``) or an ``epoch`` of so many images."""

    kind: str
    image_size_px: int
    batch_size: int
    images: int | None = None


class Candidate(NamedTuple):
    """A network of the family ``compact`` or ``paper`` whose cost is measured on the device of the profile."""

    settings: Settings
    name: str
    family: str

    def build(self) -> torch.nn.Module:
        """The network with random weights."""
        options = self.settings.model.model_copy(update={"family": self.family})
        network = build_base(self.name, num_classes=len(minerals()), options=options)
        return add_attention(self.name, network, options)

    def points(self) -> list[Point]:
        """What is timed; the first point is the row of the table, and peak memory is taken there."""
        px, batch = self.settings.data.image_size_px, self.settings.train.batch_size
        sizes, batches = self.settings.report.cost_sizes_px, self.settings.report.cost_batch_sizes
        if self.family != self.settings.model.family:
            return [Point("table", px, batches[0])]
        found = [Point("table", px, batch)]
        if self.name in PAPER_MODELS:  # other networks may accept one image size only
            found += [Point("scaling", size, batches[0]) for size in sizes]
            found += [Point("scaling", px, size) for size in batches]
            found += [Point("epoch", px, batch, count * batch) for count in EPOCH_BATCHES]
        return list({point[1:]: point for point in found[::-1]}.values())[::-1]  # the first of equals

    def counts(self) -> dict[str, Any]:
        """What is known without running the network."""
        with torch.device("meta"):  # shapes without numbers are enough to count
            network = self.build()
        px = self.settings.data.image_size_px
        return {
            "model": self.name,
            "family": self.family,
            "network": display_name(self.name, self.family),
            "parameters": count_parameters(network),
            "image_size_px": px,
            "gmacs": multiply_adds(network, px),
            "gmacs_224px": multiply_adds(network, PAPER_PX) if self.family == "paper" else None,
            "size_mib": file_size_mib(network.to_empty(device="cpu")),
        }

    def time(self) -> list[dict[str, Any]]:
        """Time the network at all its points; meant for a process of its own."""
        settings, rows = self.settings, []
        set_threads(settings.train.threads)
        torch.manual_seed(derive_seed(settings.report.seed, "cost", self.name))
        before = _peak_memory_mib(torch.device("cpu"))
        loop = make_loop(self.build(), settings, lr=1e-6)  # the rate changes no time
        known, device = machine(), loop.device.type
        name = known["accelerator"] if device == "cuda" else f"{known['architecture']}, {known['cores']} cores"
        precision = str(loop.autocast_dtype or torch.float32).removeprefix("torch.")
        facts = {"device": device, "machine": name, "threads": settings.train.threads, "precision": precision}
        for point in self.points():
            row = facts | point._asdict()
            if point.image_size_px != settings.data.image_size_px:  # counted at the profile's size only
                row["gmacs"] = None
            try:
                row |= _time_epoch(loop, point, settings) if point.images else _time_steps(loop, point, settings.report)
            except (RuntimeError, MemoryError) as error:
                if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in str(error):
                    raise
                row["note"] = NO_MEMORY
            if not rows and "note" not in row:
                row["peak_mib"] = _peak_memory_mib(loop.device) - (before if device == "cpu" else 0)
            rows.append(row)
        return rows

    def time_in_fresh_process(self) -> list[dict[str, Any]]:
        """As ``time``, with a note instead if the process dies."""
        try:
            with ProcessPoolExecutor(1, mp_context=process_context(__name__)) as pool:
                with apart_from_the_script():
                    timed = pool.submit(self.time)
                return timed.result()
        except BrokenProcessPool:  # a system that runs out of memory ends processes
            return [{"kind": "table", "note": DIED}]


def measure_costs(settings: Settings) -> pd.DataFrame:
    """Count and time the networks of the comparison, of the profile's family and of the other one.

    Networks of the profile's family are timed at ``data.image_size_px`` and ``train.batch_size`` and at the sizes and
    batches of the scaling figure. Those of the other family are counted, and with ``report.cost_other_family`` also
    timed at the same size with the smallest batch.

    Args:
        settings: The profile. Without ``report.cost_sizes_px`` nothing is timed: the networks are counted only.

    Returns:
        One row a measurement with the columns ``COLUMNS``: GMACs a image (1 MAC = 2 FLOPs), MiB, images a second
        (median of ``steps`` timed steps), and the peak memory in MiB that a network, its optimizer and its training
        steps add (CUDA: allocated tensors; CPU: resident memory of the fresh process). What was not or could not be
        measured is NaN, with a ``note`` where memory did not suffice.
    """
    own, rows = settings.model.family, []
    for family in (own, "paper" if own == "compact" else "compact"):
        for name in settings.comparison.models:
            if ":" in name and family != own:  # any other network has no sibling
                continue
            candidate = Candidate(settings, name, family)
            asked = settings.report.cost_sizes_px and (family == own or settings.report.cost_other_family)
            timed, counts = candidate.time_in_fresh_process() if asked else [{"kind": "table"}], candidate.counts()
            rows += [counts | row for row in timed]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _time_steps(loop: Loop, point: Point, report: Report) -> dict[str, float]:
    """Speed of a step, on a batch that lies in memory."""
    size, px = point.batch_size, point.image_size_px
    batch = (torch.randn(size, 3, px, px), torch.arange(size) % len(minerals()), torch.arange(size))
    train, infer = (_Clock(loop.device, report.cost_steps, report.cost_seconds) for _ in range(2))
    train_one_epoch(loop, train.repeat(batch), epoch=1)
    predict(loop, infer.repeat(batch))
    return {
        "train_images_per_s": size / median(train.seconds),
        "infer_images_per_s": size / median(infer.seconds),
        "steps": min(len(train.seconds), len(infer.seconds)),
    }


def _time_epoch(loop: Loop, point: Point, settings: Settings) -> dict[str, float]:
    """Speed over all images of an epoch, augmentation and loading from the cache of decoded photographs included."""
    working, labels = working_size(point.image_size_px), np.arange(point.images) % len(minerals())
    pixels = np.random.default_rng(0).integers(0, 256, (point.images, working, working, 3), np.uint8)
    samples = pd.DataFrame({"sample_id": range(point.images), "label": labels, "split": "train"})
    clock, speeds = _Clock(loop.device, 1, 0), {"steps": 1}
    for name, train in (("train", True), ("infer", False)):
        options = {"image_size_px": settings.data.image_size_px, "by": settings.train.normalise}
        augment = settings.augment if train else None
        dataset = MineralDataset(samples, pixels, split="train", augment=augment, **options)
        loader = make_loader(dataset, settings.train, draw=train)
        for _ in range(2 if point.images == EPOCH_BATCHES[0] * point.batch_size else 1):  # the first one is a warm-up
            set_epoch(loader, 1)
            begin = clock.now()
            train_one_epoch(loop, loader, epoch=1) if train else predict(loop, loader)
        speeds[f"{name}_images_per_s"] = point.images / (clock.now() - begin)
    return speeds


class _Clock:
    """Gives a loop the same batch again and again and notes how long each step takes, warm-up left out."""

    def __init__(self, device: torch.device, steps: int, limit_s: float) -> None:
        self.device, self.steps, self.limit_s = device, steps, limit_s
        self.seconds: list[float] = []

    def now(self) -> float:
        """Seconds, once an accelerator has finished."""
        if self.device.type != "cpu":
            getattr(torch, self.device.type).synchronize()
        return time.perf_counter()

    def repeat(self, batch: Batch) -> Iterator[Batch]:
        """The batch, until ``steps`` steps or ``limit_s`` seconds are timed; at least one is."""
        for _ in range(WARM_UP_STEPS.get(self.device.type, 3)):
            yield batch
        begin = last = self.now()
        while len(self.seconds) < self.steps and (not self.seconds or last - begin < self.limit_s):
            yield batch
            now = self.now()
            self.seconds.append(now - last)
            last = now


def _peak_memory_mib(device: torch.device) -> float:
    """Peak memory of this process so far: allocated tensors on CUDA, resident memory on a CPU, else NaN."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    if device.type != "cpu" or machine()["system"] == "Windows":
        return float("nan")
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if machine()["system"] == "Darwin" else peak / 2**10
