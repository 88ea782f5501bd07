"""Optimism: PPO's reward is of V + β std while it trains; β falls to 0, and everything else goes by V."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from rrm import load_reward
from rrm.agents.learners.ppo import PPOLearner
from rrm.agents.vec_env import WorldVecEnv
from rrm.config.values import Kind
from rrm.envs.adapters import WorldEnv
from rrm.envs.world import Array, Floats
from rrm.feedback.clips import at_rest, with_action
from rrm.rewards.functions import REWARDS, Predictions
from rrm.rewards.wrappers import RewardVecEnv, RewardWrapper
from rrm.rounds.plan import Plan, plan
from tests.helpers.tiny import Line
from tests.helpers.training import conditions, modeling, stop_after, stopped, train

COST = 0.05


class Three:
    """Three members that disagree, by different amounts in almost every state."""

    baseline = 0.7

    def members(self, observations: Array) -> Floats:
        weights = np.sin(1.0 + np.arange(3)[:, None] + np.arange(observations.shape[1]))
        return np.asarray(10.0 * np.cos(weights @ observations.T.astype(np.float64) * 3.0))

    def values(self, observations: Array) -> Floats:
        return np.asarray(self.members(observations).mean(axis=0))

    def hoped(self, observations: Array, beta: float) -> Floats:
        return np.asarray(self.values(observations) + beta * self.members(observations).std(axis=0))


def optimist(kind: Kind, beta: float, n: int = 5, rest: float = 0.0, **settings: Any) -> RewardVecEnv:
    reward = REWARDS[kind](Three(), spaces.Discrete(3), COST, rest)
    reward.changed(optimism=beta)
    return RewardVecEnv(WorldVecEnv(Line(n, **settings), seed=1), Predictions(reward, n))


@pytest.mark.parametrize("beta", [0.5, 2.0])
def test_a_narrow_reward_is_the_difference_of_mean_and_beta_standard_deviations(beta: float) -> None:
    model, venv, rng = Three(), optimist("narrow", beta, ends_at_goal=True), np.random.default_rng(0)
    before, ends = np.asarray(venv.reset()), 0
    for _ in range(60):
        after, rewards, done, infos = venv.step(rng.integers(3, size=5))
        last = np.asarray(after).copy()
        last[done] = [infos[i]["terminal_observation"] for i in np.flatnonzero(done)] if done.any() else last[done]
        mean = model.values(last) - model.values(before)
        spread = model.members(last).std(axis=0) - model.members(before).std(axis=0)
        np.testing.assert_allclose(rewards, mean + beta * spread - COST, rtol=0, atol=1e-5)
        before, ends = np.asarray(after), ends + int(done.sum())
    assert ends > 10


def test_undiscounted_rewards_of_an_episode_are_what_lies_between_its_ends() -> None:
    model, venv, rng = Three(), optimist("narrow", 1.5, length=9), np.random.default_rng(0)
    first, total = np.asarray(venv.reset()), np.zeros(5)
    for _ in range(9):
        _, rewards, _, infos = venv.step(rng.integers(3, size=5))
        total += rewards + COST
    last = np.stack([info["terminal_observation"] for info in infos])
    np.testing.assert_allclose(total, model.hoped(last, 1.5) - model.hoped(first, 1.5), rtol=0, atol=1e-4)


def test_broad_reward_is_optimistic_at_the_end() -> None:
    model, venv = Three(), optimist("broad", 1.5, length=3)
    venv.reset()
    story = [venv.step(np.full(5, 2)) for _ in range(3)]
    last = np.stack([info["terminal_observation"] for info in story[-1][3]])
    np.testing.assert_allclose(story[-1][1], model.hoped(last, 1.5) - COST, rtol=0, atol=1e-5)
    assert all((rewards == np.float32(-COST)).all() for _, rewards, *_ in story[:-1])


@pytest.mark.parametrize("rest", [0.0, 4.0])
def test_approval_is_optimistic_about_each_action_and_its_baseline_is_not(rest: float) -> None:
    model, space = Three(), spaces.Discrete(3)
    approval = REWARDS["approval"](model, space, COST, rest)
    approval.changed(optimism=1.5)
    env = RewardWrapper(WorldEnv(Line(1, ends_at_goal=True)), approval)
    observation, _ = env.reset(seed=3)
    terminated, steps = False, 0
    while not terminated:
        action, before = (steps + 1) % 3 if steps < 3 else 2, observation
        observation, reward, terminated, *_ = env.step(action)
        expected = model.hoped(with_action(before[None], np.array([action]), space), 1.5)[0]
        if rest:
            expected -= model.baseline
            if terminated:
                expected += rest * (model.hoped(at_rest(observation[None], space), 1.5)[0] - model.baseline)
        assert float(reward) == pytest.approx(expected / (1 + rest) - COST, abs=1e-5)
        steps += 1


@pytest.mark.parametrize("kind", ["narrow", "broad", "approval"])
def test_what_is_said_of_finished_episodes_goes_by_the_mean(kind: Kind) -> None:
    finished = []
    for beta in (0.0, 3.0):
        venv, rng = optimist(kind, beta, ends_at_goal=True), np.random.default_rng(0)
        venv.reset()
        for _ in range(40):
            venv.step(rng.integers(3, size=5))
        assert isinstance(venv.reward, Predictions)
        finished.append(venv.reward.finished())
    assert finished[0] is not None and finished[0] == finished[1]


def rounds(*overrides: str) -> dict[str, Plan]:
    return {name: plan(condition, 0) for name, condition in conditions(*overrides).items()}


def optimism(last: Plan, rollout: int) -> float:
    return modeling(last.condition).optimism_in(rollout, last.schedule)


def test_beta_falls_evenly_to_0_over_the_first_70_percent_of_the_rollouts() -> None:
    last = rounds("task.steps=2200", "distill.optimism=2")["unaided"]
    assert last.schedule.rollouts == 10
    betas = [optimism(last, rollout) for rollout in range(10)]
    assert betas == pytest.approx([2 * (1 - i / 7) for i in range(7)] + [0, 0, 0])
    assert betas[7:] == [0, 0, 0], "exactly"


@pytest.mark.parametrize(("steps", "rollouts"), [(240, 1), (430, 2), (650, 3)])
def test_the_last_rollout_is_never_optimistic(steps: int, rollouts: int) -> None:
    last = rounds(f"task.steps={steps}", "task.initial_labels=1", "task.labels=2", "distill.optimism=1")["unaided"]
    assert last.schedule.rollouts == rollouts and optimism(last, rollouts - 1) == 0
    assert (optimism(last, 0) == 1) == (rollouts > 1)


def test_one_member_has_nothing_to_disagree_with() -> None:
    overrides = ["distill.ensemble_size=1", "task.query_strategy=uniform", "assistant.query_strategy=uniform"]
    plain, other = rounds("distill.optimism=0", *overrides), rounds("distill.optimism=1", *overrides)
    assert not optimism(other["unaided"], 0)
    assert {name: last.name for name, last in plain.items()} == {name: last.name for name, last in other.items()}


def test_it_is_in_the_name_of_all_rounds_that_it_changes() -> None:
    plain, other = rounds("distill.optimism=0"), rounds("distill.optimism=1")
    for one, two in zip(plain.values(), other.values(), strict=True):
        differ = [a.name != b.name for a, b in zip((*one.needed(), one), (*two.needed(), two), strict=True)]
        assert all(differ) if one.asks else not any(differ)
    assert "optimism" not in str([last.content for last in other.values()]), "it is at its default"


@pytest.mark.parametrize("more", [[], ["horizon.window=3"], ["task.initial_labels=30"]])
def test_an_interrupted_run_goes_on_with_the_same_rewards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    last = rounds("distill.optimism=1.5", *more)["unaided"]
    rewards: list[tuple[float, list[float]]] = []
    learn = PPOLearner.learn_rollout

    def noted(self: PPOLearner, pace: float = 1.0) -> None:
        assert isinstance(self.env, RewardVecEnv) and isinstance(self.env.reward, Predictions)
        learn(self, pace)
        rewards.append((self.env.reward.reward.optimism, self.algorithm.rollout_buffer.rewards.ravel().tolist()))

    monkeypatch.setattr(PPOLearner, "learn_rollout", noted)
    train(last, tmp_path / "whole")
    whole = rewards.copy()
    rewards.clear()
    for _ in range((last.schedule.rollouts - 1) // 2):
        stopped(last, tmp_path / "stopped", stop_after(2))
    train(last, tmp_path / "stopped")
    assert [beta for beta, _ in whole] == [optimism(last, rollout) for rollout in range(last.schedule.rollouts)]
    assert whole == rewards
    files = [(tmp_path / which / last.name / "agent.safetensors").read_bytes() for which in ("whole", "stopped")]
    assert files[0] == files[1]


def test_a_loaded_reward_goes_by_the_mean(tmp_path: Path) -> None:
    last = rounds("distill.optimism=2")["unaided"]
    train(last, tmp_path)
    reward = load_reward(tmp_path / last.name, None)
    venv = reward.wrap_vec_env(WorldVecEnv(Line(4, length=8), seed=0))
    before = reward.model.values(np.asarray(venv.reset()))
    observations, rewards, _, _ = venv.step(np.ones(4, np.int64))
    np.testing.assert_allclose(rewards, reward.model.values(np.asarray(observations)) - before, rtol=0, atol=1e-6)
    assert reward.model.members(np.asarray(observations)).std(axis=0).max() > 1e-3
