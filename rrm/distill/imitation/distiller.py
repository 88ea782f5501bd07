"""Imitation: the base of the distillers that fit a policy to demonstrated actions.

A rollout visits states, asks the demonstrator for actions in them, and fits the policy to all demonstrations so far.
Its random numbers come from streams named by its number, so that a checkpoint holds no generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rrm.agents.agent import Agent
from rrm.agents.networks import Activation
from rrm.agents.state import State, Tensors, as_arrays, as_tensors
from rrm.amplify.skill import as_good
from rrm.distill.base import Context
from rrm.distill.imitation.demonstrated import Demonstrated
from rrm.distill.imitation.network import Cloner
from rrm.distill.imitation.settings import ImitationSettings
from rrm.envs.world import Array
from rrm.envs.world import State as WorldState
from rrm.storage.checkpoint import joined, part
from rrm.streams import Purpose


class Imitation(Demonstrated):
    """A policy that is fitted to what a demonstrator does.

    Args:
        context: the round's plan, settings, overseer and stores.
    """

    settings: ImitationSettings

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.rollouts = self.settings.rollouts
        learner = self.plan.condition.learner  # PPO's policy; one of the user's own may have no such keys
        activation: Activation = getattr(learner, "activation_fn", "relu")
        untrained = Agent.untrained(self.world, getattr(learner, "net_arch", (64, 64)), activation)
        self.cloner = Cloner(untrained, self.settings.learning_rate)
        space = self.world.action_space
        none = np.empty((0, *(space.shape or ())), space.dtype)
        self.observations: Array = np.empty((0, self.world.layout.size), np.float32)
        self.good = as_good(none, self.world)
        """What is good in each of the states observed, as in ``Choice``."""

    def demonstrate(self, states: WorldState, observations: Array) -> None:
        """Have the demonstrator choose in saved states, and keep what it chose.

        Args:
            states: m of them.
            observations: (m, d) of them.
        """
        choice = self.demonstrator.choose(self.world, states, self.generators(len(observations)))
        self.add(observations, self.counted(choice).good)

    def add(self, observations: Array, good: Array) -> None:
        """Add demonstrations.

        Args:
            observations: (m, d).
            good: what is good there, as in ``Choice``.
        """
        self.observations = np.concatenate([self.observations, observations])
        self.good = np.concatenate([self.good, good])

    def fit(self, number: int) -> None:
        """Fit the policy to all demonstrations so far.

        Args:
            number: of the fit, from 0.
        """
        rng = self.plan.streams.generator(Purpose.LEARNER, number)
        self.cloner.fit(self.observations, self.good, self.settings.fit_steps, rng)

    def agent(self) -> Agent:
        return self.cloner.agent()

    def state(self) -> State:
        arrays = {"observations": self.observations, "good": self.good}
        values = {"env_steps": self.env_steps}
        return joined({"policy": self.cloner.state(), "demonstrated": (as_tensors(arrays), values)})

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        self.cloner.load_state(*part("policy", tensors, values))
        demonstrated, counts = part("demonstrated", tensors, values)
        arrays = as_arrays(demonstrated)
        self.observations, self.good = arrays["observations"], arrays["good"]
        self.demonstrated, self.env_steps = len(self.observations), int(counts["env_steps"])
