"""A reward of steps that a discriminator has learnt: r(s, a), or r(s') of the state to which the step leads.

    net = RewardNet(layout, actions, hidden=32, of_actions=True)
    net.rewards(Steps(observations, action_numbers(space, actions), next_observations))

With a potential h, which is kept apart, γ h(s') - h(s) can be added to it: that changes no best policy (Ng, Harada,
Russell 1999), and lets a discriminator be right though the reward is of states alone (Fu et al. 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from safetensors import SafetensorError
from safetensors.torch import load_file

from rrm.agents.state import Tensors
from rrm.agents.tensors import shapes_of, write_tensors
from rrm.envs.spaces import action_numbers
from rrm.envs.world import Array, Bools, Floats, Layout
from rrm.rewards.networks import Networks
from rrm.rewards.saved import AboutNet
from rrm.rewards.settings import EnsembleSettings

FARTHEST = 5.0
"""Standardised observations are clipped to this: what is farther away is told apart no more."""

WIDTH = 2.0
"""Standard deviations of the demonstrated observations that are 1 after standardising."""

Form = Literal["softplus", "raw"]
"""What the reward is of the network's output: its softplus, -log(1 - D) of a discriminator D, or the output itself."""


class Steps(NamedTuple):
    """Steps as a network takes them."""

    observations: Array
    """(m, d) before them."""
    actions: Array
    """(m, k) the actions as numbers (``action_numbers``); zeros where nothing is done."""
    next_observations: Array
    """(m, d) after them."""

    def take(self, which: Array) -> Steps:
        """The steps ``which``, by their number.

        Args:
            which: (k,) numbers, or (m,) a mask.
        """
        return Steps(*(each[which] for each in self))

    @classmethod
    def joined(cls, parts: Sequence[Steps]) -> Steps:
        """All steps of the parts, one after the other.

        Args:
            parts: at least one.
        """
        return cls(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    @classmethod
    def of(cls, space: spaces.Space[Any], observations: Array, actions: Array, next_observations: Array) -> Steps:
        """Steps in which actions of ``space`` were taken.

        Args:
            space: the action space.
            observations: (m, d) before the steps.
            actions: (m, …) as the space has them.
            next_observations: (m, d) after the steps.
        """
        return cls(observations, action_numbers(space, actions), next_observations)

    @classmethod
    def at_rest(cls, space: spaces.Space[Any], observations: Array) -> Steps:
        """Steps after an end, which lead to where they begin, and in which nothing is done.

        Args:
            space: the action space.
            observations: (m, d) at the ends.
        """
        return cls(observations, np.zeros((len(observations), spaces.flatdim(space)), np.float32), observations)


class RewardNet:
    """r(s, a) or r(s'), and perhaps a potential h(s).

    Args:
        layout: of the observations.
        actions: how many numbers an action has.
        hidden: the width of the two hidden layers of each network.
        of_actions: whether the reward is of the state and the action taken there, not of the next state.
        potential: whether there is a potential.
        form: what the reward is of the network's output.
        seed: of the first weights.
    """

    def __init__(
        self, layout: Layout, actions: int, *, hidden: int, of_actions: bool, potential: bool, form: Form, seed: int = 0
    ) -> None:
        self.layout, self.actions, self.hidden = layout, actions, hidden
        self.of_actions, self.form = of_actions, form
        settings = EnsembleSettings(ensemble_size=1, hidden=hidden)
        generator = torch.Generator().manual_seed(seed)
        inputs = replace(layout, scalars=layout.scalars + actions * of_actions)
        self.networks = {"reward": Networks(inputs, settings, generator)}
        if potential:
            self.networks["potential"] = Networks(layout, settings, generator)
        self.mean = np.zeros(layout.size, np.float32)
        self.scale = np.ones(layout.size, np.float32)

    def standardise(self, observations: Array) -> None:
        """Standardise observations from now on by the mean and spread of these; the planes of a grid are left as they
        are.

        Args:
            observations: (m, d).
        """
        scalars = slice(self.layout.size - self.layout.scalars, None)
        spread = observations[:, scalars].std(axis=0)
        self.mean[scalars] = np.where(spread > 1e-6, observations[:, scalars].mean(axis=0), 0.0)
        self.scale[scalars] = np.where(spread > 1e-6, WIDTH * spread, 1.0)

    def inputs(self, steps: Steps) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Steps as tensors: standardised observations (m, d), actions (m, k), standardised next observations (m, d).

        Args:
            steps: m of them.
        """
        before, after = (
            np.clip((each - self.mean) / self.scale, -FARTHEST, FARTHEST)
            for each in (steps.observations, steps.next_observations)
        )
        first, second, third = (
            torch.from_numpy(np.ascontiguousarray(each, np.float32)) for each in (before, steps.actions, after)
        )
        return first, second, third

    def output(
        self, before: torch.Tensor, actions: torch.Tensor, after: torch.Tensor, *, live: bool = False
    ) -> torch.Tensor:
        """The raw output (m,) of the reward's network.

        Args:
            before: (m, d) standardised observations.
            actions: (m, k) as numbers.
            after: (m, d) standardised next observations.
            live: whether gradients go to the weights, as in a fit.
        """
        network = self.networks["reward"]
        x = torch.cat([before, actions], dim=1) if self.of_actions else after
        return network.of(x, network.live() if live else None)[0]

    def shaping(
        self, before: torch.Tensor, after: torch.Tensor, discount: float, *, live: bool = False
    ) -> torch.Tensor:
        """γ h(s') - h(s), (m,).

        Args:
            before: (m, d) standardised observations.
            after: (m, d) standardised next observations.
            discount: γ.
            live: as in ``output``.
        """
        network = self.networks["potential"]
        layers = network.live() if live else None
        return discount * network.of(after, layers)[0] - network.of(before, layers)[0]

    def rewards(self, steps: Steps) -> Floats:
        """The rewards (m,) of steps.

        Args:
            steps: m of them.
        """
        return self.formed(self.output(*self.inputs(steps)))

    def formed(self, output: torch.Tensor) -> Floats:
        """Rewards (m,) from outputs of the network.

        Args:
            output: (m,).
        """
        formed = torch.nn.functional.softplus(output) if self.form == "softplus" else output
        return np.asarray(formed.double().numpy())

    @property
    def weights(self) -> Tensors:
        """All weights, by name."""
        return {f"{name}.{key}": each for name, net in self.networks.items() for key, each in net.weights.items()}

    def state(self) -> Tensors:
        """The weights and the scale of observations."""
        named = {name: each.detach().clone().contiguous() for name, each in self.weights.items()}
        return {**named, "mean": torch.from_numpy(self.mean.copy()), "scale": torch.from_numpy(self.scale.copy())}

    def load_state(self, tensors: Tensors) -> None:
        """Put back what ``state`` gave; other tensors are passed over.

        Args:
            tensors: by name.
        """
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(tensors[name])
        self.mean, self.scale = (tensors[name].numpy().copy() for name in ("mean", "scale"))

    def save(self, path: str | Path, absorbing_weight: float) -> tuple[Path, Path]:
        """Write ``PATH.safetensors`` (weights, scale) and ``PATH.json`` (the rest).

        Args:
            path: of both files, without suffix.
            absorbing_weight: γ / (1 - γ) where end states are absorbing, else 0.

        Returns:
            Both paths.
        """
        about = {
            "format": 1,
            "layout": asdict(self.layout),
            "actions": self.actions,
            "hidden": self.hidden,
            "of_actions": self.of_actions,
            "potential": "potential" in self.networks,
            "form": self.form,
            "absorbing_weight": absorbing_weight,
        }
        return write_tensors(path, self.state(), about)

    @classmethod
    def load(cls, path: str | Path) -> tuple[RewardNet, float]:
        """Read what ``save`` wrote. Nothing that is read is executed.

        Args:
            path: of both files, without suffix.

        Returns:
            The network, and the absorbing-state weight.

        Raises:
            ValueError: one line that names the file which is not what ``save`` writes.
        """
        weights = Path(f"{path}.safetensors")
        about = AboutNet.read(Path(f"{path}.json"))
        try:
            saved = load_file(weights)
            about.check_size(weights.stat().st_size)
            settings = about.model_dump(include={"hidden", "of_actions", "potential", "form"})
            net = cls(about.layout, about.actions, **settings)
            if shapes_of(saved) != shapes_of(net.state()):
                raise ValueError(f"its tensors are not those that {path}.json tells of")
            if not all(bool(torch.isfinite(each).all()) for each in saved.values()) or not (saved["scale"] > 0).all():
                raise ValueError("holds numbers that no reward is made of")
        except (SafetensorError, OSError, ValueError) as error:
            raise ValueError(f"{weights}: {error}") from None
        net.load_state(saved)
        return net, about.absorbing_weight


class NetReward:
    """The reward function that is made of a network.

    A step into an end that the observation shows also brings what follows: the end state, in which nothing is done,
    is repeated for ever (Kostrikov et al. 2019, arXiv 1809.02925, section 4.2; ``rrm.rewards.functions``).

    Args:
        net: the network.
        actions: the action space.
        step_cost: what is subtracted from the reward of each step.
        absorbing_weight: γ / (1 - γ) where end states are absorbing, else 0.
    """

    def __init__(
        self, net: RewardNet, actions: spaces.Space[Any], step_cost: float = 0.0, absorbing_weight: float = 0.0
    ) -> None:
        self.net = net
        self.step_cost = step_cost
        self.absorbing_weight = absorbing_weight
        self._space = actions

    def __call__(
        self, observations: Array, actions: Array, next_observations: Array, done: Bools, terminated: Bools
    ) -> Floats:
        rewards = self.net.rewards(Steps.of(self._space, observations, actions, next_observations))
        ended = np.flatnonzero(terminated)
        if self.absorbing_weight and len(ended):
            rest = self.net.rewards(Steps.at_rest(self._space, next_observations[ended]))
            rewards[ended] += self.absorbing_weight * rest
        return rewards - self.step_cost
