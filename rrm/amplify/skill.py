"""Skill as a demonstrator: a script of the world, an agent or a function shows how to do the work. No question is
asked.

An agent that imitates it cannot learn to fool an evaluator, and does not get better than the skill.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from gymnasium import spaces

from rrm.envs.spaces import action_numbers
from rrm.envs.world import Array, Indices, State, World
from rrm.errors import ConfigError
from rrm.protocols import Choice, Demonstrator
from rrm.text import short


class Skill:
    """A demonstrator whose actions are those of ``act``.

    Args:
        act: the actions (n,) in the current states of a world: ``Script``, an ``Agent``, or any function of a world. Of
            discrete actions it may also give the chances (n, a), and then one is drawn.
        about: who that is, with the key that says so, for messages.
    """

    def __init__(self, act: Callable[[World], Array], about: str) -> None:
        self._act = act
        self._about = about

    def act(self, world: World) -> Array:
        """The actions (n, …) in the current states of ``world``; of chances the likeliest.

        Args:
            world: n copies, which are not stepped.

        Raises:
            ConfigError: they are none of the world's.
        """
        actions = self._actions(world)
        return np.asarray(actions.argmax(axis=1)) if _are_chances(actions, world) else actions

    def act_now(self, world: World, which: Indices, rngs: Sequence[np.random.Generator]) -> Choice:
        """The actions in the current states of the copies ``which``, with a generator for each.

        Args:
            world: the world, which is not stepped.
            which: (m,) the numbers of the copies.
            rngs: m generators, from which actions are drawn if the skill gives chances.
        """
        actions = self._actions(world)
        chances = _are_chances(actions, world)
        actions = actions[which]
        if chances:
            ends = actions.cumsum(axis=1)
            drawn = np.array([rng.random() for rng in rngs])[:, None]
            actions = (drawn * ends[:, -1:] >= ends).sum(axis=1)
        return Choice(as_good(actions, world), looks=0, env_steps=0)

    def choose(self, world: World, states: State, rngs: Sequence[np.random.Generator]) -> Choice:
        copies, everyone = world.copies(len(rngs)), np.arange(len(rngs))
        copies.load(states, everyone)
        return self.act_now(copies, everyone, rngs)

    def _actions(self, world: World) -> Array:
        """What ``act`` says of the current states: actions of the world, or chances of them."""
        actions, space = np.asarray(self._act(world)), world.action_space
        if (
            actions.dtype.kind == "f"
            and _are_chances(actions, world)
            and np.allclose(actions.sum(axis=1), 1)
            and actions.min() >= 0
        ):
            return actions
        right = actions.shape == (world.n, *(space.shape or ())) and actions.dtype.kind in "iufb"
        if right and isinstance(space, spaces.Discrete):
            right = bool((np.isin(actions, np.arange(space.n))).all())
        if not right or not np.isfinite(actions).all():
            what = f"{short(actions.tolist())}: must be {world.n} actions of {world.name}, {space}"
            raise ConfigError(f"{self._about}: acts {what}")
        return actions.astype(space.dtype)


def _are_chances(actions: Array, world: World) -> bool:
    space = world.action_space
    return isinstance(space, spaces.Discrete) and actions.shape == (world.n, int(space.n))


def choose_now(demonstrator: Demonstrator, world: World, which: Indices, rngs: Sequence[np.random.Generator]) -> Choice:
    """What a demonstrator would do in the present states of the copies ``which``, with a generator for each.

    A skill acts in the world as it is; others try actions on copies. Loading a copy may take as many steps as its
    episode has taken.

    Args:
        demonstrator: who demonstrates.
        world: the world, which is not stepped.
        which: (m,) the numbers of the copies.
        rngs: m generators.
    """
    if isinstance(demonstrator, Skill):
        return demonstrator.act_now(world, which, rngs)
    return demonstrator.choose(world, world.save(which), rngs)


def as_good(actions: Array, world: World) -> Array:
    """Actions (m, …) of a world as ``Choice.good`` has them.

    Args:
        actions: (m, …) as the world's action space has them.
        world: the world that they are of.
    """
    space = world.action_space
    return action_numbers(space, actions) if isinstance(space, spaces.Discrete) else actions
