"""Which runs a study needs: a run is a network, its starting weights, a split protocol and a seed."""

from dataclasses import dataclass, replace

from mineral_lib.config import PROPOSED, Settings


@dataclass(frozen=True)
class RunSpec:
    """One training run.

    Attributes:
        model: Network name.
        weights: ``scratch`` or ``transfer`` (paper 2.1), or a control: ``scratch_library`` and ``scratch_fast`` (random
            weights of one ``model.init_scheme``, whatever the profile's), ``colour`` (learned from colour statistics).
        protocol: ``grouped``, ``photo``, ``paper`` or ``authors`` (see ``data.split``).
        seed: Seed of initialisation, order and augmentation.
        placement: ECA placement if it differs from the profile's, else None.
        labels: ``true``, or ``shuffled`` for the control of the leak study (see ``evaluation.shuffled_labels``).
        pictures: ``colour``, or ``grey`` for the control that sees no colour.
    """

    model: str
    weights: str
    protocol: str
    seed: int
    placement: str | None = None
    labels: str = "true"
    pictures: str = "colour"

    @property
    def name(self) -> str:
        """Folder name of the run."""
        model = self.model.replace(":", "_") + (f"_{self.placement}" if self.placement else "")
        control = "" if self.labels == "true" else f"-{self.labels}"
        control += "" if self.pictures == "colour" else f"-{self.pictures}"
        return f"{model}-{self.weights}-{self.protocol}{control}-seed{self.seed}"


def _spec(row: str, protocol: str, seed: int) -> RunSpec:
    model, weights = row.rsplit("-", 1)
    return RunSpec(model, weights, protocol, seed)


def block_weights(model: str, block: str) -> str:
    """Starting weights of a network in a block of Table 4.

    ``as_read``: only the proposed network is pretrained, which is how the paper's tables read; ``fair_none``: none
    is; ``fair_all``: all are.
    """
    if block == "as_read":
        return "transfer" if model == PROPOSED else "scratch"
    return "transfer" if block == "fair_all" else "scratch"


def comparison_runs(settings: Settings) -> list[RunSpec]:
    """Runs behind Table 4 and Figure 4, without repetition."""
    specs = [
        RunSpec(model, block_weights(model, block), "grouped", seed)
        for seed in settings.train.seeds
        for block in settings.comparison.blocks
        for model in settings.comparison.models
    ]
    specs += [
        replace(_spec(row, "grouped", seed), pictures="grey")
        for seed in settings.train.seeds
        for row in settings.comparison.grey_runs
    ]
    return list(dict.fromkeys(specs))


def ablation_runs(settings: Settings) -> list[RunSpec]:
    """Runs behind Table 5, the placement sensitivity and the table of starts."""
    specs = [_spec(row, "grouped", seed) for seed in settings.train.seeds for row in settings.ablation.rows]
    specs += [
        RunSpec(PROPOSED, "transfer", "grouped", seed, placement)
        for seed in settings.train.seeds
        for placement in settings.ablation.placements
        if placement != settings.model.eca_placement
    ]
    starts = settings.ablation.starts
    specs += [RunSpec("convnext_tiny", start, "grouped", seed) for seed in settings.train.seeds for start in starts]
    return specs


def leakage_runs(settings: Settings) -> list[RunSpec]:
    """The runs that are repeated under every protocol, and those that are trained on shuffled labels."""
    return [
        replace(_spec(row, protocol, seed), labels=labels)
        for seed in settings.train.seeds
        for labels, rows in (("true", settings.leakage.runs), ("shuffled", settings.leakage.shuffled_runs))
        for row in rows
        for protocol in settings.split.protocols
    ]


def proposed_runs(settings: Settings) -> list[RunSpec]:
    """The proposed network with transfer, once a seed."""
    return [RunSpec(PROPOSED, "transfer", "grouped", seed) for seed in settings.train.seeds]


def study_runs(settings: Settings) -> list[RunSpec]:
    """All runs of a profile, each once: Tables 4 and 5 share theirs."""
    runs = proposed_runs(settings) + comparison_runs(settings) + ablation_runs(settings) + leakage_runs(settings)
    return sorted(dict.fromkeys(runs), key=lambda spec: settings.train.seeds.index(spec.seed))  # seed by seed
