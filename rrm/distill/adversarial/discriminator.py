"""The discriminator: which steps were demonstrated, and which are the learner's own?

D = sigmoid(logit) is fitted by cross-entropy. Of GAIL (Ho and Ermon 2016, arXiv 1606.03476) the logit is a network of
(s, a). Of AIRL (Fu, Luo, Levine 2018, arXiv 1710.11248) it is g + γ h(s') - h(s) - log π(a|s), so that g is the reward
for which π would be the best agent of maximum entropy, as soon as D can tell nothing apart any more.

Between demonstrated and own steps the gradient of the network is kept at a norm of at most 1 (a one-sided form of
Gulrajani et al. 2017, arXiv 1704.00028, section 4). Without it, D soon tells everything apart, and the learner gets
no hint of what to change (Blondé, Strasser, Kalousis 2020, arXiv 2006.16785).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import softplus

from rrm.agents.state import State, Tensors, load_moments, moments
from rrm.envs.world import Array, Floats
from rrm.rewards.reward_net import RewardNet, Steps


class Pool(NamedTuple):
    """Steps from which batches are drawn."""

    steps: Steps
    weights: Floats
    """(m,) in proportion to which they are drawn."""
    log_chances: Array
    """(m,) log π(a|s) of the learner's policy; 0 where nothing is to be chosen, and for GAIL."""


class Discriminator:
    """A reward network that is trained to tell demonstrated steps from those of a learner.

    Args:
        net: the network.
        discount: γ of the shaping, where the network has a potential.
        learning_rate: Adam's.
        batch_size: demonstrated steps in a gradient step, and as many of the learner's.
        gradient_penalty: its weight in the loss.
    """

    def __init__(
        self, net: RewardNet, *, discount: float, learning_rate: float, batch_size: int, gradient_penalty: float
    ) -> None:
        self.net = net
        self.discount = discount
        self.batch_size = batch_size
        self.gradient_penalty = gradient_penalty
        self._optimizer = torch.optim.Adam(list(net.weights.values()), lr=learning_rate)

    def logits(self, steps: Steps, log_chances: Array) -> torch.Tensor:
        """The logits (m,) of D for steps.

        Args:
            steps: m of them.
            log_chances: (m,) log π(a|s).
        """
        return self._network(*self.net.inputs(steps), live=False) - torch.from_numpy(log_chances)

    def rewards(self, steps: Steps, log_chances: Array) -> Floats:
        """The learner's rewards (m,).

        Args:
            steps: m of them.
            log_chances: (m,) log π(a|s).
        """
        return self.net.formed(self.logits(steps, log_chances))

    def fit(self, demonstrated: Pool, own: Pool, updates: int, rng: np.random.Generator) -> float:
        """Take gradient steps.

        Args:
            demonstrated: steps of the demonstrator.
            own: steps of the learner.
            updates: how many gradient steps.
            rng: draws the batches.

        Returns:
            The share of both kinds of steps that were classified correctly, over all updates.
        """
        right = 0.0
        sides = [
            (self.net.inputs(pool.steps), torch.as_tensor(pool.log_chances, dtype=torch.float32), _ends(pool.weights))
            for pool in (demonstrated, own)
        ]
        for _ in range(updates):
            batches, logits = [], []
            for inputs, log_chances, ends in sides:
                drawn = torch.from_numpy(np.searchsorted(ends, rng.random(self.batch_size), side="right"))
                batch = tuple(each[drawn] for each in inputs)
                batches.append(batch)
                logits.append(self._network(*batch) - log_chances[drawn])
            real, fake = logits
            loss = (softplus(-real).mean() + softplus(fake).mean()) / 2
            if self.gradient_penalty:
                mix = torch.from_numpy(rng.random((self.batch_size, 1), dtype=np.float32))
                between = tuple(mix * one + (1 - mix) * other for one, other in zip(*batches, strict=True))
                loss = loss + self.gradient_penalty * self.penalty(*between)
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            right += float(((real > 0).float().mean() + (fake < 0).float().mean()) / 2)
        return right / max(updates, 1)

    def penalty(self, before: torch.Tensor, actions: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        """The mean of max(‖∇‖ - 1, 0)², where ∇ is the gradient of the network by all its inputs.

        Args:
            before: (m, d) standardised observations.
            actions: (m, k) as numbers.
            after: (m, d) standardised next observations.
        """
        inputs = [each.requires_grad_() for each in (before, actions, after)]
        output = self._network(*inputs)
        slopes = torch.autograd.grad(output.sum(), inputs, create_graph=True, allow_unused=True)
        square = sum((slope.pow(2).sum(dim=1) for slope in slopes if slope is not None), torch.zeros(len(before)))
        return (torch.sqrt(square + 1e-12) - 1).clamp(min=0).pow(2).mean()

    def _network(
        self, before: torch.Tensor, actions: torch.Tensor, after: torch.Tensor, *, live: bool = True
    ) -> torch.Tensor:
        """The logits, but for the chances of the actions."""
        output = self.net.output(before, actions, after, live=live)
        if "potential" in self.net.networks:
            output = output + self.net.shaping(before, after, self.discount, live=live)
        return output

    def state(self) -> State:
        return {**self.net.state(), **moments(self._optimizer)}, {}

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        self.net.load_state(tensors)
        load_moments(self._optimizer, tensors)


def _ends(weights: Floats) -> Floats:
    """Where the share of each ends, in a line of length 1."""
    ends = weights.cumsum()
    ends /= ends[-1]
    ends[-1] = 1.0
    return ends
