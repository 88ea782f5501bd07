"""What a configuration names: environments and evaluators in files, packages, and settings that no schema knows."""

from __future__ import annotations

import importlib
import json
import logging
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import pytest

import rrm
from rrm.config.load import load
from rrm.envs.adapters import make_world
from rrm.envs.named import UntrustedError, named_world
from rrm.envs.user_errors import is_own, is_theirs
from rrm.envs.wrapped import probe
from rrm.errors import ConfigError, RRMError
from rrm.experiment.engines import train as train_in_engine
from rrm.experiment.notices import notices
from rrm.rounds.checks import check_code
from rrm.rounds.plan import plan
from tests.helpers.foreign import Walk
from tests.helpers.training import modeling, train
from tests.rrm.test_any_env import TINY

MINE = """
import gymnasium
from tests.helpers.training import modeling


class Base(gymnasium.Wrapper):
    def __init__(self, bonus=0.0):
        super().__init__(gymnasium.make("CartPole-v1", max_episode_steps={steps}))
        self.bonus = bonus

    def step(self, action):
        observation, reward, *rest = self.env.step(action)
        return observation, reward + self.bonus, *rest


number = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mine.py").write_text(MINE.replace("{steps}", "9"))
    return tmp_path


def refused(**settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load({**TINY, **settings})
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Files


def test_an_environment_in_a_file(folder: Path) -> None:
    for env in ("mine.py:Base", str(folder / "mine.py:Base")):
        condition = load({**TINY, "env": env, "env_settings": {"bonus": 2.0}}).conditions["oracle"]
        assert condition.world(1).length == 9 and json.loads(condition.model_dump_json())["env"] == env
    with pytest.raises(UntrustedError, match="is not registered in this process"):
        named_world("mine.py:Base", 1, {})
    assert named_world("mine.py:Base", 1, {}, trust=True).length == 9


def test_an_edited_file_is_another_environment(folder: Path) -> None:
    assert make_world("mine.py:Base", 1).length == 9
    (folder / "mine.py").write_text(MINE.replace("{steps}", "7"))
    assert make_world("mine.py:Base", 1).length == 7


def test_a_module_that_is_edited_is_another_environment(folder: Path) -> None:
    sys.path.append(str(folder))
    (folder / "mine_too.py").write_text(MINE.replace("{steps}", "9"))
    assert make_world("mine_too:Base", 1).length == 9
    (folder / "mine_too.py").write_text(MINE.replace("{steps}", "7"))
    assert make_world("mine_too:Base", 1).length == 7
    del sys.modules["mine_too"]


@pytest.mark.parametrize("env", ["mine.py:Base", "mine_then:Base"])
def test_an_environment_edited_while_a_round_trains_is_the_one_that_it_began_with(folder: Path, env: str) -> None:
    sys.path.append(str(folder))
    file = folder / f"{env.partition(':')[0].removesuffix('.py')}.py"

    def text(bonus: float) -> str:
        return MINE.replace("{steps}", "9").replace("self.bonus = bonus", f"self.bonus = {bonus}")

    def edit(_: object, row: object) -> None:
        if row is not None:
            file.write_text(text(bonus=100.0))

    file.write_text(text(bonus=0.0))
    last = plan(load({**TINY, "env": env}).conditions["oracle"], 0)
    (whole,) = train(last, folder / "whole")
    assert 0 < whole["utility"] <= 9
    (edited,) = train(last, folder / "edited", edit)
    assert edited["utility"] == whole["utility"]
    again = plan(load({**TINY, "env": env}).conditions["oracle"], 0)
    assert again.name != last.name and train(again, folder / "again")[0]["utility"] > 100


def test_a_round_does_not_begin_with_other_code_than_it_is_named_after(folder: Path) -> None:
    last = plan(load({**TINY, "env": "mine.py:Base"}).conditions["oracle"], 0)
    assert last.name
    (folder / "mine.py").write_text(MINE.replace("{steps}", "7"))
    with pytest.raises(ConfigError, match=r"^env: 'mine\.py:Base': is not what it was when the run began: "):
        train(last, folder / "rounds")
    assert not (folder / "rounds" / last.name / "round.json").exists()
    (folder / "mine.py").write_text("1 / 0")
    probe.remember(probe.known("mine.py:Base"))
    with pytest.raises(RRMError, match=r"^env: 'mine\.py:Base' running mine\.py fails: ZeroDivisionError: .*line 1$"):
        train_in_engine(last, folder / "rounds", lambda row: None, lambda: None)


@pytest.mark.parametrize("key", ["env", "evaluator"])
def test_nor_in_another_process_that_imports_what_was_given_as_an_object(folder: Path, key: str) -> None:
    sys.path.append(str(folder))
    judge = "\n\ndef judge(clip):\n    return clip.view['obs0']\n"
    name = f"given_{key}"
    (folder / f"{name}.py").write_text(MINE.replace("{steps}", "9") + judge)
    module = importlib.import_module(name)
    given: Any = {"env": module.Base, "evaluator": module.judge}[key]
    last = plan(load({**TINY, "env": "CartPole-v1", key: given}).conditions["unaided"], 0)
    assert last.name
    sent = pickle.dumps(last)
    check_code(pickle.loads(sent))
    text = (folder / f"{name}.py").read_text()
    (folder / f"{name}.py").write_text(text.replace("= bonus", "= 2 * bonus").replace("'obs0'", "'obs2'"))
    del sys.modules[name]
    importlib.invalidate_caches()
    with pytest.raises(ConfigError, match=rf"^{key}: .* is not what it was when the run began: "):
        check_code(pickle.loads(sent))


def test_what_is_not_in_a_file_is_refused(folder: Path) -> None:
    (folder / "broken.py").write_text("x = 1\ny = 1 / 0\n")
    assert refused(env="none.py:Base") == "env: 'none.py:Base': there is no file none.py"
    assert refused(env="mine.py:Bas") == "env: 'mine.py:Bas': mine.py has no 'Bas'; did you mean 'Base'?"
    assert "mine.py has no 'number'" in refused(env="mine.py:number")
    broken = refused(env="broken.py:Base")
    assert broken.endswith("running broken.py fails: ZeroDivisionError: division by zero, at broken.py, line 2")


def test_names_in_a_yaml_are_looked_for_beside_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "judging_beside.py").write_text("def judge(clip):\n    return clip.view['obs0']\n")
    evaluator = "{of: {committee: ['judging_beside.py:judge', 'judging_beside:judge']}, noise: 0.1}"
    (folder / "x.yaml").write_text(f"env: mine.py:Base\nconditions:\n  unaided: {{evaluator: {evaluator}}}\n")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    condition = load("../x.yaml").conditions["unaided"]
    assert condition.env == "../mine.py:Base" and condition.world(1).length == 9
    assert condition.evaluator["of"]["committee"] == ["../judging_beside.py:judge", "judging_beside:judge"]
    # What is where the process is comes first, and what is nowhere keeps its name.
    Path("mine.py").write_text(MINE.replace("{steps}", "5"))
    assert load("../x.yaml").conditions["unaided"].world(1).length == 5
    (folder / "y.yaml").write_text("env: nowhere.py:Base\n")
    with pytest.raises(ConfigError, match=r"there is no file nowhere\.py$"):
        load("../y.yaml")


def test_demonstrations_are_looked_for_beside_the_yaml(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demos = rrm.demonstrate(folder / "demos.npz", "CartPole-v1", lambda world: [0], episodes=1)
    text = "env: CartPole-v1\nconditions: {unaided: {}}\ntask: {label_type: comparisons}\n"
    (folder / "x.yaml").write_text(f"{text}distill: {{demonstrations: demos.npz}}\n")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    path = modeling(load("../x.yaml").conditions["unaided"]).demonstrations
    assert Path(str(path)).resolve() == demos.resolve()


WORLD = """
from rrm.envs import register
from tests.helpers.tiny import Line


