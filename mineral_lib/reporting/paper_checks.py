"""Rules about the paper: does what it says agree with its other numbers, the authors' logs and code, the networks?

A rule takes the published facts (``paper.Paper``) and returns whether the claim agrees with them, and the numbers for
its sentence of evidence; ``resources/claims.yaml`` says which claim a rule judges.
"""

from itertools import pairwise, permutations
from math import ceil, floor, sqrt
from string import Formatter
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from mineral_lib.catalogue import Mineral
from mineral_lib.config import NETWORK_NAMES, PAPER_MODELS, PROPOSED
from mineral_lib.measurements.paper_networks import BASE, NetworkFacts
from mineral_lib.paper import AUTHORS_RUNS, Paper

Agreement = tuple[bool, dict[str, Any]]

PROPOSED_ROW, TRANSFER_ROW, BASE_ROW = f"{PROPOSED}-transfer", f"{BASE}-transfer", f"{BASE}-scratch"
ALONE = (f"{PROPOSED}-scratch", TRANSFER_ROW)
METRICS = ("accuracy", "precision", "recall")
STANDARD_TERMS = {"FP": ("negative", "positive"), "FN": ("positive", "negative")}  # truth, prediction
CLEAR = 1.96  # standard errors of a difference that 95 % of chance differences stay below
SAME = 0.0101  # points within which two figures with two decimals are called the same
LARGEST_SET = 35_000  # images that are tried when the size of a set is read from its percentages


def compare(paper: Paper, networks: NetworkFacts | None = None, **options: Any) -> Agreement:
    """Compare two numbers, or two columns row by row.

    Args:
        paper: The published facts.
        networks: What was counted on networks built here.
        **options: ``found`` and ``stated``, each a number or the name of a fact, for example ``networks.num_versions``
            or ``paper[abstract/images/count]``; ``is_``, what the claim says of ``found``: ``equal`` (the default),
            ``more than`` or ``less than``; ``within``, the distance up to which two numbers are called equal.
    """
    facts = {"paper": paper, "networks": networks}
    given = (options["found"], options["stated"])
    a, b = (Formatter().get_field(name, (), facts)[0] if isinstance(name, str) else name for name in given)
    equal = abs(a - b) <= options["within"] if "within" in options else a == b
    agrees = {"equal": equal, "more than": a > b, "less than": a < b}[options.get("is_", "equal")]
    wrong = int(np.size(agrees) - np.sum(agrees))
    return wrong == 0, {"found": a, "stated": b, "wrong": wrong, "rows": np.size(agrees)}


def names(paper: Paper) -> Agreement:
    """Does the class list have as many names as there are classes, each once?"""
    listed = paper["section_3.1/classes/names"].split()
    twice = sorted({name for name in listed if listed.count(name) > 1})
    numbers = {"listed": len(listed), "different": len(set(listed)), "twice": twice or None}
    return len(listed) == len(set(listed)) == paper["abstract/minerals/count"], numbers


def factors(paper: Paper) -> Agreement:
    """Are all classes multiplied alike?"""
    table = pd.DataFrame([(one.original, one.augmented) for one in paper.minerals], columns=["before", "after"])
    groups = (table["after"] / table["before"]).value_counts()
    words = "; ".join(f"{factor:g} in {count} classes" for factor, count in groups.items())
    return len(groups) == 1, {"groups": words, **(table.max() / table.min())}


def sibling_share(minerals: tuple[Mineral, ...], train_share: float) -> float:
    """Share of the images outside the training part that have a copy in it, multiplied ones split at random."""
    alone = sum(one.augmented * (1 - train_share) ** (one.factor - 1) for one in minerals)
    return 1 - alone / sum(one.augmented for one in minerals)


def siblings(paper: Paper) -> Agreement:
    """Can images that were multiplied before a 6:2:2 split be unknown to training?"""
    share = sibling_share(paper.minerals, paper["section_3.3/split/train_share"])
    return share <= 0.01, {"share": 100 * share}


def pyrite(paper: Paper) -> Agreement:
    """Are there whole numbers of test images behind the row of pyrite and its four confusions?"""
    rates = paper["figure_5/rate_percent"]
    images = next(one.augmented for one in paper.minerals if one.slug == "pyrite")
    images = round(images * paper["section_3.3/split/test_share"])
    low = sum(ceil(images * (rate - 0.5) / 100) for rate in rates)
    high = sum(floor(images * (rate + 0.5) / 100) for rate in rates)
    numbers = {"sum": " + ".join(f"{rate:.0f}" for rate in rates), "total": rates.sum()}
    return low <= images <= high, numbers | {"images": images, "low": low, "high": high}


def terms(paper: Paper) -> Agreement:
    """Are false positive and false negative what everybody calls so?"""
    stated = {t: tuple(paper[f"table_3/{t}/{side}"] for side in ("truth", "prediction")) for t in STANDARD_TERMS}
    swapped = stated["FP"] == STANDARD_TERMS["FN"] and stated["FN"] == STANDARD_TERMS["FP"]
    usual = {"eq_4": "recall", "eq_5": "precision"} if swapped else {"eq_4": None, "eq_5": None}
    return stated == STANDARD_TERMS, stated | usual


