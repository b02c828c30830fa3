"""Whom to name for a photograph: the index columns ``attribution`` and ``licence``, where a folder states them."""

import pandas as pd


def statements(index: pd.DataFrame, column: str) -> pd.Series:
    """One column of the index as clean text, shape (n,); empty where nothing is stated or the column is missing."""
    if column not in index:
        return pd.Series("", index=index.index, dtype=object)
    return index[column].fillna("").astype(str).map(lambda text: " ".join(text.split()))


def stated(index: pd.DataFrame, column: str) -> pd.Series:
    """How many photographs state each value of ``licence`` or ``attribution``, the commonest first."""
    texts = statements(index, column)
    counts = texts[texts != ""].value_counts()
    return counts[sorted(counts.index, key=lambda name: (-counts[name], name))]


def credits(index: pd.DataFrame) -> list[str]:
    """What to print beside each photograph of some rows: ``attribution (licence)``, or nothing if none is stated."""
    pairs = zip(statements(index, "attribution"), statements(index, "licence"), strict=True)
    return [f"{who} ({licence})" if who and licence else who for who, licence in pairs]
