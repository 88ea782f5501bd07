"""What a policy makes of an observation before its layers: chosen by the layout, never by the name of a family."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from rrm.envs.world import Layout

Activation = Literal["relu", "tanh"]
"""Of the hidden layers of policy and critic."""

DIMMED = 0.03
"""By how much the planes themselves are scaled: they are many, and what the compass says is to be learnt first."""


class Compass(BaseFeaturesExtractor):
    """For each plane of a grid, where the nearest cell that shows anything lies; then the observation itself.

    A policy on the bare planes has to learn the way to every cell for itself. Here all ways up are one input, wherever
    the target: 9 one-hot numbers a plane, (up, level, down) x (left, same column, right), and 1 / (1 + moves), all 0
    where the plane is empty. Moves are counted as if there were no walls; of cells equally near the first is taken.
    """

    table: torch.Tensor
    nearness: torch.Tensor
    dimmed: torch.Tensor

    def __init__(self, observation_space: spaces.Box, layout: Layout) -> None:
        assert layout.planes is not None
        self.channels, height, width = layout.planes
        self.cells = height * width
        super().__init__(observation_space, 10 * self.channels + layout.size)
        down, right = np.mgrid[-(height // 2) : height - height // 2, -(width // 2) : width - width // 2].reshape(2, -1)
        near = 1 / (1 + np.abs(down) + np.abs(right))
        table = np.zeros((self.cells + 1, 10))  # the last row: nowhere
        table[np.arange(self.cells), 3 * (np.sign(down) + 1) + np.sign(right) + 1] = 1
        table[:-1, 9] = near
        dimmed = np.where(np.arange(layout.size) < self.channels * self.cells, DIMMED, 1)
        for name, value in (("table", table), ("nearness", near), ("dimmed", dimmed)):
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32), persistent=False)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        planes = observations[:, : self.channels * self.cells].reshape(-1, self.channels, self.cells)
        nearest, cell = ((planes != 0) * self.nearness).max(dim=2)
        where = torch.where(nearest > 0, cell, self.cells)
        return torch.cat([self.table[where].flatten(1), observations * self.dimmed], dim=1)


_ACTIVATIONS: dict[Activation, type[torch.nn.Module]] = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}


def policy_settings(layout: Layout, hidden: tuple[int, ...], activation: Activation = "relu") -> dict[str, Any]:
    """The keywords of SB3's ``ActorCriticPolicy`` for observations of this layout.

    On grids SB3's tanh saturates: single seeds ended in rooms that they had unlearnt and explored no more. On a few
    quantities it explores better: of what is far from all that it has seen, a critic of tanh does not think ever worse.
    """
    settings: dict[str, Any] = {"net_arch": list(hidden), "activation_fn": _ACTIVATIONS[activation]}
    if layout.planes and layout.centred:
        settings |= {"features_extractor_class": Compass, "features_extractor_kwargs": {"layout": layout}}
    return settings
