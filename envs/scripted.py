"""Scripted agents: their results, and the states that they reach."""

from __future__ import annotations

import numpy as np

from rrm.envs.adapters import make_world
from rrm.envs.markdown import interval, markdown, share
from rrm.envs.sheets import Scene
from rrm.envs.world import Array, World

EPISODES = 2000
"""Over how many episodes the scripted agents are measured."""


def scripted(id: str, episodes: int = EPISODES, seed: int = 0) -> str:
    """A table of how the scripted agents of a world do, and one who acts at random; with 95 % intervals.

    Args:
        id: of the world.
        episodes: how many of each.
        seed: of the episodes.
    """
    depth = make_world(id, 1).depth
    head = ["script", "utility", "the evaluator's score, alone"]
    rows = []
    for name in (*make_world(id, 1).scripts, "random"):
        world = play(id, name, episodes, seed)
        columns = [world.utility(), world.appraise(world.view(), None)]
        if depth:
            columns.append(world.appraise(world.view(), after_help(world).view()))
        rows.append([name, *map(interval, columns), share(float(world.hacked().mean()))])
    return markdown([*head, *(["with ideal help"] if depth else []), "hack rate"], rows)


def play(id: str, script: str, episodes: int, seed: int = 0) -> World:
    """A world at the ends of episodes of a scripted agent, or of one that acts at random.

    Args:
        id: of the world.
        script: its name, or ``random``.
        episodes: how many copies.
        seed: of the episodes.
    """
    world, rng = make_world(id, episodes), np.random.default_rng(seed)
    world.reset(np.arange(episodes), rng)

    def actions() -> Array:
        return rng.integers(world.actions, size=episodes) if script == "random" else world.script(script)

    while not world.step(actions()).all():
        pass
    return world


def after_help(world: World) -> World:
    """The last evaluation world, after the ideal assistants of all levels have acted in the states of a world.

    Args:
        world: as it is when help begins.
    """
    everyone, at = np.arange(world.n), world
    for level in range(world.depth, 0, -1):
        below = world.evaluation(level, world.n)
        assert below is not None, "a world has an evaluation world for each of its levels"
        below.load(at.save(everyone), everyone)
        while not below.step(below.script("ideal")).all():
            pass
        at = below
    return at


def moment(id: str, scene: Scene) -> World:
    """The world at the moment of a scene, or the evaluation world in which the last assistant has acted.

    Args:
        id: of the world.
        scene: which moment.
    """
    world = make_world(scene.id or id, 1)
    world.reset(np.arange(1), np.random.default_rng(scene.seed))
    for _ in range(scene.steps):
        world.step(world.script(scene.script))
    return after_help(world) if scene.help else world


def scenes(id: str) -> tuple[Scene, ...]:
    """The ends of all scripts' episodes in a world, and what the assistants make of the last one.

    Args:
        id: of the world.
    """
    world = make_world(id, 1)
    ends = tuple(Scene(script, world.length, 0) for script in world.scripts)
    return (*ends, *(end._replace(help=True) for end in ends[-1:]))
