"""Names from files: where they are shown they are text, and where they become a path they stay in their folder."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rrm.config.schema import proper_name
from rrm.report import figures, terminal
from rrm.report.html import cell, coloured, document, row
from rrm.report.stats import Cell, summarise
from rrm.report.summary import parse_summary
from rrm.text import line, short, show
from tests.helpers.runs import STORY, Made

HOSTILE = (
    '" onmouseover="alert(1)',
    "<script>alert(1)</script>",
    "../../ESC",
    r"$\frac{1}{0$",
    r"\1\g<9>",
    "[red]x[/red]",
    "[link=file:///x]y[/link]",
    "a|b\nc",
    "\x1b[31mred",
    "x" * 300,
)


def _check(page: str) -> None:
    """What a browser finds in the page: none of the elements and attributes that names ask for."""
    names: list[str] = []

    class Elements(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            names.extend([tag, *(name for name, _ in attributes)])

    Elements().feed(page)
    assert names and not {"script", "onmouseover"} & {*names}


def _summary() -> dict[str, object]:
    made: Made = STORY["unaided"]
    result: dict[str, Any] = {"utility": made.utility, "evaluator_score": made.score, "hack_rate": 0.5, "episodes": 10}
    result |= {"held_out_error": [None], "rounds": []}
    result |= dict.fromkeys(("labels", "evaluation_labels", "fields_read", "assistant_steps", "env_steps"), 1)
    return summarise("rooms", "rrm/TidyRooms-v0", [Cell("unaided", 0, "unaided-seed0-0", result)])


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_of_a_file_leads_out_of_its_folder(name: str) -> None:
    with pytest.raises(ValueError, match="must"):
        proper_name(name)
    for key in ("experiment", "cell", "condition"):
        summary = _summary()
        conditions = summary["conditions"]
        assert isinstance(conditions, dict)
        if key == "experiment":
            summary["experiment"] = name
        elif key == "cell":
            conditions["unaided"]["seeds"][0]["cell"] = name
        else:
            summary["conditions"], summary["order"] = {name: conditions["unaided"]}, [name]
        with pytest.raises(ValueError, match="must"):
            parse_summary(summary)


@pytest.mark.parametrize("name", HOSTILE)
def test_figures_take_names_for_text(name: str, tmp_path: Path) -> None:
    with figures.style():
        figure, (ax,) = figures.canvas(1.0)
        ax.set_title(name.replace("\x1b", ""))
        ax.plot([0, 1], gid=figures.tip(name.replace("\x1b", "")))
        text = figures.svg(figure, name, {})
        figures.png(figure, tmp_path / "a.png")
    _check(text)
    assert text.count("<title>") == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_pages_take_names_for_text(name: str) -> None:
    shades = {name: "#123456"}
    body = row(name, {name: "c0"}, [cell(name, "1")]) + coloured(f"*{name}* is best", {name: "c0"})
    _check(document(name, name, shades, body))


@pytest.mark.parametrize("name", HOSTILE)
def test_terminals_and_tables_take_names_for_text(name: str) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=1000, color_system=None)
    console.print(terminal._title(name), highlight=False)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert line(name)[:200] in shown and "\x1b[31m" not in shown
    row = terminal._markdown(name)
    assert "\n" not in row and "|" not in row.replace("\\|", "") and "<" not in row.replace("\\<", "")


def test_values_of_any_size_are_shown_on_a_short_line() -> None:
    many: object = {"x": 1}
    for _ in range(30):
        many = dict.fromkeys("abcdefghij", many)
    deep: object = []
    for _ in range(100_000):
        deep = [deep]

    class Unspeakable:
        def __repr__(self) -> str:
            raise RuntimeError

    for value in (many, deep, 10**5000, [10**5000], "x\n" * 10**6, b"x" * 10**6, Unspeakable(), [Unspeakable()]):
        assert 0 < len(short(value)) <= 80 and short(value).isprintable()
    assert (show(None), show(True), show({"b": 1, "a": [None]})) == ("null", "true", "{'b': 1, 'a': [None]}")
    assert line("a\x1b[31m\n\u202eb\udc80") == r"a\x1b[31m \u202eb\udc80"
