"""Recipes: layer-wise learning rates, schedule, averaged weights; off they change nothing."""

import itertools
import math

import pytest
import torch
from checkout import TINY
from torch import nn

from mineral_lib.config import PAPER_MODELS
from mineral_lib.models.lite import ECA_LITE0, LITE0
from mineral_lib.models.weights import weights_path
from mineral_lib.models.zoo import add_attention, build_base, classifier_of
from mineral_lib.parameters import load_profile, profiles, sections_of
from mineral_lib.storage import file_digest
from mineral_lib.study import Study
from mineral_lib.training.engine import Loop, evaluate, train_one_epoch
from mineral_lib.training.pretrain import Pretraining
from mineral_lib.training.recipe import (
    averaged_weights,
    classification_loss,
    learning_rate,
    make_optimizer,
    parameter_groups,
    set_learning_rate,
)
from mineral_lib.training.run_config import NEUTRAL, run_config

PARTS = {
    "schedule": "step",
    "layer_decay": 0.8,
    "ema_decay": 0.9,
    "label_smoothing": 0.1,
    "mixup_alpha": 0.2,
    "cutmix_alpha": 1.0,
    "freeze_batch_norm_after": 1,
    "normalise": "half",
    "init_std": 0.2,
}


def train_section(**changes):
    """The ``train`` section of quick with changes."""
    return load_profile("quick", [f"train.{name}={value}" for name, value in changes.items()]).train


def scales(name: str, family: str = "compact", placement: str = "post_stage", decay: float = 0.5) -> dict[str, float]:
    """``lr_scale`` of every parameter of a network by name."""
    options = load_profile("quick", [f"model.family={family}", f"model.eca_placement={placement}"]).model
    with torch.device("meta"):
        network = add_attention(name, build_base(name, num_classes=5, options=options), options)
    groups = parameter_groups(network, train_section(layer_decay=decay))
    by_id = {id(value): group["lr_scale"] for group in groups for value in group["params"]}
    return {key: by_id[id(value)] for key, value in network.named_parameters()}


@pytest.mark.parametrize(("family", "depths"), [("compact", (2, 2, 6, 2)), ("paper", (3, 3, 9, 3))])
def test_each_block_of_a_convnext_is_a_layer(family, depths):
    found = scales("convnext_tiny", family)
    blocks = [f"stages.{stage}.blocks.{block}" for stage, depth in enumerate(depths) for block in range(depth)]
    assert found["head.fc.weight"] == 1.0
    for distance, block in enumerate(reversed(blocks), 1):
        assert {value for key, value in found.items() if key.startswith(block + ".")} == {0.5**distance}, block
    assert {value for key, value in found.items() if key.startswith("stem.")} == {0.5 ** (len(blocks) + 1)}
    for stage in (1, 2, 3):  # down-sampling moves with the block that follows it
        assert found[f"stages.{stage}.downsample.1.weight"] == found[f"stages.{stage}.blocks.0.conv_dw.weight"]


def test_eca_after_a_stage_is_a_layer_and_within_a_block_shares_its_rate():
    after = scales("eca_convnext_tiny")
    assert after["stages.3.blocks.2.conv.weight"] == 0.5 and after["stages.3.blocks.1.conv_dw.weight"] == 0.25
    for placement, eca, block in (
        ("post_block", "stages.1.blocks.0.eca.conv.weight", "stages.1.blocks.0.block.conv_dw.weight"),
        ("in_branch", "stages.1.blocks.0.mlp.eca.conv.weight", "stages.1.blocks.0.conv_dw.weight"),
    ):
        found = scales("eca_convnext_tiny", placement=placement)
        assert found[eca] == found[block] < found["stages.2.downsample.1.weight"], placement


@pytest.mark.parametrize("family", ["compact", "paper"])
@pytest.mark.parametrize("name", [*PAPER_MODELS, "torchvision:mobilenet_v2"])
def test_in_every_network_rates_grow_towards_the_head(name, family):
    found = scales(name, family)
    with torch.device("meta"):
        heads = classifier_of(name, build_base(name, num_classes=5, options=load_profile("quick").model)).head
    assert all(value == 1.0 for key, value in found.items() if key.startswith(tuple(f"{head}." for head in heads)))
    main = [value for key, value in found.items() if not key.startswith("aux")]
    assert main[0] == min(main) <= 0.25 and len(set(main)) >= 3


def test_without_layer_decay_the_groups_are_as_before():
    network = nn.Linear(2, 2)
    (group,) = make_optimizer(network, train_section(weight_decay=0.1), 1e-3).param_groups
    assert group["weight_decay"] == 0.1 and len(group["params"]) == 2 and "lr_scale" not in group


