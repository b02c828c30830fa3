"""The line below a figure that names who made its photographs."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from mineral_lib.notation import isolated
from mineral_lib.reporting.style import write_below


def credit_line(labels: Sequence[str], credits: Sequence[str]) -> str:
    """Credits with the pictures they belong to, each credit once: ``a, c J. Doe (CC BY 4.0); b M. Roe``.

    Args:
        labels: What a reader finds a picture by, for example its letter.
        credits: One credit a picture (see ``mineral_lib.photos.credits``); empty ones are left out.

    Returns:
        Empty if nothing is to be named; without labels if one credit holds for all pictures.
    """
    pictures: dict[str, list[str]] = {}
    for label, credit in zip(labels, credits, strict=True):
        if credit:
            pictures.setdefault(credit, []).append(label)
    if len(pictures) == 1 and all(credits):
        return next(iter(pictures))
    return "; ".join(f"{', '.join(of)} {isolated(credit)}" for credit, of in pictures.items())


def add_credits(figure: Figure, labels: Sequence[str], credits: Sequence[str], *, by: str = "") -> None:
    """Write the credit line below a figure, which grows by it; nothing happens without credits.

    Args:
        figure: A figure of ``new_figure``.
        labels: See ``credit_line``.
        credits: See ``credit_line``; may be empty.
        by: What the labels are, for example ``row``.
    """
    line = credit_line(labels, credits) if credits else ""
    if not line:
        return
    write_below(figure, (f"Photographs by {by}: " if by and line not in credits else "Photographs: ") + line)
