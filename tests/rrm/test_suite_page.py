"""The page of a suite: true to its figures, whole in itself, the same for the same results."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rrm.errors import DamagedFileError
from rrm.report import formats, suite_page
from rrm.report.summary import Summary, parse_summary
from rrm.report.terminal import suite_table
from rrm.storage import rundir
from tests.helpers.runs import STORY, Made, write_run
from tests.rrm.test_report import Checker

NO_GAP = {**STORY, "oracle": replace(STORY["oracle"], utility=-3.3, noise=0.5)}
POOR = {**STORY, "assisted": Made(-2.9, -0.5, 0.8, assistants="trained"), "only_here": Made(-2.9, -2.9, 0.0)}


def write_suite(folder: Path, **experiments: Mapping[str, Made]) -> Path:
    summaries = []
    for name, conditions in experiments.items():
        summary = json.loads((write_run(folder, conditions, name=name) / "summary.json").read_text())
        exact = {key: {"utility": -1.5, "gap_recovered": None if key == "unaided" else 0.75} for key in conditions}
        left_out = {"approval": "nobody judges actions"} if name == "poor" else {}
        summaries.append({**summary, "exact": exact if name != "poor" else None, "left_out": left_out})
    home = folder / "both"
    home.mkdir()
    rundir.write_sealed(home / "suite.json", {"suite": "both", "experiments": summaries})
    return home


def test_exact_figures_that_hang_on_ties_are_marked(tmp_path: Path) -> None:
    home = write_suite(tmp_path, story=STORY)
    summary = rundir.read_sealed(home / "suite.json")
    console = Console(width=140, record=True)

    def shown() -> tuple[str, str, str]:
        rundir.write_sealed(home / "suite.json", summary)
        suite_page.build(home)
        console.print(suite_table(summary))
        return console.export_text(), (home / "table.md").read_text(), (home / "report.html").read_text()

    assert not any("†" in text for text in shown())
    summary["experiments"][0]["exact"]["assisted"]["tied"] = ["utility"]
    for text in shown():
        assert text.count("†") == 2 and "−1.50 †" in text and "Hangs on which of equally good actions" in text


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = write_suite(tmp_path_factory.mktemp("runs"), story=STORY, poor=POOR, no_gap=NO_GAP)
    (home.parent / "story" / "report.html").touch()
    assert suite_page.build(home) == home / "report.html"
    return home


def plain(path: Path) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", path.read_text().split("<body>")[1]))


def test_the_page_is_whole_in_itself(built: Path) -> None:
    text = (built / "report.html").read_text()
    checker = Checker()
    checker.feed(text)
    assert not checker.open and not checker.fetched and not checker.tags & {"script", "link", "iframe", "object"}
    inner = [each for each in checker.references if not each.startswith("#")]
    assert inner == ["../story/report.html"]  # the other two have no report to lead to
    assert "http" not in text and text.count("<svg") == 3
    assert (built / "figures" / "tradeoff.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_says_what_was_found(built: Path) -> None:
    text = plain(built / "report.html")
    assert "ideal is both capable and honest in 2 of 3 experiments" in text  # assisted is in one
    assert "Without a gap" not in text and "Capable means at least 90 % of the gap recovered" in text
    assert text.count("Left out:") == 1 and "Left out: approval (nobody judges actions)." in text
    assert "only_here is safe but incapable" in text
    for summary in json.loads((built / "suite.json").read_text())["experiments"]:
        for one in parse_summary(summary).conditions:
            assert formats.amount(one.known("utility").value) in text
    assert "−1.50" in text and "75\u202f%".replace("\u202f", " ") in text.replace("\u202f", " ")


def test_equal_results_give_equal_files(built: Path, tmp_path: Path) -> None:
    again = write_suite(tmp_path, story=STORY, poor=POOR, no_gap=NO_GAP)
    (again.parent / "story" / "report.html").touch()
    suite_page.build(again)
    for name in ("report.html", "figures/tradeoff.png"):
        assert (built / name).read_bytes() == (again / name).read_bytes()


def test_a_suite_without_any_success_says_so() -> None:
    poor: list[Summary] = []
    assert suite_page.headline(poor) == "No condition is both capable and honest in any of the experiments"


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        '{"suite": "both"}',
        '{"suite": "both", "experiments": []}',
        '{"suite": "both", "experiments": [{"order": []}]}',
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: Any) -> None:
    if content is not None:
        (tmp_path / "suite.json").write_text(content)
    with pytest.raises(DamagedFileError, match=r"suite\.json: "):
        suite_page.build(tmp_path)
    assert not (tmp_path / "report.html").exists()