class Frail(Line):
    steps = 0

    def step(self, actions):
        Frail.steps += 1
        if Frail.steps > 12:
            {breaks}
        return super().step(actions)


register("mine/{name}-v0", Frail)
"""


@pytest.mark.parametrize(
    ("name", "breaks", "reason"),
    [
        ("Frail", "raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("Leaving", "raise SystemExit(3)", "SystemExit: 3"),
        ("Stopping", "raise KeyboardInterrupt('mine')", "KeyboardInterrupt: mine"),
    ],
)
def test_a_world_of_the_users_own_that_breaks_in_training_is_one_line(
    folder: Path, name: str, breaks: str, reason: str
) -> None:
    sys.path.append(str(folder))
    (folder / f"{name.lower()}_world.py").write_text(WORLD.replace("{breaks}", breaks).replace("{name}", name))
    env = f"{name.lower()}_world:mine/{name}-v0"
    last = plan(load({**TINY, "env": env}).conditions["oracle"], 0)
    with pytest.raises(RRMError) as caught:
        train_in_engine(last, folder / "rounds", lambda row: None, lambda: None)
    where = f"{name.lower()}_world.py, line 12; what is done is kept"
    assert str(caught.value) == f"env: {env!r}: fails: {reason}, at {where}"
    del gymnasium.registry[f"mine/{name}-v0"]


# Packages


@pytest.mark.parametrize(
    ("env", "right"),
    [
        ("ALE/Pong-v5", "ale_py:ALE/Pong-v5"),
        ("FetchReach-v4", "gymnasium_robotics:FetchReach-v4"),
        ("AntMaze_UMaze-v5", "gymnasium_robotics:AntMaze_UMaze-v5"),
        ("MiniGrid-Empty-5x5-v0", "minigrid:MiniGrid-Empty-5x5-v0"),
        ("gymnasium:MiniGrid-Empty-5x5-v0", "minigrid:MiniGrid-Empty-5x5-v0"),
    ],
)
def test_ids_of_packages_are_known(env: str, right: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = right.partition(":")[0]
    start = f"env: {env!r} is not a registered environment; did you mean {right!r}"
    monkeypatch.setattr("rrm.config.environments._installed", lambda name: False)
    assert refused(env=env) == f"{start}, after pip install {package.replace('_', '-')}?"
    monkeypatch.setattr("rrm.config.environments._installed", lambda name: True)
    assert refused(env=env) == f"{start}?"


def test_a_package_that_is_missing_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium_robotics", None)
    message = refused(env="gymnasium_robotics:FetchReach-v4")
    assert message.startswith("env: 'gymnasium_robotics:FetchReach-v4': importing gymnasium_robotics fails: ")
    assert message.endswith("; pip install gymnasium-robotics")
    assert "pip" not in refused(env="no_such_package:FetchReach-v4")
    assert refused(env="CartPole-v2").endswith("did you mean 'CartPole-v1'?")


# Dotted


def test_settings_that_no_schema_knows_are_said_dotted() -> None:
    config = {**TINY, "env": "CartPole-v1", "env_settings": {"sutton_barto_reward": True}}
    for condition in load(config, ["env_settings.max_episode_steps=20"]).conditions.values():
        assert condition.env_settings == {"sutton_barto_reward": True, "max_episode_steps": 20}
    config["conditions"] = {"unaided": {}}
    own = load(config, ["conditions.unaided.env_settings.max_episode_steps=20"]).conditions["unaided"]
    assert own.world(1).length == 20


@pytest.mark.parametrize(
    ("evaluator", "overrides", "right"),
    [
        ("teacher", ["evaluator.beta=3"], {"name": "teacher", "beta": 3}),
        ({"name": "teacher", "beta": 3}, ["evaluator.equal=.2"], {"name": "teacher", "beta": 3, "equal": 0.2}),
        ({"of": "bounded"}, ["evaluator.noise=.2", "evaluator.every=2"], {"of": "bounded", "noise": 0.2, "every": 2}),
        ({"of": "teacher", "noise": 1}, ["evaluator.of.beta=3"], {"of": {"name": "teacher", "beta": 3}, "noise": 1}),
        (None, ["evaluator.name=teacher", "evaluator.beta=3"], {"name": "teacher", "beta": 3}),
    ],
)
def test_parameters_of_an_evaluator_are_said_dotted(evaluator: Any, overrides: list[str], right: Any) -> None:
    own = {"evaluator": evaluator} if evaluator else {}
    config = {**TINY, "env": "CartPole-v1", "task": {**TINY["task"], "label_type": "comparisons"}, **own}
    assert load(config, overrides).conditions["unaided"].evaluator == right
    one = load(config, [f"conditions.unaided.{each}" for each in overrides])
    assert one.conditions["unaided"].evaluator == right
    assert one.conditions["oracle"].evaluator == (evaluator or "bounded")


def test_a_parameter_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no parameter 'bta'; did you mean 'beta'"):
        load({**TINY, "env": "CartPole-v1", "evaluator": "teacher"}, ["evaluator.bta=3"])


def test_the_advice_can_be_pasted() -> None:
    advice = refused(env="CliffWalking-v1").partition("give ")[2].partition(",")[0]
    assert advice == "env_settings.max_episode_steps=1000"
    assert load({**TINY, "env": "CliffWalking-v1"}, [advice]).conditions["oracle"].world(1).length == 1000


# Start-up checks


def test_the_checks_are_shown_while_they_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(probe, "SLOW", 0.0)
    with notices():
        make_world(lambda: Walk(), 1)
    assert "rrm: tests.rrm.test_names:" in capsys.readouterr().err
    make_world(lambda: Walk(), 1)
    assert capsys.readouterr().err == "" and logging.getLogger("rrm").handlers == []


def test_the_checks_are_not_done_again_by_the_processes_that_train(tmp_path: Path) -> None:
    (tmp_path / "counted.py").write_text(
        "import os, pathlib\nfrom tests.helpers.foreign import Walk\n"
        "class Counted(Walk):\n"
        "    def step(self, action):\n"
        "        with open(pathlib.Path(__file__).parent / str(os.getpid()), 'a') as file:\n"
        "            file.write('.')\n"
        "        return super().step(action)\n"
    )
    (tmp_path / "x.yaml").write_text(
        "env: counted.py:Counted\nseeds: 2\nworkers: 2\nepisodes: 2\nconditions: {oracle: {}}\n"
        "task: {steps: 20}\nlearner: {num_envs: 2, n_steps: 10, batch_size: 10, n_epochs: 1}\n"
    )
    script = f"import rrm; rrm.run({str(tmp_path / 'x.yaml')!r}, folder={str(tmp_path / 'runs')!r}, live=False)"
    subprocess.run([sys.executable, "-c", script], check=True)
    counts = sorted(len(each.read_text()) for each in tmp_path.iterdir() if each.name.isdigit())
    assert len(counts) == 3 and counts[-1] > 1500 > 400 > counts[1]


def test_code_of_installed_packages_is_not_the_users(tmp_path: Path) -> None:
    """Wherever it is installed; and a class of C may have no text for a module."""
    assert not is_theirs(str(tmp_path / "site-packages" / "x.py")) and is_theirs(str(tmp_path / "x.py"))
    assert not is_own(type.__dict__["__module__"])