def test_the_optimizer_steps_with_the_rate_of_the_layer():
    options = load_profile("quick").model
    network = build_base("convnext_tiny", num_classes=3, options=options)
    optimizer = make_optimizer(network, train_section(layer_decay=0.5, optimizer="adamw", weight_decay=0.05), 1.0)
    set_learning_rate(optimizer, 1e-2)
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = {key: value.detach().clone() for key, value in network.named_parameters()}
    optimizer.step()
    # Adam's first step moves by its rate; norms have no weight decay here.
    for key, scale in (("head.norm.bias", 1.0), ("stages.3.blocks.1.norm.bias", 0.5), ("stem.0.bias", 0.5**13)):
        moved = (before[key] - dict(network.named_parameters())[key]).mean().item()
        assert moved == pytest.approx(1e-2 * scale, rel=1e-3), key


def test_rate_a_step_warms_up_from_zero_and_has_no_jumps():
    train = train_section(epochs=6, warmup_epochs=2, min_lr=1e-5)
    steps = [(epoch, step / 50) for epoch in range(1, 7) for step in range(50)]
    fine = [learning_rate(epoch, train=train, share=share) for epoch, share in steps]
    assert fine[100::50] == [learning_rate(epoch, train=train) for epoch in range(3, 7)]
    assert fine[:101] == pytest.approx([step * 1e-5 for step in range(101)])
    assert max(abs(a - b) for a, b in itertools.pairwise(fine)) <= 1.001e-5
    assert max(fine) == fine[100] == 1e-3 and fine[-1] == pytest.approx(1e-5, abs=1e-6)


class Recorder(torch.optim.SGD):
    """SGD that notes its rates and the first weight after each step."""

    def __init__(self, network: nn.Module, lr: float) -> None:
        super().__init__(network.parameters(), lr=lr)
        self.seen: list[float] = []

    def step(self, closure=None):
        super().step(closure)
        self.seen.append(self.param_groups[0]["params"][0].flatten()[0].item())


def test_the_average_is_that_of_its_formula_and_is_what_is_evaluated():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    average = averaged_weights(network, train_section(ema_decay=0.7))
    optimizer = Recorder(network, 0.5)
    loop = Loop(network, optimizer, torch.device("cpu"), None, classification_loss(0.0), average=average)
    batches = [(torch.randn(4, 3, 2, 2), torch.tensor([0, 1, 0, 1]), torch.arange(4)) for _ in range(4)]
    for epoch in (1, 2):
        train_one_epoch(loop, batches, epoch=epoch)
    wanted = optimizer.seen[0]
    for number, value in enumerate(optimizer.seen[1:], 1):
        decay = min(0.7, 1 - (1 + number) ** (-2 / 3))
        wanted = decay * wanted + (1 - decay) * value
    assert average.module[1].weight.flatten()[0].item() == pytest.approx(wanted, abs=1e-6)
    assert loop.evaluated is average.module and abs(wanted - optimizer.seen[-1]) > 1e-3
    with torch.no_grad():
        average.module[1].bias.copy_(torch.tensor([50.0, -50.0]))
    assert evaluate(loop, batches)[1] == 0.5  # the averaged weights name everything class 0
    assert averaged_weights(network, train_section()) is None


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_label_smoothing_is_that_of_its_formula_in_every_head_and_for_shares(smoothing):
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    logs = logits.log_softmax(1)
    wanted = -((1 - smoothing) * logs[range(6), labels] + smoothing * logs.mean(1)).mean().item()
    loss = classification_loss(0.3, smoothing=smoothing)
    assert loss(logits, labels).item() == pytest.approx(wanted, rel=1e-5)
    assert loss((logits, logits, logits), labels).item() == pytest.approx(1.6 * wanted, rel=1e-5)
    assert loss(logits, nn.functional.one_hot(labels, 3).float()).item() == pytest.approx(wanted, rel=1e-5)
    assert not math.isclose(wanted, classification_loss(0.3)(logits, labels).item(), rel_tol=1e-3)


def test_parts_that_are_off_are_no_part_of_the_key_and_others_are(tiny):
    plain = run_config(Study(tiny).run("convnext_tiny"))
    assert not (set(NEUTRAL) | {"overrides"}) & set(plain["train"]) and set(PARTS) < set(NEUTRAL)
    keys = {plain["key"]}
    for name, value in PARTS.items():
        changed = tiny.model_copy(update={"train": tiny.train.model_copy(update={name: value})})
        keys.add(run_config(Study(changed).run("convnext_tiny"))["key"])
    assert len(keys) == 1 + len(PARTS)


def test_an_override_changes_the_key_of_its_network_only(tiny):
    changed = load_profile("test", [*TINY, "train.overrides={eca_convnext_tiny: {lr: 5e-5, schedule: constant}}"])
    for model, equal in (("convnext_tiny", True), ("eca_convnext_tiny", False)):
        one, two = (run_config(Study(settings).run(model)) for settings in (tiny, changed))
        assert (one["key"] == two["key"]) == equal
    assert two["train"]["lr"] == 5e-5 and two["train"]["schedule"] == "constant"
    same = load_profile("test", [*TINY, f"train.overrides={{eca_convnext_tiny: {{lr: {tiny.train.lr}}}}}"])
    assert run_config(Study(same).run(model))["key"] == one["key"]


def test_a_constant_rate_stays_after_the_warm_up():
    train = train_section(schedule="constant", lr=3e-4, warmup_epochs=2, epochs=6)
    rates = [learning_rate(epoch, train=train) for epoch in range(1, 7)]
    assert rates == pytest.approx([1e-4, 2e-4, *[3e-4] * 4])


