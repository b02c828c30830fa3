"""Rules that hold what the paper says about its networks against networks built here."""

from typing import TYPE_CHECKING

import pandas as pd
from scipy.stats import kendalltau

from mineral_lib.models.structure import shape_text
from mineral_lib.paper import Paper
from mineral_lib.reporting.paper_checks import BUILT, CODE, CONSISTENT, SELF
from mineral_lib.reporting.setup_tables import PRINTED_TABLE_1

if TYPE_CHECKING:
    from mineral_lib.models.paper_networks import NetworkFacts

BASE, PROPOSED = "convnext_tiny", "eca_convnext_tiny"
WIDTHS = (96, 192, 384, 768)
ROUNDING = 0.005  # of a figure with two decimals


def built_networks() -> "NetworkFacts":
    """The facts, counted on first use: building networks needs torch, which reading results does not."""
    from mineral_lib.models.paper_networks import network_facts

    return network_facts()


def check_shapes(paper: Paper, facts: "NetworkFacts") -> tuple[str, str]:
    """Do the maps of ConvNeXt-T have the sizes of Table 1? The head is judged by itself."""
    rows = {name: (before, after) for name, (before, _, after) in PRINTED_TABLE_1.items() if name != "head"}
    found = {name: tuple(shape_text(shape) for shape in facts.shapes[name]) for name in rows}
    wrong = [name for name in rows if rows[name][1] != found[name][1]]
    words = f"{len(rows) - len(wrong)} of {len(rows)} output sizes agree; layer scale and drop path are not mentioned."
    return (BUILT if wrong else CONSISTENT), words


def check_versions(paper: Paper, facts: "NetworkFacts") -> tuple[str, str]:
    """Is ConvNeXt published in as many sizes as the paper says?"""
    stated = paper.number("section_1", "versions of ConvNeXt", "count")
    words = f"{len(facts.versions)} sizes have published weights: {', '.join(facts.versions)}."
    return (CONSISTENT if len(facts.versions) == stated else BUILT), words


def check_equations(paper: Paper, facts: "NetworkFacts") -> tuple[str, str]:
    """Do Equations 1 and 2 describe one module?"""
    kernels = facts.kernels["adaptive"]
    own, shared = sum(k * width for k, width in zip(kernels, WIDTHS, strict=True)), sum(kernels)
    words = (
        f"Equation 1 has k weights a channel, {own:,} in the four stages; Equation 2, a convolution, shares k among "
        f"all, {shared}. Built and counted is Equation 2."
    )
    return (CONSISTENT if own == shared else SELF), words


def check_pooling(paper: Paper, facts: "NetworkFacts") -> tuple[str, str]:
    """Does global average pooling in the module save parameters?"""
    words = (
        f"The module's convolution has k weights with pooling before it or without: {facts.pooling_saves} are saved. "
        "Pooling saves work."
    )
    return (CONSISTENT if facts.pooling_saves > 0 else BUILT), words


def check_modules(paper: Paper, facts: "NetworkFacts") -> tuple[str, str]:
    """Do 'after each block' and 'after conv 2 to 5' name the same places?"""
    blocks, stages = facts.modules["post_block"], facts.modules["post_stage"]
    words = f"After each block is {blocks} modules, after conv 2 to 5 is {stages}; the authors' code has 4."
    return (CONSISTENT if blocks == stages else SELF), words


def check_kernels(paper: Paper, facts: "NetworkFacts") -> tuple[str, str]:
    """Has the authors' module the kernel sizes of ECA-Net's formula?"""
    formula, code = (", ".join(map(str, facts.kernels[rule])) for rule in ("adaptive", "authors"))
    words = f"The formula gives k = {formula}; the code passes the width of another stage and gets {code}."
    return (CONSISTENT if formula == code else CODE), words


def check_simpler(paper: Paper, facts: "NetworkFacts") -> tuple[str, str]:
    """Does attention lower the complexity of the network?"""
    more = facts.parameters[PROPOSED] - facts.parameters[BASE]
    return (BUILT if more >= 0 else CONSISTENT), f"{more:+,} parameters: little, but more and not less."


def check_parameters(paper: Paper, facts: "NetworkFacts") -> tuple[str, str]:
    """Is the parameter column of Table 5 that of the networks?"""
    printed = paper.rows("table_5", "parameters_million")
    counted = {row: facts.parameters[row.rsplit("-", 1)[0]] / 1e6 for row in printed.index}
    right = [row for row in printed.index if abs(printed[row] - counted[row]) <= ROUNDING + 1e-9]
    words = (
        f"{len(right)} of {len(printed)} rows agree. ConvNeXt-T with 26 outputs has {facts.parameters[BASE]:,} "
        f"parameters, attention adds {facts.parameters[PROPOSED] - facts.parameters[BASE]}, transfer none; printed are "
        f"{', '.join(f'{value:.2f}' for value in printed)} million."
    )
    return (CONSISTENT if len(right) == len(printed) else BUILT), words


def check_sizes(paper: Paper, facts: "NetworkFacts") -> tuple[str, str]:
    """Does the size column of Table 5 grow as files of these networks grow?

    Differences are compared, because the names of the tensors move all sizes alike.
    """
    printed = paper.rows("table_5", "size_mib")
    grown = {row: facts.size_mib[row.rsplit("-", 1)[0]] - facts.size_mib[BASE] for row in printed.index}
    apart = {row: abs(printed[row] - printed.iloc[0] - grown[row]) for row in printed.index}
    right = [row for row in printed.index if apart[row] < 2 * ROUNDING - 1e-6]
    words = (
        f"{len(right)} of {len(printed)} rows agree. Files of {facts.size_mib[BASE]:.2f} MiB grow by "
        f"{grown[f'{PROPOSED}-scratch']:.3f} with attention and by nothing with transfer; printed are "
        f"{', '.join(f'{value:.2f}' for value in printed)}."
    )
    return (CONSISTENT if len(right) == len(printed) else BUILT), words


def check_printed_complexity(paper: Paper, facts: "NetworkFacts") -> tuple[str, str]:
    """Does accuracy grow with complexity in the paper's own Table 4 (Kendall, p below 0.05)?"""
    accuracy = paper.rows("table_4", "accuracy_percent")
    sizes = pd.Series(facts.parameters)[accuracy.index]
    tau, p = kendalltau(sizes, accuracy)
    largest, smallest = sizes.idxmax(), sizes.idxmin()
    ranks = accuracy.rank(ascending=False)
    words = (
        f"Rank correlation of printed accuracy and parameters {tau:+.2f} (p = {p:.2f}); the largest network is number "
        f"{ranks[largest]:.0f} of {len(accuracy)}, the smallest number {ranks[smallest]:.0f}."
    )
    return (CONSISTENT if tau > 0 and p < 0.05 else SELF), words
