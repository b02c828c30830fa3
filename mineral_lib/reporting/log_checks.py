"""Rules that hold what the paper says against the authors' own public logs and code."""

import numpy as np
import pandas as pd

from mineral_lib.config import NETWORK_NAMES, PAPER_MODELS
from mineral_lib.paper import AUTHORS_RUNS, Paper
from mineral_lib.reporting.paper_checks import CODE, CONSISTENT, LOGS, sibling_share

SAME = 0.0101  # points within which two figures with two decimals are called the same
PRINTED_EPOCHS_ROW = ("section_3.3", "recipe", "epochs")
LARGEST_SET = 35_000  # images that are tried when the size of a set is read from its percentages
RECIPE = ("optimizer", "lr", "schedule", "epochs", "batch_size")


def implied_images(percentages: pd.Series) -> int:
    """The smallest number of images of which every logged percentage (four decimals) can be a whole count; 0: none."""
    shares = percentages.drop_duplicates().to_numpy() / 100
    return next((n for n in range(1000, LARGEST_SET) if (np.abs(np.rint(shares * n) / n - shares) < 0.6e-6).all()), 0)


def implied_sets(paper: Paper) -> tuple[int, int]:
    """Training and validation images of the proposed network's log."""
    log = paper.log("eca_convnext_tiny", "transfer")
    return implied_images(log["train_accuracy_percent"]), implied_images(log["val_accuracy_percent"])


def check_split(paper: Paper) -> tuple[str, str]:
    """Were the images split 6:2:2?"""
    (train, val), wanted = implied_sets(paper), paper.number("section_3.3", "split", "train_share")
    share = train / (train + val)
    words = (
        f"The logged percentages are counts of {train:,} training and {val:,} validation images: {100 * share:.0f} to "
        f"{100 - 100 * share:.0f}, together {train + val:,}; no third part."
    )
    return (LOGS if abs(share - wanted) > 0.01 else CONSISTENT), words


def _same(a: float, b: float) -> bool:
    return abs(a - b) < SAME


def _printed_accuracies(paper: Paper) -> dict[tuple[str, str], float]:
    """Printed test accuracy of every run of Tables 4 and 5."""
    table = {tuple(row.rsplit("-", 1)): value for row, value in paper.rows("table_5", "accuracy_percent").items()}
    others = {(model, "scratch"): value for model, value in paper.rows("table_4", "accuracy_percent").items()}
    return others | table  # Table 4's proposed row is Table 5's last, not the run from scratch


def _best(paper: Paper, key: tuple[str, str]) -> float:
    """Best logged validation accuracy within the printed number of epochs."""
    log = paper.log(*key)
    return float(log.loc[log["epoch"] <= paper.number(*PRINTED_EPOCHS_ROW), "val_accuracy_percent"].max())


def check_test_accuracy(paper: Paper) -> tuple[str, str]:
    """Are the accuracies of Tables 4 and 5 those of images that chose nothing?"""
    printed = _printed_accuracies(paper)
    same = {key: value for key, value in printed.items() if _same(value, _best(paper, key))}
    words = (
        f"{len(same)} of {len(printed)} printed test accuracies are, within 0.01, the best validation accuracy in the "
        "log: the epoch was chosen on the images that are reported. The code computes no accuracy on its test folder."
    )
    return (LOGS if len(same) > len(printed) / 2 else CONSISTENT), words


def check_validation_accuracy(paper: Paper) -> tuple[str, str]:
    """Do the logs reach the validation accuracies of section 4.1?"""
    printed = paper.rows("section_4.1", "val_accuracy_percent")
    starts = {model: "transfer" if model == "eca_convnext_tiny" else "scratch" for model in printed.index}
    above = [m for m in printed.index if printed[m] > _best(paper, (m, starts[m])) + SAME]
    last = {m: float(paper.log(m, starts[m])["train_accuracy_percent"].iloc[-1]) for m in printed.index}
    trained = [m for m in above if _same(printed[m], last[m])]
    words = f"{len(above)} of {len(printed)} printed figures are above every validation accuracy in the log"
    if trained:
        words += f"; that of {', '.join(NETWORK_NAMES[m] for m in trained)} is its final training accuracy within 0.01"
    return (LOGS if above else CONSISTENT), words + "."


