"""Rules about the paper alone: does what it prints agree with what it prints elsewhere, and with arithmetic?

Each rule takes the published facts (``paper.Paper``) and returns a verdict and the numbers behind it.
"""

from math import ceil, floor, sqrt

import pandas as pd

from mineral_lib.catalogue import Mineral
from mineral_lib.paper import Paper

CONSISTENT = "consistent"
SELF = "contradicted by the paper itself"
CODE = "contradicted by the authors' code"
LOGS = "contradicted by the authors' logs"
BUILT = "contradicted by the networks"
NOISE = "within noise of the paper's own numbers"
CONTRADICTED = (SELF, CODE, LOGS, BUILT)

PROPOSED_ROW, TRANSFER_ROW, BASE_ROW = "eca_convnext_tiny-transfer", "convnext_tiny-transfer", "convnext_tiny-scratch"
ALONE = ("eca_convnext_tiny-scratch", TRANSFER_ROW)
METRICS = ("accuracy", "precision", "recall")
STANDARD_TERMS = {"FP": ("negative", "positive"), "FN": ("positive", "negative")}  # truth, prediction
CLEAR = 1.96  # standard errors of a difference that 95 % of chance differences stay below


def sibling_share(minerals: tuple[Mineral, ...], train_share: float) -> float:
    """Expected share of images outside the training part that have a copy in it, if multiplied images are pooled and
    split at random.
    """
    images = sum(one.augmented for one in minerals)
    alone = sum(one.augmented * (1 - train_share) ** (one.factor - 1) for one in minerals)
    return 1 - alone / images


def check_sum(paper: Paper) -> tuple[str, str]:
    """Do the augmented counts of Table 2 add up to the number in the text?"""
    printed, found = paper.number("abstract", "images", "count"), sum(one.augmented for one in paper.minerals)
    originals = sum(one.original for one in paper.minerals)
    words = f"Table 2 adds up to {found:,}; its originals to {originals:,}, a number the paper does not print."
    return (CONSISTENT if found == printed else SELF), words


def check_names(paper: Paper) -> tuple[str, str]:
    """Does the class list have as many names as there are classes, each once?"""
    names = paper.statement("section_3.1", "classes", "names").split()
    wanted = paper.number("abstract", "minerals", "count")
    twice = sorted({name for name in names if names.count(name) > 1})
    words = f"{len(names)} names are listed, {len(set(names))} different ones"
    words += f"; twice: {', '.join(twice)}." if twice else "."
    return (CONSISTENT if len(names) == len(set(names)) == wanted else SELF), words


def check_factors(paper: Paper) -> tuple[str, str]:
    """Are all classes multiplied alike?"""
    factors = pd.Series([one.augmented / one.original for one in paper.minerals])
    groups = "; ".join(f"{factor:g} in {count} classes" for factor, count in factors.value_counts().items())
    before, after = ([getattr(one, name) for one in paper.minerals] for name in ("original", "augmented"))
    words = (
        f"Factor {groups}, without a reason; the largest class is {max(before) / min(before):.2f} times the smallest "
        f"before and {max(after) / min(after):.2f} times after."
    )
    return (CONSISTENT if factors.nunique() == 1 else SELF), words


def check_siblings(paper: Paper) -> tuple[str, str]:
    """Can images that were multiplied before a 6:2:2 split be unknown to training?"""
    share = sibling_share(paper.minerals, paper.number("section_3.3", "split", "train_share"))
    return (SELF if share > 0.01 else CONSISTENT), (
        f"With its factors and 6:2:2, {100 * share:.1f} % of the test images have a copy of the same photograph in "
        "training."
    )


def check_outputs(paper: Paper) -> tuple[str, str]:
    """Does the network of Table 1 have an output a mineral?"""
    outputs, classes = paper.number("table_1", "head", "outputs"), paper.number("abstract", "minerals", "count")
    words = f"Table 1 ends in {outputs:.0f} outputs, those of ImageNet; the study has {classes:.0f} minerals."
    return (CONSISTENT if outputs == classes else SELF), words


def check_pyrite(paper: Paper) -> tuple[str, str]:
    """Are there whole numbers of test images behind the row of pyrite and its four confusions?"""
    rates = paper.rows("figure_5", "rate_percent")
    images = next(one.augmented for one in paper.minerals if one.slug == "pyrite")
    images = round(images * paper.number("section_3.3", "split", "test_share"))
    low = sum(ceil(images * (rate - 0.5) / 100) for rate in rates)
    high = sum(floor(images * (rate + 0.5) / 100) for rate in rates)
    words = (
        f"{' + '.join(f'{rate:.0f}' for rate in rates)} = {rates.sum():.0f} %, if 2 % and 1 % hold for each of the two "
        f"minerals named; of {images} test images rounding allows {low} to {high}."
    )
    return (CONSISTENT if low <= images <= high else SELF), words


