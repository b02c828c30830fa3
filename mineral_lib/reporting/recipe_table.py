"""The paper's recipe and hardware beside ours, so that nobody compares numbers without seeing both."""

import pandas as pd

from mineral_lib.config import NETWORK_NAMES
from mineral_lib.reporting.artefacts import table
from mineral_lib.reporting.contrasts import seeds_text
from mineral_lib.reporting.summary import split_unit
from mineral_lib.reporting.words import entry
from mineral_lib.study import Study
from mineral_lib.training.run import Run


@table("recipe")
def table_recipe(study: Study) -> tuple[pd.DataFrame, str]:
    """Data, training and machine of the paper and of this profile, side by side."""
    values, rows = {**dict(study.settings), **_values(study)}, []
    for what, paper, where, ours, *named in entry("recipe")["rows"]:
        text = ours.format_map(values)
        rows.append((what, paper, where, named[0].get(text, text) if named else text))
    frame = pd.DataFrame(rows, columns=["what", "paper", "where", "ours"])
    return frame, f"{(frame['paper'] == frame['ours']).sum()} of {len(frame)} entries are the same in both."


def _values(study: Study) -> dict[str, str]:
    """What is no parameter as it stands."""
    data, train, ratios = study.settings.data, study.settings.train, study.settings.split.ratios
    made = f"generated, {data.fraction:g} of Table 2's original counts, {data.views} views a specimen"
    rate = "constant rate" if train.schedule == "constant" else "cosine annealing"
    own = {name: ", ".join(override.model_dump()) for name, override in train.overrides.items()}
    versions = study.runs[0].manifest.get("versions", {}) if study.runs else {}
    software = [f"{name} {versions[name]}" for name in ("torch", "torchvision", "timm") if name in versions]
    return {
        "photographs": made if data.source == "synthetic" else "the user's folder",
        "ratios": ":".join(f"{10 * ratio:g}" for ratio in ratios),
        "unit": split_unit(study),
        "schedule": f"{rate}, {train.warmup_epochs} warm-up epochs" if train.warmup_epochs else rate,
        "smoothing": f", labels smoothed by {train.label_smoothing:g}" if train.label_smoothing else "",
        "recipes": "; ".join(f"{NETWORK_NAMES.get(name, name)}: {keys}" for name, keys in own.items())
        or "the same for all",
        "seeds": seeds_text(len(train.seeds)),
        "machines": "; ".join(dict.fromkeys(map(_machine, study.runs))) or "not run",
        "software": ", ".join(software) or "not run",
    }


def _machine(run: Run) -> str:
    """The machine that trained a run."""
    machine, device = run.manifest.get("machine", {}), str(run.manifest.get("device", "?"))
    name = machine.get("accelerator", device) if device != "cpu" else "CPU"
    return f"{name}, {machine['cores']} cores ({machine['architecture']})" if "cores" in machine else name
