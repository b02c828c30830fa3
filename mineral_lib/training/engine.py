"""The training loop (paper 3.3): cross-entropy, Adam, cosine annealing, best-validation selection.

Everything on the path of one training step stands in ``train_one_epoch``.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from timm.utils import ModelEmaV3
from torch import nn

from mineral_lib.config import Train
from mineral_lib.data.dataset import Batch, set_epoch
from mineral_lib.errors import DivergenceError
from mineral_lib.runtime import derive_seed, restore_generators
from mineral_lib.stopping import check_stop, stop_requested
from mineral_lib.training.recipe import Loss, Mix, freeze_batch_norm, learning_rate, set_learning_rate

Say = Callable[[str], None]
# On an accelerator the loss is looked at every so many steps only, because looking makes it wait.
CHECK_STEPS = 50


@dataclass
class Loop:
    """What a training step needs besides the data."""

    network: nn.Module  # on its device
    optimizer: torch.optim.Optimizer  # Adam or AdamW over its parameters
    device: torch.device  # where the network lives
    autocast_dtype: torch.dtype | None  # ``torch.bfloat16`` for mixed precision, None for float32
    loss: Loss  # of (network output, labels)
    accumulate: int = 1  # parts a batch is worked through in; the gradient is that of the whole batch
    mix: Mix | None = None  # mixes the pictures of a batch
    average: ModelEmaV3 | None = None  # moving average of the weights
    freeze_batch_norm_after: int = 0  # epochs after which batch normalisation is frozen, 0 for never
    clip_norm: float | None = None  # longest gradient of a step, to which longer ones are shortened; None: as they are

    @property
    def evaluated(self) -> nn.Module:
        """The network that is evaluated, selected and tested: the one with averaged weights if there is one."""
        return self.network if self.average is None else self.average.module

    def forward(self, images: torch.Tensor, network: nn.Module | None = None) -> Any:
        """Output of ``network`` (``self.network`` if None) for a batch, in the chosen precision and memory layout."""
        images = images.to(self.device, non_blocking=True, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, dtype=self.autocast_dtype, enabled=self.autocast_dtype is not None):
            return (self.network if network is None else network)(images)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """One optimizer step on a batch.

        Args:
            images: Normalised, (B, 3, H, W).
            labels: Classes (B,), or shares of the classes (B, C), on the device.

        Returns:
            Sum of losses, correct answers and images, shape (3,), float64, on the device.
        """
        self.optimizer.zero_grad(set_to_none=True)
        totals = torch.zeros(3, device=self.device, dtype=torch.float64)
        # Usually one part, the batch itself. Shares of the batch's mean loss add up to its gradient.
        parts = max(1, min(self.accumulate, len(labels) // 2))
        for some, wanted in zip(images.tensor_split(parts), labels.tensor_split(parts), strict=True):
            output = self.forward(some)
            loss = self.loss(output, wanted)
            (loss * (len(wanted) / len(labels))).backward()
            logits = output if isinstance(output, torch.Tensor) else output[0]
            correct = (logits.detach().argmax(1) == (wanted if wanted.ndim == 1 else wanted.argmax(1))).sum()
            totals += torch.stack(
                [loss.detach().double() * len(wanted), correct, torch.full_like(correct, len(wanted))]
            )
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)
        self.optimizer.step()
        return totals


@dataclass
class FitState:
    """Progress of a run: all that is needed to go on after an interruption."""

    epoch: int = 0  # whole epochs done
    history: list[dict[str, float]] = field(default_factory=list)  # one row a whole epoch
    best_epoch: int = 0  # the epoch selected so far, 0 for none
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)  # its weights, on the CPU
    step: int = 0  # steps done of the epoch in progress, 0 between epochs
    totals: list[float] = field(default_factory=lambda: [0.0] * 3)  # their sum of losses, correct answers and images
    generators: dict[str, torch.Tensor] = field(default_factory=dict)  # after them, see ``runtime.generator_states``
    notes: list[str] = field(default_factory=list)  # one line a resumption, for the manifest
    seconds: float = 0.0  # time spent before the last resumption

    def end_epoch(self, row: dict[str, float], network: nn.Module, select: str) -> None:
        """Add an epoch to the history; its weights are kept if they are the best so far (a tie keeps the earlier)."""
        better = all(row["val_accuracy"] > earlier["val_accuracy"] for earlier in self.history)
        self.epoch, self.step, self.totals = int(row["epoch"]), 0, [0.0, 0.0, 0.0]
        self.history.append(row)
        if better or select == "last":
            self.best_epoch = self.epoch
            self.best_weights = {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """bfloat16 where asked for, or where ``auto`` finds hardware for it; else None (float32)."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bf16" else None
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else None
    capable = device.type == "cpu" and torch.cpu.get_capabilities().get("avx512_bf16", False)
    return torch.bfloat16 if capable else None


