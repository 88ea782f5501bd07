"""The figures of a report, drawn with Matplotlib: as PNG for other documents, and as SVG in the page's colours.

Each condition has one colour, the same in every figure: vermilion for the unaided baseline, grey for the oracle, and
for the others a series that people with the common kinds of colour blindness can distinguish. Lines and points are
labelled directly.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from html import escape
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

# ruff: noqa: E402 (a notebook's backend, which its processes inherit, may be missing here; nothing here needs one)
_backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
import matplotlib

if _backend is not None:
    os.environ["MPLBACKEND"] = _backend
    with contextlib.suppress(ValueError):
        matplotlib.rcParams["backend"] = _backend
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from rrm.agents.files import write_bytes
from rrm.report.formats import Style, amount, count, share
from rrm.report.summary import Condition, Summary

INK, MUTED, RULE, PAPER = "#1f2328", "#6b7280", "#dfddd6", "#fdfcfa"
UNAIDED, ORACLE = "#c2410c", "#71767f"
OTHERS = ("#0b6bb3", "#0f7f5f", "#9b4f96", "#8a6a00", "#3d8fa8", "#b03a66", "#5a55c9")
WIDTH = 4.2
"""The width of a figure in inches. At 100 pixels an inch it fits a phone, and half of a laptop's page."""

TIP = "tip: "


def colours(summary: Summary) -> dict[str, str]:
    """The colour of each condition.

    Args:
        summary: of the experiment.
    """
    colour_of = {one.name: OTHERS[i % len(OTHERS)] for i, one in enumerate(summary.others)}
    if summary.unaided is not None:
        colour_of[summary.unaided.name] = UNAIDED
    if summary.oracle is not None:
        colour_of[summary.oracle.name] = ORACLE
    return colour_of


def shared_colours(experiments: Sequence[Summary]) -> dict[str, str]:
    """The colour of each condition in several experiments. Conditions of the same name have the same colour.

    Args:
        experiments: the summary of each.
    """
    baselines: dict[str, str] = {}
    for each in experiments:
        own = colours(each)
        baselines |= {one.name: own[one.name] for one in (each.unaided, each.oracle) if one is not None}
    others = dict.fromkeys(one.name for each in experiments for one in each.others if one.name not in baselines)
    return {name: OTHERS[i % len(OTHERS)] for i, name in enumerate(others)} | baselines


def palette(variables: Mapping[str, str], shades: Mapping[str, str]) -> dict[str, str]:
    """The CSS variables of a page's colours, by what ``svg`` finds in a figure.

    Args:
        variables: of conditions, by name.
        shades: the colours of conditions, by name.
    """
    paper = {INK: "ink", MUTED: "muted", RULE: "rule", PAPER: "paper"}
    return paper | {shade: variables[name] for name, shade in shades.items()}


def style() -> AbstractContextManager[None]:
    """How all figures look. Fixed ids and no date: equal figures are equal files."""
    return matplotlib.rc_context(
        {
            "font.family": "DejaVu Sans",
            "font.size": 9,
            "text.color": INK,
            "axes.edgecolor": RULE,
            "axes.labelcolor": MUTED,
            "axes.linewidth": 0.8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "xtick.major.size": 0,
            "ytick.major.size": 0,
            "svg.fonttype": "none",
            "svg.hashsalt": "rrm",
            "axes.unicode_minus": True,
            "text.parse_math": False,  # a $ in a name is a dollar
            "text.usetex": False,
        }
    )


def canvas(height: float, *, across: int = 1, down: int = 1, width: float = WIDTH) -> tuple[Figure, list[Axes]]:
    """A figure with panels; no global state is touched.

    Args:
        height: of a panel, in inches.
        across: panels in a row.
        down: rows.
        width: of a panel, in inches.
    """
    figure = Figure(figsize=(width * across, height * down), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(down, across, squeeze=False)
    return figure, list(axes.flat)


def png(figure: Figure, path: Path) -> Path:
    """Write a figure on white paper.

    Args:
        figure: the figure.
        path: of the file.

    Returns:
        The path.
    """
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=200, facecolor="white", metadata={"Software": None})
    return write_bytes(path, out.getvalue())


def tip(text: str) -> str:
    """A gid that ``svg`` makes into the artist's tooltip.

    Args:
        text: of the tooltip.
    """
    return TIP + quote(text)  # of letters alone, whatever the text: so the gid is found in the figure


def svg(figure: Figure, label: str, palette: Mapping[str, str]) -> str:
    """A figure for the inside of a page: its text is the page's, its colours follow the page's variables. An artist
    whose gid is made by ``tip`` has a tooltip.

    Args:
        figure: the figure.
        label: the text for screen readers.
        palette: the names of CSS variables, by colour.
    """
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = out.getvalue()
    text = text[text.index("<svg") :]
    for colour, variable in palette.items():
        text = text.replace(colour, f"var(--{variable})")
    text = re.sub(r"font: ([^;\"]*?)(\d[\d.]*px)[^;\"]*", r"font-size: \2", text)
    text = re.sub(r"font-family: [^;\"]*;?", "", text)
    text = re.sub(rf"<g id=\"{TIP}([^\"]*)\">", lambda match: f"<g><title>{escape(unquote(match[1]))}</title>", text)
    text = re.sub(r"<g id=\"[a-z]+[0-9a-z]*_\d+\">", "<g>", text)  # many figures share a page, ids must not meet
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text).groups()  # type: ignore[union-attr]
    head = f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height}">'
    return re.sub(r"<svg[^>]*>", lambda _: head, text, count=1)


