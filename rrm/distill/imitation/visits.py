"""States that an agent visits, in which a demonstrator is then asked for actions."""

from __future__ import annotations

import numpy as np

from rrm.agents.assistants import Policy
from rrm.envs.spaces import random_actions
from rrm.envs.world import Array, State, World


class Visits:
    """States, and what is observed in them; more can be added."""

    def __init__(self) -> None:
        self._states: list[State] = []
        self._observations: list[Array] = []
        self.count = 0

    def add(self, world: World, which: Array) -> None:
        """Add the present states of copies.

        Args:
            world: the world.
            which: (m,) the numbers of the copies.
        """
        self._states.append(world.save(which))
        self._observations.append(world.observe()[which])
        self.count += len(which)

    def take(self, which: Array) -> tuple[State, Array]:
        """States that were added.

        Args:
            which: (m,) their numbers, in the order in which they were added.

        Returns:
            The states, and their observations (m, d).
        """
        names = self._states[0]
        states = {name: np.concatenate([each[name] for each in self._states])[which] for name in names}
        return states, np.concatenate(self._observations)[which]


def exploring(act: Policy | None, chance: float, rng: np.random.Generator) -> Policy:
    """A policy that sometimes acts at random.

    Args:
        act: the policy otherwise; None: it always acts at random.
        chance: of a random action, at each step of each copy.
        rng: what is drawn from.
    """

    def explored(world: World) -> Array:
        drawn = random_actions(world.action_space, world.n, rng)
        if act is None:
            return drawn
        actions = act(world).copy()
        random = rng.random(world.n) < chance
        actions[random] = drawn[random]
        return actions

    return explored
