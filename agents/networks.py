"""The features that policies extract from observations, chosen by the layout, never by the name of a family."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from rrm.envs.world import Layout

Activation = Literal["relu", "tanh"]
"""The activation of the hidden layers of policy and critic."""

PLANE_SCALE = 0.03
"""The factor that scales the planes themselves. They are many; the direction features are to be learnt first."""


class DirectionFeatures(BaseFeaturesExtractor):
    """For each plane of a grid, the direction of the nearest cell that is not 0; then the observation itself.

    A policy on the planes alone must learn the way to every cell separately. Here each direction is one input, wherever
    the target is. A plane gives 10 numbers: 9 one-hot, (up, level, down) x (left, same column, right), and
    1 / (1 + moves). All are 0 where the plane is empty. Moves are counted as if there were no walls. If several cells
    are equally near, the first one counts.

    Args:
        observation_space: of the agent, (size,) with the planes first.
        layout: how an observation is laid out; it must have planes.
    """

    table: torch.Tensor
    nearness: torch.Tensor
    plane_scale: torch.Tensor

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
        plane_scale = np.where(np.arange(layout.size) < self.channels * self.cells, PLANE_SCALE, 1)
        for name, value in (("table", table), ("nearness", near), ("plane_scale", plane_scale)):
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32), persistent=False)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        planes = observations[:, : self.channels * self.cells].reshape(-1, self.channels, self.cells)
        nearest, cell = ((planes != 0) * self.nearness).max(dim=2)
        where = torch.where(nearest > 0, cell, self.cells)
        return torch.cat([self.table[where].flatten(1), observations * self.plane_scale], dim=1)


_ACTIVATIONS: dict[Activation, type[torch.nn.Module]] = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}


def policy_settings(layout: Layout, hidden: tuple[int, ...], activation: Activation = "relu") -> dict[str, Any]:
    """The keywords of SB3's ``ActorCriticPolicy`` for observations of this layout.

    On grids SB3's tanh saturates: some seeds unlearnt and stopped exploring. On a few quantities tanh explores better:
    its critic's values stay bounded far from all that it has seen.

    Args:
        layout: of the observations.
        hidden: the widths of the hidden layers.
        activation: relu or tanh.
    """
    settings: dict[str, Any] = {"net_arch": list(hidden), "activation_fn": _ACTIVATIONS[activation]}
    if layout.planes and layout.centred:
        settings |= {"features_extractor_class": DirectionFeatures, "features_extractor_kwargs": {"layout": layout}}
    return settings
