"""Worlds in the midst of their episodes, and all that can be read of them: for the checks of worlds, and for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rrm.envs.adapters import unaided
from rrm.envs.spaces import random_actions
from rrm.envs.world import Array, Indices, World

Make = Callable[[int], World]
"""Builds the world with that many copies."""

N = 12


def everyone(world: World) -> Indices:
    """The numbers (n,) of all copies.

    Args:
        world: n copies.
    """
    return np.arange(world.n)


def wander(world: World, rng: np.random.Generator) -> Array:
    """Actions (n,): each copy follows one of the world's scripts or acts at random, so that it gets about.

    Args:
        world: n copies.
        rng: chooses whom a copy follows, and draws random actions.
    """
    actions = random_actions(world.action_space, world.n, rng)
    for name in world.scripts:
        actions = np.where(rng.random(world.n) < 0.6, world.script(name), actions)
    return actions


def started(make: Make, n: int = N, seed: int = 0, steps: int = 0) -> World:
    """A world in the midst of its first episodes.

    Args:
        make: builds the world with that many copies.
        n: how many copies.
        seed: of the episodes and actions.
        steps: how many have been taken.
    """
    world, rng = make(n), np.random.default_rng(seed)
    world.reset(everyone(world), rng)
    for _ in range(steps):
        world.step(wander(world, rng))
    return world


def readings(world: World) -> dict[str, Array]:
    """Everything that a world says of its states, by name; arrays whose first axis is that of the copies.

    Args:
        world: n copies.
    """
    return {
        "observe": world.observe(),
        "view": world.view(),
        "appraise": unaided(world),
        "utility": world.utility(),
        "hacked": world.hacked(),
    }


def of(arrays: dict[str, Array], which: Array) -> dict[str, Array]:
    """The readings of some copies alone.

    Args:
        arrays: by name, as ``readings`` returns them.
        which: the numbers of the copies, or a mask.
    """
    return {name: array[which] for name, array in arrays.items()}


def assert_same(first: dict[str, Any], second: dict[str, Any], why: str) -> None:
    """Assert that two dicts of arrays are equal.

    Args:
        first: arrays by name.
        second: the others.
        why: what it means if they differ.
    """
    assert first.keys() == second.keys(), why
    for name in first:
        assert np.array_equal(first[name], second[name]), f"{name}: {why}"
