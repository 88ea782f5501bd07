"""The assistants of any environment that can be copied: look ahead, and spotlight."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.envs.adapters import make_world
from rrm.envs.check import CHECKS
from rrm.envs.contract import check_length
from rrm.envs.readings import everyone, readings
from rrm.envs.spaces import random_actions
from rrm.envs.world import World
from rrm.envs.wrapped.helpers import LookAhead, Spotlight
from rrm.envs.wrapped.making import UnfitError
from tests.helpers.foreign import Walk

WALK = "tests.helpers.foreign:Walk"
BOTH: list[dict[str, Any]] = [{"look_ahead": 4}, {"spotlight": 2}]


def below(env: Any, n: int, **settings: Any) -> World:
    world = make_world(env, n, **settings).evaluation(1, n)
    assert world is not None
    return world


def played(env: Any, n: int, steps: int, seed: int = 0, **settings: Any) -> World:
    world, rng = make_world(env, n, **settings), np.random.default_rng(seed)
    world.reset(everyone(world), rng)
    for _ in range(steps):
        world.step(random_actions(world.action_space, n, rng))
    return world


# The contract


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("settings", BOTH)
@pytest.mark.parametrize("env", [WALK, "Pendulum-v1", "tests.helpers.foreign:Curriculum"])
def test_the_contract(env: str, settings: dict[str, Any], check: Callable[[Any], None]) -> None:
    check(lambda n: make_world(env, n, max_episode_steps=9, **settings))
    if check is check_length and env != "Pendulum-v1":
        return  # a start may be one step from an end
    check(lambda n: below(env, n, max_episode_steps=9, **settings))


def test_there_is_one_level_or_none() -> None:
    assert make_world(WALK, 1).depth == 0 and make_world(WALK, 1).evaluation(1, 1) is None
    kinds: list[type[World]] = [LookAhead, Spotlight]
    for settings, kind in zip(BOTH, kinds, strict=True):
        world = make_world(WALK, 1, **settings)
        assert world.depth == 1 and world.evaluation(2, 1) is None
        helper = world.evaluation(1, 3)
        assert isinstance(helper, kind) and helper.n == 3 and helper.depth == 0 and helper.evaluation(1, 1) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"look_ahead": 0}, "look_ahead: 0: must be a whole number from 1 to 12, the steps of an episode"),
        ({"spotlight": 13}, "spotlight: 13: must be a whole number from 1 to 12, the steps of an episode"),
        ({"spotlight": 2.5}, "spotlight: 2.5: must be a whole number"),
        ({"look_ahead": True}, "look_ahead: True: must be a whole number"),
        ({"look_ahead": 3, "spotlight": 1}, "spotlight: 1: there is look_ahead as well: choose one of them"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UnfitError, match=message):
        make_world(WALK, 1, **settings)


# Look ahead


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1", "Acrobot-v1", WALK])
@given(seed=st.integers(0, 2**31), before=st.integers(0, 15), m=st.integers(1, 6))
def test_it_plays_on_as_the_task_would(env: Any, seed: int, before: int, m: int) -> None:
    """Side by side: the same actions lead to the same views, until the clock or the episode is over."""
    task = played(env, 3, before, seed, look_ahead=m)
    world = below(env, 3, look_ahead=m)
    world.load(task.save(everyone(task)), everyone(world))
    assert np.array_equal(world.observe()[:, :-1], task.observe()) and not world.observe()[:, -1].any()
    rng = np.random.default_rng(seed)
    for step in range(1, m + 1):
        actions = random_actions(task.action_space, 3, rng)
        over = task.step(actions)
        assert np.array_equal(world.step(actions), over | (step == m))
        assert np.array_equal(world.view(), task.view())
    after = world.view()
    assert world.step(actions).all() and np.array_equal(world.view(), after)


def test_its_clock_starts_anew_only_with_a_state_of_the_task() -> None:
    task, world = played(WALK, 2, 2), below(WALK, 2, look_ahead=3)
    world.load(task.save(everyone(task)), everyone(world))
    stay = np.ones(2, np.int64)
    world.step(stay)
    assert np.allclose(world.observe()[:, -1], 1 / 3)
    other = world.copies(2)
    other.load(world.save(everyone(world)), everyone(other))
    assert np.allclose(other.observe()[:, -1], 1 / 3)
    assert [bool(other.step(stay).all()) for _ in range(2)] == [False, True]


def test_it_does_not_play_on_past_the_end() -> None:
    task, world = played(WALK, 8, 12), below(WALK, 8, look_ahead=5)
    world.load(task.save(everyone(task)), everyone(world))
    assert world.step(np.full(8, 2)).all() and np.array_equal(world.view(), task.view())


def test_the_return_is_read_from_the_evidence() -> None:
    task, world = played(WALK, 4, 2), below(WALK, 4, look_ahead=3)
    world.load(task.save(everyone(task)), everyone(world))
    for _ in range(3):
        world.step(np.full(4, 2))
    assert np.array_equal(task.appraise(task.view(), world.view()), world.utility())
    assert (world.utility() != task.utility()).all()


# Spotlight


def test_it_points_at_the_last_frames_that_it_chose() -> None:
    task, world = played("Pendulum-v1", 3, 7), below("Pendulum-v1", 3, spotlight=2)
    world.load(task.save(everyone(task)), everyone(world))
    assert world.view()[:, -2:].tolist() == [[-1, -1]] * 3
    choices = np.array([[1, 0, 0], [0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]])
    done = [world.step(row).all() for row in choices]
    assert done == [False] * 6 + [True]
    assert world.view()[:, -2:].tolist() == [[3, 4], [-1, -1], [-1, 7]]
    assert world.step(np.ones(3, np.int64)).all() and world.view()[1, -1] == -1


@given(seed=st.integers(0, 2**31), steps=st.integers(1, 12))
def test_it_shows_what_was_there_and_nothing_else(seed: int, steps: int) -> None:
    """Frame by frame its view is that of the task; what it observes of those that are lit is what was observed then."""
    rng, task = np.random.default_rng(seed), make_world(WALK, 2, spotlight=1)
    task.reset(everyone(task), rng)
    views, seen = [task.view()], [task.observe()]
    for _ in range(steps):
        task.step(rng.integers(3, size=2))
        views.append(task.view())
        seen.append(task.observe())
    ends = task.save(everyone(task))["t"]
    world = below(WALK, 2, spotlight=1)
    world.load(task.save(everyone(task)), everyone(world))
    size = task.layout.size
    for t in range(steps + 1):
        at, lit = np.minimum(t, ends), world.view()[:, -1].astype(int)
        for i in range(2):
            assert np.array_equal(world.view()[i, :-1], views[at[i]][i])
            assert np.array_equal(world.observe()[i, :size], seen[at[i]][i])
            lights = seen[lit[i]][i] if lit[i] >= 0 else np.zeros(size)
            assert np.array_equal(world.observe()[i, size:-1], lights)
        world.step(rng.integers(2, size=2))


def test_a_state_comes_with_what_was_pointed_at() -> None:
    """Also in a copy that stands in the same episode, but has pointed elsewhere."""
    task, world = played("Pendulum-v1", 2, 6), below("Pendulum-v1", 2, spotlight=1)
    state = task.save(np.zeros(2, np.intp))  # twice the same episode
    world.load(state, everyone(world))
    for actions in ([1, 0], [0, 1], [0, 0]):
        world.step(np.array(actions))
    before = {name: array.copy() for name, array in readings(world).items()}
    world.load(world.save(np.array([1, 0])), everyone(world))
    for name, array in readings(world).items():
        assert np.array_equal(array, before[name][[1, 0]]), name
    twin = copy.deepcopy(world)
    assert np.array_equal(twin.observe(), world.observe())


def test_practice_starts_anywhere_in_random_play() -> None:
    for settings in BOTH:
        world, rng = below(WALK, 300, **settings), np.random.default_rng(0)
        world.reset(everyone(world), rng)
        state = world.save(everyone(world))
        moments = state.get("end", state["t"])
        assert set(range(1, 10)) <= set(moments.tolist())
        later = np.arange(state["taken"].shape[1]) >= moments[:, None]
        assert not state["taken"][later].any()


def test_the_rewards_of_the_environment_are_nowhere_in_what_is_observed() -> None:
    class OtherReward(Walk):
        def step(self, action: Any) -> Any:
            observation, reward, *rest = super().step(action)
            return (observation, reward * 1000 + 3, *rest)

    makers: list[Callable[[], gymnasium.Env[Any, Any]]] = [Walk, OtherReward]
    for settings in BOTH:
        worlds = [below(each, 6, **settings) for each in makers]
        for world in worlds:
            rng = np.random.default_rng(0)
            world.reset(everyone(world), rng)
        for _ in range(4):
            actions = random_actions(worlds[0].action_space, 6, rng)
            for world in worlds:
                world.step(actions)
            plain, rewarded = worlds
            assert np.array_equal(plain.observe(), rewarded.observe())
            assert not np.array_equal(plain.utility(), rewarded.utility())