# --- Every seed as a dot --------------------------------------------------------------------------------------------


def dots_height(rows: int) -> float:
    """Inches that ``dots`` needs.

    Args:
        rows: how many conditions.
    """
    return 0.62 + 0.52 * rows


def dots(ax: Axes, rows: Sequence[Condition], key: str, shades: Mapping[str, str], summary: Summary) -> None:
    """One row for each condition: its seeds as dots, its interquartile mean as a stroke, its interval as a bar.

    Args:
        ax: where it is drawn.
        rows: the conditions.
        key: the figure, ``utility`` or ``gap_recovered``.
        shades: the colours of conditions, by name.
        summary: of the experiment.
    """
    gap = key == "gap_recovered"
    style: Style = share if gap else amount
    values = [value for row in rows for value in _seeds(row, key)]
    values += [x for row in rows if (estimate := row.figures[key]) for x in estimate if x is not None]
    low, high = min([*values, *([0.0] if gap else [])]), max([*values, *([1.0] if gap else [])])
    if gap:  # one seed with hardly a gap of its own must not squeeze all others into a point
        low, high = max(low, -1.0), min(high, 2.0)
    room = 0.06 * (high - low or 1.0)
    ax.set_xlim(low - room, high + room)
    ax.set_ylim(len(rows) - 0.35, -0.75)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: style(x)))
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    if gap:
        for x, baseline in ((0.0, summary.unaided), (1.0, summary.oracle)):
            ax.vlines([x] * len(rows), np.arange(len(rows)) - 0.2, np.arange(len(rows)) + 0.2, RULE, lw=1.6, zorder=0)
            if baseline is not None:
                ax.annotate(
                    baseline.name, (x, 0), (0, -20), xycoords=("data", "axes fraction"), textcoords="offset points",
                    ha="center", va="top", color=shades[baseline.name], fontsize=8,
                )  # fmt: skip
    for y, row in enumerate(rows):
        estimate, shade = row.figures[key], shades[row.name]
        if estimate is not None:
            if estimate.low is not None and estimate.high is not None:
                ends = [estimate.low, estimate.high]
                ax.plot(ends, [y, y], color=shade, lw=9, alpha=0.22, solid_capstyle="butt", zorder=1)
            ax.plot([estimate.value] * 2, [y - 0.17, y + 0.17], color=shade, lw=2.4, solid_capstyle="butt", zorder=3)
        seeds = _seeds(row, key)
        heights = y + np.resize([0.0, -0.07, 0.07], len(seeds))
        for x, height in zip(seeds, heights, strict=True):
            inside = low - room <= x <= high + room
            ax.plot(
                np.clip(x, low - room / 2, high + room / 2), height, marker="o" if inside else "<" if x < low else ">",
                ms=5.5, mfc=shade, mec=PAPER, mew=0.7, alpha=0.85, zorder=4, clip_on=False,
            )  # fmt: skip
        ax.axhline(y, color=RULE, lw=0.8, zorder=0)
        text = "undefined" if estimate is None else style(estimate.value)
        ax.annotate(
            f"{row.name}\u2002{text}", (0.0, y), (0, 10), xycoords=("axes fraction", "data"),
            textcoords="offset points", color=shade, fontweight="bold", va="bottom", fontsize=9,
        )  # fmt: skip


def _seeds(row: Condition, key: str) -> list[float]:
    values = [seed.gap_recovered if key == "gap_recovered" else seed.figures[key] for seed in row.seeds]
    return [value for value in values if value is not None]


# --- What it costs --------------------------------------------------------------------------------------------------

COSTS = (
    ("labels", "labels asked"),
    ("fields_read", "fields the evaluator read for them"),
    ("assistant_steps", "steps assistants took for them"),
)


def cost_height(rows: int) -> float:
    """Inches that ``cost`` needs for each of ``COSTS``.

    Args:
        rows: how many conditions.
    """
    return 0.34 + 0.2 * rows


def cost(ax: Axes, rows: Sequence[Condition], key: str, title: str, shades: Mapping[str, str]) -> None:
    """One bar for each condition.

    Args:
        ax: where it is drawn.
        rows: the conditions.
        key: the figure, one of ``COSTS``.
        title: of the panel.
        shades: the colours of conditions, by name.
    """
    values = [row.known(key).value for row in rows]
    ax.barh(range(len(rows)), values, height=0.62, color=[shades[row.name] for row in rows], alpha=0.85)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(0, 1.25 * (max(values) or 1.0))
    ax.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=8.5)
    for label, row in zip(ax.get_yticklabels(), rows, strict=True):
        label.set_color(shades[row.name])
    ax.set_xticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_title(title, loc="left", fontsize=9, color=INK)
    for y, value in enumerate(values):
        ax.annotate(
            count(value), (value, y), (4, 0), textcoords="offset points", va="center", fontsize=8.5, color=MUTED
        )