def test_batch_norm_is_frozen_after_the_epochs_asked_for_and_goes_on_learning():
    def statistics(after):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
        loop = Loop(
            network,
            Recorder(network, 0.1),
            torch.device("cpu"),
            None,
            classification_loss(0.0),
            freeze_batch_norm_after=after,
        )
        batches = [(torch.randn(4, 3, 2, 2), torch.tensor([0, 1, 0, 1]), torch.arange(4)) for _ in range(2)]
        seen = []
        for epoch in (1, 2, 3):
            train_one_epoch(loop, batches, epoch=epoch)
            evaluate(loop, batches)
            seen.append([network[1].running_mean.clone(), network[1].weight.detach().clone()])
        return seen

    for after, moves in ((0, (True, True)), (1, (False, False)), (2, (True, False))):
        seen = statistics(after)
        changed = [bool((b[0] != a[0]).any()) for a, b in itertools.pairwise(seen)]
        assert changed == list(moves), after
        assert all((b[1] != a[1]).any() for a, b in itertools.pairwise(seen))


def test_drawn_weights_have_the_deviation_asked_for_and_attention_keeps_its_own(tiny):
    wide = tiny.model_copy(update={"train": tiny.train.model_copy(update={"init_std": 0.2})})
    own, drawn = (Study(settings).run("eca_convnext_tiny").fresh_network()[0].state_dict() for settings in (tiny, wide))
    name = "stages.3.blocks.0.mlp.fc1.weight"
    assert drawn[name].std().item() == pytest.approx(0.2, rel=0.05) and own[name].std().item() < 0.1
    assert not drawn["head.fc.bias"].any() and not drawn["stem.0.bias"].any()


def test_the_authors_profile_trains_each_network_as_their_code_does():
    train = load_profile("authors").train
    recipes = {name: train.of(name) for name in PAPER_MODELS}
    assert {n: r.lr for n, r in recipes.items()} == {
        "vgg19": 2e-4,
        "googlenet": 3e-4,
        "resnet50": 1e-4,
        "resnext50": 1e-4,
        "convnext_tiny": 5e-4,
        "eca_convnext_tiny": 5e-5,
    }
    for name, recipe in recipes.items():
        plain = "convnext" in name
        assert (recipe.optimizer, recipe.schedule) == (("adamw", "epoch") if plain else ("adam", "constant")), name
        assert (recipe.weight_decay, recipe.warmup_epochs) == ((0.05, 1) if plain else (0.0, 0)), name
        assert recipe.freeze_batch_norm_after == (1 if name.startswith("resne") else 0), name
        assert recipe.normalise == ("half" if name in ("vgg19", "googlenet") else "imagenet"), name
        assert recipe.init_std == (0.2 if plain else 0.0), name


def test_recommended_is_quick_but_for_its_recipe():
    quick, other = (sections_of(load_profile(name)) for name in ("quick", "recommended"))
    recipe = {*PARTS, "epochs", "optimizer", "lr", "weight_decay", "warmup_epochs", "min_lr"}
    for section in quick:
        if section == "train":
            changed = {key for key in quick["train"] if quick["train"][key] != other["train"][key]}
            assert changed <= recipe and {"optimizer", "layer_decay", "ema_decay", "label_smoothing"} <= changed
        elif section == "model":
            assert quick["model"] | {"drop_path_rate": other["model"]["drop_path_rate"]} == other["model"]
        elif section != "profile":
            assert quick[section] == other[section], section
    for name in set(profiles()) - {"recommended", "authors"}:
        train = load_profile(name, ["data.folder=photos"]).train
        assert all(getattr(train, key) == value for key, value in NEUTRAL.items() if key != "compile"), name


def test_recommended_starts_from_the_same_weights_as_quick():
    one, two = (Pretraining(load_profile(name), "convnext_tiny").key for name in ("quick", "recommended"))
    assert one == two


@pytest.mark.parametrize(
    ("model", "named", "read"),
    [
        ("convnext_tiny", ["convnext_tiny", "eca_convnext_tiny"], 0),
        ("eca_convnext_tiny", ["convnext_tiny", "eca_convnext_tiny"], 1),
        ("eca_convnext_tiny", ["convnext_tiny"], 0),
        (f"timm:{ECA_LITE0}", [f"timm:{LITE0}"], 0),
    ],
)
def test_the_key_follows_the_weights_file_that_is_read(tiny, tmp_path, model, named, read):
    files = {name: tmp_path / f"{place}.pth" for place, name in enumerate(named)}
    for path in files.values():
        path.write_text(path.name)
    weights = {"source": "file", "files": {name: str(path) for name, path in files.items()}}
    changed = tiny.model_validate(tiny.model_dump() | {"weights": tiny.weights.model_dump() | weights})
    config = run_config(Study(changed).run(model, "transfer"))
    assert config["weights_identity"] == file_digest(files[named[read]])
    assert weights_path(model, weights["files"]) == files[named[read]]