def best_printed(paper: Paper) -> Agreement:
    """Is the proposed network printed as best in all three columns of Table 4?"""
    first = [name for name in METRICS if paper[f"table_4/{name}_percent"].idxmax() == PROPOSED]
    return len(first) == len(METRICS), {"first": len(first)}


def gains(paper: Paper) -> Agreement:
    """Are the gains of Table 5 about 1 point each and about 2 together, as the text says?"""
    columns = pd.DataFrame({name: paper[f"table_5/{name}_percent"] for name in METRICS})
    found = (columns - columns.loc[BASE_ROW]).round(2)
    stated = dict.fromkeys(ALONE, paper["section_4.2.2/attention or transfer alone/gain_points"])
    stated[PROPOSED_ROW] = together = paper["section_4.2.2/both together/gain_points"]
    both = found.loc[PROPOSED_ROW]
    exact = " and ".join(name for name in METRICS if both[name] == together)
    fits = all((found.loc[row] - points).abs().max() < 0.5 for row, points in stated.items())
    total = found.loc[list(ALONE), "accuracy"].sum()
    return fits, {"both": both, "sum": total, "exact": exact or None, "stated": together}


def printed_noise(paper: Paper) -> Agreement:
    """Is every step between neighbouring printed accuracies larger than chance differences of one test set?

    Accuracies count as independent binomials of the source photographs; copies of one are no further evidence.
    """
    share = paper["section_3.3/split/test_share"]
    images, photographs = share * paper.images, share * paper.photographs
    table_5 = paper["table_5/accuracy_percent"]
    rates = np.sort(pd.concat([paper["table_4/accuracy_percent"], table_5]).drop_duplicates()) / 100
    errors = [sqrt((a * (1 - a) + b * (1 - b)) / photographs) for a, b in pairwise(rates)]
    within = int((np.diff(rates) < CLEAR * np.array(errors)).sum())
    gap = (table_5[PROPOSED_ROW] / 100 - table_5[TRANSFER_ROW] / 100) * images
    numbers = {"within": within, "steps": len(errors), "photographs": photographs, "images": images, "gap": gap}
    return within == 0, numbers


# ---- against the authors' logs and code


def implied_images(percentages: pd.Series) -> int:
    """The smallest number of images of which every logged percentage (four decimals) can be a whole count; 0: none."""
    shares = percentages.drop_duplicates().to_numpy() / 100
    return next((n for n in range(1000, LARGEST_SET) if (np.abs(np.rint(shares * n) / n - shares) < 0.6e-6).all()), 0)


def implied_sets(paper: Paper) -> tuple[int, int]:
    """Training and validation images of the proposed network's log."""
    log = paper.log(PROPOSED, "transfer")
    return implied_images(log["train_accuracy_percent"]), implied_images(log["val_accuracy_percent"])


def split(paper: Paper) -> Agreement:
    """Were the images split 6:2:2?"""
    train, val = implied_sets(paper)
    share = train / (train + val)
    numbers = {"train": train, "val": val, "images": train + val, "share": 100 * share, "rest": 100 - 100 * share}
    return abs(share - paper["section_3.3/split/train_share"]) <= 0.01, numbers


def overfitting(paper: Paper) -> Agreement:
    """Could a small distance between training and validation accuracy show that nothing is over-fitted?

    Not if most validation images have a copy in training: then the distance stays small whatever is learned by heart.
    """
    train, val = implied_sets(paper)
    share = sibling_share(paper.minerals, train / (train + val))
    logs = [paper.log(*run) for run in AUTHORS_RUNS if run[0] in PAPER_MODELS]
    above = sum(bool((log["val_accuracy_percent"] > log["train_accuracy_percent"]).mean() > 0.5) for log in logs)
    return share <= 0.5, {"share": 100 * share, "above": above, "logs": len(logs)}


def _same(a: Any, b: Any) -> Any:
    return abs(a - b) < SAME


def _starts(paper: Paper) -> dict[str, str]:
    """The start of each network of Table 4 as its rows are read: only the proposed one is pretrained."""
    return {model: "transfer" if model == PROPOSED else "scratch" for model in paper["table_4/accuracy_percent"].index}


def _best(paper: Paper) -> pd.Series:
    """Best logged validation accuracy of each network of Table 4."""
    return pd.Series({model: paper.best_logged[f"{model}-{start}"] for model, start in _starts(paper).items()})


def tested_apart(paper: Paper) -> Agreement:
    """Are the accuracies of Tables 4 and 5 those of images that chose nothing?"""
    table_4 = paper["table_4/accuracy_percent"].add_suffix("-scratch")
    # Table 4's proposed row is Table 5's last, not the run from scratch.
    printed = paper["table_5/accuracy_percent"].combine_first(table_4)
    same = int(_same(printed, paper.best_logged[printed.index]).sum())
    return same <= len(printed) / 2, {"same": same, "printed": len(printed)}


