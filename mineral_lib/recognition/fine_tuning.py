"""Fine-tuning: the backbone learns too, from its own weights and the classifier that fits its frozen features.

Starting from that classifier keeps the features from being spoilt while a random one would still be learning (Kumar et
al. 2022, "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution"). The last epoch counts, so
that nothing but the choice of the rung has been made on the validation photographs. What is kept lies between the
weights at the start and those of that epoch (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import timm
import torch
from torch import nn

from mineral_lib.compute.checkpoint import load_weights, save_weights
from mineral_lib.compute.resume import Checkpoints
from mineral_lib.config import Normalisation
from mineral_lib.data.dataset import MEAN, STD, MineralDataset, make_loader
from mineral_lib.data.pixels import load_pixels
from mineral_lib.errors import StorageError, WeightsError
from mineral_lib.recognition.backbone import Backbone, stored_backbone
from mineral_lib.recognition.features import Kind, network_kind
from mineral_lib.recognition.linear import Linear
from mineral_lib.runtime import derive_seed, set_threads
from mineral_lib.stopping import graceful_stop
from mineral_lib.storage import digest
from mineral_lib.study import Study
from mineral_lib.training.engine import FitState, fit
from mineral_lib.training.train_run import make_loop

NAME = "{}-tuned"  # of the backbone


def fine_tune(
    study: Study,
    backbone: Backbone,
    linear: Linear,
    *,
    learned: Sequence[str] = ("train",),
    say: Callable[[str], None] = print,
) -> tuple[Kind, Linear]:
    """Train a backbone and its head; a finished training is read, a broken-off one goes on.

    Args:
        study: With photographs of a folder; its section ``recogniser.fine_tuning`` is the recipe.
        backbone: Where to start.
        linear: Classifier on its frozen pooled features, fitted on the photographs to learn from.
        learned: Parts of the grouped split to learn from.
        say: Receives a line an epoch.

    Returns:
        Features of the network, and its head on them.

    Raises:
        WeightsError: The backbone's head is not one linear layer, or it expects pictures normalised in another way.
        StoppedError: Ctrl-C or SIGTERM; what is done is saved.
    """
    recipe, samples = study.settings.recogniser.fine_tuning, study.samples("grouped")
    config = {
        "classes": study.classes,
        "backbone": backbone.digest,
        "start": digest([part.tolist() for part in (linear.mean, linear.scale, linear.weight, linear.bias)]),
        "recipe": recipe.model_dump(mode="json"),
        "augment": study.settings.augment.model_dump(mode="json"),
        "data_fingerprint": study.data.fingerprint,
        "learned": samples.loc[samples["split"].isin(learned), "sample_id"].tolist(),
    }
    config["key"] = digest(config)
    weights = study.paths.cache_dir / "fine_tuned" / config["key"][:20] / "weights.safetensors"
    try:
        state = load_weights(weights)
    except StorageError:  # not there, or damaged
        checkpoints = Checkpoints(weights.parent / "checkpoints", config)
        network = _network(backbone, linear)
        start = {name: value.clone() for name, value in network.state_dict().items()}
        state = _train(study, network, backbone, checkpoints, say)
        state = {
            name: start[name].lerp(value, recipe.learned_share) if value.is_floating_point() else value
            for name, value in state.items()
        }
        save_weights(weights, state, {"key": config["key"]})
        checkpoints.clear()
    head = str(backbone.cfg["classifier"])
    weight, bias = (state.pop(f"{head}.{name}").double().numpy() for name in ("weight", "bias"))
    tuned = stored_backbone(NAME.format(backbone.name), backbone.cfg, state, config["key"])
    tuned = replace(tuned, source=f"fine-tuned here from {backbone.source}")
    bias = np.where(np.isfinite(linear.bias), bias, -np.inf)
    kind = network_kind(tuned, recipe.image_size_px)
    # Its head reads what is pooled; of the earlier stages it knows nothing.
    unread = kind.compute([torch.zeros(3, kind.size_px, kind.size_px)]).shape[1] - weight.shape[1]
    weight = np.pad(weight, ((0, 0), (0, unread)))
    return kind, Linear(np.zeros(weight.shape[1]), np.ones(weight.shape[1]), weight, bias)


def _network(backbone: Backbone, linear: Linear) -> nn.Module:
    """The backbone with a head that says what the classifier says."""
    torch.manual_seed(derive_seed("fine-tuning", 0))
    head = backbone.cfg.get("classifier")
    network = timm.create_model(backbone.cfg["architecture"], num_classes=len(linear.bias))
    layer = network.get_submodule(head) if isinstance(head, str) else None
    if not isinstance(layer, nn.Linear) or layer.in_features != linear.weight.shape[1]:
        raise WeightsError("its head is not one linear layer", where=f"fine-tuning {backbone.name}")
    network.load_state_dict(backbone.network.state_dict(), strict=False)
    weight = linear.weight / linear.scale
    bias = np.where(np.isfinite(linear.bias), linear.bias - weight @ linear.mean, 0)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    return network


def _train(
    study: Study, network: nn.Module, backbone: Backbone, checkpoints: Checkpoints, say: Callable[[str], None]
) -> dict[str, torch.Tensor]:
    """Weights of the last epoch."""
    recipe, settings = study.settings.recogniser.fine_tuning, study.settings
    train = recipe.of(settings.train)
    set_threads(train.threads)
    samples, px = study.samples("grouped"), recipe.image_size_px
    learned = samples["sample_id"].isin(checkpoints.config["learned"])
    pixels = load_pixels(samples, study.index, settings.data.model_copy(update={"image_size_px": px}), settings.augment)
    options, loaders = {"image_size_px": px, "by": _normalisation(backbone)}, {}
    for name, part in (("train", samples.assign(split=learned.map({True: "train", False: ""}))), ("val", samples)):
        augment = settings.augment if name == "train" else None
        dataset = MineralDataset(part, pixels, split=name, augment=augment, **options)
        loaders[name] = make_loader(dataset, train, draw=name == "train")
    loop = make_loop(network, settings.model_copy(update={"train": train}), lr=train.lr)
    state = checkpoints.resume(loop, say)

    def save(state: FitState) -> None:
        if not state.step:
            row = state.history[-1]
            unseen = "" if learned[samples["split"] == "val"].any() else f": validation {row['val_accuracy']:.1%}"
            say(f"fine-tuning on {learned.sum()} photographs, epoch {state.epoch}/{train.epochs}{unseen}")
        checkpoints.save(state, loop)

    with graceful_stop():
        fit(loop, loaders, train, seed=0, state=state, save=save)
    return state.best_weights


def _normalisation(backbone: Backbone) -> Normalisation:
    given = [tuple(round(float(value), 3) for value in backbone.cfg[name]) for name in ("mean", "std")]
    imagenet = [tuple(round(value, 3) for value in part.flatten().tolist()) for part in (MEAN, STD)]
    if given == imagenet:
        return "imagenet"
    if given == [(0.5, 0.5, 0.5)] * 2:
        return "half"
    raise WeightsError(
        "pictures are normalised in a way that training does not know", where=f"backbone {backbone.name}"
    )
