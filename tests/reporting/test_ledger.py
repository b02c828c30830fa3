# ruff: noqa: F811 (pytest fixtures are used by naming them)
"""The ledger: every rule gives its verdict on what was published, and another one on facts that say otherwise."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from test_reporting import four_corners, paths, settings, write_run  # noqa: F401

from mineral_lib.config import PAPER_MODELS
from mineral_lib.models.paper_networks import network_facts
from mineral_lib.paper import Paper, authors_code
from mineral_lib.parameters import load_profile
from mineral_lib.reporting import log_checks, network_checks, paper_checks, run_checks
from mineral_lib.reporting.claims import CLAIMS, all_claims, table_claims
from mineral_lib.reporting.paper_checks import BUILT, CODE, CONSISTENT, CONTRADICTED, LOGS, NOISE, SELF
from mineral_lib.reporting.verdicts import FAILS, HOLDS, NOT_RUN, UNDECIDED, UNTESTABLE
from mineral_lib.study import Study

PAPER = Paper.published()


def number(value, item, row, quantity):
    """The paper with another printed number."""
    table = PAPER.numbers.astype({"value": float})
    chosen = (table["item"] == item) & (table["row"] == row) & (table["quantity"] == quantity)
    assert chosen.sum() == 1
    return replace(PAPER, numbers=table.assign(value=table["value"].where(~chosen, value)))


def statement(texts):
    """The paper with other statements, {(item, row, quantity): text}."""
    table = PAPER.statements.copy()
    for (item, row, quantity), text in texts.items():
        chosen = (table["item"] == item) & (table["row"] == row) & (table["quantity"] == quantity)
        assert chosen.sum() == 1
        table.loc[chosen, "text"] = text
    return replace(PAPER, statements=table)


def factor(value):
    """The paper with one augmentation factor for all."""
    return replace(PAPER, minerals=tuple(replace(one, augmented=value * one.original) for one in PAPER.minerals))


def averaged():
    """The paper with recalls that are its accuracies."""
    table = PAPER.numbers.set_index(["item", "row", "quantity"])["value"].astype(float)
    for model in PAPER_MODELS:
        table["table_4", model, "recall_percent"] = table["table_4", model, "accuracy_percent"]
    return replace(PAPER, numbers=table.reset_index())


def far_apart():
    """The paper with accuracies ten points apart."""
    table = PAPER.numbers.copy()
    chosen = table["item"].isin(["table_4", "table_5"]) & (table["quantity"] == "accuracy_percent")
    ranks = table.loc[chosen, "value"].rank(method="dense")
    return replace(PAPER, numbers=table.assign(value=table["value"].where(~chosen, 10 * ranks)))


SWAPPED_BACK = {
    ("table_3", "FP", "truth"): "negative",
    ("table_3", "FP", "prediction"): "positive",
    ("table_3", "FN", "truth"): "positive",
    ("table_3", "FN", "prediction"): "negative",
}
NAMES = PAPER.statement("section_3.1", "classes", "names")
BEST = ("table_4", "resnet50", "recall_percent")


@pytest.mark.parametrize(
    ("rule", "verdict", "words", "other", "flipped"),
    [
        ("check_sum", CONSISTENT, "34,576", number(34_612, "abstract", "images", "count"), SELF),
        (
            "check_names",
            SELF,
            "27 names are listed, 26 different",
            statement({("section_3.1", "classes", "names"): NAMES.replace("辉钼矿 辉钼矿", "辉钼矿")}),
            CONSISTENT,
        ),
        ("check_factors", SELF, "Factor 4 in 22 classes", factor(4), CONSISTENT),
        ("check_siblings", SELF, "94.5 %", factor(1), CONSISTENT),
        ("check_outputs", SELF, "1000 outputs", number(26, "table_1", "head", "outputs"), CONSISTENT),
        (
            "check_pyrite",
            CONSISTENT,
            "= 100 %",
            number(90, "figure_5", "pyrite predicted as pyrite", "rate_percent"),
            SELF,
        ),
        ("check_terms", SELF, "Eq. 4 is the usual recall", statement(SWAPPED_BACK), CONSISTENT),
        ("check_averages", SELF, "6 of 6 rows", averaged(), CONSISTENT),
        ("check_best_printed", CONSISTENT, "3 of 3", number(99.0, *BEST), SELF),
        (
            "check_gains",
            CONSISTENT,
            "precision and recall are the first row's plus exactly 2.00",
            number(99.9, "table_5", "convnext_tiny-transfer", "recall_percent"),
            SELF,
        ),
        ("check_printed_noise", NOISE, "49 of 6,915 images", far_apart(), CONSISTENT),
    ],
)
def test_rules_about_the_paper_alone(rule, verdict, words, other, flipped):
    check = getattr(paper_checks, rule)
    found = check(PAPER)
    assert found[0] == verdict and words in found[1], found
    assert check(other)[0] == flipped


def logs(changes):
    """The paper with other logs: {our run: {column: function of the column}}."""
    from mineral_lib.paper import AUTHORS_RUNS

    table = PAPER.logs.copy()
    for key, columns in changes.items():
        rows = table["run"] == AUTHORS_RUNS[key]
        for column, change in columns.items():
            table.loc[rows, column] = change(table.loc[rows, column])
    return replace(PAPER, logs=table)


def counts(images):
    return lambda column: (column / 100 * images).round() / images * 100


ECA = ("eca_convnext_tiny", "transfer")
SIXTY_FORTY = logs(
    {
        ECA: {
            "val_accuracy_percent": lambda c: counts(4007)(c).round(4),
            "train_accuracy_percent": lambda c: counts(6011)(c).round(4),
        }
    }
)
LOWER = {key: {"val_accuracy_percent": lambda column: column - 1} for key in log_checks._printed_accuracies(PAPER)}
HIGHER = {key: {"val_accuracy_percent": lambda column: column + 3} for key in LOWER}
REACHED = {("eca_convnext_tiny", "scratch"): {"val_accuracy_percent": lambda c: c * 97.62 / c.max()}}
ORDERED = {("vgg19", "scratch"): {"val_accuracy_percent": lambda c: c - 3}}
ONE_START = {ECA: {"val_accuracy_percent": lambda c: c - 1}}


def code(**columns):
    return replace(PAPER, code=PAPER.code.assign(**columns))


AS_STATED = code(optimizer="adam", lr=0.001, schedule="cosine", epochs=200, batch_size=32)
ALIKE = replace(PAPER, code=pd.concat([PAPER.code.head(1)] * 6).assign(model=list(PAPER_MODELS)))


@pytest.mark.parametrize(
    ("rule", "verdict", "words", "other", "flipped"),
    [
        ("check_split", LOGS, "27,701 training and 6,911 validation images: 80 to 20", SIXTY_FORTY, CONSISTENT),
        ("check_test_accuracy", LOGS, "6 of 8", logs(LOWER), CONSISTENT),
        ("check_validation_accuracy", LOGS, "ECA-ConvNeXt-T is its final training accuracy", logs(HIGHER), CONSISTENT),
        ("check_attention_row", LOGS, "peaks at 86.15 %", logs(REACHED), CONSISTENT),
        ("check_order", LOGS, "VGG19 is printed below GoogLeNet", logs(ORDERED), CONSISTENT),
        ("check_equal_starts", LOGS, "from ImageNet weights: ECA-ConvNeXt-T", logs(ONE_START), CONSISTENT),
        ("check_recipe", CODE, "6 of 6 networks", AS_STATED, CONSISTENT),
        ("check_same_processing", CODE, "5 recipes for 6 networks", ALIKE, CONSISTENT),
        ("check_overfitting", CODE, "99.3 %", factor(1), CONSISTENT),
    ],
)
def test_rules_against_the_authors_logs_and_code(rule, verdict, words, other, flipped):
    check = getattr(log_checks, rule)
    found = check(PAPER)
    assert found[0] == verdict and words in found[1], found
    assert check(other)[0] == flipped


FACTS = network_facts()
TABLE_5 = [
    (row, "table_5", quantity)
    for quantity in ("parameters_million", "size_mib")
    for row in PAPER.rows("table_5", "accuracy_percent").index
]


def printed_as_counted():
    """The paper with the parameters and sizes of the networks built here."""
    table = PAPER.numbers.set_index(["item", "row", "quantity"])["value"].astype(float)
    for row, item, quantity in TABLE_5:
        model = row.rsplit("-", 1)[0]
        value = FACTS.parameters[model] / 1e6 if quantity == "parameters_million" else FACTS.size_mib[model]
        table[item, row, quantity] = round(value, 2)
    return replace(PAPER, numbers=table.reset_index())


ASCENDING = replace(FACTS, parameters={name: size for size, name in enumerate(PAPER_MODELS, 1)})
SMALLER = replace(FACTS, parameters=FACTS.parameters | {"eca_convnext_tiny": 1})


@pytest.mark.parametrize(
    ("rule", "verdict", "words", "paper", "facts", "flipped"),
    [
        (
            "check_shapes",
            CONSISTENT,
            "5 of 5",
            PAPER,
            replace(FACTS, shapes=FACTS.shapes | {"conv3_x": ((96, 56, 56), (192, 56, 56))}),
            BUILT,
        ),
        ("check_versions", BUILT, "xlarge", number(5, "section_1", "versions of ConvNeXt", "count"), FACTS, CONSISTENT),
        ("check_equations", SELF, "7,008", PAPER, replace(FACTS, kernels={"adaptive": (0, 0, 0, 0)}), CONSISTENT),
        ("check_pooling", BUILT, "0 are saved", PAPER, replace(FACTS, pooling_saves=10), CONSISTENT),
        (
            "check_modules",
            SELF,
            "is 18 modules",
            PAPER,
            replace(FACTS, modules={"post_block": 4, "post_stage": 4}),
            CONSISTENT,
        ),
        (
            "check_kernels",
            CODE,
            "k = 3, 5, 5, 5",
            PAPER,
            replace(FACTS, kernels=dict.fromkeys(("adaptive", "authors"), (3, 5, 5, 5))),
            CONSISTENT,
        ),
        ("check_simpler", BUILT, "+18 parameters", PAPER, SMALLER, CONSISTENT),
        ("check_parameters", BUILT, "27,840,122", printed_as_counted(), FACTS, CONSISTENT),
        ("check_sizes", BUILT, "2 of 4 rows", printed_as_counted(), FACTS, CONSISTENT),
        ("check_printed_complexity", SELF, "the largest network is number 6", PAPER, ASCENDING, CONSISTENT),
    ],
)
def test_rules_against_networks_built_here(rule, verdict, words, paper, facts, flipped):
    check = getattr(network_checks, rule)
    found = check(PAPER, FACTS)
    assert found[0] == verdict and words in found[1], found
    assert check(paper, facts)[0] == flipped


def test_every_rule_is_tested_and_in_the_ledger():
    import inspect

    tested = {
        mark.args[1][i][0]
        for test in (
            test_rules_about_the_paper_alone,
            test_rules_against_networks_built_here,
            test_rules_against_the_authors_logs_and_code,
        )
        for mark in test.pytestmark
        for i in range(len(mark.args[1]))
    }
    rules = {
        name
        for module in (paper_checks, log_checks, network_checks)
        for name, _ in inspect.getmembers(module, inspect.isfunction)
        if name.startswith("check_")
    }
    assert rules == tested
    text = inspect.getsource(__import__("mineral_lib.reporting.claims", fromlist=["CLAIMS"]))
    rules |= {name for name, _ in inspect.getmembers(run_checks, inspect.isfunction) if name.startswith("check_")}
    assert all(f".{rule})" in text or f"({rule}" in text for rule in rules - {"check_best"})


def timed(paths, settings, attention):
    """Verdict on speed for runs whose images a second are 100 without attention and ``attention`` with it."""
    for seed in (0, 1):
        for model, speed in (("convnext_tiny", 100.0), ("eca_convnext_tiny", attention + seed)):
            folder = write_run(paths, model, "scratch", wrong=[], seed=seed)
            manifest = json.loads((folder / "manifest.json").read_text()) | {"images_per_second": speed}
            (folder / "manifest.json").write_text(json.dumps(manifest))
    return run_checks.check_training_speed(Study(settings, paths))[0]


@pytest.mark.parametrize(("attention", "verdict"), [(90, FAILS), (120, HOLDS), (100, UNDECIDED)])
def test_speed_of_training_is_that_of_the_manifests(paths, settings, attention, verdict):
    assert timed(paths, settings, attention) == verdict


@pytest.mark.parametrize(
    ("seeds", "transfer", "verdict"),
    [
        (3, (0.8, 0.9, 0.9), HOLDS),
        (3, (0.1, 0.1, 0.2), FAILS),
        (3, (0.1, 0.2, 0.8), UNDECIDED),
        (2, (0.8, 0.9, 0.9), UNDECIDED),
    ],
)
def test_transfer_is_faster_if_as_good_in_fewer_epochs_over_three_seeds(paths, settings, seeds, transfer, verdict):
    for seed in range(seeds):
        write_run(paths, "convnext_tiny", "scratch", wrong=[], seed=seed, val=(0.4, 0.6, 0.8))
        write_run(paths, "convnext_tiny", "transfer", wrong=[], seed=seed, val=transfer)
    assert run_checks.check_transfer_speed(Study(settings, paths))[0] == verdict


@pytest.mark.parametrize(("seeds", "wrong", "verdict"), [(3, range(20), FAILS), (1, range(20), UNDECIDED)])
def test_first_in_no_metric_fails_over_three_seeds(paths, settings, seeds, wrong, verdict):
    for seed in range(seeds):
        write_run(paths, "convnext_tiny", "scratch", wrong=[0], seed=seed)
        write_run(paths, "eca_convnext_tiny", "transfer", wrong=wrong, seed=seed)
    assert run_checks.check_all_metrics(Study(settings, paths))[0] == verdict


def test_first_in_all_metrics_and_clearly_so_holds(paths, settings):
    for seed in range(3):
        write_run(paths, "convnext_tiny", "scratch", wrong=range(20), seed=seed)
        write_run(paths, "eca_convnext_tiny", "transfer", wrong=[0], seed=seed)
    assert run_checks.check_all_metrics(Study(settings, paths))[0] == HOLDS


@pytest.mark.parametrize(("epochs", "gap", "verdict"), [(60, 0.1, FAILS), (60, 0.01, HOLDS), (59, 0.1, UNTESTABLE)])
def test_over_fitting_is_judged_after_a_full_training_only(paths, settings, epochs, gap, verdict):
    trained = settings.model_copy(update={"train": settings.train.model_copy(update={"epochs": epochs})})
    for seed in range(3):
        folder = write_run(paths, "eca_convnext_tiny", "transfer", wrong=[], seed=seed)
        history = pd.read_csv(folder / "history.csv")
        history.assign(train_accuracy=history["val_accuracy"] + gap).to_csv(folder / "history.csv", index=False)
    assert run_checks.check_own_overfitting(Study(trained, paths))[0] == verdict


def test_the_ledger_is_long_has_places_and_judges_the_paper_without_any_run(paths, settings):
    found = all_claims(Study(settings, paths))
    assert len(found) == len(CLAIMS) >= 30 and all(claim.source and claim.claim for claim in found)
    judged = [claim for claim in found if claim.verdict in (CONSISTENT, NOISE, *CONTRADICTED)]
    assert len(judged) == 30 and all(claim.evidence for claim in judged)
    assert {claim.verdict for claim in found} - {CONSISTENT, NOISE, *CONTRADICTED} == {NOT_RUN, UNTESTABLE}
    assert list(table_claims(found).frame.columns) == ["claim", "source", "verdict", "evidence"]


def test_the_authors_profile_is_what_is_recorded_of_their_code():
    train = load_profile("authors").train
    for _, row in authors_code().iterrows():
        own = train.of(row["model"])
        for name in ("optimizer", "lr", "weight_decay", "warmup_epochs", "normalise", "freeze_batch_norm_after"):
            assert getattr(own, name) == row[name], (row["model"], name)
        assert own.schedule == {"constant": "constant", "cosine": "epoch"}[row["schedule"]]
        assert own.batch_size == row["batch_size"]
