"""Behavioural cloning: the policy network of the suite, fitted to demonstrated actions.

If several discrete actions are equally good, the agent may take any of them: the loss is −log Σ_good π (for one good
action the usual cross-entropy; Pomerleau 1991). For actions that are not discrete it is −log π of the demonstrated one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from rrm.agents.agent import Agent
from rrm.agents.state import State, Tensors
from rrm.envs.world import Array

BATCH = 256
"""States in a gradient step."""

LAST = 0.1
"""The learning rate falls linearly to this share of the first within a fit."""


class Cloner:
    """A policy that is fitted, again and again, to demonstrations.

    Args:
        untrained: the agent that it begins with.
        learning_rate: Adam's, at the start of a fit.
    """

    def __init__(self, untrained: Agent, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.policy = untrained.policy
        self._shape = untrained.layout, untrained.hidden, untrained.activation

    def fit(self, observations: Array, good: Array, steps: int, rng: np.random.Generator) -> None:
        """Fit the policy to demonstrations, by Adam from its start.

        Args:
            observations: (m, d).
            good: what is good there, as in ``Choice``.
            steps: how many gradient steps.
            rng: draws the batches.
        """
        policy = self.policy
        policy.set_training_mode(True)
        actor = [*policy.mlp_extractor.policy_net.parameters(), *policy.action_net.parameters()]
        spread = getattr(policy, "log_std", None)
        optimizer = torch.optim.Adam(actor if spread is None else [*actor, spread], lr=self.learning_rate)
        with torch.no_grad():  # what is made of an observation before the layers has no weights of its own
            features = policy.extract_features(torch.as_tensor(observations))
        assert isinstance(features, torch.Tensor)
        target = torch.as_tensor(good)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = self.learning_rate * (1 - (1 - LAST) * step / steps)
            batch = torch.as_tensor(rng.integers(len(features), size=BATCH))
            loss = self._loss(features[batch], target[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        policy.set_training_mode(False)

    def _loss(self, features: torch.Tensor, good: torch.Tensor) -> torch.Tensor:
        policy = self.policy
        latent = policy.mlp_extractor.forward_actor(features)
        if isinstance(policy.action_space, spaces.Discrete):
            log_chances = torch.log_softmax(policy.action_net(latent), dim=1)
            return -torch.logsumexp(log_chances + torch.log((good > 0) + 1e-8), dim=1).mean()
        return -policy._get_action_dist_from_latent(latent).log_prob(good).mean()

    def agent(self) -> Agent:
        """A copy of the policy as it is now."""
        return Agent.of_policy(self.policy, *self._shape)

    def state(self) -> State:
        return {name: value.clone() for name, value in self.policy.state_dict().items()}, {}

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        self.policy.load_state_dict(tensors)
