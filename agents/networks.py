"""What a policy makes of an observation before its layers: chosen by the layout, never by the name of a family."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from rrm.envs.world import Layout


class GridFeatures(BaseFeaturesExtractor):
    """Agent-centred planes, and in which direction and how far from the agent lies what they show.

    For each plane the sums over all cells of plane x (1, down, right) x closeness, with closeness 1 and
    exp(-distance / s) for s = 1, 2, 4, distance in moves; then the observation as it is. A policy on the bare planes
    has to learn the way to every cell for itself; these features say it for all of them.
    """

    basis: torch.Tensor

    def __init__(self, observation_space: spaces.Box, layout: Layout) -> None:
        planes = layout.planes
        super().__init__(observation_space, layout.size + (planes[0] * 12 if planes else 0))
        self.layout = layout
        if planes:
            _, height, width = planes
            down, right = np.mgrid[-(height // 2) : height - height // 2, -(width // 2) : width - width // 2]
            distance = np.abs(down) + np.abs(right)
            closeness = [np.ones(distance.shape), *(np.exp(-distance / s) for s in (1, 2, 4))]
            far = [c * place for c in closeness for place in (np.ones(distance.shape), down / 2, right / 2)]
            basis = np.stack([np.asarray(each, dtype=np.float32).ravel() for each in far], axis=1)
            self.register_buffer("basis", torch.from_numpy(basis), persistent=False)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        planes = self.layout.planes
        if not planes:
            return observations
        channels, height, width = planes
        cells = observations[:, : channels * height * width].reshape(-1, channels, height * width)
        features = torch.matmul(cells, self.basis).flatten(1)
        return torch.cat([features, observations], dim=1)


def policy_settings(layout: Layout, hidden: tuple[int, ...]) -> dict[str, Any]:
    """The keywords of SB3's ``ActorCriticPolicy`` for observations of this layout."""
    return {
        "net_arch": list(hidden),
        "features_extractor_class": GridFeatures,
        "features_extractor_kwargs": {"layout": layout},
    }
