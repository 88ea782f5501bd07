"""What the distillers that learn from a demonstrator have in common: who demonstrates, and what is measured."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from rrm.agents.assistants import Policy
from rrm.amplify.judgment import Asked
from rrm.amplify.skill import choose_now
from rrm.distill.base import Context
from rrm.distill.imitation.measure import ByTheWay, agreement, drawn, gain
from rrm.distill.imitation.settings import DemonstratedSettings
from rrm.envs.world import Array, Bools, State
from rrm.protocols import Choice, Demonstrator, Distiller, Row
from rrm.streams import Purpose


class Shown(NamedTuple):
    """What a demonstrator did in k copies of a world at one step."""

    observations: Array
    """(k, d) before the step."""
    good: Array
    """(k, a) what is good there, as in ``Choice``."""
    actions: Array
    """(k, …) the actions taken."""
    next_observations: Array
    """(k, d) after the step."""
    terminated: Bools
    """(k,) whether the episode ended by itself."""
    states: State | None
    """The k states before the step, where they are asked for."""


class Demonstrated(Distiller):
    """A distiller that learns from a demonstrator.

    Args:
        context: the round's plan, settings, overseer and stores.
    """

    def __init__(self, context: Context) -> None:
        self.context, self.plan = context, context.plan
        self.settings: DemonstratedSettings = context.settings
        self.world = self.plan.world(1)
        self.demonstrated = 0
        """In how many states has been demonstrated."""
        self.env_steps = 0
        """Steps of demonstrations."""

    @cached_property
    def demonstrator(self) -> Demonstrator:
        """Who demonstrates; a file of demonstrations is none."""
        return self._demonstrator(self.context.labels, Purpose.LABELS, self.context.previous)

    def _demonstrator(self, asked: Asked, purpose: Purpose, previous: Policy | None) -> Demonstrator:
        streams = self.plan.streams.part(purpose)
        return self.settings.demonstrator.make(self.world, self.plan.level, asked, streams, previous)

    def generators(self, count: int) -> list[np.random.Generator]:
        """A generator for each of the next states in which is demonstrated.

        Args:
            count: how many.
        """
        first = self.demonstrated
        return [self.plan.streams.generator(Purpose.TRIES, first + i) for i in range(count)]

    def counted(self, choice: Choice) -> Choice:
        """Count what has been demonstrated, and the steps that it took.

        Args:
            choice: what has been demonstrated.

        Returns:
            The same choice.
        """
        self.demonstrated += len(choice.good)
        self.env_steps += choice.env_steps
        return choice

    def follow(self, *, with_states: bool = False) -> Iterator[Shown]:
        """Have the demonstrator act, until it has chosen in as many states as are asked for.

        Args:
            with_states: whether each part holds the saved states, too.

        Yields:
            The states that were visited in one step of all copies, and what was done there.
        """
        streams, states = self.plan.streams, self.settings.states
        starts, draws = streams.generator(Purpose.EPISODES), streams.generator(Purpose.RANDOM_ACTIONS)
        world = self.world.copies(-(-states // self.world.length))
        everyone = np.arange(world.n)
        while self.demonstrated < states:
            self.context.start(world, everyone, starts)
            over = np.zeros(world.n, np.bool_)
            while not over.all() and self.demonstrated < states:
                live = np.flatnonzero(~over)[: states - self.demonstrated]
                before = world.observe()[live]
                saved = world.save(live) if with_states else None
                good = self.counted(choose_now(self.demonstrator, world, live, self.generators(len(live)))).good
                chosen = drawn(good, world, draws)
                actions = np.zeros((world.n, *chosen.shape[1:]), chosen.dtype)
                actions[live] = chosen
                over |= world.step(actions)
                self.env_steps += len(live)
                yield Shown(before, good, chosen, world.observe()[live], (over & ~world.truncated())[live], saved)

    def summary(self) -> Row:
        row: Row = {"demonstrated": self.demonstrated, "looks": self.context.labels.count}
        if self.context.overseer.free and self.settings.demonstrator.file is None:
            agent, free = self.agent(), ByTheWay(self.context.overseer)
            shown = self._demonstrator(free, Purpose.MEASURE, self.context.previous)
            row["agreement"] = agreement(agent, shown, self.context)
            row["gain"] = gain(agent, self._demonstrator(free, Purpose.MEASURE, agent), self.context)
        return row
