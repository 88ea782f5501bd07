"""docs/evaluators.md, done word for word in an empty folder, with less training."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shlex
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import rrm
import rrm.evaluators.loading
from rrm.cli import app
from rrm.config.load import load
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.evaluators import Committee, Flawed, Teacher, resolve
from rrm.evaluators.spec import ASKING
from rrm.evaluators.teacher import PRESETS
from tests.helpers.judging import some_clips

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "evaluators.md").read_text(encoding="utf-8")

FEW = [
    "--quiet",
    *("seeds=1", "workers=1", "episodes=20", "task.steps=4_608", "task.labels=20", "task.initial_labels=10"),
    *("learner={num_envs: 64, n_steps: 16, batch_size: 256}", "distill.fit_steps=5"),
]
"""Overrides with which each experiment takes seconds."""

ALONE = ["conditions.assisted.assistants=none", "conditions.ideal.assistants=none"]
"""The same for the preset: one round serves three of its conditions."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


COMMANDS = [line.split(maxsplit=2)[2] for block in blocks("sh") for line in block.splitlines()]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "judges.py").write_text("\n".join(blocks("python")), encoding="utf-8")
    (experiment,) = blocks("yaml")
    (tmp_path / "teacher.yaml").write_text(experiment, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_trains(home: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr("rrm.report.build.build", lambda folder, worlds: None)
    preset = command.startswith("tidy_rooms")
    done = CliRunner().invoke(app, ["run", *shlex.split(command), *FEW, *ALONE * preset])
    assert done.exit_code == 0, f"{done.output} {done.exception!r}"
    (summary,) = home.glob("runs/*/summary.json")
    results = json.loads(summary.read_text(encoding="utf-8"))
    assert results["conditions"][results["baselines"]["unaided"]]["labels"]["iqm"] == 20


def test_the_entry_point_is_a_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project,) = blocks("toml")
    ((name, value),) = tomllib.loads(project)["project"]["entry-points"]["rrm.evaluators"].items()
    entry_point = EntryPoint(name, value.replace("my_package.judges", "judges"), "rrm.evaluators")
    monkeypatch.setattr(rrm.evaluators.loading, "entry_points", lambda *, group: [entry_point])
    monkeypatch.syspath_prepend(home)
    strict: Any = resolve({"name": "strict", "grudge": 0.2})(TidyRooms(1))
    assert type(strict).__name__ == "Strict" and strict.grudge == 0.2 and strict.stateful
    assert strict.score(some_clips(3)).shape == (3,)
    assert importlib.metadata.entry_points(group="rrm.evaluators") is not None


def test_every_flaw_and_preset_is_in_its_table() -> None:
    judge = resolve("bounded")(TidyRooms(1))
    flaws = set(re.findall(r"^\| `(\w+): [^|]+` \|", PAGE, re.M)) - {"beta", *ASKING}
    parameters = set(Flawed.__init__.__annotations__) - {"of", "world", "return"}
    assert parameters == flaws
    assert Flawed(judge).name and Committee([judge]).by == "mean"
    presets = re.findall(r"^\| `(\w+)` \| (?:`(\w+): ([\d.]+)`)?", PAGE, re.M)
    assert {name: {knob: float(value)} if knob else {} for name, knob, value in presets} == PRESETS
    assert Teacher(TidyRooms(1)).preset == "oracle"


def test_the_function_of_the_page_may_be_given_as_itself(home: Path) -> None:
    names: dict[str, Any] = {"__name__": "judges"}
    exec("\n".join(blocks("python")), names)
    assert load("tidy_rooms", evaluator=names["careful"]).conditions["unaided"].evaluator is names["careful"]
    assert issubclass(names["Preferring"], rrm.Evaluator)
