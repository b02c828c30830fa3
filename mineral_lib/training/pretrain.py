"""Source-domain pre-training without a download: formula-driven images (after Kataoka et al. 2020).

ImageNet weights exist for the paper's networks only and need a download. So that "transfer" is a real transfer also
for the compact networks and offline, a network first learns to tell formula-driven images apart and to predict how
they were made; its weights, less the head, are where ``transfer`` runs start.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from mineral_lib.config import Formula, Settings
from mineral_lib.data.dataset import normalise
from mineral_lib.data.formula import FormulaImages, formula_images
from mineral_lib.errors import DivergenceError
from mineral_lib.models.zoo import base_network, build_base
from mineral_lib.runtime import derive_seed, machine, package_versions, seed_everything, select_device, set_threads
from mineral_lib.storage import ResultPaths, digest, write_csv, write_json
from mineral_lib.training.checkpoint import load_weights, save_weights
from mineral_lib.training.engine import Loop, autocast_dtype, make_optimizer

PRETRAINING_VERSION = 1


def source_key(settings: Settings, model: str) -> str:
    """Digest of everything the pre-trained weights of a network depend on."""
    architecture = settings.model.model_dump(mode="json", include={"family", "drop_path_rate"})
    return digest([PRETRAINING_VERSION, base_network(model), architecture, settings.weights.formula.model_dump(mode="json")])


def source_dir(settings: Settings, model: str) -> Path:
    """Folder of the pre-trained weights of a network, shared by all profiles."""
    name = f"{base_network(model).replace(':', '_')}-{settings.model.family}-{source_key(settings, model)[:12]}"
    return ResultPaths.of(settings.profile).cache_dir / "source" / name


def is_pretrained(settings: Settings, model: str) -> bool:
    """Whether the pre-trained weights of a network are there."""
    return (source_dir(settings, model) / "weights.safetensors").is_file()


def ensure_source_weights(
    settings: Settings, model: str, *, say: Callable[[str], None] = print
) -> tuple[dict[str, torch.Tensor], str]:
    """Pre-trained weights of a network on formula-driven images; trained here once, then read.

    Returns:
        State dict and a note for the manifest.

    Raises:
        DivergenceError: The loss is not finite.
    """
    folder = source_dir(settings, model)
    if not is_pretrained(settings, model):
        _pretrain(settings, base_network(model), folder, say)
    return load_weights(folder / "weights.safetensors"), f"pre-trained here on formula-driven images ({folder.name})"


def _pretrain(settings: Settings, model: str, folder: Path, say: Callable[[str], None]) -> None:
    options, begin = settings.weights.formula, time.perf_counter()
    set_threads(settings.train.threads)
    source = formula_images(num_classes=options.num_classes, images_per_class=options.images_per_class,
                            image_size=options.image_size_px, seed=options.seed)
    say(f"pretrain {model}: {len(source.labels)} formula images in {time.perf_counter() - begin:.0f} s")
    seed_everything(derive_seed(options.seed, "pretraining", model))
    outputs = options.num_classes + (0 if source.targets is None else source.targets.shape[1])
    network = build_base(model, num_classes=outputs, options=settings.model)
    loop = source_loop(network, settings)
    rows = []
    for epoch in range(1, options.epochs + 1):
        loss, accuracy = _source_epoch(loop, source, options, epoch)
        rows.append({"epoch": epoch, "loss": loss, "accuracy": accuracy})
        say(f"pretrain {model}: epoch {epoch}/{options.epochs}  loss {loss:.3f}  accuracy {accuracy:.1%}")
    seconds = round(time.perf_counter() - begin, 1)
    write_csv(folder / "history.csv", pd.DataFrame(rows))
    write_json(folder / "manifest.json", {
        "model": model, "formula": options.model_dump(mode="json"), "images": len(source.labels), "seconds": seconds,
        "threads": settings.train.threads, "device": str(loop.device), "versions": package_versions(), "machine": machine(),
    })  # fmt: skip
    weights = {key: value.detach().cpu() for key, value in network.state_dict().items()}
    save_weights(folder / "weights.safetensors", weights, {"source": "formula-driven images"})


def source_loop(network: nn.Module, settings: Settings) -> Loop:
    """Device, AdamW and precision of pre-training."""
    options, device = settings.weights.formula, select_device(settings.train.device)
    network = network.to(device, memory_format=torch.channels_last)
    train = settings.train.model_copy(update={"optimizer": "adamw", "weight_decay": options.weight_decay})
    return Loop(network, make_optimizer(network, train, options.lr), device,
                autocast_dtype(settings.train.precision, device), F.cross_entropy)


def _source_epoch(loop: Loop, source: FormulaImages, options: Formula, epoch: int) -> tuple[float, float]:
    """One epoch: cross-entropy of the formula's class plus squared error of its regression targets."""
    generator = torch.Generator().manual_seed(derive_seed(options.seed, "order", epoch))
    order = torch.randperm(len(source.labels), generator=generator)
    batches = order.split(options.batch_size)[: len(order) // options.batch_size or 1]
    loss_sum, correct = 0.0, 0
    loop.network.train()
    for step, rows in enumerate(batches):
        progress = epoch - 1 + step / len(batches)
        for group in loop.optimizer.param_groups:
            group["lr"] = _rate(progress, options)
        labels = torch.from_numpy(source.labels[rows.numpy()]).to(loop.device)
        output = loop.forward(_images(source.images[rows.numpy()], generator))
        heads = output if isinstance(output, tuple) else (output,)
        loss = sum(_source_loss(head.float(), labels, source, rows, options) for head in heads if head is not None)
        loop.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        loop.optimizer.step()
        loss_sum += loss.item()
        correct += (heads[0][:, : options.num_classes].argmax(1) == labels).sum().item()
    if not np.isfinite(loss_sum):
        raise DivergenceError("the pre-training loss is not finite", where="weights.formula.lr", remedy="lower it")
    return loss_sum / len(batches), correct / (len(batches) * len(batches[0]))


def _rate(progress: float, options: Formula) -> float:
    # Half an epoch of warm-up, then the cosine of the training loop, a step at a time.
    warm_up = min(1.0, 2 * progress + 0.02)
    return warm_up * options.lr * 0.5 * (1 + np.cos(np.pi * progress / options.epochs))


def _images(images: np.ndarray, generator: torch.Generator) -> torch.Tensor:
    """Normalised float images, mirrored at random."""
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mirrored = torch.rand(len(batch), generator=generator) < 0.5
    return normalise(torch.where(mirrored.view(-1, 1, 1, 1), batch.flip(3), batch))


def _source_loss(
    output: torch.Tensor, labels: torch.Tensor, source: FormulaImages, rows: torch.Tensor, options: Formula
) -> torch.Tensor:
    loss = F.cross_entropy(output[:, : options.num_classes], labels)
    if source.targets is None:
        return loss
    targets = torch.from_numpy(source.targets[rows.numpy()]).to(output)
    return loss + options.target_weight * F.mse_loss(output[:, options.num_classes :], targets)
