"""Agents as assistants: they act in the evaluation world from each state to the end, and what they did is counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rrm.envs
from rrm.agents.assistants import Assistant, Policy, Script
from rrm.envs.readings import everyone, readings, wander
from rrm.envs.world import Array, State, World
from tests.agents.test_agent import made
from tests.helpers.tiny import KNOCK, OPEN, WAIT, Line, LineInspection


def states(world: World, steps: int, seed: int = 0) -> State:
    rng = np.random.default_rng(seed)
    world.reset(everyone(world), rng)
    for _ in range(steps):
        world.step(wander(world, rng))
    return world.save(everyone(world))


def generators(numbers: Array | list[int] | range) -> list[np.random.Generator]:
    return [np.random.default_rng((7, int(number))) for number in numbers]


def part(state: State, which: Array | list[int]) -> State:
    return {name: array[which] for name, array in state.items()}


class OpensAt:
    """Opens the box at its step ``at``; knocks before."""

    def __init__(self, at: Array) -> None:
        self.at = at

    def __call__(self, world: World) -> Array:
        assert isinstance(world, LineInspection)
        return np.where(world.t == self.at, OPEN, KNOCK)


def test_steps_are_counted_until_the_end_of_each() -> None:
    state = states(Line(6), 2)
    at = np.array([0, 1, 2, 3, 9, 9])
    world, steps = Assistant(LineInspection(1), OpensAt(at)).act(state, generators(range(6)))
    assert steps.tolist() == [1, 2, 3, 4, 4, 4]
    assert isinstance(world, LineInspection) and world.n == 6
    assert world.opened.tolist() == [1, 1, 1, 1, 0, 0]
    np.testing.assert_array_equal(world.goal, state["goal"])


def test_a_script_is_the_worlds_own() -> None:
    state = states(Line(4), 3)
    world, steps = Assistant(LineInspection(1), Script("ideal")).act(state, generators(range(4)))
    assert steps.tolist() == [1] * 4
    np.testing.assert_array_equal(world.view()[:, 1], state["goal"])
    with pytest.raises(ValueError, match="no script 'idle'"):
        Assistant(LineInspection(1), Script("idle")).act(state, generators(range(4)))


def test_a_trained_agent_helps_just_as_it_acts() -> None:
    agent = made(LineInspection(1))
    state = states(Line(3), 1)
    world, _ = Assistant(LineInspection(1), agent).act(state, generators(range(3)))
    own = LineInspection(3)
    own.load(state, everyone(own))
    while not own.step(agent(own)).all():
        pass
    for name, array in readings(own).items():
        np.testing.assert_array_equal(readings(world)[name], array)


def test_the_state_judged_and_the_assistants_world_are_left_alone() -> None:
    mine = LineInspection(2)
    mine.reset(everyone(mine), np.random.default_rng(0))
    before = mine.save(everyone(mine))
    state = states(Line(5), 2)
    kept = {name: array.copy() for name, array in state.items()}
    world, _ = Assistant(mine, None).act(state, generators(range(5)))
    for name in kept:
        np.testing.assert_array_equal(kept[name], state[name])
    for name, array in mine.save(everyone(mine)).items():
        np.testing.assert_array_equal(array, before[name])
    assert world is not mine


@given(order=st.permutations(range(8)), cut=st.integers(1, 7))
def test_random_assistants_depend_neither_on_the_batch_nor_on_its_order(order: list[int], cut: int) -> None:
    state = states(Line(8), 2)
    assistant = Assistant(LineInspection(1), None)
    world, steps = assistant.act(state, generators(range(8)))
    views = world.view()
    for group in (order[:cut], order[cut:]):
        some, few = assistant.act(part(state, group), generators(group))
        np.testing.assert_array_equal(some.view(), views[group])
        np.testing.assert_array_equal(few, steps[group])


def test_random_assistants_differ_between_questions() -> None:
    one = states(Line(1), 2)
    state = {name: np.repeat(array, 64, axis=0) for name, array in one.items()}
    _, steps = Assistant(LineInspection(1), None).act(state, generators(range(64)))
    assert set(steps.tolist()) == {1, 2, 3, 4}


@pytest.mark.parametrize("name", sorted(name for name in rrm.envs.ids() if name.startswith("rrm/")))
@pytest.mark.parametrize("policy", [None, Script("ideal")], ids=["random", "ideal"])
def test_in_every_world_an_assistant_does_alone_what_it_does_in_a_batch(name: str, policy: Policy | None) -> None:
    task = rrm.envs.make_world(name, 6)
    for level in range(1, task.depth + 1):
        evaluation = task.evaluation(level, 1)
        assert evaluation is not None
        state = states(task, 4)
        assistant = Assistant(evaluation, policy)
        world, steps = assistant.act(state, generators(range(6)))
        assert ((steps >= 1) & (steps <= evaluation.length)).all()
        for i in range(6):
            alone, few = assistant.act(part(state, [i]), generators([i]))
            np.testing.assert_array_equal(alone.view()[0], world.view()[i])
            np.testing.assert_array_equal(few, steps[[i]])


def test_waiting_is_no_opening() -> None:
    def wait(world: World) -> Array:
        return np.full(world.n, WAIT)

    world, steps = Assistant(LineInspection(1), wait).act(states(Line(2), 1), generators(range(2)))
    assert steps.tolist() == [4, 4] and not world.view()[:, 2].any()
