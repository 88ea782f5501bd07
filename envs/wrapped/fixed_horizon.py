"""CartPole with a fixed horizon, and a controller that balances its pole: a world in which to compare ways to imitate.

    rrm run cartpole_gail
    world = make_world("rrm.envs.wrapped.fixed_horizon:CartPole", 8, standardise=False)

Episodes of CartPole-v1 end when the pole falls, so that their length alone tells how good an agent is. With a fixed
horizon it does not: each episode has 500 steps, as in seals/CartPole-v0 (Gleave et al. 2020,
https://github.com/HumanCompatibleAI/seals).
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from rrm.envs.world import Array, Floats, World

LENGTH = 500

GAINS = np.array([0.4, 0.7, 8.0, 2.0])
"""What the controller makes of position, velocity, angle and angular velocity: where positive, it pushes right."""

SHARPNESS = 4.0
"""The chance of pushing right is the logistic function of so many times that."""


class FixedHorizonCartPole(CartPoleEnv):
    """CartPole-v1 that goes on after the pole has fallen, with a reward of 0 in each step out of bounds.

    The angle is kept from -π to π, and the other quantities within bounds that only a fallen pole reaches.
    """

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        told = super().reset(seed=seed, options=options)
        self.steps_beyond_terminated = 1  # as after a fall: else Gymnasium rewards the first step out of bounds, too
        return told

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        _, reward, _, _, info = super().step(action)
        assert self.state is not None
        x, x_dot, angle, angle_dot = self.state
        angle = (angle + np.pi) % (2 * np.pi) - np.pi
        self.state = np.array([min(max(x, -10.0), 10.0), x_dot, angle, min(max(angle_dot, -20.0), 20.0)])
        return self.state.astype(np.float32), float(reward), False, False, info


def CartPole(**settings: Any) -> gymnasium.Env[Any, Any]:  # noqa: N802  # it stands for a class
    """The environment, with its 500 steps.

    Args:
        settings: keywords of Gymnasium's CartPole, such as ``render_mode``.
    """
    return gymnasium.wrappers.TimeLimit(FixedHorizonCartPole(**settings), LENGTH)


def expert(world: World) -> Floats:
    """Balance the pole near the middle: (n, 2) the chances of pushing left and right.

    Args:
        world: copies of the environment, whose views must show the four quantities.
    """
    right = 1 / (1 + np.exp(-SHARPNESS * (world.view()[:, :4] @ GAINS)))
    return np.stack([1 - right, right], axis=1)


def likeliest_expert(world: World) -> Array:
    """The same controller without chance: (n,) the more likely pushes."""
    return np.asarray(expert(world).argmax(axis=1))
