"""Does the recommended recipe reach the paper recipe's final validation accuracy in a third of its epochs?

    python benchmarks/recipes.py [PHOTOS] [--seeds 0 1 2] [--epochs N] [--ablate]

The proposed network with transfer, grouped split. Without PHOTOS on quick's generated photographs, else on a folder
with the profile own_photos. The profile's own recipe is the paper's (Adam, 0.001, cosine); the recommended one is what
``params/recommended.yaml`` changes of ``params/quick.yaml``. Every budget of epochs is a training of its own, with the
whole schedule in it: the last epoch's validation accuracy counts, nothing is picked among epochs. As a control the
paper's recipe gets a third of its epochs as well. ``--epochs`` is the paper recipe's number, the profile's if left out.
``--ablate`` takes the parts of the recommended recipe out, one at a time. Finished runs are reused; a section is
appended to ``benchmarks/RESULTS.md``.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import mineral_lib
from mineral_lib.config import PROPOSED, Settings
from mineral_lib.parameters import load_profile, sections_of
from results import append

Changes = dict[str, object]


@dataclass(frozen=True)
class Study:
    """What is compared on which photographs.

    Attributes:
        base: Profile of the photographs and of the paper's recipe.
        photos: Folder of photographs, None for generated ones.
        seeds: Seeds of the runs.
        epochs: Of the paper's recipe; None for the profile's.
    """

    base: str
    photos: Path | None
    seeds: list[int]
    epochs: int | None = None

    @property
    def whole(self) -> int:
        """Epochs of the paper's recipe."""
        return self.epochs or self.settings("paper", {}).train.epochs

    def settings(self, name: str, changes: Changes) -> Settings:
        """The base profile with changes; ``name`` is the folder of its results."""
        folder = {} if self.photos is None else {"data.folder": str(self.photos)}
        every = {"profile": f"recipes-{self.base}-{name}"} | folder | changes
        return load_profile(self.base, [f"{key}={json.dumps(value)}" for key, value in every.items()])

    def train(self, name: str, epochs: int, changes: Changes) -> list[tuple[list[float], float]]:
        """Validation accuracy after each epoch and test accuracy after the last, for every seed."""
        found = []
        for seed in self.seeds:
            settings = self.settings(f"{name}-{epochs}", warm_up(changes, epochs) | {"train.epochs": epochs})
            run = mineral_lib.Study(settings).run(PROPOSED, "transfer", seed=seed).train()
            found.append((run.history["val_accuracy"].tolist(), run.metrics["last"]["test"]["accuracy"]))
        return found


def recommended() -> Changes:
    """What the profile ``recommended`` changes of ``quick``, the number of epochs left alone."""
    plain, other = (sections_of(load_profile(name)) for name in ("quick", "recommended"))
    return {
        f"{section}.{key}": value
        for section in ("model", "train")
        for key, value in other[section].items()
        if value != plain[section][key] and key != "epochs"
    }


def warm_up(changes: Changes, epochs: int) -> Changes:
    """The same share of the epochs as warm-up as in the profile ``recommended``, rounded."""
    share = changes.get("train.warmup_epochs", 0) / load_profile("recommended").train.epochs
    return changes | ({"train.warmup_epochs": round(share * epochs)} if share else {})


def percent(values: list[float]) -> str:
    """Median and range in per cent."""
    return f"{100 * median(values):.1f} ({100 * min(values):.1f} to {100 * max(values):.1f})"


def row(name: str, epochs: int, runs: list, targets: list[float]) -> str:
    """A line of the table."""
    last = [history[-1] for history, _ in runs]
    reached = sum(value >= target for value, target in zip(last, targets, strict=True))
    return f"| {name} | {epochs} | {percent(last)} | {reached} of {len(runs)} | {percent([test for _, test in runs])} |"


