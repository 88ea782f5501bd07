"""How answerers learn: their accuracy by the height of the questions, and the labels that it took."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

# ruff: noqa: I001 (figures first, which sees to the backend of Matplotlib)
from rrm.report.figures import INK, MUTED
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from rrm.errors import DamagedFileError
from rrm.report.files import MOST_ROWS, round_result
from rrm.report.stats import Floats
from rrm.report.summary import LARGEST
from rrm.storage import rundir

FILE = "answers.csv"
"""The file in the folder of a round."""

HEIGHT = "height_"
"""What the names of the columns begin with that have the accuracy on the questions of one height."""

MOST_HEIGHTS = 64
"""Columns of heights that are read."""


@dataclass(frozen=True)
class AnswerCurve:
    """What ``answers.csv`` of a round holds, a number for each of its rows."""

    questions: Floats
    labels: Floats
    accuracy: Floats
    heights: Mapping[int, Floats]
    """The accuracy on the questions of each height."""


def answer_curve(home: Path) -> AnswerCurve | None:
    """What a round has measured; None where it trained no answerer.

    Args:
        home: the folder of the round.

    Raises:
        DamagedFileError: the file is not what was written there.
    """
    files = round_result(home)["files"]
    if FILE not in files:
        return None
    path = home / FILE
    rundir.verify(home, {FILE: files[FILE]})
    try:
        lines = csv.DictReader(rundir.read_text(path).splitlines())
        heights = {int(name.removeprefix(HEIGHT)): name for name in lines.fieldnames or () if name.startswith(HEIGHT)}
        names = ["questions", "labels", "accuracy", *heights.values()]
        rows = [[float(row[name]) for name in names] for row in islice(lines, MOST_ROWS + 1)]
        measured = np.array(rows, np.float64).reshape(-1, len(names))
        if not 0 < len(rows) <= MOST_ROWS or not 0 < len(heights) <= MOST_HEIGHTS:
            raise ValueError("must hold a row for each rollout, and a column for each height")
        if not (abs(measured) <= LARGEST).all():
            raise ValueError(f"must hold numbers from {-LARGEST:g} to {LARGEST:g}")
    except (ValueError, TypeError, KeyError, csv.Error) as error:
        raise DamagedFileError(f"{path}: {type(error).__name__}: {' '.join(str(error).split())}") from None
    questions, labels, accuracy, *by_height = measured.T
    return AnswerCurve(questions, labels, accuracy, dict(zip(heights, by_height, strict=True)))


def draw(ax: Axes, name: str, many: Sequence[AnswerCurve], shade: str) -> None:
    """Accuracy over the questions of the training, in all (thick) and by height, and the labels, for one condition.

    Args:
        ax: where.
        name: the condition.
        many: the curves of its seeds, of which the means are shown.
        shade: the colour of the condition.
    """
    rows = min(len(each.questions) for each in many)
    steps = many[0].questions[:rows]
    ax.set_title(name, loc="left", color=shade, fontweight="bold", fontsize=10, pad=6)
    ax.set_ylim(0, 1.04)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.0f} %"))
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1000:g}k" if x else "0"))
    ax.set_xlim(0, float(steps[-1]) * 1.02)
    ax.set_xlabel("questions answered in training", fontsize=8)
    shared = sorted(set.intersection(*(set(each.heights) for each in many)))
    for place, height in enumerate(shared, start=1):
        mean = np.mean([each.heights[height][:rows] for each in many], axis=0)
        weight = 0.3 + 0.7 * place / len(shared)
        ax.plot(steps, mean, color=shade, lw=1.1, alpha=weight, zorder=3)
        at = int(np.argmax(mean >= (mean[-1] + mean[0]) / 2))
        ax.annotate(str(height), (steps[at], mean[at]), color=shade, fontsize=8, ha="right", va="bottom", alpha=weight)
    ax.plot(steps, np.mean([each.accuracy[:rows] for each in many], axis=0), color=INK, lw=2, zorder=4)
    labels = np.mean([each.labels[:rows] for each in many], axis=0)
    if labels.any():
        second = ax.twinx()
        second.plot(steps, labels, color=MUTED, lw=1.2, ls=(0, (4, 1.5)), zorder=2)
        second.set_ylim(0, float(labels.max()) * 1.3)
        second.yaxis.set_major_locator(MaxNLocator(4))
        second.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))
        second.spines["right"].set_visible(True)


CAPTION = (
    "The answerer’s accuracy on test questions while it learns: on all of them (black), and on those of each height "
    "(in colour, with its number): a question of height 1 needs facts alone, one of height 2 sub-questions of height "
    "1, and so on. Dashed, with the axis on the right: the labels so far. Means over seeds."
)
"""The caption of the figure."""