def train_one_epoch(
    loop: Loop,
    batches: Iterable[Batch],
    *,
    epoch: int,
    done: FitState | None = None,
    after_step: Callable[[torch.Tensor], None] | None = None,
) -> tuple[float, float]:
    """Train on every batch once.

    Args:
        loop: Network, optimizer, device, precision, loss.
        batches: Normalised images (B, 3, H, W), labels (B,) and positions (B,), as ``make_loader`` gives them; of a
            known number if weights are averaged.
        epoch: 1-based, for messages.
        done: Steps of this epoch done before an interruption, and their totals.
        after_step: Called after each step with the totals so far: sum of losses, correct answers, images.

    Returns:
        Mean loss and accuracy (fraction) over the epoch's samples, as seen while training.

    Raises:
        DivergenceError: The loss is not finite.
    """
    done = done or FitState()
    loop.network.train()
    if 0 < loop.freeze_batch_norm_after < epoch:
        freeze_batch_norm(loop.network)
    # Summed on the device: reading a number every step would make a GPU wait.
    totals = torch.tensor(done.totals, device=loop.device, dtype=torch.float64)
    check_steps = 1 if loop.device.type == "cpu" else CHECK_STEPS
    for step, (images, labels, _) in enumerate(batches, done.step + 1):
        if loop.mix is not None:
            images, labels = loop.mix(images, labels, epoch, step)  # labels (B,) become shares (B, C)
        labels = labels.to(loop.device, non_blocking=True)
        totals += loop.step(images, labels)
        if loop.average is not None:
            loop.average.update(loop.network, step=(epoch - 1) * len(batches) + step)
        if step % check_steps == 0:
            _require_finite(loop, totals, f"epoch {epoch}, step {step}" + (" or before" if check_steps > 1 else ""))
        if after_step is not None:
            after_step(totals)
    _require_finite(loop, totals, f"epoch {epoch}")
    loss_sum, correct_sum, count = totals.tolist()
    return loss_sum / count, correct_sum / count


def _require_finite(loop: Loop, totals: torch.Tensor, place: str) -> None:
    loss_sum = totals[0].item()
    if not math.isfinite(loss_sum):
        raise DivergenceError(
            f"the training loss is not finite ({loss_sum}) in {place}",
            where=f"learning rate {max(group['lr'] for group in loop.optimizer.param_groups):.2g}",
            remedy="lower train.lr, or set lr in train.overrides for this network",
        )


@torch.inference_mode()
def predict(loop: Loop, batches: Iterable[Batch]) -> tuple[torch.Tensor, torch.Tensor]:
    """Class probabilities (N, C) and labels (N,) of all batches, on the CPU.

    Raises:
        DivergenceError: The network's output is not finite.
    """
    network = loop.evaluated.eval()
    probabilities, labels = [], []
    for images, target, _ in batches:
        output = loop.forward(images, network)
        probabilities.append(output.float().softmax(1).cpu())
        labels.append(target)
    result = torch.cat(probabilities)
    if not torch.isfinite(result).all():
        raise DivergenceError("the network's output is not finite", remedy="lower train.lr")
    return result, torch.cat(labels)


def evaluate(loop: Loop, batches: Iterable[Batch]) -> tuple[float, float]:
    """Mean cross-entropy and accuracy (fraction) on held-out data."""
    probabilities, labels = predict(loop, batches)
    loss = F.nll_loss(probabilities.clamp_min(1e-12).log(), labels)
    return loss.item(), (probabilities.argmax(1) == labels).double().mean().item()


def fit(
    loop: Loop, loaders: dict[str, Any], train: Train, *, seed: int, state: FitState, save: Callable[[FitState], None]
) -> None:
    """Train for ``train.epochs`` epochs, remember the epoch with the best validation accuracy.

    Args:
        loop: Network, optimizer, device, precision, loss.
        loaders: ``train`` and ``val``, as ``make_loader`` gives them.
        train: The ``train`` section as it holds for this network.
        seed: Seed of the run; dropout and drop path of an epoch depend on it and the epoch only.
        state: Where to begin, fresh or from a checkpoint; afterwards it holds the whole history.
        save: Called with the state after each epoch, every ``train.checkpoint_every_steps`` steps, and at a stop.

    Raises:
        DivergenceError: Loss or output is not finite; the last checkpoint keeps the best weights.
        StoppedError: Ctrl-C or SIGTERM; the step in progress is done and saved.
    """
    by_step, steps = train.schedule == "step", len(loaders["train"])

    def set_rate() -> None:
        # The middle of the step to come, so that neither the first nor the last one is wasted.
        share = (state.step + 0.5) / steps if by_step else None
        set_learning_rate(loop.optimizer, learning_rate(state.epoch + 1, train=train, share=share))

    def after_step(totals: torch.Tensor) -> None:
        state.step += 1
        if by_step:
            set_rate()
        due = train.checkpoint_every_steps and state.step % train.checkpoint_every_steps == 0
        if due or stop_requested():
            state.totals = totals.tolist()
            save(state)
            check_stop(f"saved after step {state.step} of epoch {state.epoch + 1}")

    while state.epoch < train.epochs:
        epoch = state.epoch + 1
        set_rate()
        torch.manual_seed(derive_seed(seed, "epoch", epoch))
        if state.step:
            restore_generators(state.generators, loop.device)
        set_epoch(loaders["train"], epoch, start=state.step)
        row = {"epoch": epoch, "lr": learning_rate(epoch, train=train, share=0.5 if by_step else None)}
        row["train_loss"], row["train_accuracy"] = train_one_epoch(
            loop, loaders["train"], epoch=epoch, done=state, after_step=after_step
        )
        row["val_loss"], row["val_accuracy"] = evaluate(loop, loaders["val"])
        state.end_epoch(row, loop.evaluated, train.select)
        save(state)
        check_stop(f"saved after epoch {epoch}")
