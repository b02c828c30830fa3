"""The ledger: what the paper claims and what comes of it; every verdict is computed by a rule.

Rules about the paper alone are in ``paper_checks``, those against the authors' logs and code in ``log_checks``, against
networks built here in ``network_checks``, and against the runs of this profile in ``verdicts`` and ``run_checks``.
"""

from collections.abc import Callable

import pandas as pd

from mineral_lib.paper import Paper
from mineral_lib.reporting import log_checks, network_checks, paper_checks, run_checks
from mineral_lib.reporting.evidence import check_evidence, check_evidence_kind
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.reporting.verdicts import (
    UNTESTABLE,
    Claim,
    check_best,
    check_cheap,
    check_classes,
    check_complexity,
    check_faster,
    check_gain,
    check_honest_split,
    check_training,
)
from mineral_lib.study import Study

Verdict = tuple[str, str]
Check = Callable[[Study], Verdict]


def _runs(rule: Callable[..., Verdict], *options: str) -> Check:
    return lambda study: rule(study, *options)


def _evidence(rule: Callable[[Study], Verdict]) -> Check:
    return rule


def _paper(rule: Callable[[Paper], Verdict]) -> Check:
    return lambda study: rule(Paper.published())


def _networks(rule: Callable[..., Verdict]) -> Check:
    return lambda study: rule(Paper.published(), network_checks.built_networks())


def _open(evidence: str) -> Check:
    return lambda study: (UNTESTABLE, evidence)


