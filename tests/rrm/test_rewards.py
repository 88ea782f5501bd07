"""Rewards from a reward model: the identities of the narrow reward, and that no reset is ever rewarded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from rrm.agents.vec_env import WorldVecEnv
from rrm.config.values import Kind
from rrm.envs.adapters import WorldEnv, make_world
from rrm.envs.world import Array, Floats
from rrm.errors import DamagedFileError
from rrm.feedback.clips import at_rest, with_action
from rrm.report import rounds
from rrm.rewards.functions import REWARDS, Predictions
from rrm.rewards.wrappers import Reward, RewardVecEnv, RewardWrapper
from rrm.storage import rundir
from tests.helpers.tiny import Line

KINDS: tuple[Kind, Kind] = ("narrow", "broad")
COST = 0.05

some_values = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40)
discounts = st.floats(0.0, 1.0)


class Anything:
    """Some function of the observation, different in almost every state; counts what it is asked."""

    baseline = 0.7

    def __init__(self) -> None:
        self.seen: list[Array] = []

    def values(self, observations: Array) -> Floats:
        self.seen.append(observations.copy())
        weights = np.sin(1.0 + np.arange(observations.shape[1]))
        return np.asarray(10.0 * np.cos(observations.astype(np.float64) @ weights * 3.0))

    def members(self, observations: Array) -> Floats:
        return self.values(observations)[None]


class MarksResets:
    """V is a million in the first state of an episode (t = 0), and t/T elsewhere: a rewarded reset is seen."""

    baseline = 0.0

    def values(self, observations: Array) -> Floats:
        time = observations[:, -1].astype(np.float64)
        return np.where(time == 0, 1e6, time)

    def members(self, observations: Array) -> Floats:
        return self.values(observations)[None]


class Same:
    """V is what is observed."""

    baseline = 0.0

    def values(self, observations: Array) -> Floats:
        return observations[:, 0].astype(np.float64)

    def members(self, observations: Array) -> Floats:
        return self.values(observations)[None]


def rewards_of(kind: Kind, values: list[float]) -> Floats:
    """The rewards of an episode that passes through states of these values."""
    v = np.array(values)
    done = np.arange(len(v) - 1) == len(v) - 2
    reward = REWARDS[kind](Same(), spaces.Discrete(1))
    return reward(v[:-1, None], np.zeros(len(v) - 1, np.int64), v[1:, None], done, done)


@given(some_values)
def test_undiscounted_narrow_rewards_sum_to_what_was_accomplished(values: list[float]) -> None:
    total = rewards_of("narrow", values).sum()
    assert total == pytest.approx(values[-1] - values[0], rel=0, abs=1e-12 * len(values) * max(1, *map(abs, values)))


@given(some_values, discounts)
def test_discounted_narrow_rewards_are_v_at_a_random_time(values: list[float], discount: float) -> None:
    """sum γ^t r_t = −V(s_0) + (1−γ) sum_{t=1}^{T−1} γ^(t−1) V(s_t) + γ^(T−1) V(s_T)."""
    v = np.array(values)
    last = len(v) - 1
    rewards = rewards_of("narrow", values)
    returns = (discount ** np.arange(last) * rewards).sum()
    along = (discount ** np.arange(last - 1) * v[1:last]).sum()
    expected = -v[0] + (1 - discount) * along + discount ** (last - 1) * v[last]
    scale = len(v) * max(1.0, float(np.abs(v).max()))
    assert returns == pytest.approx(expected, rel=0, abs=1e-13 * scale)


@given(some_values, discounts)
def test_the_narrow_reward_is_shaping_and_a_rest(values: list[float], discount: float) -> None:
    """r = F + (1−γ) V(s'), F = γV(s') − V(s) the shaping of Ng, Harada and Russell, which leaves no preference."""
    v = np.array(values)
    shaping = discount * v[1:] - v[:-1]
    np.testing.assert_allclose(rewards_of("narrow", values), shaping + (1 - discount) * v[1:], rtol=0, atol=1e-9)


@given(some_values)
def test_broad_rewards_pay_v_once_at_the_end(values: list[float]) -> None:
    rewards = rewards_of("broad", values)
    assert rewards[-1] == values[-1] and not rewards[:-1].any()


@pytest.mark.parametrize(("dip", "gain", "step", "threshold"), [(1, 1, 3, 0.70711), (2, 1, 5, 0.9036), (1, 3, 2, 0.25)])
def test_a_dip_is_taken_only_by_a_horizon_that_is_long_enough(dip: int, gain: int, step: int, threshold: float) -> None:
    plan = [0.0] + [-float(dip)] * (step - 1) + [float(gain)] * 400
    assert threshold == pytest.approx((dip / (dip + gain)) ** (1 / (step - 1)), abs=1e-4)
    for discount, taken in ((threshold - 1e-3, False), (threshold + 1e-3, True)):
        rewards = rewards_of("narrow", plan)
        returns = (discount ** np.arange(len(rewards)) * rewards).sum()
        assert (returns > 0) == taken


def both(kind: Kind, model: Any, seed: int, length: int = 8) -> tuple[RewardVecEnv, RewardWrapper]:
    """The same world in both forms, with episodes that end early, and the same seed."""
    settings: dict[str, Any] = {"ends_at_goal": True, "cost": COST, "length": length}
    reward = Reward(model, kind, COST)
    return reward.wrap_vec_env(WorldVecEnv(Line(1, **settings), seed=seed)), reward.wrap_env(
        WorldEnv(Line(1, **settings))
    )


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 1000), actions=st.lists(st.integers(0, 2), min_size=1, max_size=40))
def test_both_wrappers_pay_the_same_step_for_step(kind: Kind, seed: int, actions: list[int]) -> None:
    venv, env = both(kind, Anything(), seed)
    first, _ = env.reset(seed=seed)
    np.testing.assert_array_equal(np.asarray(venv.reset())[0], first)
    for action in actions:
        observations, rewards, done, _ = venv.step(np.array([action]))
        observation, reward, terminated, truncated, _ = env.step(action)
        assert rewards[0] == np.float32(float(reward))
        assert done[0] == terminated and not truncated
        if terminated:
            observation, _ = env.reset()
        np.testing.assert_array_equal(np.asarray(observations)[0], observation)


def episodes(venv: RewardVecEnv, steps: int, seed: int = 0) -> list[tuple[Floats, Array]]:
    rng = np.random.default_rng(seed)
    venv.reset()
    story = []
    for _ in range(steps):
        _, rewards, done, _ = venv.step(rng.integers(3, size=venv.num_envs))
        story.append((rewards, done))
    return story


def test_the_value_at_an_end_is_never_that_of_the_state_after_the_reset() -> None:
    venv = Reward(MarksResets(), "broad", 0.0).wrap_vec_env(WorldVecEnv(Line(16, ends_at_goal=True), seed=0))
    story = episodes(venv, 60)
    ends = np.concatenate([rewards[done] for rewards, done in story])
    assert len(ends) > 50 and ends.max() <= 1.0, "V(s_T) is t/T, at most 1"
    assert all(not rewards[~done].any() for rewards, done in story)

    venv = Reward(MarksResets(), "narrow", 0.0).wrap_vec_env(WorldVecEnv(Line(16, ends_at_goal=True), seed=0))
    totals, sums = np.zeros(16), []
    for rewards, done in episodes(venv, 60):
        assert rewards.max() <= 1.0, "a step into the state after a reset would pay a million"
        totals += rewards
        sums += totals[done].tolist()
        totals[done] = 0.0
    assert len(sums) > 50
    assert max(sums) < -999_000, "each episode leaves the first state, worth a million, exactly once"
    assert min(sums) > -1_000_001


@pytest.mark.parametrize("kind", KINDS)
def test_the_wrapper_too_rewards_no_reset(kind: Kind) -> None:
    env = Reward(MarksResets(), kind, 0.0).wrap_env(WorldEnv(Line(1, length=4)))
    for seed in range(3):
        env.reset(seed=seed)
        rewards = [float(env.step(1)[1]) for _ in range(4)]
        if kind == "broad":
            assert rewards == [0.0, 0.0, 0.0, 1.0]
        else:
            assert rewards == pytest.approx([0.25 - 1e6, 0.25, 0.25, 0.25])


def test_a_truncation_is_an_end_for_the_wrapper() -> None:
    limited = gymnasium.wrappers.TimeLimit(WorldEnv(Line(1, length=8)), 3)
    env = Reward(MarksResets(), "broad", 0.0).wrap_env(limited)
    env.reset(seed=0)
    story = [env.step(1) for _ in range(3)]
    assert [float(reward) for _, reward, *_ in story] == [0.0, 0.0, 0.375]
    assert story[-1][3] is True


@pytest.mark.parametrize("kind", KINDS)
def test_the_cost_of_steps_is_outside_v(kind: Kind) -> None:
    plain, costly = (
        Reward(Anything(), kind, cost).wrap_vec_env(WorldVecEnv(Line(8, ends_at_goal=True), seed=4))
        for cost in (0.0, 0.25)
    )
    for (rewards, done), (less, over) in zip(episodes(plain, 30), episodes(costly, 30), strict=True):
        np.testing.assert_array_equal(done, over)
        np.testing.assert_allclose(less, rewards - 0.25, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_are_v_of_the_last_observations(kind: Kind) -> None:
    model = Anything()
    predictions = Predictions(REWARDS[kind](model, spaces.Discrete(3), COST), 5)
    venv = RewardVecEnv(WorldVecEnv(Line(5, ends_at_goal=True), seed=1), predictions)
    expected: list[float] = []
    venv.reset()
    for _ in range(40):
        _, _, done, infos = venv.step(np.full(5, 2))
        last = [infos[i]["terminal_observation"] for i in np.flatnonzero(done)]
        expected += model.values(np.stack(last)).tolist() if last else []
    assert len(expected) > 10
    assert predictions.finished() == pytest.approx(np.mean(expected))
    assert predictions.finished() is None


def test_predictions_are_the_mean_approval_of_an_episodes_actions() -> None:
    model = Anything()
    predictions = Predictions(REWARDS["approval"](model, spaces.Discrete(3), COST), 5)
    venv = RewardVecEnv(WorldVecEnv(Line(5, ends_at_goal=True), seed=1), predictions)
    episodes_of: list[list[float]] = [[] for _ in range(5)]
    expected: list[float] = []
    rng = np.random.default_rng(0)
    observations = np.asarray(venv.reset())
    for _ in range(60):
        actions = rng.integers(3, size=5)
        approved = model.values(with_action(observations, actions, spaces.Discrete(3)))
        after, rewards, done, _ = venv.step(actions)
        observations = np.asarray(after)
        np.testing.assert_allclose(rewards, approved - COST, atol=1e-5)
        for i in range(5):
            episodes_of[i].append(float(approved[i]))
            if done[i]:
                expected.append(float(np.mean(episodes_of[i])))
                episodes_of[i] = []
    assert len(expected) > 10
    assert predictions.finished() == pytest.approx(np.mean(expected))
    assert predictions.tally[:, 1].tolist() == [len(each) for each in episodes_of]


def test_approval_around_one_environment_pays_for_the_action_before_the_step() -> None:
    model = Anything()
    env = Reward(model, "approval", COST).wrap_env(WorldEnv(Line(1)))
    observation, _ = env.reset(seed=3)
    for action in (0, 2, 1, 2):
        approved = model.values(with_action(observation[None], np.array([action]), spaces.Discrete(3)))[0]
        observation, reward, *_ = env.step(action)
        assert reward == pytest.approx(approved - COST)


@given(seed=st.integers(0, 1000), rest=st.floats(0.1, 100))
def test_approval_counts_what_comes_after_an_end_as_that_moment_again_and_again(seed: int, rest: float) -> None:
    """sum γ^t r_t = (1−γ) sum_{t<T} γ^t A(s_t, a_t) + γ^T A(end) − A0, γ being rest / (1 + rest)."""
    model, space, rng = Anything(), spaces.Discrete(3), np.random.default_rng(seed)
    env = Reward(model, "approval", 0.0, rest).wrap_env(WorldEnv(Line(1, ends_at_goal=True, length=100)))
    observation, _ = env.reset(seed=seed)
    rewards, approved, terminated = [], [], False
    while not terminated:
        action = int(rng.integers(3))
        approved.append(model.values(with_action(observation[None], np.array([action]), space))[0])
        observation, reward, terminated, _, _ = env.step(action)
        rewards.append(float(reward))
    gamma, last = rest / (1 + rest), len(rewards)
    end = model.values(at_rest(observation[None], space))[0]
    discounts = gamma ** np.arange(last)
    expected = (1 - gamma) * (discounts * approved).sum() + gamma**last * end - model.baseline
    assert (discounts * rewards).sum() == pytest.approx(expected, abs=1e-9)


def test_nothing_comes_after_what_a_time_limit_cuts_short() -> None:
    model, settings = Anything(), {"max_episode_steps": 12}
    reward_of = Reward(model, "approval", 0.0, absorbing_weight=9.0)
    venv = reward_of.wrap_vec_env(WorldVecEnv(make_world("CartPole-v1", 8, **settings)))
    env = reward_of.wrap_env(WorldEnv(make_world("CartPole-v1", 1, **settings)))
    rng, ends = np.random.default_rng(0), []
    before = np.asarray(venv.reset())
    for _ in range(100):
        actions = rng.integers(2, size=8)
        now = model.values(with_action(before, actions, spaces.Discrete(2))) - model.baseline
        after, rewards, done, infos = venv.step(actions)
        before = np.asarray(after)
        for i in range(8):
            more = 0.0
            if done[i]:
                ends.append(infos[i]["TimeLimit.truncated"])
                rest = at_rest(infos[i]["terminal_observation"][None], spaces.Discrete(2))
                more = 0.0 if ends[-1] else model.values(rest)[0] - model.baseline
            assert rewards[i] == pytest.approx((now[i] + 9 * more) / 10, abs=1e-5)
    assert 5 < sum(ends) < len(ends) - 5
    ends = []
    observation, _ = env.reset(seed=0)
    while len(set(ends)) < 2:
        action = int(rng.integers(2))
        now = model.values(with_action(observation[None], np.array([action]), spaces.Discrete(2))) - model.baseline
        observation, reward, terminated, truncated, _ = env.step(action)
        more = model.values(at_rest(observation[None], spaces.Discrete(2)))[0] - model.baseline if terminated else 0.0
        assert float(reward) == pytest.approx((now[0] + 9 * more) / 10)
        if terminated or truncated:
            ends.append(truncated)
            observation, _ = env.reset()


def test_an_action_stands_behind_the_observation_as_one_hot_numbers() -> None:
    both = with_action(np.array([[0.5, -1], [2, 3]], np.float32), np.array([2, 0]), spaces.Discrete(3))
    assert both.tolist() == [[0.5, -1, 0, 0, 1], [2, 3, 1, 0, 0]]
    assert both.dtype == np.float32
    rest = at_rest(np.array([[0.5, -1]], np.float32), spaces.Discrete(3))
    assert rest.tolist() == [[0.5, -1, 0, 0, 0]] and rest.dtype == np.float32


def test_v_is_read_again_after_it_changed() -> None:
    class Scaled:
        scale, baseline = 1.0, 0.0

        def values(self, observations: Array) -> Floats:
            return self.scale * observations[:, -1].astype(np.float64)

        def members(self, observations: Array) -> Floats:
            return self.values(observations)[None]

    model = Scaled()
    reward = REWARDS["narrow"](model, spaces.Discrete(3))
    venv = RewardVecEnv(WorldVecEnv(Line(2, length=8), seed=0), reward)
    venv.reset()
    for _ in range(4):
        _, rewards, _, _ = venv.step(np.ones(2, np.int64))
        np.testing.assert_allclose(rewards, 1 / 8)
    model.scale = 100.0
    reward.changed(optimism=0.0)
    _, rewards, _, _ = venv.step(np.ones(2, np.int64))
    np.testing.assert_allclose(rewards, 100 / 8)


def test_the_observations_and_infos_pass_through() -> None:
    model = Anything()
    bare = WorldVecEnv(Line(4, ends_at_goal=True), seed=2)
    venv = Reward(model, "narrow", 0.0).wrap_vec_env(WorldVecEnv(Line(4, ends_at_goal=True), seed=2))
    np.testing.assert_array_equal(venv.reset(), bare.reset())
    rng = np.random.default_rng(0)
    for _ in range(30):
        actions = rng.integers(3, size=4)
        first, _, done, infos = bare.step(actions)
        second, rewards, over, same = venv.step(actions)
        np.testing.assert_array_equal(np.asarray(first), np.asarray(second))
        np.testing.assert_array_equal(done, over)
        assert rewards.dtype == np.float32
        for one, other in zip(infos, same, strict=True):
            assert one.keys() == other.keys()
            if one:
                np.testing.assert_array_equal(one["terminal_observation"], other["terminal_observation"])


def test_v_is_asked_of_each_state_once() -> None:
    model = Anything()
    venv = Reward(model, "narrow", 0.0).wrap_vec_env(WorldVecEnv(Line(4, length=3), seed=2))
    venv.reset()
    for _ in range(4):
        venv.step(np.ones(4, np.int64))
    assert [len(seen) for seen in model.seen] == [4] * 6, (
        "first states, three steps, the states after the reset, a step"
    )


def test_an_environment_that_writes_into_the_same_array_gets_the_same_rewards() -> None:
    reward, observed, rewards = REWARDS["narrow"](Same(), spaces.Discrete(3)), np.zeros((1, 1)), []
    over = np.zeros(1, np.bool_)
    for value in (1.0, 3.0, 6.0):
        before = observed.copy()
        observed[:] = value
        rewards += reward(before, np.zeros(1, np.int64), observed, over, over).tolist()
    assert rewards == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("rest", [10**400, float("nan"), True, "9"])
def test_what_a_folder_says_of_the_end_must_be_a_number(rest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"reward.json": "", "reward.safetensors": ""}
    monkeypatch.setattr(rounds, "result_of", lambda home: {"files": files, "step_cost": 0.0})
    monkeypatch.setattr(rundir, "read_json", lambda path: {"reward": "approval", "rest": rest})
    with pytest.raises(DamagedFileError, match=r"round\.json: tells of no reward"):
        rounds.load_reward(Path("nowhere"), None)
