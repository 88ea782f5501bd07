"""The tutorial, docs/your_own_family.md, done word for word in an empty folder."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "your_own_family.md").read_text(encoding="utf-8")

FEW = "seeds=1 workers=1 episodes=20 task.steps=4_608 assistant.steps=3_072"
"""Overrides with which the experiment takes seconds."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder that holds the two files which the page has its reader write."""
    (tmp_path / "my_worlds.py").write_text("\n".join(blocks("python")), encoding="utf-8")
    (experiment,) = blocks("yaml")
    (tmp_path / "bakery.yaml").write_text(experiment, encoding="utf-8")
    return tmp_path


def python(code: str, home: Path, *arguments: str) -> str:
    """What ``code`` prints, run in a process of its own, so that the toy's id is registered nowhere else."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rrm(home: Path, command: str, more: str = "") -> str:
    """What a command of the page prints; its exit status is 0."""
    assert f"{command}\n" in blocks("sh")
    return python("import sys; from rrm.cli import main; sys.exit(main())", home, *f"{command} {more}".split()[1:])


def test_all_checks_pass_as_shown(home: Path) -> None:
    shown = blocks("text")[0]
    assert rrm(home, "rrm check my_worlds:mine/Bakery-v0") == shown
    marks = [line[:6] for line in shown.splitlines()]
    assert marks.count("passed") == len(marks) - 2
    assert [line.strip() for line in shown.splitlines() if line[:6] != "passed"] == [
        "an evaluator is shown: the view of the moment judged",
        "the assistant of level 1 is useful: its world has no table",
    ]
    for point in ("the evaluator is fooled", "help closes the gap", "training matters", "control, ", "ties"):
        assert f"passed  {point}" in shown


def test_the_admission_checks_refuse_the_better_oven_as_shown(home: Path) -> None:
    code = """
from my_worlds import Bakery
from rrm.envs.admission import admission_checks
print(*(point for point in admission_checks(Bakery(1, burns=0.3)) if point.passed is False), sep="\\n")
"""
    assert python(code, home) == blocks("text")[1]


def test_the_exact_solution_is_the_one_shown(home: Path) -> None:
    printed = rrm(home, "rrm exact my_worlds:mine/Bakery-v0")
    (table,) = re.findall(r"^\| the agent is rewarded.*?\n\n", PAGE, re.M | re.S)
    assert table in printed


def test_the_experiment_trains(home: Path) -> None:
    assert len((home / "bakery.yaml").read_text(encoding="utf-8").splitlines()) == 6
    rrm(home, "rrm run bakery.yaml", f"--quiet {FEW}")
    conditions = json.loads((home / "runs" / "bakery" / "summary.json").read_text(encoding="utf-8"))["conditions"]
    assert set(conditions) == {"unaided", "assisted", "ideal", "oracle"}
    reached = {name: each["utility"]["iqm"] for name, each in conditions.items()}
    assert reached["unaided"] < -3 < reached["oracle"], reached