FAIR = "... also if all start from scratch (a fair comparison; not in the paper)."
# claim, where the paper makes it, and the check that returns verdict and evidence
CLAIMS: tuple[tuple[str, str, Check], ...] = (
    # The network
    ("ConvNeXt exists in four versions.", "1", _networks(network_checks.check_versions)),
    ("The maps of ConvNeXt-T have the sizes of Table 1.", "1, Table 1", _networks(network_checks.check_shapes)),
    ("The network ends in the outputs Table 1 prints.", "1, Table 1", _paper(paper_checks.check_outputs)),
    ("Transfer speeds training.", "2.1", _runs(run_checks.check_transfer_speed)),
    ("Pooling in the attention module reduces parameters.", "2.2", _networks(network_checks.check_pooling)),
    ("Equations 1 and 2 describe one module.", "2.2, Eq. 1, 2", _networks(network_checks.check_equations)),
    ("The module is that of ECA-Net (implied).", "2.2", _networks(network_checks.check_kernels)),
    ("Attention lowers the complexity of the network.", "2.2", _networks(network_checks.check_simpler)),
    (
        "One module after each block, that is after conv 2 to 5.",
        "2.3, Figure 3",
        _networks(network_checks.check_modules),
    ),
    # The photographs
    ("26 minerals are listed.", "3.1", _paper(paper_checks.check_names)),
    ("Augmentation gives 34,576 images.", "abstract, 3.2", _paper(paper_checks.check_sum)),
    ("All minerals are multiplied alike (implied).", "3.2, Table 2", _paper(paper_checks.check_factors)),
    ("The test images are unknown to training (implied).", "3.2, 3.3", _paper(paper_checks.check_siblings)),
    (
        "Splitting after augmentation measures recognition of new specimens (implied).",
        "3.2, 3.3",
        check_honest_split,
    ),
    ("The images were split 6:2:2.", "abstract, 3.3", _paper(log_checks.check_split)),
    # Training
    ("Adam, rate 0.001 with a cosine, 200 epochs, batches of 32.", "3.3", _paper(log_checks.check_recipe)),
    ("All six networks were trained under the same conditions.", "4.1", _paper(log_checks.check_same_processing)),
    ("All six networks reach more than 90 % training accuracy.", "4.1", _runs(check_training)),
    ("The printed validation accuracies are those of the runs.", "4.1", _paper(log_checks.check_validation_accuracy)),
    (
        "A small distance of training to validation accuracy rules out over-fitting.",
        "4.1",
        _paper(log_checks.check_overfitting),
    ),
    ("The proposed network is not over-fitted (implied).", "4.1", _runs(run_checks.check_own_overfitting)),
    (
        "The proposed network converges faster than the other five.",
        "abstract, 4.1",
        _runs(check_faster, "as_read"),
    ),
    (FAIR, "ours", _runs(check_faster, "fair_none")),
    ("Attention and transfer raise the speed of training.", "conclusion", _runs(run_checks.check_training_speed)),
    # Evaluation
    ("Most minerals are recognised in 97 % of cases or more.", "4.2.1, Figure 5", _runs(check_classes)),
    ("Pyrite: 94 %, and four confusions.", "4.2.1, Figure 5", _paper(paper_checks.check_pyrite)),
    ("False positives and negatives have their usual meaning.", "4.2.1, Table 3", _paper(paper_checks.check_terms)),
    ("Equations 3 to 5 give the columns of Table 4.", "4.2.1, Eq. 3 to 5", _paper(paper_checks.check_averages)),
    ("The printed accuracies are those of a test set.", "4.2.1, Table 4", _paper(log_checks.check_test_accuracy)),
    ("Table 4 compares networks under equal conditions.", "4.2.1, Table 4", _paper(log_checks.check_equal_starts)),
    ("The order of the six networks is that of Table 4.", "4.2.1, Table 4", _paper(log_checks.check_order)),
    ("The printed differences are differences.", "Tables 4, 5", _paper(paper_checks.check_printed_noise)),
    (
        "98.58 % accuracy, 98.62 % precision, 98.73 % recall on 26 minerals.",
        "abstract, Table 4",
        _open("The photographs are not public; the figures appear here as a reference column only."),
    ),
    ("The proposed network is best in all metrics, as printed.", "4.2.1", _paper(paper_checks.check_best_printed)),
    ("... and here.", "4.2.1, conclusion", _runs(run_checks.check_all_metrics)),
    (
        "The proposed network is the most accurate of the six.",
        "4.2.1, Table 4",
        _runs(check_best, "as_read"),
    ),
    (FAIR, "ours", _runs(check_best, "fair_none")),
    (
        "Accuracy grows with the complexity of the network, as printed.",
        "4.2.1, Table 4",
        _networks(network_checks.check_printed_complexity),
    ),
    ("... and here.", "4.2.1", _runs(check_complexity)),
    # Attention and transfer
    (
        "Channel attention alone raises accuracy (printed: by about 1 point).",
        "4.2.2, Table 5",
        _runs(check_gain, "ECA alone"),
    ),
    (
        "Transfer learning alone raises accuracy (printed: by about 1 point).",
        "4.2.2, Table 5",
        _runs(check_gain, "transfer alone"),
    ),
    (
        "Both together raise it further (printed: by about 2 points over the start).",
        "4.2.2, Table 5",
        _runs(check_gain, "both together"),
    ),
    ("The printed gains are about 1, 1 and 2 points.", "4.2.2, Table 5", _paper(paper_checks.check_gains)),
    ("Attention alone reaches 97.62 %.", "4.2.2, Table 5", _paper(log_checks.check_attention_row)),
    ("Attention adds very few parameters.", "4.2.2, Table 5", _runs(check_cheap)),
    ("The parameters are those of Table 5.", "4.2.2, Table 5", _networks(network_checks.check_parameters)),
    ("The model sizes are those of Table 5.", "4.2.2, Table 5", _networks(network_checks.check_sizes)),
    # Evidence and use
    (
        "The proposed network looks at the mineral better than the others.",
        "4.3, Figure 6",
        _evidence(check_evidence),
    ),
    (
        "Its evidence is the mineral's edges and colour.",
        "4.3, Figure 6",
        _evidence(check_evidence_kind),
    ),
    (
        "The model generalises and suits field use.",
        "1, conclusion",
        _open("Needs photographs of other places and cameras; the paper has none and neither has this profile."),
    ),
)


def all_claims(study: Study) -> list[Claim]:
    """Every claim of the ledger, in the paper's order, with its computed verdict."""
    return [Claim(claim, source, *check(study)) for claim, source, check in CLAIMS]


def table_claims(claims: list[Claim]) -> Table:
    """The claims as a table."""
    frame = pd.DataFrame([vars(claim) for claim in claims])
    columns = {
        "claim": Column("the paper's claim"),
        "source": Column("where"),
        "verdict": Column("verdict"),
        "evidence": Column("evidence"),
    }
    sentences = [
        "Verdicts with 'here' are about this profile's photographs and networks: 'holds here' and 'does not hold here' "
        "mean that a 95 % interval excludes zero, where an interval exists; 'not decided here' means within noise.",
        "The others are about the paper: 'consistent' means that a rule found nothing against it; 'contradicted' "
        "names what speaks against it, which is the paper's other numbers, the authors' public code or logs, or "
        "networks built and counted here.",
    ]
    return Table("claims", "What holds and what does not", frame, columns, sentences)
