"""The ledger: what the paper claims and what comes of it; every verdict is computed by a rule.

``resources/claims.yaml`` has the claims, their places, and which rule judges each by what; the rules about the paper
are in ``paper_checks``, those about the runs of this profile in ``run_checks`` and ``evidence``.
"""

import pandas as pd

from mineral_lib.measurements.paper_networks import NetworkFacts, network_facts
from mineral_lib.paper import Paper
from mineral_lib.reporting import evidence, paper_checks, run_checks
from mineral_lib.reporting.artefacts import table
from mineral_lib.reporting.curves import too_short
from mineral_lib.reporting.run_checks import UNTESTABLE
from mineral_lib.reporting.words import sentence
from mineral_lib.resources import load_yaml
from mineral_lib.study import Study

CONSISTENT = "consistent"
RULES = {"paper": paper_checks, "networks": paper_checks, "runs": run_checks, "maps": evidence}


@table("claims")
def table_claims(study: Study) -> pd.DataFrame:
    """Every claim of the ledger, in the paper's order, with its computed verdict and the evidence for it."""
    rows = [(row["claim"], row["source"], *judge(key, study)) for key, row in load_yaml("claims").items()]
    return pd.DataFrame(rows, columns=["claim", "source", "verdict", "evidence"])


def judge(
    key: str, study: Study | None = None, *, paper: Paper | None = None, networks: NetworkFacts | None = None
) -> tuple[str, str]:
    """Verdict on the claim of a key of the ledger, and the evidence for it.

    The study is not needed for a claim that is judged by what was published (``paper``, as it is if None) or counted
    on networks built here (``networks``, as counted if None).
    """
    row = load_yaml("claims")[key]
    if "rule" not in row:
        return row["verdict"], row["evidence"]
    kind, _, name = row["rule"].partition(".")
    facts = {"paper": paper or Paper.published()}
    if kind == "networks":
        facts["networks"] = networks or network_facts()
    subjects = facts.values() if "otherwise" in row else [study]
    verdict, numbers = getattr(RULES[kind], name)(*subjects, **row.get("options", {}))
    if "otherwise" in row:
        verdict = CONSISTENT if verdict else row["otherwise"]
    if not numbers:
        return verdict, ""
    short = too_short(study) if row.get("fully_trained") else ""
    words = sentence(row["evidence"], {**facts, "short": short or None, **numbers})
    return (UNTESTABLE if short else verdict), words
