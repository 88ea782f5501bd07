"""The Stable-Baselines3 form of a world: its contract, its rewards, its ends."""

from __future__ import annotations

from collections.abc import Callable

import gymnasium
import numpy as np
import pytest
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.vec_env import VecEnv

import rrm.envs
from rrm.agents.vec_env import WorldVecEnv
from rrm.envs.adapters import unaided
from rrm.envs.check import CHECKS, check_hidden
from rrm.envs.readings import Make
from rrm.envs.world import Array, Bools, Floats, Indices, World
from tests.helpers.tiny import Line, LineInspection

IDS = sorted(name for name in rrm.envs.ids() if name.startswith(("rrm/", "tests/")))


def lines(n: int = 6) -> Line:
    """Episodes that end after different numbers of steps, and cost something."""
    return Line(n, ends_at_goal=True, cost=0.25)


def played(env: WorldVecEnv, steps: int, seed: int = 0) -> list[tuple[Array, Array, Bools]]:
    rng = np.random.default_rng(seed)
    observations = [env.reset()]
    story = [(np.asarray(observations[0]), np.zeros(env.num_envs), np.zeros(env.num_envs, np.bool_))]
    for _ in range(steps):
        seen, rewards, done, _ = env.step(rng.integers(env.world.actions, size=env.num_envs))
        story.append((np.asarray(seen), rewards, done))
    return story


