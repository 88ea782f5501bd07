"""What the policy is told about a grid: where the nearest of everything lies, and the observation itself."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rrm.agents.networks import PLANE_SCALE, DirectionFeatures, policy_settings
from rrm.envs.world import Array, Layout
from tests.helpers.tiny import Line

LAYOUT = Layout(scalars=2, planes=(3, 5, 4))


def features(observations: Array) -> Array:
    world = Line(1)
    features: Array = DirectionFeatures(world.observation_space, LAYOUT)(torch.as_tensor(observations)).numpy()
    return features


def expected(observation: Array) -> list[float]:
    """Worked out cell by cell; shares no code with the network."""
    numbers: list[float] = []
    for plane in observation[:60].reshape(3, 5, 4):
        way, closeness, best = [0.0] * 9, 0.0, 1000
        for row in range(5):
            for column in range(4):
                down, right = row - 2, column - 2
                if plane[row, column] and abs(down) + abs(right) < best:
                    best = abs(down) + abs(right)
                    closeness = 1 / (1 + best)
                    way = [0.0] * 9
                    way[(("up", "level", "down").index("up" if down < 0 else "down" if down else "level")) * 3] = 1.0
                    way = np.roll(way, 0 if right < 0 else 2 if right else 1).tolist()
        numbers += [*way, closeness]
    return [*numbers, *(PLANE_SCALE * observation[:60]), *observation[60:]]


@given(arrays(np.float32, (4, 62), elements=st.sampled_from([0.0, 0.0, 0.0, 0.0, 1.0, 3.0])))
def test_the_compass_points_to_the_nearest(observations: Array) -> None:
    np.testing.assert_allclose(features(observations), [expected(each) for each in observations], rtol=1e-6)


def test_what_is_nowhere_has_no_direction() -> None:
    observation = np.zeros((1, 62), np.float32)
    assert not features(observation).any()
    observation[0, 20 + 4 * 2 + 2] = 1  # the second plane, where the agent stands
    assert np.flatnonzero(features(observation)).tolist() == [10 + 4, 10 + 9, 30 + 20 + 10]


@pytest.mark.parametrize(
    ("layout", "has"), [(LAYOUT, True), (replace(LAYOUT, centred=False), False), (Layout(scalars=5), False)]
)
def test_only_a_grid_around_the_agent_has_a_compass(layout: Layout, has: bool) -> None:
    settings = policy_settings(layout, (8, 4))
    assert settings["net_arch"] == [8, 4]
    assert ("features_extractor_class" in settings) == has
    assert Layout.of(json.loads(json.dumps(asdict(layout)))) == layout
