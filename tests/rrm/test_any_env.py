"""Experiments in environments that are not worlds: any Gymnasium id, or a constructor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import rrm
from rrm.agents.agent import Agent
from rrm.agents.video import video_frames
from rrm.cli import main
from rrm.config.load import load
from rrm.envs.adapters import WorldEnv, make_world
from rrm.envs.wrapped.environment import Wrapped
from rrm.errors import ConfigError, RRMError
from rrm.rounds.plan import plan
from tests.helpers.foreign import AnySpace, Dice, Walk
from tests.helpers.training import left_by, train

WALK = "tests.helpers.foreign:Walk"
TINY: dict[str, Any] = {
    "episodes": 6,
    "seeds": 1,
    "workers": 1,
    "task": {"steps": 560, "labels": 14, "initial_labels": 8},
    "learner": {"num_envs": 5, "n_steps": 20, "batch_size": 50, "n_epochs": 1},
    "distill": {"ensemble_size": 2, "hidden": 4, "fit_steps": 3},
}


def mixed() -> AnySpace:
    """A Dict of all kinds, and two choices at once."""
    seen = {"where": spaces.Box(-1, 1, (2,)), "mode": spaces.Discrete(3), "say": spaces.Text(4)}
    return AnySpace(spaces.Dict(seen), spaces.MultiDiscrete([2, 3]))


def switches() -> AnySpace:
    return AnySpace(spaces.Tuple([spaces.MultiBinary(2), spaces.Discrete(2)]), spaces.MultiBinary(3))


@pytest.mark.parametrize("reward", ["narrow", "broad", "approval"])
@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1", WALK, mixed, switches])
def test_it_trains_without_a_line_of_code(tmp_path: Path, env: Any, reward: str) -> None:
    experiment = load({**TINY, "env": env, "reward": reward, "learner": {**TINY["learner"], "n_steps": 50}})
    assert list(experiment.conditions) == ["unaided", "oracle"]
    condition = experiment.conditions["unaided" if reward != "broad" else "oracle"]
    last = plan(condition, 0)
    (result,) = train(last, tmp_path)
    assert (np.isfinite(result["utility"]) and result["env_steps"] == 550 - 50 * (reward == "broad")) or result
    agent = Agent.load(tmp_path / last.name / "agent")
    world = make_world(env, 4)
    world.reset(np.arange(4), np.random.default_rng(0))
    actions = agent(world)
    assert all(action in world.action_space for action in actions)
    world.step(actions)
    assert agent.make_world(2, trust=True).action_space == world.action_space


def test_from_python_to_a_report(tmp_path: Path) -> None:
    results = rrm.run({**TINY, "env": "Pendulum-v1", "experiment": "swing"}, folder=tmp_path, live=False)
    assert results.summary["env"] == "Pendulum-v1" and (results.folder / "report.html").exists()
    cell = next((results.folder / "cells").glob("unaided*"))
    reward, agent = rrm.load_reward(cell), rrm.load_agent(cell)
    plain = gymnasium.make("Pendulum-v1")
    for made in (WorldEnv(make_world("Pendulum-v1", 1)), plain):
        env = reward.wrap_env(made)
        observation, _ = env.reset(seed=0)
        assert np.isfinite(float(env.step(agent.predict(observation))[1]))
    unrewarded = agent.wrap_env(plain)
    assert float(unrewarded.step(agent.predict(unrewarded.reset(seed=0)[0]))[1]) < 0, "the environment's own reward"
    with pytest.raises(ValueError, match=r"\(3,\); must be 5 numbers; put agent.wrap_env\(env\) around "):
        agent.predict(plain.reset()[0])
    with pytest.raises(ValueError, match="as in training"):
        reward.wrap_env(gymnasium.make("MountainCarContinuous-v0"))


def test_a_long_video_leaves_moments_out() -> None:
    world = make_world("Pendulum-v1", 1, max_episode_steps=950)

    class Still:
        def predict(self, observations: Any) -> Any:
            return np.zeros((1, 1), np.float32)

    assert len(video_frames(world, Still(), 0)) == 1 + 950 // 5


def test_a_constructor_that_no_name_leads_to(tmp_path: Path) -> None:
    made = []

    def make() -> Walk:
        made.append(1)
        return Walk(max_steps=8)

    results = rrm.run({**TINY, "env": make, "experiment": "mine"}, folder=tmp_path, live=False)
    assert made and results.summary["env"].endswith("<locals>.make")
    cell = next((results.folder / "cells").glob("unaided*"))
    assert (results.folder / "videos" / "unaided.gif").exists()  # while who knows the constructor is there
    with pytest.raises(ValueError, match=r"'.*<locals>.make' is not registered"):
        rrm.load_agent(cell).make_world(1)
    with pytest.raises(ValueError, match=r"'.*<locals>.make'.* is not registered"):
        rrm.load_agent(cell).make_world(1, trust=True)


def test_another_constructor_is_another_round() -> None:
    def name(env: Any, **settings: Any) -> str:
        return plan(load({**TINY, "env": env, **settings}).conditions["oracle"], 0).name

    lengths = {length: (lambda length=length: Walk(max_steps=length)) for length in (5, 6)}
    names = [name(WALK), name(WALK, env_settings={"max_steps": 5}), name(lengths[5]), name(lengths[6])]
    assert len(set(names)) == 4 and name(lengths[5]) == names[2]


def test_settings_reach_the_environment_and_the_agents_file(tmp_path: Path) -> None:
    condition = load({**TINY, "env": "Pendulum-v1", "env_settings": {"max_episode_steps": 30, "g": 0.0}})
    last = plan(condition.conditions["oracle"], 0)
    train(last, tmp_path)
    world = Agent.load(tmp_path / last.name / "agent").make_world(1)
    assert isinstance(world, Wrapped) and world.length == 30
    world.reset(np.arange(1), np.random.default_rng(0))
    env = world._envs[0]
    assert env is not None and getattr(env.unwrapped, "g", None) == 0.0


class Stopped(BaseException):
    """The end of a process."""


@pytest.mark.parametrize("env", [WALK, "Pendulum-v1", "tests.helpers.foreign:Curriculum"])
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path: Path, env: str) -> None:
    """In the middle of episodes, whose states are replayed."""
    last = plan(load({**TINY, "env": env}, ["learner.n_steps=10"]).conditions["unaided"], 0)
    train(last, tmp_path / "whole")

    def stop(each: Any, row: Any) -> None:
        if row is not None:
            raise Stopped

    stops = 0
    while True:
        try:
            train(last, tmp_path, stop)
            break
        except Stopped:
            stops += 1
    assert stops == last.schedule.rollouts
    expected, resumed = left_by(last, tmp_path / "whole"), left_by(last, tmp_path)
    assert expected.keys() == resumed.keys()
    for name, content in expected.items():
        assert resumed[name] == content, name


def test_the_reward_reaches_nothing_that_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under an evaluator that does not read it, another reward changes not a bit of agent or reward model."""

    def learnt(folder: Path) -> dict[str, bytes]:
        condition = load({**TINY, "env": WALK, "evaluator": where}).conditions["unaided"]
        last = plan(condition, 0)
        train(last, folder)
        return {name: (folder / last.name / f"{name}.safetensors").read_bytes() for name in ("agent", "reward")}

    def where(clip: rrm.Clip) -> float:
        return clip.view["obs0"]

    honest, real = learnt(tmp_path / "honest"), Walk.step

    def rewarded(self: Walk, action: Any) -> Any:
        observation, reward, *rest = real(self, action)
        return (observation, 100 - 7 * reward, *rest)

    monkeypatch.setattr(Walk, "step", rewarded)
    assert learnt(tmp_path / "rewarded") == honest


