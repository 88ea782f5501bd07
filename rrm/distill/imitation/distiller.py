"""Imitation: the base of the distillers that fit a policy to demonstrated actions.

A rollout visits states, asks the demonstrator for actions in them, and fits the policy to all demonstrations so far.
Its random numbers come from streams named by its number, so that a checkpoint holds no generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from rrm.agents.agent import Agent
from rrm.agents.assistants import Policy
from rrm.agents.networks import Activation
from rrm.agents.state import State, Tensors, as_arrays, as_tensors
from rrm.amplify.judgment import Asked
from rrm.amplify.skill import as_good
from rrm.distill.base import Context
from rrm.distill.imitation.measure import ByTheWay, agreement, gain
from rrm.distill.imitation.network import Cloner
from rrm.distill.imitation.settings import ImitationSettings
from rrm.envs.world import Array
from rrm.envs.world import State as WorldState
from rrm.protocols import Choice, Demonstrator, Distiller, Row
from rrm.storage.checkpoint import joined, part
from rrm.streams import Purpose


class Imitation(Distiller):
    """A policy that is fitted to what a demonstrator does."""

    def __init__(self, context: Context) -> None:
        self.context, self.plan = context, context.plan
        self.settings: ImitationSettings = context.settings
        self.rollouts = self.settings.rollouts
        self.world = self.plan.world(1)
        learner = self.plan.condition.learner  # PPO's policy; one of the user's own may have no such keys
        activation: Activation = getattr(learner, "activation_fn", "relu")
        untrained = Agent.untrained(self.world, getattr(learner, "net_arch", (64, 64)), activation)
        self.cloner = Cloner(untrained, self.settings.learning_rate)
        space = self.world.action_space
        none = np.empty((0, *(space.shape or ())), space.dtype)
        self.observations: Array = np.empty((0, self.world.layout.size), np.float32)
        self.good = as_good(none, self.world)
        """What is good in each of the states observed, as in ``Choice``."""
        self.env_steps = 0

    @cached_property
    def demonstrator(self) -> Demonstrator:
        """Who demonstrates; None if a file of demonstrations is used."""
        return self._demonstrator(self.context.labels, Purpose.LABELS, self.context.previous)

    def _demonstrator(self, asked: Asked, purpose: Purpose, previous: Policy | None) -> Demonstrator:
        streams = self.plan.streams.part(purpose)
        return self.settings.demonstrator.make(self.world, self.plan.level, asked, streams, previous)

    def demonstrate(self, states: WorldState, observations: Array) -> Choice:
        """Have the demonstrator choose in ``states``, and keep what it chose."""
        streams, first = self.plan.streams, len(self.observations)
        rngs = [streams.generator(Purpose.TRIES, first + i) for i in range(len(observations))]
        choice = self.demonstrator.choose(self.world, states, rngs)
        self.add(observations, choice.good)
        self.env_steps += choice.env_steps
        return choice

    def add(self, observations: Array, good: Array) -> None:
        """Add demonstrations."""
        self.observations = np.concatenate([self.observations, observations])
        self.good = np.concatenate([self.good, good])

    def fit(self, number: int) -> None:
        """Fit the policy to all demonstrations so far."""
        rng = self.plan.streams.generator(Purpose.LEARNER, number)
        self.cloner.fit(self.observations, self.good, self.settings.fit_steps, rng)

    def agent(self) -> Agent:
        return self.cloner.agent()

    def summary(self) -> Row:
        row: Row = {"demonstrated": len(self.observations), "looks": self.context.labels.count}
        if self.context.overseer.free and self.settings.demonstrator.file is None:
            agent, free = self.agent(), ByTheWay(self.context.overseer)
            shown = self._demonstrator(free, Purpose.MEASURE, self.context.previous)
            row["agreement"] = agreement(agent, shown, self.context)
            row["gain"] = gain(agent, self._demonstrator(free, Purpose.MEASURE, agent), self.context)
        return row

    def state(self) -> State:
        arrays = {"observations": self.observations, "good": self.good}
        values = {"env_steps": self.env_steps}
        return joined({"policy": self.cloner.state(), "demonstrated": (as_tensors(arrays), values)})

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        self.cloner.load_state(*part("policy", tensors, values))
        demonstrated, counts = part("demonstrated", tensors, values)
        arrays = as_arrays(demonstrated)
        self.observations, self.good = arrays["observations"], arrays["good"]
        self.env_steps = int(counts["env_steps"])