def assert_same_story(first: list[tuple[Array, Array, Bools]], second: list[tuple[Array, Array, Bools]]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("make", [Line, lines, LineInspection])
def test_the_tiny_worlds_keep_the_contract(make: Make, check: Callable[[Make], None]) -> None:
    check(make)


def test_the_tiny_goal_is_hidden() -> None:
    check_hidden(Line)


@pytest.mark.filterwarnings("ignore:.*")  # advice about normalised action spaces and images
@pytest.mark.parametrize("name", IDS)
def test_stable_baselines_own_checker_accepts_every_world(name: str) -> None:
    check_env(gymnasium.make(name).unwrapped)
    check_env(gymnasium.make(name, render_mode="rgb_array"), skip_render_check=False)


def test_an_end_reports_the_last_observation_and_is_no_truncation() -> None:
    env = WorldVecEnv(lines(), seed=3)
    assert isinstance(env, VecEnv)
    twin = lines()  # steps along, but never starts again by itself
    env.reset()
    everyone, rng, ends = np.arange(env.num_envs), np.random.default_rng(1), 0
    for _ in range(40):
        twin.load(env.world.save(everyone), everyone)
        actions = rng.integers(3, size=env.num_envs)
        observations, rewards, done, infos = env.step(actions)
        over = twin.step(actions)
        np.testing.assert_array_equal(done, over)
        assert rewards.dtype == np.float32 and done.dtype == np.bool_
        assert np.asarray(observations).dtype == np.float32
        for i in everyone:
            if done[i]:
                ends += 1
                np.testing.assert_array_equal(infos[i]["terminal_observation"], twin.observe()[i])
                assert infos[i]["TimeLimit.truncated"] is False
                assert env.world.save(everyone)["t"][i] == 0, "a finished copy starts again at once"
            else:
                assert infos[i] == {}
                np.testing.assert_array_equal(np.asarray(observations)[i], twin.observe()[i])
    assert ends > 10


def test_what_step_returned_is_not_changed_by_later_steps() -> None:
    env = WorldVecEnv(lines(), seed=3)
    rng, kept, copies = np.random.default_rng(0), [], []
    env.reset()
    for _ in range(20):
        observations, rewards, done, infos = env.step(rng.integers(3, size=6))
        last = [info["terminal_observation"] for info in infos if info]
        kept.append((observations, rewards, done, *last))
        copies.append(tuple(np.array(part) for part in kept[-1]))
    for parts, before in zip(kept, copies, strict=True):
        for part, copy in zip(parts, before, strict=True):
            np.testing.assert_array_equal(part, copy)


def test_rewards_are_differences_of_scores_and_never_cross_a_reset() -> None:
    def score(world: World) -> Floats:
        assert isinstance(world, Line)
        return 100.0 * world.at + 10.0 * world.t  # any number of the state

    world = lines()
    env = WorldVecEnv(world, seed=2, score=score)
    env.reset()
    first, total, steps = score(world), np.zeros(6), np.zeros(6)
    rng, ends = np.random.default_rng(2), 0
    twin = lines()
    everyone = np.arange(6)
    for _ in range(50):
        twin.load(world.save(everyone), everyone)
        actions = rng.integers(3, size=6)
        twin.step(actions)
        _, rewards, done, _ = env.step(actions)
        total, steps = total + rewards, steps + 1
        for i in np.flatnonzero(done):
            assert total[i] == pytest.approx(score(twin)[i] - first[i] - steps[i] * world.step_cost, abs=1e-3)
            first[i], total[i], steps[i] = score(world)[i], 0.0, 0
            ends += 1
    assert ends > 10


def test_seeds_are_reproducible() -> None:
    story = played(WorldVecEnv(lines(), seed=5), 30)
    assert_same_story(story, played(WorldVecEnv(lines(), seed=5), 30))
    other = played(WorldVecEnv(lines(), seed=np.random.default_rng(6)), 30)
    assert any(not np.array_equal(a[0], b[0]) for a, b in zip(story, other, strict=True))

    env = WorldVecEnv(lines(), seed=9)
    env.reset()
    assert env.seed(4) == [4] * 6
    assert_same_story(played(env, 30), played(WorldVecEnv(lines(), seed=4), 30))


@pytest.mark.parametrize("name", IDS)
def test_one_copy_is_the_gymnasium_environment_step_for_step(name: str) -> None:
    env = WorldVecEnv(rrm.envs.make_world(name, 1), seed=11)
    scalar = gymnasium.make(name)
    rng = np.random.default_rng(0)
    seen = np.asarray(env.reset())
    first, _ = scalar.reset(seed=11)
    np.testing.assert_array_equal(seen[0], first)
    for _ in range(3 * env.world.length):
        action = int(rng.integers(env.world.actions))
        observations, rewards, done, infos = env.step(np.array([action]))
        observation, reward, terminated, truncated, _ = scalar.step(action)
        assert rewards[0] == np.float32(float(reward))
        assert (done[0], False) == (terminated, truncated)
        if terminated:
            np.testing.assert_array_equal(infos[0]["terminal_observation"], observation)
            observation, _ = scalar.reset()
        np.testing.assert_array_equal(np.asarray(observations)[0], observation)


@pytest.mark.parametrize("name", IDS)
def test_many_copies_are_many_gymnasium_environments_from_loaded_states(name: str) -> None:
    n, rng = 5, np.random.default_rng(3)
    env = WorldVecEnv(rrm.envs.make_world(name, n), seed=1)
    world, everyone = env.world, np.arange(n)
    elsewhere = rrm.envs.make_world(name, n)
    elsewhere.reset(everyone, rng)
    for _ in range(world.length // 3):
        elsewhere.step(rng.integers(world.actions, size=n))
    state = elsewhere.save(everyone)
    env.reset()
    world.load(state, everyone)
    env.resume()
    scalars = [gymnasium.make(name) for _ in everyone]
    for k, scalar in enumerate(scalars):
        scalar.reset(seed=k)
        one = scalar.unwrapped
        one.world.load({part: array[k : k + 1] for part, array in state.items()}, np.arange(1))  # type: ignore[attr-defined]
    over = np.zeros(n, np.bool_)
    for _ in range(world.length):
        actions = rng.integers(world.actions, size=n)
        _, rewards, done, infos = env.step(actions)
        for i in np.flatnonzero(~over):
            observation, reward, terminated, _, _ = scalars[i].step(int(actions[i]))
            assert rewards[i] == np.float32(float(reward)) and done[i] == terminated
            if terminated:
                np.testing.assert_array_equal(infos[i]["terminal_observation"], observation)
        over |= done
    assert over.all()


def test_starts_can_be_chosen_and_observers_see_every_moment() -> None:
    class Watcher:
        def __init__(self) -> None:
            self.moments: list[tuple[str, Array, Array]] = []

        def started(self, world: World, which: Indices) -> None:
            self.moments.append(("started", which.copy(), world.view()))

        def stepped(self, world: World, actions: Array, done: Bools) -> None:
            self.moments.append(("stepped", np.flatnonzero(done), world.view()))

    def in_the_middle(world: World, which: Indices, rng: np.random.Generator) -> None:
        state = world.save(which)
        state.update(at=np.full(len(which), 2), goal=np.zeros(len(which), np.int64), t=np.zeros(len(which), np.int64))
        world.load(state, which)

    env = WorldVecEnv(Line(3, length=2), start=in_the_middle)
    watcher = Watcher()
    env.observers.append(watcher)
    env.reset()
    for _ in range(4):
        env.step(np.array([0, 1, 2]))
    names = [name for name, _, _ in watcher.moments]
    assert names == ["started", "stepped", "stepped", "started", "stepped", "stepped", "started"]
    positions = [view[:, 0].tolist() for _, _, view in watcher.moments]
    assert positions[:4] == [[2, 2, 2], [1, 2, 3], [0, 2, 4], [2, 2, 2]]
    everyone: list[int] = [0, 1, 2]
    assert [which.tolist() for _, which, _ in watcher.moments] == [everyone] + [[], everyone, everyone] * 2


def test_the_plain_reward_is_the_unaided() -> None:
    env = WorldVecEnv(Line(4), seed=0)
    env.reset()
    before = unaided(env.world)
    np.testing.assert_array_equal(before, env.world.view()[:, 0] - 6)
    _, rewards, _, _ = env.step(np.full(4, 2))
    np.testing.assert_array_equal(rewards, (unaided(env.world) - before).astype(np.float32))


def test_the_rest_of_the_interface() -> None:
    env = WorldVecEnv(Line(3), seed=0)
    env.reset()
    assert env.get_attr("length", [0, 2]) == [8, 8]
    assert env.get_attr("render_mode") == ["rgb_array"] * 3
    assert env.env_is_wrapped(gymnasium.Wrapper) == [False] * 3
    assert [image.shape for image in env.get_images() if image is not None] == [(8, 56, 3)] * 3
    np.testing.assert_array_equal(env.env_method("utility", indices=1)[0], env.world.utility())
    with pytest.raises(AttributeError, match="length: the copies of a world are one object"):
        env.set_attr("length", 3)
    env.close()