def validation_accuracy(paper: Paper) -> Agreement:
    """Do the logs reach the validation accuracies of section 4.1?"""
    printed = paper["section_4.1/val_accuracy_percent"]
    last = {model: paper.log(model, s)["train_accuracy_percent"].iloc[-1] for model, s in _starts(paper).items()}
    above = printed[printed > _best(paper) + SAME]
    trained = [NETWORK_NAMES[model] for model, value in above.items() if _same(value, last[model])]
    return above.empty, {"above": len(above), "rows": len(printed), "trained": trained or None}


def order(paper: Paper) -> Agreement:
    """Do the logs put the six networks in the printed order?"""
    printed, best = paper["table_4/accuracy_percent"], _best(paper)
    wrong = [
        f"{NETWORK_NAMES[a]} is printed below {NETWORK_NAMES[b]}, logged above it ({best[a]:.2f} and {best[b]:.2f})"
        for a, b in permutations(printed.index, 2)
        if printed[a] < printed[b] and best[a] > best[b]
    ]
    lost = [NETWORK_NAMES[model] for model in printed.index if not _same(printed[model], best[model])]
    return not wrong, {"words": "; ".join(wrong) or "The logs give the same order", "lost": lost or None}


def equal_starts(paper: Paper) -> Agreement:
    """Do all rows of Table 4 start from weights of the same kind?"""
    printed = paper["table_4/accuracy_percent"]
    starts = {m: start for m, start in AUTHORS_RUNS if _same(printed[m], paper.best_logged[f"{m}-{start}"])}
    pretrained = [NETWORK_NAMES[model] for model, start in starts.items() if start == "transfer"]
    numbers = {"logged": len(starts), "rows": len(printed), "pretrained": pretrained}
    return len(set(starts.values())) <= 1, numbers


def recipe(paper: Paper) -> Agreement:
    """Does the code train as section 3.3 says?"""
    names = ("optimizer", "lr", "schedule", "epochs", "batch_size")
    stated = {name: paper[f"section_3.3/recipe/{name}"] for name in names}
    code = paper.code.set_index("model")
    other = {model: [name for name in names if row[name] != stated[name]] for model, row in code.iterrows()}
    numbers = {"wrong": sum(map(bool, other.values())), "networks": len(other), "stated": stated["lr"]}
    rates = sorted(code["lr"].unique())
    return not numbers["wrong"], numbers | {"rates": rates, "convnext": other.get(BASE) or None}


def same_processing(paper: Paper) -> Agreement:
    """Are the six networks trained alike, but for what they are?"""
    code = paper.code.drop(columns="model")
    recipes = len(code.drop_duplicates())
    differing = [name.replace("_", " ") for name in code.columns if code[name].nunique() > 1]
    return recipes == 1, {"recipes": recipes, "networks": len(code), "differing": differing or "nothing"}


# ---- against networks built here


def shapes(paper: Paper, networks: NetworkFacts) -> Agreement:
    """Do the maps of ConvNeXt-T have the sizes of Table 1? The head is judged by itself."""
    right = sum(paper[f"table_1/{name}/output"] == shape for name, shape in networks.shapes.items())
    return right == len(networks.shapes), {"right": right, "rows": len(networks.shapes)}


def table_5_column(
    paper: Paper, networks: NetworkFacts, *, quantity: str, within: float, growth: bool = False
) -> Agreement:
    """Is a column of Table 5 that of the networks, or does it at least grow (``growth``) from row to row like theirs?

    ``quantity`` is ``parameters_million`` or ``size_mib``, ``within`` the distance up to which figures are equal.
    """
    printed = paper[f"table_5/{quantity}"]
    counted = networks.size_mib if quantity == "size_mib" else {m: n / 1e6 for m, n in networks.parameters.items()}
    found = pd.Series({row: counted[row.rsplit("-", 1)[0]] for row in printed.index})
    apart = (printed - printed.iloc[0]) - (found - found.iloc[0]) if growth else printed - found
    right = int((apart.abs() <= within).sum())
    numbers = {"right": right, "rows": len(printed), "printed": list(printed)}
    return right == len(printed), numbers | {"attention": counted[PROPOSED] - counted[BASE]}


def printed_complexity(paper: Paper, networks: NetworkFacts) -> Agreement:
    """Does accuracy grow with complexity in the paper's own Table 4 (Kendall, p below 0.05)?"""
    accuracy = paper["table_4/accuracy_percent"]
    sizes, ranks = pd.Series(networks.parameters)[accuracy.index], accuracy.rank(ascending=False)
    tau, p = kendalltau(sizes, accuracy)
    numbers = {"tau": tau, "p": p, "rows": len(accuracy)}
    return tau > 0 and p < 0.05, numbers | {"largest": ranks[sizes.idxmax()], "smallest": ranks[sizes.idxmin()]}
