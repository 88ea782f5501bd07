"""CartPole with a fixed horizon, and a controller that balances its pole: a world in which to compare ways to imitate.

    rrm run cartpole_gail
    world = make_world("rrm.envs.cartpole:cartpole/FixedHorizon-v0", 8)

Episodes of CartPole-v1 end when the pole falls, so that their length alone tells how good an agent is. Here each has
500 steps, as in seals/CartPole-v0 (Gleave et al. 2020, https://github.com/HumanCompatibleAI/seals): a step brings 1
while the cart is on the track and the pole is up, and 0 otherwise. All copies are stepped together.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rrm.envs.adapters import register
from rrm.envs.world import Array, Bools, Floats, Indices, Layout, World

GRAVITY, CART, POLE, HALF_LENGTH, FORCE, SECONDS = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
"""The physics of Gymnasium's CartPole: masses, half the length of the pole, the push, and the time of a step."""

TRACK, UPRIGHT = 2.4, 12 * np.pi / 180
"""How far the cart may go from the middle, and the pole may lean."""

FARTHEST, FASTEST = 10.0, 20.0
"""Bounds of the position and the velocities, which only a fallen pole reaches."""

GAINS = np.array([0.4, 0.7, 8.0, 2.0])
"""What the controller makes of position, velocity, angle and angular velocity: where positive, it pushes right."""

SHARPNESS = 4.0
"""Its chance of pushing right is the logistic function of so many times that."""


class FixedHorizonCartPole(World):
    """Keep a pole upright on a cart for 500 steps, by pushing the cart left (0) or right (1).

    Args:
        n: how many copies.
    """

    length = 500
    actions = 2
    layout = Layout(5)
    fields = ("position", "velocity", "angle", "angular_velocity", "return")
    parts: ClassVar[tuple[str, ...]] = ("body", "t", "upright")
    shows_history = shows_actions = True
    defines_hacks = False
    scripts: ClassVar[tuple[str, ...]] = ("expert",)
    bounds = (-FASTEST, FASTEST)

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.body = np.zeros((n, 4))
        self.t, self.upright = np.zeros(n, np.int64), np.zeros(n, np.int64)

    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        self.body[which] = rng.uniform(-0.05, 0.05, (len(which), 4))
        self.t[which] = self.upright[which] = 0

    def step(self, actions: Array) -> Bools:
        going = self.t < self.length
        _, x_dot, angle, angle_dot = self.body.T
        sine, cosine = np.sin(angle), np.cos(angle)
        push = (np.where(np.asarray(actions) == 1, FORCE, -FORCE) + POLE * HALF_LENGTH * angle_dot**2 * sine) / (
            CART + POLE
        )
        angle_acc = (GRAVITY * sine - cosine * push) / (HALF_LENGTH * (4 / 3 - POLE * cosine**2 / (CART + POLE)))
        x_acc = push - POLE * HALF_LENGTH * angle_acc * cosine / (CART + POLE)
        after = self.body + SECONDS * np.stack([x_dot, x_acc, angle_dot, angle_acc], axis=1)
        after[:, 2] = (after[:, 2] + np.pi) % (2 * np.pi) - np.pi
        after[:, 0] = after[:, 0].clip(-FARTHEST, FARTHEST)
        after[:, [1, 3]] = after[:, [1, 3]].clip(-FASTEST, FASTEST)
        self.body = np.where(going[:, None], after, self.body)
        self.t += going
        self.upright += going & (abs(self.body[:, 0]) <= TRACK) & (abs(self.body[:, 2]) <= UPRIGHT)
        return self.t >= self.length

    def observe(self) -> NDArray[np.float32]:
        return np.column_stack([self.body, self.t / self.length]).astype(np.float32)

    def view(self) -> Floats:
        return np.column_stack([self.body, self.upright])

    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        return view[:, self.fields.index("return")].copy()

    def utility(self) -> Floats:
        return self.upright.astype(np.float64)

    def hacked(self) -> Bools:
        return np.zeros(self.n, np.bool_)

    def script(self, name: str) -> Array:
        return np.asarray(expert(self).argmax(axis=1)) if name in self.scripts else super().script(name)

    def draw(self, i: int) -> NDArray[np.uint8]:
        picture = np.full((80, 200, 3), 255, np.uint8)
        x, _, angle, _ = self.body[i]
        foot = 100 + 30 * min(max(x, -3.0), 3.0)
        for share in np.linspace(0, 1, 80):  # the pole, dot by dot
            row, column = 60 - 40 * share * np.cos(angle), foot + 40 * share * np.sin(angle)
            picture[int(row) - 1 : int(row) + 1, int(column) - 1 : int(column) + 1] = (202, 152, 101)
        picture[60:68, int(foot) - 10 : int(foot) + 10] = 0
        return picture


def expert(world: World) -> Floats:
    """Balance the pole near the middle: (n, 2) the chances of pushing left and right.

    Args:
        world: copies of the environment.
    """
    right = 1 / (1 + np.exp(-SHARPNESS * (world.observe()[:, :4] @ GAINS)))
    return np.stack([1 - right, right], axis=1)


register("cartpole/FixedHorizon-v0", FixedHorizonCartPole)