def check_terms(paper: Paper) -> tuple[str, str]:
    """Are false positive and false negative what everybody calls so?"""
    sides = ("truth", "prediction")
    stated = {term: tuple(paper.statement("table_3", term, side) for side in sides) for term in STANDARD_TERMS}
    swapped = stated["FP"] == STANDARD_TERMS["FN"] and stated["FN"] == STANDARD_TERMS["FP"]
    words = "; ".join(f"{term}: truly {truth}, predicted {guess}" for term, (truth, guess) in stated.items())
    words += ". With these terms Eq. 4 is the usual recall and Eq. 5 the usual precision." if swapped else "."
    return (CONSISTENT if stated == STANDARD_TERMS else SELF), words


def check_averages(paper: Paper) -> tuple[str, str]:
    """Do Equations 3 to 5, counted over all 26 classes, give the printed columns?

    Counted so, precision and recall are the share of right answers, like the accuracy of a confusion matrix.
    """
    table = pd.DataFrame({name: paper.rows("table_4", f"{name}_percent") for name in METRICS})
    apart = int(((table["recall"] - table["accuracy"]).abs() > 0.005).sum())
    words = (
        f"Counted over all classes, recall is accuracy; printed it differs in {apart} of {len(table)} rows, so it is a "
        "mean over classes, which the paper does not say."
    )
    return (SELF if apart else CONSISTENT), words


def check_best_printed(paper: Paper) -> tuple[str, str]:
    """Is the proposed network printed as best in all three columns of Table 4?"""
    columns = {name: paper.rows("table_4", f"{name}_percent") for name in METRICS}
    first = [name for name, values in columns.items() if values.idxmax() == "eca_convnext_tiny"]
    words = f"First in {len(first)} of 3 printed columns; one run each, without seed or interval."
    return (CONSISTENT if len(first) == len(METRICS) else SELF), words


def check_gains(paper: Paper) -> tuple[str, str]:
    """Are the gains of Table 5 about 1 point each and about 2 together, as the text says?"""
    columns = pd.DataFrame({name: paper.rows("table_5", f"{name}_percent") for name in METRICS})
    gains = (columns - columns.loc[BASE_ROW]).round(2)
    stated = {name: paper.number("section_4.2.2", "attention or transfer alone", "gain_points") for name in ALONE}
    stated[PROPOSED_ROW] = paper.number("section_4.2.2", "both together", "gain_points")
    fits = all((gains.loc[row] - points).abs().max() < 0.5 for row, points in stated.items())
    exact = [name for name in METRICS if gains.loc[PROPOSED_ROW, name] == stated[PROPOSED_ROW]]
    words = ", ".join(f"{name} {gains.loc[PROPOSED_ROW, name]:+.2f}" for name in METRICS)
    total = gains.loc[list(ALONE), "accuracy"].sum()
    words = f"Both together: {words}; the single accuracy gains add up to {total:+.2f}."
    if exact:
        words += f" The last row's {' and '.join(exact)} are the first row's plus exactly {stated[PROPOSED_ROW]:.2f}."
    return (CONSISTENT if fits else SELF), words


def check_printed_noise(paper: Paper) -> tuple[str, str]:
    """Is every step between neighbouring printed accuracies larger than chance differences of one test set?

    Accuracies count as independent binomials of the source photographs; copies of one are no further evidence.
    """
    share = paper.number("section_3.3", "split", "test_share")
    images, sources = (share * sum(getattr(one, name) for one in paper.minerals) for name in ("augmented", "original"))
    rates = pd.concat([paper.rows(table, "accuracy_percent") for table in ("table_4", "table_5")]).drop_duplicates()
    rates = rates.sort_values().to_numpy() / 100
    errors = [sqrt((a * (1 - a) + b * (1 - b)) / sources) for a, b in zip(rates, rates[1:], strict=False)]
    within = sum(b - a < CLEAR * error for a, b, error in zip(rates, rates[1:], errors, strict=False))
    table_5 = paper.rows("table_5", "accuracy_percent") / 100
    gap = (table_5[PROPOSED_ROW] - table_5[TRANSFER_ROW]) * images
    words = (
        f"{within} of {len(errors)} steps between neighbouring accuracies are within noise of {sources:,.0f} "
        f"independent test photographs; proposed against transfer alone is {gap:.0f} of {images:,.0f} images."
    )
    return (NOISE if within else CONSISTENT), words
