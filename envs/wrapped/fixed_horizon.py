"""CartPole with a fixed horizon, and a controller that balances its pole: a world in which to compare ways to imitate.

    rrm run cartpole_gail
    world = make_world("rrm.envs.wrapped.fixed_horizon:CartPole", 8, standardise=False)

Episodes of CartPole-v1 end when the pole falls, so that their length alone tells how good an agent is. With a fixed
horizon it does not: each episode has 500 steps, as in seals/CartPole-v0 (Gleave et al. 2020,
https://github.com/HumanCompatibleAI/seals).
"""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from rrm.envs.world import Array, Floats, World

LENGTH = 500

FARTHEST, FASTEST = 10.0, 20.0
"""Bounds of position and velocities."""

GAINS = np.array([0.4, 0.7, 8.0, 2.0])
"""What the controller makes of position, velocity, angle and angular velocity: where positive, it pushes right."""

SHARPNESS = 4.0
"""The chance of pushing right is the logistic function of so many times that."""


class FixedHorizonCartPole(CartPoleEnv):
    """CartPole-v1 that goes on after the pole has fallen, with a reward of 0 in each step out of bounds.

    The angle is kept from -π to π, and the other quantities within bounds that only a fallen pole reaches. A step is
    Gymnasium's, in plain numbers: that takes a quarter of the time.
    """

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.state is not None, "reset comes first"
        x, x_dot, angle, angle_dot = self.state.tolist()
        sine, cosine = math.sin(angle), math.cos(angle)
        force = self.force_mag if action == 1 else -self.force_mag
        push = (force + self.polemass_length * angle_dot**2 * sine) / self.total_mass
        angle_acc = (self.gravity * sine - cosine * push) / (
            self.length * (4 / 3 - self.masspole * cosine**2 / self.total_mass)
        )
        x_acc = push - self.polemass_length * angle_acc * cosine / self.total_mass
        x = min(max(x + self.tau * x_dot, -FARTHEST), FARTHEST)
        angle = (angle + self.tau * angle_dot + math.pi) % (2 * math.pi) - math.pi
        x_dot = min(max(x_dot + self.tau * x_acc, -FASTEST), FASTEST)
        angle_dot = min(max(angle_dot + self.tau * angle_acc, -FASTEST), FASTEST)
        self.state = np.array((x, x_dot, angle, angle_dot))
        upright = abs(x) <= self.x_threshold and abs(angle) <= self.theta_threshold_radians
        return self.state.astype(np.float32), float(upright), False, False, {}


def CartPole(**settings: Any) -> gymnasium.Env[Any, Any]:
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
