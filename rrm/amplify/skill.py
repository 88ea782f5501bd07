"""Skill as a demonstrator: a script of the world, an agent or a function shows how to do the work. No question is
asked.

An agent that imitates it cannot learn to fool an evaluator, and does not get better than the skill.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gymnasium import spaces

from rrm.agents.assistants import Policy
from rrm.envs.spaces import action_numbers
from rrm.envs.world import Array, State, World
from rrm.errors import ConfigError
from rrm.protocols import Choice
from rrm.text import short


class Skill:
    """A demonstrator whose actions are those of ``act``.

    Args:
        act: the actions (n,) in the current states of a world: ``Script``, an ``Agent``, or any function of a world.
        about: who that is, with the key that says so, for messages.
    """

    def __init__(self, act: Policy, about: str) -> None:
        self._act = act
        self._about = about

    def act(self, world: World) -> Array:
        """The actions (n, …) in the current states of ``world``. Raises ConfigError: they are none of the world's."""
        actions, space = np.asarray(self._act(world)), world.action_space
        right = actions.shape == (world.n, *(space.shape or ())) and actions.dtype.kind in "iufb"
        if right and isinstance(space, spaces.Discrete):
            right = bool((np.isin(actions, np.arange(space.n))).all())
        if not right or not np.isfinite(actions).all():
            what = f"{short(actions.tolist())}: must be {world.n} actions of {world.name}, {space}"
            raise ConfigError(f"{self._about}: acts {what}")
        return actions.astype(space.dtype)

    def choose(self, world: World, states: State, rngs: Sequence[np.random.Generator]) -> Choice:
        copies = world.copies(len(rngs))
        copies.load(states, np.arange(copies.n))
        return Choice(as_good(self.act(copies), world), looks=0, env_steps=0)


def as_good(actions: Array, world: World) -> Array:
    """Actions (m, …) of a world as ``Choice.good`` has them."""
    space = world.action_space
    return action_numbers(space, actions) if isinstance(space, spaces.Discrete) else actions
