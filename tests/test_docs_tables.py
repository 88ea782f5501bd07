"""Learnt tables of the docs: marked, named with their commands, and made again by one command."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from benchmarks import docs_tables
from benchmarks.docs_tables import Learnt
from tests.helpers.runs import STORY, Made, write_run

PRINT = "python -c \"print('| a | b |\\n| --- | --- |\\n| new | 2 |')\""


def test_every_learnt_table_is_marked_and_names_its_command() -> None:
    assert docs_tables.problems() == []


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one page with one table, in a list."""
    made = f"*Made by `{PRINT}` with rrm-gym 0.1.0, commit abc.*"
    (tmp_path / "docs").mkdir()
    path = tmp_path / "README.md"
    path.write_text(
        f"- Before\n\n  <!-- t -->\n  | a | b |\n  | --- | --- |\n  | old | 1 |\n\n  {made}\n  <!-- /t -->\n"
    )
    monkeypatch.setattr(docs_tables, "ROOT", tmp_path)
    monkeypatch.setattr(docs_tables, "TABLES", {"t": Learnt("README.md", [PRINT], "1 s", docs_tables.printed)})
    return path


def test_a_table_is_made_again_and_says_what_changed(page: Path) -> None:
    assert docs_tables.problems() == []
    changed = docs_tables.remake("t")
    assert [line for line in changed if "Made by" not in line] == ["-  | old | 1 |", "+  | new | 2 |"]
    assert "- Before\n\n  <!-- t -->\n  | a | b |\n  | --- | --- |\n  | new | 2 |\n\n  *Made by" in page.read_text()
    assert docs_tables.problems() == [] and docs_tables.remake("t") == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<!-- t -->", "", "README.md: 0 times <!-- t --> … <!-- /t -->, must be once"),
        ("*Made by", "*Perhaps by", "README.md: t: its last line must say *Made by"),
        ("- Before", "<!-- u -->\n<!-- /u -->", "<!-- /u --> is in no table of benchmarks/docs_tables.py"),
    ],
)
def test_what_is_wrong_is_said(page: Path, old: str, new: str, message: str) -> None:
    page.write_text(page.read_text().replace(old, new))
    (wrong,) = docs_tables.problems()
    assert wrong.startswith(message)


def test_tables_are_made_from_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(page.parent / "runs", {**STORY, "some": Made(-2.0, -1.0, 0.5)})
    table = partial(docs_tables.conditions, run="rooms", columns=docs_tables.USUAL)("")
    lines = dict(line.strip("| ").split(" | ", 1) for line in table.splitlines())
    assert list(lines) == ["condition", "---", *STORY, "some"]
    assert "in 3 of 3 seeds | – | 256" in lines["unaided"] and "to 71\u202f%), in 0 of 3 seeds" in lines["assisted"]
    assert ", 3 of 3 seeds ≥ 90\u202f% | 768" in lines["assisted"] and ", 0 of 3 seeds ≥ 90\u202f%" in lines["some"]
    seeds = docs_tables.each_seed("", "rooms", [("some", "utility"), ("unaided", "gap_recovered")]).splitlines()
    assert seeds[0] == "| seed | 0 | 1 | 2 |" and seeds[3] == "| unaided, gap recovered | – | – | – |"