def needed(budgets: dict[int, list], targets: list[float]) -> str:
    """Smallest budget whose last epoch reaches the target: median and range over the seeds."""
    most, found = max(budgets), []
    for i, target in enumerate(targets):
        enough = [epochs for epochs, runs in sorted(budgets.items()) if runs[i][0][-1] >= target]
        found.append(enough[0] if enough else most + 1)
    low, middle, high = (
        f"> {most}" if value > most else f"{value:g}" for value in (min(found), median(found), max(found))
    )
    return f"{middle} ({low} to {high})"


def compare(study: Study) -> str:
    """The study: the paper's recipe, its control, and the recommended recipe with growing budgets."""
    whole = study.whole
    third = whole // 3
    paper, recipe = study.train("paper", whole, {}), recommended()
    targets = [history[-1] for history, _ in paper]
    budgets = {epochs: study.train("recommended", epochs, recipe) for epochs in (third, whole // 2, whole)}
    lines = [row("paper", whole, paper, targets), row("paper", third, study.train("paper", third, {}), targets)]
    lines += [row("recommended", epochs, runs, targets) for epochs, runs in budgets.items()]
    first = [
        next((n for n, value in enumerate(history, 1) if value >= target), whole + 1)
        for (history, _), target in zip(budgets[whole], targets, strict=True)
    ]
    within = ", ".join(f"> {whole}" if value > whole else str(value) for value in first)
    short = sum(runs[-1] >= target for (runs, _), target in zip(budgets[third], targets, strict=True))
    verdict = "holds" if short == len(targets) else "does not hold"
    return "\n".join(
        [
            f"A third of {whole} epochs is {third}. The claim (the recommended recipe reaches the paper recipe's final "
            f"accuracy of the same seed in at most {third} epochs) **{verdict}**: {short} of {len(targets)} seeds. "
            f"Epochs needed, of the budgets tried: median {needed(budgets, targets)}. In the run of {whole} epochs it "
            f"is first reached in epoch {within}.",
            "",
            "| recipe | epochs | final validation accuracy, % | reaches the paper's | test accuracy, % |",
            "| --- | --- | --- | --- | --- |",
            *lines,
        ]
    )


def ablate(study: Study) -> str:
    """The recommended recipe without each of its parts, in a third of the epochs."""
    plain, recipe = study.settings("paper", {}), recommended()
    third, values = study.whole // 3, sections_of(plain)
    targets = [history[-1] for history, _ in study.train("paper", study.whole, {})]
    lines = [row("all parts", third, study.train("recommended", third, recipe), targets)]
    for key in recipe:
        section, name = key.split(".")
        runs = study.train(f"no-{name}", third, {other: value for other, value in recipe.items() if other != key})
        lines.append(row(f"{key}: {recipe[key]} -> {values[section][name]}", third, runs, targets))
    head = "| recommended recipe | epochs | final validation accuracy, % | reaches the paper's | test accuracy, % |"
    return "\n".join([head, "| --- | --- | --- | --- | --- |", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="?", type=Path)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--ablate", action="store_true")
    options = parser.parse_args()
    photos = options.photos.resolve() if options.photos else None
    study = Study("own_photos" if photos else "quick", photos, options.seeds, options.epochs)
    parts = (["PHOTOS"] if photos else []) + ["--seeds", *map(str, options.seeds)] + ["--ablate"] * options.ablate
    parts += ["--epochs", str(options.epochs)] if options.epochs else []
    what = "parts of the recommended recipe" if options.ablate else "the recommended and the paper's"
    body = ablate(study) if options.ablate else compare(study)
    body += (
        f"\n\nSeeds {', '.join(map(str, options.seeds))}. Recipe: "
        + ", ".join(f"{key} {value}" for key, value in recommended().items())
        + "."
    )
    title = f"Recipes: {what}, profile {study.base}, {study.whole} epochs"
    append(title, f"python benchmarks/recipes.py {' '.join(parts)}", body)


if __name__ == "__main__":
    main()