def test_what_is_refused_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for env, message in {
        Dice: r"^env: 'tests.helpers.foreign:Dice' is not determined by its seed and actions",
        "CliffWalking-v1": "^env: 'CliffWalking-v1' has no longest episode: give env_settings",
        "tests.helpers.foreign:Nothing-v0": "is not a registered environment",
    }.items():
        with pytest.raises(ConfigError, match=message):
            rrm.run({**TINY, "env": env}, folder=tmp_path / "runs", live=False)
    with pytest.raises(ConfigError, match=r"^env: 'CartPole-v1' making it fails: TypeError: .*gravity"):
        load({**TINY, "env": "CartPole-v1", "env_settings": {"gravity": 1}})
    with pytest.raises(ConfigError, match="visible_fields: 'speed': no such field"):
        load({**TINY, "env": "CartPole-v1", "env_settings": {"visible_fields": ["speed"]}})
    with pytest.raises(ConfigError, match=r"^env_settings: .*: must hold values that JSON can"):
        load({**TINY, "env": "CartPole-v1", "env_settings": {"a": np.ones(2)}})
    with pytest.raises(ConfigError, match=r"conditions.oracle.env_settings: .*: must be \{\}, as in 'unaided'"):
        settings = {"unaided": {}, "oracle": {"env_settings": {"max_steps": 5}}}
        load({**TINY, "env": WALK, "conditions": settings})
    assert not (tmp_path / "runs").exists()


def test_an_environment_that_breaks_in_training_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = load({**TINY, "env": WALK})
    make_world(WALK, 1)  # looked at before it breaks

    def step(self: Walk, action: Any) -> Any:
        raise RuntimeError("the robot\nis on fire")

    monkeypatch.setattr(Walk, "step", step)
    with pytest.raises(
        RRMError, match=r"Walk broke \(copy 0, seed \d+, step 1\): RuntimeError: the robot is on fire, at .*line \d+$"
    ):
        rrm.run(experiment, folder=tmp_path, live=False)


def test_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("seeds: 1\nepisodes: 4\nconditions: {oracle: {}}\nworkers: 1\n")
    arguments = ["task.steps=80", "learner={num_envs: 4, n_steps: 20, batch_size: 40, n_epochs: 1}", "--quiet"]
    assert main(["run", "mine.yaml", "env=gymnasium:Acrobot-v1", *arguments]) == 0
    assert "Acrobot-v1" in capsys.readouterr().out
