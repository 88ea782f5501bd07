"""The tutorial, docs/your_own_method.md, done word for word: a distiller, a learner and an amplifier of one's own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rrm
from rrm.config.load import load
from rrm.errors import ConfigError, RRMError
from rrm.rounds.plan import Plan, plan
from tests.helpers.tiny import LINE
from tests.helpers.training import SHORT, left_by, stop_after, stopped, train

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "your_own_method.md").read_text(encoding="utf-8")
FEW = ("seeds=1", "workers=1", "episodes=20", "task.steps=2_560", "assistant.steps=10_240", "learner.num_envs=32")
"""Overrides with which the experiments take seconds."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


COMMANDS = {re.findall(r"(\w+)=\w+\.py:", each)[0]: each.split() for each in reversed(blocks("sh"))}
"""The first command of each slot."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the page has its reader write; it is the working directory."""
    for code in blocks("python"):
        (tmp_path / code.splitlines()[0].removeprefix("# ")).write_text(code, encoding="utf-8")
    (experiment,) = blocks("yaml")
    (tmp_path / "rooms.yaml").write_text(experiment, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_distiller_is_short(home: Path) -> None:
    code = (home / "clone.py").read_text(encoding="utf-8").partition("class Clone")[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 45


@pytest.mark.parametrize("slot", ["distill", "learner", "amplify"])
def test_the_commands_run_and_the_report_shows_them(home: Path, slot: str) -> None:
    command, verb, preset, *overrides = COMMANDS[slot]
    assert (command, verb) == ("rrm", "run")
    results = rrm.run(preset, *overrides, *FEW, live=False)
    assert set(results.summary["conditions"]) == {"unaided", "assisted", "ideal", "oracle"}
    report = (results.folder / "report.html").read_text(encoding="utf-8")
    assert all(name in report for name in ("unaided", "assisted"))
    labels = {name: each["labels"]["iqm"] for name, each in results.summary["conditions"].items()}
    assert (not any(labels.values())) == (slot == "distill"), labels
    assert ("narrow" in report) == (slot != "distill")
    trained = {
        json.loads(path.read_text(encoding="utf-8"))["algorithm"]
        for path in (results.folder / "rounds").glob("*/agent.json")
    }
    assert trained == {"distill": {"clone.py:Clone", "PPO"}, "learner": {"A2C"}, "amplify": {"PPO"}}[slot]


def last_round(*overrides: str, condition: str = "unaided", **settings: Any) -> Plan:
    return plan(load({**SHORT, "env": LINE, **settings}, overrides).conditions[condition], 0)


ONES_OWN: list[tuple[str, str, Callable[[], Plan]]] = [
    ("distill", "clone", lambda: last_round("distill=clone.py:Clone", "distill.rollouts=4", "distill.updates=5")),
    ("learner", "actor", lambda: last_round("learner=actor.py:Actor")),
    ("amplify", "twice", lambda: last_round("amplify=twice.py:Twice", condition="assisted")),
]


@pytest.mark.parametrize(("slot", "file", "last"), ONES_OWN)
def test_they_resume_bit_exactly(home: Path, slot: str, file: str, last: Callable[[], Plan]) -> None:
    train(last(), home / "whole")
    for _ in range(2):
        stopped(last(), home / "parts", stop_after(2))
    train(last(), home / "parts")
    assert left_by(last(), home / "parts") == left_by(last(), home / "whole")


@pytest.mark.parametrize(("slot", "file", "last"), ONES_OWN)
def test_their_code_and_settings_are_in_the_rounds_names(
    home: Path, slot: str, file: str, last: Callable[[], Plan]
) -> None:
    before = last()
    assert before.name == last().name != last_round(condition="assisted" if slot == "amplify" else "unaided").name
    path = home / f"{file}.py"
    code = path.read_text(encoding="utf-8")
    path.write_text(f"{code}\n\ndef unused():\n    return 3\n", encoding="utf-8")
    assert last().name == before.name, "what is not referred to changes nothing"
    path.write_text(re.sub(r"( +)(super\(\).__init__|return self.clone|yield )", r"\1print()\n\1\2", code, count=1))
    assert last().name != before.name


def test_settings_at_their_defaults_are_not_in_the_name(home: Path) -> None:
    plain = last_round("distill=clone.py:Clone")
    assert last_round("distill=clone.py:Clone", "distill.updates=100").name == plain.name
    assert last_round("distill=clone.py:Clone", "distill.updates=99").name != plain.name
    assert last_round(distill={"method": "clone.py:Clone", "updates": 99}).content["distill"]["settings"] == {
        "updates": 99
    }


def test_what_is_of_no_meaning_for_it_is_not_in_the_name(home: Path) -> None:
    names = {last_round(f"distill.hidden={hidden}", "distill=clone.py:Clone").name for hidden in (8, 9)}
    assert names == {last_round("distill=clone.py:Clone").name}


def test_the_oracle_stays_what_it_is(home: Path) -> None:
    assert last_round("distill=clone.py:Clone", condition="oracle").name == last_round(condition="oracle").name


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("distill=clone.py:Clown", "distill.method: 'clone.py:Clown': clone.py has no 'Clown'; did you mean 'Clone'?"),
        ("distill=nowhere.py:Clone", "distill.method: 'nowhere.py:Clone': there is no file nowhere.py"),
        ("distill=reward_modelling", "distill.method: 'reward_modelling' is not a registered distill.method"),
        ("distill=twice.py:Twice", "distill.method: 'twice.py:Twice': must be a class with the methods rollout, agent"),
        (
            "learner=clone.py:Clone",
            "learner.algorithm: 'clone.py:Clone': must be a class with the methods learn_rollout",
        ),
        ("distill={method: clone.py:Clone, updates: -1}", "distill.updates: -1: must be at least 0"),
        (
            "distill={method: clone.py:Clone, update: 1}",
            "distill={method: clone.py:Clone, update: 1}: no such key where distill.method is 'clone.py:Clone'; did",
        ),
        ("distill.updates=1", "distill.updates=1: no such key where distill.method is 'reward_modeling'"),
        (
            "distill={method: clone.py:Clone, hidden: 8}",
            "distill.hidden: 8: no such key where distill.method is 'clone.py:Clone'; it is a key of reward_modeling",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(home: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        last_round(override)
    text = str(caught.value)
    assert "\n" not in text and text.removeprefix("conditions.unaided.").startswith(message), text


def test_settings_that_are_no_model_are_refused(home: Path) -> None:
    path = home / "clone.py"
    path.write_text(path.read_text(encoding="utf-8").replace("class Settings(BaseModel)", "class Settings"), "utf-8")
    with pytest.raises(ConfigError, match=r"'clone\.py:Clone': Settings must be a subclass of pydantic\.BaseModel$"):
        last_round("distill=clone.py:Clone")


def test_a_reading_of_the_folder_imports_nothing_of_it(home: Path) -> None:
    last = last_round("distill=clone.py:Clone", "distill.rollouts=2", "distill.updates=5")
    train(last, home / "rounds")
    (home / "clone.py").unlink()
    about = json.loads((home / "rounds" / last.name / "round.json").read_text(encoding="utf-8"))
    assert about["distill"]["method"].startswith("clone.py:Clone ")
    agent = rrm.load_agent(home / "rounds" / last.name)
    assert agent.make_world(1).name == last.world(1).name


BROKEN: list[tuple[str, str, str, str]] = [  # file, in it this, instead of that; the message
    ("clone", "        world, seen", "        raise ValueError('no')\n        world, seen", "ValueError: no, at "),
    ("clone", "        world, seen", "        raise SystemExit(3)\n        world, seen", "SystemExit: 3, at "),
    (
        "clone",
        "        world, seen",
        "        raise KeyboardInterrupt('a')\n        world, seen",
        "KeyboardInterrupt: a, at ",
    ),
    (
        "clone",
        "        world, seen",
        "        raise GeneratorExit\n        world, seen",
        "GeneratorExit: raise GeneratorExit, at ",
    ),
    ("clone", "__init__(self, context)", "__init__(self, context, more)", "missing 1 required positional argument"),
    ("clone", '"steps": self.steps}\n', '"steps": print}\n', "is not JSON serializable"),
    ("clone", 'return {"env_steps": self.steps}', "return None", "TypeError: "),
    ("clone", "return self.clone\n", "return 3\n", "AttributeError: "),
    ("actor", "settings, window, judging", "settings", "got an unexpected keyword argument 'window'"),
    ("actor", "        a2c =", "        raise RuntimeError('lost')\n        a2c =", "RuntimeError: lost, at "),
    ("twice", "        first, second", "        raise KeyError('no')\n        first, second", "KeyError: 'no', at "),
    ("twice", "            yield replace", "            return\n            yield replace", "no judgment of clip 0"),
]


@pytest.mark.parametrize(("file", "this", "that", "message"), BROKEN)
def test_what_fails_in_them_is_said_in_one_line(home: Path, file: str, this: str, that: str, message: str) -> None:
    path = home / f"{file}.py"
    code = path.read_text(encoding="utf-8")
    assert code.count(this) == 1
    path.write_text(code.replace(this, that), encoding="utf-8")
    slot, spec = {
        "clone": ("distill.method", "clone.py:Clone"),
        "actor": ("learner.algorithm", "actor.py:Actor"),
        "twice": ("amplify.method", "twice.py:Twice"),
    }[file]
    rollouts = ("distill.rollouts=1", "distill.updates=1") if file == "clone" else ()
    with pytest.raises(RRMError) as caught:
        train(last_round(f"{slot}={spec}", *rollouts), home / "rounds")
    text = str(caught.value)
    assert message in text and "\n" not in text
    if "no judgment" not in message:
        assert text.startswith(f"{slot}: {spec!r}: fails: ") and text.endswith("; what is done is kept")


def test_an_unknown_column_is_refused_with_the_first_rollout(home: Path) -> None:
    path = home / "clone.py"
    code = path.read_text(encoding="utf-8")
    path.write_text(
        code.replace('"env_steps": self.steps}\n', '"env_steps": self.steps, "labls": 0}\n', 1), encoding="utf-8"
    )
    rows: list[object] = []
    with pytest.raises(RRMError) as caught:
        train(last_round("distill=clone.py:Clone"), home / "rounds", lambda _, row: rows.append(row))
    message = "distill.method: 'clone.py:Clone': rollout returned 'labls', which is no column of metrics.csv"
    assert str(caught.value) == f"{message}; did you mean 'labels'?" and not any(rows)


def test_a_load_state_that_fails_is_no_damaged_checkpoint(home: Path) -> None:
    path = home / "clone.py"
    code = path.read_text(encoding="utf-8")
    path.write_text(code.replace('values["episodes"]', 'values["episode"]'), encoding="utf-8")
    last = last_round("distill=clone.py:Clone", "distill.rollouts=4", "distill.updates=5")
    stopped(last, home / "rounds", stop_after(2))
    with pytest.raises(RRMError, match=r"fails: KeyError: 'episode', at clone\.py, line \d+; what is done is kept$"):
        train(last, home / "rounds")
    assert (home / "rounds" / last.name / "checkpoint.json").exists()


def test_figures_that_are_measured_stand_above_what_a_distiller_says(home: Path) -> None:
    path = home / "clone.py"
    code = path.read_text(encoding="utf-8") + "\n    def summary(self):\n        return {'utility': 9.0, 'labels': 7}\n"
    path.write_text(code, encoding="utf-8")
    (result,) = train(last_round("distill=clone.py:Clone", "distill.rollouts=1", "distill.updates=1"), home / "rounds")
    assert result["utility"] <= 0 and result["labels"] == 0


@pytest.mark.parametrize(("slot", "file", "last"), ONES_OWN)
def test_edited_code_does_not_train_under_the_name_of_the_old(
    home: Path, slot: str, file: str, last: Callable[[], Plan]
) -> None:
    before, path = last(), home / f"{file}.py"
    assert before.name  # what it is named after is known by now
    code = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"( +)(super\(\).__init__|return self.clone|yield )", r"\1print()\n\1\2", code, count=1))
    with pytest.raises(ConfigError, match=rf"{slot}: '{file}\.py:\w+': is not what it was when the run began"):
        train(before, home / "rounds")
