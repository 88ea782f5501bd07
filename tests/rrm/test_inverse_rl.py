"""Inverse RL in the loop: the reward of a table is found, optimised by an agent, and left to be used elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rrm.agents.vec_env import WorldVecEnv
from rrm.config.cost import cost
from rrm.config.load import load
from rrm.envs.adapters import WorldEnv, make_world
from rrm.errors import ConfigError
from rrm.report.rounds import load_reward
from rrm.rewards.table_reward import StateReward
from rrm.rounds.plan import Plan, plan
from tests.helpers.tiny import LINE
from tests.helpers.training import left_by, stop_after, stopped, train

TREE = "rrm/AuditTree-v1"
BY_HONEST = {"method": "irl", "demonstrator": {"skill": "honest"}, "states": 300, "fit_steps": 200}


def last(condition: str = "unaided", env: str = TREE, **distill: Any) -> Plan:
    tree = {"env": env, "episodes": 50, "distill": {**BY_HONEST, **distill}}
    return plan(load({**tree, "conditions": {"unaided": {}, "assisted": {}}}).conditions[condition], 0)


@pytest.mark.parametrize("window", [None, 1])
def test_the_reward_of_an_honest_accountant_is_found_and_optimised(tmp_path: Path, window: int | None) -> None:
    (result,) = train(last(window=window), tmp_path)
    assert result["utility"] == 3 and result["hack_rate"] == 0 and result["agreement"] == 1
    assert result["demonstrated"] == 300 and result["labels"] == result["looks"] == 0


def test_judgment_demonstrates_and_its_looks_are_counted(tmp_path: Path) -> None:
    each = last("assisted", demonstrator="judgment", states=60)
    results = train(each, tmp_path)
    assert [one["level"] for one in results] == [0, 1, 2, 0]
    assert results[-1]["hack_rate"] == 0 and results[0]["hack_rate"] == 1
    labels, steps = cost(each.condition)
    assert labels == sum(one["labels"] for one in results)
    assert steps >= sum(one["env_steps"] for one in results)


def test_it_resumes_bit_exactly(tmp_path: Path) -> None:
    """Also between the one rollout and the measurements that follow it."""
    train(last(), tmp_path / "whole")
    stopped(last(), tmp_path / "parts", stop_after(1))
    train(last(), tmp_path / "parts")
    assert left_by(last(), tmp_path / "parts") == left_by(last(), tmp_path / "whole")


def test_a_uniform_player_gives_a_flat_reward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the chance of its sample: an honest one's reward differs more than ten times as much."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "player.py").write_text("def uniform(world):\n    return [[0.5, 0.5]] * world.n\n")
    spread = []
    for skill in ("player.py:uniform", "honest"):
        each = last(demonstrator={"skill": skill}, states=3000, l2=0.1)
        train(each, tmp_path / "rounds")
        spread.append(StateReward.load(tmp_path / "rounds" / each.name / "reward").rewards.std())
    assert spread[0] < 0.1 * spread[1]


def test_the_reward_is_loaded_and_put_around_environments_of_the_world(tmp_path: Path) -> None:
    each = last()
    train(each, tmp_path)
    reward = load_reward(tmp_path / each.name, None)
    assert reward.kind == "irl"
    world, table = make_world(TREE, 1), make_world(TREE, 1).table()
    assert table is not None
    env = reward.wrap_env(WorldEnv(world))
    env.reset(seed=0)
    _, paid, *_ = env.step(0)
    assert paid == reward.model.rewards[table.index(world.rows())[0]]
    venv = reward.wrap_vec_env(WorldVecEnv(make_world(TREE, 4), seed=0))
    alone = make_world(TREE, 4)
    venv.reset()
    for _ in range(3):  # the last step ends the episodes, and the copies start again
        alone.load(venv.unwrapped.world.save(np.arange(4)), np.arange(4))  # type: ignore[attr-defined]
        alone.step(np.ones(4, int))
        rewards = venv.step(np.ones(4, int))[1]
        np.testing.assert_allclose(rewards, reward.model.rewards[table.index(alone.rows())], rtol=1e-6)
    with pytest.raises(ValueError, match="is no world of this package"):
        reward.wrap_env(gymnasium.make("CartPole-v1"))
    with pytest.raises(ValueError, match=r"^AuditNode: its state .* is none that the reward knows"):
        reward.model.of(started("rrm/AuditTreeNode1-v1"))


def started(env: str) -> Any:
    world = make_world(env, 1)
    world.reset(np.zeros(1, np.intp), np.random.default_rng(0))
    return world


def test_a_damaged_reward_is_refused_in_one_line(tmp_path: Path) -> None:
    model = StateReward(np.arange(6).reshape(3, 2), np.arange(3.0))
    numbers, about = model.save(tmp_path / "reward")
    np.testing.assert_array_equal(StateReward.load(tmp_path / "reward").rows, model.rows)
    good = load_file(numbers)
    for bad in (
        {"rows": good["rows"]},
        {**good, "rewards": good["rewards"][:2]},
        {**good, "rewards": good["rows"].clone()},
    ):
        save_file(bad, numbers)
        with pytest.raises(ValueError, match=r"^.*reward.safetensors: must hold"):
            StateReward.load(tmp_path / "reward")
    save_file({**good, "rewards": torch.full((3,), torch.nan, dtype=torch.float64)}, numbers)
    with pytest.raises(ValueError, match=r"a finite reward for each state$"):
        StateReward.load(tmp_path / "reward")
    about.write_text("{}")
    with pytest.raises(ValueError, match=r"reward.json: is not of a reward of states$"):
        StateReward.load(tmp_path / "reward")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"env": LINE}, "distill.method: 'irl': is exact, and the states of Corridor are too many for a table"),
        ({"env": "rrm/TidyRooms-v0"}, "distill.method: 'irl': is exact, and the states of TidyRooms are too many"),
        ({"window": 2}, "distill.window: 2: must be at most 1"),
        ({"demonstrator": {"skill": "d.npz"}}, "distill.demonstrator.skill: 'd.npz': is a file, which does not say in"),
        ({"l2": -1}, "distill.l2: -1: must be at least 0"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}") as caught:
        last(**settings)
    assert "\n" not in str(caught.value)
