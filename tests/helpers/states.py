"""Worlds in states that are given by hand."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from rrm.envs.readings import everyone
from rrm.envs.world import Array, Floats, State, World

W = TypeVar("W", bound=World)


def begun(world: W, **state: Array) -> W:
    """A world at the beginning of its episodes, with some of its state given by hand."""
    world.reset(everyone(world), np.random.default_rng(0))
    return again(world, **state)


def again(world: W, **state: Array) -> W:
    """A copy of a world, with some of its state given by hand."""
    twin = world.copies(world.n)
    kept: State = world.save(everyone(world))
    assert kept.keys() >= state.keys()
    twin.load(kept | state, everyone(twin))
    return twin


def act(world: W, *actions: int) -> W:
    for action in actions:
        world.step(np.full(world.n, action))
    return world


def helped(world: World, levels: int) -> Floats:
    """What the evaluator answers when ideal assistants at so many levels have acted, each for one step."""
    state, evidence = world.save(everyone(world)), None
    for level in range(levels, 0, -1):
        assistant = world.evaluation(level, world.n)
        assert assistant is not None
        assistant.load(state, everyone(assistant))
        assistant.step(assistant.script("ideal"))
        state, evidence = assistant.save(everyone(assistant)), assistant.view()
    return world.appraise(world.view(), evidence)