def check_attention_row(paper: Paper) -> tuple[str, str]:
    """Does the log of attention without transfer reach its row of Table 5?"""
    printed = paper.number("table_5", "eca_convnext_tiny-scratch", "accuracy_percent")
    best = _best(paper, ("eca_convnext_tiny", "scratch"))
    words = f"Printed {printed:.2f} %; the log named like that run peaks at {best:.2f} %."
    return (CONSISTENT if _same(printed, best) else LOGS), words


def check_order(paper: Paper) -> tuple[str, str]:
    """Do the logs put the six networks in the printed order?"""
    printed = paper.rows("table_4", "accuracy_percent")
    starts = {model: "transfer" if model == "eca_convnext_tiny" else "scratch" for model in printed.index}
    logged = pd.Series({model: _best(paper, (model, starts[model])) for model in printed.index})
    wrong = [(a, b) for a in printed.index for b in printed.index if printed[a] < printed[b] and logged[a] > logged[b]]
    words = "; ".join(
        f"{NETWORK_NAMES[a]} is printed below {NETWORK_NAMES[b]}, logged above it ({logged[a]:.2f} and {logged[b]:.2f})"
        for a, b in wrong
    )
    lost = [NETWORK_NAMES[model] for model in printed.index if not _same(printed[model], logged[model])]
    words = f"{words or 'The logs give the same order'}."
    if lost:
        words += f" No log is the printed run of {', '.join(lost)}."
    return (LOGS if wrong else CONSISTENT), words


def check_equal_starts(paper: Paper) -> tuple[str, str]:
    """Do all rows of Table 4 start from weights of the same kind?"""
    printed, starts = paper.rows("table_4", "accuracy_percent"), {}
    for model, weights in AUTHORS_RUNS:
        if model in printed.index and _same(printed[model], _best(paper, (model, weights))):
            starts[model] = weights
    pretrained = [NETWORK_NAMES[model] for model, weights in starts.items() if weights == "transfer"]
    words = f"{len(starts)} of {len(printed)} rows are in the logs; from ImageNet weights: {', '.join(pretrained)}."
    return (LOGS if len(set(starts.values())) > 1 else CONSISTENT), words


def check_recipe(paper: Paper) -> tuple[str, str]:
    """Does the code train as section 3.3 says?"""
    stated = {name: paper.number("section_3.3", "recipe", name) for name in ("lr", "epochs", "batch_size")}
    stated |= {name: paper.statement("section_3.3", "recipe", name) for name in ("optimizer", "schedule")}
    other = {row["model"]: [name for name in RECIPE if row[name] != stated[name]] for _, row in paper.code.iterrows()}
    wrong = {model: names for model, names in other.items() if names}
    rates = ", ".join(f"{lr:g}" for lr in sorted(paper.code["lr"].unique()))
    words = f"{len(wrong)} of {len(other)} networks are trained otherwise, at {rates} instead of {stated['lr']:g}."
    if "convnext_tiny" in wrong:
        words += f" The ConvNeXts deviate in {', '.join(wrong['convnext_tiny'])}."
    return (CODE if wrong else CONSISTENT), words


def check_same_processing(paper: Paper) -> tuple[str, str]:
    """Are the six networks trained alike, but for what they are?"""
    columns = [name for name in paper.code.columns if name != "model"]
    recipes = paper.code[columns].drop_duplicates()
    differing = [name for name in columns if paper.code[name].nunique() > 1]
    words = f"{len(recipes)} recipes for {len(paper.code)} networks; they differ in {', '.join(differing) or 'nothing'}"
    return (CODE if len(recipes) > 1 else CONSISTENT), f"{words}.".replace("_", " ")


def check_overfitting(paper: Paper) -> tuple[str, str]:
    """Could a small distance between training and validation accuracy show that nothing is over-fitted?

    Not if most validation images have a copy in training: then the distance stays small whatever is learned by heart.
    """
    train, val = implied_sets(paper)
    share = sibling_share(paper.minerals, train / (train + val))
    runs = [paper.log(*key) for key in AUTHORS_RUNS if key[0] in PAPER_MODELS]
    above = sum(bool((log["val_accuracy_percent"] > log["train_accuracy_percent"]).mean() > 0.5) for log in runs)
    words = (
        f"{100 * share:.1f} % of the logged validation images have a copy in training; in {above} of {len(runs)} logs "
        "validation is above training in most epochs."
    )
    return (CODE if share > 0.5 else CONSISTENT), words
