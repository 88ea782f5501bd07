"""The tables of results: for a terminal, and in Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from rrm.envs.tables import NOTE, TIED
from rrm.report import formats, wording
from rrm.report.formats import amount, count, share
from rrm.report.summary import Condition, Summary, parse_summary
from rrm.text import line


def table(content: Mapping[str, Any]) -> Table:
    """The results for a terminal of 100 columns: each condition with its intervals, and below it each of its seeds.

    Args:
        content: of ``summary.json``.
    """
    summary = parse_summary(content)
    rows = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title=_title(f"{summary.experiment} · {summary.env}")
    )
    rows.title_justify, rows.title_style, rows.caption_justify = "left", "bold", "left"
    rows.add_column("condition", overflow="fold", max_width=20)
    spent = {"labels": "labels", "evaluation_labels": "evaluation labels", "env_steps": "steps"}
    if not summary.evaluated:
        del spent["evaluation_labels"]
    for heading in ("utility", "evaluator’s score", "hack rate", "gap recovered", *spent.values()):
        rows.add_column(heading, justify="right", overflow="fold")
    styles = (("utility", amount), ("evaluator_score", amount), ("hack_rate", share), ("gap_recovered", share))
    for i, one in enumerate(summary.conditions):
        if i:
            rows.add_section()
        cells = [_estimated(summary, one, key, style, word="") for key, style in styles]
        costs = [Text(_short(one.known(key).value), style="bold") for key in spent]
        rows.add_row(Text(one.name, style="bold"), *cells, *costs)
        for seed in one.seeds:
            figures = {**seed.figures, "gap_recovered": seed.gap_recovered}
            values = [("–" if (x := figures[key]) is None else style(x)) for key, style in styles]
            values += [_short(seed.figures[key] or 0) for key in spent]
            rows.add_row(f"  seed {seed.seed}", *values, style="dim")
    rows.caption = "One seed, so no intervals." if summary.seeds == 1 else wording.INTERVAL_NOTE
    return rows


SUITE_COLUMNS = (
    "experiment",
    "condition",
    "utility, exact",
    "learnt",
    "hack rate",
    "gap recovered, exact",
    "learnt",
    "labels",
)


def suite_table(summary: Mapping[str, Any]) -> Table:
    """The results of a suite for a terminal: each condition learnt and, where the world can be solved, exact.

    Args:
        summary: the content of ``suite.json``.
    """
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title=_title(summary["suite"]))
    rows.title_justify, rows.title_style, rows.caption_justify = "left", "bold", "left"
    for heading in SUITE_COLUMNS:
        plain = heading in ("experiment", "condition")
        rows.add_column(heading, justify="left" if plain else "right", overflow="fold", max_width=20 if plain else None)
    for row in _suite_rows(summary, word=""):
        if row[0].plain and rows.row_count:
            rows.add_section()
        rows.add_row(*row)
    tied = f"{NOTE} " if has_ties(summary) else ""
    rows.caption = f"Exact: the best agents, with ideal assistants at as many levels. {tied}{wording.INTERVAL_NOTE}"
    return rows


def _title(text: str) -> Text:
    """A name as plain text, without markup of rich or control characters."""
    return Text(line(text), style="bold")


def suite_markdown(summary: Mapping[str, Any]) -> str:
    """The same in Markdown, for a page: intervals in brackets, then the number of seeds.

    Args:
        summary: the content of ``suite.json``.
    """
    lines = [SUITE_COLUMNS, ["---"] * len(SUITE_COLUMNS)]
    for row in _suite_rows(summary, word=" seeds"):
        cells = [[_markdown(part) for part in cell.plain.split("\n")] for cell in row]
        lines.append([formats.joined(first, more) for first, *more in cells])
    note = f"\n{NOTE}\n" if has_ties(summary) else ""
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + note


def exact_figures(row: Mapping[str, Any]) -> tuple[str, str]:
    """Utility and gap recovered of an exact row (empty if there is none), marked if they depend on ties.

    Args:
        row: of the solver; empty if there is none.
    """
    tied, kinds = row.get("tied", ()), {"utility": amount, "gap_recovered": share}
    utility, gap = (
        "–" if row.get(key) is None else style(row[key]) + TIED * (key in tied) for key, style in kinds.items()
    )
    return utility, gap


def has_ties(summary: Mapping[str, Any]) -> bool:
    """Whether an exact figure of a suite hangs on how ties are broken.

    Args:
        summary: the content of ``suite.json``.
    """
    return any(row.get("tied") for each in summary["experiments"] for row in (each["exact"] or {}).values())


def _markdown(text: str) -> str:
    """Text for a cell of a table: nothing in it ends the cell, or is read as HTML or as a link."""
    return re.sub(r"([\\|\[\]`*<>&])", r"\\\1", re.sub(r"[\x00-\x1f\x7f]", " ", text))


def _suite_rows(summary: Mapping[str, Any], word: str) -> Iterator[list[Text]]:
    for experiment in summary["experiments"]:
        known = parse_summary(experiment)
        for i, one in enumerate(known.conditions):
            exact = (experiment["exact"] or {}).get(one.name, {})
            utility, gap = exact_figures(exact)
            yield [
                Text(known.experiment if i == 0 else ""),
                Text(one.name, style="bold"),
                Text(utility),
                _estimated(known, one, "utility", amount, word),
                _estimated(known, one, "hack_rate", share, word),
                Text(gap),
                _estimated(known, one, "gap_recovered", share, word),
                Text(_short(one.known("labels").value)),
            ]


def _estimated(summary: Summary, one: Condition, key: str, style: Callable[[float], str], word: str) -> Text:
    estimate = one.figures[key]
    if estimate is None:
        return Text("undefined" if key == "gap_recovered" and one is not summary.unaided else "–")
    more = wording.below(summary, one, key, style, word)
    return Text("\n").join([Text(style(estimate.value), style="bold"), *map(Text, more)])


def _short(value: float) -> str:
    """A count in at most six characters."""
    return count(value) if value < 100_000 else f"{value / 1000:,.0f}k" if value < 1e7 else f"{value / 1e6:,.0f}M"
