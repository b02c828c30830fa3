"""Which runs a study needs: a run is a network, its starting weights, a split protocol and a seed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain

from mineral_lib.config import PROPOSED, Settings


@dataclass(frozen=True)
class RunSpec:
    """What a training run is.

    ``weights`` are ``scratch`` or ``transfer`` (paper 2.1), or a control: ``scratch_library`` and ``scratch_fast``
    (random weights of one ``model.init_scheme``, whatever the profile's), ``colour`` (learned from colour statistics).
    """

    model: str  # network name
    weights: str = "scratch"
    protocol: str = "grouped"  # or ``photo``, ``paper``, ``authors`` (see ``data.split``)
    seed: int = 0  # of initialisation, order and augmentation
    placement: str | None = None  # of ECA, if it differs from the profile's
    labels: str = "true"  # or ``shuffled`` for the control of the leak study (see ``data.split``)
    pictures: str = "colour"  # or ``grey`` for the control that sees no colour

    @property
    def name(self) -> str:
        """Folder name of the run, for example ``resnet50-scratch-grouped-seed0``."""
        model = self.model.replace(":", "_") + (f"_{self.placement}" if self.placement else "")
        control = "" if self.labels == "true" else f"-{self.labels}"
        control += "" if self.pictures == "colour" else f"-{self.pictures}"
        return f"{model}-{self.weights}-{self.protocol}{control}-seed{self.seed}"


def block_weights(model: str, block: str) -> str:
    """Starting weights of a network in a block of Table 4.

    ``as_read``: only the proposed network is pretrained, which is how the paper's tables read; ``fair_none``: none
    is; ``fair_all``: all are.
    """
    pretrained = model == PROPOSED if block == "as_read" else block == "fair_all"
    return "transfer" if pretrained else "scratch"


def planned_runs(settings: Settings, part: str = "study") -> list[RunSpec]:
    """The runs that a part of a study needs, each once.

    Args:
        settings: The profile.
        part: ``comparison`` (Table 4, Figure 4 and the grey control), ``ablation`` (Table 5, placements and starts),
            ``leakage`` (every protocol, true and shuffled labels), ``proposed`` (the proposed network with transfer),
            or ``study``: all of them, seed by seed.
    """
    comparison, ablation, leakage = settings.comparison, settings.ablation, settings.leakage
    proposed = RunSpec(PROPOSED, "transfer")
    table_4 = [RunSpec(one, block_weights(one, block)) for block in comparison.blocks for one in comparison.models]
    placements = [one for one in ablation.placements if one != settings.model.eca_placement]
    leaks = [
        _row(row, protocol=protocol, labels=labels)
        for labels, rows in (("true", leakage.runs), ("shuffled", leakage.shuffled_runs))
        for row in rows
        for protocol in settings.split.protocols
    ]

    def runs(rows: Iterable[RunSpec]) -> list[RunSpec]:
        rows = list(rows)
        return list(dict.fromkeys(replace(row, seed=seed) for seed in settings.train.seeds for row in rows))

    parts = {
        "proposed": runs([proposed]),
        "comparison": runs(table_4) + runs(_row(row, pictures="grey") for row in comparison.grey_runs),
        "ablation": [
            *runs(_row(row) for row in ablation.rows),
            *runs(replace(proposed, placement=placement) for placement in placements),
            *runs(RunSpec("convnext_tiny", start) for start in ablation.starts),
        ],
        "leakage": runs(leaks),
    }
    if part != "study":
        return parts[part]
    return sorted(dict.fromkeys(chain(*parts.values())), key=lambda run: settings.train.seeds.index(run.seed))


def _row(row: str, **control: str) -> RunSpec:
    """A run by its row in the parameters, ``<network>-<start>``."""
    return RunSpec(*row.rsplit("-", 1), **control)
