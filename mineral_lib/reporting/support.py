"""How many photographs stand behind a number of one class, and the mark of classes with too few."""

import numpy as np

from mineral_lib.data.split import FEW_TEST_PHOTOGRAPHS
from mineral_lib.reporting.words import label

MARK = "†"


def few_mark(support: float) -> str:
    """The mark of a class with fewer than ``FEW_TEST_PHOTOGRAPHS`` test photographs, else nothing."""
    return MARK if support < FEW_TEST_PHOTOGRAPHS else ""


def support_text(test: float, train: float) -> str:
    """Both numbers for the axis of a figure, for example ``3 / 12†``; a dash for what is not known."""
    return f"{test:.0f} / {'–' if np.isnan(train) else f'{train:.0f}'}{few_mark(test)}"


def support_label(language: str) -> str:
    """What ``support_text`` shows, in words."""
    return f"{label('count', language)} ({label('test', language)} / {label('train', language)})"
