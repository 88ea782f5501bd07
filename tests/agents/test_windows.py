"""Receding windows: sums as by hand, each step trained on once, and agents that look as far ahead as they should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from stable_baselines3.common.buffers import RolloutBuffer

from rrm.agents.learners.ppo import PPOLearner
from rrm.agents.learners.windows import WindowBuffer, credit, window_sums
from rrm.agents.state import seed_process
from rrm.agents.vec_env import WorldVecEnv
from tests.agents.test_ppo import SETTINGS, assert_same, global_generators, learner, load, state  # noqa: F401
from tests.helpers.tiny import Line

SHAPE = (9, 3)
rewards_of = arrays(np.float64, SHAPE, elements=st.floats(-5, 5, width=16))
ends_of = arrays(np.bool_, SHAPE)


def by_hand(rewards: Any, ends: Any, t: int, i: int, window: int, discount: float) -> tuple[float, bool]:
    total = 0.0
    for j in range(window):
        if t + j >= len(rewards):
            return total, False
        total += discount**j * rewards[t + j, i]
        if ends[t + j, i]:
            return total, True
    return total, True


@given(rewards_of, ends_of, st.integers(1, 12), st.sampled_from([1.0, 0.9, 0.0]))
def test_sums_are_those_by_hand(rewards: Any, ends: Any, window: int, discount: float) -> None:
    sums, whole = window_sums(rewards, ends, window, discount)
    for t in range(SHAPE[0]):
        for i in range(SHAPE[1]):
            total, complete = by_hand(rewards, ends, t, i, window, discount)
            assert sums[t, i] == pytest.approx(total)
            assert whole[t, i] == complete


@given(rewards_of, ends_of)
def test_in_hindsight_a_step_is_credited_with_all_that_came_of_it(rewards: Any, ends: Any) -> None:
    hindsight, known = credit(rewards, ends, "hindsight")
    lower, also_known = credit(rewards, ends, "lower")
    assert np.array_equal(known, np.logical_or.accumulate(ends[::-1])[::-1])
    assert np.array_equal(known, also_known)
    values = np.concatenate([np.zeros((1, SHAPE[1])), rewards.cumsum(axis=0)])  # a V whose narrow reward this is
    for t, i in zip(*np.nonzero(known), strict=True):
        end = t + int(ends[t:, i].argmax())
        assert hindsight[t, i] == pytest.approx(values[end + 1, i] - values[t, i])
        assert lower[t, i] == pytest.approx(min(values[t + 1, i], values[end + 1, i]) - values[t, i])


def fill(buffer: RolloutBuffer, rewards: Any, ends: Any, numbers: Any, began: Any = 1.0) -> None:
    """One rollout into a buffer; the observation of each step is its number, the critic's estimate a tenth of that.
    ``began``: whether an episode begins with the first."""
    buffer.reset()
    starts = np.concatenate([np.full((1, rewards.shape[1]), began), ends[:-1]])
    for t in range(len(rewards)):
        value = torch.as_tensor(numbers[t] / 10)
        buffer.add(
            numbers[t][:, None], np.zeros(rewards.shape[1]), rewards[t], starts[t], value, torch.zeros(len(value))
        )
    buffer.compute_returns_and_advantage(torch.full((rewards.shape[1],), 99.0), ends[-1])


def made(kind: type[RolloutBuffer], steps: int, copies: int, **settings: Any) -> Any:
    box, discrete = spaces.Box(-np.inf, np.inf, (1,), np.float32), spaces.Discrete(2)
    return kind(steps, box, discrete, device="cpu", n_envs=copies, **settings)


@settings(max_examples=20)
@given(st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_each_step_is_trained_on_once_with_the_sum_of_its_window(window: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rollouts, steps, copies = 6, 4, 2
    rewards = rng.normal(size=(rollouts * steps, copies))
    ends = rng.random((rollouts * steps, copies)) < 0.2
    numbers = np.arange(rewards.size, dtype=np.float64).reshape(rewards.shape)
    buffer = made(WindowBuffer, steps, copies, gamma=1.0, window=window)
    seen: dict[int, float] = {}
    for k in range(rollouts):
        rows = slice(k * steps, (k + 1) * steps)
        fill(buffer, rewards[rows], ends[rows], numbers[rows], ends[k * steps - 1] if k else 1.0)
        for batch in buffer.get(3) if len(buffer) else ():
            for number, value, total, better in zip(
                batch.observations[:, 0], batch.old_values, batch.returns, batch.advantages, strict=True
            ):
                assert int(number) not in seen
                seen[int(number)] = float(total)
                assert value == pytest.approx(float(number) / 10)
                assert better == pytest.approx(float(total - value), abs=1e-5)
    sums, whole = window_sums(rewards, ends, window)
    assert seen.keys() == set(numbers[whole].astype(int))
    for number, total in seen.items():
        assert total == pytest.approx(sums.ravel()[number], abs=1e-5)


def test_a_window_of_one_is_a_discount_of_zero() -> None:
    rng = np.random.default_rng(0)
    rewards, ends = rng.normal(size=(8, 3)), rng.random((8, 3)) < 0.3
    numbers = rng.normal(size=(8, 3))
    windows, plain = made(WindowBuffer, 8, 3, window=1), made(RolloutBuffer, 8, 3, gamma=0.0, gae_lambda=0.9)
    fill(windows, rewards, ends, numbers)
    fill(plain, rewards, ends, numbers)
    assert windows.advantages == pytest.approx(plain.advantages.ravel(), abs=1e-6)


def test_a_window_as_long_as_the_episode_is_what_was_earned_by_its_end() -> None:
    rng = np.random.default_rng(0)
    rewards, ends = rng.normal(size=(8, 3)), np.zeros((8, 3), np.bool_)
    ends[[3, 7]] = True
    numbers = rng.normal(size=(8, 3))
    windows = made(WindowBuffer, 8, 3, window=4, gamma=0.9)
    plain = made(RolloutBuffer, 8, 3, gamma=0.9, gae_lambda=1.0)
    fill(windows, rewards, ends, numbers)
    fill(plain, rewards, ends, numbers)
    assert windows.returns == pytest.approx(plain.returns.ravel(), abs=1e-5)


def test_minibatches_are_nearly_equal() -> None:
    buffer = made(WindowBuffer, 10, 3, window=1)
    fill(buffer, np.zeros((10, 3)), np.zeros((10, 3), np.bool_), np.zeros((10, 3)))
    assert [len(batch.returns) for batch in buffer.get(7)] == [8, 8, 7, 7]
    assert [len(batch.returns) for batch in buffer.get()] == [30]


def test_while_no_window_is_whole_nothing_is_learnt_and_nothing_is_lost() -> None:
    seed_process(0)
    env = WorldVecEnv(Line(4, length=20), score=lambda world: world.utility())
    agent = PPOLearner(env, env.world.layout, 0, **{**SETTINGS, "n_steps": 8, "batch_size": 32, "window": 20})
    before = agent.state()[0]["policy.action_net.weight"]
    agent.learn_rollout()
    agent.learn_rollout()
    assert torch.equal(agent.state()[0]["policy.action_net.weight"], before)
    agent.learn_rollout()
    assert not torch.equal(agent.state()[0]["policy.action_net.weight"], before)
    assert agent.agent().algorithm == "PPO"


@pytest.mark.parametrize("judging", ["advance", "hindsight"])
def test_training_goes_on_to_the_same_bits(judging: str) -> None:
    changes: dict[str, Any] = {"window": 5, "judging": judging}
    straight = learner(**changes)
    for _ in range(5):
        straight.learn_rollout()
    first = learner(**changes)
    for _ in range(3):
        first.learn_rollout()
    kept = state(first)
    second = learner(seed=1, **changes)
    world = first.env.world  # type: ignore[attr-defined]
    env = second.env
    env.world.load(world.save(np.arange(world.n)), np.arange(world.n))  # type: ignore[attr-defined]
    env.resume()  # type: ignore[attr-defined]
    env.rng.bit_generator.state = first.env.rng.bit_generator.state  # type: ignore[attr-defined]
    load(second, *kept)
    for _ in range(2):
        second.learn_rollout()
    assert_same(state(straight), state(second))


class Detour(Line):
    """To the right at once 0.5, in three steps to the left 3, and -0.2 on the way: what lies ahead must be seen to be
    chosen."""

    def utility(self) -> Any:
        worth = np.array([3.0, -0.2, -0.2, 0.0, 0.5, 0.5, 0.5])
        return worth[self.at]

    def reset(self, which: Any, rng: np.random.Generator) -> None:
        super().reset(which, rng)
        self.at[which] = 3


@pytest.mark.parametrize(
    ("window", "judging", "goal"), [(1, "advance", 4), (3, "advance", 0), (1, "hindsight", 0), (1, "lower", 4)]
)
def test_an_agent_looks_as_far_ahead_as_its_window_or_its_judge(window: int, judging: str, goal: int) -> None:
    seed_process(1)
    env = WorldVecEnv(Detour(64, length=6), score=lambda world: world.utility())
    agent = PPOLearner(
        env,
        env.world.layout,
        1,
        **{**SETTINGS, "ent_coef": 0.05, "discount": 1.0, "batch_size": 128, "window": window, "judging": judging},
    )
    for _ in range(40):
        agent.learn_rollout()
    world, policy = Detour(1, length=6), agent.agent()
    world.reset(np.arange(1), np.random.default_rng(0))
    passed = []
    for _ in range(6):
        world.step(policy(world))
        passed.append(int(world.at[0]))
    assert goal in passed if goal == 0 else min(passed) >= 3 and max(passed) >= goal, passed
