"""An assistant: an agent acting in an evaluation world, from the state that is to be judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from rrm.envs.spaces import random_actions
from rrm.envs.world import Array, State, World


class Policy(Protocol):
    """Acts in a world: a trained agent, or one of the scripted ones below."""

    def __call__(self, world: World) -> Array: ...


class Script:
    """The world's own scripted agent of that name, ``ideal`` above all.

    Args:
        name: of the script.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, world: World) -> Array:
        return world.script(self.name)


class Assistant:
    """``policy`` acting in (copies of) the evaluation world ``world``. It may only point or reveal.

    ``policy=None`` acts at random, from the generators passed to ``act``. So its actions for a state depend neither on
    the batch nor on what was judged before.

    Args:
        world: the evaluation world.
        policy: its actions (n, …) in the current states; None: it acts at random.
    """

    def __init__(self, world: World, policy: Policy | None) -> None:
        self.world = world
        self.policy = policy

    def act(self, state: State, generators: Sequence[np.random.Generator]) -> tuple[World, Array]:
        """Act from given states to the end of the evaluation.

        Args:
            state: as ``World.save`` gives it, m states.
            generators: one for each state; none are needed where there is a policy.

        Returns:
            The evaluation world, as it is then, and the steps taken (m,).
        """
        m = len(next(iter(state.values())))
        world = self.world.copies(m)
        world.load(state, np.arange(m))
        steps = np.zeros(m, dtype=np.int64)
        done = np.zeros(m, dtype=np.bool_)
        drawn = (
            np.stack([random_actions(world.action_space, world.length, rng) for rng in generators])
            if self.policy is None
            else None
        )
        t = 0
        while not done.all():
            actions = self.policy(world) if self.policy is not None else drawn[:, t]  # type: ignore[index]
            steps += ~done
            done = world.step(actions)
            t += 1
        return world, steps


def act_in_turn(
    assistants: Sequence[Assistant], state: State, generators: Sequence[np.random.Generator] = ()
) -> Iterator[tuple[World, Array]]:
    """Let assistants act one after the other, each from where the one before it stopped.

    Args:
        assistants: A_1 first; the last one acts first.
        state: as ``World.save`` gives it, m states.
        generators: one for each state; none are needed where all assistants have policies.

    Yields:
        What ``Assistant.act`` returns, for each of them.
    """
    for assistant in reversed(assistants):
        world, steps = assistant.act(state, generators)
        yield world, steps
        state = world.save(np.arange(world.n))
