"""The networks of the reward model: the members of an ensemble in one batched tensor."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch

from rrm.agents.state import Tensors
from rrm.envs.world import Array, Layout
from rrm.rewards.settings import EnsembleSettings

Layers = Mapping[str, tuple[torch.Tensor, torch.Tensor]]
"""For each layer its weights (members, inputs, outputs) and biases (members, 1, outputs)."""


class Networks:
    """The networks of all members. They give raw values, which the reward model scales.

    On a grid a member is a sum over the cells that hold anything, and a network of the scalars; without a grid, or with
    ``network="whole"``, one network of the whole observation.

    Args:
        layout: of the observations.
        settings: of the ensemble.
        generator: draws the first weights.
    """

    def __init__(self, layout: Layout, settings: EnsembleSettings, generator: torch.Generator) -> None:
        self.layout = layout
        self.settings = settings
        self._generator = generator
        self.weights: Tensors = {}
        self.planes = layout.planes if settings.network == "cells" else None
        self._add_network("g", layout.scalars if self.planes else layout.size)
        if self.planes:
            self._add_network("f", self.planes[0] + 2 + layout.scalars)
        self._frozen = {name: _layers(weight.detach()) for name, weight in self.weights.items()}
        """The weights outside the graph of any fit, as they are now: Adam and ``load_state`` change them in place."""

    def _add_network(self, name: str, inputs: int) -> None:
        widths = [inputs, self.settings.hidden, self.settings.hidden, 1]
        for i, (a, b) in enumerate(pairwise(widths)):
            shape = self.settings.ensemble_size, a + 1, b  # the last row: bias
            uniform = 2 * torch.rand(shape, generator=self._generator, dtype=torch.float32) - 1
            # The last layer starts at 0: a sum of random numbers over all cells would have to be unlearnt first.
            self.weights[f"{name}{i}"] = (uniform * (i < 2) / max(a, 1) ** 0.5).requires_grad_()

    def live(self) -> Layers:
        """The layers in the graph of a fit."""
        return {name: _layers(weight) for name, weight in self.weights.items()}

    def raw(self, observations: Array, layers: Layers | None = None) -> torch.Tensor:
        """The members' raw values (members, …) of observations (…, layout.size).

        Args:
            observations: (…, layout.size).
            layers: the weights to use: the frozen ones unless said.
        """
        flat = self.forward(observations.reshape(-1, observations.shape[-1]), layers)
        return flat.reshape(len(flat), *observations.shape[:-1])

    def both(self, observations: Array, layers: Layers | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """The members' raw values (members, m) of the first and of the second clips of pairs; of segments, their sums.

        Args:
            observations: (m, 2, layout.size), or (m, 2, steps, layout.size).
            layers: as in ``raw``.
        """
        values = self.raw(observations, layers)
        values = values if values.ndim == 3 else values.sum(dim=3)
        return values[:, :, 0], values[:, :, 1]

    def forward(self, observations: Array, layers: Layers | None = None) -> torch.Tensor:
        """The members' raw values (members, m).

        Args:
            observations: (m, layout.size).
            layers: as in ``raw``.
        """
        return self.of(torch.as_tensor(np.ascontiguousarray(observations, np.float32)), layers)

    def of(self, x: torch.Tensor, layers: Layers | None = None) -> torch.Tensor:
        """The members' raw values (members, m) of a tensor, through which gradients may go.

        Args:
            x: (m, layout.size), float32.
            layers: as in ``raw``.
        """
        layers = self._frozen if layers is None else layers
        if not self.planes:
            return self._network("g", x, layers)
        scalars = x[:, x.shape[1] - self.layout.scalars :]
        values = self._network("g", scalars, layers)
        channels, height, width = self.planes
        planes = x[:, : channels * height * width].reshape(len(x), channels, height * width).transpose(1, 2)
        sample, cell = planes.any(dim=2).nonzero(as_tuple=True)
        # Up to 1/6: what lies in a cell counts at once, where it lies only as the labels ask for it.
        place = torch.stack([cell // width - height // 2, cell % width - width // 2], dim=1) / (3 * max(height, width))
        inputs = torch.cat([planes[sample, cell], place, scalars[sample]], dim=1)
        return values.index_add(1, sample, self._network("f", inputs, layers))

    def _network(self, name: str, x: torch.Tensor, layers: Layers) -> torch.Tensor:
        """(m, inputs) to (members, m)."""
        x = x.expand(self.settings.ensemble_size, *x.shape)
        for i in range(3):
            weight, bias = layers[f"{name}{i}"]
            # To the bit what matmul and a sum of its own say, and faster: the backward pass needs neither sum.
            x = torch.bmm(x, weight).add_(bias)
            if i < 2:
                x = x.relu_()
        return x.squeeze(2)


def _layers(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A layer's two parts as views: the bias is the last row."""
    return weight[:, :-1], weight[:, -1:]
