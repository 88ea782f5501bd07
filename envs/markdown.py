"""Tables in Markdown, and how numbers are written in them."""

from __future__ import annotations

import numpy as np

from rrm.envs.world import Floats


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table whose columns are as wide as their widest cell.

    Args:
        head: the names of the columns.
        rows: the cells, by row.
    """
    wide = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [head, ["-" * max(3, width) for width in wide], *rows]
    return "".join(
        f"| {' | '.join(cell.ljust(max(3, width)) for cell, width in zip(line, wide, strict=True))} |\n"
        for line in lines
    )


def titled(title: str, text: str) -> str:
    """A text below its title.

    Args:
        title: of the third level.
        text: below it.
    """
    return f"### {title}\n\n{text}"


def number(value: float) -> str:
    """A number with up to three decimals.

    Args:
        value: the number.
    """
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return signed("0" if text == "-0" else text)


def share(value: float) -> str:
    """A share in per cent; 0 % means never, and 100 % means always.

    Args:
        value: from 0 to 1.
    """
    if 1e-9 < value < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= value < 1 - 1e-9 else f"{value:.0%}".replace("%", " %")


def gap(value: float) -> str:
    """A gap recovered in per cent; a dash for NaN, where there is no gap.

    Args:
        value: 1 for 100 %.
    """
    return "–" if np.isnan(value) else signed(f"{value:.0%}".replace("-0%", "0%").replace("%", " %"))


def interval(values: Floats) -> str:
    """The mean of values, with its 95 % interval where that shows in three decimals.

    Args:
        values: (m,).
    """
    half = 1.96 * float(np.std(values)) / len(values) ** 0.5
    return number(float(np.mean(values))) + (f" ± {number(half)}" if half >= 0.0005 else "")


def signed(text: str) -> str:
    """The text with a minus sign for each hyphen that stands before a digit.

    Args:
        text: any.
    """
    return "".join("−" if c == "-" and text[i + 1 : i + 2].isdigit() else c for i, c in enumerate(text))
