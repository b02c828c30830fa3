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
from timm.models.convnext import ConvNeXt, ConvNeXtBlock
from torch import nn

from mineral_lib.config import Formula, Model, Settings
from mineral_lib.data.dataset import normalise
from mineral_lib.data.formula import FormulaImages, formula_images
from mineral_lib.errors import DivergenceError
from mineral_lib.models.zoo import base_network, build_base, classifier_of
from mineral_lib.runtime import derive_seed, machine, package_versions, seed_everything, select_device, set_threads
from mineral_lib.stopping import check_stop
from mineral_lib.storage import ResultPaths, digest, write_csv, write_json
from mineral_lib.training.checkpoint import load_weights, save_weights
from mineral_lib.training.engine import Loop, autocast_dtype
from mineral_lib.training.loss import classification_loss
from mineral_lib.training.recipe import make_optimizer

PRETRAINING_VERSION = 4
# Features several units wide let a new head learn quickly at the small learning rates of fine-tuning.
FEATURE_SCALE = 5.0


def source_options(settings: Settings) -> Model:
    """The ``model`` section of pre-training: drop path belongs to fine-tuning and must not change the start."""
    return settings.model.model_copy(update={"drop_path_rate": 0.0})


def source_key(settings: Settings, model: str) -> str:
    """Digest of everything the pre-trained weights of a network depend on."""
    architecture = source_options(settings).model_dump(mode="json", include={"family", "drop_path_rate"})
    return digest(
        [PRETRAINING_VERSION, base_network(model), architecture, settings.weights.formula.model_dump(mode="json")]
    )


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
    source = formula_images(
        num_classes=options.num_classes,
        images_per_class=options.images_per_class,
        image_size=options.image_size_px,
        seed=options.seed,
    )
    say(f"pretrain {model}: {len(source.labels)} formula images in {time.perf_counter() - begin:.0f} s")
    seed_everything(derive_seed(options.seed, "pretraining", model))
    network = fast_start(build_base(model, num_classes=options.num_classes, options=source_options(settings)))
    loop, features = source_loop(network, settings), head_input(model, network)
    targets, rows = standardised(source.targets), []
    for epoch in range(1, options.epochs + 1):
        loss, accuracy = _source_epoch(loop, features, source, targets, options, epoch)
        rows.append({"epoch": epoch, "loss": loss, "accuracy": accuracy})
        say(f"pretrain {model}: epoch {epoch}/{options.epochs}  loss {loss:.3f}  accuracy {accuracy:.1%}")
    seconds = round(time.perf_counter() - begin, 1)
    write_csv(folder / "history.csv", pd.DataFrame(rows))
    write_json(folder / "manifest.json", {
        "model": model, "formula": options.model_dump(mode="json"), "images": len(source.labels), "seconds": seconds,
        "threads": settings.train.threads, "device": str(loop.device),
        "versions": package_versions(), "machine": machine(),
    })  # fmt: skip
    weights = {key: value.detach().cpu() for key, value in network.state_dict().items()}
    save_weights(folder / "weights.safetensors", weights, {"source": "formula-driven images"})


def fast_start(network: nn.Module) -> nn.Module:
    """Start values for a short training: fan-in weights, and ConvNeXt's layer scale at 0.3 instead of 1e-6.

    With the usual start a ConvNeXt spends the few hundred steps of a pre-training waking up its blocks.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="linear")
        if isinstance(module, ConvNeXtBlock) and module.gamma is not None:
            nn.init.constant_(module.gamma, 0.3)
        if isinstance(module, ConvNeXt):
            nn.init.constant_(module.head.norm.weight, FEATURE_SCALE)
    return network


def head_input(model: str, network: nn.Module) -> list[torch.Tensor]:
    """A list that holds, after each forward pass, what the classifying layer of a network received."""
    seen: list[torch.Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        seen[:] = [inputs[0].flatten(1)]

    network.get_submodule(classifier_of(model, network).head[0]).register_forward_pre_hook(keep)
    return seen


def standardised(targets: np.ndarray | None) -> torch.Tensor | None:
    """Targets (N, T) with mean 0 and standard deviation 1 a column; nearly constant columns stay small."""
    if targets is None:
        return None
    return torch.from_numpy(((targets - targets.mean(0)) / (targets.std(0) + 0.02)).astype(np.float32))


def source_loop(network: nn.Module, settings: Settings) -> Loop:
    """Device, AdamW and precision of pre-training."""
    options, device = settings.weights.formula, select_device(settings.train.device)
    network = network.to(device, memory_format=torch.channels_last)
    plain = {"optimizer": "adamw", "weight_decay": options.weight_decay, "layer_decay": 1.0}
    train = settings.train.model_copy(update=plain)
    return Loop(
        network,
        make_optimizer(network, train, options.lr),
        device,
        autocast_dtype(settings.train.precision, device),
        classification_loss(settings.model.aux_weight),
    )


def _source_epoch(
    loop: Loop,
    features: list[torch.Tensor],
    source: FormulaImages,
    targets: torch.Tensor | None,
    options: Formula,
    epoch: int,
) -> tuple[float, float]:
    """One epoch: cross-entropy of the formula's class, and the first features must *be* the picture's statistics.

    Asking the features themselves, instead of a layer on top of them, keeps the statistics where a new head finds
    them; a free layer lets the features collapse to a few directions.
    """
    generator = torch.Generator().manual_seed(derive_seed(options.seed, "order", epoch))
    batches = torch.randperm(len(source.labels), generator=generator).split(options.batch_size)
    loss_sum, correct = 0.0, 0
    loop.network.train()
    for step, rows in enumerate(batches):
        for group in loop.optimizer.param_groups:
            group["lr"] = _rate(epoch - 1 + step / len(batches), options)
        labels = torch.from_numpy(source.labels[rows.numpy()]).to(loop.device)
        images = _turned(_images(source.images[rows.numpy()]), int(torch.randint(8, (), generator=generator)))
        output = loop.forward(images)
        loss = options.class_weight * loop.loss(output, labels)
        if targets is not None:
            wanted = targets[rows].to(loop.device)
            width = min(wanted.shape[1], features[0].shape[1])
            loss = loss + F.mse_loss(features[0][:, :width].float() / FEATURE_SCALE, wanted[:, :width])
        loop.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(loop.network.parameters(), 5.0)
        loop.optimizer.step()
        check_stop("pre-training starts again from its beginning")
        loss_sum += loss.item() * len(rows)
        logits = output if isinstance(output, torch.Tensor) else output[0]
        correct += (logits.argmax(1) == labels).sum().item()
    if not np.isfinite(loss_sum):
        raise DivergenceError("the pre-training loss is not finite", where="weights.formula.lr", remedy="lower it")
    return loss_sum / len(source.labels), correct / len(source.labels)


def _rate(progress: float, options: Formula) -> float:
    # A tenth of the schedule is warm-up; the cosine moves a step at a time.
    share = progress / options.epochs
    return min(1.0, share / 0.1 + 0.01) * options.lr * 0.5 * (1 + float(np.cos(np.pi * share)))


def _turned(images: torch.Tensor, turn: int) -> torch.Tensor:
    """A batch (B, 3, H, H) in one of the eight flips and turns of the square: neither class nor colours change."""
    images = images.rot90(turn % 4, (2, 3))
    return images.flip(3) if turn >= 4 else images


def _images(images: np.ndarray) -> torch.Tensor:
    return normalise(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255)
